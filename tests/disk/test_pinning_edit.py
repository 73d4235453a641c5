"""The edit changes the four owned keys and not one byte beside them, whatever the document."""

import json
import re
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.effects.pinning_text import (
    LONGEST,
    SECTION,
    EditRefused,
    PinningText,
    edit_pinning,
    owned_values,
    parse_pinning_text,
)
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentRejected

A, B, C = (Fingerprint(bytes([octet]) * 32) for octet in (0xAA, 0xBB, 0xCC))
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"{}\[\],:]+|[{}\[\],:]')

# --- documents as text: numbers, strings and spaces in every spelling ------------------------

spaces = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", "  \n\n"])
numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?\Z").map(str)
strings = st.tuples(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from([encode_basestring, encode_basestring_ascii]),
).map(lambda pair: pair[1](pair[0]))
scalars = st.one_of(numbers, strings, st.sampled_from(["true", "false", "null", '"\\ud800"']))


def spelt_list(items: list[str], space: str) -> str:
    """A JSON array with the same space everywhere."""
    return f"[{space}" + f"{space},{space}".join(items) + f"{space}]"


def spelt_object(members: list[tuple[str, str]], space: str, colon: str) -> str:
    """A JSON object with the same space everywhere."""
    joined = f"{space},{space}".join(f"{key}{colon}{value}" for key, value in members)
    return f"{{{space}{joined}{space}}}"


colons = st.sampled_from([":", ": ", " : ", ":\n"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(spelt_list, st.lists(inner, max_size=3), spaces),
        st.builds(spelt_object, st.lists(st.tuples(strings, inner), max_size=3), spaces, colons),
    ),
    max_leaves=8,
)
fingerprints = st.sampled_from([A, B, C])
pin_texts = fingerprints.map(lambda pin: json.dumps(str(pin)))
owned = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.one_of(st.sampled_from(["true", "false"]), values),
        "algorithm": st.one_of(st.sampled_from(['"SHA256"', '"SHA1"']), values),
        "fingerprint": st.one_of(pin_texts, values),
        "fingerprints": st.one_of(
            st.builds(spelt_list, st.lists(pin_texts, max_size=3), spaces), values
        ),
    },
)


