"""Which pin is current, and which has had its time. What is live decides, nothing else.

Widen before narrowing: nothing live is removed, and nothing at all before the current pin has
been seen live after the Edge loaded it (invariant 3).
"""

from datetime import datetime

from edgepind.core.diagnosis import pin_of
from edgepind.core.operator import demote_current
from edgepind.core.pin_lifecycle import PinEvent, leave, move, put
from edgepind.core.sentences import pin_activated, pin_retired
from edgepind.core.tick import Tick, served
from edgepind.model.decision import Event
from edgepind.model.enums import Channel, Origin, PinKind, Role, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Link
from edgepind.model.pin import Pin, accepted, with_role
from edgepind.model.replacing import replace
from edgepind.model.state import State

LAPSING = frozenset({Origin.OBSERVED, Origin.EXCEPTION, Origin.BOOTSTRAP, Origin.DOCUMENT})
"""Backups of these origins were let in because they were live, and lapse when they are not.

So do those behind the current pin of a document that outlived the state: nobody knows any more
who let them in.
"""

Live = dict[tuple[PinKind, Fingerprint], int]
"""At how many addresses each accepted pin is served."""


def follow_the_live(state: State, link: Link, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Note what is live, make it current, and let go of what has been gone for the overlap."""
    if not served(link):
        return state, ()
    state = _translate(state, link, tick)
    live = _live(state, link)
    state = replace(state, pins=tuple(_note(pin, live, state, tick) for pin in state.pins))
    state, activated = _activate(state, live, len(served(link)), tick)
    state, let_go = _let_go(state, live, tick)
    return state, (*activated, *let_go)


def _live(state: State, link: Link) -> Live:
    leaves = tuple(it.leaf for _, it in served(link))
    counts = {
        pin.key: sum(leaf.value(pin.kind) == pin.fingerprint for leaf in leaves)
        for pin in accepted(state.pins)
    }
    return {key: count for key, count in counts.items() if count}


def _translate(state: State, link: Link, tick: Tick) -> State:
    """Give a live pin of the other kind its twin, after `pins.kind` was changed."""
    kind = tick.rules.pins.kind
    for _, it in served(link):
        pin = pin_of(it.leaf, state.pins)
        value = it.leaf.value(kind)
        twin_there = any(it.accepted and it.key == (kind, value) for it in state.pins)
        if pin is None or twin_there or value in state.removed:
            continue
        rest = tuple(other for other in state.pins if other.key != (kind, value))
        twin = replace(pin, fingerprint=value, kind=kind, role=Role.BACKUP, since=tick.now.wall)
        state = replace(state, pins=(*rest, replace(twin, proven=False)))
    return state


def _note(pin: Pin, live: Live, state: State, tick: Tick) -> Pin:
    if not pin.accepted:
        return pin
    if pin.key not in live:
        fading = pin.role is Role.RETIRING or _may_lapse(pin)
        return replace(pin, unseen=pin.unseen + tick.observed) if fading else pin
    loaded = state.edge.loaded
    known = loaded.read_under(tick.rules.restart.validator) if loaded else frozenset()
    proven = pin.proven or pin.fingerprint in known
    sightings = pin.sightings if pin.proven else pin.sightings + live[pin.key]
    return replace(pin, ever_live=True, unseen=0.0, proven=proven, sightings=sightings)


def _may_lapse(pin: Pin) -> bool:
    return pin.role is Role.BACKUP and pin.origin in LAPSING


def _activate(
    state: State, live: Live, answering: int, tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    """Make the pin current that the cloud serves now.

    An Edge that reads the whole allowlist does not mind which pin is called current, so the
    former one keeps the name until the last address has left it. An Edge that reads
    `fingerprint` alone is best served by what most addresses serve, without waiting for the last.
    """
    current = next(iter(with_role(state.pins, Role.CURRENT)), None)
    others = [pin for pin in accepted(state.pins) if pin is not current and pin.key in live]
    if current is None or not others:
        return state, ()
    favourite = max(others, key=lambda pin: (pin.kind is tick.rules.pins.kind, live[pin.key]))
    there, here = live.get(current.key, 0), live[favourite.key]
    single = tick.rules.restart.validator is Validator.SINGLE
    overtaken = single and here > there and 2 * here > answering
    if there and not overtaken and not _changes_kind(current, favourite, tick):
        return state, ()
    moved = move(favourite, PinEvent.WENT_LIVE, tick.now.wall)
    pins = put(demote_current(state.pins, tick), moved)
    return replace(state, pins=pins), (pin_activated(moved),)


def _changes_kind(current: Pin, favourite: Pin, tick: Tick) -> bool:
    return current.kind is not tick.rules.pins.kind and favourite.kind is tick.rules.pins.kind


def _let_go(state: State, live: Live, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    current = next(iter(with_role(state.pins, Role.CURRENT)), None)
    if current is None or not (current.proven and current.key in live and tick.clock.trusted):
        return state, ()
    events = []
    for pin in state.pins:
        fading = pin.role is Role.RETIRING or _may_lapse(pin)
        if not fading or pin.key in live or pin.unseen < tick.rules.pins.overlap:
            continue
        event = PinEvent.OVERLAP_OVER if pin.role is Role.RETIRING else PinEvent.LAPSED
        pins, retired = leave(state.pins, state.retired, pin, event)
        state = replace(state, pins=pins, retired=retired)
        events.append(pin_retired(pin, "it has not been live for the overlap"))
    state, overtaken = _drop_overtaken(state, current.since, tick)
    return state, (*events, *overtaken)


def _drop_overtaken(state: State, rotated: datetime, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Let go of what was announced before the last rotation, did not come, and is named no more.

    A leaf that the cloud withdrew, or that was announced by who held the path for a while and is
    gone, would else be accepted until the next announcement, which may never come. Silence alone
    takes nothing away: another leaf has come, and its own overlap is over.
    """
    status, kind = state.status, tick.rules.pins.kind
    heard = status.ok and status.channel is Channel.PINNED and not status.other_kind
    if not heard or with_role(state.pins, Role.RETIRING):
        return state, ()
    named = {status.announced_current, status.announced_next}
    events = []
    for pin in with_role(state.pins, Role.BACKUP):
        awaited = pin.ever_live or pin.since >= rotated or pin.fingerprint in named
        if pin.origin is not Origin.ANNOUNCED or pin.kind is not kind or awaited:
            continue
        pins, retired = leave(state.pins, state.retired, pin, PinEvent.REPLACED)
        state = replace(state, pins=pins, retired=retired)
        events.append(pin_retired(pin, "another leaf came instead, and it is announced no more"))
    return state, tuple(events)
