"""Ends an opening whose time is over, where no daemon has: `edgepind-apply close`.

systemd runs it again and again while an end is recorded, and once at boot before the Edge starts;
to come too early or twice does no harm. A running daemon closes by itself, and has `GRACE` for it.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from math import inf
from pathlib import Path

from edgepind.clock import Clock
from edgepind.helper.edge_unit import (
    document_of,
    patience_with,
    restart_edge,
    set_timer,
    unit_of_edge,
)
from edgepind.helper.policy import HelperPolicy
from edgepind.helper.records import Opening, turn
from edgepind.model.action import RestartDone, RestartRefused, RestartUnderWay, WriteFailed
from edgepind.model.document import Pinning
from edgepind.model.instants import Monotonic
from edgepind.model.observation import DocumentRead, EdgeUnit, NoUnit, Unit, UnitState, UnitUnknown
from edgepind.settings.schema import Settings

GRACE = 10.0
"""Seconds beyond the recorded end in which a running daemon closes the Edge by itself."""

_FIRST_PAUSE = 60.0
_LONGEST_PAUSE = 900.0
_BETWEEN = frozenset({UnitState.ACTIVATING, UnitState.DEACTIVATING})
_RUNS = _BETWEEN | {UnitState.ACTIVE}


class Closed(Enum):
    """What became of the opening."""

    NOTHING_LEFT = auto()
    """No opening is recorded any more."""
    NOT_YET = auto()
    """One is recorded, and is looked at again later."""
    FAILED = auto()
    """Its time is over, and it could not be ended; it is tried again."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What was done, and a sentence on it for the journal; "" where nothing changed."""

    became: Closed
    says: str = ""


@dataclass(frozen=True, slots=True)
class Closer:
    """Ends what is recorded in `folder`, by the settings; `timer` is stopped when nothing is left.

    `before_start`: the Edge is about to be started, at boot. Then no daemon is waited for, and the
    Edge is not restarted: a unit that the Edge is ordered after would wait for itself.
    """

    settings: Settings
    folder: Path
    clock: Clock
    timer: str | None = None
    before_start: bool = False

    def close(self) -> Closing:
        """Look at the record, and end what is over."""
        with turn(self.folder) as mine:
            closing = self._close() if mine else Closing(Closed.NOT_YET)
            if closing.became is Closed.NOTHING_LEFT and self.timer is not None:
                # Within the turn: else an opening could begin before the timer is stopped.
                set_timer(self.timer, runs=False)
            return closing

    def _close(self) -> Closing:
        policy = HelperPolicy(self.settings, self.folder, self.clock)
        known, opening = policy.record.read(), policy.opening_as_it_stands()
        if opening is None:
            return Closing(Closed.NOTHING_LEFT)
        if opening != known or policy.record.is_of_another_boot():
            policy.record.write(opening)  # what cannot be written is computed anew the next time
        if not self._is_due(opening):
            return Closing(Closed.NOT_YET)
        return self._end(opening, policy)

    def _is_due(self, opening: Opening) -> bool:
        edge, now = self.settings.edge, self.clock.now().monotonic
        grace = GRACE + (edge.urgent_ready_deadline if edge.ready_command else 0.0)
        ends = opening.ends + (0.0 if self.before_start else grace)
        return now >= ends and (opening.not_before is None or now >= opening.not_before)

    def _end(self, opening: Opening, policy: HelperPolicy) -> Closing:
        edge = self.settings.edge
        keeper = document_of(edge, self.clock)
        written = keeper.close()
        if isinstance(written, WriteFailed):
            return self._failed(opening, policy, written.error)
        if written.pinning is None:
            return self._done(
                opening,
                policy,
                f"{edge.pinning_config} holds no pin: there is nothing to switch on",
            )
        unit = unit_of_edge(edge)
        if isinstance(unit, UnitUnknown):
            return self._failed(opening, policy, unit.error)
        document = keeper.read().document
        trusted = not written.changed and not policy.record.clock_was_set()
        if not _runs(unit) or (trusted and _has_loaded(unit, document)):
            return self._done(opening, policy, "validation is on in the pinning config")
        if self.before_start or self._is_awaited(unit, opening):
            says = "validation is switched on in the pinning config"
            return Closing(Closed.NOT_YET, says if written.changed else "")
        return self._restart(opening, policy, written.pinning, written.digest)

    def _is_awaited(self, unit: EdgeUnit, opening: Opening) -> bool:
        """Whether a stop or a start that is under way is left to end, as its owner wants it.

        No longer than its owner's limits, and for a while where there are none: an Edge that was
        open when that began may run without validation until it is restarted.
        """
        if not isinstance(unit, Unit) or (unit.state not in _BETWEEN and not unit.job):
            return False
        edge = self.settings.edge
        patience = patience_with(edge) if edge.start_timeout == inf else edge.start_timeout
        waits = min(patience or 0.0, _LONGEST_PAUSE)
        return self.clock.now().monotonic < opening.ends + GRACE + waits

    def _restart(
        self, opening: Opening, policy: HelperPolicy, loading: Pinning, digest: str
    ) -> Closing:
        policy.count_restart()
        outcome = restart_edge(self.settings.edge, loading)
        if isinstance(outcome, RestartUnderWay):
            return Closing(Closed.NOT_YET)  # the next look tells
        if isinstance(outcome, RestartRefused):
            policy.restart_not_made()
            return Closing(Closed.NOT_YET)  # it was stopped meanwhile: the next look tells
        if not isinstance(outcome, RestartDone):
            return self._failed(opening, policy, outcome.error)
        if outcome.read != digest:
            error = "something changed the pinning config while the Edge was restarted"
            return self._failed(opening, policy, error)
        return self._done(opening, policy, "validation is switched on and the Edge restarted")

    def _done(self, opening: Opening, policy: HelperPolicy, what: str) -> Closing:
        error = policy.record.remove()
        if error is not None:
            return Closing(Closed.FAILED, error)
        return Closing(Closed.NOTHING_LEFT, f"The time of {opening.why} is over: {what}.")

    def _failed(self, opening: Opening, policy: HelperPolicy, error: str) -> Closing:
        failures = opening.failures + 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
        again = Monotonic(self.clock.now().monotonic + pause)
        policy.record.write(replace(opening, failures=failures, not_before=again))
        return Closing(
            Closed.FAILED,
            f"The time of {opening.why} is over, and the Edge may still run without validation: "
            f"{error}; it is tried again in {pause / 60.0:g} min.",
        )


def _runs(unit: EdgeUnit) -> bool:
    """Whether a process of the Edge may have a document loaded."""
    if isinstance(unit, Unit):
        waits = unit.state is UnitState.ACTIVATING and not unit.invocation
        return unit.state in _RUNS and not waits
    return isinstance(unit, NoUnit)


def _has_loaded(unit: EdgeUnit, document: object) -> bool:
    """Whether the Edge was started after the document came to be what it is."""
    if not isinstance(unit, Unit) or not isinstance(document, DocumentRead):
        return False
    return unit.started_at is not None and unit.started_at > document.changed
