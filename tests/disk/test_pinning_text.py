"""What is read out of `pinning-config.json`, what is refused by name, what is rejected whole."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from edgepind.effects.pinning_text import (
    LONGEST,
    PinningText,
    digest_of,
    parse_pinning_text,
    read_edge_tls,
    read_pinning,
)
from edgepind.model.document import EdgeTls
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentRead, DocumentRejected

A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
EXACT: dict[str, Any] = {
    "enabled": True,
    "algorithm": "SHA256",
    "fingerprint": str(A),
    "fingerprints": [str(A), str(B)],
}


def parsed(content: bytes) -> PinningText:
    """Parse a document that is of the right shape."""
    text = parse_pinning_text(content)
    assert isinstance(text, PinningText), text
    return text


def document(section: object) -> DocumentRead:
    """Read a document with this section."""
    content = json.dumps({"certificatePinning": section}).encode()
    modified = datetime(2027, 1, 1, tzinfo=UTC)
    return read_pinning(parsed(content), content, modified, attributes_right=True)


def tls(value: object) -> EdgeTls:
    """Read the Edge's settings out of a document."""
    return read_edge_tls(parsed(json.dumps(value).encode()))


def test_a_document_as_edgepind_spells_it_is_exact() -> None:
    """All four keys are read, in order, and nothing is to be repaired."""
    found = document(EXACT)
    assert (found.enabled, found.current, found.accepted) == (True, A, (A, B))
    assert found.exact
    assert found.refused == ()


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({"fingerprint": str(A).lower()}, (A, B)),
        ({"fingerprint": f"sha256:{A}"}, (A, B)),
        ({"fingerprints": [str(A), str(A), str(B)]}, (A, B)),
        ({"fingerprints": [str(B), str(A)]}, (A, B)),
        ({"fingerprints": [str(B)]}, (A, B)),
        ({"fingerprints": str(B)}, (A, B)),
        ({"fingerprints": []}, (A,)),
        ({"algorithm": "sha-256"}, (A, B)),
        ({"algorithm": None}, ()),
        ({"enabled": "true"}, (A, B)),
        ({"enabled": 1}, (A, B)),
        ({"enabled": None}, (A, B)),
    ],
)
def test_any_other_spelling_is_not_exact(
    change: dict[str, Any], accepted: tuple[Fingerprint, ...]
) -> None:
    """What can be understood is understood, and told as something to be spelt right."""
    found = document(EXACT | change)
    assert found.accepted == accepted
    assert not found.exact


@pytest.mark.parametrize("key", sorted(EXACT))
def test_a_missing_key_is_not_exact(key: str) -> None:
    """What is not there is not guessed: no current pin, no word on `enabled`."""
    found = document({name: value for name, value in EXACT.items() if name != key})
    assert not found.exact
    assert (found.current is None) == (key == "fingerprint")
    assert (found.enabled is None) == (key == "enabled")
    assert set(found.accepted) == {A, B} or key == "fingerprints"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("null", "null"),
        (None, "null"),
        ("", "empty"),
        ("AA:" * 19 + "AA", "SHA-1"),
        ("AA:" * 15 + "AA", "MD5"),
        (17, "not text"),
        ({"a": 1}, "not text"),
        ("\ud800", "not hex"),
    ],
)
def test_what_is_no_fingerprint_is_refused_by_name(value: object, reason: str) -> None:
    """A weak or malformed value is told once, with why; the others stand."""
    found = document(EXACT | {"fingerprints": [str(A), value, value, str(B)]})
    assert found.accepted == (A, B)
    assert len(found.refused) == 1
    assert reason in found.refused[0].reason
    assert not found.exact
    str(found.refused[0]).encode()


def test_another_algorithm_refuses_all_its_pins() -> None:
    """The pins stand there, and under SHA1 they are none; each is named."""
    found = document(EXACT | {"algorithm": "SHA1"})
    assert (found.current, found.accepted) == (None, ())
    assert [refused.text for refused in found.refused] == [str(A), str(B)]
    assert "SHA1" in found.refused[0].reason


