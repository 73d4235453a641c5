"""What the daemon has stored, as commands read it; nothing is written or locked.

`RUNTIME/status.json` is its last status, used only if it has the shape of CONTRACT section 9.
`STATE/state.json` holds what survives a restart. Pins to compare with are read from either, or
from the pinning config.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edgepind.cli.exit_code import ExitCode, demand_readable
from edgepind.clock import Clock
from edgepind.core.diagnosis import GOOD
from edgepind.core.problems import UNTRUE
from edgepind.core.time_floor import floor_at
from edgepind.effects.attributes import EdgeAccount, NoAccount
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.pinning_text import DocumentReading
from edgepind.formats import RefusedJson, parse_json, parse_rfc3339
from edgepind.host.bounded_read import NoFile, SmallFile, Unreadable, read_small_file
from edgepind.model.enums import Channel, Finding, Origin, PinKind, Posture, Role
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint
from edgepind.model.observation import DocumentRead
from edgepind.model.pin import Pin, accepted
from edgepind.model.state import AddressVerdict, State
from edgepind.settings.schema import EdgeSettings, PathsSettings, Settings, rules_of
from edgepind.state.envelope import Broken, open_state
from edgepind.state.store import LONGEST as LARGEST_STATE
from edgepind.telemetry.status_file import NAME, SCHEMA

START = "start it with `systemctl start edgepind`"

STALE_AFTER = 3
"""A daemon that has not written for this many intervals counts as gone."""

_LARGEST_STATUS = 1 << 20
"""Octets; the file has a few thousand."""

_TEXT = (str,)
_TEXT_OR_NONE = (str, type(None))
_POSTURE, _FINDING, _CHANNEL = (frozenset(map(str, kind)) for kind in (Posture, Finding, Channel))
_KIND, _ROLE, _ORIGIN = (frozenset(map(str, kind)) for kind in (PinKind, Role, Origin))
_SHAPE: Mapping[str, Any] = {
    "written_at": _TEXT,
    "version": _TEXT,
    "pid": (int,),
    "posture": _POSTURE,
    "posture_since": _TEXT_OR_NONE,
    "posture_until": _TEXT_OR_NONE,
    "reason": _TEXT,
    "finding": _FINDING | {None},
    "lockout": (bool,),
    "dry_run": (bool,),
    "pins": [
        {
            "fingerprint": _TEXT,
            "kind": _KIND,
            "role": _ROLE,
            "origin": _ORIGIN,
            "since": _TEXT,
            "sightings": (int,),
            "accepted_after": _TEXT_OR_NONE,
        }
    ],
    "addresses": [
        {
            "address": _TEXT,
            "fingerprint": _TEXT_OR_NONE,
            "verdict": _FINDING,
            "error": _TEXT_OR_NONE,
            "leaves": [_TEXT],
        }
    ],
    "problems": [{"id": _TEXT, "what": _TEXT, "remedy": _TEXT}],
    "forecast": {"from": _TEXT_OR_NONE, "to": _TEXT_OR_NONE},
    "status_endpoint": {"ok": (bool,), "channel": _CHANNEL, "error": _TEXT_OR_NONE},
    "clock": {"trusted": (bool,), "error_ms": (int, float, type(None)), "source": _TEXT},
    "edge": {
        "active": (bool, type(None)),
        "restart_owed": (bool,),
        "written": (bool,),
        "restarts_in_window": (int,),
        "loaded": (bool,),
    },
    "next_tick_at": _TEXT_OR_NONE,
    "ticks": (int,),
}
"""CONTRACT section 9: types in a tuple, words in a set; a list holds any number of its shape."""

StatusDocument = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotStored:
    """There is nothing to read; `error` is a sentence that says what to do."""

    error: str


def read_status(runtime: Path) -> StatusDocument | NotStored:
    """Read the last status. Raises PermissionError where this user may not."""
    path = runtime / NAME
    demand_readable(path)
    match read_small_file(path, _LARGEST_STATUS):
        case NoFile():
            return NotStored(f"no daemon has written {path}; {START}")
        case Unreadable(error):
            return NotStored(error)
        case SmallFile(content):
            document = _document(content)
            if isinstance(document, dict):
                return document
            return NotStored(
                f"{path} is not a status of this version: {document}; restart the daemon"
            )


def written_at(document: Mapping[str, Any]) -> datetime | None:
    """When it was written; None if that is not a time of RFC 3339."""
    return parse_rfc3339(document.get("written_at"))


def is_stale(document: Mapping[str, Any], now: datetime, interval: float) -> bool:
    """Whether no daemon has written within three intervals (`interval` in seconds).

    A time as far in the future is stale as well.
    """
    written = written_at(document)
    return written is None or abs((now - written).total_seconds()) > STALE_AFTER * interval


def status_exit(document: Mapping[str, Any], now: datetime, interval: float) -> ExitCode:
    """The exit code of `edgepind status` for this document at `now`."""
    if is_stale(document, now, interval):
        return ExitCode.UNOBSERVED
    good = (
        document["posture"] == Posture.ENFORCING
        and document["finding"] in GOOD
        and not document["lockout"]
        and document["edge"]["written"]
        and not document["edge"]["restart_owed"]
        and UNTRUE.isdisjoint(it["id"] for it in document["problems"])
    )
    return ExitCode.GOOD if good else ExitCode.BAD


def _document(content: bytes) -> StatusDocument | str:
    """The document in `content`, or a clause that says why it is invalid."""
    parsed = parse_json(content)
    if isinstance(parsed, RefusedJson):
        return parsed.reason
    value = parsed.value
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        return f"its schema is not {SCHEMA}"
    return _misfit(value, _SHAPE, "status") or value


def _misfit(value: object, shape: Any, at: str) -> str | None:
    match shape:
        case tuple():
            exact = type(value) in shape  # a bool is not a number here
            return None if exact else f"{at} has the wrong type"
        case frozenset():
            known = isinstance(value, str | None) and value in shape
            return None if known else f"{at} is not one of the known words"
        case [each]:
            if not isinstance(value, list):
                return f"{at} is not a list"
            return next(filter(None, (_misfit(it, each, at) for it in value)), None)
        case _:
            if not isinstance(value, dict):
                return f"{at} is not an object"
            misfits = (_misfit(value.get(key), kind, f"{at}.{key}") for key, kind in shape.items())
            return next(filter(None, misfits), None)


# --- the state ------------------------------------------------------------------------------


def read_state(folder: Path, clock: Clock) -> State | NotStored:
    """The state as it was saved last. Raises PermissionError where this user may not read it."""
    path = folder / "state.json"
    demand_readable(path)
    match read_small_file(path, LARGEST_STATE):
        case NoFile():
            return NotStored(f"no daemon has stored a state in {folder} yet; {START}")
        case Unreadable(error):
            return NotStored(error)
        case SmallFile(content):
            opened = open_state(content, clock.now(), clock.boot_id())
            if isinstance(opened, Broken):
                return NotStored(
                    f"{path} cannot be used: {opened.reason}; the daemon moves it aside "
                    "when it starts"
                )
            return opened.state


def remember(paths: PathsSettings, clock: Clock) -> State | NotStored:
    """The state with what the last tick saw at each address, as far as that is known.

    Raises PermissionError where this user may not read it.
    """
    state = read_state(paths.state, clock)
    if isinstance(state, NotStored):
        return state
    document = read_status(paths.runtime)
    seen = () if isinstance(document, NotStored) else _addresses(document)
    return replace(state, addresses=seen or _seen_last(state))


def _addresses(document: StatusDocument) -> tuple[AddressVerdict, ...]:
    return tuple(
        AddressVerdict(
            it["address"],
            Finding(it["verdict"]),
            next(_fingerprints([it["fingerprint"]]), None),
            it["error"],
            leaves=tuple(_fingerprints(it["leaves"])),
        )
        for it in document["addresses"]
    )


def _fingerprints(values: Iterable[Any]) -> Iterator[Fingerprint]:
    read = map(parse_fingerprint, values)
    yield from (it for it in read if isinstance(it, Fingerprint))


def _seen_last(state: State) -> tuple[AddressVerdict, ...]:
    """Without a status: the pins that were live and have not been missed since."""
    return tuple(
        AddressVerdict("last seen", Finding.PINNED, pin.fingerprint)
        for pin in state.pins
        if pin.accepted and pin.ever_live and not pin.unseen
    )


# --- pins to compare with -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PinsAtHand:
    """Pins, and where they were read (a clause); `floor` as in the daemon's state."""

    pins: tuple[Pin, ...] = ()
    source: str = "nowhere"
    floor: datetime | None = None


