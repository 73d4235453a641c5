"""Those who mean it: each has a leaf of his own, and a place on the path or in the name service.

Most have a leaf that a compromised public CA issued, which for some is the cloud's own. They know
what edgepind does, and time themselves by its defaults: some stay until `ca_hold_down` is served,
some wait for a rotation to hide in. Who answers in the status endpoint's place announces another
leaf of his own, to be let in with it and used on his return.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from edgepind.lab.sim_observations import EPOCH, leaf
from edgepind.lab.simulation.certificates import Cloud
from edgepind.lab.simulation.draws import Draws, stream
from edgepind.lab.simulation.rates import DAY, HOUR, MINUTE, Rates
from edgepind.lab.simulation.window import Window
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import Leaf

COMPROMISED_CA = "Compromised Public CA"

_VALID_FOR = 90 * DAY
_BETWEEN_LEAVES = 60.0
_MORE_THAN_LENT = 7
"""Leaves that one shows in turn who wants more of them than are lent; prime, as no look is."""


class Kind(StrEnum):
    """What sort of adversary."""

    BRIEF = "brief"
    """Present for less than the hold-down."""
    HOURS = "hours"
    PATIENT = "patient"
    """Present for days, and again weeks later."""
    SEEKER = "seeker"
    """Tries to make the daemon fail open, and to keep it so."""
    LURKER = "lurker"
    """Shows nothing, and waits for an Edge that is open for another reason."""
    ADDER = "adder"
    """Has the name service alone, and adds addresses of his own to it."""
    STRANGER = "stranger"
    """A self-signed leaf at one address, for weeks; it may not even be meant."""
    FLAPPER = "flapper"
    """Spends the openings."""
    SABOTEUR = "saboteur"
    """Touches the path every few minutes, so that nothing is ever adopted."""


class Manner(StrEnum):
    """What he does with the path for now."""

    SHOWING = "showing"
    """Everybody who dials meets his leaf."""
    BLINDING = "blinding"
    """The Edge meets his leaf, the daemon nothing (told apart by their handshakes)."""
    SILENT = "silent"
    """He lets everything pass, and could do otherwise."""


@dataclass(frozen=True, slots=True)
class Presence:
    """One adversary at work; he holds `address`, or all of the cloud's where that is None.

    `leaves` is what he shows, one after the other; `planted` what he announces beside it where he
    `controls` the status endpoint's word; without control he passes the honest word on. `own`:
    his CA has the owner of the cloud's. With `added` he holds these addresses alone, which the
    name service gives beside the cloud's, or in their place where he `replaces` them.
    """

    kind: Kind
    manner: Manner
    leaves: tuple[Leaf, ...]
    planted: Leaf
    controls: bool
    own: bool
    address: str | None = None
    added: tuple[str, ...] = ()
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Attacker:
    """Whose leaf one is."""

    kind: Kind
    own: bool
    """Whether its CA has the owner of the cloud's."""


def attackers_in(presences: tuple[Window[Presence], ...]) -> Mapping[Fingerprint, Attacker]:
    """Give all leaves of adversaries, and whose they are."""
    return {
        made.certificate: Attacker(it.what.kind, it.what.own)
        for it in presences
        for made in (*it.what.leaves, it.what.planted)
    }


def draw_adversaries(
    world: str, rates: Rates, cloud: Cloud, life: float
) -> tuple[Window[Presence], ...]:
    """Every presence of every adversary in one life."""
    them = _Adversaries(world, rates, cloud, life)
    return (
        *them.brief(),
        *them.hours(),
        *them.patient(),
        *them.lurkers(),
        *them.seekers(),
        *them.adders(),
        *them.strangers(),
        *them.flappers(),
        *them.saboteurs(),
    )


