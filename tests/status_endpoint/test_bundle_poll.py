"""`bundle.url`: asked once an hour, over a chain that reaches the public roots, with no secret."""

import asyncio
from collections.abc import Callable

from edgepind.clock import SystemClock
from edgepind.lab.pki import Credential
from edgepind.model.instants import Moment, Monotonic
from edgepind.observe.bundle_poll import EVERY, BundlePoll, NoBundle
from edgepind.observe.resolve import Resolver
from edgepind.settings.kinds import Address
from edgepind.settings.schema import CloudSettings
from tests.status_endpoint.conftest import HOST
from tests.support.raw_server import Script, raw_server

CLOCK = SystemClock()
BUNDLE = b'{"payload": "e30"}'


def answering(*answers: bytes) -> Script:
    """Answer each request with the next of these."""
    left = list(answers)

    async def answer_one(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0))
        await writer.drain()

    return answer_one


def answer(status: str, body: bytes = b"", *fields: str) -> bytes:
    """An answer that ends with its connection."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join((*lines, "", "")).encode() + body


def poll_of(address: Address, roots: str, now: Callable[[], Moment] = CLOCK.now) -> BundlePoll:
    """The poll of a site whose cloud is at this address as well."""
    cloud = CloudSettings(host=HOST, addresses=(address,), public_roots=roots, timeout=10.0)
    return BundlePoll(f"https://{HOST}/bundle", cloud, Resolver(), now)


async def test_it_is_asked_once_an_hour_and_by_its_tag(leaf: Credential, roots: str) -> None:
    """What did not change is not handed in again, unless it was refused."""
    tagged = answer("200 OK", BUNDLE, 'ETag: "one"')
    script = answering(tagged, answer("304 Not Modified"), tagged)
    instant = [10_000.0]

    def now() -> Moment:
        return Moment(Monotonic(instant[0]), SystemClock().now().wall)

    async with raw_server(leaf, script) as server:
        poll = poll_of(server.address, roots, now)
        assert await poll.poll() == BUNDLE
        assert await poll.poll() is None
        instant[0] += EVERY
        assert await poll.poll() is None
        instant[0] += EVERY
        assert await poll.poll(anew=True) == BUNDLE
    assert [b'If-None-Match: "one"' in it for it in server.received] == [False, True, False]
    assert not any(b"Authorization" in it or b"Cookie" in it for it in server.received)


async def test_what_is_no_bundle_is_told(leaf: Credential, roots: str) -> None:
    """A redirect is not followed, and a body is not read beyond its bound."""
    script = answering(
        answer("302 Found", b"", "Location: https://elsewhere.test/"),
        answer("500 Oops"),
        answer("200 OK", b" " * (64 * 1024 + 1)),
    )
    async with raw_server(leaf, script) as server:
        poll = poll_of(server.address, roots)
        found = [await poll.fetch() for _ in range(3)]
    told = [it.error for it in found if isinstance(it, NoBundle)]
    for said, part in zip(told, ("not followed", "HTTP 500", "64 KiB"), strict=True):
        assert part in said


async def test_whoever_reaches_no_public_root_is_not_heard(
    private_leaf: Credential, roots: str
) -> None:
    """The request is never sent; nor where the roots cannot be read."""
    script = answering(answer("200 OK", BUNDLE))
    async with raw_server(private_leaf, script) as server:
        assert isinstance(await poll_of(server.address, roots).fetch(), NoBundle)
        assert isinstance(await poll_of(server.address, "/nonexistent.pem").fetch(), NoBundle)
    assert not any(server.received)