def read_pinning_config(edge: EdgeSettings) -> DocumentReading:
    """The Edge's pinning config as the daemon reads it; nothing is written or moved aside."""
    return keeper_of(edge, NoAccount()).read()


def keeper_of(edge: EdgeSettings, account: EdgeAccount) -> DocumentKeeper:
    """What reads the pinning config, and leaves no copy of it; `account` is the Edge's."""
    return DocumentKeeper(
        edge.pinning_config, edge.owner, edge.mode, account=lambda: account, looks_only=True
    )


def pins_at_hand(settings: Settings, reading: DocumentReading, clock: Clock) -> PinsAtHand:
    """The pins of the first source that can be read and holds an accepted one."""
    sources: tuple[Callable[[], PinsAtHand], ...] = (
        lambda: _from_state(settings, clock),
        lambda: _from_status(settings),
        lambda: _from_document(settings, reading, clock),
    )
    for source in sources:
        try:
            found = source()
        except PermissionError:
            continue  # another source may be readable
        if accepted(found.pins):
            return found
    return PinsAtHand()


def _from_state(settings: Settings, clock: Clock) -> PinsAtHand:
    state = read_state(settings.paths.state, clock)
    if isinstance(state, NotStored):
        return PinsAtHand()
    floor = floor_at(state, rules_of(settings), clock.now())
    return PinsAtHand(state.pins, "the daemon's state", floor)


def _from_status(settings: Settings) -> PinsAtHand:
    document = read_status(settings.paths.runtime)
    if isinstance(document, NotStored):
        return PinsAtHand()
    return PinsAtHand(tuple(_shown(document["pins"])), "the daemon's status")


def _shown(pins: list[dict[str, str]]) -> Iterator[Pin]:
    for pin in pins:
        fingerprint, since = parse_fingerprint(pin["fingerprint"]), parse_rfc3339(pin["since"])
        if isinstance(fingerprint, Fingerprint) and since is not None:
            kind, role, origin = PinKind(pin["kind"]), Role(pin["role"]), Origin(pin["origin"])
            yield Pin(fingerprint, kind, role, origin, since)


def _from_document(settings: Settings, reading: DocumentReading, clock: Clock) -> PinsAtHand:
    document = reading.document
    if not isinstance(document, DocumentRead):
        return PinsAtHand()
    kind, since = settings.pins.kind, clock.now().wall
    roles = {document.current: Role.CURRENT}
    pins = (
        Pin(it, kind, roles.get(it, Role.BACKUP), Origin.DOCUMENT, since)
        for it in document.accepted
    )
    return PinsAtHand(tuple(pins), "the pinning config")
