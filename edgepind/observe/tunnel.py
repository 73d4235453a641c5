"""A tunnel through an HTTP proxy by CONNECT (RFC 9110, section 9.3.6): for looks and for requests.

The proxy may be slow, broken or hostile: its answer is bounded in time and in octets, and what it
says instead of opening the tunnel is told as its word, an httpcore.ProxyError that holds a clause
for a person. What comes through the tunnel is the server's own, and is judged elsewhere.
Credentials go to the proxy alone, and enter no message. Imported only where `cloud.proxy` is set.
"""

import asyncio
import os
import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import httpcore

from edgepind import __version__
from edgepind.formats import foreign_text
from edgepind.observe.certificate import openssl_words
from edgepind.observe.way import Gate, Through

_LONGEST_HEAD = 16 * 1024
_CHUNK = 4096
_SHARE = 0.9
"""Of the time of a request: the proxy's failure is told as such, before the request is too late."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([^\r\n]*))?\r?\n")
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_SCHEME = re.compile(
    rb"^proxy-authenticate[ \t]*:[ \t]*([A-Za-z0-9-]+)", re.IGNORECASE | re.MULTILINE
)
_TLS_ALERT = b"\x15\x03"
_INTERIM, _OPEN = range(100, 200), range(200, 300)
_FORBIDDEN = 403
_UNAUTHORISED = frozenset({401, 407})
"""The second is right (RFC 9110, section 15.5.8); old proxies say the first."""
_NO_CONNECT = frozenset({400, 405, 501})
_NOT_REACHED = frozenset({500, 502, 503, 504})


async def open_tunnel(way: Through, timeout: float) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109  names the deadline in the error
    """A stream to what `way` asks for, over which nothing has been sent yet.

    `timeout` is in seconds and bounds all of it, whatever number of addresses the proxy has.
    Raises httpcore.ProxyError.
    """
    stage = _Stage(way.gate)
    try:
        async with asyncio.timeout(timeout):
            stream = await _connect(way.gate, timeout, stage)
            try:
                await _ask(stream, way)
            except BaseException:
                await _close(stream)
                raise
            return stream
    except TimeoutError:
        raise httpcore.ProxyError(stage.late(timeout)) from None


class _Stage:
    """How far the way through the proxy has come."""

    def __init__(self, gate: Gate) -> None:
        self._proxy = gate.proxy
        self.connected = False

    def late(self, timeout: float) -> str:
        if self.connected:
            return f"the proxy did not answer CONNECT within {timeout:.3g} s"
        return f"the proxy {self._proxy} did not accept a connection within {timeout:.3g} s"


async def _connect(gate: Gate, timeout: float, stage: _Stage) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109  see above
    """Connect to the first of the proxy's addresses that accepts it, and speak TLS if it does."""
    backend, loop = httpcore.AnyIOBackend(), asyncio.get_running_loop()
    ends = loop.time() + timeout
    last: Exception | None = None
    for left, address in zip(range(len(gate.addresses), 0, -1), gate.addresses, strict=True):
        within = (ends - loop.time()) / min(left, 2)  # as in bounded_https
        try:
            stream = await backend.connect_tcp(address.ip, address.port, timeout=within)
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            last = error
            continue
        stage.connected = True
        return await _secured(stream, gate)
    if isinstance(last, httpcore.TimeoutException):
        raise httpcore.ProxyError(stage.late(timeout)) from last
    raise httpcore.ProxyError(f"the proxy {gate.proxy} {_why_not(last)}") from last


async def _secured(stream: httpcore.AsyncNetworkStream, gate: Gate) -> httpcore.AsyncNetworkStream:
    if gate.context is None:
        return stream
    try:
        return await stream.start_tls(gate.context, gate.proxy.host)
    except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
        await _close(stream)
        raise httpcore.ProxyError(f"the proxy {gate.proxy} {_why_no_tls(error)}") from error
    except BaseException:
        await _close(stream)
        raise


async def _ask(stream: httpcore.AsyncNetworkStream, way: Through) -> None:
    """Ask for the tunnel. Raises httpcore.ProxyError if there is none."""
    lines = [
        f"CONNECT {way.asked_for} HTTP/1.1",
        f"Host: {way.asked_for}",
        f"User-Agent: edgepind/{__version__}",
    ]
    if way.gate.authorization is not None:
        lines.append(f"Proxy-Authorization: {way.gate.authorization}")
    try:
        await stream.write("\r\n".join((*lines, "", "")).encode())
        head, rest = await _head(stream)
    except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
        raise httpcore.ProxyError(f"the proxy broke off: {_why_not(error)}") from error
    told = _STATUS.match(head)
    if told is None:
        raise httpcore.ProxyError(_NONSENSE)
    code = int(told[1])
    if code not in _OPEN:
        raise httpcore.ProxyError(_refusal(code, told[2] or b"", head, way))
    if rest:  # a server of TLS never speaks first
        raise httpcore.ProxyError(_PAGE)


