"""A small campaign on the real core: it repeats, and what edgepind promises is kept in it."""

from dataclasses import replace

from edgepind.lab.simulation.campaign import Campaign, of_years, run
from edgepind.lab.simulation.rates import DAY, Rates
from edgepind.lab.simulation.summary import Summary, promises, summarise
from edgepind.lab.simulation.ways import RULES

_BESIEGED = replace(Rates(), brief=4.0, hours=2.0, patient=1.0, seekers=0.5, overrides=0.0)

_PLAIN = replace(Rates(), two_regions=0.0, dual=0.0, in_turn=0.0)
_ADVERSARIES = (
    "brief",
    "hours",
    "patient",
    "seekers",
    "lurkers",
    "adders",
    "strangers",
    "flappers",
    "saboteurs",
)
_WRONG_CLOCKS = {
    "clock_steps": 40.0,
    "clock_from": DAY,
    "clock_to": 3 * DAY,
    "clock_known": 1.0,
    "announced": 0.0,
    "renewed_at": 0.05,
}


def test_what_is_promised_is_kept_under_siege() -> None:
    """No adversary's pin under strict, none of a brief one or a proxy under balanced.

    And no lockout that only a person could end under balanced and available.
    """
    campaign = Campaign("siege", lives=2, life_years=1.0, rates=_BESIEGED)
    summaries = summarise(campaign, run(campaign))
    made = promises(campaign, summaries)
    assert len(made) == 12
    assert [it.text for it in made if not it.kept] == []
    _check_order(summaries)


def _check_order(summaries: dict[str, Summary]) -> None:
    """What the other ways cost in the same worlds."""
    lockout = {way: it.rates["lockout"].mean for way, it in summaries.items()}
    exposed = {way: it.rates["exposed"].mean for way, it in summaries.items()}
    assert lockout["available"] <= lockout["balanced"] < lockout["shell-loop"]
    assert lockout["balanced"] < lockout["strict"] < lockout["never-updated"]
    assert exposed["never-updated"] == exposed["strict-closed"] == 0 < exposed["strict"]
    assert exposed["strict"] < exposed["balanced"] < exposed["available"] < exposed["ca-only"]
    assert summaries["shell-loop"].rates["visits"].mean > 0


def test_the_number_of_processes_changes_no_figure() -> None:
    """Two processes find what one does, in the same order."""
    campaign = Campaign("shared", lives=5, life_years=0.2, ways=("shell-loop", "balanced"))
    assert run(campaign, processes=2) == run(campaign, processes=1)


def test_years_are_shared_out_to_lives() -> None:
    """Lives have five years; fewer years in all make one shorter life."""
    assert of_years(10_000) == (2000, 5.0)
    assert of_years(2) == (1, 2.0)


def test_a_lockout_that_ends_with_a_wrong_clock_is_not_permanent() -> None:
    """A person came first, and without one it would have ended as soon as the clock was right."""
    rates = replace(Rates(), **dict.fromkeys(_ADVERSARIES, 0.0), **_WRONG_CLOCKS)
    campaign = Campaign("clock", lives=2, life_years=0.5, ways=("balanced",), rates=rates)
    summary = summarise(campaign, run(campaign))["balanced"]
    assert summary.rates["visits"].mean > 0
    assert summary.permanent == 0
    assert all(it.kept for it in promises(campaign, {"balanced": summary}))


def test_a_lockout_that_nothing_but_a_person_would_end_breaks_the_promise() -> None:
    """Settings that neither open the Edge nor ever let a leaf in leave it locked out for good."""
    rules = replace(
        RULES,
        pins=replace(RULES.pins, sightings=1_000_000),
        fail_open=replace(RULES.fail_open, enabled=False),
    )
    rates = replace(_PLAIN, **dict.fromkeys(_ADVERSARIES, 0.0), announced=0.0)
    campaign = Campaign("stuck", 1, 1.0, ("balanced",), rates, rules)
    summary = summarise(campaign, run(campaign))["balanced"]
    assert summary.permanent == 1
    broken = [it.text for it in promises(campaign, {"balanced": summary}) if not it.kept]
    assert "balanced: no lockout that only a person could end" in broken
