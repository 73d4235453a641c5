"""The daemon with a wall clock that is off: an entry of the lab, never of the product.

How far it is off stands in a file, in seconds, and can be changed while the daemon runs, as when
somebody sets the clock. Elapsed time is not touched.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path

from edgepind.clock import SystemClock
from edgepind.model.instants import Moment

RUN = ("-m", __name__)
_VARIABLE = "EDGEPIND_LAB_SKEW_FILE"


def environment(file: Path) -> dict[str, str]:
    """What tells this entry where the skew stands."""
    return {_VARIABLE: str(file)}


def set_skew(file: Path, seconds: float) -> None:
    """Set the clock ahead by so many seconds (behind, if negative), in one step."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{seconds}\n")
    fresh.replace(file)


class SkewedClock(SystemClock):
    """The host's clocks, the wall clock moved by what the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> Moment:
        """Read both clocks and the skew."""
        moment = super().now()
        skew = timedelta(seconds=float(self._file.read_text()))
        return Moment(moment.monotonic, moment.wall + skew)


def main() -> int:
    """Run the daemon under the skewed clock."""
    from edgepind.lab.entry import run  # noqa: PLC0415  # who names this entry is no daemon

    return run(SkewedClock(Path(os.environ[_VARIABLE])))


if __name__ == "__main__":
    sys.exit(main())