class _Adversaries:
    """Draws each kind from a stream of its own."""

    def __init__(self, world: str, rates: Rates, cloud: Cloud, life: float) -> None:
        self._world = world
        self._rates = rates
        self._cloud = cloud
        self._life = life

    def brief(self) -> Iterator[Window[Presence]]:
        rates, draws = self._rates, stream(self._world, Kind.BRIEF)
        for begin, presence in self._come(Kind.BRIEF, rates.brief, draws):
            yield _for(begin, draws.span(rates.brief_from, rates.brief_to), presence)

    def hours(self) -> Iterator[Window[Presence]]:
        rates, draws = self._rates, stream(self._world, Kind.HOURS)
        for begin, presence in self._come(Kind.HOURS, rates.hours, draws, hides=True):
            span = draws.span(rates.hours_from, rates.hours_to)
            stays = draws.happens(rates.stays)
            yield _for(begin, max(span, rates.stays_for) if stays else span, presence)

    def patient(self) -> Iterator[Window[Presence]]:
        """Come for days, and weeks later for hours with what was planted, if it could be."""
        rates, draws = self._rates, stream(self._world, Kind.PATIENT)
        for begin, presence in self._come(Kind.PATIENT, rates.patient, draws, hides=True):
            first = _for(begin, draws.span(rates.patient_from, rates.patient_to), presence)
            again = first.end + draws.span(rates.back_after_from, rates.back_after_to)
            shown = (presence.planted,) if presence.controls else presence.leaves
            yield first
            span = draws.span(rates.hours_from, rates.hours_to)
            yield _for(again, span, replace(presence, leaves=shown))

    def lurkers(self) -> Iterator[Window[Presence]]:
        rates, draws = self._rates, stream(self._world, Kind.LURKER)
        for begin, presence in self._come(Kind.LURKER, rates.lurkers, draws):
            span = draws.span(rates.lurker_from, rates.lurker_to)
            yield _for(begin, span, replace(presence, manner=Manner.SILENT))

    def seekers(self) -> Iterator[Window[Presence]]:
        """Show a leaf, or many, until the Edge must be open, then blind the daemon; once more."""
        rates, draws = self._rates, stream(self._world, Kind.SEEKER)
        for begin, first in self._come(Kind.SEEKER, rates.seekers, draws, hides=True):
            count = _MORE_THAN_LENT if draws.happens(rates.seeker_many) else 1
            at = begin
            for turn in range(int(rates.seeker_rounds)):
                presence = replace(first, address=None, leaves=self._several(first, turn, count))
                yield _for(at, rates.seeker_shows, presence)
                at += rates.seeker_shows
                yield _for(at, rates.seeker_blinds, replace(presence, manner=Manner.BLINDING))
                at += rates.seeker_blinds + _BETWEEN_LEAVES

    def adders(self) -> Iterator[Window[Presence]]:
        rates, draws = self._rates, stream(self._world, Kind.ADDER)
        for begin, presence in self._come(Kind.ADDER, rates.adders, draws):
            replaces = draws.happens(rates.adder_replaces)
            added = tuple(f"added-{number}" for number in range(draws.randint(1, 2)))
            made = replace(presence, address=None, added=added, replaces=replaces)
            yield _for(begin, draws.span(rates.adder_from, rates.adder_to), made)

    def strangers(self) -> Iterator[Window[Presence]]:
        rates, draws = self._rates, stream(self._world, Kind.STRANGER)
        for begin, presence in self._come(Kind.STRANGER, rates.strangers, draws):
            name = f"{self._world} stranger {begin}"
            address = draws.choice(self._cloud.addresses)
            made = replace(_self_signed(presence, name), address=address)
            yield _for(begin, draws.span(rates.stranger_from, rates.stranger_to), made)

    def flappers(self) -> Iterator[Window[Presence]]:
        rates, draws = self._rates, stream(self._world, Kind.FLAPPER)
        for begin, first in self._come(Kind.FLAPPER, rates.flappers, draws, hides=True):
            at = begin
            for turn in range(int(rates.flaps)):
                presence = replace(first, address=None, leaves=self._several(first, turn, 1))
                yield _for(at, rates.flap, presence)
                at += rates.flap + draws.span(rates.flap_pause_from, rates.flap_pause_to)

    def saboteurs(self) -> Iterator[Window[Presence]]:
        rates, draws = self._rates, stream(self._world, Kind.SABOTEUR)
        for begin, presence in self._come(Kind.SABOTEUR, rates.saboteurs, draws, hides=True):
            public = draws.happens(rates.saboteur_public)
            made = presence if public else _self_signed(presence, f"{self._world} self {begin}")
            span = draws.span(rates.saboteur_from, rates.saboteur_to)
            for turn in range(int(span / rates.touch_every)):
                yield _for(begin + turn * rates.touch_every, rates.touch, made)

    # --- what all have in common ----------------------------------------------------------------

    def _come(
        self, kind: Kind, rate: float, draws: Draws, *, hides: bool = False
    ) -> Iterator[tuple[float, Presence]]:
        """Give when each of a kind comes, and what he is; `hides`: some wait for a rotation."""
        rates = self._rates
        for number, at in enumerate(draws.instants(rate, self._life)):
            waits, after = draws.happens(rates.hides), draws.span(MINUTE, HOUR)
            begin = self._in_rotation(at, after) if hides and waits else at
            own = draws.happens(rates.own_ca)
            controls = draws.happens(rates.controls_status)
            one, address = draws.happens(rates.one_address), draws.choice(self._cloud.addresses)
            ca = self._cloud.ca_at(begin) if own else COMPROMISED_CA
            name = f"{self._world} {kind} {number}"
            shown, planted = _forged(name, begin, ca), _forged(f"{name} planted", begin, ca)
            presence = Presence(kind, Manner.SHOWING, (shown,), planted, controls, own)
            yield begin, replace(presence, address=address) if one else presence

    def _in_rotation(self, at: float, after: float) -> float:
        """Give an instant soon after the next rotation has begun; `at` where none comes."""
        turns = self._cloud.turns
        place = bisect_left(turns, at)
        begin = float(int(turns[place] + after)) if place < len(turns) else at
        return begin if begin < self._life else at

    def _several(self, first: Presence, turn: int, count: int) -> tuple[Leaf, ...]:
        """Give new leaves of the same CA."""
        made = first.leaves[0]
        begin, ca = made.validity.not_before, made.issuer.removeprefix("CN=")
        at = (begin - EPOCH).total_seconds() + DAY
        name = made.subject.removeprefix("CN=")
        return tuple(_forged(f"{name} {turn} {it}", at, ca) for it in range(count))


def _for(begin: float, span: float, presence: Presence) -> Window[Presence]:
    return Window(begin, begin + span, presence)


def _forged(name: str, begin: float, ca: str) -> Leaf:
    begins = EPOCH + timedelta(seconds=begin - DAY)
    validity = Validity(begins, begins + timedelta(seconds=_VALID_FOR))
    return leaf(name, validity=validity, issuer=ca)


def _self_signed(presence: Presence, name: str) -> Presence:
    """Give him leaves that no CA has issued, and nothing to plant."""
    made = leaf(name, public=False, issuer=name)
    made = replace(made, system=made.public)
    return replace(presence, leaves=(made,), planted=made, controls=False, own=False)
