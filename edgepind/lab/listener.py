"""One address of the world, and what answers there: the cloud, or whoever holds the path to it.

What answers is a `Face`; it can be changed at any instant. New handshakes meet the new face,
established connections go on with the one they met, as behind a real load balancer.
"""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgepind.lab.http1 import ConnectionOver, Request, Response, read_request, write_response
from edgepind.lab.pki import Credential

Respond = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A credential to show and somebody who answers requests behind it.

    `name` is for people: "cloud", "inspecting proxy". Two faces are never equal.
    """

    name: str
    credential: Credential
    respond: Respond
    context: ssl.SSLContext

    @classmethod
    def of(cls, name: str, credential: Credential, respond: Respond) -> "Face":
        """Make a face with a TLS context of its own."""
        return cls(name, credential, respond, server_context(credential))


def server_context(credential: Credential) -> ssl.SSLContext:
    """A server's context: TLS 1.2 and later, no tickets, so that each handshake shows the leaf."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    with tempfile.TemporaryDirectory(prefix="edgepind-lab-") as folder:  # ssl reads files only
        files = credential.write(Path(folder))
        context.load_cert_chain(files.full_chain, files.key)
    return context


@dataclass(slots=True, eq=False)
class Listener:
    """A TLS listener at `ip`:`port`; `handshakes` counts completed ones.

    Not listening until `open`; after `close` all its connections are gone.
    """

    ip: str
    port: int
    face: Face
    handshakes: int = 0
    _front: ssl.SSLContext | None = None
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)
    _faces: dict[ssl.SSLContext, Face] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address as settings and `status.json` write it."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    async def open(self) -> None:
        """Begin to listen; port 0 becomes the one that the kernel chose."""
        self._front = server_context(self.face.credential)
        self._front.sni_callback = self._choose  # called without SNI too, then with None
        self._server = await asyncio.start_server(
            self._welcome, self.ip, self.port, ssl=self._front, ssl_handshake_timeout=5
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and end every conversation."""
        if self._server is None:
            return
        self._server.close()
        self.hang_up()
        await asyncio.gather(*self._talks, return_exceptions=True)
        self._server = None

    def hang_up(self) -> None:
        """End every conversation; who comes next is welcome."""
        for talk in self._talks:
            talk.cancel()

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _front: ssl.SSLContext
    ) -> None:
        self._faces[self.face.context] = self.face
        connection.context = self.face.context

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handshakes += 1
        talk = asyncio.current_task()
        if talk is None:
            raise RuntimeError("a conversation is always a task")
        self._talks.add(talk)
        face = self._faces[writer.get_extra_info("ssl_object").context]
        try:
            while True:
                request = await read_request(reader)
                writer.write(write_response(await face.respond(request)))
                await writer.drain()
                if request.headers.get("connection", "").lower() == "close":
                    break
        except (ConnectionOver, OSError):
            pass  # clients come and go
        except asyncio.CancelledError:
            writer.transport.abort()  # a client that keeps the line would be waited for
        finally:
            self._talks.discard(talk)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
