"""`edgepind restart --now`: what is planned goes ahead, with a running daemon and without one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.small_site import Site


async def planned(site: Site, ask: Any) -> str:
    """Let a restart be planned for a window that is days off; give what `pin add` said of it."""
    day = datetime.now(UTC) + timedelta(days=3)
    edge = {"maintenance": [f"{day:%a} 02:00-03:00"]}
    site.write_settings({"cloud": {"interval": "60s"}, "edge": edge})
    assert (await ask("reload")).code == 0
    answer = await ask("pin", "add", site.issue().fingerprint)
    assert answer.code == 0
    output: str = answer.output
    return output


async def test_what_is_planned_is_shown_and_goes_ahead(steady: Site, ask: Any) -> None:
    """`status` answers 0 before and after; the restart is made by the daemon at once."""
    before = steady.restarts()
    assert "restart that is planned for " in await planned(steady, ask)
    assert steady.restarts() == before
    answer = await ask("status")
    assert answer.code == 0
    assert "restart planned for " in answer.output
    answer = await ask("explain")
    assert "a restart of the Edge is planned for " in answer.output
    answer = await ask("restart", "--now")
    assert (answer.code, answer.errors) == (0, "")
    assert "waits" in answer.output or "restarted" in answer.output
    await steady.until(lambda: steady.restarts() == before + 1, "the restart")
    assert list((steady.state / "words").iterdir()) == []


@pytest.mark.parametrize("owed", [False, True])
async def test_where_nothing_is_planned_that_is_said(steady: Site, ask: Any, owed: bool) -> None:  # noqa: FBT001
    """Nothing is done, which is what was asked for."""
    before = steady.restarts()
    if owed:
        steady.write_settings({"cloud": {"interval": "60s"}, "edge": {"restart_budget": 0}})
        assert (await ask("reload")).code == 0
        assert (await ask("pin", "add", steady.issue().fingerprint)).code == 0
    answer = await ask("restart", "--now")
    assert answer.code == 0
    assert ("owed one already" if owed else "it is owed none") in answer.output
    assert steady.restarts() == before


async def test_without_a_daemon_the_command_restarts_the_edge(steady: Site, ask: Any) -> None:
    """And where no daemon was ever there, nothing is known of a plan."""
    await planned(steady, ask)
    before = steady.restarts()
    await steady.daemon.stop()
    answer = await ask("restart", "--now")
    assert (answer.code, answer.errors) == (0, "")
    assert steady.restarts() == before + 1
    (steady.runtime / "status.json").unlink()
    assert (await ask("restart", "--now")).code == 3
