"""What a disk may hold after a power cut: all that was flushed, and any part of what was not.

A disk keeps no order between flushes, and a write of several sectors may be done in part.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.block_log import Entry, Flush, Mark, Write

_SECTOR = 4096
"""What a disk of today writes whole or not at all."""


@dataclass(frozen=True, slots=True)
class CrashState:
    """What the disk took, in its order, and the last version that was told to be durable.

    `kind` is for people: in order, flushed alone, or some of the rest in any order.
    """

    kind: str
    writes: tuple[Write, ...]
    acknowledged: int


def crash_states(log: Sequence[Entry], seed: int, most: int) -> list[CrashState]:
    """Give at most `most` different states of the disk that a power cut may leave.

    Those right before and after each flush and each word that something is durable come first.
    """
    chance = random.Random(seed)  # noqa: S311 - a sample that can be had again, no secret
    edges = [
        at + after for at, it in enumerate(log) if not isinstance(it, Write) for after in (0, 1)
    ]
    others = [at for at in range(len(log) + 1) if at not in edges]
    chance.shuffle(others)
    found: dict[tuple[tuple[int, int], ...], CrashState] = {}
    for at in [*edges, *others]:
        for state in _cut(log[:at], chance):
            key = tuple((write.offset, hash(write.data)) for write in state.writes)
            found.setdefault(key, state)
            # Of two cuts with the same content, the one after the word is the harder.
            if found[key].acknowledged < state.acknowledged:
                found[key] = state
    states = list(found.values())
    if len(states) > most:
        states = chance.sample(states, most)
    return states


def _cut(past: Sequence[Entry], chance: random.Random) -> Iterator[CrashState]:
    flushes = [at for at, it in enumerate(past) if isinstance(it, Flush)]
    safe = flushes[-1] + 1 if flushes else 0
    acknowledged = max((it.version for it in past if isinstance(it, Mark)), default=0)
    durable = tuple(it for it in past[:safe] if isinstance(it, Write))
    pending = [it for it in past[safe:] if isinstance(it, Write)]
    yield CrashState("flushed alone", durable, acknowledged)
    if not pending:
        return
    yield CrashState("in order", (*durable, *pending), acknowledged)
    for _ in range(6):
        some = chance.sample(pending, chance.randint(0, len(pending)))
        if some:
            some[-1] = _torn(some[-1], chance)
        yield CrashState("in part, in any order", (*durable, *some), acknowledged)


def _torn(write: Write, chance: random.Random) -> Write:
    """A write that ends at one of its sectors, as of a disk that lost its power meanwhile."""
    first = _SECTOR - write.offset % _SECTOR
    ends = range(first, len(write.data), _SECTOR)
    return Write(write.offset, write.data[: chance.choice(ends)]) if ends else write
