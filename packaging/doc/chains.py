"""Writes `chains.md` from the corpus of chains: `make doc`. A test fails when it has drifted."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tests.support.chains.corpus import corpus
from tests.support.chains.differences import DIFFERENCES
from tests.support.chains.entry import Entry, words

TARGET = Path(__file__).with_name("chains.md")

# The table is the same whenever the chains are made.
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)

_HEAD = """\
# The verdict on {count} chains

Made from `tests/support/chains/` by `make doc`; not to be edited by hand. `tests/link/` holds every
line: our verdict on the chain as it was sent; the same in a real handshake with a server that
sends it, where OpenSSL can serve such a leaf; and the verdict of `openssl verify` 3.0, asked as a
TLS client asks (for a server, at security level 2, with the intermediates as sent, at the entry's
time, for its host).

A verdict is `right`, or what is the matter: `no root` (no path leads to a known root at any time),
`time` (one does, at another time), `name` (subjectAltName does not hold the host). The system's
roots are judged likewise; what only they reach is told.
"""

_DIFFERENCES = """\
## Where the two differ

{count} of {all} entries. But for the very last second of a certificate, we take nothing that
OpenSSL refuses when it is shown the path alone.
"""


def render() -> str:
    """The whole document."""
    themes = corpus(_ANY_TIME)
    every = [it for entries in themes.values() for it in entries]
    parts = [_HEAD.format(count=len(every))]
    for theme, entries in themes.items():
        parts += [
            f"## {theme}\n",
            _table(("entry", "what it tries", "ours", "OpenSSL's", "because"), map(_row, entries)),
        ]
    differing = [it for it in every if it.name in DIFFERENCES]
    parts += [
        _DIFFERENCES.format(count=len(differing), all=len(every)),
        _table(("entry", "ours", "OpenSSL's", "why"), map(_difference, differing)),
        _unserved(every),
    ]
    return "\n".join(parts)


def _row(entry: Entry) -> tuple[str, ...]:
    why = entry.why
    if entry.added_reaches and entry.expected:
        why += "; a root that was added to the host is reached"
    return (entry.name, entry.tries, words(entry.expected), _openssl(entry), why)


def _difference(entry: Entry) -> tuple[str, ...]:
    because = DIFFERENCES[entry.name].because
    return (entry.name, words(entry.expected), _openssl(entry), because)


def _openssl(entry: Entry) -> str:
    difference = DIFFERENCES.get(entry.name)
    return f"**{words(difference.openssl)}**" if difference else words(entry.expected)


def _unserved(entries: Iterable[Entry]) -> str:
    rows = [(it.name, it.unserved) for it in entries if it.unserved]
    return "## Not served in a handshake\n\n" + _table(("entry", "why"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(_cell(it) for it in line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    """Text that Markdown takes as it stands."""
    return text.replace("|", "\\|") if "**" in text else text.replace("*", "\\*")


if __name__ == "__main__":
    TARGET.write_text(render())
