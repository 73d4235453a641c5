"""An answer of the status endpoint is taken whole or rejected with its reason."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.model.enums import Channel
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import StatusAnswer, StatusRejected
from edgepind.observe.status_answer import NoOutputs, Outputs, read_answer

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


@pytest.mark.parametrize("nothing", [(), (None,)])
def test_no_output_and_null_announce_nothing(nothing: tuple[Any, ...]) -> None:
    """Both are how a cloud says that no rotation is planned."""
    assert read((str(A),), nothing, nothing) == StatusAnswer(Channel.PINNED, A)


def test_a_next_that_is_already_current_announces_nothing() -> None:
    """After the rotation some clouds leave the field as it was."""
    assert read((str(A),), (str(A),)) == StatusAnswer(Channel.PINNED, A)


@pytest.mark.parametrize(
    ("current", "reason"),
    [
        ((), "found no fingerprint"),
        ((None,), "null"),
        (("null",), "null"),
        (("",), "empty"),
        ((str(A), str(B)), "two values"),
        (([str(A), str(B)],), "it is list"),
        (({"a": 1},), "it is dict"),
        ((1,), "it is int"),
        ((False,), "it is bool"),
        (("AA:" * 19 + "AA",), "SHA-1"),
        (("AA" * 16,), "MD5"),
        (("AA" * 31,), "31 octets"),
        (("not hex",), "not hex"),
    ],
)
def test_a_current_that_cannot_be_pinned_rejects_the_answer(
    current: tuple[Any, ...], reason: str
) -> None:
    """CONTRACT section 5: null, weak, malformed and two values are each told as such."""
    rejected = read(current, (str(B),))
    assert isinstance(rejected, StatusRejected)
    assert reason in rejected.reason
    assert "current" in rejected.reason


@pytest.mark.parametrize("following", [("AA" * 20,), ("null",), (1,), (str(A), str(B))])
def test_a_next_that_cannot_be_pinned_rejects_the_answer(following: tuple[Any, ...]) -> None:
    """A weak fingerprint is not quietly left out: somebody must learn of it."""
    rejected = read((str(A),), following)
    assert isinstance(rejected, StatusRejected)
    assert "next" in rejected.reason


@pytest.mark.parametrize(
    "rotates_at",
    [
        "tomorrow",
        "2027-01-02",
        "2027-01-02T03:04:05",
        "20270102T030405Z",
        "2027-W01-1T00:00:00Z",
        "2027-13-02T03:04:05Z",
        "2027-01-02T03:04:05+24:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59Z",
        "٢٠٢٧-01-02T03:04:05Z",
        1_798_000_000,
        True,
        ["2027-01-02T03:04:05Z"],
    ],
)
def test_a_time_that_is_not_rfc_3339_rejects_the_answer(rotates_at: object) -> None:
    """Where one part of an answer is nonsense, no pin is accepted on its account."""
    rejected = read((str(A),), (str(B),), (rotates_at,))
    assert isinstance(rejected, StatusRejected)
    assert "RFC 3339" in rejected.reason


@pytest.mark.parametrize("text", ["2027-01-02t03:04:05z", "2027-01-02 03:04:05.123456789Z"])
def test_every_form_of_rfc_3339_is_read(text: str) -> None:
    """Lower case, a space and any number of digits are all in section 5.6."""
    answer = read((str(A),), (), (text,))
    assert isinstance(answer, StatusAnswer)
    assert answer.rotates_at is not None
    assert answer.rotates_at.replace(microsecond=0) == datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


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
