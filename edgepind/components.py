"""Builds the daemon's components from its settings, and replaces them when the settings change.

What cannot be built is a value that says why: a second daemon on the same state, a folder that
cannot be made, roots that cannot be read.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edgepind.clock import Clock
from edgepind.core.invariants import faults_of_pins
from edgepind.effects.appliance import Appliance, DryAppliance, LocalAppliance
from edgepind.effects.executor import Executor
from edgepind.effects.helper_appliance import HelperAppliance, helper_socket
from edgepind.host.disk_thread import DiskThread, run_aside
from edgepind.model.action import OverrideNotRemoved, OverrideRemoved
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.state import State
from edgepind.observer import Observer
from edgepind.operator.override_file import remove_override
from edgepind.operator.pin_commands import Inbox
from edgepind.reconciler import Reconciler
from edgepind.recorder import Recorder
from edgepind.settings.schema import Settings, rules_of
from edgepind.state.history import History
from edgepind.state.lock import Held, NotLockable, StateLock, take_lock
from edgepind.state.store import Damaged, Fresh, Loaded, StateStore
from edgepind.telemetry.log import set_up_log

if TYPE_CHECKING:
    from edgepind.operator.bundle_inbox import BundleInbox

_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class StartRefused:
    """Why the daemon cannot be built: a sentence with the remedy.

    `forbidden`: for want of rights. `held`: another process has the state folder. `misset`: what
    the settings name cannot be used.
    """

    error: str
    forbidden: bool = False
    held: bool = False
    misset: bool = False


@dataclass(slots=True)
class Components:
    """The running daemon's parts; new settings give `reconciler` a new observer and executor."""

    settings: Settings
    clock: Clock
    reconciler: Reconciler
    recorder: Recorder
    appliance: Appliance
    lock: StateLock | None
    dry_run: bool
    beginnings: tuple[Event, ...]
    """What is reported before the first tick."""

    async def close(self) -> None:
        """Close and release everything."""
        await self.reconciler.observer.close()
        self.appliance.close()
        self.recorder.disk.close()
        if self.lock is not None:
            self.lock.release()


async def build(settings: Settings, clock: Clock, *, dry_run: bool) -> Components | StartRefused:
    """Build the components, or say why that cannot be done.

    What waits for a disk does so in a thread: cancelled, only such threads are left.
    """
    disk = DiskThread("records")
    lock = await disk.run(_prepare, settings, dry_run=dry_run)
    if isinstance(lock, StartRefused):
        disk.dismiss()
        return lock
    wired = await run_aside(_Wired, settings, disk, clock, dry_run=dry_run)
    if wired.faults:
        wired.appliance.close()
        disk.dismiss()
        if isinstance(lock, StateLock):
            lock.release()
        return StartRefused(wired.faults, misset=True)
    set_up_log(settings.log, lambda: clock.now().wall)
    store = StateStore(settings.paths.state, settings.cloud.host)
    history = History(settings.paths.state)
    keeps = isinstance(lock, StateLock) and not dry_run
    state, beginnings = await disk.run(_load, store, history, clock, keeps=keeps)
    recorder = Recorder(
        clock=clock,
        disk=disk,
        store=store,
        history=history,
        inbox=Inbox(settings.paths.state, disk),
        runtime=settings.paths.runtime,
        textfile=settings.metrics.textfile,
        dry_run=dry_run,
        bundles=wired.bundles,
        shows=not isinstance(lock, Held),
    )
    reconciler = Reconciler(clock, wired.observer, wired.executor, recorder, state)
    held = lock if isinstance(lock, StateLock) else None
    return Components(
        settings, clock, reconciler, recorder, wired.appliance, held, dry_run, beginnings
    )


async def rebuild(running: Components, settings: Settings) -> str | None:
    """Put new settings in force between two ticks; a clause, where that cannot be done."""
    if settings.paths != running.settings.paths:
        return "paths.state and paths.runtime cannot change while the daemon runs; restart it"
    disk, clock = running.recorder.disk, running.clock
    wired = await run_aside(_Wired, settings, disk, clock, dry_run=running.dry_run)
    if wired.faults:
        await wired.observer.close()
        wired.appliance.close()
        return wired.faults
    old_observer, old_appliance = running.reconciler.observer, running.appliance
    set_up_log(settings.log, lambda: clock.now().wall)
    running.settings, running.appliance = settings, wired.appliance
    running.recorder.textfile = settings.metrics.textfile
    running.recorder.bundles = wired.bundles
    running.recorder.store.cloud = settings.cloud.host
    running.reconciler.observer = wired.observer
    running.reconciler.executor = wired.executor
    old_appliance.close()
    await old_observer.close()
    return None


