"""What one look at the endpoint makes of the reply that came; real servers on loopback."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from edgepind.lab.http1 import Response
from edgepind.lab.pki import Credential
from edgepind.model.enums import Channel
from edgepind.model.observation import (
    ClockSource,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
    StatusUnreachable,
)
from edgepind.settings.schema import StatusSettings
from tests.status_endpoint.announcements import MakeEndpoint, announcing, pins
from tests.support.recorder import Recorder, json_response, recording


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response(200, {"content-type": "text/html"}, b"<html>Log in</html>"), "HTML"),
        (json_response(None), "null"),
        (json_response({}), "null"),
        (json_response({"certificateFingerprint": None}), "null"),
        (json_response({"certificateFingerprint": "AA" * 20}), "SHA-1"),
        (json_response([1, 2]), "failed"),
        (Response(200, {}, b"{}{}"), "Extra data"),
        (Response(200, {}, b'{"a": 1, "a": 2}'), "twice"),
        (Response(200, {}, b""), "empty"),
        (Response(200, {}, b"x" * 65_537), "64 KiB"),
        (Response(200, {"content-encoding": "gzip"}, b"{}"), "damaged"),
    ],
)
async def test_an_answer_with_nothing_usable_in_it_is_rejected(
    endpoint: MakeEndpoint, leaf: Credential, answer: Response, reason: str
) -> None:
    """CONTRACT section 5: told as such, over the channel that it came by."""
    async with recording(leaf, Recorder([answer])) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusRejected)
    assert reading.status.channel is Channel.PINNED
    assert reason in reading.status.reason


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (400, b"<html><title>400 No required SSL certificate was sent</title></html>"),
        (400, b"<center><h1>400 The SSL certificate error</h1></center>"),
        (403, b"HTTP Error 403.7 - Forbidden: Client certificate required."),
    ],
)
async def test_a_refusal_for_want_of_a_client_certificate_is_named(
    endpoint: MakeEndpoint, leaf: Credential, status: int, page: bytes
) -> None:
    """The number alone tells nobody what to do."""
    answer = Response(status, {"content-type": "text/html"}, page)
    async with recording(leaf, Recorder([answer])) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert "cloud.client_certificate" in reading.status.error


async def test_two_values_are_rejected(endpoint: MakeEndpoint, leaf: Credential) -> None:
    """A program that finds two fingerprints has found none."""
    answer = json_response({"all": [str(leaf.fingerprint)] * 2})
    async with recording(leaf, Recorder([answer])) as (_, address):
        asking = endpoint(address, status=StatusSettings(current=".all[]"))
        reading = await asking.fetch(pins(leaf))
    assert isinstance(reading.status, StatusRejected)
    assert "two values" in reading.status.reason


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 403, 404, 407, 500, 502])
async def test_any_other_status_is_no_answer(
    endpoint: MakeEndpoint, leaf: Credential, status: int
) -> None:
    """Whatever its body says; and it asks for no patience."""
    answer = announcing(leaf, headers={"retry-after": "60"})
    cloud = Recorder([Response(status, answer.headers, answer.body)])
    async with recording(leaf, cloud) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert reading.status == StatusUnreachable(f"HTTP {status}", Channel.PINNED)


async def test_a_redirect_is_told_and_not_followed(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Where it would lead is the best clue to what is wrong."""
    target = "https://portal.example/login?\x1b[2J" + "x" * 500
    cloud = Recorder([Response(302, {"location": target})])
    async with recording(leaf, cloud) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.error.startswith("HTTP 302: a redirect to https://portal.example/login?")
    assert reading.status.error.isprintable()
    assert len(reading.status.error) < 250
    assert len(cloud.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "obeyed"), [("7", 7.0), ("9" * 4400, 3600.0), ("-1", None), (None, None)]
)
async def test_patience_is_passed_on_capped(
    endpoint: MakeEndpoint, leaf: Credential, status: int, asked: str | None, obeyed: float | None
) -> None:
    """429 and 503 are obeyed for an hour at most."""
    headers = {} if asked is None else {"retry-after": asked}
    async with recording(leaf, Recorder([Response(status, headers)])) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert reading.status == StatusUnreachable(f"HTTP {status}", Channel.PINNED, obeyed)


