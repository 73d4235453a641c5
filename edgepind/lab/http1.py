"""Just enough HTTP/1.1 for the lab's servers: read a request, write a response, keep the line.

It trusts its callers, who are on loopback; the product's own client is elsewhere and does not.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

_END = b"\r\n\r\n"


class ConnectionOver(Exception):  # noqa: N818  # the end of a conversation is no error
    """The other side has closed, or said something that is no HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was read; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `Content-Length` and `Date` are added where it is written.

    A `date` header that is given stands, so that a server's clock can be scripted.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request. Raises ConnectionOver where there is none to come."""
    first, headers = await _read_head(reader)
    try:
        method, target, _version = first.split(" ", 2)
    except ValueError:
        raise ConnectionOver(first) from None
    return Request(method, target, headers, await _read_body(reader, headers))


async def read_response(reader: asyncio.StreamReader) -> Response:
    """Read one response whose length is given. Raises ConnectionOver where there is none."""
    first, headers = await _read_head(reader)
    try:
        status = int(first.split(" ", 2)[1])
    except (IndexError, ValueError):
        raise ConnectionOver(first) from None
    return Response(status, headers, await _read_body(reader, headers))


def write_request(request: Request) -> bytes:
    """The octets of a request."""
    return _message(f"{request.method} {request.target} HTTP/1.1", request.headers, request.body)


def write_response(response: Response) -> bytes:
    """The octets of a response, with `Date` where none is given."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = {"date": format_datetime(datetime.now(UTC), usegmt=True), **response.headers}
    return _message(f"HTTP/1.1 {response.status} {phrase}", headers, response.body)


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    try:
        head = await reader.readuntil(_END)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        raise ConnectionOver(str(error)) from None
    first, *lines = head[: -len(_END)].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return first, headers


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    try:
        return await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, OSError, ValueError) as error:
        raise ConnectionOver(str(error)) from None


def _message(first: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [first]
    lines += [f"{name}: {value}" for name, value in headers.items() if name != "content-length"]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + _END + body
