"""A server that is nginx itself, with as many certificates as one likes; renewed by a reload.

Where nginx is missing, the test is skipped. It must not read any file of the host's own nginx.
"""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edgepind.lab.pki import Credential
from edgepind.settings.kinds import Address
from tests.support.listening import free_port, until_listening

_CONFIG = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_protocols {protocols};
    {certificates}
    return 204;
  }}
}}
"""


class Nginx:
    """One nginx; `address` is where it listens."""

    process: asyncio.subprocess.Process

    def __init__(self, folder: Path, protocols: str) -> None:
        self.address = Address("127.0.0.1", free_port())
        self.config = folder / "nginx.conf"
        self._protocols = protocols
        self._written = 0

    def configure(self, *credentials: Credential) -> None:
        """Write a configuration with one certificate for each kind of key."""
        lines = []
        for credential in credentials:
            self._written += 1
            files = credential.write(self.config.parent, str(self._written))
            lines.append(f"ssl_certificate {files.full_chain}; ssl_certificate_key {files.key};")
        self.config.write_text(
            _CONFIG.format(
                folder=self.config.parent,
                port=self.address.port,
                protocols=self._protocols,
                certificates="\n    ".join(lines),
            )
        )

    def renew(self, *credentials: Credential) -> None:
        """Serve these from now on, as an administrator does it: by a reload (nginx(8), HUP)."""
        self.configure(*credentials)
        self.process.send_signal(signal.SIGHUP)


@asynccontextmanager
async def nginx_server(
    *credentials: Credential, protocols: str = "TLSv1.2 TLSv1.3"
) -> AsyncIterator[Nginx]:
    """Serve these under the given `ssl_protocols`; it is ended with the block."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not installed: real servers with two certificates are NOT tried")
    with tempfile.TemporaryDirectory(prefix="edgepind-nginx-") as folder:
        server = Nginx(Path(folder), protocols)
        server.configure(*credentials)
        server.process = await asyncio.create_subprocess_exec(
            program,
            *("-c", server.config, "-p", folder, "-e", f"{folder}/error.log"),
            stdin=asyncio.subprocess.DEVNULL,
        )
        try:
            await until_listening(server.address.port)
            yield server
        finally:
            server.process.terminate()
            await server.process.wait()
