"""What goes wrong without anybody meaning it, and what people do: drawn as windows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from edgepind.lab.sim_observations import leaf
from edgepind.lab.simulation.draws import Draws, stream
from edgepind.lab.simulation.rates import DAY, HOUR, YEAR, Rates
from edgepind.lab.simulation.window import Window
from edgepind.model.observation import Leaf

_FLAPS = 5


class StatusFault(StrEnum):
    """How the status endpoint fails."""

    UNREACHABLE = "unreachable"
    GARBAGE = "garbage"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Outage:
    """Nothing answers at this address; None: at none."""

    address: str | None


@dataclass(frozen=True, slots=True)
class PowerOff:
    """The host is off: a reboot, or weeks in a drawer."""


@dataclass(frozen=True, slots=True)
class ClockWrong:
    """The host's clock is so many seconds ahead; `known`: chrony says so."""

    ahead: float
    known: bool


@dataclass(frozen=True, slots=True)
class RestartTrouble:
    """Whoever restarts the Edge now finds that it does not come up."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Restarts have failed, and the next may still be waited for, by backoff or budget."""


@dataclass(frozen=True, slots=True)
class Override:
    """Validation switched off for some work; the window lasts until it is remembered."""

    stated: float
    """How long it was meant to last, in seconds."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An inspecting proxy holds the path; its CA is no public one."""

    leaf: Leaf


Fault = Outage | PowerOff | ClockWrong | RestartTrouble | Aftermath | Override | Proxy | StatusFault


def draw_faults(
    world: str, rates: Rates, addresses: tuple[str, ...], life: float
) -> tuple[Window[Fault], ...]:
    """Everything of this kind in one life."""
    off = tuple(_off(stream(world, "power"), rates, life))
    return (
        *_outages(stream(world, "outages"), rates, life),
        *_address_outages(stream(world, "addresses"), rates, addresses, life),
        *_status_faults(stream(world, "status"), rates, life),
        *off,
        *_clocks(stream(world, "clock"), rates, off, life),
        *_troubles(stream(world, "restarts"), rates, life),
        *_overrides(stream(world, "overrides"), rates, life),
        *_proxies(world, rates, life),
    )


def _outages(draws: Draws, rates: Rates, life: float) -> Iterator[Window[Fault]]:
    for begin in draws.instants(rates.outages, life):
        span = draws.span(rates.outage_from, rates.outage_to)
        if not draws.happens(rates.flapping):
            yield Window(begin, begin + span, Outage(None))
            continue
        for turn in range(_FLAPS):
            yield Window(begin + 2 * turn * span, begin + (2 * turn + 1) * span, Outage(None))


def _address_outages(
    draws: Draws, rates: Rates, addresses: tuple[str, ...], life: float
) -> Iterator[Window[Fault]]:
    for begin in draws.instants(rates.address_outages, life):
        span = draws.span(rates.address_outage_from, rates.address_outage_to)
        yield Window(begin, begin + span, Outage(draws.choice(addresses)))


def _status_faults(draws: Draws, rates: Rates, life: float) -> Iterator[Window[Fault]]:
    for begin in draws.instants(rates.status_faults, life):
        span = draws.span(rates.status_fault_from, rates.status_fault_to)
        kind = draws.random()
        if kind < rates.status_garbage:
            yield Window(begin, begin + span, StatusFault.GARBAGE)
        elif kind < rates.status_garbage + rates.status_stale:
            yield Window(begin, begin + span, StatusFault.STALE)
        else:
            yield Window(begin, begin + span, StatusFault.UNREACHABLE)
    for begin in draws.instants(rates.status_lost, life):
        span = draws.span(rates.status_lost_from, rates.status_lost_to)
        yield Window(begin, begin + span, StatusFault.UNREACHABLE)


def _off(draws: Draws, rates: Rates, life: float) -> Iterator[Window[Fault]]:
    for begin in draws.instants(rates.reboots, life):
        yield Window(begin, begin + rates.reboot_takes, PowerOff())
    for begin in draws.instants(rates.switched_off, life):
        yield Window(begin, begin + draws.span(rates.off_from, rates.off_to), PowerOff())


def _clocks(
    draws: Draws, rates: Rates, off: tuple[Window[Fault], ...], life: float
) -> Iterator[Window[Fault]]:
    starts = [window.end for window in off if draws.happens(rates.boot_clock_wrong)]
    for begin in (*starts, *draws.instants(rates.clock_steps, life)):
        span = draws.span(rates.clock_from, rates.clock_to)
        small = draws.choice((-1, 1)) * draws.span(HOUR, 2 * DAY)
        ahead = draws.choice((-7 * YEAR, small, small, 10 * YEAR))
        known = draws.happens(rates.clock_known)
        yield Window(begin, begin + span, ClockWrong(ahead, known))


def _troubles(draws: Draws, rates: Rates, life: float) -> Iterator[Window[Fault]]:
    for begin in draws.instants(rates.restart_troubles, life):
        span = draws.span(rates.trouble_from, rates.trouble_to)
        yield Window(begin, begin + span, RestartTrouble())
        yield Window(begin + span, begin + span + rates.aftermath, Aftermath())


def _overrides(draws: Draws, rates: Rates, life: float) -> Iterator[Window[Fault]]:
    for begin in draws.instants(rates.overrides, life):
        late = draws.span(rates.remembered_from, rates.remembered_to)
        span = late if draws.happens(rates.forgotten) else rates.override_stated / 2
        yield Window(begin, begin + span, Override(rates.override_stated))


def _proxies(world: str, rates: Rates, life: float) -> Iterator[Window[Fault]]:
    draws = stream(world, "proxies")
    for number, begin in enumerate(draws.instants(rates.proxies, life)):
        span = draws.span(rates.proxy_from, rates.proxy_to)
        trusted = draws.happens(rates.proxy_root)
        made = leaf(f"{world} proxy {number}", public=False, issuer="Inspecting Proxy CA")
        made = made if trusted else replace(made, system=made.public)
        yield Window(begin, begin + span, Proxy(made))
