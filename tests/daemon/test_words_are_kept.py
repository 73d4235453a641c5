"""A command of the operator is removed only once a saved state contains it, whatever the disk does.

The folder of words has a disk of its own here, so that a word can still be given where the state
cannot be saved.
"""

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.daemon_process import Answer
from edgepind.state.store import Loaded, StateStore
from tests.support.blackbox import pass_ticks, poke, roles
from tests.support.mounts import Mounts
from tests.support.small_site import Site


class Disk:
    """The disk of the state, which can be filled, and emptied again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self) -> None:
        """Leave not one byte, nor what the oldest state would leave by making way."""
        (self._folder / "state.json.previous").unlink(missing_ok=True)
        with (self._folder / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def empty(self) -> None:
        """There is space again."""
        (self._folder / "ballast").unlink()


@pytest.fixture
async def disk(site: Site, mounts: Mounts) -> AsyncIterator[Disk]:
    """The disk of the state folder, with another for the words; no daemon uses them afterwards."""
    folder = mounts.tmpfs(site.state, "size=256k,mode=755")
    mounts.tmpfs(site.state / "words", "size=256k,mode=700")
    yield Disk(folder)
    await site.daemon.stop()


def words(site: Site) -> list[Path]:
    """The words that wait, oldest first."""
    return sorted((site.state / "words").glob("*.json"))


def said(answer: Answer, *parts: str) -> None:
    """Bad, with nothing on standard output, and these words among the errors."""
    assert (answer.code, answer.output) == (1, "")
    for part in parts:
        assert part in answer.errors


def remembered(site: Site) -> tuple[set[str], set[str]]:
    """The accepted and the removed fingerprints of the state on disk."""
    clock = SystemClock()
    found = StateStore(site.state).load(clock.now(), clock.boot_id())
    assert isinstance(found, Loaded)
    accepted = {str(pin.fingerprint) for pin in found.state.pins if pin.accepted}
    return accepted, {str(it) for it in found.state.removed}


async def with_backup(site: Site) -> str:
    """A running daemon with a backup pin that an operator gave it."""
    await site.daemon.start()
    await site.until_steady()
    backup = str(site.issue().fingerprint)
    assert (await site.daemon.command("pin", "add", backup)).code == 0
    return backup


async def test_a_removed_pin_does_not_return_after_a_crash(disk: Disk, site: Site) -> None:
    """Removed while the state could not be saved, and the daemon killed: still removed."""
    backup = await with_backup(site)
    disk.fill()
    answer = await site.daemon.command("pin", "remove", backup)
    said(answer, backup, "in force", "not stored", str(words(site)[0]))
    assert backup not in roles(site)
    pid = site.daemon.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await site.daemon.wait()
    await site.daemon.start()
    await site.until_event("started", 2)
    await pass_ticks(site, 2)
    assert backup not in roles(site)
    assert backup not in site.pinning()["fingerprints"]
    disk.empty()
    await site.until(lambda: not words(site), "the word to be given up")
    assert backup in remembered(site)[1]
    assert backup not in remembered(site)[0]


async def test_a_word_is_kept_by_itself_once_the_disk_takes_it(disk: Disk, site: Site) -> None:
    """Obeyed once and told once, however many ticks that takes."""
    backup = await with_backup(site)
    retired = site.events().count("pin_retired")
    disk.fill()
    said(await site.daemon.command("pin", "remove", backup), "not stored")
    await pass_ticks(site, 3)
    assert len(words(site)) == 1
    assert site.events().count("pin_retired") == retired + 1
    disk.empty()
    await site.until(lambda: not words(site), "the word to be given up")
    assert site.events().count("pin_retired") == retired + 1
    assert backup in remembered(site)[1]


async def test_words_about_one_pin_keep_their_order_over_a_crash(disk: Disk, site: Site) -> None:
    """Added, then removed, with neither in a saved state: the last word counts."""
    await site.daemon.start()
    await site.until_steady()
    new = str(site.issue().fingerprint)
    disk.fill()
    said(await site.daemon.command("pin", "add", new), "in force", "not stored")
    assert roles(site)[new] == "backup"
    said(await site.daemon.command("pin", "remove", new), "not stored")
    assert len(words(site)) == 2
    pid = site.daemon.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await site.daemon.wait()
    disk.empty()
    await site.daemon.start()
    await site.until_event("started", 2)
    await site.until(lambda: not words(site), "the words to be given up")
    assert new not in roles(site)
    assert new in remembered(site)[1]


async def test_without_a_daemon_the_word_waits_for_the_disk(disk: Disk, site: Site) -> None:
    """The command itself cannot save: it says so, and the next start obeys."""
    backup = await with_backup(site)
    await site.daemon.stop()
    disk.fill()
    said(await site.daemon.command("pin", "remove", backup), "not stored", str(words(site)[0]))
    assert backup not in site.pinning()["fingerprints"]
    disk.empty()
    await site.daemon.start()
    await site.until_event("started", 2)
    await site.until(lambda: not words(site), "the word to be given up")
    await site.until(lambda: backup not in roles(site), "the status file to say so")
    assert backup not in site.pinning()["fingerprints"]
    assert backup in remembered(site)[1]


@pytest.mark.usefixtures("disk")
async def test_a_word_that_cannot_be_removed_is_obeyed_once(site: Site, mounts: Mounts) -> None:
    """The state is saved, and the files of the words stay: nothing is done or told again."""
    backup = await with_backup(site)
    word = site.state / "words" / "00000009-0123456789abcdef.json"
    word.write_text(json.dumps({"word": "remove", "fingerprint": backup}))
    mounts.read_only(word.parent)
    poke(site)
    await site.until(lambda: backup not in roles(site), "the word to be obeyed")
    await pass_ticks(site, 3)
    assert site.events().count("pin_retired") == 1
    assert site.events().count("write_failed") == 1
    assert words(site) == [word]
