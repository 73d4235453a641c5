"""JSON as RFC 8259 has it and nothing beyond, for text that a stranger sent.

Python's parser is kinder than that: it takes the last of two equal keys, NaN, and half of a
surrogate pair. Each of these is refused here by name, as are depth and length without end.
"""

import json
from dataclasses import dataclass
from typing import Any, NoReturn

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class ParsedJson:
    """A document that was read whole. `text` is what it said, without a byte order mark."""

    value: Any
    text: str


@dataclass(frozen=True, slots=True)
class RefusedJson:
    """Octets that are not one JSON document; `reason` is a clause for a person."""

    reason: str


class _NotStrictError(ValueError):
    """Carries a clause out of the parser's hooks."""


def parse_json(octets: bytes) -> ParsedJson | RefusedJson:
    """Read one JSON document in UTF-8 (RFC 8259); a leading byte order mark is tolerated.

    Never raises. The caller bounds the size: what is refused here is refused for its form.
    """
    try:
        text = octets.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        json.dumps(value, ensure_ascii=False).encode()  # where a lone surrogate shows
    except (ValueError, RecursionError) as error:
        return RefusedJson(_clause(error))
    return ParsedJson(value, text)


def _clause(error: ValueError | RecursionError) -> str:
    match error:
        case _NotStrictError():
            return str(error)
        case json.JSONDecodeError():
            return _not_json(error)
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case UnicodeEncodeError():
            return "it holds half of a surrogate pair"
        case RecursionError():
            return "it is nested too deeply"
        case _:  # int() refuses more digits than sys.get_int_max_str_digits()
            return "it holds a number of too many digits"


def _not_json(error: json.JSONDecodeError) -> str:
    start = error.doc.lstrip()[:1]
    if not start:
        return "it is empty"
    if start == "<":
        return "it is HTML or XML, not JSON"
    return f"it is not JSON ({error.msg} at character {error.pos})"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise _NotStrictError(f"the key {key[:_SHOWN]!a} stands twice in one object")
        members[key] = value
    return members


def _constant(name: str) -> NoReturn:
    raise _NotStrictError(f"{name} is no JSON number")
