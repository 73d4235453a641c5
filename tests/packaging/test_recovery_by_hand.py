"""The two lines of edgepind-recovery(7), as a person at a locked-out site types them."""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "packaging" / "man" / "edgepind-recovery.7"
INSTALLED = "/etc/purecloud/edge/conf/security/pinning-config.json"
ROFF = {"\\e": "\\", "\\-": "-", "\\(aq": "'", "\\(ha": "^", "\\(ti": "~"}

DOCUMENT: dict[str, Any] = {
    "enabled": True,
    "certificatePinning": {
        "note": 'not "enabled": true',
        "enabled": True,
        "algorithm": "SHA256",
        "fingerprint": "AA",
        "fingerprints": ["AA", "BB"],
    },
    "tlsSettings": {"enabled": True, "strictValidation": True, "certificatePinning": "yes"},
}
UNTOUCHED: dict[str, Any] = {
    "already off": DOCUMENT | {"certificatePinning": {"enabled": False}},
    "no such table": {"tlsSettings": {"enabled": True}},
    "behind a table of its own": {"certificatePinning": {"more": {"x": 1}, "enabled": True}},
}


def typed_lines() -> tuple[str, str]:
    """The two lines, as a reader of the page sees them."""
    text = PAGE.read_text("utf-8")
    for roff, plain in ROFF.items():
        text = text.replace(roff, plain)
    lines = text.splitlines()
    first = next(line for line in lines if line.startswith(f"f={INSTALLED};"))
    second = next(line for line in lines if line.startswith("mv $f.off $f"))
    return first, second


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A pinning config with a mode that must survive, in a folder of its own."""
    path = tmp_path / "conf" / "pinning-config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(DOCUMENT, indent=2))
    path.chmod(0o600)
    return path


@pytest.fixture
def shell(tmp_path: Path) -> list[str]:
    """A shell in which `systemctl` only writes down what it was told."""
    tools = tmp_path / "tools"
    tools.mkdir()
    systemctl = tools / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$*" >>{shlex.quote(str(tmp_path / "told"))}\n')
    systemctl.chmod(0o755)
    return ["env", f"PATH={tools}:{os.environ['PATH']}", "sh", "-c"]


def run(shell: list[str], document: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Type `lines` at that shell, with the document's place in place of the installed one."""
    script = "\n".join(lines).replace(INSTALLED, str(document))
    return subprocess.run(  # noqa: S603 - the page's own words
        [*shell, script], capture_output=True, text=True, check=False
    )


def off(document: dict[str, Any]) -> dict[str, Any]:
    """What the page promises: this one key, and nothing else."""
    return document | {"certificatePinning": document["certificatePinning"] | {"enabled": False}}


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
def test_the_two_lines_switch_off_pinning_and_nothing_else(
    indent: int | str | None, document: Path, shell: list[str], tmp_path: Path
) -> None:
    """Other keys of that name stay, the mode stays, the copy is kept, the Edge is restarted."""
    document.write_text(json.dumps(DOCUMENT, indent=indent))
    done = run(shell, document, *typed_lines())
    assert done.returncode == 0, done.stderr
    assert json.loads(document.read_text()) == off(DOCUMENT)
    assert document.stat().st_mode & 0o7777 == 0o600
    assert json.loads((document.parent / "pinning-config.json.aside").read_text()) == DOCUMENT
    assert (tmp_path / "told").read_text() == "restart purecloud-edge\n"


def test_the_first_line_only_shows(document: Path, shell: list[str], tmp_path: Path) -> None:
    """One line differs, and a person looks at it before anything changes."""
    before = document.read_bytes()
    done = run(shell, document, typed_lines()[0])
    changes = [line for line in done.stdout.splitlines() if line[0] in "<>"]
    assert [" ".join(line.split()) for line in changes] == [
        '< "enabled": true,',
        '> "enabled": false,',
    ]
    assert document.read_bytes() == before
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize("what", UNTOUCHED)
def test_what_the_line_does_not_know_it_leaves_alone(
    what: str, document: Path, shell: list[str]
) -> None:
    """Nothing is printed then, and the page says to go on by hand; going on harms nothing."""
    document.write_text(json.dumps(UNTOUCHED[what], indent=2))
    assert run(shell, document, typed_lines()[0]).stdout == ""
    run(shell, document, *typed_lines())
    assert json.loads(document.read_text()) == UNTOUCHED[what]


def test_behind_a_link_the_target_is_not_harmed(document: Path, shell: list[str]) -> None:
    """Neither line writes through the link while it reads."""
    target = document.with_name("elsewhere.json")
    document.rename(target)
    document.symlink_to(target)
    assert run(shell, document, *typed_lines()).returncode == 0
    assert json.loads(document.read_text()) == off(DOCUMENT)
    assert json.loads(target.read_text()) == DOCUMENT


def test_where_writing_fails_the_old_document_stays(
    document: Path, shell: list[str], tmp_path: Path
) -> None:
    """What could not be written whole is not put in place, though both lines are typed."""
    document.write_text(json.dumps(DOCUMENT | {"padding": "x" * 4096}, indent=2))
    before = document.read_bytes()
    done = run(shell, document, "ulimit -f 2", *typed_lines())
    assert done.returncode != 0
    assert document.read_bytes() == before
    assert not (tmp_path / "told").exists()
