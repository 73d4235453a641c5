"""What the daemon remembers, read without disturbing it or anything that it keeps.

`STATE/state.json` holds what survives a restart; what the last tick saw stands in the status
file alone. Together they are what the daemon would decide by now.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from edgepind.cli.permission import demand_readable
from edgepind.cli.status_document import NoStatus, StatusDocument, read_status
from edgepind.clock import Clock
from edgepind.host.small_file import NoFile, SmallFile, TooLarge, Unreadable, read_small_file
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint
from edgepind.model.state import AddressVerdict, State
from edgepind.model.words import Finding
from edgepind.settings.schema import PathsSettings
from edgepind.state.envelope import Broken, open_state

_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NoMemory:
    """There is no state to go by; `error` is a sentence that says what to do."""

    error: str


def read_state(folder: Path, clock: Clock) -> State | NoMemory:
    """The state as it was saved last. Raises PermissionError where this user may not read it."""
    path = folder / "state.json"
    demand_readable(path)
    match read_small_file(path, _LARGEST):
        case NoFile():
            return NoMemory(f"no daemon has kept a state in {folder} yet; start edgepind first")
        case Unreadable(error) | TooLarge(error):
            return NoMemory(error)
        case SmallFile(content):
            opened = open_state(content, clock.now(), clock.boot_id())
            if isinstance(opened, Broken):
                return NoMemory(
                    f"{path} cannot be used: {opened.reason}; the daemon sets it aside when it "
                    "starts"
                )
            return opened.state


def remember(paths: PathsSettings, clock: Clock) -> State | NoMemory:
    """The state with what the last tick saw at each address, as far as that can be known.

    Raises PermissionError where this user may not read it.
    """
    state = read_state(paths.state, clock)
    if isinstance(state, NoMemory):
        return state
    document = read_status(paths.runtime)
    seen = () if isinstance(document, NoStatus) else _addresses(document)
    return replace(state, addresses=seen or _seen_last(state))


def _addresses(document: StatusDocument) -> tuple[AddressVerdict, ...]:
    return tuple(
        AddressVerdict(it["address"], Finding(it["verdict"]), _fingerprint(it), it["error"])
        for it in document["addresses"]
    )


def _fingerprint(address: StatusDocument) -> Fingerprint | None:
    fingerprint = parse_fingerprint(address["fingerprint"])
    return fingerprint if isinstance(fingerprint, Fingerprint) else None


def _seen_last(state: State) -> tuple[AddressVerdict, ...]:
    """Where no status tells of a look, the pins that were live and have not been gone since."""
    return tuple(
        AddressVerdict("where it was seen last", Finding.PINNED, pin.fingerprint)
        for pin in state.pins
        if pin.accepted and pin.ever_live and not pin.unseen
    )
