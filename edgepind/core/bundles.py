"""Signed pin bundles: which are taken, and what follows from one (CONTRACT section 12).

Theory of operation. The shell hands in bundles whose signature is good, and what it had to refuse.
One that is for this host and kind, in time, and has a higher serial than any accepted before is
the operator's word, under every policy:

- its pins are accepted at once, in the role that it names; one with a `not_before` waits in
  `BundleMemory.waiting`, and a later bundle takes the place of all that wait;
- after its `not_after` a pin lapses unless it is live (`core.activation`);
- what it revokes is removed as by `pin remove`, also where it is live, but only where another
  accepted pin is left. Otherwise the whole bundle is refused.

The serial is compared with what the state and root's helper remember, so that an old bundle stays
refused when the state is lost. The bundle that is in force is no fault where it comes again. A
bundle is judged by the time of a trusted clock, else by the time that a better source tells; while
there is none it waits, for neither its end nor its beginning is known to be over.

It must never be that a bundle leaves no accepted pin, or that something live goes that none names.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edgepind.core.messages import span
from edgepind.core.pin_commands import add_pin, take_away
from edgepind.core.tick import Tick
from edgepind.model.bundle import BundlePin, KeptSerial, RefusedBundle, SignedBundle
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Origin, Role, Severity
from edgepind.model.observation import ClockSource
from edgepind.model.pin import accepted
from edgepind.model.state import State

KEPT = 16
"""How many refusals are remembered, so that each is told once and need not be kept."""

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a bundle is not taken, and what to do, each a clause. `waits`: it may be taken later."""

    reason: str
    remedy: str
    waits: bool = False


_MAKE_ANEW = "make a new one with `edgepind bundle make`"
_CLOCK = Objection(
    "this host's clock is known to be wrong, so whether it is in time cannot be told",
    "set the clock (`chronyc tracking`, `timedatectl`); the bundle is kept and judged then",
    waits=True,
)


