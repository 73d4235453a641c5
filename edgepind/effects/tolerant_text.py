"""Takes out of a JSON text what people and editors put in: encodings, comments, trailing commas.

Only what has one meaning is read. Libraries for JSON5 and its like take far more (names without
quotes, NaN, the last of two equal keys) and keep no places, so this stands before the strict parser
instead: what is taken out becomes spaces, and every other character keeps its line and column.
Judges nothing else about the text.
"""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass

DEEPEST = 200
"""Levels of nesting that are read; the strict parser stands twice as many."""

_ENCODINGS = (
    (BOM_UTF8, "utf-8", "UTF-8"),
    (BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
# What is not closed reaches to the end, so that each character is looked at once.
_TOKEN = re.compile(
    r"""
      (?P<string>  "(?:[^"\\]|\\.)*+(?:"|\\?\Z) )
    | (?P<comment> //[^\n\r]*+ | /\*(?s:.*?)(?:\*/|\Z) )
    | (?P<word>    [^\s"/,:\[\]{}]++ )
    | (?P<mark>    [,:\[\]{}/] )
    """,
    re.VERBOSE | re.DOTALL,
)
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
_NOT_SPACE = re.compile(r"[^\n\r]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of some bytes. `marked`: it began with a byte order mark, which is left out."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class NoText:
    """Why something cannot be read, a clause with the place."""

    reason: str


def place(text: str, position: int) -> str:
    """Where a character stands, for a person; both count from one."""
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def decode_text(content: bytes) -> Decoded | NoText:
    """Read UTF-8 (RFC 8259, section 8.1) or what a byte order mark names, UTF-8 or UTF-16.

    A NUL is refused: it is left by a crash, or shows UTF-16 or UTF-32 that does not say so.
    """
    unmarked = (b"", "utf-8", "UTF-8")
    mark, codec, named = next((it for it in _ENCODINGS if content.startswith(it[0])), unmarked)
    octets = content[len(mark) :]
    try:
        text = octets.decode(codec)
    except UnicodeDecodeError as error:
        before = octets[: error.start].decode(codec)
        return NoText(f"it is not {named} ({place(before, len(before))})")
    if (nul := text.find("\0")) >= 0:
        return NoText(f"it holds a NUL character ({place(text, nul)})")
    return Decoded(text, bool(mark))


def without_extras(text: str) -> str | NoText:
    """Put spaces in place of comments (`//`, `/* */`) and of a comma after the last element.

    Refused are a comment that does not end, more than `DEEPEST` levels, and NaN and Infinity.
    """
    spans: list[tuple[int, int]] = []
    depth, comma, before = 0, -1, ""
    for token in _TOKEN.finditer(text):
        start, found = token.start(), token[0]
        if token.lastgroup == "comment":
            if found.startswith("/*") and not (len(found) > len("/*/") and found.endswith("*/")):
                return NoText(f"a comment begins and does not end ({place(text, start)})")
            spans.append(token.span())
            continue
        if found in _NO_NUMBERS:
            return NoText(f"it is not JSON ({found} is no JSON number: {place(text, start)})")
        if found in {"]", "}"} and comma >= 0:
            spans.append((comma, comma + 1))
        depth += (found in {"[", "{"}) - (found in {"]", "}"})
        if depth > DEEPEST:
            return NoText(f"it is nested too deeply ({place(text, start)})")
        comma = start if found == "," and before not in {"", ",", ":", "[", "{"} else -1
        before = found
    return _blanked(text, spans)


def tidied(text: str, bare: str) -> str:
    """`bare`, which is `text` with spaces for extras, less the lines and line ends of spaces."""
    lines = zip(text.split("\n"), bare.split("\n"), strict=True)
    return "\n".join(_trimmed(new) if new != old else new for old, new in lines if _stays(old, new))


def _stays(old: str, new: str) -> bool:
    return old == new or not new.isspace()


def _trimmed(line: str) -> str:
    return line.rstrip(" \t\r") + ("\r" if line.endswith("\r") else "")


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    parts, end = [], 0
    for start, stop in sorted(spans):
        parts += [text[end:start], _NOT_SPACE.sub(" ", text[start:stop])]
        end = stop
    return "".join((*parts, text[end:]))
