"""A server that is GnuTLS's own test program: for a middlebox that knows no RFC 5746.

Nothing else at hand leaves secure renegotiation out (gnutls-serv(1), "Priority strings"). Where the
program is missing, the test is skipped.
"""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edgepind.lab.pki import Credential
from edgepind.settings.kinds import Address

_DEADLINE = 20.0


@asynccontextmanager
async def gnutls_server(credential: Credential, priority: str) -> AsyncIterator[Address]:
    """Serve `credential` under a priority string; it is ended with the block."""
    program = shutil.which("gnutls-serv")
    if program is None:
        pytest.skip("gnutls-serv is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="edgepind-lab-") as folder:
        files = credential.write(Path(folder))
        process = await asyncio.create_subprocess_exec(
            program,
            *("--port", str(port), "--priority", priority, "--echo"),
            *("--x509certfile", files.full_chain, "--x509keyfile", files.key),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _until_listening(port)
            yield Address("127.0.0.1", port)
        finally:
            process.kill()
            await process.wait()


async def _until_listening(port: int) -> None:
    """Its words come late, through a buffer; its socket is there or is not."""
    async with asyncio.timeout(_DEADLINE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
