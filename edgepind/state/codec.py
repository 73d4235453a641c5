"""Frozen dataclasses to JSON values and back, driven by their fields and annotations.

Strict on the way in: an unknown key, a missing one or a value of another type is refused by its
path. Every annotation that is not understood is a programming error and raises TypeError; so a
new field is either kept right or noticed by the first test. A value of a closed union of data
classes says by its `phase` which of them it is.

`NOT_KEPT` lists what changes at every tick and is known again after the first one: left out, so
that a steady state stays the same to the byte. It takes its default when loaded.
"""

import math
import typing
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union

from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.model.instants import Monotonic
from edgepind.model.pin import Pin
from edgepind.model.state import ClockJudgement, LastServed, ServedLeaf, State, StatusMemory

NOT_KEPT: dict[type, frozenset[str]] = {
    # `reason` and `addresses` say what the last tick saw; `floor` follows from `began`.
    State: frozenset({"reason", "addresses", "last", "last_good", "next_tick", "ticks", "floor"}),
    # An instant within one run of the daemon.
    Pin: frozenset({"last_seen"}),
    # Counts looks of this run; what was live is kept, and is live until the first look.
    ServedLeaf: frozenset({"seen", "first", "finding", "wider"}),
    LastServed: frozenset({"looks", "since_full"}),
    # Our own pace, which begins anew; what the server told is kept.
    StatusMemory: frozenset({"not_before", "failures", "rejected", "unpinned_in_a_row"}),
    # Moves by milliseconds all the time; whether the clock is trusted is kept.
    ClockJudgement: frozenset({"error"}),
}

_PHASE = "phase"
_T = TypeVar("_T")
Move = Callable[[Monotonic], Monotonic]
"""What becomes of an instant that was kept: see `state.envelope`."""


def unmoved(instant: Monotonic) -> Monotonic:
    """Leave instants as they stand: they were kept on this very boot, or there are none."""
    return instant


class Misfit(Exception):  # noqa: N818 - it names what was found, as the values do
    """A JSON value that is not what its annotation asks for; the text names the path."""


def encode(value: Any) -> Any:
    """Turn a value into JSON's: readable, and the same for equal values."""
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if is_dataclass(value) and not isinstance(value, Fingerprint):
        kind: Any = type(value)
        members = {field.name: encode(getattr(value, field.name)) for field in _kept(kind)}
        phase = _phase(kind)
        return members if phase is None else {_PHASE: phase.value, **members}
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, str | Fingerprint):
        # What came from outside may hold half a surrogate pair, which no file can.
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    raise TypeError(f"{type(value).__name__} is not kept in JSON")


def decode(kind: type[_T], value: Any, move: Move) -> _T:
    """Turn a JSON value back into `kind`, with every `Monotonic` in it moved. Raises Misfit."""
    decoded: _T = _decode(kind, value, move, kind.__name__)
    return decoded


def _decode(kind: Any, value: Any, move: Move, where: str) -> Any:
    if kind is Monotonic:
        return move(Monotonic(_number(value, where)))
    origin = typing.get_origin(kind)
    if origin in (Union, UnionType):
        return _decode_union(kind, value, move, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), value, move, where)
    if is_dataclass(kind) and kind is not Fingerprint:
        return _decode_dataclass(kind, value, move, where)
    return _decode_plain(kind, value, where)


def _decode_union(kind: Any, value: Any, move: Move, where: str) -> Any:
    choices = [choice for choice in typing.get_args(kind) if choice is not NoneType]
    if len(choices) == 1:  # X | None
        return None if value is None else _decode(choices[0], value, move, where)
    phases = {phase: choice for choice in choices if (phase := _phase(choice)) is not None}
    if len(phases) != len(choices):
        raise TypeError(f"{where}: only X | None and a union of phases are understood, not {kind}")
    if not isinstance(value, dict):
        raise Misfit(f"{where} is not an object")
    members = {key: it for key, it in value.items() if key != _PHASE}
    for phase, choice in phases.items():
        if value.get(_PHASE) == phase:
            return _decode(choice, members, move, where)
    raise Misfit(f"{where}.{_PHASE} is none of {', '.join(phases)}")


def _phase(kind: Any) -> StrEnum | None:
    """What tells a data class of a closed union from the others; None: it is in no such union."""
    phase = getattr(kind, _PHASE, None)
    return phase if isinstance(phase, StrEnum) else None


def _decode_tuple(kinds: tuple[Any, ...], value: Any, move: Move, where: str) -> Any:
    if not isinstance(value, list):
        raise Misfit(f"{where} is not a list")
    if len(kinds) == 2 and kinds[1] is ...:  # noqa: PLR2004 - tuple[X, ...]
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise Misfit(f"{where} has {len(value)} parts, not {len(kinds)}")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_decode(kind, item, move, f"{where}[{n}]") for n, (kind, item) in pairs)


def _decode_dataclass(kind: Any, value: Any, move: Move, where: str) -> Any:
    names = [field.name for field in _kept(kind)]
    if not isinstance(value, dict):
        raise Misfit(f"{where} is not an object")
    if unknown := value.keys() - set(names):
        raise Misfit(f"{where} has the unknown key {min(unknown)!a}")
    if missing := [name for name in names if name not in value]:
        raise Misfit(f"{where} lacks the key {missing[0]!a}")
    hints = typing.get_type_hints(kind)
    members = {n: _decode(hints[n], value[n], move, f"{where}.{n}") for n in names}
    try:
        return kind(**members)
    except ValueError as error:  # an allowlist that is empty, say
        raise Misfit(f"{where}: {error}") from error


def _decode_plain(kind: Any, value: Any, where: str) -> Any:
    if kind is Fingerprint:
        fingerprint = parse_fingerprint(value)
        if isinstance(fingerprint, RefusedFingerprint):
            raise Misfit(f"{where}: {fingerprint}")
        return fingerprint
    if kind is datetime:
        return _instant(value, where)
    if kind is float:
        return _number(value, where)
    if kind in (bool, int, str):
        if type(value) is not kind:
            raise Misfit(f"{where} is not {kind.__name__}")
        return value
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if not isinstance(value, str) or value not in set(kind):
            raise Misfit(f"{where} is none of {', '.join(kind)}")
        return kind(value)
    raise TypeError(f"{where}: {kind} is not understood")


def _number(value: Any, where: str) -> float:
    try:
        if type(value) in (int, float) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass  # an integer beyond every float, told below
    raise Misfit(f"{where} is not a number")


def _instant(value: Any, where: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass  # told below
    raise Misfit(f"{where} is no time with a zone")


def as_kept(value: _T) -> _T:
    """`value` as it is read back: what is not kept takes its default, here and in its parts."""
    if isinstance(value, tuple):
        return type(value)(map(as_kept, value))
    if not is_dataclass(value) or isinstance(value, Fingerprint):
        return value
    kind: Any = type(value)
    kept: _T = kind(**{it.name: as_kept(getattr(value, it.name)) for it in _kept(kind)})
    return kept


@cache  # asked some thirty times a tick
def _kept(kind: Any) -> tuple[Field[Any], ...]:
    left_out = NOT_KEPT.get(kind, frozenset())
    kept = [field for field in fields(kind) if field.name not in left_out]
    for field in fields(kind):
        default = (field.default, field.default_factory)
        if field.name in left_out and default == (MISSING, MISSING):
            raise TypeError(f"{kind.__name__}.{field.name} is left out and has no default")
    return tuple(kept)
