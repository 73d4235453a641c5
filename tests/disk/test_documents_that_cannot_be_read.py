"""A document that exists and cannot be read is all that there is: nothing writes over it."""

import json
import os
from pathlib import Path

import pytest

from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.pinning_text import LONGEST
from edgepind.model.action import DocumentWritten, WriteFailed
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentRead, DocumentRejected

A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
BOTH = Pinning(enabled=True, current=B, accepted=(B, A))
ME = f"{os.geteuid()}:{os.getegid()}"
TEXT = f"""{{
  "edgeId": "e-1", "home": "https://edge.test/*not a comment*/,]",
  "certificatePinning": {{
    "enabled": true, "algorithm": "SHA256",
    "fingerprint": "{A}",
    "fingerprints": ["{A}"]
  }},
  "tlsSettings": {{"minVersion": "TLSv1.2"}}
}}
"""

LINE_COMMENT = TEXT.replace('true, "alg', 'true, // since the rollout\n    "alg')
BLOCK_COMMENT = TEXT.replace('"edgeId"', '/* by\n hand, ] } "it" */ "edgeId"')
COMMAS = TEXT.replace(f'["{A}"]', f'["{A}", /* next */ ]').replace('1.2"}', '1.2",},')
READABLE = {
    "a comment to the end of a line": LINE_COMMENT.encode(),
    "a comment before all": b"// our Edge\r\n" + TEXT.encode(),
    "a comment after all": TEXT.encode() + b"// the end",
    "a comment in a block": BLOCK_COMMENT.encode(),
    "trailing commas": COMMAS.encode(),
    "Windows lines": LINE_COMMENT.replace("\n", "\r\n").encode(),
    "old Macintosh lines": LINE_COMMENT.replace("\n", "\r").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + LINE_COMMENT.encode(),
    "UTF-16 LE": b"\xff\xfe" + LINE_COMMENT.encode("utf-16-le"),
    "UTF-16 BE": b"\xfe\xff" + TEXT.encode("utf-16-be"),
}

