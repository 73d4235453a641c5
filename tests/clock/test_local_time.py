"""What the host's local time is: by its own file, by `TZ`, and where neither tells."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH

import pytest

from edgepind.model.maintenance import LocalOffset, offset_at
from edgepind.observe.local_time import LocalTime

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def zone_file(name: str) -> Path:
    """The file of a zone, as the distribution ships it."""
    for folder in TZPATH:
        if (path := Path(folder) / name).is_file():
            return path
    pytest.skip(f"no zone {name} on this host")


@pytest.fixture
def without_tz(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that was told no zone; the C library is told so as well, there and back."""
    monkeypatch.delenv("TZ", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("without_tz")
def test_the_hosts_file_counts_and_is_read_again_when_it_is_replaced(tmp_path: Path) -> None:
    """As `timedatectl set-timezone` does; a change of the offset is found to the second."""
    link = tmp_path / "localtime"
    link.symlink_to(zone_file("Europe/Berlin"))
    local = LocalTime(link)
    assert local.offsets(NOW)[-1] == LocalOffset(CHANGE, HOUR)
    assert offset_at(NOW, local.offsets(NOW)) == 2 * HOUR
    link.unlink()
    link.symlink_to(zone_file("Asia/Kolkata"))
    assert [it.offset for it in local.offsets(NOW)] == [timedelta(hours=5, minutes=30)]


@pytest.mark.usefixtures("without_tz")
def test_where_nothing_can_be_read_it_is_utc(tmp_path: Path) -> None:
    """No file, or one that holds no zone."""
    file = tmp_path / "localtime"
    assert [it.offset for it in LocalTime(file).offsets(NOW)] == [timedelta()]
    file.write_bytes(b"no zone")
    assert [it.offset for it in LocalTime(file).offsets(NOW)] == [timedelta()]


@pytest.mark.usefixtures("without_tz")
def test_a_rule_in_tz_counts_as_for_any_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is no name of a zone."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    assert LocalTime(tmp_path / "none").offsets(NOW)[-1] == LocalOffset(CHANGE, HOUR)
