"""How the lab counts, from given records."""

from typing import Any

import pytest

from edgepind.lab.tally import Tally

_EVIL = "ee" * 32
_GOOD = "aa" * 32


def _dial(t: float, why: str | None, leaf: str = _GOOD, *, pinning: bool = True) -> dict[str, Any]:
    return {
        "kind": "dial",
        "t": t,
        "address": "127.0.0.1:1",
        "leaf": leaf,
        "why": why,
        "pinning": pinning,
    }


def test_locked_out_is_from_the_first_rejection_to_the_next_acceptance() -> None:
    """Two lockouts add up; what was accepted in between ends the first."""
    tally = Tally()
    for t, why in [(0, None), (1, "pin"), (2, "chain"), (4, None), (6, "pin"), (6.5, None)]:
        tally.add(_dial(t, why))
    assert (tally.accepted, tally.rejected) == (3, 3)
    assert tally.locked_out(now=100) == pytest.approx(3.5)


def test_a_lockout_that_lasts_counts_until_now() -> None:
    """Nobody needs to come back for the time to count."""
    tally = Tally()
    tally.add(_dial(10, "pin"))
    assert tally.locked_out_now
    assert tally.locked_out(now=13) == pytest.approx(3)


def test_an_edge_that_does_not_start_is_locked_out() -> None:
    """A document that the Edge refuses is a lockout though nothing is dialled."""
    tally = Tally()
    tally.add({"kind": "start_failed", "t": 5.0, "error": "no JSON"})
    assert tally.rejected == 0
    assert tally.locked_out(now=7) == pytest.approx(2)


def test_nobody_there_is_no_rejection() -> None:
    """A cloud that is away neither begins nor ends a lockout."""
    tally = Tally()
    tally.add(_dial(0, "pin"))
    tally.add(_dial(1, "network"))
    assert (tally.rejected, tally.unreachable) == (1, 1)
    assert tally.locked_out_now


def test_an_attackers_pin_counts_where_it_was_accepted_or_told() -> None:
    """Once by a connection under pinning, once by the allowlist; a rejected one does not count."""
    tally = Tally({_EVIL})
    tally.add(_dial(0, "pin", _EVIL))
    assert not tally.attackers_accepted
    tally.add(_dial(1, None, _EVIL))
    assert tally.attackers_accepted == {_EVIL}
    told = Tally({_EVIL})
    told.add({"kind": "started", "t": 0.0, "pins": [_GOOD, _EVIL]})
    assert told.attackers_accepted == {_EVIL}


def test_an_open_edge_that_meets_an_attacker_is_counted_apart() -> None:
    """With pinning off no pin is accepted, but the connection was carried: it is not hidden."""
    tally = Tally({_EVIL})
    tally.add(_dial(0, None, _EVIL, pinning=False))
    assert (tally.carried, tally.attackers_accepted) == (1, set())
