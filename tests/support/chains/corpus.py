"""The whole corpus: every family, in the order of the table that is made of it."""

from collections.abc import Callable, Iterator
from datetime import datetime

from tests.support.chains import constraints, crossed, depth, keys, names, paths, times, usages
from tests.support.chains.entry import Entry

FAMILIES: dict[str, Callable[[datetime], Iterator[Entry]]] = {
    "Path building": paths.entries,
    "Cross-signing": crossed.entries,
    "Names": names.entries,
    "Constraints": constraints.entries,
    "Times": times.entries,
    "Key usages": usages.entries,
    "Depth and size": depth.entries,
    "Keys and signatures": keys.entries,
}
"""Themes, for people, and what makes their entries."""


def corpus(now: datetime) -> dict[str, tuple[Entry, ...]]:
    """Make every chain, as if it were `now` (whole seconds), by theme; some 2 s of CPU."""
    return {theme: tuple(entries(now)) for theme, entries in FAMILIES.items()}
