"""Each field of an answer is judged by itself; where no fingerprint is in it, it is rejected."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.model.enums import Channel
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import StatusAnswer, StatusRejected
from edgepind.observe.status_answer import Failed, NoOutputs, Outputs, read_answer

A = Fingerprint(bytes(range(32)))
B = Fingerprint(bytes(range(32, 64)))


def read(
    current: tuple[Any, ...], following: tuple[Any, ...] = (), rotates_at: tuple[Any, ...] = ()
) -> StatusAnswer | StatusRejected:
    """Read the outputs of the three programs, as if they had come over a pinned channel."""
    return read_answer(Channel.PINNED, Outputs((current, following, rotates_at)))


def test_a_whole_announcement_is_read() -> None:
    """All three parts, in whatever notation section 1 allows."""
    answer = read((f"SHA256 Fingerprint={A}",), (B.octets.hex(),), ("2027-01-02T03:04:05+01:00",))
    rotates_at = datetime(2027, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert answer == StatusAnswer(Channel.PINNED, A, B, rotates_at)


@pytest.mark.parametrize("nothing", [(), (None,), ("",), (" ",)])
def test_no_output_null_and_no_text_announce_nothing(nothing: tuple[Any, ...]) -> None:
    """All are how a cloud says that no rotation is planned."""
    assert read((str(A),), nothing, nothing) == StatusAnswer(Channel.PINNED, A)


def test_a_next_that_is_already_current_announces_nothing() -> None:
    """After the rotation some clouds leave the field as it was."""
    assert read((str(A),), (str(A),)) == StatusAnswer(Channel.PINNED, A)


def ignored(answer: StatusAnswer | StatusRejected) -> dict[str, str]:
    """Why each field that was not understood was left out."""
    assert isinstance(answer, StatusAnswer)
    return {it.field: it.reason for it in answer.ignored}


NO_FINGERPRINT = [
    (("null",), "null"),
    ((str(A), str(B)), "two values"),
    (([str(A), str(B)],), "it is list"),
    (({"a": 1},), "it is dict"),
    ((1,), "it is int"),
    ((False,), "it is bool"),
    (("AA:" * 19 + "AA",), "SHA-1"),
    (("AA" * 16,), "MD5"),
    (("AA" * 31,), "31 octets"),
    (("not hex",), "not hex"),
]


@pytest.mark.parametrize(("value", "reason"), NO_FINGERPRINT)
def test_what_cannot_be_pinned_takes_nothing_from_the_other(
    value: tuple[Any, ...], reason: str
) -> None:
    """CONTRACT section 5: weak, malformed and two values are each told as such, by their field."""
    without_next = read((str(A),), value, ("2027-01-02T03:04:05Z",))
    assert isinstance(without_next, StatusAnswer)
    assert (without_next.current, without_next.next) == (A, None)
    assert without_next.rotates_at == datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert reason in ignored(without_next)["next"]
    without_current = read(value, (str(B),))
    assert isinstance(without_current, StatusAnswer)
    assert (without_current.current, without_current.next) == (None, B)
    assert reason in ignored(without_current)["current"]
    both = read(value, value, ("2027-01-02T03:04:05Z",))
    assert isinstance(both, StatusRejected)
    assert reason in both.reason
    assert "current" in both.reason
    assert "next" in both.reason


@pytest.mark.parametrize("nothing", [(), (None,), ("",)])
def test_no_fingerprint_at_all_is_no_answer(nothing: tuple[Any, ...]) -> None:
    """Whatever the time says."""
    rejected = read(nothing, nothing, ("2027-01-02T03:04:05Z",))
    assert isinstance(rejected, StatusRejected)
    assert "found no fingerprint" in rejected.reason
    assert read(nothing, (str(B),)) == StatusAnswer(Channel.PINNED, None, B)


@pytest.mark.parametrize(
    "rotates_at",
    [
        "tomorrow",
        "2027-01-02T03:04:05",
        "2027-W01-1T00:00:00Z",
        "2027-13-02T03:04:05Z",
        "2027-01-02T03:04:05+24:00",
        "2027-01-02T03Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59Z",
        "٢٠٢٧-01-02T03:04:05Z",
        "1" * 5000,
        0,
        -1,
        2027,
        20270102,
        10**400,
        float("nan"),
        float("inf"),
        1e300,
        True,
        ["2027-01-02T03:04:05Z"],
        {"seconds": 1_798_000_000},
    ],
)
def test_what_is_no_time_takes_nothing_from_the_pins(rotates_at: object) -> None:
    """It is named, and ignored."""
    answer = read((str(A),), (str(B),), (rotates_at,))
    assert isinstance(answer, StatusAnswer)
    assert (answer.current, answer.next, answer.rotates_at) == (A, B, None)
    assert "ISO 8601" in ignored(answer)["rotates_at"]


@pytest.mark.parametrize(
    ("value", "second", "micros"),
    [
        ("2026-12-05T10:00Z", 0, 0),
        ("2026-12-05t10:00z", 0, 0),
        ("2026-12-05 10:00Z", 0, 0),
        ("2026-12-05 10:00:07 +0000", 7, 0),
        ("2026-12-05T10:00:07+0000", 7, 0),
        ("2026-12-05T10:00+00", 0, 0),
        ("2026-12-05T11:00:07+01:00", 7, 0),
        ("2026-12-05T04:30:07-0530", 7, 0),
        ("2026-12-05T10:00:07.5Z", 7, 500_000),
        ("2026-12-05T10:00:07,1234567Z", 7, 123_456),
        ("2026-12-05T10:00:07.123456789123456789123456789Z", 7, 123_456),
        ("2026-12-05T10:00:07.000+00:00[UTC]", 7, 0),
        ("2026-12-05T11:00+01:00[Europe/Berlin]", 0, 0),
        (" 2026-12-05T10:00:07Z\n", 7, 0),
        (1_796_464_807, 7, 0),
        (1_796_464_807.25, 7, 250_000),
        (1_796_464_807_250, 7, 250_000),
        ("1796464807", 7, 0),
        ("1796464807250", 7, 250_000),
        ("1796464807.25", 7, 250_000),
    ],
)
def test_a_time_is_read_as_serialisers_write_it(value: object, second: int, micros: int) -> None:
    """With or without seconds, any fraction, any spelling of the offset; numbers since 1970."""
    answer = read((str(A),), (), (value,))
    assert isinstance(answer, StatusAnswer)
    assert answer.ignored == ()
    assert answer.rotates_at == datetime(2026, 12, 5, 10, 0, second, micros, tzinfo=UTC)


def test_a_date_alone_begins_at_midnight() -> None:
    """In UTC, for want of any other."""
    answer = read((str(A),), (), ("2026-12-05",))
    assert isinstance(answer, StatusAnswer)
    assert answer.rotates_at == datetime(2026, 12, 5, tzinfo=UTC)


def test_a_program_that_failed_takes_nothing_from_the_others() -> None:
    """It is named as the settings name it, for the person who wrote it."""
    answer = read_answer(Channel.PINNED, Outputs(((str(A),), (str(B),), Failed("no date"))))
    assert isinstance(answer, StatusAnswer)
    assert (answer.current, answer.next, answer.rotates_at) == (A, B, None)
    assert ignored(answer) == {"rotates_at": "the program `rotates_at`: no date"}


def test_a_program_that_failed_is_named_as_the_settings_name_it() -> None:
    """The person who wrote the program has to find it."""
    failed = read_answer(Channel.UNPINNED, NoOutputs("it does not compile", program=2))
    assert failed == StatusRejected(
        Channel.UNPINNED, "the program `rotates_at`: it does not compile"
    )
    no_child = read_answer(Channel.PINNED, NoOutputs("the jq child could not be started"))
    assert no_child == StatusRejected(Channel.PINNED, "the jq child could not be started")


_OUTPUT = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.tuples(*[st.lists(_OUTPUT, max_size=2).map(tuple)] * 3))
def test_whatever_the_programs_found_the_answer_is_a_value(
    outputs: tuple[tuple[Any, ...], ...],
) -> None:
    """No output raises, and no reason steers a terminal."""
    answer = read_answer(Channel.PINNED, Outputs(outputs))
    if isinstance(answer, StatusRejected):
        assert answer.reason.isprintable()
        assert len(answer.reason) < 500
