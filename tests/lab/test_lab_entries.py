"""The lab's own entries to the daemon: a clock that is off, and a death at a stated point."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.children import environment
from edgepind.lab.killed_daemon import Point
from edgepind.lab.site import DOCUMENT
from edgepind.lab.skewed_daemon import SkewedClock, set_skew

_REPLACE = """
import sys
from pathlib import Path
from edgepind.host.durable_file import replace
from edgepind.lab.killed_daemon import Point, arm
arm(Point[sys.argv[1]])
replace(Path(sys.argv[2]) / "state.json", b"another file is left alone")
replace(Path(sys.argv[2]) / "pinning-config.json", b"the new document")
"""


@pytest.mark.parametrize(
    ("point", "document"),
    [
        (Point.HALF_WRITTEN, "the old document"),
        (Point.BEFORE_RENAME, "the old document"),
        (Point.AFTER_RENAME, "the new document"),
    ],
)
def test_it_dies_exactly_there(tmp_path: Path, point: Point, document: str) -> None:
    """The kill comes while the pinning document is replaced, and only then."""
    (tmp_path / DOCUMENT).write_text("the old document")
    command = [sys.executable, "-c", _REPLACE, point.name, str(tmp_path)]
    died = subprocess.run(command, check=False, env=environment())  # noqa: S603  # our own words
    assert died.returncode == -signal.SIGKILL
    assert (tmp_path / DOCUMENT).read_text() == document
    assert (tmp_path / "state.json").read_text() == "another file is left alone"


def test_half_of_it_is_really_there(tmp_path: Path) -> None:
    """What is left behind half-way is a temporary with half of the content."""
    command = [sys.executable, "-c", _REPLACE, Point.HALF_WRITTEN.name, str(tmp_path)]
    subprocess.run(command, check=False, env=environment())  # noqa: S603  # our own words
    (left,) = (path for path in tmp_path.iterdir() if path.name != "state.json")
    assert left.read_bytes() == b"the new "


def test_the_skew_moves_the_wall_clock_alone(tmp_path: Path) -> None:
    """A skew that is changed while the clock is in use is a step; elapsed time knows nothing."""
    file = tmp_path / "skew"
    set_skew(file, -3600)
    clock, host = SkewedClock(file), SystemClock()
    slow, right = clock.now(), host.now()
    assert right.wall - slow.wall == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))
    assert abs(right.monotonic - slow.monotonic) < 5
    set_skew(file, 0)
    assert abs(clock.now().wall - host.now().wall) < timedelta(seconds=5)
