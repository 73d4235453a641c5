"""Why a fingerprint is what it is: the evidence for and against it, and what would change it.

The rules that decide are evaluated here and put into sentences; nothing is decided or remembered.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from edgepind.core.activation import LAPSING
from edgepind.core.admission import EVIDENCE, Evidence, condition, condition_for, hold_down
from edgepind.core.desired import is_written
from edgepind.core.evidence_rows import EvidenceRow, evidence
from edgepind.core.live_leaves import pinned_in_turn
from edgepind.core.messages import IS_REMOVED, IS_RETIRED, span
from edgepind.core.obstacle import broken_rules, contradictions
from edgepind.core.pin_commands import refusal_to_remove
from edgepind.core.problems import UNUSABLE, UNWRITTEN, problems
from edgepind.core.standing import STANDING, Standing, has_standing
from edgepind.model.enums import Channel, Finding, Origin, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Pin, with_role
from edgepind.model.rules import Rules
from edgepind.model.state import State


@dataclass(frozen=True, slots=True)
class Explanation:
    """The evidence for and against what is the case, and what would change it.

    `subject` is a fingerprint or the cloud's name, `standing` a role, a posture or a stage.
    `summary` is a sentence; the rest are clauses without a full stop. `rows` is the evidence for a
    fingerprint, row by row.
    """

    subject: str
    standing: str
    summary: str
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    rows: tuple[EvidenceRow, ...] = ()


_SUMMARY: Mapping[Role, str] = {
    Role.CURRENT: "It is the current pin, which the cloud should show",
    Role.BACKUP: "It is a backup pin, which becomes current once it is live",
    Role.PENDING: "It is a pending pin, which waits to be accepted",
    Role.RETIRING: "It is a retiring pin, formerly current and kept for the overlap",
}


def explain_pin(pin: Pin, state: State, rules: Rules) -> Explanation:
    """Explain a pin of the pin set."""
    against = _against_pending if pin.role is Role.PENDING else _against_accepted
    return Explanation(
        subject=str(pin.fingerprint),
        standing=pin.role.value,
        summary=f"{_SUMMARY[pin.role]}: {_taken(pin, state, rules)}.",
        evidence_for=tuple(_for(pin, state, rules)),
        evidence_against=tuple(against(pin, state, rules)),
        would_change=tuple(_CHANGES[pin.role](pin, state, rules)),
        rows=evidence(pin.fingerprint, pin, state, rules),
    )


def explain_unpinned(fingerprint: Fingerprint, state: State, rules: Rules) -> Explanation:
    """Explain a fingerprint that is not a pin: removed, retired, refused or unknown."""
    if fingerprint in state.removed:
        standing, summary = "removed", "An operator or a bundle removed it: it is not accepted."
    elif fingerprint in state.retired:
        standing, summary = "retired", "It was a pin once and is not accepted any more."
    elif fingerprint in state.refusals_told:
        standing, summary = "refused", "It was seen or named, and is refused as a pin."
    else:
        standing, summary = "unknown", "It is not a pin, and nothing is known of it."
    return Explanation(
        subject=str(fingerprint),
        standing=standing,
        summary=summary,
        evidence_for=(
            *_named_by_bundle(fingerprint, state),
            *_named_by_endpoint(fingerprint, state),
        ),
        evidence_against=tuple(_against_unpinned(fingerprint, state)),
        would_change=(
            f"`edgepind pin add {fingerprint}` accepts it at once, if you know it to be right",
            *(_by_hold_down(rules) if standing not in {"refused", "removed"} else ()),
        ),
        rows=evidence(fingerprint, None, state, rules),
    )


def _taken(pin: Pin, state: State, rules: Rules) -> str:
    """Whether the Edge accepts it: by what it has loaded and by what is on disk."""
    edge, validator = state.edge, rules.restart.validator
    if edge.loaded is not None and not edge.loaded.enabled:
        return "validation is off in the Edge, which looks at no pin now"
    if edge.loaded is not None and pin.fingerprint in edge.loaded.read_under(validator):
        return "the Edge accepts it"
    if edge.on_disk is None or pin.fingerprint not in edge.on_disk.accepted:
        where = "it does not stand in the pinning config on disk"
    elif pin.fingerprint not in edge.on_disk.read_under(validator):
        where = "it reads `fingerprint` alone, where another pin stands"
    else:
        where = "it stands in the pinning config on disk, and has yet to be loaded"
    if edge.loaded is None:
        return f"whether the Edge takes it is not known: {where}"
    return f"the Edge does not accept it yet: {where}"


# --- for --------------------------------------------------------------------------------------


def _for(pin: Pin, state: State, rules: Rules) -> Iterator[str]:
    evidence, row = EVIDENCE[pin.origin], condition_for(pin.origin, rules.pins)
    if evidence is Evidence.UNANNOUNCED and not pin.accepted and pinned_in_turn(state):
        evidence = Evidence.IN_TURN
        row = condition(evidence, rules.pins.policy)
    yield f"{evidence}; under policy {rules.pins.policy}: {row}"
    yield f"{pin.role} since {pin.since:%Y-%m-%d %H:%M:%S} UTC"
    if pin.sightings:
        yield f"{_times(pin.sightings)} sighted in all{_by_address(pin)}"
    if (
        need := hold_down(pin.origin, rules.pins, in_turn=pinned_in_turn(state))
        if pin.role is Role.PENDING
        else None
    ):
        yield (
            f"{span(min(pin.held, need.age))} of {span(need.age)} of the hold-down and "
            f"{min(pin.sightings, need.sightings)} of {need.sightings} sightings served"
        )
    if live := _addresses(state, pin.fingerprint):
        yield f"live now at {live}"
    elif pin.ever_live:
        yield "it has been live before"
    if pin.proven:
        yield "it was live after the Edge had loaded it"
    elif state.edge.loaded is not None and pin.fingerprint in state.edge.loaded.accepted:
        yield "the Edge has loaded it"
    if pin.accepted:
        yield from _standing_for(pin, rules.pins.overlap)
    yield from _named_by_bundle(pin.fingerprint, state)
    yield from _named_by_endpoint(pin.fingerprint, state)


def _named_by_bundle(fingerprint: Fingerprint, state: State) -> Iterator[str]:
    for pin in state.bundle.waiting:
        if pin.fingerprint == fingerprint:
            since = f"{pin.not_before:%Y-%m-%d %H:%M:%S} UTC"
            serial = state.bundle.accepted.serial
            yield f"the signed bundle {serial} names it as {pin.role} pin from {since} on"


def _named_by_endpoint(fingerprint: Fingerprint, state: State) -> Iterator[str]:
    status, channel = state.status, _CHANNEL_TEXT[state.status.channel]
    if fingerprint == status.announced_current:
        yield f"the status endpoint names it as the one in use ({channel})"
    if fingerprint == status.announced_next:
        when = status.rotates_at
        planned = f", planned for {when:%Y-%m-%d %H:%M:%S} UTC" if when else ""
        yield f"the status endpoint names it as the next one ({channel}){planned}"


def _by_address(pin: Pin) -> str:
    counts = ", ".join(f"{count} at {address}" for address, count in pin.seen_at)
    return f"; since the last contradiction {counts}" if counts else ""


# --- against ----------------------------------------------------------------------------------


def _against_pending(pin: Pin, state: State, rules: Rules) -> Iterator[str]:
    if hold_down(pin.origin, rules.pins, in_turn=pinned_in_turn(state)) is None:
        yield f"policy {rules.pins.policy} never accepts this kind of evidence"
    if not _addresses(state, pin.fingerprint):
        yield "no address serves it now, so its hold-down is paused"
    yield from broken_rules(pin.fingerprint, state)
    if not state.clock.trusted and state.finding is not Finding.UNANNOUNCED_ROTATION:
        yield "the clock is known to be wrong, so its hold-down is paused"
    yield from contradictions(pin, state)


def _against_accepted(pin: Pin, state: State, rules: Rules) -> Iterator[str]:
    if not _addresses(state, pin.fingerprint):
        gone = f"for {span(pin.unseen)}" if pin.unseen else "at the last look"
        yield f"no address served it {gone}" if pin.ever_live else "it was never live"
    if not is_written(state):
        yield from (it.what for it in problems(state, rules) if it.id in {UNWRITTEN, UNUSABLE})
    loaded = state.edge.loaded
    if loaded is None or pin.fingerprint not in loaded.accepted:
        yield "the Edge is not known to have loaded it"
    elif not pin.proven:
        yield "it was not seen live since the Edge loaded it, so no other pin is retired yet"
    for it in state.addresses:
        if it.fingerprint == pin.fingerprint and it.verdict is not Finding.PINNED:
            yield f"{it.address} serves it and is found {it.verdict}"
    yield from _standing_against(pin, rules.pins.overlap)


def _against_unpinned(fingerprint: Fingerprint, state: State) -> Iterator[str]:
    yield from broken_rules(fingerprint, state)
    if fingerprint in state.removed:
        yield IS_REMOVED
    elif fingerprint in state.retired:
        yield IS_RETIRED
    served = [it for it in state.addresses if it.fingerprint == fingerprint]
    for it in served:
        yield f"{it.address} serves it and is found {it.verdict}"
    if not served:
        yield "no address served it at the last look"


# --- what would change it ---------------------------------------------------------------------


def _changes_of_pending(pin: Pin, state: State, rules: Rules) -> Iterator[str]:
    if need := hold_down(pin.origin, rules.pins, in_turn=pinned_in_turn(state)):
        left = max(0.0, need.age - pin.held)
        sightings = max(0, need.sightings - pin.sightings)
        everywhere = " at every address that answers" if need.everywhere else ""
        yield (
            f"accepted after {span(left)} more of being seen and {_times(sightings)} more "
            f"sighted{everywhere}, uncontradicted and by a good clock"
        )
        yield "another unpinned leaf, at an address that does not serve both, starts it again"
        yield f"not seen for {span(rules.pins.hold_down)}, it is forgotten"
    yield f"`edgepind pin add {pin.fingerprint}` accepts it at once"


def _changes_of_backup(pin: Pin, state: State, rules: Rules) -> Iterator[str]:
    yield "live where the current pin is not any more, it becomes the current pin"
    if pin.not_after is not None:
        yield f"not live after {pin.not_after:%Y-%m-%d %H:%M:%S} UTC, it is retired, by its bundle"
    if pin.origin in LAPSING:
        left = max(0.0, rules.pins.overlap - pin.unseen)
        yield f"not live for {span(left)} more, it is retired"
    elif pin.origin is Origin.ANNOUNCED and not pin.ever_live:
        yield "another announcement replaces it, as long as it was never live"
        yield "it is dropped once another leaf became current and the endpoint no longer names it"
    yield from _standing_changes(pin, rules.pins.overlap)
    yield _by_removal(pin, state)


def _changes_of_current(pin: Pin, state: State, rules: Rules) -> Iterator[str]:
    if any(it.role is not Role.PENDING and it.key != pin.key for it in state.pins):
        yield "once only another accepted pin is live, that one becomes current and this retires"
    else:
        yield "no other pin is accepted: a rotation must be announced or serve a hold-down first"
    yield f"retired, it stays accepted until it was not live for {span(rules.pins.overlap)}"
    yield from _standing_changes(pin, rules.pins.overlap)
    yield _by_removal(pin, state)


def _changes_of_retiring(pin: Pin, state: State, rules: Rules) -> Iterator[str]:
    yield "live again where the current pin is not, it becomes the current pin again"
    current = next(iter(with_role(state.pins, Role.CURRENT)), None)
    if current is not None and current.proven:
        left = max(0.0, rules.pins.overlap - pin.unseen)
        yield f"not live for {span(left)} more, it is accepted no longer"
    else:
        yield "it stays until the current pin was seen live after the Edge loaded it"
    yield from _standing_changes(pin, rules.pins.overlap)
    yield _by_removal(pin, state)


_CHANGES: Mapping[Role, Callable[[Pin, State, Rules], Iterator[str]]] = {
    Role.PENDING: _changes_of_pending,
    Role.BACKUP: _changes_of_backup,
    Role.CURRENT: _changes_of_current,
    Role.RETIRING: _changes_of_retiring,
}


def _by_removal(pin: Pin, state: State) -> str:
    refusal = refusal_to_remove(state, pin.fingerprint)
    command = f"`edgepind pin remove {pin.fingerprint}`"
    return f"{command} ends it at once" if refusal is None else f"{command} is refused: {refusal}"


def _by_hold_down(rules: Rules) -> tuple[str, ...]:
    need = hold_down(Origin.OBSERVED, rules.pins)
    if need is None:
        return ()
    enough = f"{span(need.age)} and {_times(need.sightings)}"
    return (f"seen live with a public chain for {enough}, it is accepted",)


# --- parts of sentences -----------------------------------------------------------------------


def _addresses(state: State, fingerprint: Fingerprint) -> str:
    return ", ".join(it.address for it in state.addresses if it.fingerprint == fingerprint)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


_CHANNEL_TEXT: Mapping[Channel, str] = {
    Channel.PINNED: "pinned channel",
    Channel.WITHOUT_STANDING: "pinned channel without standing, which is not believed",
    Channel.UNPINNED: "unpinned channel, which is not believed",
    Channel.NONE: "no channel now",
}
"""What the last answer of the status endpoint came over."""

_WITHOUT = "announcements over its leaf are not believed, and no token is sent there"


def _standing_for(pin: Pin, overlap: float) -> Iterator[str]:
    """Why it has standing; nothing where it has none. `overlap` as in `[pins]`, in seconds."""
    if not has_standing(pin, overlap):
        return
    if STANDING[pin.origin] is Standing.AT_ONCE:
        why = f"its origin is {pin.origin}"
    elif pin.vouched:
        why = "a channel with standing named it, or it was the current pin when the state was lost"
    else:
        why = f"every address served it, and nothing else, for {span(overlap)}"
    yield f"it has standing, so announcements over its leaf are believed: {why}"


def _standing_against(pin: Pin, overlap: float) -> Iterator[str]:
    """Why it has no standing; nothing where it has."""
    if has_standing(pin, overlap):
        return
    if STANDING[pin.origin] is Standing.NEVER:
        yield f"it never has standing, because an inspecting CA issued it: {_WITHOUT}"
    else:
        yield f"it has no standing yet, because it was only observed: {_WITHOUT}"


def _standing_changes(pin: Pin, overlap: float) -> Iterator[str]:
    """What would give it standing."""
    if has_standing(pin, overlap):
        return
    if STANDING[pin.origin] is Standing.EARNED:
        left = span(overlap - pin.tenure)
        yield f"served alone by every address for {left} more, it gains standing"
        yield "named by the status endpoint over a pin with standing, it gains standing at once"
    yield f"`edgepind pin add {pin.fingerprint}` gives it standing at once, if you know it"
