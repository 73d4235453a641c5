"""What the daemon remembers comes back as it was, and every instant in it is moved."""

import hashlib
import json
import math
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import NoneType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.model.document import Pinning
from edgepind.model.enums import Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.pin import Pin
from edgepind.model.state import Debt, Edge, Guard, Settling, State
from edgepind.state.codec import NOT_KEPT
from edgepind.state.envelope import SCHEMA, Broken, Opened, Seal, open_state, rebase, seal_state

# --- states of every shape ----------------------------------------------------------------------

walls = st.datetimes(
    datetime(1500, 1, 2),  # noqa: DTZ001 - the zone is added by the strategy
    datetime(8499, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
instants = st.integers(0, 2**40).map(lambda n: Monotonic(n / 1024))
numbers = st.floats(allow_nan=False, allow_infinity=False)
octets = st.binary(min_size=32, max_size=32).map(Fingerprint)


@st.composite
def pinnings(draw: st.DrawFn) -> Pinning:
    """Such as may be written."""
    accepted = tuple(draw(st.lists(octets, min_size=1, max_size=3, unique=True)))
    return Pinning(draw(st.booleans()), accepted[0], accepted)


def strategy(hint: Any) -> st.SearchStrategy[Any]:
    """Every value that an annotation allows, by the annotation alone."""
    known: dict[Any, st.SearchStrategy[Any]] = {
        Monotonic: instants,
        datetime: walls,
        Fingerprint: octets,
        Pinning: pinnings(),
        float: numbers,
        int: st.integers(),
        str: st.text(st.characters(codec="utf-8"), max_size=12),
        bool: st.booleans(),
        NoneType: st.none(),
    }
    if hint in known:
        return known[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(
            hint, **{field.name: strategy(hints[field.name]) for field in fields(hint)}
        )
    parts = typing.get_args(hint)
    if typing.get_origin(hint) is not tuple:
        return st.one_of(*map(strategy, parts))
    if parts[-1] is ...:
        return st.lists(strategy(parts[0]), max_size=3).map(tuple)
    return st.tuples(*map(strategy, parts))


states = strategy(State)
moments = st.builds(Moment, instants, walls)
seals = st.builds(Seal, st.sampled_from(["", "boot-1"]), instants, walls, st.just("0.1.0"))


def kept(value: Any) -> Any:
    """What of a value is to come back: what is not kept has its default."""
    if isinstance(value, tuple):
        return tuple(map(kept, value))
    if not is_dataclass(value) or isinstance(value, Fingerprint | type):
        return value
    left_out = NOT_KEPT.get(type(value), frozenset())
    members = {}
    for field in fields(value):
        if field.name not in left_out:
            members[field.name] = kept(getattr(value, field.name))
        else:
            assert field.default is not MISSING
            members[field.name] = field.default
    return replace(value, **members)


def found_instants(value: Any, hint: Any) -> Iterator[Monotonic]:
    """Every instant in a value, found by its annotation."""
    if hint is Monotonic:
        yield value
    elif isinstance(hint, type) and is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        for field in fields(hint):
            yield from found_instants(getattr(value, field.name), hints[field.name])
    elif typing.get_origin(hint) is tuple:
        parts = typing.get_args(hint)
        for n, item in enumerate(value):
            yield from found_instants(item, parts[0] if parts[-1] is ... else parts[n])
    elif is_dataclass(value):
        yield from found_instants(value, type(value))
    elif value is not None:
        for part in typing.get_args(hint):
            if part is not NoneType:
                yield from found_instants(value, part)


def opened(content: bytes, now: Moment, boot: str) -> State:
    """Open what must open."""
    result = open_state(content, now, boot)
    assert isinstance(result, Opened), result
    return result.state


# --- there and back -----------------------------------------------------------------------------


@given(states, seals, moments)
def test_on_the_same_boot_the_state_comes_back_as_it_was(
    state: State, seal: Seal, now: Moment
) -> None:
    """All of it, but what is not kept; and the wall time of the seal is the floor."""
    seal = replace(seal, boot="boot-1")
    assert opened(seal_state(state, seal), now, "boot-1") == replace(kept(state), floor=seal.wall)


@given(states, seals)
def test_equal_states_are_equal_bytes(state: State, seal: Seal) -> None:
    """What is not kept makes no difference to the byte."""
    assert seal_state(state, seal) == seal_state(kept(state), seal)


def test_the_file_can_be_read_by_a_person() -> None:
    """Colon hex, words, times in UTC, one value a line; the schema says what it is."""
    pin = Pin(
        Fingerprint(b"\xaa" * 32),
        PinKind.CERTIFICATE,
        Role.CURRENT,
        Origin.OPERATOR,
        since=datetime(2027, 1, 1, tzinfo=UTC),
    )
    seal = Seal("boot-1", Monotonic(1.5), datetime(2027, 1, 2, tzinfo=UTC), "0.1.0")
    text = seal_state(State(pins=(pin,)), seal).decode()
    assert f'"schema": {SCHEMA},' in text
    assert f'"fingerprint": "{"AA:" * 31}AA",' in text
    assert '"role": "current",' in text
    assert '"since": "2027-01-01T00:00:00+00:00",' in text
    assert '"wall": "2027-01-02T00:00:00+00:00",' in text
    assert text.endswith("}\n")


# --- instants -----------------------------------------------------------------------------------


def same(left: float, right: float) -> bool:
    """Equal to a microsecond, which is more than a float of such size holds."""
    return math.isclose(left, right, rel_tol=0, abs_tol=1e-3)


@given(states, seals, moments, st.sampled_from(["", "boot-2"]))
def test_on_another_boot_every_instant_keeps_its_age(
    state: State, seal: Seal, now: Moment, boot: str
) -> None:
    """None is forgotten: each is as old as it was, and older by the time since the seal."""
    state = replace(state, next_tick=None)
    away = max(0.0, (now.wall - seal.wall).total_seconds())
    before = list(found_instants(kept(state), State))
    after = list(found_instants(opened(seal_state(state, seal), now, boot), State))
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        assert same(now.monotonic - new, (seal.monotonic - old) + away)


@given(seals, moments, instants, instants)
def test_a_reboot_reorders_nothing(
    seal: Seal, now: Moment, one: Monotonic, other: Monotonic
) -> None:
    """What lay apart lies as far apart; what was over is over."""
    move = rebase(seal, now, "boot-2")
    assert same(move(one) - move(other), one - other)
    assert move(seal.monotonic) <= now.monotonic


@given(seals, instants, instants, st.timedeltas(timedelta(0), timedelta(days=3000)))
def test_a_wall_clock_before_the_seal_makes_nothing_older_or_younger(
    seal: Seal, here: Monotonic, instant: Monotonic, back: timedelta
) -> None:
    """Hold-downs are not shortened by a clock that has run backwards."""
    before = Moment(here, max(seal.wall - back, datetime(1500, 1, 1, tzinfo=UTC)))
    move = rebase(seal, before, "boot-2")
    assert same(here - move(instant), seal.monotonic - instant)


# --- what is refused ----------------------------------------------------------------------------

SEAL = Seal("boot-1", Monotonic(1.5), datetime(2027, 1, 2, tzinfo=UTC), "0.1.0")
NOW = Moment(Monotonic(2.0), datetime(2027, 1, 2, tzinfo=UTC))
PINNING = Pinning(enabled=True, current=Fingerprint(bytes(32)), accepted=(Fingerprint(bytes(32)),))
FILLED = State(
    pins=(
        Pin(
            Fingerprint(bytes(32)),
            PinKind.SPKI,
            Role.PENDING,
            Origin.OBSERVED,
            since=SEAL.wall,
            seen_at=(("127.0.0.1:443", 3),),
        ),
    ),
    guard=Guard(openings=(Monotonic(1.0),)),
    edge=Edge(
        written=PINNING, restart=Settling(Debt(Monotonic(1.0)), since=Monotonic(1.25), settled=0.25)
    ),
)


def resealed(path: str, value: object) -> bytes:
    """The filled state with one value changed, and a checksum that fits it."""
    whole = json.loads(seal_state(FILLED, SEAL))
    *parents, last = path.split(".")
    inner: Any = whole
    for key in parents:
        inner = inner[int(key) if key.isdecimal() else key]
    if value is MISSING:
        del inner[last]
    elif isinstance(inner, list):
        inner[int(last)] = value
    else:
        inner[last] = value
    whole.pop("checksum")
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    whole["checksum"] = hashlib.sha256(canonical.encode()).hexdigest()
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("state.lockout", MISSING, "State lacks the key 'lockout'"),
        ("state.surprise", 1, "State has the unknown key 'surprise'"),
        ("state.ticks", 5, "State has the unknown key 'ticks'"),
        ("state.lockout", 1, "State.lockout is not bool"),
        ("state.edge.restart.debt.failures", True, "restart.debt.failures is not int"),
        ("state.edge.restart.debt.failures", 1.0, "restart.debt.failures is not int"),
        ("state.edge.restart.settled", "1", "State.edge.restart.settled is not a number"),
        ("state.edge.restart.settled", 10**400, "State.edge.restart.settled is not a number"),
        ("state.edge.restart.phase", "open", "State.edge.restart.phase is none of idle, owed"),
        ("state.edge.restart.phase", [], "State.edge.restart.phase is none of idle, owed"),
        ("state.edge.restart.phase", MISSING, "State.edge.restart.phase is none of"),
        ("state.edge.restart.phase", "owed", "State.edge.restart has the unknown key 'seen_well'"),
        ("state.edge.restart", None, "State.edge.restart is not an object"),
        ("state.guard.posture", "closed", "State.guard.posture is none of"),
        ("state.guard.posture", None, "State.guard.posture is none of"),
        ("state.guard.since", "yesterday", "State.guard.since is no time"),
        ("state.guard.since", "2027-01-01T00:00:00", "State.guard.since is no time"),
        ("state.guard.openings", {}, "State.guard.openings is not a list"),
        ("state.guard.openings.0", None, "State.guard.openings[0] is not a number"),
        ("state.pins.0.fingerprint", "AA:" * 19 + "AA", "SHA-1"),
        ("state.pins.0.seen_at.0", ["127.0.0.1:443"], "has 1 parts, not 2"),
        ("state.pins.0", None, "State.pins[0] is not an object"),
        ("state.edge.written.accepted", [], "never empty"),
        ("saved.monotonic", None, "Seal.monotonic is not a number"),
        ("saved", MISSING, "consist of"),
        ("surprise", 1, "consist of"),
        ("schema", SCHEMA + 1, "a newer release of edgepind wrote it"),
        ("schema", 0, "checksum"),
        ("schema", "1", "schema"),
        ("schema", MISSING, "schema"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_path(path: str, value: object, reason: str) -> None:
    """Strict: nothing is guessed, dropped or filled in."""
    broken = open_state(resealed(path, value), NOW, "boot-1")
    assert isinstance(broken, Broken)
    assert reason in broken.reason


def test_what_is_changed_to_itself_is_not_refused() -> None:
    """The test's own way of changing a value is sound."""
    assert opened(resealed("state.pins.0.role", "pending"), NOW, "boot-1") == replace(
        FILLED, floor=SEAL.wall
    )


def test_cut_at_any_byte_it_is_noticed() -> None:
    """Nothing but the last line feed can be missing."""
    whole = seal_state(FILLED, SEAL)
    for cut in range(len(whole) - 1):
        assert isinstance(open_state(whole[:cut], NOW, "boot-1"), Broken), cut
    assert opened(whole[:-1], NOW, "boot-1") == replace(FILLED, floor=SEAL.wall)


@pytest.mark.parametrize("bit", [1, 4, 32, 128])
def test_any_byte_flipped_is_noticed_or_harmless(bit: int) -> None:
    """Either the state is what it was (a space became another), or it is broken."""
    whole = seal_state(FILLED, SEAL)
    survived = 0
    for position, octet in enumerate(whole):
        flipped = whole[:position] + bytes([octet ^ bit]) + whole[position + 1 :]
        result = open_state(flipped, NOW, "boot-1")
        if isinstance(result, Opened):
            survived += 1
            assert result.state == replace(FILLED, floor=SEAL.wall)
    assert survived < len(whole) / 10


@given(st.binary(max_size=200))
def test_noise_is_broken(noise: bytes) -> None:
    """Whatever the bytes are: a value, not an exception."""
    assert isinstance(open_state(noise, NOW, "boot-1"), Broken)


def test_a_changed_value_is_noticed_by_the_checksum() -> None:
    """Also where the value would fit."""
    content = seal_state(FILLED, SEAL).replace(b'"lockout": false', b'"lockout": true')
    broken = open_state(content, NOW, "boot-1")
    assert isinstance(broken, Broken)
    assert "checksum" in broken.reason


def test_the_believed_time_is_carried_into_the_next_boot() -> None:
    """As it was at the seal: how long the host was off is the wall clock's word alone."""
    began, seal = datetime(2027, 1, 1, tzinfo=UTC), replace(SEAL, monotonic=Monotonic(5000.0))
    content = seal_state(State(began=began), seal)
    now = Moment(Monotonic(10.0), seal.wall)
    assert opened(content, now, seal.boot).began == began
    for boot in ("", "another"):
        carried = opened(content, now, boot).began
        assert carried == began + timedelta(seconds=4990)
    absurd = seal_state(State(began=began), replace(seal, monotonic=Monotonic(1e15)))
    assert opened(absurd, now, "another").began is None
