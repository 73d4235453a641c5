"""Whether a pin has standing is shown, with why, and with what is missing."""

from dataclasses import replace

import pytest

from edgepind.core.explain_pin import Explanation, explain_pin
from edgepind.model.enums import Channel, Origin, Role
from edgepind.model.pin import Pin
from edgepind.model.state import State, StatusMemory
from tests.core.situations import BACKUP, CURRENT, PENDING, B
from tests.support.sim_site import rules

RULES = rules()
OVERLAP = RULES.pins.overlap
OBSERVED = replace(BACKUP, origin=Origin.OBSERVED, tenure=OVERLAP - 3600.0)


def _explained(pin: Pin, status: StatusMemory | None = None) -> Explanation:
    state = State(pins=(CURRENT, pin), status=status or StatusMemory())
    return explain_pin(pin, state, RULES)


def _told(clauses: tuple[str, ...]) -> list[str]:
    return [it for it in clauses if "standing" in it]


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        (BACKUP, "its origin is operator"),
        (replace(BACKUP, origin=Origin.ANNOUNCED), "its origin is announced"),
        (replace(OBSERVED, vouched=True), "a channel with standing named it"),
        (replace(OBSERVED, tenure=OVERLAP), "every address served it, and nothing else, for 24h"),
    ],
)
def test_a_pin_that_is_believed_says_why(pin: Pin, why: str) -> None:
    """By its origin, by who named it, or by having been served alone."""
    explained = _explained(pin)
    [told] = _told(explained.evidence_for[1:])
    assert told.startswith("it has standing, ")
    assert why in told
    assert _told(explained.evidence_against + explained.would_change) == []


@pytest.mark.parametrize("role", [Role.BACKUP, Role.CURRENT, Role.RETIRING])
@pytest.mark.parametrize("origin", [Origin.OBSERVED, Origin.DOCUMENT])
def test_a_pin_that_is_not_believed_yet_says_what_is_missing(role: Role, origin: Origin) -> None:
    """How long it must be served alone, and the two words that would do."""
    explained = _explained(replace(OBSERVED, role=role, origin=origin))
    assert _told(explained.evidence_for) == []
    [against] = _told(explained.evidence_against)
    assert against.startswith("it has no standing yet")
    alone, named, added = _told(explained.would_change)
    assert "for 1h more" in alone
    assert named.startswith("named by the status endpoint over a pin with standing")
    assert added.startswith(f"`edgepind pin add {B}` gives it standing")


def test_an_exception_gains_standing_by_an_operator_alone() -> None:
    """No time and no announcement changes whose CA issued it."""
    explained = _explained(replace(OBSERVED, origin=Origin.EXCEPTION, tenure=OVERLAP))
    [against] = _told(explained.evidence_against)
    assert against.startswith("it never has standing")
    [added] = _told(explained.would_change)
    assert added.startswith(f"`edgepind pin add {B}`")


def test_nothing_is_said_of_the_standing_of_what_is_not_accepted() -> None:
    """It has its hold-down before it."""
    explained = _explained(PENDING)
    clauses = explained.evidence_for + explained.evidence_against + explained.would_change
    assert _told(clauses) == []


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        (Channel.PINNED, "(pinned channel)"),
        (Channel.WITHOUT_STANDING, "(pinned channel without standing, which is not believed)"),
        (Channel.UNPINNED, "(unpinned channel, which is not believed)"),
        (Channel.NONE, "(no channel now)"),
    ],
)
def test_what_was_announced_is_told_with_what_it_came_over(channel: Channel, told: str) -> None:
    """A hint is no announcement, and is not shown as one."""
    status = StatusMemory(channel=channel, announced_current=B, announced_next=B)
    named = [it for it in _explained(BACKUP, status).evidence_for if "names it" in it]
    assert len(named) == 2
    assert all(it.endswith(told) for it in named)
