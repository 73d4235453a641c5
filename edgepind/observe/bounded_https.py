"""One HTTPS exchange with a server that may be slow, broken or hostile; the only user of httpx.

A deadline bounds all of it and a cap each part: headers (100 KiB, by h11), the body (64 KiB,
decoded). No redirect is followed, no cookie kept, no proxy or other environment obeyed: httpcore,
the transport below httpx's client, does none of these. What an answer means is judged elsewhere.
"""

import asyncio
import os
import ssl
import zlib
from collections.abc import AsyncIterable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpcore
import httpx

from edgepind import __version__
from edgepind.formats import foreign_text
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment
from edgepind.observe.certificate import openssl_words
from edgepind.observe.pinned_tls import LeafNotPinnedError, LeafRefusedError
from edgepind.observe.tolerant_lines import HTTP_2, TolerantBackend
from edgepind.settings.kinds import Address

LONGEST_BODY = 64 * 1024
LONGEST_IDLE = 75.0
"""Seconds after which a kept connection is not used again: routers and firewalls forget one that is
idle, many after some minutes, and tell nobody. A little longer than the usual interval."""
_SHARE_OF_KEPT = 0.25
"""Of the time that is left, what a kept connection may be silent, before a fresh one is tried."""
_FAULTS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,
)
_FAILURES_SHOWN = 3
_HUNG_UP = "Server disconnected"
_FIXED_HEADERS = {
    "User-Agent": f"edgepind/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-cache, no-store",
    "Pragma": "no-cache",
}
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER_HEADER = 32 + zlib.MAX_WBITS
"""Lets zlib tell a gzip header from its own (zlib manual, `inflateInit2`)."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request; `body` None makes it a GET, else a POST. Headers may hold secrets: never shown."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BodyRefused:
    """A body that was not read to its end, or that does not decode; a clause for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `received` is when its head was there, `round_trip` seconds after asking."""

    status: int
    headers: Mapping[str, str]
    body: bytes | BodyRefused = field(repr=False)
    received: Moment
    round_trip: float


@dataclass(frozen=True, slots=True)
class NoReply:
    """No whole answer, and why. `connected`: a request was sent over an accepted connection.

    `unpinned` is a leaf that the pin check turned away at one of the addresses.
    """

    error: str
    connected: bool = False
    unpinned: Fingerprint | None = None


class BoundedHttps:
    """Exchanges over one connection that is kept for the next.

    `contexts` are tried in turn at an address that shows a leaf which is not pinned, for a server
    with several shows another to another offer; the one that was answered last is the first of the
    next exchange. `timeout` is seconds for one exchange, whole, whatever number of addresses and
    offers it takes.
    """

    def __init__(
        self, contexts: Sequence[ssl.SSLContext], timeout: float, now: Callable[[], Moment]
    ) -> None:
        self._contexts = tuple(contexts)
        self._timeout = timeout
        self._now = now
        self._transport: httpcore.AsyncConnectionPool | None = None
        self._kept = False
        self._first: Address | None = None

    async def exchange(self, ask: Ask, addresses: Sequence[Address]) -> Reply | NoReply:
        """Ask at one of exactly these addresses: the one that answered last, else the next.

        The name in the URL goes out as SNI and Host. Cancellation ends it at once.
        """
        failures: list[tuple[Address, NoReply]] = []
        progress = _Progress()
        deadline = asyncio.get_running_loop().time() + self._timeout
        turns = self._in_turn(addresses)
        try:
            async with asyncio.timeout_at(deadline):
                for turn, address in enumerate(turns):
                    self._first = turns[(turn + 1) % len(turns)]  # unless this one answers
                    # A silent address leaves half of the time for those after it: equal shares
                    # would fail all of many addresses where the round trip is long.
                    left = deadline - asyncio.get_running_loop().time()
                    connect_within = left if turn == len(turns) - 1 else left / 2
                    outcome = await self._attempt(ask, address, connect_within, progress)
                    if isinstance(outcome, Reply):
                        self._first = address
                        return outcome
                    failures.append((address, outcome))
        except TimeoutError:
            late = NoReply(f"no whole answer within {self._timeout:g} s", progress.sending)
            failures.append((turns[len(failures)], late))
        return _sum(failures)

    async def close(self) -> None:
        """Give the kept connection up."""
        transport, self._transport, self._kept = self._transport, None, False
        if transport is not None:
            await transport.aclose()

    def _in_turn(self, addresses: Sequence[Address]) -> tuple[Address, ...]:
        turn = addresses.index(self._first) if self._first in addresses else 0
        return (*addresses[turn:], *addresses[:turn])

    async def _attempt(
        self, ask: Ask, address: Address, connect_within: float, progress: "_Progress"
    ) -> Reply | NoReply:
        first: NoReply | None = None
        for context in self._contexts:
            outcome = await self._try(ask, address, context, connect_within, progress)
            if isinstance(outcome, Reply):
                rest = (it for it in self._contexts if it is not context)
                self._contexts = (context, *rest)
                return outcome
            first = first or outcome
            if outcome.connected or first.unpinned is None:
                return outcome if outcome.connected else first
        return first or NoReply("nothing can be offered")

    async def _try(
        self,
        ask: Ask,
        address: Address,
        context: ssl.SSLContext,
        connect_within: float,
        progress: "_Progress",
    ) -> Reply | NoReply:
        while True:
            progress.start()
            silent = connect_within * _SHARE_OF_KEPT if self._kept else None
            try:
                return await self._send(ask, address, context, (connect_within, silent), progress)
            except _FAULTS as error:
                # The server, or something on the way, had given it up: once more, on a new one.
                cut_short = silent is not None and isinstance(error, httpcore.ReadTimeout)
                if not progress.reused and not cut_short:
                    return NoReply(
                        _clause(error, connect_within), progress.sending, _unpinned(error)
                    )

    async def _send(
        self,
        ask: Ask,
        address: Address,
        context: ssl.SSLContext,
        patience: "_Patience",
        progress: "_Progress",
    ) -> Reply:
        if self._transport is None:
            self._transport = _transport(context)
        wire = _wire_request(ask, address, patience, progress)
        done = False
        try:
            asked = self._now()
            response = await self._transport.handle_async_request(wire)
            received = self._now()
            try:
                headers = httpx.Headers(response.headers)
                encoding = headers.get("content-encoding", "")
                body = await read_body(response.aiter_stream(), encoding, LONGEST_BODY)
            finally:
                await response.aclose()
            done = self._kept = True
        finally:
            if not done:  # a pool that was interrupted is not asked again
                await self.close()
                await progress.hang_up()
        round_trip = received.monotonic - asked.monotonic
        return Reply(response.status, headers, body, received, round_trip)


class _Progress:
    """How far an attempt has come, and over which stream; httpx calls it as its `trace` extension.

    The stream is kept because httpx forgets one whose TLS handshake is cancelled, and leaves its
    socket open.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.connecting = False
        self.sending = False
        self._stream: Any = None

    @property
    def reused(self) -> bool:
        """Whether the request went out over a connection that was kept from before."""
        return self.sending and not self.connecting

    async def hang_up(self) -> None:
        """Close what was connected by this attempt."""
        if self._stream is not None:
            await self._stream.aclose()

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        match event:
            case "connection.connect_tcp.started":
                self.connecting = True
            case "connection.connect_tcp.complete":
                self._stream = info["return_value"]
            case "http11.send_request_headers.started":
                self.sending = True
            case _:
                pass