class _Wired:
    """What new settings replace: the appliance, the observer and the executor.

    To be made in a thread: roots are read and modules loaded. `faults` is a clause, "" for none.
    """

    def __init__(
        self, settings: Settings, disk: DiskThread, clock: Clock, *, dry_run: bool
    ) -> None:
        self.appliance = _appliance(settings, clock, dry_run=dry_run)
        self.bundles = _bundles(settings, self.appliance, disk, clock)
        self.observer = Observer(
            settings, rules_of(settings), self.appliance, disk, clock, self.bundles
        )
        self.executor = _executor(settings, self.appliance, disk, dry_run=dry_run)
        self.faults = "; ".join(fault.error for fault in self.observer.faults)


def _prepare(settings: Settings, *, dry_run: bool) -> StateLock | Held | NotLockable | StartRefused:
    """Make the folders and take the lock; a dry run goes on without it."""
    paths = settings.paths
    for folder in (paths.runtime,) if dry_run else (paths.state, paths.runtime):
        try:
            folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            return StartRefused(
                f"the folder {folder} cannot be made: {error.strerror}; make it and give it to "
                "the user that edgepind runs as, or correct [paths]",
                forbidden=isinstance(error, PermissionError),
            )
    lock = take_lock(paths.state)
    if isinstance(lock, StateLock) or dry_run:
        return lock
    taken = isinstance(lock, Held)
    return StartRefused(lock.error, forbidden=not taken, held=taken)


def _appliance(settings: Settings, clock: Clock, *, dry_run: bool) -> Appliance:
    edge, helper = settings.edge, helper_socket(settings)

    def wall() -> datetime:
        return clock.now().wall

    real: Appliance
    if helper:
        real = HelperAppliance(helper, edge, wall, looks_only=dry_run)
    else:
        real = LocalAppliance(edge, wall, looks_only=dry_run)
    return DryAppliance(real, edge.unit) if dry_run else real


def _bundles(
    settings: Settings, appliance: Appliance, disk: DiskThread, clock: Clock
) -> "BundleInbox | None":
    """None, and nothing of it loaded, where no key may sign."""
    if not settings.bundle.keys:
        return None
    from edgepind.bundle.keys import read_keys  # noqa: PLC0415
    from edgepind.operator.bundle_inbox import BundleInbox  # noqa: PLC0415

    def wall() -> datetime:
        return clock.now().wall

    keys = read_keys(settings.bundle.keys, settings.paths.state)
    return BundleInbox(settings.paths.state, keys, disk, appliance.keep_serial, wall)


def _executor(
    settings: Settings, appliance: Appliance, disk: DiskThread, *, dry_run: bool
) -> Executor:
    async def remove() -> OverrideRemoved | OverrideNotRemoved:
        if dry_run:
            return OverrideRemoved()
        return await disk.run(remove_override, settings.paths.runtime, settings.paths.state)

    return Executor(appliance, settings.edge.ready_command, remove)


def _load(
    store: StateStore, history: History, clock: Clock, *, keeps: bool
) -> tuple[State, tuple[Event, ...]]:
    """The stored state, and the events about it. `keeps`: this daemon writes there.

    A history is begun only beside a saved state, so that one without a state means that the state
    was lost, and not that this is the first start.
    """
    now, boot = clock.now(), clock.boot_id()
    found = store.load(now, boot)
    if isinstance(found, Fresh) and history.is_there():
        found = Damaged(None, "there is a history of events, but no state", None)
    match found:
        case Loaded(state):
            faults = tuple(faults_of_pins(state))
            if not faults:
                return state, ()
            # Intact, but its pins violate an invariant: every decision on it would be dropped.
            return _resume(None, f"its pins are invalid: {'; '.join(faults)}", None)
        case Fresh():
            if keeps:
                store.save(State(), now, boot)  # a failure is reported with the first decision
            return State(), ()
        case Damaged(recovered, reason, set_aside):
            if recovered is not None and any(faults_of_pins(recovered)):
                recovered = None
            return _resume(recovered, reason, set_aside)


def _resume(
    recovered: State | None, reason: str, set_aside: Path | None
) -> tuple[State, tuple[Event, ...]]:
    """Go on without the stored state."""
    kept = f"; it is kept as {set_aside}" if set_aside else ""
    instead = "the generation before it is used" if recovered else "the pinning config is used"
    text = (
        f"The stored state cannot be used: {reason}{kept}; {instead} in its place; what stands "
        "there beside the current pin lapses unless it is live or announced: compare `edgepind pin "
        "list` with what you expect, and `edgepind pin add` what is to stay."
    )
    event = Event(EventName.STATE_DAMAGED, Severity.ERR, text)
    return replace(recovered or State(), resumed_after_damage=True), (event,)