AMBIGUOUS: dict[str, tuple[str | bytes, str]] = {
    "nothing": (b"", ""),
    "a key twice": (TEXT.replace('"edgeId"', '"edgeId": 1,\n  "edgeId"'), "line 3, column 3"),
    "a pin twice": (TEXT.replace('"fingerprint":', '"enabled": false,\n"fingerprint":'), "line 5"),
    "a cipher twice": (TEXT.replace('{"min', '{"minVersion": "TLSv1.3", "min'), "line 8"),
    "a Latin-1 byte": (TEXT.replace("e-1", "é-1").encode("latin-1"), "line 2, column 14"),
    "padding": (TEXT.encode() + bytes(4096), "line 10, column 1"),
    "NUL alone": (bytes(4096), "line 1, column 1"),
    "cut short": (TEXT[:180], "line 5"),
    "two documents": (TEXT + TEXT, "line 10, column 1"),
    "a list": ("\n[]", "line 2, column 1"),
    "a list of pins": ('{"certificatePinning":\n []}', "line 2, column 2"),
    "a number for a key": ("{\n 1: 2}", "line 2, column 2"),
    "no key": ("{\n NaN: 2}", "line 2, column 2"),
    "no number": ('{"a":\n NaN}', "line 2, column 2"),
    "deep": ('{"a":\n' + "[" * 9999 + "]" * 9999 + "}", "line 2, column 200"),
    "long": (b'{"a": "' + b"x" * LONGEST + b'"}', "longer"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le"), "line 1, column 2"),
    "UTF-32": (b"\xff\xfe\0\0" + TEXT.encode("utf-32-le"), "line 1, column 1"),
    "half of UTF-16": (b"\xff\xfe" + TEXT.encode("utf-16-le")[:-1], "line 9, column 2"),
    "an open comment": (TEXT.replace('"tls', '/* "tls'), "line 8, column 3"),
    "half a comment": (TEXT.replace('"tls', '/*/ "tls'), "line 8, column 3"),
    "two commas": (TEXT.replace('"e-1",', '"e-1",,'), "line 2"),
    "a comma alone": (TEXT.replace(f'["{A}"]', "[,]"), "line 6"),
    "no comma": (TEXT.replace('"e-1",', '"e-1"'), "line 2"),
    "a hash": ("# ours\n" + TEXT, "line 1, column 1"),
    "single quotes": (TEXT.replace('"', "'"), "line 2, column 3"),
    "an open string": (TEXT[:-20] + '\\"' * 100_000, "line 8"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the document lies, in a folder of its own."""
    folder = tmp_path / "security"
    folder.mkdir()
    return folder / "pinning-config.json"


@pytest.mark.parametrize("kind", READABLE)
def test_what_has_one_meaning_is_read_and_rewritten_whole(path: Path, kind: str) -> None:
    """A rewrite keeps every key; comments and commas go, and only with a rewrite."""
    keeper = DocumentKeeper(path, ME, 0o600)
    path.write_bytes(READABLE[kind])
    found = keeper.read().document
    assert isinstance(found, DocumentRead)
    assert (found.enabled, found.current, found.accepted) == (True, A, (A,))
    assert keeper.read().tls.min_version == "TLSv1.2"
    assert found.extras is (kind != "UTF-16 BE")
    assert path.read_bytes() == READABLE[kind]
    outcome = keeper.restore(BOTH)
    assert isinstance(outcome, DocumentWritten)
    assert outcome.set_aside is None
    said = json.loads(path.read_text(encoding="utf-8"))
    assert said.pop("certificatePinning")["fingerprints"] == [str(B), str(A)]
    without = json.loads(TEXT)
    del without["certificatePinning"]
    assert said == without
    assert "rollout" not in path.read_text()


def test_a_comment_stays_where_nothing_is_to_be_said(path: Path) -> None:
    """The owned keys say it already."""
    path.write_text(LINE_COMMENT)
    outcome = DocumentKeeper(path, ME, path.stat().st_mode & 0o7777).restore(
        Pinning(enabled=True, current=A, accepted=(A,))
    )
    assert isinstance(outcome, DocumentWritten)
    assert not outcome.changed
    assert path.read_text() == LINE_COMMENT


def test_what_is_left_when_a_comment_goes_looks_as_it_did(path: Path) -> None:
    """A line that held a comment alone goes with it; no space is left at the end of another."""
    path.write_text(LINE_COMMENT.replace('  "tls', '  // for the Edge\n\n  "tls'))
    DocumentKeeper(path, ME, 0o600).restore(Pinning(enabled=False, current=A, accepted=(A,)))
    plain = TEXT.replace("true, ", "false,\n    ").replace('  "tls', '\n  "tls')
    assert path.read_text() == plain


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_what_has_two_meanings_is_never_written_over(path: Path, kind: str) -> None:
    """By no way: its place is told, and every byte stays; nothing is set aside."""
    content, where = AMBIGUOUS[kind]
    octets = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(octets)
    keeper = DocumentKeeper(path, ME, 0o600)
    rejected = keeper.read().document
    assert isinstance(rejected, DocumentRejected)
    assert not rejected.restorable
    assert where in rejected.reason
    outcomes = (
        keeper.restore(BOTH),
        keeper.set_enabled(enabled=False),
        keeper.set_enabled(enabled=True),
    )
    for outcome in outcomes:
        assert isinstance(outcome, WriteFailed)
        assert where in outcome.error
    keeper.restore(None)
    keeper.close()
    assert path.read_bytes() == octets
    assert [it.name for it in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_later_damage_is_set_aside_and_restored(path: Path, kind: str) -> None:
    """Once a good one was read, there is a copy of it."""
    keeper = DocumentKeeper(path, ME, 0o600)
    path.write_text(LINE_COMMENT)
    keeper.read()
    content, _ = AMBIGUOUS[kind]
    octets = content if isinstance(content, bytes) else content.encode()
    path.unlink()
    path.write_bytes(octets)
    rejected = keeper.read().document
    assert isinstance(rejected, DocumentRejected)
    assert rejected.restorable
    outcome = keeper.restore(BOTH)
    assert isinstance(outcome, DocumentWritten)
    assert outcome.set_aside is not None
    assert Path(outcome.set_aside).read_bytes() == octets
    assert json.loads(path.read_text())["tlsSettings"] == {"minVersion": "TLSv1.2"}


def test_an_opening_ends_with_the_document_that_was_prepared_for_it(path: Path) -> None:
    """Though the last good copy is gone, and the open document is damaged."""
    path.write_text(TEXT)
    keeper = DocumentKeeper(path, ME, 0o600)
    keeper.restore(Pinning(enabled=False, current=A, accepted=(A,)))
    path.with_name(f".{path.name}.last-good").unlink()
    path.unlink()
    path.write_text("{")
    outcome = DocumentKeeper(path, ME, 0o600).close()
    assert isinstance(outcome, DocumentWritten)
    assert json.loads(path.read_text()) == json.loads(TEXT)