async def test_patience_until_a_date_is_counted_by_the_servers_clock(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Its clock and ours may be years apart."""
    noon = datetime(2031, 1, 1, 12, tzinfo=UTC)
    until = noon + timedelta(seconds=90)
    headers = {
        "date": format_datetime(noon, usegmt=True),
        "retry-after": format_datetime(until, usegmt=True),
    }
    async with recording(leaf, Recorder([Response(503, headers)])) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert reading.status == StatusUnreachable("HTTP 503", Channel.PINNED, 90.0)


async def test_the_date_of_a_pinned_server_is_a_witness(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Whatever its answer is otherwise worth."""
    two_hours_ago = format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True)
    cloud = Recorder(
        [announcing(leaf), Response(500, {"date": two_hours_ago}), Response(404, {"date": "x"})]
    )
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address)
        right, ahead, none = [(await asking.fetch(pins(leaf))).date for _ in range(3)]
    assert right is not None
    assert right.source is ClockSource.DATE_HEADER
    assert abs(right.ahead) <= right.uncertainty
    assert ahead is not None
    assert abs(ahead.ahead - 7200) <= ahead.uncertainty
    assert none is None


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {"age": "120"}, b"{}"),
        Response(200, {"via": "1.1 squid"}, b"{}"),
        Response(500, {"x-cache": "HIT"}),
        Response(200, {"cf-cache-status": "HIT"}, b"{}"),
    ],
)
async def test_the_date_of_a_cache_is_no_witness(
    endpoint: MakeEndpoint, leaf: Credential, answer: Response
) -> None:
    """And the request asks that none answers."""
    cloud = Recorder([answer])
    async with recording(leaf, cloud) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert reading.date is None
    [asked] = cloud.requests
    assert asked.headers["cache-control"] == "no-cache, no-store"
    assert asked.headers["pragma"] == "no-cache"


async def test_an_unchanged_answer_does_not_date_it(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """So that after a row of them a whole answer is asked for, and the tag from then on again."""
    tagged = announcing(leaf, headers={"etag": '"1"'})
    cloud = Recorder([tagged, *[Response(304)] * 9, tagged, Response(304)])
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address)
        readings = [await asking.fetch(pins(leaf)) for _ in range(12)]
    dated = [place for place, it in enumerate(readings) if it.date is not None]
    assert dated == [0, 10]
    whole = [it for it, ask in enumerate(cloud.requests) if "if-none-match" not in ask.headers]
    assert whole == [0, 10]


async def test_an_unchanged_answer_is_asked_for_by_its_tag(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """304 keeps the tag for the time after."""
    cloud = Recorder(
        [announcing(leaf, headers={"etag": 'W/"1"'}), Response(304), Response(304, {"etag": '"2"'})]
    )
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address)
        readings = [await asking.fetch(pins(leaf)) for _ in range(3)]
    assert readings[0].status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
    assert [it.status for it in readings[1:]] == [StatusUnchanged(Channel.PINNED)] * 2
    assert [it.headers.get("if-none-match") for it in cloud.requests] == [None, 'W/"1"', 'W/"1"']


async def test_a_tag_is_not_used_under_other_pins(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """What an answer is worth depends on the pins, so it is asked for whole."""
    cloud = Recorder([announcing(leaf, headers={"etag": '"1"'})])
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address)
        await asking.fetch(pins(leaf))
        await asking.fetch(pins(leaf, next_leaf))
    assert [it.headers.get("if-none-match") for it in cloud.requests] == [None, None]


async def test_a_hint_is_never_vouched_for_by_a_later_304(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """Whoever answered without a pin could have copied the cloud's own tag."""
    honest = Recorder([announcing(leaf, headers={"etag": '"1"'})])
    liar = Recorder([announcing(next_leaf, next_leaf, {"etag": '"1"'})])
    async with recording(leaf, honest) as (listener, address):
        asking = endpoint(address)
        face, liars = listener.face, type(listener.face).of("liar", next_leaf, liar)
        await asking.fetch(pins(leaf))
        await asking.close()
        listener.face = liars
        assert (await asking.fetch(pins(leaf))).status.channel is Channel.UNPINNED
        listener.face = face
        assert (await asking.fetch(pins(leaf))).status.channel is Channel.PINNED
    assert "if-none-match" not in liar.requests[0].headers
    assert "if-none-match" not in honest.requests[-1].headers


async def test_after_anything_but_a_usable_answer_it_is_asked_for_whole(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """The core remembers the latest answer only, so the tag is of that one or none."""
    tag = {"etag": '"1"'}
    cloud = Recorder(
        [
            announcing(leaf, headers=tag),
            json_response({}, tag),
            Response(500, tag),
            announcing(leaf),
        ]
    )
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address)
        for _ in range(4):
            await asking.fetch(pins(leaf))
    assert [it.headers.get("if-none-match") for it in cloud.requests] == [None, '"1"', None, None]


async def test_a_304_that_nobody_asked_for_is_no_answer(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """There is nothing that it could leave unchanged."""
    async with recording(leaf, Recorder([Response(304)])) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert reading.status == StatusUnreachable("HTTP 304", Channel.PINNED)
