"""A server that is GnuTLS's own test program: for a middlebox that knows no RFC 5746.

Nothing else at hand leaves secure renegotiation out (gnutls-serv(1), "Priority strings"). Where the
program is missing, the test is skipped.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edgepind.lab.pki import Credential
from edgepind.settings.kinds import Address
from tests.support.listening import free_port, until_listening


@asynccontextmanager
async def gnutls_server(credential: Credential, priority: str) -> AsyncIterator[Address]:
    """Serve `credential` under a priority string; it is ended with the block."""
    program = shutil.which("gnutls-serv")
    if program is None:
        pytest.skip("gnutls-serv is not installed")
    port = free_port()
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
            await until_listening(port)
            yield Address("127.0.0.1", port)
        finally:
            process.kill()
            await process.wait()
