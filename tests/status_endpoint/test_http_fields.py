"""Header fields of a hostile server: bounded values or nothing, never an exception."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.model.observation import ClockReading, ClockSource
from edgepind.observe.http_fields import (
    date_reading,
    http_date,
    retry_after,
    usable_tag,
    was_cached,
)

NOON = datetime(2027, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Mar 2027 12:00:00 GMT",
        "Monday, 01-Mar-27 12:00:00 GMT",
        "Mon Mar  1 12:00:00 2027",
        "Mon, 01 Mar 2027 13:00:00 +0100",
    ],
)
def test_every_form_of_an_http_date_is_read(value: str) -> None:
    """RFC 9110 section 5.6.7 asks recipients to accept all three."""
    assert http_date(value) == NOON


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "yesterday",
        "Mon, 99 Mar 2027 12:00:00 GMT",
        "Mon, 01 Mar 1212 12:00:00 GMT",
        "Mon, 01 Mar 9999 12:00:00 GMT",
        "Mon, 01 Mar 2027 12:00:00 +9999999999",
        "Mon, 01 Mar 2027 12:00:00 GMT" + " " * 100,
        "Mon, 01 Mar 2027 12:00:00 GMT, Mon, 01 Mar 2027 12:00:00 GMT, Mon",
    ],
)
def test_what_is_no_date_is_none(value: str | None) -> None:
    """Malformed, repeated and out of all calendars."""
    assert http_date(value) is None


@given(st.text(max_size=80))
def test_no_date_raises(value: str) -> None:
    """The standard library's parser has raised four kinds of exception in its time."""
    http_date(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("3601", 3600.0),
        ("9" * 5000, 3600.0),
        ("Mon, 01 Mar 2027 12:10:00 GMT", 600.0),
        ("Mon, 01 Mar 2027 11:00:00 GMT", 0.0),
        ("Fri, 01 Mar 2047 12:00:00 GMT", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("\u0661\u0662", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_patience_is_obeyed_up_to_an_hour_and_never_negative(
    value: str | None, seconds: float | None
) -> None:
    """CONTRACT section 11; both forms of RFC 9110 section 10.2.3."""
    assert retry_after(value, None, NOON) == seconds


def test_a_date_to_wait_for_is_counted_by_the_servers_own_clock() -> None:
    """A host whose clock is wrong by a day would otherwise wait for an hour, or not at all."""
    day_ahead = NOON + timedelta(days=1)
    assert retry_after("Mon, 01 Mar 2027 12:10:00 GMT", NOON, day_ahead) == 600.0


def test_a_right_clock_is_within_the_uncertainty_whenever_the_date_was_written() -> None:
    """The field is cut to whole seconds and was written at some time within the round trip."""
    for late in range(0, 1000, 50):
        for travel in (0.0, 1.0, 2.0):
            arrived = NOON + timedelta(milliseconds=late) + timedelta(seconds=travel)
            reading = date_reading("Mon, 01 Mar 2027 12:00:00 GMT", None, arrived, 2.0)
            assert reading is not None
            assert abs(reading.ahead) <= reading.uncertainty


def test_a_wrong_clock_shows_on_the_right_side() -> None:
    """Ahead is positive."""
    reading = date_reading("Mon, 01 Mar 2027 12:00:00 GMT", None, NOON + timedelta(hours=2), 0.0)
    assert reading == ClockReading(ClockSource.DATE_HEADER, 7199.5, 1.0)


def test_an_answer_from_a_cache_is_no_witness() -> None:
    """Its date is as old as its `Age` says, or older."""
    assert date_reading("Mon, 01 Mar 2027 12:00:00 GMT", "0", NOON, 0.1) is None


@pytest.mark.parametrize("tag", ['"abc"', 'W/"abc"', '""', '"' + "a" * 200 + '"'])
def test_an_entity_tag_is_sent_back_as_it_came(tag: str) -> None:
    """Weak ones too: If-None-Match compares weakly (RFC 9110, section 13.1.2)."""
    assert usable_tag(tag) == tag


@pytest.mark.parametrize(
    "tag", [None, "", '"', "abc", '"a"b"', '"a\r\nb"', '"a b"', '"\xe9"', '"' + "a" * 300 + '"']
)
def test_a_tag_that_might_break_our_request_is_not_sent(tag: str | None) -> None:
    """Too long, not quoted, or more than visible ASCII."""
    assert usable_tag(tag) is None


@pytest.mark.parametrize(
    "name",
    [
        *("Age", "Via", "Warning", "X-Cache", "X-Cache-Hits", "CF-Cache-Status", "Cache-Status"),
        *("X-Proxy-Cache", "x-varnish", "Akamai-Cache-Status", "X-Cache-Lookup ", "CDN-Cache"),
    ],
)
def test_a_cache_gives_itself_away(name: str) -> None:
    """By the name of the field, whatever it says."""
    assert was_cached(("date", name, "content-type"))


def test_an_answer_about_caches_is_no_caches_answer() -> None:
    """`Cache-Control` is the origin's word."""
    assert not was_cached(("Date", "Cache-Control", "ETag", "Server", "X-Request-Id"))
