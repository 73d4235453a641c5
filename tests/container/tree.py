"""The Debian that the appliance boots from: made once from Debian's own packages, then kept.

EDGEPIND_RELEASE says which release, by its codename; without it that is bookworm, Debian 12.

It lies in `${XDG_CACHE_HOME:-~/.cache}/edgepind-container`, under a name that follows from what is
in it, and is never written to again: every appliance has an overlay of its own. Its packages come
from where this host's apt has its own, and by the same proxy; another mirror is named by
EDGEPIND_DEBIAN_MIRROR. `python -m tests.container.tree` makes it and says where it is.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

RELEASE = os.environ.get("EDGEPIND_RELEASE") or "bookworm"
_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "python3",
    "ca-certificates",
    "libfaketime",
    "iproute2",
    "procps",
)
"""What the package depends on, for there is no network in which to find it, and what tests use."""
_RECIPE = 1
"""To be raised when a tree is made in another way than before."""
_PATIENCE = 1200.0
_MIRROR = "http://deb.debian.org/debian"


@dataclass(frozen=True, slots=True)
class NoTree:
    """Why there is none: a sentence."""

    error: str


def tree() -> Path | NoTree:
    """The tree's folder; it is made first where this machine has none yet, in a few minutes."""
    if os.geteuid() != 0:
        return NoTree("only root can make and boot a Debian tree")
    if shutil.which("debootstrap") is None:
        return NoTree("debootstrap is not installed; on Debian: apt-get install debootstrap")
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once make one tree
        made = cache / _name()
        return made if made.is_dir() else _make(made)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "edgepind-container"


def _name() -> str:
    recipe = repr((_RECIPE, RELEASE, sorted(_PACKAGES)))
    return f"{RELEASE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def _make(made: Path) -> Path | NoTree:
    begun = made.with_suffix(".begun")
    shutil.rmtree(
        begun, ignore_errors=True
    )  # of a run that was cut short; nothing is mounted there
    log = made.with_suffix(".log")
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
    command += [RELEASE, str(begun), _mirror()]
    # In mounts of its own: what debootstrap mounts is gone with it, however it ends.
    apart = ["unshare", "--mount"]
    with log.open("wb") as output:
        try:
            done = subprocess.run(  # noqa: S603 - our own words
                [*apart, *command],
                stdout=output,
                stderr=output,
                env=_environment(),
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return NoTree(f"debootstrap took longer than {_PATIENCE:g} s; see {log}")
    if done.returncode != 0:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        return NoTree(f"debootstrap failed ({' '.join(last)}); see {log}")
    for archive in (begun / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    (begun / "etc/machine-id").write_text("")  # each appliance gets one of its own
    begun.rename(made)
    return made


def _mirror() -> str:
    """The archive of Debian's packages that is nearest: as told, as this host's apt has it, any."""
    if given := os.environ.get("EDGEPIND_DEBIAN_MIRROR"):
        return given
    which = ("Created-By: Packages", "Label: Debian", "Component: main")
    return _apt("apt-get", "indextargets", "--format=$(REPO_URI)", *which) or _MIRROR


def _environment() -> dict[str, str]:
    """With the proxy of apt's configuration, of which debootstrap's wget would not know."""
    proxy = _apt("apt-config", "dump", "--format=%v%n", "Acquire::http::Proxy")
    return {"http_proxy": proxy, **os.environ} if proxy else dict(os.environ)


def _apt(program: str, *words: str) -> str:
    """The first line that one of apt's programs has to say; "" where there is none."""
    if shutil.which(program) is None:
        return ""
    said = subprocess.run(  # noqa: S603 - our own words
        [program, *words], capture_output=True, text=True, check=False
    )
    return next(iter(said.stdout.splitlines()), "").strip()


if __name__ == "__main__":
    found = tree()
    print(found.error if isinstance(found, NoTree) else found)  # noqa: T201 - it is a program
    sys.exit(isinstance(found, NoTree))
