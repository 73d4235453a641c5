"""The operator's words on pins, from the file that was found to the state that was saved.

A word is given up only once a saved state contains it: until then its file stays, and a daemon
that is killed hears it again. Within one run it is heard once.
"""

from pathlib import Path

from edgepind.host.disk_thread import DiskThread
from edgepind.operator.pin_commands import (
    MalformedWord,
    Words,
    read_words,
    remove_words,
    set_words_aside,
)


class Inbox:
    """The words under the state folder `state`, read and removed in the thread of its disk."""

    def __init__(self, state: Path, disk: DiskThread) -> None:
        self._state = state
        self._disk = disk
        self._heard: tuple[Path, ...] = ()
        self._taken_in: tuple[Path, ...] = ()
        self._rejected: tuple[Path, ...] = ()

    async def read(self) -> Words:
        """Read the words that were not heard in this run, in their order."""
        known = frozenset((*self._heard, *self._taken_in, *self._rejected))
        words = await self._disk.run(read_words, self._state, known)
        self._heard += words.files
        return words

    def take_in(self) -> None:
        """Note that the state in memory contains by now what was heard."""
        self._taken_in, self._heard = (*self._taken_in, *self._heard), ()

    def hear_again(self) -> None:
        """Note that no decision came of what was heard: the next look reads it anew."""
        self._heard = ()

    async def give_up(self) -> str | None:
        """Remove what was taken in, since a saved state contains it. A sentence, where one stays.

        It is tried again the next time.
        """
        if not self._taken_in:
            return None
        left = await self._disk.run(remove_words, self._taken_in)
        self._taken_in = left.files if left else ()
        return left.error if left else None

    async def reject(self, malformed: tuple[MalformedWord, ...]) -> None:
        """Set aside what is no word; where that fails, it is looked at no more in this run."""
        self._rejected += tuple(word.path for word in malformed)
        await self._disk.run(set_words_aside, malformed)
