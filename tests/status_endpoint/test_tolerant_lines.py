"""What real proxies write is read; what is no header is left out, and no body is touched."""

import asyncio
import json
import random
import ssl
from asyncio import StreamReader, StreamWriter

import httpcore
import pytest

from edgepind.lab.pki import Credential
from edgepind.model.enums import Channel
from edgepind.model.observation import StatusAnswer, StatusUnreachable
from edgepind.observe.tolerant_lines import HTTP_2, Heads
from tests.status_endpoint.announcements import MakeEndpoint, pins
from tests.support.raw_server import Script, drip, once, raw_server

SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"


def page(leaf: Credential) -> bytes:
    """The body of an answer, which has lines like headers in it."""
    named = {"certificateFingerprint": str(leaf.fingerprint), "x : y": "\n"}
    return json.dumps(named, indent=1).encode()


def answer(leaf: Credential, headers: bytes, *, status: bytes = b"HTTP/1.1 200 OK\r\n") -> bytes:
    """An answer with these lines among its headers."""
    body = page(leaf)
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Cache : miss\r\n",
        b"X-Cache\t: miss\r\n",
        b"X-Cache \t :miss\r\n",
        b"X-Cache: HIT\r\n from proxy-1\r\n\tof two\r\n",
        b"X-Cache: miss\n",
        b"X-Empty:\r\n",
        b"X Cache: miss\r\n",
        b"X-Cache(1): miss\r\n",
        b"no header at all\r\n",
        b": no name\r\n",
        b"X-Latin: caf\xe9\r\n",
        b"Date : Thu, 01 Jan 2026 00:00:00 GMT\r\n",
        pytest.param(b"X-Long : " + b"y" * 20_000 + b"\r\n", id="long"),
    ],
)
async def test_an_answer_is_read_whatever_a_proxy_wrote_into_it(
    endpoint: MakeEndpoint, leaf: Credential, headers: bytes
) -> None:
    """In one piece and octet by octet."""
    said = answer(leaf, headers)
    scripts = [once(said)] if len(said) > 10_000 else [once(said), once_slowly(said)]
    for script in scripts:
        async with raw_server(leaf, script) as server:
            reading = await endpoint(server.address).fetch(pins(leaf))
        assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


def once_slowly(said: bytes) -> Script:
    """Make a script that says it an octet at a time."""

    async def script(_reader: StreamReader, writer: StreamWriter) -> None:
        for octet in said:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0)

    return script


