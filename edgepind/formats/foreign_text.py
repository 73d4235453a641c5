"""Text of others made safe to show: it cannot steer a terminal or forge a line."""

_LONGEST = 160


def printable(text: str) -> str:
    """One line: whatever is not printable becomes a space."""
    return "".join(c if c.isprintable() else " " for c in text)


def foreign_text(text: str, longest: int = _LONGEST) -> str:
    """One line of printable ASCII, at most `longest` characters, that steers no terminal."""
    line = " ".join("".join(c if " " <= c <= "~" else " " for c in text[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