def _transport(context: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    """One connection, kept for the next request unless that comes late."""
    return httpcore.AsyncConnectionPool(
        context,
        max_connections=1,
        max_keepalive_connections=1,
        keepalive_expiry=LONGEST_IDLE,
        network_backend=TolerantBackend(),
    )


@lru_cache(maxsize=8)  # a tenth of the cost of a steady request
def _urls(url: str, address: Address) -> tuple[httpx.URL, httpcore.URL]:
    """The URL as it is asked for, and as it is connected to."""
    named = httpx.URL(url)
    numeric = httpcore.URL(
        scheme=named.raw_scheme, host=address.ip, port=address.port, target=named.raw_path
    )
    return named, numeric


_Patience = tuple[float, float | None]
"""Seconds to connect within, and for which the server may be silent; None: no bound of its own."""


def _wire_request(
    ask: Ask, address: Address, patience: _Patience, progress: _Progress
) -> httpcore.Request:
    named, numeric = _urls(ask.url, address)
    connect, silent = patience
    headers = {"Host": named.netloc.decode(), **_FIXED_HEADERS, **ask.headers}
    if ask.body is not None:
        headers["Content-Length"] = str(len(ask.body))
    return httpcore.Request(
        "GET" if ask.body is None else "POST",
        numeric,
        headers=list(headers.items()),
        content=ask.body,
        extensions={
            "sni_hostname": named.raw_host.decode(),
            "timeout": {"connect": connect, "read": silent, "write": silent},
            "trace": progress,
        },
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _unpinned(error: BaseException) -> Fingerprint | None:
    leaves = (it.leaf for it in _causes(error) if isinstance(it, LeafNotPinnedError))
    return next(leaves, None)


def _clause(error: BaseException, connect_within: float) -> str:
    """Why an exchange failed, in a clause for a person."""
    causes = tuple(_causes(error))
    told = (_layer_clause(cause, connect_within) for cause in causes)
    if clause := next(filter(None, told), None):
        return clause
    codes = [it.errno for it in causes if isinstance(it, OSError) and it.errno is not None]
    return os.strerror(codes[-1]).lower() if codes else "the connection broke off"


def _layer_clause(cause: BaseException, connect_within: float) -> str | None:
    match cause:
        case LeafRefusedError():
            return f"its leaf {cause.leaf.short} is {cause.because}"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {cause.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {openssl_words(cause)}"
        case httpcore.ConnectTimeout():
            return f"no connection within {connect_within:.3g} s"
        case httpcore.RemoteProtocolError():
            return _protocol_clause(str(cause))
        case _:
            return None


def _protocol_clause(said: str) -> str:
    if said.startswith(_HUNG_UP):
        return "it hung up on the request without an answer, as a server of HTTP/2 alone does"
    return said if said == HTTP_2 else f"no proper answer in HTTP: {foreign_text(said)}"


def _sum(failures: Sequence[tuple[Address, NoReply]]) -> NoReply:
    told = [f"{address}: {failure.error}" for address, failure in failures]
    more = len(told) - _FAILURES_SHOWN
    return NoReply(
        "; ".join(told[:_FAILURES_SHOWN]) + (f"; and {more} more" if more > 0 else ""),
        any(failure.connected for _, failure in failures),
        next((it.unpinned for _, it in failures if it.unpinned is not None), None),
    )


async def read_body(chunks: AsyncIterable[bytes], encoding: str, limit: int) -> bytes | BodyRefused:
    """Read a body of at most `limit` octets, on the wire and decoded alike.

    `encoding` is the Content-Encoding ("" or "identity" for none). Compression is undone though
    it was not asked for; a body that would pass the limit is given up at the limit.
    """
    raw = bytearray()
    async for chunk in chunks:
        if len(raw) + len(chunk) > limit:
            return BodyRefused(f"it is longer than {limit // 1024} KiB")
        raw += chunk
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return bytes(raw)
    if encoding in _COMPRESSED:
        return _inflate(bytes(raw), limit)
    return BodyRefused(f"it is encoded as {foreign_text(encoding)!r}, which was not asked for")


def _inflate(raw: bytes, limit: int) -> bytes | BodyRefused:
    inflater = zlib.decompressobj(_EITHER_HEADER)
    try:
        body = inflater.decompress(raw, limit + 1)
    except zlib.error:
        return BodyRefused("its compression is damaged")
    if len(body) > limit:
        return BodyRefused(f"it is longer than {limit // 1024} KiB when decompressed")
    if not inflater.eof or inflater.unused_data:
        return BodyRefused("its compressed form is cut short or goes on after its end")
    return body
