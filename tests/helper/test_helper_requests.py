"""What may be said to the helper and what it answers: strict both ways, and nothing raises."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.effects.helper_protocol import (
    LONGEST_REQUEST,
    MOST_PINS,
    Answer,
    Apply,
    AskUnit,
    KeepSerial,
    NoAnswer,
    PutBack,
    ReadDocument,
    Rehearse,
    Rehearsed,
    Request,
    RequestRefused,
    Restart,
    Restore,
    encode_answer,
    encode_request,
    parse_answer,
    parse_request,
)
from edgepind.effects.pinning_text import DocumentReading
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.bundle import KeptSerial
from edgepind.model.document import EdgeTls, Pinning
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint
from edgepind.model.observation import (
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
    NoUnit,
    Unit,
    UnitState,
    UnitUnknown,
)

A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
PINNING = Pinning(enabled=True, current=A, accepted=(A, B))
WALL = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = {"enabled": True, "current": str(A), "accepted": [str(A), str(B)]}

REQUESTS: tuple[Request, ...] = (
    Rehearse(),
    PutBack(PINNING),
    ReadDocument(looks_only=True),
    Apply(PINNING),
    Restore(PINNING),
    Restore(None),
    AskUnit(),
    KeepSerial(KeptSerial(7, "aa")),
    Restart(PINNING),
)

ANSWERS: tuple[Answer, ...] = (
    DocumentReading(
        DocumentRead(
            enabled=None,
            current=A,
            accepted=(A, B),
            digest="0" * 64,
            changed=WALL,
            refused=(RefusedFingerprint("null\udcff", "it is empty or the word null"),),
            exact=False,
        ),
        EdgeTls("TLSv1.2", ("ECDHE-RSA-AES128-GCM-SHA256",), strict_validation=True),
    ),
    DocumentReading(DocumentMissing()),
    DocumentReading(DocumentRejected("it is not JSON")),
    DocumentReading(DocumentUnreadable("read failed")),
    DocumentWritten(PINNING, "0" * 64, set_aside="/x.rejected-1", durable=False),
    DocumentWritten(None, "", changed=False),
    WriteFailed("no space"),
    Unit(UnitState.ACTIVE, "abc", WALL),
    Unit(UnitState.FAILED),
    NoUnit(),
    UnitUnknown("no bus"),
    RestartDone(PINNING, "abc", "0" * 64),
    RestartFailed(PINNING, "its job failed"),
    RestartRefused("it is stopped"),
    Rehearsed(None),
    Rehearsed("it is a mount point"),
    RequestRefused("no"),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda it: type(it).__name__)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    """One line, and the same value on the other side."""
    line = encode_request(request_)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert parse_request(line) == request_


def test_the_largest_request_fits() -> None:
    """A document with as many pins as may be asked for stays below the limit of octets."""
    pins = tuple(Fingerprint(bytes([n]) * 32) for n in range(MOST_PINS))
    request = Restart(Pinning(enabled=False, current=pins[0], accepted=pins))
    assert len(encode_request(request)) < LONGEST_REQUEST
    assert parse_request(encode_request(request)) == request


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "`do` is none of"),
        ({"do": "format-disk"}, "`do` is none of"),
        ({"do": None}, "`do` is none of"),
        ({"do": ["read"]}, "`do` is none of"),
        ({"do": "read"}, "looks_only"),
        ({"do": "read", "looks_only": "yes"}, "looks_only"),
        ({"do": "read", "looks_only": False, "path": "/etc/shadow"}, "unknown key 'path'"),
        ({"do": "unit", "unit": "ssh.service"}, "unknown key 'unit'"),
        ({"do": "apply"}, "lacks the key 'pinning'"),
        ({"do": "apply", "pinning": None}, "not an object"),
        ({"do": "apply", "pinning": GOOD | {"algorithm": "MD5"}}, "unknown key 'algorithm'"),
        ({"do": "apply", "pinning": GOOD | {"enabled": "false"}}, "not bool"),
        ({"do": "apply", "pinning": GOOD | {"enabled": 0}}, "not bool"),
        ({"do": "apply", "pinning": GOOD | {"accepted": []}}, "never empty"),
        ({"do": "apply", "pinning": GOOD | {"accepted": [str(B), str(A)]}}, "begins with"),
        ({"do": "apply", "pinning": GOOD | {"accepted": [str(A)] * 2}}, "once"),
        ({"do": "apply", "pinning": GOOD | {"accepted": str(A)}}, "not a list"),
        ({"do": "apply", "pinning": GOOD | {"accepted": [str(A), None]}}, "null"),
        ({"do": "apply", "pinning": GOOD | {"accepted": [str(A), "null"]}}, "null"),
        ({"do": "apply", "pinning": GOOD | {"accepted": [str(A), "AA:" * 19 + "AA"]}}, "SHA-1"),
        ({"do": "apply", "pinning": GOOD | {"accepted": [str(A), "AB" * 16]}}, "MD5"),
        ({"do": "apply", "pinning": GOOD | {"current": "../../etc/passwd"}}, "not hex"),
        ({"do": "restart", "loading": GOOD, "unit": "ssh.service"}, "unknown key 'unit'"),
        ([], "not an object"),
        ("read", "not an object"),
    ],
)
def test_whatever_is_not_asked_rightly_is_refused_with_why(asked: Any, why: str) -> None:
    """Forms of pins, emptiness, order, types, and keys that are nobody's to give."""
    refused = parse_request(json.dumps(asked).encode())
    assert isinstance(refused, RequestRefused)
    assert why in refused.error


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\n",
        b"\x00" * 100,
        b"\xff\xfe",
        b'{"do": "unit"',
        b'{"do": "unit"} {"do": "unit"}',
        b'{"do": "read", "do": "unit"}',
        b'{"do": "read", "looks_only": NaN}',
        b"[" * 10_000,
        b'{"do": ' + b"9" * 6000 + b"}",
        b'{"do": "\\ud800"}',
    ],
)
def test_octets_that_are_no_strict_json_are_refused(octets: bytes) -> None:
    """As every stranger's JSON is."""
    assert isinstance(parse_request(octets), RequestRefused)