@st.composite
def objects(draw: st.DrawFn, fixed: dict[str, str]) -> str:
    """An object with some members of its own and these, in any order."""
    members = {json.dumps(key): value for key, value in fixed.items()}
    for key, value in draw(st.lists(st.tuples(strings, values), max_size=3)):
        if json.loads(key) not in {json.loads(other) for other in members}:
            members[key] = value
    order = draw(st.permutations(list(members.items())))
    return spelt_object(list(order), draw(spaces), draw(colons))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A whole document, with or without the section, and space round it."""
    section = {SECTION: draw(objects(draw(owned)))} if draw(st.booleans()) else {}
    return draw(spaces) + draw(objects(section)) + draw(spaces)


@st.composite
def pinnings(draw: st.DrawFn) -> Pinning:
    """What may be asked to stand in the document."""
    accepted = tuple(draw(st.lists(fingerprints, min_size=1, max_size=3, unique=True)))
    return Pinning(draw(st.booleans()), accepted[0], accepted)


# --- what must hold ---------------------------------------------------------------------------


def edited(content: bytes, pinning: Pinning) -> bytes:
    """Edit a document of the right shape."""
    text = parse_pinning_text(content)
    assert isinstance(text, PinningText), text
    result = edit_pinning(text, pinning)
    assert isinstance(result, bytes), result
    return result


def without_owned(text: str, *, keep_section: bool) -> list[tuple[str, Any]]:
    """Parse with every number as its spelling; leave out the owned keys, keep all order."""
    root: list[tuple[str, Any]] = json.loads(
        text, object_pairs_hook=list, parse_int=lambda n: ("#", n), parse_float=lambda n: ("#", n)
    )
    rest: list[tuple[str, Any]] = []
    for key, value in root:
        if key != SECTION:
            rest.append((key, value))
        elif keep_section:
            rest.append((key, [member for member in value if member[0] not in OWNED]))
    return rest


OWNED = ("enabled", "algorithm", "fingerprint", "fingerprints")


@given(documents(), pinnings())
def test_only_the_owned_keys_change(document: str, pinning: Pinning) -> None:
    """Every other key keeps its place, its value and the spelling of its numbers."""
    old = parse_pinning_text(document.encode())
    if isinstance(old, DocumentRejected):
        assert "twice" in old.reason, old  # the only fault that these documents can have
        return
    result = edited(document.encode(), pinning).decode()
    had_section = old.section is not None
    before = without_owned(document, keep_section=had_section)
    assert without_owned(result, keep_section=had_section) == before
    section = json.loads(result)[SECTION]
    assert {key: section[key] for key in OWNED} == owned_values(pinning)


@given(documents(), pinnings())
def test_what_is_cut_out_and_put_in_is_all_that_differs(document: str, pinning: Pinning) -> None:
    """Token for token, in their own spelling: the old ones that are left are left in order."""
    if isinstance(parse_pinning_text(document.encode()), DocumentRejected):
        return
    result = edited(document.encode(), pinning).decode()
    text = parse_pinning_text(document.encode())
    assert isinstance(text, PinningText)
    gone = [
        range(member.value_start, member.value_end)
        for member in (text.section.members if text.section else ())
        if member.key in OWNED
    ]
    kept = [
        match[0]
        for match in TOKEN.finditer(document)
        if not any(match.start() in span for span in gone)
    ]
    rest = iter(TOKEN.findall(result))
    assert all(token in rest for token in kept), "a token is missing, or stands elsewhere"


@given(documents(), pinnings())
def test_editing_twice_is_editing_once(document: str, pinning: Pinning) -> None:
    """The second edit finds nothing to change, to the byte."""
    if isinstance(parse_pinning_text(document.encode()), DocumentRejected):
        return
    once = edited(document.encode(), pinning)
    assert edited(once, pinning) == once


@given(documents(), pinnings(), pinnings())
def test_there_and_back_keeps_every_other_byte(
    document: str, there: Pinning, back: Pinning
) -> None:
    """After a second edit nothing is left of the first."""
    if isinstance(parse_pinning_text(document.encode()), DocumentRejected):
        return
    straight = edited(edited(document.encode(), back), back)
    detour = edited(edited(document.encode(), there), back)
    assert json.loads(detour) == json.loads(straight)


NEW_FILE = (
    "{}\n",
    """{
  "certificatePinning": {
    "enabled": true,
    "algorithm": "SHA256",
    "fingerprint": "A",
    "fingerprints": [
      "A",
      "B"
    ]
  }
}
""",
)
FOUR_SPACES = (
    """{
    "a": 1.50,
    "certificatePinning": {}
}""",
    """{
    "a": 1.50,
    "certificatePinning": {
        "enabled": true,
        "algorithm": "SHA256",
        "fingerprint": "A",
        "fingerprints": [
            "A",
            "B"
        ]
    }
}""",
)
IN_ONE_LINE = (
    '{"certificatePinning":{"x":0},"a":1}',
    """{"certificatePinning":{"x":0,"enabled":true,"algorithm":"SHA256","fingerprint":"A",\
"fingerprints":["A","B"]},"a":1}""",
)
LIST_IN_ONE_LINE = (
    """{
\t"certificatePinning": {
\t\t"fingerprints": ["x"],
\t\t"enabled": false,
\t\t"algorithm": "SHA256",
\t\t"fingerprint": "x"
\t}
}""",
    """{
\t"certificatePinning": {
\t\t"fingerprints": ["A", "B"],
\t\t"enabled": true,
\t\t"algorithm": "SHA256",
\t\t"fingerprint": "A"
\t}
}""",
)
AS_ON_WINDOWS = (
    """\ufeff{\r
  "certificatePinning": {\r
    "x": 0\r
  }\r
}\r
""",
    """{\r
  "certificatePinning": {\r
    "x": 0,\r
    "enabled": true,\r
    "algorithm": "SHA256",\r
    "fingerprint": "A",\r
    "fingerprints": [\r
      "A",\r
      "B"\r
    ]\r
  }\r
}\r
""",
)


@pytest.mark.parametrize(
    ("before", "after"), [NEW_FILE, FOUR_SPACES, IN_ONE_LINE, LIST_IN_ONE_LINE, AS_ON_WINDOWS]
)
def test_what_is_added_looks_like_its_neighbours(before: str, after: str) -> None:
    """Indentation, colons and line ends are those of the document."""
    result = edited(before.encode(), Pinning(enabled=True, current=A, accepted=(A, B))).decode()
    assert result.replace(str(A), "A").replace(str(B), "B") == after


def test_a_result_that_nobody_would_read_is_not_given_out() -> None:
    """The edited text is read again: one that has grown beyond the limit is refused."""
    content = b'{"a": "' + b" " * (LONGEST - 20) + b'"}'
    text = parse_pinning_text(content)
    assert isinstance(text, PinningText)
    result = edit_pinning(text, Pinning(enabled=True, current=A, accepted=(A,)))
    assert isinstance(result, EditRefused)
    assert "longer" in result.reason


def test_a_value_that_says_the_same_keeps_its_spelling() -> None:
    """An escape or a space inside an owned value is no reason to touch it."""
    spelt = f'["\\u0041{str(A)[1:]}"  ,\n "{B}" ]'
    content = (
        f'{{"certificatePinning": {{"enabled":true, "algorithm":"SHA256", "fingerprint": "{A}",'
        f' "fingerprints": {spelt}}}}}'
    ).encode()
    assert edited(content, Pinning(enabled=True, current=A, accepted=(A, B))) == content