async def test_bare_line_feeds_end_lines(endpoint: MakeEndpoint, leaf: Credential) -> None:
    """All of them, also the one that ends the head."""
    said = answer(leaf, b"X-Cache : miss\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    async with raw_server(leaf, once(head.replace(b"\r\n", b"\n") + b"\n\n" + body)) as server:
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


async def test_hints_come_before_an_answer(endpoint: MakeEndpoint, leaf: Credential) -> None:
    """A head that is mended, and another after it."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink : </x>\r\n\r\n"
    async with raw_server(leaf, once(hints + answer(leaf, b"X-Cache : miss\r\n"))) as server:
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


async def test_what_says_where_the_body_ends_is_never_left_out(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """A length that cannot be read is no answer, not one without a length."""
    said = answer(leaf, b"").replace(b"Content-Length", b"Content Length")
    async with raw_server(leaf, once(said)) as server:
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)


@pytest.mark.parametrize("seed", range(20))
def test_the_pieces_do_not_matter(seed: int) -> None:
    """Nor what stands in the body; the next request begins a head again."""
    chance = random.Random(seed)  # noqa: S311  cuts pieces, keeps no secret
    said = (
        b"HTTP/1.1 100 Continue\r\nA : b\r\n\r\nHTTP/1.1 200 OK\r\nC\t:\td\r\n e : f\r\n"
        b"junk\r\nTransfer Encoding: x\r\n\r\nbody : kept\r\n\r\nno header\n"
    )
    mended = said.replace(b"A :", b"A:").replace(b"C\t:", b"C:").replace(b"junk\r\n", b"")
    heads = Heads()
    for _ in range(2):
        heads.begin()
        given, left = b"", said
        while left:
            count = chance.randint(1, 30)
            given += heads.feed(left[:count])
            left = left[count:]
        assert given + heads.rest() == mended


def test_what_ends_in_the_middle_of_a_line_is_not_lost() -> None:
    """The parser has to see that it was cut."""
    heads = Heads()
    heads.begin()
    assert heads.feed(b"HTTP/1.1 200 OK\r\nX-Ca") == b"HTTP/1.1 200 OK\r\n"
    assert heads.rest() == b"X-Ca"


# --- a server that does not speak HTTP/1.1 -----------------------------------------------------


@pytest.mark.parametrize("script", [once(SETTINGS), drip(SETTINGS, b"\x00")])
async def test_http_2_is_named(endpoint: MakeEndpoint, leaf: Credential, script: Script) -> None:
    """By the frame that such a server begins with, whatever it does next."""
    async with raw_server(leaf, script) as server:
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert HTTP_2 in reading.status.error


async def test_who_hangs_up_without_a_word_may_want_http_2(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Nothing else is known of it."""
    async with raw_server(leaf, once(b"")) as server:
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert "HTTP/2" in reading.status.error


def test_a_frame_in_a_body_is_none() -> None:
    """Only what comes first is looked at for HTTP/2."""
    heads = Heads()
    heads.begin()
    with pytest.raises(httpcore.RemoteProtocolError):
        heads.feed(SETTINGS)
    heads = Heads()
    heads.begin()
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    assert heads.feed(head + SETTINGS) == head + SETTINGS


# --- a connection that something on the way has forgotten ---------------------------------------


async def test_a_kept_connection_that_is_silent_is_replaced_within_the_deadline(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """As one that a NAT has forgotten: what is sent over it is lost, and nothing comes back."""
    kept: list[ssl.SSLObject] = []

    async def script(reader: StreamReader, writer: StreamWriter) -> None:
        kept.append(writer.get_extra_info("ssl_object"))
        writer.write(answer(leaf, b""))
        await writer.drain()
        await reader.read()  # what comes later is read, and never answered

    async with raw_server(leaf, script) as server:
        asking = endpoint(server.address, timeout=2.0)
        for count in range(1, 4):
            reading = await asking.fetch(pins(leaf))
            assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
            assert len(kept) == count


async def test_one_that_goes_silent_in_its_answer_is_replaced_too(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Half an answer is none."""
    requests = 0

    async def script(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal requests
        requests += 1
        writer.write(answer(leaf, b""))
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(answer(leaf, b"")[:60])
        await reader.read()

    async with raw_server(leaf, script) as server:
        asking = endpoint(server.address, timeout=2.0)
        for _ in range(2):
            reading = await asking.fetch(pins(leaf))
            assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
    assert requests == 3


async def test_a_fresh_connection_has_the_whole_deadline(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """A slow server is not asked twice."""

    async def script(_reader: StreamReader, writer: StreamWriter) -> None:
        await asyncio.sleep(0.9)  # the deadline of a real peer, more than a quarter of it
        writer.write(answer(leaf, b"Connection: close\r\n"))

    async with raw_server(leaf, script) as server:
        reading = await endpoint(server.address, timeout=2.0).fetch(pins(leaf))
        assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
        assert server.connections == 1


async def test_a_connection_is_not_used_again_after_a_while(
    endpoint: MakeEndpoint, leaf: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever idles for longer than routers remember is closed, and a new one made."""
    monkeypatch.setattr("edgepind.observe.bounded_https.LONGEST_IDLE", 0.0)

    async def script(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            writer.write(answer(leaf, b""))
            await reader.readuntil(b"\r\n\r\n")

    async with raw_server(leaf, script) as server:
        asking = endpoint(server.address)
        await asking.fetch(pins(leaf))
        await asyncio.sleep(0.01)
        await asking.fetch(pins(leaf))
        assert server.connections == 2