def test_a_document_without_the_section_says_nothing() -> None:
    """Before the first pin there may be no section at all."""
    content = b"{}"
    found = read_pinning(
        parsed(content), content, datetime(2027, 1, 1, tzinfo=UTC), attributes_right=False
    )
    assert (found.enabled, found.current, found.accepted, found.exact) == (None, None, (), False)
    assert found.digest == digest_of(content)
    assert not found.attributes_right


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"not json", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": [-Infinity]}', "-Infinity"),
        (b'{"a": 1} {}', "after the end"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b'{"certificatePinning": []}', "no object"),
        (b'{"certificatePinning": null}', "no object"),
        (b'{"a": 1, "\\u0061": 2}', "twice"),
        (b'{"certificatePinning": {"enabled": true, "enabled": false}}', "twice"),
        (b'{"certificatePinning": {}, "certificatePinning": {}}', "twice"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
        (b'{"a": "' + b" " * LONGEST + b'"}', "longer"),
    ],
)
def test_what_is_not_of_the_right_shape_is_rejected(content: bytes, reason: str) -> None:
    """Rejected whole, with a clause that a person understands."""
    rejected = parse_pinning_text(content)
    assert isinstance(rejected, DocumentRejected)
    assert reason in rejected.reason


@pytest.mark.parametrize(
    "content",
    [
        b'{"other": {"a": 1, "a": 2}}',
        b'{"number": ' + b"9" * 5000 + b"}",
        b'{"number": 1e999}',
        b'{"half": "\\ud800"}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_ours_to_judge_is_read(content: bytes) -> None:
    """Odd JSON in keys of others is still JSON; a byte order mark is read over."""
    assert isinstance(parse_pinning_text(content), PinningText)


def test_a_byte_order_mark_is_not_exact() -> None:
    """Not every reader bears with it: the next edit leaves it out."""
    content = b"\xef\xbb\xbf" + json.dumps({"certificatePinning": EXACT}).encode()
    found = read_pinning(
        parsed(content), content, datetime(2027, 1, 1, tzinfo=UTC), attributes_right=True
    )
    assert found.accepted == (A, B)
    assert not found.exact


def test_tls_settings_are_read_at_the_top_or_else_in_the_section() -> None:
    """The top level has the first word."""
    top, inner = {"minVersion": "TLSv1.2"}, {"minVersion": "TLSv1.3"}
    assert tls({"tlsSettings": top}).min_version == "TLSv1.2"
    section = {"certificatePinning": {"tlsSettings": inner, "allowRotation": False}}
    assert tls(section) == EdgeTls(min_version="TLSv1.3", allow_rotation=False)
    assert tls(section | {"tlsSettings": top}).min_version == "TLSv1.2"
    assert tls(section | {"tlsSettings": None}).min_version == "TLSv1.3"
    assert tls({"allowRotation": True}).allow_rotation is True


@pytest.mark.parametrize(
    "value", [["A", "B"], "A:B", "A,B", " A, B ", ["A", 1, None, "B", ""], "A::B:"]
)
def test_ciphers_are_a_list_or_one_text(value: object) -> None:
    """Colons and commas separate; what is no text is left out."""
    assert tls({"tlsSettings": {"cipherSuites": value}}).cipher_suites == ("A", "B")


def test_tls_settings_of_the_wrong_type_are_ignored() -> None:
    """As if they were not there."""
    wrong = {"minVersion": 1.2, "cipherSuites": 5, "strictValidation": "yes"}
    assert tls({"tlsSettings": wrong, "allowRotation": 0}) == EdgeTls()
    assert tls({"tlsSettings": "TLSv1.2"}) == EdgeTls()
    assert tls({"tlsSettings": {"strictValidation": True}}).strict_validation is True
