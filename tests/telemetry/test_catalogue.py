"""Every event is explained by `journalctl -x`: the message ids and the catalogue that ships."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgepind.model.enums import EventName, Severity
from edgepind.telemetry.log import MESSAGE_IDS, PRIORITIES

CATALOGUE = Path(__file__).parents[2] / "systemd" / "edgepind.catalog"
FIELDS_ALWAYS_SENT = {
    EventName.PIN_PENDING: {"EDGEPIND_FINGERPRINT"},
    EventName.PIN_PREPARED: {"EDGEPIND_FINGERPRINT"},
    EventName.PIN_ACTIVATED: {"EDGEPIND_FINGERPRINT"},
    EventName.PIN_RETIRED: {"EDGEPIND_FINGERPRINT"},
    EventName.FINDING_CHANGED: {"EDGEPIND_FINDING"},
    EventName.POSTURE_CHANGED: {"EDGEPIND_POSTURE"},
}


@dataclass(frozen=True)
class Entry:
    """One explanation."""

    headers: dict[str, str]
    body: str


def read(text: str) -> dict[str, Entry]:
    """Read the format strictly: an id, headers, an empty line, the body; raise on anything else."""
    without_comments = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    before, *parts = re.split(r"^-- ([0-9a-f]{32})\n", without_comments, flags=re.MULTILINE)
    assert not before.strip()
    entries = {}
    for identity, part in zip(parts[::2], parts[1::2], strict=True):
        head, _, body = part.partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines())
        assert identity not in entries, f"{identity} stands there twice"
        entries[identity] = Entry(headers, body.strip())
    return entries


@pytest.fixture(scope="module")
def entries() -> dict[str, Entry]:
    """The catalogue that ships."""
    return read(CATALOGUE.read_text("utf-8"))


def test_every_event_has_an_id_of_its_own() -> None:
    """128 random bits each, in the notation of the journal, and none used twice."""
    assert set(MESSAGE_IDS) == set(EventName)
    assert len(set(MESSAGE_IDS.values())) == len(EventName)
    assert all(re.fullmatch("[0-9a-f]{32}", identity) for identity in MESSAGE_IDS.values())


def test_an_id_never_changes() -> None:
    """What an operator has written into a dashboard goes on working."""
    assert MESSAGE_IDS[EventName.PIN_ACTIVATED] == "5700cc9253d34c24a3c203f1ba0babb5"
    assert MESSAGE_IDS[EventName.POSTURE_CHANGED] == "db701c0652ca4101b52a07f4e1c35487"
    assert MESSAGE_IDS[EventName.RESTART_FAILED] == "0a8b8dcdff004cb9b3351c0c3224aa79"


def test_every_loudness_has_its_syslog_number() -> None:
    """The numbers of RFC 5424, section 6.2.1."""
    assert PRIORITIES == {
        Severity.CRIT: 2,
        Severity.ERR: 3,
        Severity.WARNING: 4,
        Severity.NOTICE: 5,
        Severity.INFO: 6,
    }


def test_catalogue_and_events_cover_each_other(entries: dict[str, Entry]) -> None:
    """No event is unexplained, and nothing is explained that cannot happen."""
    assert set(entries) == set(MESSAGE_IDS.values())


@pytest.mark.parametrize("name", EventName)
def test_entry_explains_consequence_and_remedy(entries: dict[str, Entry], name: EventName) -> None:
    """Headers are complete, the first paragraph tells the cause, more follow, none runs wide."""
    entry = entries[MESSAGE_IDS[name]]
    assert set(entry.headers) == {"Subject", "Defined-By", "Support"}
    assert entry.headers["Defined-By"] == "edgepind"
    paragraphs = entry.body.split("\n\n")
    assert len(paragraphs) >= 2
    assert all(paragraph.strip() for paragraph in paragraphs)
    assert max(map(len, entry.body.splitlines())) <= 84


@pytest.mark.parametrize("name", EventName)
def test_entry_uses_only_fields_that_are_always_there(
    entries: dict[str, Entry], name: EventName
) -> None:
    """A field that is missing would show as its bare name."""
    used = set(re.findall(r"@([A-Z_]+)@", entries[MESSAGE_IDS[name]].body))
    assert used == FIELDS_ALWAYS_SENT.get(name, set())


def test_journalctl_itself_reads_it(tmp_path: Path) -> None:
    """The program that will read it on the appliance compiles it and finds every entry."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        pytest.skip("NOT TESTED, the catalogue under journalctl: it is not installed")
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    shutil.copy(CATALOGUE, folder)
    root = f"--root={tmp_path}"
    subprocess.run([journalctl, root, "--update-catalog"], check=True)  # noqa: S603 - our words
    listed = subprocess.run(  # noqa: S603 - our words
        [journalctl, root, "--list-catalog"], check=True, capture_output=True, text=True
    ).stdout
    assert {line.split()[0] for line in listed.splitlines()} == set(MESSAGE_IDS.values())
