"""Lays out what the packages install, each in a folder of its own: `tree.py FOLDER PYTHON`.

FOLDER/edgepind is the product. FOLDER/edgepind-lab is what `edgepind lab` needs beside it: an
appliance has no use for a certificate forge and an intercepting proxy, and does not get them.
PYTHON (3.11, 3.13) is the interpreter that the tree is for, whichever lays it out.

The same commit gives the same tree to the byte. Only files that git knows are taken. What is
installed of others comes from an index once, by the hashes of requirements.lock, and is kept in
build/packages: after that no network is needed.
"""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from edgepind.settings.sample import sample

PROJECT = Path(__file__).parents[1]
LOCK = PROJECT / "packaging" / "requirements.lock"
KEPT = PROJECT / "build" / "packages"
LIBRARY = Path("usr/lib/edgepind/lib")
PRODUCT, LAB = "edgepind", "edgepind-lab"
"""The packages."""
_OF_THE_LAB = re.compile(r"edgepind/lab/.+|edgepind/cli/lab\.py|packaging/man/edgepind-lab\.8")
"""Files of the project that the second package has; every other one is the product's."""

_UNITS = Path("usr/lib/systemd/system")
_DOC = Path("usr/share/doc/edgepind")
_PLACES: tuple[tuple[str, Callable[[re.Match[str]], Path]], ...] = (
    (r"(edgepind/.+)", lambda it: LIBRARY / it[1]),
    (r"packaging/bin/(edgepind)", lambda it: Path("usr/bin") / it[1]),
    (r"packaging/bin/(edgepind-apply)", lambda it: Path("usr/lib/edgepind") / it[1]),
    (r"packaging/man/([^/]+\.([1-8]))", lambda it: Path(f"usr/share/man/man{it[2]}/{it[1]}.gz")),
    (r"packaging/(prometheus/edgepind\.rules\.yml)", lambda it: Path("usr/share/edgepind") / it[1]),
    (r"packaging/(grafana/edgepind\.json)", lambda it: Path("usr/share/edgepind") / it[1]),
    (r"packaging/doc/((?:contract|design|limits|machines)\.md)", lambda it: _DOC / f"{it[1]}.gz"),
    (r"(README\.md)", lambda it: _DOC / f"{it[1]}.gz"),
    (r"CHANGELOG\.md", lambda _: _DOC / "changelog.gz"),
    (r"systemd/([^/]+\.catalog)", lambda it: Path("usr/lib/systemd/catalog") / it[1]),
    (r"systemd/((?:sysusers|tmpfiles)\.d/.+)", lambda it: Path("usr/lib") / it[1]),
    (r"systemd/([^/]+\.(?:service|socket|target|timer))", lambda it: _UNITS / it[1]),
    (r"systemd/([^/]+\.(?:service|target)\.d/.+)", lambda it: _UNITS / it[1]),
)
"""Where a file of the project is installed; compressed where that place's name says so."""


def main() -> None:
    """Lay them out under the folder that is named, in place of what was there."""
    folder, python = Path(sys.argv[1]), sys.argv[2]
    os.umask(0o022)
    shutil.rmtree(folder, ignore_errors=True)
    product = folder / PRODUCT
    install_dependencies(product / LIBRARY, python)
    install_project(folder)
    settings = product / "etc/edgepind/edgepind.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(sample(ready=False), "utf-8")
    settle(folder, source_date())


def source_date() -> int:
    """When the sources were made, in seconds since 1970: SOURCE_DATE_EPOCH, or the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or _git("log", "-1", "--format=%ct"))


def archives(python: str) -> Path:
    """The folder with every archive of the lock, as that Python installs them; filled if need be.

    It appears whole or not at all, and of two runs at once either may be the one that fills it.
    """
    kept = KEPT / f"{python}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=KEPT))
        _pip("download", python, "--dest", fresh, "--requirement", LOCK)
        try:
            fresh.rename(kept)
        except OSError:
            shutil.rmtree(fresh)
            if not kept.exists():
                raise
    return kept


def install_dependencies(library: Path, python: str) -> None:
    """Install what the lock names, and leave nothing that only an installer needs."""
    nothing_else = ("--no-index", "--find-links", archives(python))
    into = ("--no-compile", "--no-warn-script-location", "--target", library)
    _pip("install", python, *nothing_else, *into, "--requirement", LOCK)
    shutil.rmtree(library / "bin", ignore_errors=True)
    for metadata in library.glob("*.dist-info"):
        for name in ("RECORD", "INSTALLER", "REQUESTED"):
            (metadata / name).unlink(missing_ok=True)
    for path in library.rglob("*"):
        if path.is_file():  # none of them is a program here
            path.chmod(0o644)


def install_project(folder: Path) -> None:
    """Put each file of the project in its place, in the package that has it."""
    for name in _git("ls-files", "-z").split("\0"):
        source = PROJECT / name
        if name and source.is_file() and (place := _place(name)) is not None:
            target = folder / (LAB if _OF_THE_LAB.fullmatch(name) else PRODUCT) / place
            target.parent.mkdir(parents=True, exist_ok=True)
            content = source.read_bytes()
            target.write_bytes(_compressed(content) if target.suffix == ".gz" else content)
            target.chmod(source.stat().st_mode)


def settle(root: Path, epoch: int) -> None:
    """Give everything one time, and a mode that depends on nobody's umask."""
    for path in _depth_first(root):
        program = path.stat().st_mode & 0o100
        path.chmod(0o755 if path.is_dir() or program else 0o644)
        os.utime(path, (epoch, epoch))


def _place(name: str) -> Path | None:
    found = ((re.fullmatch(pattern, name), place) for pattern, place in _PLACES)
    return next((place(match) for match, place in found if match), None)


def _depth_first(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _depth_first(path)
        else:
            yield path
    yield folder


def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PROJECT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


def _pip(verb: str, python: str, *arguments: str | Path) -> None:
    # An archive of sources is built with what this very environment has, which is locked, too.
    made_for = ("--implementation", "cp", "--python-version", python)
    by_hash = ("--require-hashes", "--no-deps", "--no-build-isolation")
    quietly = ("--quiet", "--disable-pip-version-check")
    command = [
        sys.executable,
        "-m",
        "pip",
        verb,
        *quietly,
        *made_for,
        *by_hash,
        *map(str, arguments),
    ]
    environment = os.environ | {
        "SOURCE_DATE_EPOCH": str(source_date()),
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own words


if __name__ == "__main__":
    main()
