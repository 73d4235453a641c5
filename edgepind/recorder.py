"""Records each decision: state, history, journal, status file, metrics.

A disk that fails does not stop the daemon: it goes on from memory and reports what cannot be
written, once for as long as it lasts. In a dry run only the status file is written.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepind.clock import Clock
from edgepind.host.disk_thread import DiskThread
from edgepind.model.decision import Decision, Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.instants import Moment
from edgepind.model.observation import OperatorWord
from edgepind.model.rules import Rules
from edgepind.model.state import State
from edgepind.operator.pin_commands import Inbox
from edgepind.state.history import History
from edgepind.state.store import StateStore
from edgepind.telemetry.log import tell
from edgepind.telemetry.status_file import status_document, write_status

if TYPE_CHECKING:  # loaded only where [bundle] names keys, by `components`
    from edgepind.operator.bundle_inbox import BundleInbox


@dataclass(slots=True)
class Recorder:
    """Where one daemon records; `shows` False: the status file belongs to another daemon."""

    clock: Clock
    disk: DiskThread
    store: StateStore
    history: History
    inbox: Inbox
    runtime: Path
    textfile: str
    dry_run: bool
    bundles: "BundleInbox | None" = None
    shows: bool = True
    document: dict[str, Any] = field(default_factory=dict)
    """The last status document."""
    _failing: dict[str, str] = field(default_factory=dict)

    async def hear(self, state: State) -> tuple[OperatorWord, ...]:
        """Return the operator's commands that were not read yet, and the bundles not settled."""
        words: tuple[OperatorWord, ...] = await self._hear_pins(state)
        if self.bundles is None:
            return words
        bundles = await self.bundles.read(state)
        self._warn("bundles", self.bundles.error, state)
        self._warn("bundle.url", self.bundles.unheard, state)
        return (*words, *bundles)

    async def _hear_pins(self, state: State) -> tuple[OperatorWord, ...]:
        """The commands on pins; malformed ones are set aside."""
        words = await self.inbox.read()
        if self.dry_run:
            return words.words
        self._note("the operator's commands", words.error, state)
        for word in words.malformed:
            text = (
                f"{word.path} is not a command on a pin: {word.reason}; it is set aside; repeat "
                "the command with `edgepind pin`."
            )
            tell((Event(None, Severity.WARNING, text),), state.finding, state.guard.posture)
        if words.malformed:
            await self.inbox.reject(words.malformed)
        return words.words

    async def keep(self, decision: Decision, now: Moment) -> None:
        """Save the state durably and report the events; then remove the commands it contains."""
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
            # Also where this is cancelled: the thread still saves, and the events are not lost.
            told = self._tell(decision.events, state, now)
        await self._told(told, state)
        if failure is None and not self.dry_run:
            failure = await self.inbox.give_up()
            self._note("the removal of the operator's commands", failure, state)
            if self.bundles is not None:
                failure = await self.bundles.give_up(state)
                self._note("what became of a bundle", failure, state)

    async def tell(self, events: Sequence[Event], state: State, now: Moment) -> None:
        """Report events to the journal and to the history on disk."""
        await self._told(self._tell(events, state, now), state)

    def _tell(
        self, events: Sequence[Event], state: State, now: Moment
    ) -> Future[str | None] | None:
        """Report to the journal; the write of the history, if any, is still to be awaited."""
        if not events:
            return None
        tell(events, state.finding, state.guard.posture)
        return None if self.dry_run else self.disk.submit(self.history.append, events, now.wall)

    async def _told(self, told: Future[str | None] | None, state: State) -> None:
        if told is not None:
            # Shielded: what is in the journal must not be missing from the history.
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
        """Report that something cannot be written: once, and again when the reason changes."""
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

    def _warn(self, what: str, problem: str | None, state: State) -> None:
        """Report what is wrong with the sources of bundles, once for each reason."""
        before = self._failing.pop(what, None)
        if problem is None:
            return
        self._failing[what] = problem
        if problem != before:
            text = f"No signed bundle can be had now: {problem}; `edgepind check` tells more."
            tell((Event(None, Severity.WARNING, text),), state.finding, state.guard.posture)


def _measure(path: Path, state: State, now: Moment, rules: Rules) -> str | None:
    # Its library is loaded only where metrics are wanted, and in a thread, for it lies on a disk.
    from edgepind.telemetry.metrics import write_metrics  # noqa: PLC0415

    return write_metrics(path, state, now, rules)
