"""The evidence for one fingerprint as a table: what each row weighs, what it lacks, and until when.

`edgepind explain` shows it. Each row reads the state that the last decision left, by the rules that
decide; nothing is decided or remembered here. A kind of evidence is added by a function in `ROWS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from edgepind.core.admission import Condition, HoldDown, condition_for, hold_down
from edgepind.core.live_leaves import pinned_in_turn
from edgepind.core.messages import IS_REMOVED, IS_RETIRED, span
from edgepind.core.obstacle import broken_rules, contradictions
from edgepind.core.standing import STANDING, Standing, has_standing
from edgepind.model.enums import Finding, Origin, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Pin
from edgepind.model.rules import Rules
from edgepind.model.state import State


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One kind of evidence, for one fingerprint.

    `row` is its name, which never changes. `weight` says what it weighs, and `missing` what it
    lacks, both clauses; `missing` is None where it holds. `complete_in` is how many seconds it
    takes at the least until it holds; None: no time alone completes it, or it holds.
    """

    row: str
    weight: str
    missing: str | None = None
    complete_in: float | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is missing."""
        return self.missing is None


@dataclass(frozen=True, slots=True)
class Subject:
    """The fingerprint that is explained, and its pin; None where it is none."""

    fingerprint: Fingerprint
    pin: Pin | None
    state: State
    rules: Rules

    @property
    def pending(self) -> Pin | None:
        """Its pin, where that is pending."""
        return self.pin if self.pin is not None and self.pin.role is Role.PENDING else None

    @property
    def need(self) -> HoldDown | None:
        """What its pin has yet to serve; None where it is not pending, or never accepted."""
        pin, in_turn = self.pending, pinned_in_turn(self.state)
        return hold_down(pin.origin, self.rules.pins, in_turn=in_turn) if pin else None

    @property
    def served_at(self) -> tuple[str, ...]:
        """The addresses that served it at the last look."""
        its = self.fingerprint
        return tuple(
            it.address for it in self.state.addresses if its in (it.fingerprint, *it.leaves)
        )


def evidence(
    fingerprint: Fingerprint, pin: Pin | None, state: State, rules: Rules
) -> tuple[EvidenceRow, ...]:
    """Every row that has something to say of `fingerprint`, in the order of the table."""
    subject = Subject(fingerprint, pin, state, rules)
    found = (row(subject) for row in ROWS)
    return tuple(it for it in found if it is not None)


def _operator(it: Subject) -> EvidenceRow:
    holds = it.pin is not None and it.pin.origin is Origin.OPERATOR
    lacks = f"no operator has added it; `edgepind pin add {it.fingerprint}` does"
    return EvidenceRow(
        "operator", "admits it at once, under every policy", None if holds else lacks
    )


def _announcement(it: Subject) -> EvidenceRow:
    weight = "admits it at once as a backup, over a channel with standing"
    if it.pin is not None and it.pin.origin is Origin.ANNOUNCED:
        return EvidenceRow("announcement", weight, None)
    if it.fingerprint in it.state.removed:
        return EvidenceRow("announcement", weight, IS_REMOVED)
    if it.fingerprint in it.state.retired:
        return EvidenceRow("announcement", weight, IS_RETIRED)
    return EvidenceRow(
        "announcement", weight, "the status endpoint has not named it over such a channel"
    )


def _policy(it: Subject) -> EvidenceRow | None:
    if it.pending is None:
        return None
    in_turn = pinned_in_turn(it.state)
    row = condition_for(it.pending.origin, it.rules.pins, in_turn=in_turn)
    policy = it.rules.pins.policy
    lacks = f"policy {policy} never admits what is only seen" if row is Condition.NEVER else None
    return EvidenceRow("policy", f"under policy {policy}, what is seen is admitted {row}", lacks)


def _age(it: Subject) -> EvidenceRow | None:
    if it.pending is None or it.need is None or not it.need.age:
        return None
    left = it.need.age - it.pending.held
    weight = f"{span(it.need.age)} of being seen"
    return EvidenceRow("age", weight, f"{span(left)} more" if left > 0 else None, _if_any(left))


def _sightings(it: Subject) -> EvidenceRow | None:
    if it.pending is None or it.need is None:
        return None
    answer = sum(seen.verdict is not Finding.UNREACHABLE for seen in it.state.addresses)
    wanted = it.need.sightings * (max(1, answer) if it.need.everywhere else 1)
    left = wanted - it.pending.sightings
    at_a_look = max(1, len(it.served_at))
    takes = ceil(left / at_a_look) * it.rules.interval
    lacks = f"{left} more" if left > 0 else None
    return EvidenceRow("sightings", f"{wanted} in all", lacks, _if_any(takes))


def _live(it: Subject) -> EvidenceRow:
    lacks = None if it.served_at else "no address served it at the last look"
    return EvidenceRow("live", "only what is served counts, and gains anything with time", lacks)


def _contradiction(it: Subject) -> EvidenceRow | None:
    if it.pending is None:
        return None
    against = tuple(contradictions(it.pending, it.state))
    weight = "no address may speak against it"
    return EvidenceRow("contradiction", weight, "; ".join(against) or None)


def _chain(it: Subject) -> EvidenceRow | None:
    if it.pin is not None and it.pin.accepted:
        return None
    broken = "; ".join(broken_rules(it.fingerprint, it.state))
    return EvidenceRow("chain", "both verifiers have to find its chain good", broken or None)


def _clock(it: Subject) -> EvidenceRow | None:
    if it.pending is None:
        return None
    doubted = not it.state.clock.trusted and it.state.finding is not Finding.UNANNOUNCED_ROTATION
    lacks = "the clock is not believed: chrony, the kernel or a pinned Date has to confirm it"
    return EvidenceRow(
        "clock", "its dates are judged by a clock that is believed", lacks if doubted else None
    )


def _loaded(it: Subject) -> EvidenceRow | None:
    if it.pin is None or not it.pin.accepted:
        return None
    weight = "other pins are retired only when it was live after the Edge had loaded it"
    return EvidenceRow("proof", weight, None if it.pin.proven else "it was not seen so yet")


def _standing(it: Subject) -> EvidenceRow | None:
    pin, overlap = it.pin, it.rules.pins.overlap
    if pin is None or not pin.accepted:
        return None
    weight = "announcements over its leaf are believed, and tokens cross it"
    if has_standing(pin, overlap):
        return EvidenceRow("standing", weight, None)
    if STANDING[pin.origin] is Standing.NEVER:
        return EvidenceRow(
            "standing", weight, "an inspecting CA issued it, which never has standing"
        )
    left = overlap - pin.tenure
    return EvidenceRow(
        "standing", weight, f"{span(left)} more of being served alone everywhere", left
    )


def _if_any(seconds: float) -> float | None:
    return seconds if seconds > 0 else None


ROWS: tuple[Callable[[Subject], EvidenceRow | None], ...] = (
    _operator,
    _announcement,
    _policy,
    _age,
    _sightings,
    _live,
    _contradiction,
    _chain,
    _clock,
    _loaded,
    _standing,
)
"""One function a kind of evidence; None where it has nothing to say of the subject."""
