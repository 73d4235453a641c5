"""The lock files hold what the project asks for, by hash, and nothing about where it came from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parents[2]
_RUNTIME = _ROOT / "packaging" / "requirements.lock"
_DEVELOPMENT = _ROOT / "packaging" / "requirements-dev.lock"


def _project() -> dict[str, Any]:
    return tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))


def _pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9][\w.-]*)==(\S+) \\$", lock.read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def _unmet(requirements: list[str], pins: dict[str, str]) -> list[str]:
    return [
        text
        for text in requirements
        for wanted in [Requirement(text)]
        if not wanted.specifier.contains(pins.get(canonicalize_name(wanted.name), "0"))
    ]


def test_the_runtime_lock_covers_the_dependencies() -> None:
    """`make lock` was run after the last change to pyproject.toml."""
    assert _unmet(_project()["project"]["dependencies"], _pins(_RUNTIME)) == []


def test_the_development_lock_covers_everything() -> None:
    """Including what builds the project, so that a clean clone needs nothing newer."""
    project = _project()
    wanted = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    assert _unmet(wanted, _pins(_DEVELOPMENT)) == []


def test_what_is_tested_is_what_is_shipped() -> None:
    """Every version in the runtime lock is the one that the tests run with."""
    assert _pins(_RUNTIME).items() <= _pins(_DEVELOPMENT).items()


@pytest.mark.parametrize("lock", [_RUNTIME, _DEVELOPMENT], ids=lambda lock: lock.name)
def test_a_lock_holds_names_versions_and_hashes_only(lock: Path) -> None:
    """No index, no link, no path: those belong to the machine, and every file has its hash."""
    text = lock.read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    for line in lines:
        assert re.fullmatch(r"[a-z0-9][\w.-]*==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line)
    assert "://" not in text
    for name in re.findall(r"^([a-z0-9][\w.-]*)==\S+ \\\n(?!    --hash)", text, re.MULTILINE):
        pytest.fail(f"{name} has no hash")
