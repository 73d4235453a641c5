"""Lines of HTTP/1.1 as real proxies write them, mended below the parser, which refuses them.

A response of `X-Cache : miss` costs a strict parser the whole answer. What stands between a name
and its colon is taken out, as RFC 9112 (section 5.1) has proxies do it; a line that is no header at
all is left out, unless it may be one that says where the body ends. Folded lines and bare line
feeds the parser reads itself. A server that answers in HTTP/2 is named. Judges nothing else, and
never touches a body.
"""

import re
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER = re.compile(rb"(%b)[ \t]*:" % _TOKEN)
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d")
_NOT_LETTER = re.compile(rb"[^a-z]")
_FRAMING = frozenset({b"contentlength", b"transferencoding"})
_NO_LINE = frozenset({b"", b"\r"})
_LONGEST_LINE = 32 * 1024
"""Octets of a line that is looked at; a longer one goes to the parser as it is."""

_SETTINGS = re.compile(rb"\x00[\x00-\xff]{2}\x04[\x00\x01]\x00{4}")
"""The frame that every HTTP/2 server sends first (RFC 9113, section 3.4)."""

HTTP_2 = "the server speaks HTTP/2 alone, and HTTP/1.1 is needed"


class TolerantBackend(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does; what comes back over it is mended."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore."""
        return _MendedStream(
            await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        )

    async def sleep(self, seconds: float) -> None:
        """See httpcore."""
        await self._inner.sleep(seconds)


class _MendedStream(httpcore.AsyncNetworkStream):
    """A stream whose responses are mended; each begins after something was written."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._heads = Heads()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  httpcore's signature
        """See httpcore; nothing means the end, so a line that is not whole is waited for."""
        while True:
            octets = await self._inner.read(max_bytes, timeout)
            if not octets:
                return self._heads.rest()
            if mended := self._heads.feed(octets):
                return mended

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  httpcore's signature
        """See httpcore."""
        self._heads.begin()
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """See httpcore."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore."""
        return _MendedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._inner.get_extra_info(info)


class Heads:
    """The heads of responses, mended as they come, whatever pieces they come in."""

    def __init__(self) -> None:
        self._within = False
        self._held = b""
        self._first: bytes | None = None

    def begin(self) -> None:
        """A request goes out: what comes next is a head, if it is not on its way already."""
        if not self._within:
            self._within, self._first = True, None

    def feed(self, octets: bytes) -> bytes:
        """Take what came, and give what of it may go to the parser.

        Raises httpcore.RemoteProtocolError for HTTP/2.
        """
        if not self._within:
            return octets
        whole = self._held + octets
        if self._first is None and _SETTINGS.match(whole):
            raise httpcore.RemoteProtocolError(HTTP_2)
        mended, over = b"", False
        *lines, held = whole.split(b"\n")
        while lines and not over:
            line = lines.pop(0)
            mended += self._mended(line)
            over = self._ends(line)
        if over or len(held) > _LONGEST_LINE:
            self._within, self._held = False, b""
            return mended + b"\n".join((*lines, held))
        self._held = held
        return mended

    def rest(self) -> bytes:
        """Give what was held back, at the end."""
        held, self._held = self._held, b""
        return held

    def _mended(self, line: bytes) -> bytes:
        """What the parser is given for one line, with its line feed."""
        kept = self._first is None or line in _NO_LINE or line[:1] in {b" ", b"\t"}
        return line + b"\n" if kept else _mended(line + b"\n")

    def _ends(self, line: bytes) -> bool:
        """Whether the last head ends with this line; after an interim one another comes."""
        if self._first is None:
            self._first = line
        elif line in _NO_LINE:
            interim = _INTERIM.match(self._first)
            self._first = None
            return interim is None
        return False


def _mended(line: bytes) -> bytes:
    """A header line whose colon follows its name; nothing in place of one that is none."""
    if header := _HEADER.match(line):
        return header[1] + b":" + line[header.end() :]
    name = _NOT_LETTER.sub(b"", line.partition(b":")[0].lower())
    return line if name in _FRAMING else b""
