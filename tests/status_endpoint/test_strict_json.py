"""Text from a stranger is one JSON document, or it is refused by name; it never crashes us."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.formats import ParsedJson, RefusedJson, parse_json


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"  <html>", "HTML"),
        (b"not json", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": 1} {"a": 2}', "Extra data"),
        (b'{"a": 1}x', "Extra data"),
        (b'{"a": 1, "a": 1}', "the key 'a' stands twice"),
        (b'[{"b": {"a": 1, "c": 2, "a": 3}}]', "the key 'a' stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"[" * 60_000, "too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too deeply"),
        (b"9" * 60_000, "too many digits"),
        (b'{"a": "\x00"}', "not JSON"),
    ],
)
def test_what_is_not_one_strict_document_is_refused_with_its_reason(
    octets: bytes, reason: str
) -> None:
    """Each leniency of Python's parser, and each of its ways to raise, has a name."""
    refused = parse_json(octets)
    assert isinstance(refused, RefusedJson)
    assert reason in refused.reason


def test_a_byte_order_mark_is_tolerated_and_not_handed_on() -> None:
    """CONTRACT section 11; jq would stumble over it."""
    parsed = parse_json(b'\xef\xbb\xbf{"a": null}')
    assert parsed == ParsedJson({"a": None}, '{"a": null}')


def test_the_name_of_a_key_that_stands_twice_steers_no_terminal() -> None:
    """A key is a stranger's text and ends up in the journal."""
    key = "\\u001b[2J" + "x" * 1000
    refused = parse_json(f'{{"{key}": 1, "{key}": 2}}'.encode())
    assert isinstance(refused, RefusedJson)
    assert refused.reason.isprintable()
    assert len(refused.reason) < 120


@given(st.binary(max_size=200))
def test_any_octets_give_a_value(octets: bytes) -> None:
    """Nothing that can be sent escapes as an exception."""
    assert isinstance(parse_json(octets), ParsedJson | RefusedJson)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


@given(_JSON)
def test_every_strict_document_is_read(value: object) -> None:
    """Strictness refuses nothing that RFC 8259 allows."""
    parsed = parse_json(json.dumps(value).encode())
    assert isinstance(parsed, ParsedJson)
    assert parsed.value == value
