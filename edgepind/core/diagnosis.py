"""What one tick concludes about the clock and the link: the tables of CONTRACT sections 6 and 11.

Each leaf is judged by the first row of `LEAF_TABLE` that holds; the link by the gravest verdict
of its addresses. Nothing is remembered here and nothing is decided about pins.

One source that shows an error beyond `max_clock_error` is enough to distrust the clock: wrongly
distrusting it delays a hold-down, wrongly trusting it misjudges certificates. But the `Date` of a
server has no say beside chrony or the kernel, where one of them is synchronised: there may be a
cache on its way. A clock of which nothing is known is trusted.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edgepind.core.tick import Tick, leaves_in, shown
from edgepind.model.enums import Finding, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment
from edgepind.model.observation import ClockReading, ClockSource, Leaf, Link, Served
from edgepind.model.pin import Pin, accepted
from edgepind.model.rules import Rules
from edgepind.model.state import AddressVerdict, ClockJudgement

_PRECEDENCE = (ClockSource.CHRONY, ClockSource.KERNEL, ClockSource.DATE_HEADER)


def judge_clock(readings: Sequence[ClockReading], rules: Rules, now: Moment) -> ClockJudgement:
    """Weigh the readings of one tick.

    The source's own uncertainty is not held against the clock, and one that is more uncertain than
    the error that is borne outranks nobody.
    """
    sure = any(
        it.source is not ClockSource.DATE_HEADER and it.uncertainty <= rules.max_clock_error
        for it in readings
    )
    heard = (it for it in readings if not (sure and it.source is ClockSource.DATE_HEADER))
    ordered = sorted(heard, key=lambda reading: _PRECEDENCE.index(reading.source))
    for reading in ordered:
        if abs(reading.ahead) - reading.uncertainty > rules.max_clock_error:
            return ClockJudgement(trusted=False, error=reading.ahead, source=reading.source)
    if now.wall < rules.earliest:
        behind = (now.wall - rules.earliest).total_seconds()
        return ClockJudgement(trusted=False, error=behind, source=ClockSource.NONE)
    if ordered:
        return ClockJudgement(trusted=True, error=ordered[0].ahead, source=ordered[0].source)
    return ClockJudgement()


def better_times(
    clock: ClockJudgement, now: Moment, floor: datetime | None
) -> tuple[datetime, ...]:
    """Times for which there is better evidence than for what the host's clock says.

    The true time by the source that is believed; and `floor`, which an earlier run stored, where
    the clock is behind it.
    """
    times = []
    if not clock.trusted and clock.error is not None:
        times.append(now.wall - timedelta(seconds=clock.error))
    if floor is not None and now.wall < floor:
        times.append(floor)
    return tuple(times)


def may_judge(leaf: Leaf, pins: Iterable[Pin], tick: Tick, floor: datetime | None) -> bool:
    """Whether the clock keeps nothing from being concluded about an unpinned leaf.

    A clock of which only a `Date` says that it is wrong, or that stands below the floor and has no
    witness, is in doubt. It blocks nothing where nothing pinned is served any more, and leaf and
    path are in time by every clock in question: whichever is right, the leaf is, and the Edge has
    no other way back.
    """
    if tick.clock.trusted:
        return True
    link, chains = tick.seen.link, (leaf.public, leaf.exception)
    if link is None or not _is_doubtful(tick, floor):
        return False
    accepting = tuple(accepted(pins))
    if any(pin_of(it, accepting) is not None for it in leaves_in(link)):
        return False
    clocks = (tick.now.wall, *better_times(tick.clock, tick.now, floor))
    return any(
        all(leaf.validity.holds_at(it) and chain.holds_at(it) for it in clocks)
        for chain in chains
        if chain is not None
    )


def _is_doubtful(tick: Tick, floor: datetime | None) -> bool:
    """Whether a clock that is not trusted may be right all the same."""
    if tick.clock.source is ClockSource.DATE_HEADER:
        return True
    unwitnessed = tick.clock.source is ClockSource.NONE and tick.now.wall >= tick.rules.earliest
    return unwitnessed and floor is not None


@dataclass(frozen=True, slots=True)
class LeafFacts:
    """What the rows of the table ask of one leaf.

    `public`: its chain reaches the public roots at some time; `public_now`: by the host's
    clock; `right_then`: leaf and chain are in time at a time with better evidence;
    `clock_trusted`: the clock keeps nothing from being concluded (see `may_judge`).
    """

    pinned: bool
    name: bool
    in_time: bool
    public: bool
    public_now: bool
    right_then: bool
    clock_trusted: bool


@dataclass(frozen=True, slots=True)
class LeafRow:
    """One row: where `holds`, the leaf is `finding`, `because`."""

    finding: Finding
    because: str
    holds: Callable[[LeafFacts], bool]


LEAF_TABLE: tuple[LeafRow, ...] = (
    LeafRow(
        Finding.PINNED,
        "the leaf is pinned, in time and of the right name",
        lambda it: it.pinned and it.in_time and it.name,
    ),
    LeafRow(
        Finding.CLOCK_FAULT,
        "the leaf is pinned, and fails by a clock that is known to be wrong, or only on time",
        lambda it: it.pinned and (not it.clock_trusted or (it.name and it.right_then)),
    ),
    LeafRow(
        Finding.CERTIFICATE_FAULT,
        "the leaf is pinned, and out of time or of the wrong name by a good clock",
        lambda it: it.pinned,
    ),
    LeafRow(
        Finding.INTERCEPTION,
        "the leaf is not pinned and its chain reaches no public root at any time",
        lambda it: not it.public,
    ),
    LeafRow(
        Finding.CLOCK_FAULT,
        "the leaf is not pinned and cannot be judged by a clock that is known to be wrong",
        lambda it: not it.clock_trusted,
    ),
    LeafRow(
        Finding.CLOCK_FAULT,
        "the chain fails only on time and is right at a time with better evidence",
        lambda it: not it.public_now and it.right_then,
    ),
    LeafRow(
        Finding.CERTIFICATE_FAULT,
        "the leaf is not pinned; its chain is public, and out of time or of the wrong name",
        lambda it: not it.public_now or not it.name,
    ),
    LeafRow(
        Finding.UNANNOUNCED_ROTATION,
        "the leaf is not pinned; its chain reaches the public roots; name and time are right",
        lambda _: True,
    ),
)

GRAVITY: tuple[Finding, ...] = (
    Finding.INTERCEPTION,
    Finding.CLOCK_FAULT,
    Finding.UNANNOUNCED_ROTATION,
    Finding.CERTIFICATE_FAULT,
    Finding.CIPHER_MISMATCH,
    Finding.PINNED,
)
"""Of several verdicts, the first in this order is the link's.

