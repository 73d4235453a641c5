"""What a stranger wrote, made fit to stand in a sentence of ours."""

_LONGEST = 160


def foreign_text(text: str, longest: int = _LONGEST) -> str:
    """One line of printable ASCII, at most `longest` characters, that steers no terminal."""
    line = " ".join("".join(c if " " <= c <= "~" else " " for c in text[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
