"""No row of the fault matrix is silently absent, and a forbidden end is noticed."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.forbidden import forbidden_ends, is_a_cause
from tests.faults.matrix import read_matrix
from tests.faults.seen import NOT_SEEN, Sightings, table
from tests.support.small_site import Site

_TESTS = Path(__file__).parents[1]
_DOCUMENT = _TESTS.parent / "packaging" / "doc" / "faults.md"
ROWS = [row for rows in read_matrix().values() for row in rows]


def names_in_tests() -> Iterator[str]:
    """Every text in a test that has the form of a row's name."""
    for path in _TESTS.rglob("test_*.py"):
        text = path.read_text("utf-8")
        if "seen: Sightings" in text and path != Path(__file__):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_a_rows_name_is_its_own() -> None:
    """Two rows of one name would cover for each other."""
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name) for name in names)


def test_every_row_has_a_test() -> None:
    """A test names each row; that it notes something is held by the run that writes the table."""
    named = set(names_in_tests())
    assert [row.name for row in ROWS if row.name not in named] == []


def test_the_documentation_tells_what_was_seen_of_every_row() -> None:
    """The table in packaging/doc is of these very rows; `make faults` writes it."""
    document = _DOCUMENT.read_text("utf-8")
    for row in ROWS:
        assert f"| {row.fault} | {row.injected} | {row.expected} | " in document, row.name
    assert NOT_SEEN not in document


def test_a_row_that_nobody_noted_shows() -> None:
    """The table says so in its place."""
    assert f"| {NOT_SEEN} |" in table(read_matrix(), Sightings(frozenset()))


def test_what_is_noted_must_be_a_row_and_have_a_cause() -> None:
    """A slip of the pen and a crash without a cause fail the test that notes them."""
    seen = Sightings(frozenset({"a-row"}))
    with pytest.raises(AssertionError, match="no row"):
        seen("another-row", "state", "said")
    for said in ("", " ", "Traceback (most recent call last)"):
        assert not is_a_cause(said)
        with pytest.raises(AssertionError, match="cause"):
            seen("a-row", "state", said)


PIN = ":".join(["AA"] * 32)


@pytest.mark.parametrize(
    ("document", "end"),
    [
        ('{"edgeId": "e-1", "certificatePi', "torn"),
        ("", "torn"),
        ("[]", "torn"),
        ({"enabled": True, "fingerprint": PIN, "fingerprints": []}, "empty allowlist"),
        ({"enabled": True, "fingerprint": "null", "fingerprints": ["null"]}, "empty allowlist"),
        (
            {"enabled": True, "fingerprint": PIN, "fingerprints": [PIN, PIN.replace("A", "B")]},
            "outside the policy",
        ),
    ],
)
async def test_each_forbidden_end_of_a_document_is_noticed(
    document: object, end: str, site: Site
) -> None:
    """Torn, empty, or with a stranger in it."""
    if not isinstance(document, str):
        document = json.dumps({"edgeId": "e-1", "certificatePinning": document})
    site.document.write_text(document)
    assert [it for it in forbidden_ends(site, {PIN}) if end in it]


async def test_each_other_forbidden_end_is_noticed(site: Site) -> None:
    """The operator's keys gone, a crash, a lost debt; and a good site has none."""
    pinning = {"enabled": True, "fingerprint": PIN, "fingerprints": [PIN]}
    site.document.write_text(json.dumps({"edgeId": "e-1", "certificatePinning": pinning}))
    assert forbidden_ends(site, {PIN}) == []
    site.daemon.log.write_text("Traceback (most recent call last):\n")
    site.runtime.mkdir()
    status = {"edge": {"loaded": False, "restart_owed": False}}
    (site.runtime / "status.json").write_text(json.dumps(status))
    site.document.write_text(json.dumps({"certificatePinning": pinning}))
    ends = " ".join(forbidden_ends(site, {PIN}))
    assert "crash" in ends
    assert "lost debt" in ends
    assert "operator's keys" in ends
