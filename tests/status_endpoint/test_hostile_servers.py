"""Servers that drip, flood, bomb and stall: each look ends by the deadline or a cap."""

import asyncio
import gzip
from asyncio import StreamReader, StreamWriter

import pytest

from edgepind.lab.pki import Credential
from edgepind.model.enums import Channel
from edgepind.model.observation import StatusRejected, StatusUnreachable
from edgepind.settings.kinds import Address
from tests.status_endpoint.announcements import MakeEndpoint, pins
from tests.support.raw_server import Script, drip, flood, once, raw_server

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(drip(b"", b"HTTP/1.1 200 OK and so on"), id="status line"),
        pytest.param(drip(OK, b"X: y\r\n"), id="headers"),
        pytest.param(drip(OK + b"Content-Length: 60000\r\n\r\n", b" "), id="body"),
        pytest.param(drip(CHUNKED, b"1\r\n \r\n"), id="chunks"),
        pytest.param(drip(CHUNKED + b"1;", b"extension"), id="chunk extension"),
        pytest.param(drip(CHUNKED + b"0\r\n", b"Trailer: x\r\n"), id="trailers"),
        pytest.param(flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="endless 100 Continue"),
        pytest.param(flood(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), id="hints"),
        pytest.param(flood(CHUNKED, b"0000000000"), id="endless chunk size"),
    ],
)
async def test_the_deadline_ends_what_comes_slowly_or_means_nothing(
    endpoint: MakeEndpoint, leaf: Credential, script: Script
) -> None:
    """Each operation by itself is quick; the whole is not."""
    loop = asyncio.get_running_loop()
    async with raw_server(leaf, script) as server:
        began = loop.time()
        reading = await endpoint(server.address, timeout=0.7).fetch(pins(leaf))
        assert loop.time() - began < 5
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.channel is Channel.PINNED


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(flood(OK + b"\r\n", b" " * 65_536), "64 KiB", id="endless body"),
        pytest.param(
            flood(OK + b"Content-Length: 99999999999\r\n\r\n", b" " * 65_536),
            "64 KiB",
            id="long body",
        ),
        pytest.param(
            flood(CHUNKED, b"10000\r\n" + b" " * 65_536 + b"\r\n"), "64 KiB", id="endless chunks"
        ),
        pytest.param(flood(CHUNKED, b"1\r\n \r\n" * 5_000), "64 KiB", id="tiny chunks"),
        pytest.param(
            once(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(30_000_000))),
            "64 KiB when decompressed",
            id="gzip bomb",
        ),
        pytest.param(
            flood(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"")),
            "64 KiB",
            id="endless empty gzip members",
        ),
    ],
)
async def test_a_body_without_end_is_given_up_at_its_cap(
    endpoint: MakeEndpoint, leaf: Credential, script: Script, reason: str
) -> None:
    """It ends long before the deadline: an answer of 200 with nothing usable in it."""
    async with raw_server(leaf, script) as server:
        reading = await endpoint(server.address, timeout=60.0).fetch(pins(leaf))
    assert isinstance(reading.status, StatusRejected)
    assert reason in reading.status.reason


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(flood(OK, b"X-Header: " + b"y" * 1000 + b"\r\n"), id="endless headers"),
        pytest.param(flood(OK + b"X: ", b"y" * 65_536), id="endless header"),
        pytest.param(flood(b"", b"HTTP" * 10_000), id="endless status line"),
        pytest.param(flood(CHUNKED + b"1;", b"x" * 65_536), id="endless chunk extension"),
        pytest.param(flood(CHUNKED + b"0\r\n", b"Trailer: x\r\n" * 1000), id="endless trailers"),
        pytest.param(once(b"SSH-2.0-OpenSSH_9.2\r\n"), id="not HTTP"),
        pytest.param(once(b"HTTP/2 200\r\n\r\n"), id="HTTP 2 in words"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n{}"), id="NUL in a header"),
        pytest.param(once(OK + b"Content-Length: -1\r\n\r\n{}"), id="negative length"),
        pytest.param(once(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), id="lengths"),
        pytest.param(once(OK + b"Content-Length: 9\r\n\r\n{}"), id="cut short"),
        pytest.param(once(CHUNKED + b"9\r\n{}"), id="chunk cut short"),
        pytest.param(once(CHUNKED + b"zz\r\n{}"), id="no chunk size"),
        pytest.param(once(b""), id="nothing"),
    ],
)
async def test_what_is_no_http_is_no_answer(
    endpoint: MakeEndpoint, leaf: Credential, script: Script
) -> None:
    """It ends at once or at the cap on headers, and the clause about it is printable."""
    async with raw_server(leaf, script) as server:
        reading = await endpoint(server.address, timeout=60.0).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.channel is Channel.PINNED
    assert reading.status.error.isprintable()
    assert len(reading.status.error) < 300


async def test_a_handshake_that_never_ends_is_ended(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Nothing that could be called a connection was made."""

    async def silence(reader: StreamReader, _writer: StreamWriter) -> None:
        await reader.read()

    async with raw_server(None, silence) as server:
        reading = await endpoint(server.address, timeout=0.3).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.channel is Channel.NONE
    assert "0.3 s" in reading.status.error


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"])
async def test_a_server_that_speaks_no_tls_is_named_so(
    endpoint: MakeEndpoint, leaf: Credential, greeting: bytes
) -> None:
    """Plain HTTP, and an alert in place of a handshake."""

    async def greet(reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listening:
        address = Address("127.0.0.1", listening.sockets[0].getsockname()[1])
        reading = await endpoint(address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert "TLS failed" in reading.status.error


async def test_cancellation_ends_a_look_at_once(endpoint: MakeEndpoint, leaf: Credential) -> None:
    """SIGTERM does not wait for a server; afterwards the endpoint is as good as new."""
    asked = asyncio.Event()

    async def stall(reader: StreamReader, _writer: StreamWriter) -> None:
        asked.set()
        await reader.read()

    async with raw_server(leaf, stall) as server:
        asking = endpoint(server.address, timeout=60.0)
        for _ in range(3):
            looking = asyncio.create_task(asking.fetch(pins(leaf)))
            await asked.wait()
            asked.clear()
            looking.cancel()
            async with asyncio.timeout(2):
                with pytest.raises(asyncio.CancelledError):
                    await looking
        assert server.connections == 3


async def test_a_server_that_answers_again_after_a_stall_is_heard(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """No failed look leaves anything behind that stands in the way of the next."""
    page = b'{"certificateFingerprint": "%s"}' % str(leaf.fingerprint).encode()
    answers = [b"", OK, CHUNKED + b"5", OK + b"Content-Length: %d\r\n\r\n%s" % (len(page), page)]

    async def better_each_time(reader: StreamReader, writer: StreamWriter) -> None:
        answer = answers.pop(0)
        writer.write(answer)
        if answers:
            await reader.read()

    async with raw_server(leaf, better_each_time) as server:
        asking = endpoint(server.address, timeout=0.5)
        kinds = [type((await asking.fetch(pins(leaf))).status).__name__ for _ in range(4)]
    assert kinds == ["StatusUnreachable"] * 3 + ["StatusAnswer"]
