"""What is kept and told of each decision: state, history, journal, status file, metrics.

A disk that fails here does not stop the daemon: it goes on from memory and says what it cannot
do, once for as long as it lasts. In a dry run nothing is kept; only the status file is written.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepind.clock import Clock
from edgepind.effects.word_files import remove_words, set_words_aside
from edgepind.host.disk_thread import DiskThread
from edgepind.model.decision import Decision
from edgepind.model.event import Event
from edgepind.model.moment import Moment
from edgepind.model.rules import Rules
from edgepind.model.state import State
from edgepind.model.words import EventName, Severity
from edgepind.observe.operator_words import Words
from edgepind.state.history import History
from edgepind.state.store import StateStore
from edgepind.telemetry.status_file import status_document, write_status
from edgepind.telemetry.tell import tell


@dataclass(slots=True)
class Record:
    """Where one daemon keeps and tells; `shows` False: another daemon's status file is in use."""

    clock: Clock
    disk: DiskThread
    store: StateStore
    history: History
    runtime: Path
    textfile: str
    dry_run: bool
    shows: bool = True
    document: dict[str, Any] = field(default_factory=dict)
    """The status document as it was last made."""
    _failing: dict[str, str] = field(default_factory=dict)

    async def keep(self, decision: Decision, now: Moment) -> None:
        """Remember the state durably, then tell the events."""
        if not self.dry_run:
            boot = self.clock.boot_id()
            failure = await self.disk.run(self.store.save, decision.state, now, boot)
            self._note("the state", failure, decision.state)
        await self.tell(decision.events, decision.state, now)

    async def tell(self, events: Sequence[Event], state: State, now: Moment) -> None:
        """Tell events to the journal, and to the history on disk."""
        if not events:
            return
        tell(events, state.finding, state.guard.posture)
        if not self.dry_run:
            # Shielded: what the journal was told the history must not miss.
            failure = await asyncio.shield(self.disk.run(self.history.append, events, now.wall))
            self._note("the history", failure, state)

    async def show(self, state: State, now: Moment, rules: Rules) -> None:
        """Replace the status file, and the metrics where they are wanted."""
        self.document = status_document(state, now, rules, dry_run=self.dry_run)
        if not self.shows:
            return
        failure = await self.disk.run(write_status, self.runtime, self.document)
        self._note("the status file", failure, state)
        if self.textfile:
            # Its library is paid for only where somebody wants the figures.
            from edgepind.telemetry.metrics import write_metrics  # noqa: PLC0415

            failure = await self.disk.run(write_metrics, Path(self.textfile), state, now, rules)
            self._note("the metrics", failure, state)

    async def forget_words(self, words: Words, state: State) -> None:
        """Remove the operator's words that the saved state has learned of, and what is none."""
        if self.dry_run:
            return
        for word in words.malformed:
            text = (
                f"{word.path} is no word of the operator on a pin: {word.reason}; it is set aside; "
                "say it again with `edgepind pin`."
            )
            tell((Event(None, Severity.WARNING, text),), state.finding, state.guard.posture)
        if words.malformed:
            await self.disk.run(set_words_aside, words.malformed)
        failure = words.error
        if words.files:
            failure = await self.disk.run(remove_words, words.files)
        self._note("the operator's words", failure, state)

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
