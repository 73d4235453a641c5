"""The honest cloud: which leaf each address serves when, and what its status endpoint says.

A certificate is issued, perhaps announced, rolls over the addresses one by one, and is replaced
before it ends. Some rotations are taken back half-way, and repeated. Some clouds have two
certificates at a time, each with rotations of its own: one for each of two regions, or one for each
kind of key at every address. Behind some addresses nodes are renewed one by one, and meanwhile
both leaves are served in turn. Once in a while the cloud goes to another CA.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from edgepind.lab.sim_observations import EPOCH, leaf
from edgepind.lab.simulation.draws import Draws, stream
from edgepind.lab.simulation.rates import DAY, HOUR, YEAR, Rates
from edgepind.lab.simulation.window import Window
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import Leaf

HONEST_CA = "Imagined Public CA"
"""Who issues the cloud's certificates when a life begins."""

_LIVES = (200, 100, 47)
_LONGEST_LEAD = 0.15
"""Notice is given within this share of a leaf's life at most, else it would end before its turn."""
_FOLLOWS = DAY
"""A second certificate that changes its CA so soon after the first does so in the same change."""


@dataclass(frozen=True, slots=True)
class Serves:
    """At this address these leaves are served in turn, mostly one.

    `beside`: to those who offer another kind of key than edgepind's looks do first.
    """

    address: str
    leaves: tuple[Leaf, ...]
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """What an honest endpoint says at `addresses`; `former`: what one with a stale cache says."""

    addresses: tuple[str, ...]
    current: Leaf
    next: Leaf | None
    former: Leaf


@dataclass(frozen=True, slots=True)
class Cloud:
    """All of one cloud's certificates over one life."""

    days: int
    """The life of its certificates."""
    addresses: tuple[str, ...]
    first: tuple[Leaf, ...]
    serves: tuple[Window[Serves], ...]
    words: tuple[Window[Word], ...]
    other_key: frozenset[Fingerprint]
    """Leaves whose key is not of the type of the first."""
    new_ca: frozenset[Fingerprint]
    """Leaves that came from another CA than any before them."""
    turns: tuple[float, ...]
    """When each rotation begins, in order."""
    owners: tuple[float, ...]
    """When the cloud goes to another CA, in order."""

    def ca_at(self, instant: float) -> str:
        """Give the CA that issues its certificates then."""
        return _ca(self.owners, instant)


@dataclass(frozen=True, slots=True)
class _Line:
    """One certificate after the other, for these addresses."""

    name: str
    addresses: tuple[str, ...]
    beside: bool = False
    in_turn: bool = False


@dataclass(frozen=True, slots=True)
class _Rotation:
    """One rotation: when it starts, which leaf comes, and when which address serves what.

    `lead` is the notice given, 0 for none; `withdrawn` is when it was taken back for good.
    """

    at: float
    lead: float
    coming: Leaf
    steps: tuple[tuple[float, str, tuple[Leaf, ...]], ...]
    withdrawn: float | None = None


def draw_cloud(world: str, rates: Rates, life: float) -> Cloud:
    """Draw the certificates of one life of so many seconds."""
    draws = stream(world, "cloud")
    weights = (rates.lives_200, rates.lives_100, rates.lives_47)
    days = draws.choices(_LIVES, weights)[0]
    count = draws.randint(int(rates.addresses_least), int(rates.addresses_most))
    addresses = tuple(f"address-{number}" for number in range(count))
    owners = tuple(stream(world, "owners").instants(rates.ca_changed, life))
    first: list[Leaf] = []
    serves: list[Window[Serves]] = []
    words: list[Window[Word]] = []
    other_key: set[Fingerprint] = set()
    turns: list[_Rotation] = []
    for line in _lines(world, rates, addresses):
        age = stream(line.name, "age").uniform(HOUR, rates.renewed_at * days * DAY)
        begins = _leaf(f"{line.name} 0", -age, days * DAY, HONEST_CA)
        rotations = _rotations(line, rates, life, days, begins, owners)
        first.append(begins)
        serves += _serves(line, begins, rotations, life)
        if not line.beside:
            words += _words(line, rates, begins, rotations, life)
        other_key |= _other_key(stream(line.name, "keys"), rates, rotations)
        turns += rotations
    turns.sort(key=lambda rotation: rotation.at)
    return Cloud(
        days,
        addresses,
        tuple(first),
        tuple(serves),
        tuple(words),
        frozenset(other_key),
        _first_of_their_ca(turns),
        tuple(rotation.at for rotation in turns),
        owners,
    )


def _lines(world: str, rates: Rates, addresses: tuple[str, ...]) -> tuple[_Line, ...]:
    """Give the one certificate of this cloud, or its two."""
    draws = stream(world, "lines")
    kind, in_turn = draws.random(), draws.happens(rates.in_turn)
    one, other = f"{world} honest", f"{world} honest other"
    if kind < rates.two_regions:
        half = len(addresses) // 2
        here = _Line(one, addresses[:half], in_turn=in_turn)
        return here, _Line(other, addresses[half:], in_turn=in_turn)
    if kind < rates.two_regions + rates.dual:
        return _Line(one, addresses), _Line(other, addresses, beside=True)
    return (_Line(one, addresses, in_turn=in_turn),)


def _ca(owners: tuple[float, ...], instant: float) -> str:
    number = bisect_right(owners, instant)
    return f"Imagined Successor CA {number}" if number else HONEST_CA


def _leaf(name: str, begin: float, span: float, issuer: str) -> Leaf:
    begins = EPOCH + timedelta(seconds=round(begin))
    validity = Validity(begins, begins + timedelta(seconds=round(span)))
    return leaf(name, validity=validity, issuer=issuer)


