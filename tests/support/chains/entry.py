"""What an entry of the corpus says: a chain, whom to hold it against, and what must come out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tests.support.chains.forge import HOST, Certified


class Fault(StrEnum):
    """What is the matter with a chain; each is found apart from the others."""

    ROOT = "no root"
    TIME = "time"
    NAME = "name"


Verdict = frozenset[Fault]
"""All that is the matter; empty: the chain is right. Time is asked only where a root is reached."""

RIGHT: Verdict = frozenset()
NO_ROOT: Verdict = frozenset({Fault.ROOT})
OUT_OF_TIME: Verdict = frozenset({Fault.TIME})
OTHER_NAME: Verdict = frozenset({Fault.NAME})


@dataclass(frozen=True, slots=True)
class Entry:
    """One chain. `sent` has the leaf first; `roots` are the public ones, `added` the host's own.

    `tries` says what is hazardous and `why` what makes `expected` right, a clause each.
    `added_reaches` is whether a root in `added` (or in `roots`) is reached. Without `serves` no
    server of OpenSSL's can show this leaf, and `unserved` says why.
    """

    name: str
    tries: str
    sent: tuple[Certified, ...]
    roots: tuple[Certified, ...]
    expected: Verdict
    why: str
    at: datetime
    host: str = HOST
    added: tuple[Certified, ...] = ()
    added_reaches: bool = False
    unserved: str = ""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates as a server sends them, DER."""
        return tuple(it.der for it in self.sent)


def words(verdict: Verdict) -> str:
    """A verdict for people: "right", or what is the matter."""
    return ", ".join(fault for fault in Fault if fault in verdict) or "right"
