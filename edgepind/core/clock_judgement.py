"""Whether the host's clock may be believed (CONTRACT section 6 and 11, DESIGN "Time").

One witness of an error beyond `max_error` is enough to distrust the clock: wrongly distrusting
it delays a hold-down, wrongly trusting it misjudges certificates. A clock of which nobody
knows anything counts as trusted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from edgepind.model.instants import Moment
from edgepind.model.observation import ClockReading, ClockSource
from edgepind.model.rules import Rules
from edgepind.model.state import ClockJudgement

_PRECEDENCE = (ClockSource.CHRONY, ClockSource.KERNEL, ClockSource.DATE_HEADER)


def judge_clock(readings: Sequence[ClockReading], rules: Rules, now: Moment) -> ClockJudgement:
    """Weigh the readings of one tick.

    A reading speaks against the clock only by what exceeds the source's own uncertainty.
    """
    ordered = sorted(readings, key=lambda reading: _PRECEDENCE.index(reading.source))
    for reading in ordered:
        if abs(reading.ahead) - reading.uncertainty > rules.max_clock_error:
            return ClockJudgement(trusted=False, error=reading.ahead, source=reading.source)
    if now.wall < rules.earliest:
        behind = (now.wall - rules.earliest).total_seconds()
        return ClockJudgement(trusted=False, error=behind, source=ClockSource.NONE)
    if ordered:
        return ClockJudgement(trusted=True, error=ordered[0].ahead, source=ordered[0].source)
    return ClockJudgement()


def better_times(
    clock: ClockJudgement, now: Moment, floor: datetime | None
) -> tuple[datetime, ...]:
    """Times for which there is better evidence than for what the host's clock says.

    What the witnesses make of the true time; and `floor`, which an earlier run stored, where
    the clock now stands before it.
    """
    times = []
    if not clock.trusted and clock.error is not None:
        times.append(now.wall - timedelta(seconds=clock.error))
    if floor is not None and now.wall < floor:
        times.append(floor)
    return tuple(times)
