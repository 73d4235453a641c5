"""What the helper answers: the values of `effects.appliance`, as one JSON object in one line.

`{"is": "WriteFailed", "error": "..."}`. Read as strictly as requests are: neither side believes
the other.
"""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from edgepind.effects.appliance import DocumentReading
from edgepind.effects.helper_requests import RequestRefused
from edgepind.formats.strict_json import RefusedJson, parse_json
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import EdgeTls
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
    NoUnit,
    Unit,
    UnitUnknown,
)
from edgepind.state.codec import Misfit, decode, encode, unmoved

LONGEST = 4 * 1024 * 1024
"""Octets that an answer may have: a document of one MiB can hold many values that are refused."""

_T = TypeVar("_T")
_Outcome = (
    DocumentWritten
    | WriteFailed
    | Unit
    | NoUnit
    | UnitUnknown
    | RestartDone
    | RestartFailed
    | RestartRefused
    | RequestRefused
)
Answer = DocumentReading | _Outcome

_DOCUMENTS: dict[str, type[Document]] = {
    kind.__name__: kind
    for kind in (DocumentRead, DocumentMissing, DocumentRejected, DocumentUnreadable)
}
_OUTCOMES: dict[str, type[_Outcome]] = {
    kind.__name__: kind
    for kind in (
        DocumentWritten,
        WriteFailed,
        Unit,
        NoUnit,
        UnitUnknown,
        RestartDone,
        RestartFailed,
        RestartRefused,
        RequestRefused,
    )
}


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A line that is no answer; `reason` is a clause."""

    reason: str


def encode_answer(answer: Answer) -> bytes:
    """Write an answer as its line."""
    if isinstance(answer, DocumentReading):
        document, tls = _tagged(answer.document), encode(answer.tls)
        value = {"is": DocumentReading.__name__, "document": document, "tls": tls}
    else:
        value = _tagged(answer)
    return json.dumps(value).encode() + b"\n"


def parse_answer(line: bytes) -> Answer | NoAnswer:
    """Read such a line. Never raises, whatever it holds."""
    parsed = parse_json(line)
    if isinstance(parsed, RefusedJson):
        return NoAnswer(parsed.reason)
    try:
        return _answer(parsed.value)
    except Misfit as misfit:
        return NoAnswer(str(misfit))


def _answer(value: Any) -> Answer:
    if not isinstance(value, dict) or value.get("is") != DocumentReading.__name__:
        outcome, members = _untagged(_OUTCOMES, value)
        return decode(outcome, members, unmoved)
    if value.keys() != {"is", "document", "tls"}:
        raise Misfit("the reading does not consist of `document` and `tls`")
    document, members = _untagged(_DOCUMENTS, value["document"])
    tls = decode(EdgeTls, value["tls"], unmoved)
    return DocumentReading(decode(document, members, unmoved), tls)


def _tagged(value: Document | _Outcome) -> dict[str, Any]:
    return {"is": type(value).__name__, **encode(value)}


def _untagged(kinds: dict[str, type[_T]], value: Any) -> tuple[type[_T], dict[str, Any]]:
    word = value.get("is") if isinstance(value, dict) else None
    kind = kinds.get(word) if isinstance(word, str) else None
    if kind is None:
        raise Misfit(f"`is` is none of {', '.join(kinds)}")
    return kind, {key: member for key, member in value.items() if key != "is"}
