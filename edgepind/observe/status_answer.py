"""What the outputs of the jq programs mean: a usable answer, or a rejected one with its reason.

Nothing here does I/O, and nothing here decides what an answer is worth. An answer is taken
whole or not at all: where one part of it is nonsense, the rest is no ground to accept a pin on.
"""

from datetime import datetime
from typing import Any

from edgepind.formats import foreign_text, parse_rfc3339
from edgepind.model.enums import Channel
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import StatusAnswer, StatusRejected
from edgepind.observe.jq_programs import NoOutputs, Outputs

PROGRAMS = ("current", "next", "rotates_at")
"""The settings' names of the programs, in the order in which they run."""


class _RejectionError(Exception):
    """Carries why the answer is rejected, and the fingerprint where that was the cause."""

    def __init__(self, reason: str, fingerprint: RefusedFingerprint | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fingerprint = fingerprint


def read_answer(channel: Channel, outputs: Outputs | NoOutputs) -> StatusAnswer | StatusRejected:
    """Make an answer of the outputs of `PROGRAMS`.

    No output and `null` mean "there is none" for `next` and `rotates_at`; for `current` they
    are refused. A `next` that is already current announces nothing.
    """
    try:
        current, following, rotates_at = _sole_outputs(outputs)
        return _answer(channel, current, following, rotates_at)
    except _RejectionError as rejection:
        return StatusRejected(channel, rejection.reason, rejection.fingerprint)


_NOTHING = object()


def _sole_outputs(outputs: Outputs | NoOutputs) -> list[Any]:
    if isinstance(outputs, NoOutputs):
        where = "" if outputs.program is None else f"the program `{PROGRAMS[outputs.program]}`: "
        raise _RejectionError(f"{where}{outputs.reason}")
    for name, values in zip(PROGRAMS, outputs.of, strict=True):
        if len(values) > 1:
            raise _RejectionError(f"the program `{name}` found two values where one is expected")
    return [values[0] if values else _NOTHING for values in outputs.of]


def _answer(channel: Channel, current: Any, following: Any, rotates_at: Any) -> StatusAnswer:
    if current is _NOTHING:
        raise _RejectionError("the program `current` found no fingerprint in it")
    now = _fingerprint("current", current)
    later = None if _absent(following) else _fingerprint("next", following)
    return StatusAnswer(
        channel,
        current=now,
        next=None if later == now else later,
        rotates_at=None if _absent(rotates_at) else _time(rotates_at),
    )


def _absent(value: Any) -> bool:
    return value is _NOTHING or value is None


def _fingerprint(name: str, value: Any) -> Fingerprint:
    fingerprint = parse_fingerprint(value)
    if isinstance(fingerprint, RefusedFingerprint):
        shown = RefusedFingerprint(foreign_text(fingerprint.text), fingerprint.reason)
        raise _RejectionError(f"`{name}` is no fingerprint that can be pinned: {shown}", shown)
    return fingerprint


def _time(value: Any) -> datetime:
    if (instant := parse_rfc3339(value)) is not None:
        return instant
    shown = foreign_text(repr(value))
    raise _RejectionError(f"`rotates_at` is no time as RFC 3339 writes it: {shown}")
