"""Those who mean it: each has a leaf that a compromised public CA issued, and a place on the path.

They know what edgepind does, and time themselves by its defaults. Who answers in the status
endpoint's place announces another leaf of his own, to be let in with it and used on his return.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from edgepind.lab.sim_observations import EPOCH, leaf
from edgepind.lab.simulation.draws import Draws, stream
from edgepind.lab.simulation.rates import DAY, Rates
from edgepind.lab.simulation.window import Window
from edgepind.model.instants import Validity
from edgepind.model.observation import Leaf

_VALID_FOR = 90 * DAY
_BETWEEN_LEAVES = 60.0


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
    """One adversary on the path; `address` None: he holds all of them.

    `leaf` is what he shows, `planted` what he announces beside it where he `controls` the
    status endpoint's word; without control he passes the honest word on.
    """

    kind: Kind
    manner: Manner
    leaf: Leaf
    planted: Leaf
    controls: bool
    address: str | None = None


def draw_adversaries(
    world: str, rates: Rates, addresses: tuple[str, ...], life: float
) -> tuple[Window[Presence], ...]:
    """Every presence of every adversary in one life."""
    spans = (
        (Kind.BRIEF, rates.brief, rates.brief_from, rates.brief_to),
        (Kind.HOURS, rates.hours, rates.hours_from, rates.hours_to),
        (Kind.PATIENT, rates.patient, rates.patient_from, rates.patient_to),
        (Kind.LURKER, rates.lurkers, rates.lurker_from, rates.lurker_to),
    )
    found: list[Window[Presence]] = []
    for kind, rate, least, most in spans:
        draws = stream(world, kind)
        for number, begin in enumerate(draws.instants(rate, life)):
            presence = _presence(f"{world} {kind} {number}", kind, begin, draws, rates)
            presence = _at_one_address(presence, addresses, draws, rates)
            span = draws.span(least, most)
            found.append(Window(begin, begin + span, presence))
            if kind is Kind.PATIENT:
                found.append(_return(presence, begin + span, draws, rates))
    return (*found, *_seekers(world, rates, life))


def _presence(name: str, kind: Kind, begin: float, draws: Draws, rates: Rates) -> Presence:
    manner = Manner.SILENT if kind is Kind.LURKER else Manner.SHOWING
    controls = draws.happens(rates.controls_status)
    return Presence(kind, manner, _forged(name, begin), _forged(f"{name} planted", begin), controls)


def _forged(name: str, begin: float) -> Leaf:
    begins = EPOCH + timedelta(seconds=begin - DAY)
    validity = Validity(begins, begins + timedelta(seconds=_VALID_FOR))
    return leaf(name, validity=validity, issuer="Compromised Public CA")


def _at_one_address(
    presence: Presence, addresses: tuple[str, ...], draws: Draws, rates: Rates
) -> Presence:
    one = draws.happens(rates.one_address)
    address = draws.choice(addresses)
    if not one:
        return presence
    return Presence(
        presence.kind,
        presence.manner,
        presence.leaf,
        presence.planted,
        presence.controls,
        address,
    )


def _return(first: Presence, gone: float, draws: Draws, rates: Rates) -> Window[Presence]:
    """He is back for some hours with the leaf that he has planted, if he could plant one."""
    begin = gone + draws.span(rates.back_after_from, rates.back_after_to)
    span = draws.span(rates.hours_from, rates.hours_to)
    shown = first.planted if first.controls else first.leaf
    again = Presence(first.kind, first.manner, shown, first.planted, first.controls, first.address)
    return Window(begin, begin + span, again)


def _seekers(world: str, rates: Rates, life: float) -> Iterator[Window[Presence]]:
    """Show a leaf until the Edge must have been opened, then blind the daemon; and once more."""
    draws = stream(world, Kind.SEEKER)
    for number, begin in enumerate(draws.instants(rates.seekers, life)):
        controls = draws.happens(rates.controls_status)
        at = begin
        for turn in range(int(rates.seeker_rounds)):
            name = f"{world} seeker {number} {turn}"
            shown, planted = _forged(name, begin), _forged(f"{name} planted", begin)
            blinded = at + rates.seeker_shows
            ends = blinded + rates.seeker_blinds
            for since, until, manner in (
                (at, blinded, Manner.SHOWING),
                (blinded, ends, Manner.BLINDING),
            ):
                presence = Presence(Kind.SEEKER, manner, shown, planted, controls)
                yield Window(since, until, presence)
            at = ends + _BETWEEN_LEAVES
