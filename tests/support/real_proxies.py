"""Proxies that sites really have: squid and tinyproxy, each with a configuration of its own.

They listen on loopback, keep everything in a folder of the test's, and end with the block. Where
one is missing, the test is skipped. They must not read the host's own configuration.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edgepind.lab.pki import Authority, Credential
from edgepind.settings.proxy import Proxy
from tests.support.listening import free_port, until_listening

USER, PASSWORD = "edge", "s3cret-of-the-proxy"
_SQUIDS_USER = "proxy"
CERTGEN = Path("/usr/lib/squid/security_file_certgen")

_SQUID = """\
{port}
pid_filename {folder}/pid
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log
coredump_dir {folder}
hosts_file {folder}/hosts
{user}
visible_hostname proxy.test
cache deny all
shutdown_lifetime 0 seconds
max_filedescriptors 1024
pinger_enable off
{access}
"""
_ACCESS_BY_WORD = """\
auth_param basic program /bin/sh {folder}/helper
auth_param basic realm lab
auth_param basic children 1 startup=1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""
_HELPER = f"""\
while read -r who; do
  if [ "$who" = "{USER} {PASSWORD}" ]; then echo OK; else echo ERR; fi
done
"""
_BUMP = """\
sslcrtd_program {certgen} -s {folder}/certificates -M 4MB
acl first at_step SslBump1
ssl_bump peek first
ssl_bump bump all
tls_outgoing_options cafile={roots}
"""
_TINYPROXY = """\
Listen 127.0.0.1
Port {port}
Timeout 60
MaxClients 50
Allow 127.0.0.1
PidFile "{folder}/pid"
LogFile "{folder}/log"
{more}
"""


@dataclass(frozen=True, slots=True)
class RealProxy:
    """Where it listens, and what it wrote down of the requests."""

    proxy: Proxy
    log: Path

    @property
    def url(self) -> str:
        """As `cloud.proxy` takes it."""
        return f"http{'s' * self.proxy.tls}://{self.proxy}"

    def asked(self) -> str:
        """Its log."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""


RunsProxy = Callable[..., AbstractAsyncContextManager[RealProxy]]
"""`squid` or `tinyproxy`."""


@asynccontextmanager
async def squid(
    hosts: Mapping[str, str] | None = None,
    *,
    password: bool = False,
    rules: str = "",
    inspecting: tuple[Authority, Path] | None = None,
    shown: Credential | None = None,
) -> AsyncIterator[RealProxy]:
    """Run squid, which knows `hosts` besides what the resolver does.

    `password`: it wants USER and PASSWORD. `rules` come first. `inspecting`: it ends TLS with
    leaves of this CA, and checks the cloud by the roots in the file. `shown`: it is spoken to by
    HTTPS.
    """
    program = _program("squid")
    with tempfile.TemporaryDirectory(prefix="edgepind-squid-") as name:
        folder, port = Path(name), free_port()
        lines = "".join(f"{ip} {host}\n" for host, ip in (hosts or {}).items())
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{lines}")
        (folder / "helper").write_text(_HELPER)
        access = rules
        access += _ACCESS_BY_WORD.format(folder=folder) if password else "http_access allow all\n"
        listens = f"http_port 127.0.0.1:{port}"
        if inspecting is not None:
            authority, roots = inspecting
            listens += (
                f" ssl-bump tls-cert={_bumping(folder, authority)} generate-host-certificates=on"
            )
            access += _BUMP.format(certgen=CERTGEN, folder=folder, roots=roots)
        if shown is not None:
            files = shown.write(folder, "proxy")
            listens = f"https_port 127.0.0.1:{port} tls-cert={files.full_chain} tls-key={files.key}"
        config = folder / "squid.conf"
        config.write_text(
            _SQUID.format(folder=folder, port=listens, access=access, user=_as_whom())
        )
        _give_away(folder)
        proxy = RealProxy(Proxy("127.0.0.1", port, shown is not None), folder / "access.log")
        async with _running(
            port, folder / "cache.log", program, *("-N", "-n", f"edgepind{port}", "-f", str(config))
        ):
            yield proxy


@asynccontextmanager
async def tinyproxy(*, password: bool = False, more: str = "") -> AsyncIterator[RealProxy]:
    """Run tinyproxy; `password` as for squid, `more` is further configuration."""
    program = _program("tinyproxy")
    with tempfile.TemporaryDirectory(prefix="edgepind-tinyproxy-") as name:
        folder, port = Path(name), free_port()
        if password:
            more += f"BasicAuth {USER} {PASSWORD}\n"
        config = folder / "tinyproxy.conf"
        config.write_text(_TINYPROXY.format(folder=folder, port=port, more=more))
        async with _running(port, folder / "log", program, "-d", "-c", str(config)):
            yield RealProxy(Proxy("127.0.0.1", port), folder / "log")


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed: what goes through a real proxy is NOT tried")
    return program


def _as_whom() -> str:
    """Name the user that squid becomes: it does not stay root."""
    return f"cache_effective_user {_SQUIDS_USER}" if os.geteuid() == 0 else ""


def _give_away(folder: Path) -> None:
    """Give the folder to the user that squid becomes."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, _SQUIDS_USER, _SQUIDS_USER)


def _bumping(folder: Path, authority: Authority) -> Path:
    """The file of the inspecting CA with its key, and a folder for what it issues."""
    if not CERTGEN.exists():
        pytest.skip("squid is without OpenSSL: a real inspecting proxy is NOT tried")
    subprocess.run(  # noqa: S603  our own words
        [CERTGEN, "-c", "-s", folder / "certificates", "-M", "4MB"],
        check=True,
        capture_output=True,
    )
    path = folder / "inspector.pem"
    key = authority.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(authority.pem + key)
    return path


@asynccontextmanager
async def _running(port: int, log: Path, *command: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _until_it_listens(process, port, log)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Wait until it does; fail with what it wrote down if it ends before."""
    listens = asyncio.ensure_future(until_listening(port))
    ended = asyncio.ensure_future(process.wait())
    await asyncio.wait((listens, ended), return_when=asyncio.FIRST_COMPLETED)
    for it in (listens, ended):
        it.cancel()
    await asyncio.gather(listens, ended, return_exceptions=True)
    if process.returncode is not None or listens.cancelled() or listens.exception():
        pytest.fail(f"the proxy does not listen: {_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-2000:] if log.exists() else "it wrote no log"
