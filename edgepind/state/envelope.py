"""The state as a file: schema, checksum, when it was sealed, and the state itself.

Instants inside are readings of a clock that starts anew at each boot; opening after a reboot
moves them, so that what had lasted an hour has lasted an hour and the time since. The wall
clock counts for that only forwards: one that stands before the seal makes nothing older.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edgepind.formats import RefusedJson, foreign_text, parse_json
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.state import State, Upgrade
from edgepind.state.codec import Misfit, Move, decode, encode, unmoved
from edgepind.state.migration import OLDEST, migrate

SCHEMA = 5
_CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class Seal:
    """When the state was sealed, by both clocks; on which boot, and by which release.

    `boot` is "" where the kernel does not name it: such readings compare with no other.
    """

    boot: str
    monotonic: Monotonic
    wall: datetime
    version: str

    @property
    def booted(self) -> datetime:
        """What the wall clock implies for the start of this boot: it moves when that is set."""
        return self.wall - timedelta(seconds=self.monotonic)


@dataclass(frozen=True, slots=True)
class Opened:
    """A state fit for this boot, and the seal that it was under."""

    state: State
    seal: Seal


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes that are no state that this release understands; `reason` is a clause."""

    reason: str


def seal_state(state: State, seal: Seal, cloud: str = "") -> bytes:
    """Give the bytes of the file: two spaces of indentation, a line feed at the end.

    `cloud` is the host whose pins these are; "": that is not told.
    """
    payload = {"schema": SCHEMA, "saved": encode(seal), "state": encode(state)}
    if cloud:
        payload[_CLOUD] = cloud
    whole = {"schema": SCHEMA, "checksum": _checksum(payload), **payload}
    return f"{json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)}\n".encode()


def open_state(content: bytes, now: Moment, boot: str, cloud: str = "") -> Opened | Broken:
    """Read such bytes at `now` on the boot called `boot`. Never raises, whatever they are.

    What is of another cloud than `cloud` is broken: the file was copied from another machine, or
    the settings name another host now, and its pins would lock this Edge out.
    """
    parsed = parse_json(content)
    if isinstance(parsed, RefusedJson):
        return Broken(parsed.reason)
    if problem := _unfit(parsed.value):
        return Broken(problem)
    if cloud and (other := parsed.value.get(_CLOUD, cloud)) != cloud:
        return Broken(f"it is of another cloud ({foreign_text(str(other))}), not of {cloud}")
    try:
        seal = decode(Seal, parsed.value["saved"], unmoved)
        migrated = migrate(parsed.value["state"], parsed.value["schema"])
        state = decode(State, migrated, rebase(seal, now, boot))
    except Misfit as misfit:
        return Broken(str(misfit))
    began = _began(state, seal, now, boot)
    state = replace(state, began=began, floor=seal.wall)
    if parsed.value["schema"] < SCHEMA:
        state = replace(state, upgrade=Upgrade(seal.version, now.wall.astimezone(UTC)))
    return Opened(state, seal)


def _unfit(whole: Any) -> str | None:
    """Why a JSON value is no sealed state of this schema, as far as its outside tells."""
    if not isinstance(whole, dict):
        return "it is JSON, but not an object"
    schema = whole.get("schema")
    if type(schema) is not int:
        return "it does not say its schema"
    if schema > SCHEMA:
        return f"a newer release of edgepind wrote it (schema {schema}; this one knows {SCHEMA})"
    if whole.keys() - {_CLOUD} != {"schema", "checksum", "saved", "state"}:
        return "it does not consist of `schema`, `checksum`, `saved` and `state`"
    payload = {key: value for key, value in whole.items() if key != "checksum"}
    if schema < OLDEST or whole["checksum"] != _checksum(payload):
        return "its checksum does not fit its content"
    return None


def rebase(seal: Seal, now: Moment, boot: str) -> Move:
    """How instants that were kept under `seal` are read at `now` on `boot`.

    The age of each becomes (sealed - instant) + (time since the seal by the wall clock, never
    less than none); on the same boot they stand as they are.
    """
    if boot and boot == seal.boot:
        return unmoved
    away = max(0.0, (now.wall - seal.wall).total_seconds())

    def moved(instant: Monotonic) -> Monotonic:
        return Monotonic(now.monotonic - ((seal.monotonic - instant) + away))

    return moved


def _began(state: State, seal: Seal, now: Moment, boot: str) -> datetime | None:
    """When this boot began by the time that was believed when the state was sealed, at least."""
    if state.began is None or (boot and boot == seal.boot):
        return state.began
    try:
        return state.began + timedelta(seconds=seal.monotonic - now.monotonic)
    except OverflowError:  # no clock ever showed that
        return None


def _checksum(payload: dict[str, Any]) -> str:
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def seal_at(now: Moment, boot: str, version: str) -> Seal:
    """Give the seal for this moment."""
    return Seal(boot, now.monotonic, now.wall.astimezone(UTC), version)