def test_too_many_pins_are_refused() -> None:
    """The limit is the helper's own, whatever the octets allow."""
    pins = tuple(Fingerprint(n.to_bytes(32, "big")) for n in range(MOST_PINS + 1))
    line = encode_request(Apply(Pinning(enabled=True, current=pins[0], accepted=pins)))
    refused = parse_request(line)
    assert isinstance(refused, RequestRefused)
    assert str(MOST_PINS) in refused.error


@given(st.binary(max_size=400))
def test_no_octets_raise(octets: bytes) -> None:
    """Garbage is a value on both sides."""
    assert isinstance(parse_request(octets), RequestRefused)
    assert isinstance(parse_answer(octets), NoAnswer)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(str(A)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["do", "is", "pinning", "tls", "document"]), inner)
    ),
    max_leaves=8,
)


@given(
    _JSON,
    st.sampled_from(["read", "apply", "restore", "restart", "DocumentReading", "WriteFailed"]),
)
def test_no_json_raises(value: Any, word: str) -> None:
    """Nor does anything that is well formed and makes no sense."""
    given_ = value | {"do": word, "is": word} if isinstance(value, dict) else value
    parse_request(json.dumps(given_).encode())
    parse_answer(json.dumps(given_).encode())


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda it: type(it).__name__)
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    """Half a surrogate pair alone changes on the way: it becomes its escape."""
    line = encode_answer(answer)
    assert line.count(b"\n") == 1
    read = parse_answer(line)
    assert encode_answer(read) == line if not isinstance(read, NoAnswer) else read.reason == ""
    if b"udcff" not in line:
        assert read == answer


@pytest.mark.parametrize(
    "value",
    [
        {"is": "Pwned"},
        {"is": "WriteFailed"},
        {"is": "WriteFailed", "error": 1},
        {"is": "DocumentReading", "document": {"is": "DocumentMissing"}},
        {"is": "DocumentReading", "document": {"is": "WriteFailed", "error": ""}, "tls": {}},
        {"is": "DocumentReading", "document": None, "tls": {}},
        {"is": "RestartDone", "loaded": GOOD | {"accepted": []}, "invocation": ""},
        None,
    ],
)
def test_an_answer_that_is_none_is_no_answer(value: Any) -> None:
    """The daemon believes a helper no further than its form goes."""
    assert isinstance(parse_answer(json.dumps(value).encode()), NoAnswer)
