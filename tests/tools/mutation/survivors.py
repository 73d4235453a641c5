"""Mutants that no test noticed, and the reasons why they change nothing (`survivors.toml`)."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

_REASONS = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed: where, and the lines that differ."""

    where: str
    was: str
    now: str


@dataclass(frozen=True)
class Reason:
    """Why some mutants change nothing. `where` and `now` are patterns (`re`) for all of a text."""

    where: str
    now: str
    why: str

    def holds_for(self, it: Survivor) -> bool:
        """Whether it is the reason for `it`."""
        return bool(re.fullmatch(self.where, it.where) and re.fullmatch(self.now, it.now))


def read_reasons() -> list[Reason]:
    """All reasons that somebody has given."""
    return [Reason(**it) for it in tomllib.loads(_REASONS.read_text())["reason"]]
