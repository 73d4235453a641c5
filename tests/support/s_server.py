"""A server that is OpenSSL's own test program: for manners that `ssl` of Python cannot show.

It renegotiates, updates keys, refuses by ALPN and warns about names (openssl-s_server(1)).
Where the `openssl` command is missing, `openssl_command` gives None and the caller does without.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edgepind.lab.pki import Credential
from edgepind.settings.kinds import Address

_ACCEPTS = b"ACCEPT "


def openssl_command() -> str | None:
    """Where the program is, if it is."""
    return shutil.which("openssl")


@dataclass(frozen=True, slots=True)
class SServer:
    """A running server; what it prints is the decrypted talk and some words of its own."""

    address: Address
    _process: asyncio.subprocess.Process

    async def heard(self, words: bytes) -> bytes:
        """Wait until it has printed `words`; return all that came up to their end."""
        if self._process.stdout is None:
            raise RuntimeError("its output is a pipe")
        return await self._process.stdout.readuntil(words)

    async def type(self, text: bytes) -> None:
        """Type at its prompt: a line "K" updates its keys and asks the client for the same.

        What begins with no letter of a command is said to the client. It takes what it reads at
        once for one line, so what was typed before must have shown its effect.
        """
        if self._process.stdin is None:
            raise RuntimeError("its input is a pipe")
        self._process.stdin.write(text)
        await self._process.stdin.drain()


@asynccontextmanager
async def s_server(program: str, credential: Credential, *options: str) -> AsyncIterator[SServer]:
    """Serve `credential` on 127.0.0.1 with these options; it is ended with the block."""
    with tempfile.TemporaryDirectory(prefix="edgepind-lab-") as folder:
        files = credential.write(Path(folder))
        process = await asyncio.create_subprocess_exec(
            program,
            "s_server",
            *("-accept", "127.0.0.1:0"),
            *("-cert", str(files.certificate), "-key", str(files.key)),
            *("-cert_chain", str(files.full_chain)),
            *options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            if process.stdout is None:
                raise RuntimeError("its output is a pipe")
            await process.stdout.readuntil(_ACCEPTS)
            ip, port = (await process.stdout.readline()).decode().strip().rsplit(":", 1)
            yield SServer(Address(ip, int(port)), process)
        finally:
            process.kill()
            await process.communicate()