No single address is rotating, and an address that does not answer does not count.
"""

GOOD = frozenset({Finding.PINNED, Finding.ROTATING})
"""Findings on a healthy link."""

_USABLE = frozenset({Finding.PINNED, Finding.UNANNOUNCED_ROTATION})
"""Verdicts on a leaf that a handshake with wider settings only turns into a mismatch."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The finding, and the verdict on each address.

    `accepted`: the pin set accepts some leaf that is served. `lockout`: the Edge, by what it has
    loaded, accepts none (see `core.lockout`).
    """

    finding: Finding
    accepted: bool
    verdicts: tuple[AddressVerdict, ...]
    lockout: bool = False


def pin_of(leaf: Leaf, pins: Iterable[Pin]) -> Pin | None:
    """The accepted pin that `leaf` matches, the current one first, each by its own kind."""
    matching = (it for it in accepted(pins) if leaf.value(it.kind) == it.fingerprint)
    return next(matching, None)


def judge_leaf(leaf: Leaf, pins: Iterable[Pin], tick: Tick, floor: datetime | None) -> Finding:
    """Judge one leaf by the first row of the table that holds."""
    facts = _facts(leaf, pins, tick, floor)
    return next(row.finding for row in LEAF_TABLE if row.holds(facts))


def diagnose(link: Link, pins: tuple[Pin, ...], tick: Tick, floor: datetime | None) -> Diagnosis:
    """Judge every address, and the link by the gravest of them."""
    kind = tick.rules.pins.kind
    verdicts = tuple(
        AddressVerdict(
            seen.address,
            _address_finding(seen.result, pins, tick, floor),
            _shown(seen.result.leaf, pins, kind),
            error=seen.result.refused,
            not_after=_ends(seen.result.leaf),
            leaves=tuple(_shown(it, pins, kind) for it in (seen.result.leaf, *seen.result.others)),
            chain_refused=_chain_refused(seen.result.leaf, pins, tick),
        )
        if isinstance(seen.result, Served)
        else AddressVerdict(
            seen.address,
            Finding.UNREACHABLE,
            error=seen.result.error,
            fault=seen.result.fault,
        )
        for seen in link.addresses
    )
    results = tuple(result for _, result in shown(link))
    if not results:
        return Diagnosis(Finding.UNREACHABLE, accepted=False, verdicts=verdicts)
    matched = tuple(pin_of(it.leaf, pins) for it in results)
    others = (pin_of(leaf, pins) for it in results for leaf in it.others)
    gravest = min(
        (it.verdict for it in verdicts if it.verdict is not Finding.UNREACHABLE),
        key=GRAVITY.index,
    )
    leaves = tuple(leaf for it in results for leaf in (it.leaf, *it.others))
    judged = tick.clock.trusted or all(may_judge(leaf, pins, tick, floor) for leaf in leaves)
    finding = _of_link(gravest, matched, clock_judges=judged)
    return Diagnosis(finding, any((*matched, *others)), verdicts)


def with_known_leaves(
    verdicts: tuple[AddressVerdict, ...], before: tuple[AddressVerdict, ...]
) -> tuple[AddressVerdict, ...]:
    """The verdicts of a look that did not make every offer, with the leaves that others showed."""
    sets = {it.address: it.leaves for it in before}
    return tuple(
        replace(it, leaves=sets[it.address]) if it.fingerprint in sets.get(it.address, ()) else it
        for it in verdicts
    )


def _of_link(gravest: Finding, matched: tuple[Pin | None, ...], *, clock_judges: bool) -> Finding:
    if not clock_judges and gravest is not Finding.INTERCEPTION:
        return Finding.CLOCK_FAULT
    if gravest is not Finding.PINNED:
        return gravest
    all_current = all(pin is not None and pin.role is Role.CURRENT for pin in matched)
    return Finding.PINNED if all_current else Finding.ROTATING


def _address_finding(
    result: Served, pins: tuple[Pin, ...], tick: Tick, floor: datetime | None
) -> Finding:
    leaves = (result.leaf, *result.others)
    finding = min((judge_leaf(it, pins, tick, floor) for it in leaves), key=GRAVITY.index)
    return Finding.CIPHER_MISMATCH if result.wider_only and finding in _USABLE else finding


def _shown(leaf: Leaf, pins: tuple[Pin, ...], kind: PinKind) -> Fingerprint:
    pin = pin_of(leaf, pins)
    return leaf.value(pin.kind if pin else kind)


def _ends(leaf: Leaf) -> datetime:
    return (leaf.public.window or leaf.validity).not_after


def _chain_refused(leaf: Leaf, pins: Iterable[Pin], tick: Tick) -> str | None:
    """Why an Edge that checks the CA chain refuses this pinned leaf; None: nothing says so.

    A wrong clock says nothing. Any of the host's sets of roots may be the one that the Edge uses.
    """
    strict = tick.seen.tls.strict_validation is True and tick.clock.trusted
    if not strict or pin_of(leaf, pins) is None:
        return None
    wall = tick.now.wall
    chains = [it for it in (leaf.public, leaf.system, leaf.exception) if it is not None]
    if any(it.holds_at(wall) and not it.openssl_differs for it in chains):
        return None
    reached = next((it for it in chains if it.window is not None), leaf.public)
    if reached.window is None or reached.openssl_differs:
        return reached.problem or "its chain reaches no root"
    begins, ends = reached.window.not_before, reached.window.not_after
    if ends < wall:
        return f"a certificate of its chain expired at {ends:%Y-%m-%d %H:%M} UTC"
    return f"its chain is not valid before {begins:%Y-%m-%d %H:%M} UTC"


def _facts(leaf: Leaf, pins: Iterable[Pin], tick: Tick, floor: datetime | None) -> LeafFacts:
    pins = tuple(pins)
    wall, window = tick.now.wall, leaf.public.window
    pinned = pin_of(leaf, pins) is not None
    judged = leaf.validity if pinned else window
    return LeafFacts(
        pinned=pinned,
        name=leaf.name_matches,
        in_time=leaf.validity.holds_at(wall),
        public=window is not None,
        public_now=window is not None and window.holds_at(wall),
        right_then=judged is not None
        and any(judged.holds_at(then) for then in better_times(tick.clock, tick.now, floor)),
        clock_trusted=tick.clock.trusted or (not pinned and may_judge(leaf, pins, tick, floor)),
    )
