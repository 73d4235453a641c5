"""The daemon's memory survives whatever becomes of its file, and steady memory writes nothing."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.model.enums import Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.pin import Pin
from edgepind.model.state import ClockJudgement, Guard, State, StatusMemory
from edgepind.state.store import Damaged, Fresh, Loaded, StateStore

WALL = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = Moment(Monotonic(1000.0), WALL)
BOOT = "boot-1"
PIN = Pin(Fingerprint(b"\xaa" * 32), PinKind.CERTIFICATE, Role.CURRENT, Origin.OPERATOR, since=WALL)
FIRST = State(pins=(PIN,), guard=Guard(openings=(Monotonic(900.0),)))
SECOND = replace(FIRST, lockout=True)


def later(seconds: float, wall: datetime = WALL) -> Moment:
    """Give a moment on the same boot."""
    return Moment(Monotonic(1000.0 + seconds), wall + timedelta(seconds=seconds))


def saved(folder: Path, *states: State) -> StateStore:
    """Give a store in which these were saved."""
    store = StateStore(folder)
    for state in states:
        assert store.save(state, NOW, BOOT) is None
    return store


def loaded(folder: Path, now: Moment = NOW, boot: str = BOOT) -> State:
    """Load what must load; without the floor, which saving does not know."""
    result = StateStore(folder).load(now, boot)
    assert isinstance(result, Loaded), result
    assert result.state.floor == WALL
    return replace(result.state, floor=None)


def damaged(folder: Path) -> Damaged:
    """Load what must be damaged; without the floor."""
    result = StateStore(folder).load(NOW, BOOT)
    assert isinstance(result, Damaged), result
    if result.recovered is None:
        return result
    return replace(result, recovered=replace(result.recovered, floor=None))


def test_nothing_saved_is_fresh(tmp_path: Path) -> None:
    """Also where the folder itself is missing; loading makes nothing."""
    assert StateStore(tmp_path).load(NOW, BOOT) == Fresh()
    assert StateStore(tmp_path / "missing").load(NOW, BOOT) == Fresh()
    assert list(tmp_path.iterdir()) == []


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """The newest; the generation before it lies beside it, and both are the owner's alone."""
    saved(tmp_path, FIRST, SECOND)
    assert loaded(tmp_path) == SECOND
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == ["state.json", "state.json.previous"]
    assert all((tmp_path / name).stat().st_mode & 0o7777 == 0o600 for name in names)
    assert json.loads((tmp_path / "state.json.previous").read_text())["state"]["lockout"] is False


def test_what_killed_writers_left_is_swept_at_the_start(tmp_path: Path) -> None:
    """Whatever file of the state folder they were writing; files of others stay."""
    (tmp_path / ".state.json.0123456789abcdef.tmp").touch()
    (tmp_path / ".override.0123456789abcdef.tmp").touch()
    (tmp_path / ".keep.tmp").touch()
    StateStore(tmp_path).load(NOW, BOOT)
    assert [entry.name for entry in tmp_path.iterdir()] == [".keep.tmp"]


def test_a_steady_state_is_not_written_again(tmp_path: Path) -> None:
    """Ticks pass, clocks drift by milliseconds, the status endpoint is asked: no byte moves."""
    store = saved(tmp_path, FIRST)
    before = (tmp_path / "state.json").stat(), tmp_path.stat().st_mtime_ns
    for tick in range(1, 50):
        now = later(60.0 * tick, WALL + timedelta(milliseconds=tick))
        state = replace(
            FIRST,
            pins=(replace(PIN, last_seen=now.monotonic),),
            ticks=tick,
            last=now,
            next_tick=now.monotonic,
            reason=f"tick {tick}",
            clock=ClockJudgement(error=tick / 1000),
            status=StatusMemory(not_before=now.monotonic, failures=tick),
        )
        assert store.save(state, now, BOOT) is None
    after = (tmp_path / "state.json").stat(), tmp_path.stat().st_mtime_ns
    assert (after[0].st_ino, after[0].st_ctime_ns) == (before[0].st_ino, before[0].st_ctime_ns)
    assert after[1] == before[1]


def test_a_restart_of_the_daemon_writes_nothing_either(tmp_path: Path) -> None:
    """What was loaded on the same boot needs no saving."""
    saved(tmp_path, FIRST)
    inode = (tmp_path / "state.json").stat().st_ino
    store = StateStore(tmp_path)
    result = store.load(NOW, BOOT)
    assert isinstance(result, Loaded)
    store.save(result.state, later(60), BOOT)
    assert (tmp_path / "state.json").stat().st_ino == inode


def test_a_lost_or_foreign_file_is_written_again(tmp_path: Path) -> None:
    """Though the daemon has nothing new to say."""
    store = saved(tmp_path, FIRST)
    (tmp_path / "state.json").unlink()
    store.save(FIRST, NOW, BOOT)
    assert loaded(tmp_path) == FIRST
    (tmp_path / "state.json").write_text("something else")
    store.save(FIRST, NOW, BOOT)
    assert loaded(tmp_path) == FIRST


def test_a_clock_that_was_set_is_sealed_anew(tmp_path: Path) -> None:
    """Else a reboot would take the step for time that has passed."""
    store = saved(tmp_path, FIRST)
    store.save(FIRST, later(60, WALL + timedelta(days=3650)), BOOT)
    result = StateStore(tmp_path).load(
        Moment(Monotonic(5.0), WALL + timedelta(days=3650, seconds=70)), "boot-2"
    )
    assert isinstance(result, Loaded)
    # opened at 900, sealed at 1060: 160 s old then, 170 s old ten seconds later
    assert result.state.guard.openings == (Monotonic(5.0 - 170.0),)


