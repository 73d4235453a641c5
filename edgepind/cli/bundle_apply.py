"""`edgepind bundle apply FILE`: hands a bundle to the daemon, and says what became of it.

It is put into the drop folder, for the running daemon or, where none runs, for one tick of this
process. What is refused is told before, with the rules of the daemon.
"""

import asyncio
import signal
import time

from edgepind.bundle.keys import read_keys
from edgepind.bundle.verify import verified
from edgepind.cli.exit_code import ExitCode, may_not_write
from edgepind.cli.render import complain
from edgepind.cli.running_daemon import daemon_at_work, found_within, shown
from edgepind.cli.stored_state import NotStored, StatusDocument, remember
from edgepind.clock import SystemClock
from edgepind.core.bundles import Objection, objection_to
from edgepind.core.tick import Tick
from edgepind.host.durable_file import NotReplaced, remove
from edgepind.model.bundle import RefusedBundle, SignedBundle
from edgepind.model.observation import Observations
from edgepind.model.state import State
from edgepind.operator.bundle_inbox import put_bundle
from edgepind.settings.schema import Settings, rules_of

_PATIENCE = 15.0
"""Seconds in which a running daemon should have taken it."""
_FOLDER_MODE = 0o755


def apply_bundle(settings: Settings, content: bytes) -> ExitCode:
    """Have it taken. Raises PermissionError where this user may not ask."""
    state = settings.paths.state
    daemon_at_work(state)
    word = _verified(settings, content)
    if isinstance(word, Objection):
        complain(f"the bundle is refused: {word.reason}; {word.remedy}")
        return ExitCode.BAD
    objection = _objection(settings, word)
    if objection is not None and not objection.waits:
        complain(f"the bundle is refused: {objection.reason}; {objection.remedy}")
        return ExitCode.BAD
    state.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
    path = put_bundle(state, content)
    if isinstance(path, NotReplaced):
        complain(path.error)
        return ExitCode.NOT_PERMITTED if may_not_write(state) else ExitCode.BAD
    if objection is not None:
        complain(f"the bundle is not taken yet: {objection.reason}; {objection.remedy}")
        return ExitCode.BAD
    outcome = _see_it_taken(settings, word)
    if isinstance(outcome, ExitCode):
        remove(path)
        return outcome
    return outcome_of(word, outcome)


def _verified(settings: Settings, content: bytes) -> SignedBundle | Objection:
    keys = read_keys(settings.bundle.keys, settings.paths.state)
    for refused in keys.refused:
        complain(refused.error)
    if not keys.keys:
        return Objection("no key may sign", "name one in bundle.keys, and `edgepind reload`")
    word = verified(content, keys.keys, "folder")
    return Objection(word.reason, word.remedy) if isinstance(word, RefusedBundle) else word


def _objection(settings: Settings, word: SignedBundle) -> Objection | None:
    """Why it will be refused, by what is stored; the tick decides again."""
    clock = SystemClock()
    state = remember(settings.paths, clock)
    state = State() if isinstance(state, NotStored) else state
    tick = Tick(Observations(rules_of(settings)), clock.now(), 0.0, state.clock)
    return objection_to(state, word, tick)


def _see_it_taken(settings: Settings, word: SignedBundle) -> StatusDocument | ExitCode | None:
    """What the status shows then; None where nobody took it in time."""
    # Only this way needs the daemon.
    from edgepind.components import StartRefused  # noqa: PLC0415
    from edgepind.daemon import tick_once  # noqa: PLC0415

    state, ends = settings.paths.state, time.monotonic() + _PATIENCE
    while (left := ends - time.monotonic()) > 0:
        daemon = daemon_at_work(state)
        if daemon is not None:
            daemon.signal(signal.SIGUSR1)
            document = asyncio.run(
                found_within(
                    left,
                    "the daemon takes the bundle",
                    lambda: (
                        shown(settings.paths.runtime, lambda it: _is_taken(word, it))
                        or _gone(settings)
                    ),
                )
            )
            if document:
                return document
            continue
        made = tick_once(settings, dry_run=False, clock=SystemClock(), offline=True)
        if not isinstance(made, StartRefused):
            return made
        if not made.held:
            complain(made.error)
            return ExitCode.NOT_PERMITTED if made.forbidden else ExitCode.BAD
    return None


def _gone(settings: Settings) -> StatusDocument | None:
    """An empty document where the daemon has ended, so that nobody waits for it."""
    return {} if daemon_at_work(settings.paths.state) is None else None


def _is_taken(word: SignedBundle, document: StatusDocument) -> bool:
    bundle = document.get("bundle") or {}
    return bundle.get("digest") == word.digest or (bundle.get("serial") or 0) > word.bundle.serial


def outcome_of(word: SignedBundle, document: StatusDocument | None) -> ExitCode:
    """Say what became of it."""
    serial = word.bundle.serial
    if document is None or not _is_taken(word, document):
        why = ((document or {}).get("bundle") or {}).get("rejected")
        told = f": {why}" if why else ""
        complain(f"the bundle {serial} is not in force{told}; `edgepind history` tells more")
        return ExitCode.BAD
    print(f"The bundle {serial} is in force; `edgepind pin list` shows the pins.")
    if document["edge"]["restart_owed"]:
        print("The Edge loads them with the restart that it is owed: see `edgepind status`.")
    return ExitCode.GOOD
