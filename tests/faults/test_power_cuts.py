"""A power cut at any moment: what was acknowledged is there and whole, on every file system.

The real keeper writes to a real file system on a disk that writes everything down; then each
state that the disk may be left in is built, mounted, so that the journal is replayed, and read.
"""

import json
import os
import shutil
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.host.durable_file import Replaced, replace
from edgepind.model.action import DocumentWritten
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from tests.faults.block_log import BlockLog, Mark, logged_disk
from tests.faults.crash_states import CrashState, crash_states
from tests.faults.seen import Sightings

VERSIONS = 9
SEED = 20
_NOTHING_TOLD = "nothing: after the power is back there is no damage to tell of"


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A kind of file system, the least that it is content with, and how it is made."""

    name: str
    megabytes: int
    make: tuple[str, ...]


EXT4 = FileSystem("ext4", 16, ("mkfs.ext4", "-q", "-F", "-J", "size=4"))
XFS = FileSystem("xfs", 64, ("mkfs.xfs", "-q", "--unsupported"))
BTRFS = FileSystem("btrfs", 112, ("mkfs.btrfs", "-q", "--mixed"))


def pinning(version: int) -> Pinning:
    """What the document says in a version: another current pin, and as many more."""
    pins = tuple(Fingerprint(bytes([version, number]) * 16) for number in range(version + 1))
    return Pinning(enabled=True, current=pins[0], accepted=pins)


def version_of(content: bytes) -> int:
    """Which version a document is of. Raises ValueError or KeyError for one that is none, whole."""
    document = json.loads(content)
    pins = document["certificatePinning"]["fingerprints"]
    if (
        document["siteName"] != "Acme"
        or [str(it) for it in pinning(len(pins) - 1).accepted] != pins
    ):
        raise ValueError("no document of this test")
    return len(pins) - 1


@contextmanager
def mounted(image: Path, point: Path) -> Iterator[Path]:
    """Mount a disk by a loop device meanwhile. Raises OSError where it cannot be mounted."""
    point.mkdir(exist_ok=True)
    command = ["mount", "-o", "loop,noatime", str(image), str(point)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        raise OSError(done.stderr)
    try:
        yield point
    finally:
        subprocess.run(["umount", str(point)], check=True)  # noqa: S603, S607 - as above


def prepare(kind: FileSystem, folder: Path) -> Path:
    """Make a disk with the document in its first version, safely on it."""
    if os.geteuid() != 0 or shutil.which(kind.make[0]) is None or not Path("/dev/fuse").exists():
        pytest.skip(
            f"power cuts on {kind.name} are NOT tried: that takes root, {kind.make[0]}, FUSE"
        )
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(kind.megabytes << 20)
    subprocess.run([*kind.make, str(image)], capture_output=True, check=True)  # noqa: S603 - ours
    try:
        with mounted(image, folder / "point") as point:
            document = point / "pinning-config.json"
            document.write_text('{"siteName": "Acme", "padding": "%s"}' % ("x" * 3000))
            document.chmod(0o600)
            write(document, 0)
            os.sync()
    except OSError as reason:
        pytest.skip(f"power cuts on {kind.name} are NOT tried, it cannot be mounted: {reason}")
    return image


def write(document: Path, version: int) -> None:
    """Write a version, which must be called durable.

    Every other one by the keeper alone: the copy that it keeps makes the document safe once more.
    """
    if version % 2 == 0:
        outcome = DocumentKeeper(document, "0:0", 0o600).apply(pinning(version))
        assert isinstance(outcome, DocumentWritten)
        assert outcome.durable
        return
    content = json.loads(document.read_bytes())
    content["certificatePinning"]["fingerprints"] = [str(it) for it in pinning(version).accepted]
    assert replace(document, json.dumps(content).encode()) == Replaced(durable=True)


def record(image: Path, folder: Path) -> BlockLog:
    """Write all versions to a disk that is written down, with the noise of another program."""
    base = image.with_name("base")
    subprocess.run(["cp", "--sparse=always", str(image), str(base)], check=True)  # noqa: S603, S607
    with ExitStack() as stack:
        disk, log = stack.enter_context(logged_disk(image, folder / "fuse"))
        live = stack.enter_context(mounted(disk, folder / "live"))
        for version in range(1, VERSIONS + 1):
            (live / "noise").write_bytes(os.urandom(9_000 * version))
            write(live / "pinning-config.json", version)
            log.note(Mark(version))
    return log


def judge(state: CrashState, image: Path, folder: Path) -> str:
    """Build the state, mount it and read the document: "whole", or what is wrong with it."""
    cut = folder / "cut"
    base = image.with_name("base")
    subprocess.run(["cp", "--sparse=always", str(base), str(cut)], check=True)  # noqa: S603, S607
    with cut.open("r+b", buffering=0) as disk:
        for it in state.writes:
            os.pwrite(disk.fileno(), it.data, it.offset)
    try:
        with mounted(cut, folder / "point") as point:
            document = point / "pinning-config.json"
            found = version_of(document.read_bytes())
            if stat.S_IMODE(document.stat().st_mode) != 0o600:
                return "of another mode"
    except OSError as error:
        return f"not there ({error.strerror or 'no mount'})"
    except (ValueError, KeyError, TypeError):
        return "torn"
    return "whole" if found >= state.acknowledged else "older than what was acknowledged"


def count(kind: FileSystem, folder: Path, most: int) -> Counter[str]:
    """Judge the states after power cuts of one recording."""
    image = prepare(kind, folder)
    log = record(image, folder)
    return Counter(judge(it, image, folder) for it in crash_states(log.entries, SEED, most))


LONG = (pytest.mark.long, pytest.mark.timeout(1800))


@pytest.mark.parametrize(
    ("row", "kind", "most"),
    [
        ("power-ext4", EXT4, 40),
        pytest.param("power-ext4", EXT4, 1000, marks=LONG),
        pytest.param("power-xfs", XFS, 500, marks=LONG),
        pytest.param("power-btrfs", BTRFS, 500, marks=LONG),
    ],
)
def test_what_was_acknowledged_survives_every_power_cut(
    row: str, kind: FileSystem, most: int, tmp_path: Path, seen: Sightings
) -> None:
    """Whole in every state, and never older than what was called durable."""
    judged = count(kind, tmp_path, most)
    assert set(judged) == {"whole"}, judged
    assert judged["whole"] > 20, "too few states to show anything"
    seen(row, f"{judged['whole']} of {judged.total()} states good", _NOTHING_TOLD)


@pytest.mark.parametrize("row", ["power-no-folder-fsync", "power-no-fsync"])
def test_the_test_can_fail(
    row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Sightings
) -> None:
    """Without the fsync of the folder, or any, what was called durable is lost."""
    fsync = os.fsync

    def forgetful(descriptor: int) -> None:
        if row == "power-no-folder-fsync" and not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", forgetful)
        image = prepare(EXT4, tmp_path)
        log = record(image, tmp_path)
    judged = Counter(judge(it, image, tmp_path) for it in crash_states(log.entries, SEED, 60))
    assert judged["older than what was acknowledged"] > 0
    worst = ", ".join(f"{n} {what}" for what, n in judged.items() if what != "whole")
    seen(row, f"{judged['whole']} of {judged.total()} states good", f"nothing; {worst}")
