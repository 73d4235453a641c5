"""A handshake of TLS 1.3 that takes signatures of one kind of key only, by `openssl s_client`.

`ssl` before Python 3.15 (`SSLContext.set_server_sigalgs`) cannot choose signature algorithms, and
by nothing else does a client of TLS 1.3 say which of a server's certificates it takes. The command
costs a process, so it is run rarely (`link`). Where it is missing, what a server of TLS 1.3 alone
would show to such a client stays unseen, and `check` says so.
"""

import asyncio
import os
import re
import shutil
import ssl
import subprocess
from contextlib import suppress

from edgepind.host.disk_thread import run_aside
from edgepind.observe.edge_offers import KeyKind
from edgepind.observe.handshake import worth_judging
from edgepind.settings.kinds import Address

_PROGRAM = "openssl"
_ALGORITHMS = {
    KeyKind.RSA: "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:"
    "rsa_pss_pss_sha384:rsa_pss_pss_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512",
    KeyKind.ECDSA: "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512",
}
"""RFC 8446, section 4.2.3. Those with PKCS #1 are for the chain alone."""
_LONGEST = 512 * 1024
_CERTIFICATES = re.compile(
    r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----"
)
_SHAKEN = re.compile(r"^New, TLSv1\.3, Cipher is TLS_", re.MULTILINE)
_REPORT_BEGINS, _CHAIN_ENDS = "\nCertificate chain\n", "\nServer certificate\n"
_OURS_ALONE = frozenset({"NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"})


def can_choose_signatures() -> bool:
    """Whether the command is there."""
    return shutil.which(_PROGRAM) is not None


async def chain_by_signature(
    address: Address,
    host: str,
    kind: KeyKind,
    timeout: float,  # noqa: ASYNC109  bounds the process as well
) -> tuple[bytes, ...]:
    """The chain (DER, the leaf first) that `address` shows for this kind; empty if it shows none.

    The handshake was whole, so the leaf's key is proven. `timeout` is in seconds. Never raises.
    """
    ip = f"[{address.ip}]" if ":" in address.ip else address.ip
    name = ("-noservername",) if _numeric(host) else ("-servername", host)
    arguments = (
        *("s_client", "-tls1_3", "-connect", f"{ip}:{address.port}", *name),
        *("-sigalgs", _ALGORITHMS[kind], "-showcerts"),
        *("-no-CAfile", "-no-CApath", "-no-CAstore"),  # nothing is judged there
    )
    process = None
    try:
        async with asyncio.timeout(timeout):
            program = await run_aside(shutil.which, _PROGRAM)
            if program is None:
                return ()
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={k: v for k, v in os.environ.items() if k not in _OURS_ALONE},
                start_new_session=True,
            )
            said = await _output(process)
            await process.wait()
            return _chain(said)
    except (TimeoutError, OSError):
        return ()
    finally:
        if process is not None and process.returncode is None:
            await _end(process)


async def _output(process: asyncio.subprocess.Process) -> str:
    """The report, which ends before anything that the server may say."""
    said = bytearray()
    if process.stdout is not None:
        while len(said) < _LONGEST and (chunk := await process.stdout.read(65_536)):
            said += chunk
    return said.decode("ascii", "replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _chain(said: str) -> tuple[bytes, ...]:
    """Read the report. Names in it are escaped, so that none of them can end a line."""
    _, begins, report = said.partition(_REPORT_BEGINS)
    chain, ends, rest = report.partition(_CHAIN_ENDS)
    # After a failed handshake the chain is printed as well, and no cipher.
    facts, _, _ = rest.partition("\nVerify return code")
    if not begins or not ends or not _SHAKEN.search(facts):
        return ()
    with suppress(ValueError, ssl.SSLError):
        return worth_judging([ssl.PEM_cert_to_DER_cert(it) for it in _CERTIFICATES.findall(chain)])
    return ()


def _numeric(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
