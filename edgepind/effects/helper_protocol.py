"""The conversation with the privileged helper: one request and one answer, each a JSON object.

`{"do": "apply", "pinning": {"enabled": true, "current": "AA:...", "accepted": ["AA:...", ...]}}` is
answered by `{"is": "WriteFailed", "error": "..."}`, each in one line. A request names pins and
whether validation is on; it never names a file, a unit or a budget. Both are read strictly: neither
side believes the other.
"""

import json
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from edgepind.effects.pinning_text import DocumentReading
from edgepind.formats import RefusedJson, parse_json
from edgepind.model.action import DocumentOutcome, RestartOutcome
from edgepind.model.bundle import KeptSerial
from edgepind.model.document import EdgeTls, Pinning
from edgepind.model.observation import Document, EdgeUnit
from edgepind.state.codec import Misfit, decode, encode, unmoved

GREETING = b'{"edgepind-apply": 2}\n'
"""What the helper says first, with the version of what follows.

systemd hangs up on a client while another is served. A client that was greeted is being served, so
a request that is sent after the greeting alone is never made twice.
"""

LONGEST_REQUEST = 16 * 1024
"""Bytes of a request at most, its line feed included."""

LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer at most: a document of one MiB can hold many values that are refused."""

MOST_PINS = 128
"""Pins that one document may be asked to accept; a rollover needs three."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """Read the pinning config; with `looks_only`, no copy of a good one is kept beside it."""

    looks_only: bool


@dataclass(frozen=True, slots=True)
class Apply:
    """Put the owned keys into the pinning config."""

    pinning: Pinning


@dataclass(frozen=True, slots=True)
class PutBack:
    """The same, with the owner, mode and access list from before root's side changed them."""

    pinning: Pinning


@dataclass(frozen=True, slots=True)
class Restore:
    """Set a rejected pinning config aside and put the last good one back."""

    pinning: Pinning | None


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Try on scratch files whether the pinning config can be replaced."""


@dataclass(frozen=True, slots=True)
class AskUnit:
    """Report the Edge's unit."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart the Edge; `loading` is what its document says."""

    loading: Pinning


@dataclass(frozen=True, slots=True)
class KeepSerial:
    """Remember this serial of a signed bundle, and tell the highest; 0 only asks."""

    serial: KeptSerial


Request = ReadDocument | Apply | PutBack | Restore | Rehearse | AskUnit | Restart | KeepSerial


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The request was refused and nothing was done. `error` is a sentence for a person."""

    error: str


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of the trial: a sentence on why the document cannot be replaced, or None."""

    error: str | None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A line that is not an answer; `reason` is a clause."""

    reason: str


_Outcome = DocumentOutcome | EdgeUnit | RestartOutcome | Rehearsed | KeptSerial | RequestRefused
Answer = DocumentReading | _Outcome

_T = TypeVar("_T")

_REQUESTS: dict[str, type[Request]] = {
    "read": ReadDocument,
    "apply": Apply,
    "put_back": PutBack,
    "restore": Restore,
    "rehearse": Rehearse,
    "unit": AskUnit,
    "restart": Restart,
    "keep_serial": KeepSerial,
}
_DOCUMENTS: dict[str, type[Document]] = {kind.__name__: kind for kind in get_args(Document)}
_OUTCOMES: dict[str, type[_Outcome]] = {kind.__name__: kind for kind in get_args(_Outcome)}


def encode_request(request: Request) -> bytes:
    """Write a request as its line."""
    word = next(word for word, kind in _REQUESTS.items() if kind is type(request))
    return json.dumps({"do": word, **encode(request)}).encode() + b"\n"


def parse_request(line: bytes) -> Request | RequestRefused:
    """Read such a line, which the caller has bounded. Never raises, whatever it holds."""
    request = _request(line)
    return (
        RequestRefused(f"the request is refused: {request}")
        if isinstance(request, str)
        else request
    )


def _request(line: bytes) -> Request | str:
    """A clause, where it is refused."""
    parsed = parse_json(line)
    if isinstance(parsed, RefusedJson):
        return parsed.reason
    if not isinstance(parsed.value, dict):
        return "it is JSON, but not an object"
    word = parsed.value.pop("do", None)
    kind = _REQUESTS.get(word) if isinstance(word, str) else None
    if kind is None:
        return f"`do` is none of {', '.join(_REQUESTS)}"
    try:
        request = decode(kind, parsed.value, unmoved)
    except Misfit as misfit:
        return str(misfit)
    match request:
        case Apply(named) | PutBack(named) | Restore(Pinning() as named) | Restart(named):
            too_many = len(named.accepted) > MOST_PINS
            return f"it names more than {MOST_PINS} pins" if too_many else request
        case _:
            return request


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
