"""What may be asked of the helper, one JSON object in one line each, and how that is spelt.

`{"do": "apply", "pinning": {"enabled": true, "current": "AA:...", "accepted": ["AA:...", ...]}}`.
A request names pins and whether validation is on; it never names a file, a unit or a budget.
"""

import json
from dataclasses import dataclass

from edgepind.formats.strict_json import RefusedJson, parse_json
from edgepind.model.document import Pinning
from edgepind.state.codec import Misfit, decode, encode, unmoved

GREETING = b'{"edgepind-apply": 1}\n'
"""What the helper says first, with the version of what follows.

systemd hangs up on whoever calls while another is served. Who was greeted is being served, so a
request that is sent after the greeting alone is never made twice.
"""

LONGEST = 16 * 1024
"""Octets that a request may have, its line feed included."""

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
class Restore:
    """Set a rejected pinning config aside and put the last good one back."""

    pinning: Pinning | None


@dataclass(frozen=True, slots=True)
class AskUnit:
    """Report the Edge's unit."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart the Edge; `loading` is what its document says."""

    loading: Pinning


Request = ReadDocument | Apply | Restore | AskUnit | Restart

_WORDS: dict[str, type[Request]] = {
    "read": ReadDocument,
    "apply": Apply,
    "restore": Restore,
    "unit": AskUnit,
    "restart": Restart,
}


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """What was asked is not done, and nothing was. `error` is a sentence for a person."""

    error: str


def encode_request(request: Request) -> bytes:
    """Write a request as its line."""
    word = next(word for word, kind in _WORDS.items() if kind is type(request))
    return json.dumps({"do": word, **encode(request)}).encode() + b"\n"


def parse_request(line: bytes) -> Request | RequestRefused:
    """Read such a line, which the caller has bounded. Never raises, whatever it holds."""
    parsed = parse_json(line)
    if isinstance(parsed, RefusedJson):
        return RequestRefused(f"the request is refused: {parsed.reason}")
    if not isinstance(parsed.value, dict):
        return RequestRefused("the request is refused: it is JSON, but not an object")
    word = parsed.value.pop("do", None)
    kind = _WORDS.get(word) if isinstance(word, str) else None
    if kind is None:
        return RequestRefused(f"the request is refused: `do` is none of {', '.join(_WORDS)}")
    try:
        request = decode(kind, parsed.value, unmoved)
    except Misfit as misfit:
        return RequestRefused(f"the request is refused: {misfit}")
    pinning = _pinning(request)
    if pinning is not None and len(pinning.accepted) > MOST_PINS:
        return RequestRefused(f"the request is refused: it names more than {MOST_PINS} pins")
    return request


def _pinning(request: Request) -> Pinning | None:
    match request:
        case Apply(pinning) | Restore(pinning) | Restart(pinning):
            return pinning
        case ReadDocument() | AskUnit():
            return None