def _first_of_their_ca(rotations: list[_Rotation]) -> frozenset[Fingerprint]:
    """Give the leaves with which the cloud changed its CA.

    One that was withdrawn counts, as does the next in its place; a second line may follow at once.
    """
    since = {f"CN={HONEST_CA}": -YEAR}
    new: set[Fingerprint] = set()
    for it in rotations:
        issuer = it.coming.issuer
        if it.at - since.get(issuer, it.at) <= _FOLLOWS:
            new.add(it.coming.certificate)
        if it.withdrawn is None:
            since.setdefault(issuer, it.at)
    return frozenset(new)


# --- rotations ----------------------------------------------------------------------------------


def _rotations(
    line: _Line, rates: Rates, life: float, days: int, first: Leaf, owners: tuple[float, ...]
) -> list[_Rotation]:
    draws = stream(line.name, "rotations")
    rotations: list[_Rotation] = []
    span, present = days * DAY, first
    at = (first.validity.not_before - EPOCH).total_seconds()
    pause = rates.renewed_at * span * draws.uniform(0.9, 1.1)
    while (at := round(at + pause)) < life:
        lead = min(draws.span(rates.lead_from, rates.lead_to), _LONGEST_LEAD * span)
        lead = round(lead) if draws.happens(rates.announced) and not line.beside else 0.0
        name = f"{line.name} {len(rotations) + 1}"
        coming = _leaf(name, at - lead - 2 * HOUR, span, _ca(owners, at))
        rotations.append(_rotation(draws, rates, (max(1.0, at), lead), line, (present, coming)))
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
    line: _Line,
    leaves: tuple[Leaf, Leaf],
) -> _Rotation:
    """Roll over the addresses, at once or with a turn back half-way, or back for good."""
    (at, lead), (present, coming) = when, leaves
    order = draws.sample(line.addresses, len(line.addresses))
    span = draws.span(rates.rolling_from, rates.rolling_to)
    back = draws.span(rates.back_from, rates.back_to)
    fate = draws.random()
    pause = span / max(1, len(order) - 1)
    forth = [(round(at + pause * place), where, (coming,)) for place, where in enumerate(order)]
    half = forth[: max(1, len(forth) // 2)]
    turn = float(half[-1][0] + 60)
    undone = (*half, *((turn, where, (present,)) for _, where, _ in half))
    if fate < rates.withdrawn:
        return _Rotation(at, lead, coming, undone, withdrawn=turn)
    if fate < rates.withdrawn + rates.taken_back:
        later = turn + back - at
        again = ((instant + later, where, it) for instant, where, it in forth)
        return _Rotation(at, lead, coming, (*undone, *again))
    if line.in_turn:
        nodes = draws.span(rates.rolling_from, rates.rolling_to) / 4
        mixed = (step for it in forth for step in _by_nodes(it, nodes, present, coming))
        return _Rotation(at, lead, coming, tuple(mixed))
    return _Rotation(at, lead, coming, tuple(forth))


def _by_nodes(
    step: tuple[float, str, tuple[Leaf, ...]], pause: float, old: Leaf, new: Leaf
) -> Iterator[tuple[float, str, tuple[Leaf, ...]]]:
    """Renew five nodes behind one address, one after the other.

    Five, and a full look makes four connections: so that it begins at another node each time.
    """
    at, where, _ = step
    mixtures = (
        (new, old, old, old, old),
        (new, old, new, old, old),
        (new, new, old, new, old),
        (new, new, new, new, old),
        (new,),
    )
    for number, mixture in enumerate(mixtures):
        yield round(at + number * pause), where, mixture


# --- what is seen of them -----------------------------------------------------------------------


def _serves(
    line: _Line, first: Leaf, rotations: list[_Rotation], life: float
) -> Iterator[Window[Serves]]:
    for address in line.addresses:
        began: float = 0.0
        now: tuple[Leaf, ...] = (first,)
        for rotation in rotations:
            for instant, where, coming in rotation.steps:
                if where == address and instant < life:
                    yield Window(began, instant, Serves(address, now, line.beside))
                    began, now = instant, coming
        yield Window(began, life, Serves(address, now, line.beside))


def _words(
    line: _Line, rates: Rates, first: Leaf, rotations: list[_Rotation], life: float
) -> Iterator[Window[Word]]:
    draws, at = stream(line.name, "words"), line.addresses
    windows: list[Window[Word]] = []
    began, current, former = 0.0, first, first
    for rotation in rotations:
        told = max(began, rotation.at - rotation.lead)
        drift = round(draws.uniform(-rates.word_early, rates.word_late))
        changes = max(told, rotation.at + drift)
        if rotation.lead:
            windows.append(Window(began, told, Word(at, current, None, former)))
            windows.append(Window(told, changes, Word(at, current, rotation.coming, former)))
        else:
            windows.append(Window(began, changes, Word(at, current, None, former)))
        if rotation.withdrawn is not None:
            back = max(changes, rotation.withdrawn)
            windows.append(Window(changes, back, Word(at, rotation.coming, None, current)))
            began = back
        else:
            began, current, former = changes, rotation.coming, current
    windows.append(Window(began, life, Word(at, current, None, former)))
    return (window for window in windows if window.begin < window.end)


def _other_key(draws: Draws, rates: Rates, rotations: list[_Rotation]) -> frozenset[Fingerprint]:
    other, leaves = False, set()
    for rotation in rotations:
        other ^= draws.happens(rates.key_changed)
        if other:
            leaves.add(rotation.coming.certificate)
    return frozenset(leaves)
