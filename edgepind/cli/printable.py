"""Text from elsewhere made fit for a terminal, whoever wrote it."""

_LONGEST = 2000


def printable(text: str) -> str:
    """One line in which nothing steers a terminal: what cannot be printed becomes a space."""
    clean = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
    return clean if len(text) <= _LONGEST else f"{clean}..."
