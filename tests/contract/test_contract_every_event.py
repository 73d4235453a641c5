"""Section 10: every event of the list was told by a real daemon in some test of this folder."""

from pathlib import Path

import pytest

from edgepind.model.enums import EventName


def test_every_event_was_told(
    seen_events: dict[str, set[str]], request: pytest.FixtureRequest
) -> None:
    """Each under one MESSAGE_ID; only where the whole folder was run can that be said."""
    mine = {it.path.name for it in request.session.items if it.path.parent == Path(__file__).parent}
    whole = {it.name for it in Path(__file__).parent.glob("test_*.py")}
    if mine != whole:
        pytest.skip(f"not run: {', '.join(sorted(whole - mine))}")
    assert {it.value for it in EventName} - seen_events.keys() == set()
    assert all(len(numbers) == 1 for numbers in seen_events.values())