_NONSENSE = "what answers in the proxy's place does not speak HTTP; compare with cloud.proxy"
_PAGE = "the proxy said that the tunnel is open, and sent a page of its own into it"


async def _head(stream: httpcore.AsyncNetworkStream) -> tuple[bytes, bytes]:
    """Read the head of the final answer, and what came after it with the same octets."""
    octets = b""
    taken = 0
    while True:
        if ends := _HEAD_ENDS.search(octets):
            head, octets = octets[: ends.end()], octets[ends.end() :]
            told = _STATUS.match(head)
            if told is None or int(told[1]) not in _INTERIM:
                return head, octets
            continue
        if octets and not octets.startswith(b"HTTP/"[: len(octets)]):
            raise httpcore.ProxyError(
                "the proxy answers in TLS; write cloud.proxy with https://"
                if octets.startswith(_TLS_ALERT)
                else _NONSENSE
            )
        if taken > _LONGEST_HEAD:
            raise httpcore.ProxyError(
                f"the proxy's answer to CONNECT does not end within {_LONGEST_HEAD // 1024} KiB"
            )
        received = await stream.read(_CHUNK)
        if not received:
            raise httpcore.ProxyError("the proxy hung up without an answer to CONNECT")
        taken += len(received)
        octets += received


def _refusal(code: int, phrase: bytes, head: bytes, way: Through) -> str:
    said = f"HTTP {code} {foreign_text(phrase.decode('latin-1'))}".rstrip()
    target = way.asked_for
    if code in _UNAUTHORISED:
        return _unauthorised(head, said, given=way.gate.authorization is not None)
    if code == _FORBIDDEN:
        return f"the proxy forbids {target} ({said}); have CONNECT to it allowed there"
    if code in _NOT_REACHED:
        return f"the proxy does not reach {target} ({said}); see its own log for why"
    if code in _NO_CONNECT:
        return f"the proxy does not open tunnels to {target} ({said}); is it a proxy for HTTPS?"
    return f"the proxy answered CONNECT to {target} with {said}, and opened no tunnel"


def _unauthorised(head: bytes, said: str, *, given: bool) -> str:
    schemes = {it.lower() for it in _SCHEME.findall(head)}
    if schemes and b"basic" not in schemes:
        names = ", ".join(sorted(foreign_text(it.decode("latin-1"), 20) for it in schemes))
        return f"the proxy lets in by {names} alone ({said}), and edgepind speaks Basic"
    if given:
        return (
            f"the proxy does not accept the user and the password ({said}); correct "
            "cloud.proxy_credentials_file"
        )
    return (
        f"the proxy asks for a user and a password ({said}); write them into a file, as "
        "USER:PASSWORD, and name it in cloud.proxy_credentials_file, or give the credential "
        "edgepind.proxy"
    )


def _why_not(error: BaseException | None) -> str:
    """Why there is no connection to the proxy, in words that follow its name."""
    causes = tuple(_causes(error))
    if any(isinstance(it, ConnectionRefusedError) for it in causes):
        return "refused the connection"
    if any(isinstance(it, ConnectionError) for it in causes):
        return "closed the connection"
    codes = [it.errno for it in causes if isinstance(it, OSError) and it.errno is not None]
    return f"cannot be reached ({os.strerror(codes[-1]).lower()})" if codes else "cannot be reached"


def _why_no_tls(error: BaseException) -> str:
    for it in _causes(error):
        if isinstance(it, ssl.SSLCertVerificationError):
            return (
                f"shows a certificate that this host does not accept ({it.verify_message}); add "
                "its CA to the host's roots or to cloud.system_roots"
            )
        if isinstance(it, ssl.SSLError):
            return f"does not speak TLS as asked ({openssl_words(it)}); compare with cloud.proxy"
    return _why_not(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def _close(stream: httpcore.AsyncNetworkStream) -> None:
    with suppress(httpcore.NetworkError, OSError):
        await stream.aclose()


class TunnelBackend(httpcore.AsyncNetworkBackend):
    """Connects through one gate in place of straight, for httpcore's connections."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore; `timeout` is always given here, and the options stay the system's."""
        del local_address, socket_options
        return await open_tunnel(Through(self._gate, host, port), (timeout or 0.0) * _SHARE)


class TunnelWire:
    """The tunnel as a wire for a handshake."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def send(self, octets: bytes) -> None:
        """Send all of it. Raises OSError."""
        try:
            await self._stream.write(octets)
        except httpcore.NetworkError as error:
            raise ConnectionResetError from error

    async def receive(self, most: int) -> bytes:
        """What comes next; nothing at the end. Raises OSError."""
        try:
            return await self._stream.read(most)
        except httpcore.NetworkError as error:
            raise ConnectionResetError from error

    async def part(self, octets: bytes) -> None:
        """Send a last word, as far as it is taken."""
        with suppress(httpcore.NetworkError, OSError):
            await self._stream.write(octets)

    async def close(self) -> None:
        """Close it."""
        await _close(self._stream)