def test_after_a_reboot_instants_are_as_old_as_they_are(tmp_path: Path) -> None:
    """A minute off makes all of them a minute older; and then they are saved as of this boot."""
    saved(tmp_path, FIRST)
    store = StateStore(tmp_path)
    now = Moment(Monotonic(10.0), WALL + timedelta(seconds=60))
    result = store.load(now, "boot-2")
    assert isinstance(result, Loaded)
    assert result.state.guard.openings == (Monotonic(10.0 - 160.0),)
    store.save(result.state, now, "boot-2")
    again = StateStore(tmp_path).load(now, "boot-2")
    assert isinstance(again, Loaded)
    assert again.state.guard == result.state.guard


def test_a_torn_file_is_set_aside_and_the_generation_before_is_found(tmp_path: Path) -> None:
    """Wherever it was cut: kept as it is, and told."""
    saved(tmp_path, FIRST, SECOND)
    path = tmp_path / "state.json"
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 1, len(whole) // 50):
        path.write_bytes(whole[:cut])
        result = damaged(tmp_path)
        assert result.recovered == FIRST
        assert result.set_aside is not None
        assert result.set_aside.read_bytes() == whole[:cut]
        assert str(path) in result.reason
        assert not path.exists()


def test_damage_is_kept_for_a_person_but_not_for_ever(tmp_path: Path) -> None:
    """At most ten; the newest among them."""
    asides_made = []
    for number in range(12):
        (tmp_path / "state.json").write_text(f"damage {number}")
        asides_made.append(damaged(tmp_path).set_aside)
    asides = sorted(tmp_path.glob("state.json.damaged-20270102T030405Z*"))
    assert len(asides) == 10
    assert asides_made[-1]
    assert asides_made[-1].read_text() == "damage 11"


@pytest.mark.parametrize("kind", ["empty", "huge", "folder", "fifo", "link", "dangling"])
def test_whatever_stands_there_is_set_aside(tmp_path: Path, kind: str) -> None:
    """Nothing hangs, nothing is read whole that is too large, nothing is followed; life goes on."""
    saved(tmp_path, FIRST, SECOND)
    path = tmp_path / "state.json"
    path.rename(tmp_path / "moved")
    match kind:
        case "empty":
            path.touch()
        case "huge":
            path.touch()
            os.truncate(path, 2**34)
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to("moved")
        case _:
            path.symlink_to("nowhere")
    result = damaged(tmp_path)
    assert result.recovered == FIRST
    assert result.set_aside
    assert os.path.lexists(result.set_aside)
    assert result.reason
    saved(tmp_path, SECOND)
    assert loaded(tmp_path) == SECOND


def test_a_file_that_may_not_be_read_is_set_aside(tmp_path: Path) -> None:
    """As when root had written it by hand with an older release."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    saved(tmp_path, FIRST, SECOND)
    (tmp_path / "state.json").chmod(0)
    assert damaged(tmp_path).recovered == FIRST


def test_a_missing_file_beside_an_older_one_is_damage(tmp_path: Path) -> None:
    """The memory of budgets and debts is not lost with one file."""
    saved(tmp_path, FIRST, SECOND)
    (tmp_path / "state.json").unlink()
    result = damaged(tmp_path)
    assert result.recovered == FIRST
    assert result.set_aside is None


def test_two_damaged_generations_leave_nothing_to_recover(tmp_path: Path) -> None:
    """Told, both set aside, and the daemon begins anew."""
    saved(tmp_path, FIRST, SECOND)
    for name in ("state.json", "state.json.previous"):
        (tmp_path / name).write_text("damage")
    assert damaged(tmp_path).recovered is None
    assert len(list(tmp_path.glob("*.damaged-*"))) == 2


def test_what_a_newer_release_wrote_is_neither_used_nor_lost(tmp_path: Path) -> None:
    """Set aside with a sentence that says so, and still there after saving."""
    saved(tmp_path, FIRST, SECOND)
    newer = (tmp_path / "state.json").read_text().replace('"schema": 5', '"schema": 6')
    (tmp_path / "state.json").write_text(newer)
    result = damaged(tmp_path)
    assert "newer release" in result.reason
    assert result.recovered == FIRST
    saved(tmp_path, FIRST, SECOND)
    assert result.set_aside
    assert result.set_aside.read_text() == newer


def test_damage_does_not_become_the_generation_before(tmp_path: Path) -> None:
    """What somebody broke while the daemon ran is not kept as if it were good."""
    store = saved(tmp_path, FIRST, SECOND)
    (tmp_path / "state.json").write_text("damage")
    store.save(replace(SECOND, resumed_after_damage=True), NOW, BOOT)
    (tmp_path / "state.json").write_text("damage")
    assert damaged(tmp_path).recovered == FIRST


def test_what_cannot_be_saved_is_told_and_tried_again(tmp_path: Path) -> None:
    """A sentence with the path and the remedy; the next attempt succeeds."""
    folder = tmp_path / "state"
    store = StateStore(folder)
    error = store.save(FIRST, NOW, BOOT)
    assert error is not None
    assert str(folder) in error
    folder.mkdir()
    assert store.save(FIRST, NOW, BOOT) is None
    assert loaded(folder) == FIRST
