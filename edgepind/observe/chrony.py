"""What chronyd says of the host's clock, through `chronyc -c -n tracking` (chronyc(1)).

Asked only where a chronyc is installed. Whatever it prints, nothing here raises.
"""

import math
import shutil

from edgepind.host.command import Exited, run_command
from edgepind.host.disk_thread import run_aside
from edgepind.model.observation import ClockReading, ClockSource

_DEADLINE = 5.0
_FIELDS = 14
_SYNCHRONISED = frozenset({"Normal", "Insert second", "Delete second"})
_ITSELF = frozenset({"00000000", "7F7F0101"})
"""Reference ids for "none yet" and for `local`, which is the host's own clock by another name."""


async def ask_chrony(chronyc: str) -> ClockReading | None:
    """Run `chronyc` (a path, or a name in PATH) once; None where it has nothing to say."""
    found = await run_aside(shutil.which, chronyc)
    if found is None:
        return None
    result = await run_command([found, "-c", "-n", "tracking"], _DEADLINE)
    return read_tracking(result.tail) if isinstance(result, Exited) and result.code == 0 else None


def read_tracking(line: str) -> ClockReading | None:
    """Read one line of `tracking` in its CSV form; None where it is none, or not synchronised.

    The fifth field is what chronyd has still to add to the system clock, in seconds. The error
    bound is the root dispersion and half of the root delay (RFC 5905, section 11.2).
    """
    fields = line.strip().split(",")
    if len(fields) != _FIELDS or fields[0].upper() in _ITSELF or fields[13] not in _SYNCHRONISED:
        return None
    try:
        stratum = int(fields[2])
        behind, delay, dispersion = (float(fields[index]) for index in (4, 10, 11))
    except ValueError:
        return None
    bound = dispersion + abs(delay) / 2
    if stratum < 1 or not (math.isfinite(behind) and math.isfinite(bound)):
        return None
    return ClockReading(ClockSource.CHRONY, -behind, abs(bound))
