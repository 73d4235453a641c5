"""Which pin is current, and which are retired: what the cloud serves decides.

Theory of operation. At each look that got an answer (`follow_the_live`):

- `_translate`: after `pins.kind` was changed, a live pin of the other kind gets a twin of the
  configured kind, so that the other one can retire without a gap.
- `_note`: counts for each accepted pin how long it has not been served, and marks it *proven* when
  it is served and the Edge has loaded it.
- `_activate`: another accepted pin becomes current when no address serves the current one any more,
  or when it was served at more of the recent looks at every address. An Edge whose validator reads
  only `fingerprint` does not wait for the last address: there the pin that most addresses serve
  becomes current. A pin that was current does not come back while the other is live.
- `_retire_unseen`: a retiring pin, and a backup of an origin in `LAPSING`, is retired after
  `pins.overlap` of observed time in which it was not served, at a look that made every offer; what
  a bundle named until a time, as soon as it is not served after that.
- `_drop_withdrawn`: an announced backup that was never live is dropped once another leaf rotated in
  instead, its overlap is over, and a pinned status endpoint no longer names it.

Widen before narrowing (invariant 3): nothing live is removed, and nothing at all before the current
pin is proven and live, by a trusted clock.
"""

from dataclasses import replace
from datetime import datetime

from edgepind.core.diagnosis import pin_of
from edgepind.core.forecast import note_rotation
from edgepind.core.live_leaves import answering, first_looks, keys_of, live_at
from edgepind.core.messages import pin_activated, pin_retired
from edgepind.core.pin_commands import demote_current
from edgepind.core.pin_lifecycle import PinEvent, leave, move, put
from edgepind.core.tick import Tick, leaves_in, served
from edgepind.model.decision import Event
from edgepind.model.enums import Channel, Origin, PinKind, Role, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Link
from edgepind.model.pin import Pin, accepted, with_role
from edgepind.model.state import State

LAPSING = frozenset({Origin.OBSERVED, Origin.EXCEPTION, Origin.BOOTSTRAP, Origin.DOCUMENT})
"""Backups of these origins were accepted because they were live, and lapse when they are not.

So do the backups found in a document after the state was lost: why they were accepted is unknown.
"""

_NOT_LIVE = "it has not been live for the overlap"
_LEAD = 2
"""A pin that takes the place of one that is live was served at more than so many recent looks."""

Live = dict[tuple[PinKind, Fingerprint], int]
"""At how many addresses each accepted pin is served."""


def follow_the_live(state: State, link: Link, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Make current what is live, and retire what has not been live for the overlap."""
    if not served(link):
        return state, ()
    state = _translate(state, link, tick)
    live = _live(state)
    state = replace(state, pins=tuple(_note(pin, live, state, tick) for pin in state.pins))
    state, activated = _activate(state, live, tick)
    if not link.full:  # what was not offered may be served nevertheless
        return state, activated
    state, retired = _retire_unseen(state, live, tick)
    return state, (*activated, *retired)


def _live(state: State) -> Live:
    keys = [
        frozenset().union(*(keys_of(leaf) for leaf in live_at(it) if not leaf.wider))
        for it in answering(state)
    ]
    counts = {pin.key: sum(pin.key in it for it in keys) for pin in accepted(state.pins)}
    return {key: count for key, count in counts.items() if count}


def _translate(state: State, link: Link, tick: Tick) -> State:
    """Give each live pin of the other kind a twin of the configured kind."""
    kind = tick.rules.pins.kind
    for leaf in leaves_in(link):
        pin = pin_of(leaf, state.pins)
        value = leaf.value(kind)
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


def _activate(state: State, live: Live, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Make the pin current that the cloud serves now.

    To an Edge that reads the whole allowlist it is the same which pin is current, so the former
    one stays current while it is live, until another leads everywhere. An Edge that reads
    `fingerprint` alone can connect only to addresses that serve it, so the majority decides. What
    was current does not become it again while both are live: each change costs such an Edge a
    restart.
    """
    current = next(iter(with_role(state.pins, Role.CURRENT)), None)
    others = [pin for pin in accepted(state.pins) if pin is not current and pin.key in live]
    if current is None or not others:
        return state, ()
    there = live.get(current.key, 0)
    if there:
        others = [pin for pin in others if pin.role is not Role.RETIRING] or others
    favourite = max(others, key=lambda pin: (pin.kind is tick.rules.pins.kind, live[pin.key]))
    if (
        there
        and not _overtakes(favourite, current, live, state, tick)
        and not _changes_kind(current, favourite, tick)
    ):
        return state, ()
    moved = move(favourite, PinEvent.WENT_LIVE, tick.now.wall)
    pins = put(demote_current(state.pins, tick), moved)
    state = note_rotation(current, favourite, state, tick)
    return replace(state, pins=pins), (pin_activated(moved),)


def _overtakes(favourite: Pin, current: Pin, live: Live, state: State, tick: Tick) -> bool:
    """Whether the favourite has taken the place of the current pin, though that is live."""
    if favourite.role is Role.RETIRING:
        return False
    looked_at = answering(state)
    there, here = live[current.key], live[favourite.key]
    single = tick.rules.restart.validator is Validator.SINGLE
    majority = single and here > there and 2 * here > len(looked_at)
    return majority or all(
        first_looks(favourite.key, it) > max(_LEAD, first_looks(current.key, it))
        for it in looked_at
    )


def _changes_kind(current: Pin, favourite: Pin, tick: Tick) -> bool:
    return current.kind is not tick.rules.pins.kind and favourite.kind is tick.rules.pins.kind


def _retire_unseen(state: State, live: Live, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    current = next(iter(with_role(state.pins, Role.CURRENT)), None)
    if current is None or not (current.proven and current.key in live and tick.clock.trusted):
        return state, ()
    events = []
    for pin in state.pins:
        fading = pin.role is Role.RETIRING or _may_lapse(pin)
        gone = fading and pin.unseen >= tick.rules.pins.overlap
        over = pin.not_after is not None and tick.now.wall > pin.not_after
        if pin.key in live or not (gone or over):
            continue
        event = PinEvent.OVERLAP_OVER if pin.role is Role.RETIRING else PinEvent.LAPSED
        pins, retired = leave(state.pins, state.retired, pin, event)
        state = replace(state, pins=pins, retired=retired)
        why = "its bundle named it no longer than this" if over else _NOT_LIVE
        events.append(pin_retired(pin, why))
    state, overtaken = _drop_withdrawn(state, current.since, tick)
    return state, (*events, *overtaken)


def _drop_withdrawn(state: State, rotated: datetime, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Drop an announced backup that never came and is no longer named.

    A leaf that the cloud withdrew, or that somebody announced who controlled the path for a while,
    would otherwise stay accepted until the next announcement. An endpoint that is silent drops
    nothing.
    """
    status, kind = state.status, tick.rules.pins.kind
    believed = status.ok and status.channel is Channel.PINNED and not status.other_kind
    if not believed or with_role(state.pins, Role.RETIRING):
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
