"""What is kept and told of each decision: state, history, journal, status file, metrics.

A disk that fails here does not stop the daemon: it goes on from memory and says what it cannot
do, once for as long as it lasts. In a dry run nothing is kept; only the status file is written.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepind.clock import Clock
from edgepind.host.disk_thread import DiskThread
from edgepind.inbox import Inbox
from edgepind.model.decision import Decision, Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.instants import Moment
from edgepind.model.observation import OperatorWord
from edgepind.model.rules import Rules
from edgepind.model.state import State
from edgepind.state.history import History
from edgepind.state.store import StateStore
from edgepind.telemetry.log import tell
from edgepind.telemetry.status_file import status_document, write_status


@dataclass(slots=True)
class Recorder:
    """Where one daemon keeps and tells; `shows` False: another daemon's status file is in use."""

    clock: Clock
    disk: DiskThread
    store: StateStore
    history: History
    inbox: Inbox
    runtime: Path
    textfile: str
    dry_run: bool
    shows: bool = True
    document: dict[str, Any] = field(default_factory=dict)
    """The status document as it was last made."""
    _failing: dict[str, str] = field(default_factory=dict)

    async def hear(self, state: State) -> tuple[OperatorWord, ...]:
        """Give the operator's words that were not heard yet, and reject what is none."""
        words = await self.inbox.read()
        if self.dry_run:
            return words.words
        self._note("the operator's words", words.error, state)
        for word in words.malformed:
            text = (
                f"{word.path} is no word of the operator on a pin: {word.reason}; it is set aside; "
                "say it again with `edgepind pin`."
            )
            tell((Event(None, Severity.WARNING, text),), state.finding, state.guard.posture)
        if words.malformed:
            await self.inbox.reject(words.malformed)
        return words.words

    async def keep(self, decision: Decision, now: Moment) -> None:
        """Remember the state durably and tell the events; then give up the words in that state."""
        state, failure = decision.state, None
        if decision.heard:
            self.inbox.take_in()
        else:
            self.inbox.hear_again()
        try:
            if not self.dry_run:
                boot = self.clock.boot_id()
                failure = await self.disk.run(self.store.save, state, now, boot)
                self._note("the state", failure, state)
        finally:
            # Also where the end comes meanwhile: the thread still saves, and no one else tells.
            told = self._tell(decision.events, state, now)
        await self._told(told, state)
        if failure is None and not self.dry_run:
            failure = await self.inbox.give_up()
            self._note("the removal of the operator's words", failure, state)

    async def tell(self, events: Sequence[Event], state: State, now: Moment) -> None:
        """Tell events to the journal, and to the history on disk."""
        await self._told(self._tell(events, state, now), state)

    def _tell(
        self, events: Sequence[Event], state: State, now: Moment
    ) -> Future[str | None] | None:
        """Tell the journal; what comes of it in the history is still to be waited for, if that."""
        if not events:
            return None
        tell(events, state.finding, state.guard.posture)
        return None if self.dry_run else self.disk.submit(self.history.append, events, now.wall)

    async def _told(self, told: Future[str | None] | None, state: State) -> None:
        if told is not None:
            # Shielded: what the journal was told the history must not miss.
            failure = await asyncio.shield(asyncio.wrap_future(told))
            self._note("the history", failure, state)

    async def show(self, state: State, now: Moment, rules: Rules) -> None:
        """Replace the status file, and the metrics where they are wanted."""
        self.document = status_document(state, now, rules, dry_run=self.dry_run)
        if not self.shows:
            return
        failure = await self.disk.run(write_status, self.runtime, self.document)
        self._note("the status file", failure, state)
        if self.textfile:
            failure = await self.disk.run(_measure, Path(self.textfile), state, now, rules)
            self._note("the metrics", failure, state)

    def _note(self, what: str, failure: str | None, state: State) -> None:
        """Tell that something cannot be written: once, and again when the reason changes."""
        before = self._failing.get(what)
        if failure is None:
            self._failing.pop(what, None)
        elif failure != before:
            self._failing[what] = failure
            text = f"{what.capitalize()} could not be kept on disk: {failure}"
            tell(
                (Event(EventName.WRITE_FAILED, Severity.ERR, text),),
                state.finding,
                state.guard.posture,
            )


def _measure(path: Path, state: State, now: Moment, rules: Rules) -> str | None:
    # Its library is paid for only where somebody wants the figures, and comes from a disk, too.
    from edgepind.telemetry.metrics import write_metrics  # noqa: PLC0415

    return write_metrics(path, state, now, rules)
