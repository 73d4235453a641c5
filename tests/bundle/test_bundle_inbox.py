"""The drop folder: read until it is settled, and removed only then."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgepind.bundle.jws import LONGEST, signed_bundle
from edgepind.bundle.keys import BundleKeys
from edgepind.bundle.payload import payload_of
from edgepind.host.disk_thread import DiskThread
from edgepind.model.bundle import BundleWord, KeptSerial, RefusedBundle, SignedBundle
from edgepind.model.state import BundleMemory, State
from edgepind.operator.bundle_inbox import FOLDER, BundleInbox, put_bundle
from tests.bundle.test_envelope_and_payload import BUNDLE, KEY

KEYS = BundleKeys((KEY.public_key(),))


class Helper:
    """Root's helper, as far as serials go."""

    def __init__(self) -> None:
        self.highest = KeptSerial()
        self.trouble = ""

    async def keep(self, serial: KeptSerial) -> KeptSerial | str:
        """Remember the higher one."""
        if self.trouble:
            return self.trouble
        self.highest = max(self.highest, serial, key=lambda it: it.serial)
        return self.highest


@pytest.fixture
def disk() -> Iterator[DiskThread]:
    """The thread that reads and removes."""
    thread = DiskThread("bundles")
    yield thread
    thread.close()


@pytest.fixture
def helper() -> Helper:
    """One that remembers nothing yet."""
    return Helper()


@pytest.fixture
def inbox(tmp_path: Path, disk: DiskThread, helper: Helper) -> BundleInbox:
    """That of a daemon with one key."""
    return BundleInbox(tmp_path, KEYS, disk, helper.keep, lambda: datetime.now(UTC))


def bundle(serial: int = 7, key: Ed25519PrivateKey = KEY) -> bytes:
    """The text of one with this serial."""
    return signed_bundle(payload_of(replace(BUNDLE, serial=serial)), key)


def accepting(word: BundleWord) -> State:
    """A state that has accepted it."""
    assert isinstance(word, SignedBundle)
    return State(bundle=BundleMemory(accepted=word.own))


def age(path: Path) -> None:
    """Make a file one that nobody is writing any more."""
    before = time.time() - 60
    os.utime(path, (before, before))


async def test_it_is_handed_in_until_a_state_holds_it(
    tmp_path: Path, inbox: BundleInbox, helper: Helper
) -> None:
    """Then its file goes, and root's helper knows its serial."""
    path = put_bundle(tmp_path, bundle())
    assert isinstance(path, Path)
    [word] = await inbox.read(State())
    assert await inbox.give_up(State()) is None
    assert path.exists()
    assert await inbox.read(State()) == (word,)
    assert await inbox.give_up(accepting(word)) is None
    assert not path.exists()
    assert helper.highest.serial == 7
    assert await inbox.read(accepting(word)) == ()


async def test_what_was_refused_goes_and_what_waits_stays(
    tmp_path: Path, inbox: BundleInbox
) -> None:
    """A state says which of them it is."""
    path = put_bundle(tmp_path, bundle(key=Ed25519PrivateKey.generate()))
    assert isinstance(path, Path)
    age(path)
    [word] = await inbox.read(State())
    assert isinstance(word, RefusedBundle)
    await inbox.give_up(State())
    assert path.exists()
    await inbox.give_up(State(bundle=BundleMemory(refused=(word.digest,))))
    assert not path.exists()


async def test_a_file_that_is_being_copied_is_read_later(
    tmp_path: Path, inbox: BundleInbox
) -> None:
    """Half of a bundle is none yet; other names are not looked at."""
    (tmp_path / FOLDER).mkdir()
    half = tmp_path / FOLDER / "half.jws"
    half.write_bytes(bundle()[:100])
    (tmp_path / FOLDER / "notes.txt").write_text("mine")
    ahead = time.time() + 1
    os.utime(half, (ahead, ahead))
    assert await inbox.read(State()) == ()
    half.write_bytes(bundle())
    assert len(await inbox.read(State())) == 1


async def test_what_is_no_file_of_a_bundle_is_refused(tmp_path: Path, inbox: BundleInbox) -> None:
    """Too long, or no regular file."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "long.json").write_bytes(b" " * (LONGEST + 1))
    (folder / "link.json").symlink_to("/etc/passwd")
    words = await inbox.read(State())
    assert [type(it) for it in words] == [RefusedBundle, RefusedBundle]


async def test_nothing_is_decided_before_the_highest_serial_is_known(
    tmp_path: Path, inbox: BundleInbox, helper: Helper
) -> None:
    """Else an old bundle could come back after the state was lost."""
    helper.highest, helper.trouble = KeptSerial(9, "its digest"), "the helper is busy"
    put_bundle(tmp_path, bundle())
    assert await inbox.read(State()) == ()
    assert inbox.error == "the helper is busy"
    helper.trouble = ""
    [word] = await inbox.read(State())
    assert isinstance(word, SignedBundle)
    assert word.kept == helper.highest
    assert inbox.error is None


async def test_the_helper_is_told_again_until_it_remembers(
    tmp_path: Path, inbox: BundleInbox, helper: Helper
) -> None:
    """The bundle is in force meanwhile."""
    put_bundle(tmp_path, bundle())
    [word] = await inbox.read(State())
    helper.trouble = "the helper is busy"
    state = accepting(word)
    assert await inbox.give_up(state) == "the helper is busy"
    helper.trouble = ""
    assert await inbox.give_up(state) is None
    assert helper.highest == state.bundle.accepted


async def test_what_the_url_gave_is_handed_in_until_it_is_settled(inbox: BundleInbox) -> None:
    """One that was refused is to be asked for whole again."""
    inbox.offer(b"<html>")
    [word] = await inbox.read(State())
    assert word.source == "url"
    refusing = State(bundle=BundleMemory(refused=(word.digest,)))
    await inbox.give_up(refusing)
    assert await inbox.read(refusing) == ()
    assert inbox.refused_url(refusing)
    inbox.offer(bundle())
    assert not inbox.refused_url(refusing)


async def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, inbox: BundleInbox) -> None:
    """A file in its place, say."""
    (tmp_path / FOLDER).write_text("")
    assert await inbox.read(State()) == ()
    assert inbox.error is not None
    assert not isinstance(put_bundle(tmp_path, bundle()), Path)