def note_bundles(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Take what may be taken of this tick's bundles, and the pins whose time has come."""
    events: tuple[Event, ...] = ()
    signed = [it for it in tick.seen.words if isinstance(it, SignedBundle)]
    for refused in tick.seen.words:
        if isinstance(refused, RefusedBundle):
            objection = Objection(refused.reason, refused.remedy)
            state, more = _refuse(state, objection, refused.source, refused.digest)
            events += more
    for word in sorted(signed, key=lambda it: it.bundle.serial):
        objected = objection_to(state, word, tick)
        if objected is not None:
            state, more = _refuse(state, objected, word.source, word.digest)
        elif word.own == state.bundle.accepted:
            continue  # it is in force, and came again
        else:
            state, more = _apply(state, word, tick)
        events += more
    state, more = _let_in(state, tick)
    return state, (*events, *more)


def objection_to(state: State, word: SignedBundle, tick: Tick) -> Objection | None:
    """Why a bundle with a good signature is not taken; None where it is, or is in force."""
    bundle, rules = word.bundle, tick.rules
    if bundle.host != rules.host:
        reason = f"it is for {bundle.host}, and this site watches {rules.host}"
        return Objection(reason, f"make one with `edgepind bundle make {rules.host}`")
    if bundle.kind is not rules.pins.kind:
        return Objection(
            f"its pins are of kind {bundle.kind}, and those of this site of kind {rules.pins.kind}",
            "make one with the settings of this site, or change pins.kind",
        )
    if word.own == state.bundle.accepted:
        return None
    return _old(word, state) or _out_of_time(word, state, tick) or _empties(word, state)


def _old(word: SignedBundle, state: State) -> Objection | None:
    serial, known = word.bundle.serial, highest(state, word.kept)
    if serial > known.serial or word.own == known:
        return None
    if serial == known.serial:
        return Objection(
            f"another bundle with the serial {serial} was accepted",
            f"give each its own: {_MAKE_ANEW} --serial {known.serial + 1}",
        )
    return Objection(
        f"its serial {serial} is not above {known.serial}, which was accepted before",
        f"it may be an old one that somebody plays again; else {_MAKE_ANEW} and a higher --serial",
    )


def highest(state: State, kept: KeptSerial) -> KeptSerial:
    """The highest serial that anybody remembers."""
    return max(state.bundle.accepted, kept, key=lambda it: it.serial)


def _out_of_time(word: SignedBundle, state: State, tick: Tick) -> Objection | None:
    bundle, times = word.bundle, _times(state, tick)
    if not times:
        return _CLOCK
    ahead = (bundle.issued_at - min(times)).total_seconds()
    if ahead > tick.rules.max_clock_error:
        return Objection(
            f"it is issued {span(ahead)} in the future",
            "set the clock of the workstation that made it, or of this host, whichever is wrong",
        )
    if max(times) >= bundle.expires:
        return Objection(f"it expired on {_spoken(bundle.expires)}", _MAKE_ANEW)
    if bundle.serial > (bundle.issued_at.timestamp() + 1) * _MICROSECONDS:
        # Else one bundle of a stolen key could bar all that come after it.
        return Objection(
            f"its serial {bundle.serial} is above the microseconds since 1970 at which it was "
            "issued, so that no later one could follow it",
            f"{_MAKE_ANEW}, whose serial is the seconds since 1970 unless --serial is given",
        )
    return None


def _times(state: State, tick: Tick) -> tuple[datetime, ...]:
    """Every time that it may be now; empty where that is not known.

    An untrusted clock gives way to the source that is believed. Where that is a `Date` alone, which
    may be stale, both must hold. No time is before what an earlier run has stored.
    """
    clock, wall = tick.clock, tick.now.wall
    if clock.trusted:
        times: tuple[datetime, ...] = (wall,)
    elif clock.error is None or clock.source is ClockSource.NONE:
        return ()
    else:
        told = wall - timedelta(seconds=clock.error)
        times = (told, wall) if clock.source is ClockSource.DATE_HEADER else (told,)
    return tuple(max(it, state.floor or it) for it in times)


def _empties(word: SignedBundle, state: State) -> Objection | None:
    """A pin that only waits does not help; one that is named and not revoked does."""
    revoked, named = set(word.bundle.revoked), word.bundle.pins
    there = accepted(state.pins)
    left = any(it.fingerprint not in revoked for it in there)
    takes_place = any(it.not_before is None and it.fingerprint not in revoked for it in named)
    if not there or left or takes_place:
        return None
    return Objection(
        "it revokes every accepted pin, and the Edge would be locked out",
        f"{_MAKE_ANEW} that names the pin which takes their place",
    )


# --- what follows -----------------------------------------------------------------------------


def _apply(state: State, word: SignedBundle, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    bundle = word.bundle
    memory = replace(
        state.bundle,
        accepted=word.own,
        issued_at=bundle.issued_at,
        expires=bundle.expires,
        source=word.source,
        waiting=tuple(it for it in bundle.pins if it.not_before is not None),
        told=(),
    )
    state = replace(state, bundle=memory)
    events: tuple[Event, ...] = (_applied(word),)
    for pin in (it for it in bundle.pins if it.not_before is None):
        state, more = _accept(state, pin, tick)
        events += more
    state, more = _let_in(state, tick)
    events += more
    for fingerprint in bundle.revoked:
        state, more = take_away(state, fingerprint, "a signed bundle revokes it", tick)
        events += more
    return state, events


def _let_in(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Accept the waiting pins whose `not_before` is over by every clock in question."""
    times = _times(state, tick) if state.bundle.waiting else ()
    if not times:
        return state, ()
    due = [it for it in state.bundle.waiting if it.not_before and it.not_before <= min(times)]
    if not due:
        return state, ()
    rest = tuple(it for it in state.bundle.waiting if it not in due)
    state = replace(state, bundle=replace(state.bundle, waiting=rest))
    events: tuple[Event, ...] = ()
    for pin in due:
        if pin.not_after is None or max(times) <= pin.not_after:
            state, more = _accept(state, pin, tick)
            events += more
    return state, events


def _accept(state: State, pin: BundlePin, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """As `pin add` does. A pin that an operator added stays the operator's, and does not lapse."""
    key = (tick.rules.pins.kind, pin.fingerprint)
    origins = {it.key: it.origin for it in accepted(state.pins)}
    if origins.get(key) is Origin.OPERATOR:
        return add_pin(state, pin.fingerprint, pin.role, Origin.OPERATOR, tick)
    return add_pin(state, pin.fingerprint, pin.role, Origin.BUNDLE, tick, pin.not_after)


def _refuse(
    state: State, objection: Objection, source: str, digest: str
) -> tuple[State, tuple[Event, ...]]:
    """Tell it once; one that need not be kept is remembered as refused."""
    memory, key = state.bundle, f"{source}: {objection.reason}"
    if not objection.waits and digest not in memory.refused:
        memory = replace(memory, refused=(*memory.refused, digest)[-KEPT:])
    events = () if key in memory.told else (_rejected(objection, source),)
    told = (*(it for it in memory.told if it != key), key)[-KEPT:]
    return replace(state, bundle=replace(memory, told=told)), events


# --- events -----------------------------------------------------------------------------------


def came_from(source: str) -> str:
    """The source of a bundle for a sentence."""
    return {"url": "bundle.url", "folder": "the drop folder"}.get(source, source)


def _applied(word: SignedBundle) -> Event:
    bundle = word.bundle
    parts = [
        *_named("current", [it for it in bundle.pins if it.role is Role.CURRENT]),
        *_named("backup", [it for it in bundle.pins if it.role is Role.BACKUP]),
    ]
    if bundle.revoked:
        parts.append(f"revokes {', '.join(it.short for it in bundle.revoked)}")
    text = (
        f"The signed bundle {bundle.serial} from {came_from(word.source)} is in force: it "
        f"{'; '.join(parts) or 'names no pin'}; compare `edgepind pin list` with what you expect."
    )
    return Event(EventName.BUNDLE_APPLIED, Severity.NOTICE, text)


def _named(role: str, pins: list[BundlePin]) -> list[str]:
    return [f"names {', '.join(map(_described, pins))} as {role}"] if pins else []


def _described(pin: BundlePin) -> str:
    since = f" from {_spoken(pin.not_before)} on" if pin.not_before else ""
    until = f" until {_spoken(pin.not_after)}" if pin.not_after else ""
    return f"{pin.fingerprint.short}{since}{until}"


def _rejected(objection: Objection, source: str) -> Event:
    what = "is not taken yet" if objection.waits else "is refused whole and changes nothing"
    text = (
        f"A bundle from {came_from(source)} {what}: {objection.reason}; {objection.remedy} "
        "(`edgepind bundle show` prints one)."
    )
    return Event(EventName.BUNDLE_REJECTED, Severity.WARNING, text)


def _spoken(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
