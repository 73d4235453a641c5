"""OpenSSL's own verdict on an entry, by `openssl verify`: the one to compare with.

It is asked as a TLS client asks: for a server's purpose, at security level 2, at the entry's time
and for its host. Only where it refuses is it asked again, to learn which part it was about.
"""

import subprocess
from pathlib import Path

from tests.support.chains.entry import RIGHT, Entry, Fault, Verdict
from tests.support.chains.forge import Certified, root

_FOR_SERVERS = ("-purpose", "sslserver")
_AS_A_CLIENT = (*_FOR_SERVERS, "-auth_level", "2", "-no-CApath", "-no-CAstore")
_IN_TIME_ANYHOW = ("-no_check_time",)


def openssl_verdict(program: str, entry: Entry, folder: Path) -> Verdict:
    """Ask the `openssl` at `program`; writes PEM files into `folder` (openssl-verify(1)).

    Raises ValueError where it refuses a whole chain and none of its parts.
    """
    end, *others = entry.sent
    _write(folder / "leaf.pem", [end])
    # Without a file it would take the host's own roots.
    _write(folder / "roots.pem", entry.roots or [root("Nobody")])
    _write(folder / "others.pem", others)
    ask = [program, "verify", *_AS_A_CLIENT]
    trusting = ["-CAfile", str(folder / "roots.pem")]
    if others:
        trusting += ["-untrusted", str(folder / "others.pem")]
    at = ["-attime", str(int(entry.at.timestamp()))]
    named = ["-verify_ip" if _is_address(entry.host) else "-verify_hostname", entry.host]
    sent = str(folder / "leaf.pem")
    if _accepts([*ask, *trusting, *at, *named, sent]):
        return RIGHT
    faults: set[Fault] = set()
    if not _accepts([*ask, *trusting, *_IN_TIME_ANYHOW, sent]):
        faults.add(Fault.ROOT)
    elif not _accepts([*ask, *trusting, *at, sent]):
        faults.add(Fault.TIME)
    itself = ["-partial_chain", "-trusted", sent, *_IN_TIME_ANYHOW]
    if not _accepts([program, "verify", *_FOR_SERVERS, *itself, *named, sent]):
        faults.add(Fault.NAME)
    if not faults:
        raise ValueError(f"OpenSSL refuses {entry.name!r} and nothing in it")
    return frozenset(faults)


def _accepts(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _write(path: Path, certificates: "list[Certified] | tuple[Certified, ...]") -> None:
    path.write_bytes(b"".join(it.pem for it in certificates))
