"""The honest cloud: which leaf each address serves when, and what its status endpoint says.

A certificate is issued, perhaps announced, rolls over the addresses one by one, and is replaced
before it ends. Some rotations are taken back half-way, and repeated.
"""

from dataclasses import dataclass
from datetime import timedelta

from edgepind.lab.sim_observations import EPOCH, leaf
from edgepind.lab.simulation.draws import Draws, stream
from edgepind.lab.simulation.rates import DAY, HOUR, Rates
from edgepind.lab.simulation.window import Window
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import Leaf

HONEST_CA = "Imagined Public CA"
"""Whoever issues the cloud's certificates."""

_LIVES = (200, 100, 47)
_LONGEST_LEAD = 0.15
"""Notice is given within this share of a leaf's life at most, else it would end before its turn."""


@dataclass(frozen=True, slots=True)
class Serves:
    """At this address this leaf is served."""

    address: str
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Word:
    """What an honest endpoint says; `former` is what one with a stale cache says."""

    current: Leaf
    next: Leaf | None
    former: Leaf


@dataclass(frozen=True, slots=True)
class Cloud:
    """All of one cloud's certificates over one life."""

    days: int
    """The life of its certificates."""
    addresses: tuple[str, ...]
    first: Leaf
    serves: tuple[Window[Serves], ...]
    words: tuple[Window[Word], ...]
    other_key: frozenset[Fingerprint]
    """Leaves whose key is not of the type of the first."""


@dataclass(frozen=True, slots=True)
class _Rotation:
    """One rotation: when it starts, which leaf comes, and when which address changes to which.

    `lead` is the notice given, 0 for none; `withdrawn` is when it was taken back for good.
    """

    at: float
    lead: float
    coming: Leaf
    steps: tuple[tuple[float, str, Leaf], ...]
    withdrawn: float | None = None


def draw_cloud(world: str, rates: Rates, life: float) -> Cloud:
    """Draw the certificates of one life of so many seconds."""
    draws = stream(world, "cloud")
    weights = (rates.lives_200, rates.lives_100, rates.lives_47)
    days = draws.choices(_LIVES, weights)[0]
    count = draws.randint(int(rates.addresses_least), int(rates.addresses_most))
    addresses = tuple(f"address-{number}" for number in range(count))
    span = days * DAY
    first = _leaf(f"{world} honest 0", -draws.uniform(HOUR, rates.renewed_at * span), span)
    rotations = _rotations(world, rates, life, days, addresses, first)
    return Cloud(
        days,
        addresses,
        first,
        serves=_serves(addresses, first, rotations, life),
        words=_words(draws, rates, first, rotations, life),
        other_key=_other_key(stream(world, "keys"), rates, rotations),
    )


def _leaf(name: str, begin: float, span: float) -> Leaf:
    begins = EPOCH + timedelta(seconds=round(begin))
    validity = Validity(begins, begins + timedelta(seconds=round(span)))
    return leaf(name, validity=validity, issuer=HONEST_CA)


def _rotations(
    world: str, rates: Rates, life: float, days: int, addresses: tuple[str, ...], first: Leaf
) -> list[_Rotation]:
    draws = stream(world, "rotations")
    rotations: list[_Rotation] = []
    span, present = days * DAY, first
    at = (first.validity.not_before - EPOCH).total_seconds()
    pause = rates.renewed_at * span * draws.uniform(0.9, 1.1)
    while (at := round(at + pause)) < life:
        lead = min(draws.span(rates.lead_from, rates.lead_to), _LONGEST_LEAD * span)
        lead = round(lead) if draws.happens(rates.announced) else 0.0
        name = f"{world} honest {len(rotations) + 1}"
        coming = _leaf(name, at - lead - 2 * HOUR, span)
        rotations.append(
            _rotation(draws, rates, (max(1.0, at), lead), addresses, (present, coming))
        )
        pause = rates.renewed_at * span * draws.uniform(0.9, 1.1)
        if rotations[-1].withdrawn is None:
            present = coming
        else:
            pause = draws.span(DAY, _LONGEST_LEAD * span)
    return rotations


def _rotation(
    draws: Draws,
    rates: Rates,
    when: tuple[float, float],
    addresses: tuple[str, ...],
    leaves: tuple[Leaf, Leaf],
) -> _Rotation:
    """Roll over the addresses, at once or with a turn back half-way, or back for good."""
    (at, lead), (present, coming) = when, leaves
    order = draws.sample(addresses, len(addresses))
    span = draws.span(rates.rolling_from, rates.rolling_to)
    back = draws.span(rates.back_from, rates.back_to)
    fate = draws.random()
    pause = span / max(1, len(order) - 1)
    forth = [(round(at + pause * place), where, coming) for place, where in enumerate(order)]
    half = forth[: max(1, len(forth) // 2)]
    turn = float(half[-1][0] + 60)
    undone = (*half, *((turn, where, present) for _, where, _ in half))
    if fate < rates.withdrawn:
        return _Rotation(at, lead, coming, undone, withdrawn=turn)
    if fate < rates.withdrawn + rates.taken_back:
        later = turn + back - at
        again = ((instant + later, where, coming) for instant, where, _ in forth)
        return _Rotation(at, lead, coming, (*undone, *again))
    return _Rotation(at, lead, coming, tuple(forth))


def _serves(
    addresses: tuple[str, ...], first: Leaf, rotations: list[_Rotation], life: float
) -> tuple[Window[Serves], ...]:
    windows: list[Window[Serves]] = []
    for address in addresses:
        began, now = 0.0, first
        for rotation in rotations:
            for instant, where, coming in rotation.steps:
                if where == address and instant < life:
                    windows.append(Window(began, instant, Serves(address, now)))
                    began, now = instant, coming
        windows.append(Window(began, life, Serves(address, now)))
    return tuple(windows)


def _words(
    draws: Draws, rates: Rates, first: Leaf, rotations: list[_Rotation], life: float
) -> tuple[Window[Word], ...]:
    windows: list[Window[Word]] = []
    began, current, former = 0.0, first, first
    for rotation in rotations:
        told = max(began, rotation.at - rotation.lead)
        drift = round(draws.uniform(-rates.word_early, rates.word_late))
        changes = max(told, rotation.at + drift)
        if rotation.lead:
            windows.append(Window(began, told, Word(current, None, former)))
            windows.append(Window(told, changes, Word(current, rotation.coming, former)))
        else:
            windows.append(Window(began, changes, Word(current, None, former)))
        if rotation.withdrawn is not None:
            back = max(changes, rotation.withdrawn)
            windows.append(Window(changes, back, Word(rotation.coming, None, current)))
            began = back
        else:
            began, current, former = changes, rotation.coming, current
    windows.append(Window(began, life, Word(current, None, former)))
    return tuple(window for window in windows if window.begin < window.end)


def _other_key(draws: Draws, rates: Rates, rotations: list[_Rotation]) -> frozenset[Fingerprint]:
    other, leaves = False, set()
    for rotation in rotations:
        other ^= draws.happens(rates.key_changed)
        if other:
            leaves.add(rotation.coming.certificate)
    return frozenset(leaves)
