"""Sights: what one look shows of unpinned leaves, address by address, as evidence.

A sight is of one leaf at one address. Whether it may speak for or against a pending pin is said
here (`that_count`); what is counted of it, in `core.hold_down`; what speaks against a pin, in
`core.contradiction`. A leaf that could never be accepted vetoes its own address and nothing else:
no sight at an address that shows one counts, and every other address goes on as if it were silent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgepind.core.admission import ORIGIN, Condition, Evidence, condition_for
from edgepind.model.enums import Origin
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.rules import PinRules


@dataclass(frozen=True, slots=True)
class Sight:
    """An unpinned leaf at one address; `evidence` None: it is no evidence, for the reason `why`.

    `timely`: the clock keeps nothing from being concluded about it (`diagnosis.may_judge`).
    `owners` are the organisations of the public roots that it reaches.
    """

    address: str
    fingerprint: Fingerprint
    evidence: Evidence | None
    why: str
    timely: bool
    owners: frozenset[str] = frozenset()


def is_never(sight: Sight, rules: PinRules) -> bool:
    """Whether no age and no number of sightings will let its leaf in."""
    origin, other = origin_of((sight,)), sight.evidence is Evidence.CA_CHANGED
    if origin is None:
        return True
    return condition_for(origin, rules, other_ca=other) is Condition.NEVER


def that_count(sights: tuple[Sight, ...], rules: PinRules) -> tuple[Sight, ...]:
    """The sights that are evidence: those at addresses that show nothing that is never accepted."""
    vetoed = {it.address for it in sights if is_never(it, rules)}
    return tuple(it for it in sights if it.address not in vetoed)


def origin_of(mine: Iterable[Sight]) -> Origin | None:
    """The origin of a pin with these sights; None where their evidence differs or admits no pin."""
    origins = {ORIGIN.get(it.evidence) if it.evidence else None for it in mine}
    return origins.pop() if len(origins) == 1 else None
