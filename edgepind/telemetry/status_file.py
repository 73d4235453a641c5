"""`RUNTIME/status.json`: what the daemon knows, for `edgepind status` and for other programs.

Its shape is CONTRACT section 9, and every key but `bundle` is always there. Nothing is decided by
it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from edgepind import __version__
from edgepind.core.admission import remaining_hold_down
from edgepind.core.desired import is_written
from edgepind.core.forecast import forecast
from edgepind.core.live_leaves import pinned_in_turn
from edgepind.core.posture import deadline
from edgepind.core.problems import problems
from edgepind.core.restarts import restarts_in_window
from edgepind.formats import rfc3339
from edgepind.host.durable_file import replace_volatile
from edgepind.model.enums import Channel
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.pin import Pin
from edgepind.model.rules import Rules
from edgepind.model.state import AddressVerdict, BundleMemory, Owing, State

NAME = "status.json"
SCHEMA = 1
_MODE = 0o644


def status_document(state: State, now: Moment, rules: Rules, *, dry_run: bool) -> dict[str, Any]:
    """The document for `state` at `now`; ends are given by the present wall clock."""
    ends = deadline(state.guard, rules.fail_open.grace, now.monotonic)
    return {
        "schema": SCHEMA,
        "written_at": rfc3339(now.wall),
        "version": __version__,
        "pid": os.getpid(),
        "posture": state.guard.posture.value,
        "posture_since": _or_none(state.guard.since),
        "posture_until": _or_none(_wall_at(ends, now)),
        "reason": state.reason,
        "finding": state.finding.value if state.finding else None,
        "lockout": state.lockout,
        "dry_run": dry_run,
        "pins": [_pin(pin, state, now, rules) for pin in state.pins],
        "addresses": [_address(verdict) for verdict in state.addresses],
        **_bundle(state.bundle),
        "problems": [asdict(it) for it in problems(state, rules)],
        "forecast": _forecast(state),
        "status_endpoint": {
            "ok": state.status.ok,
            "channel": _channel(state.status.channel),
            "error": state.status.error,
        },
        "clock": {
            "trusted": state.clock.trusted,
            "error_ms": None if state.clock.error is None else round(state.clock.error * 1000),
            "source": state.clock.source.value,
        },
        "edge": _edge(state, now, rules),
        "next_tick_at": _or_none(_wall_at(state.next_tick, now)),
        "ticks": state.ticks,
    }


def write_status(runtime: Path, document: Mapping[str, Any]) -> str | None:
    """Replace the file. Returns a sentence if that failed. Synchronous."""
    content = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace")
    return replace_volatile(runtime / NAME, content + b"\n", mode=_MODE)


def edge_loaded(state: State, rules: Rules) -> bool:
    """Whether the Edge is known to accept just what its document on disk says."""
    loaded, on_disk = state.edge.loaded, state.edge.on_disk or state.edge.written
    if loaded is None or on_disk is None:
        return False
    return loaded.accepts_like(on_disk, rules.restart.validator)


def _pin(pin: Pin, state: State, now: Moment, rules: Rules) -> dict[str, Any]:
    remaining = remaining_hold_down(pin, rules.pins, in_turn=pinned_in_turn(state))
    accepted_after = None if remaining is None else now.wall + timedelta(seconds=remaining)
    return {
        "fingerprint": str(pin.fingerprint),
        "kind": pin.kind.value,
        "role": pin.role.value,
        "origin": pin.origin.value,
        "since": rfc3339(pin.since),
        "sightings": pin.sightings,
        "accepted_after": _or_none(accepted_after),
    }


def _forecast(state: State) -> dict[str, Any]:
    """When the next rotation is due; nulls where that is not known."""
    due = forecast(state)
    return {
        "from": _or_none(due.begins if due else None),
        "to": _or_none(due.ends if due else None),
    }


def _bundle(memory: BundleMemory) -> dict[str, dict[str, Any]]:
    """The signed bundle that was accepted last, and why the last other one was refused since.

    The key is missing where there was never either, as on every site without `[bundle]`.
    """
    if not memory.accepted.serial and not memory.told:
        return {}
    shown = {
        "serial": memory.accepted.serial or None,
        "digest": memory.accepted.digest or None,
        "issued_at": _or_none(memory.issued_at),
        "expires": _or_none(memory.expires),
        "source": memory.source or None,
        "waiting": [
            {
                "fingerprint": str(pin.fingerprint),
                "role": pin.role.value,
                "not_before": _or_none(pin.not_before),
                "not_after": _or_none(pin.not_after),
            }
            for pin in memory.waiting
        ],
        "rejected": memory.told[-1] if memory.told else None,
    }
    return {"bundle": shown}


def _channel(channel: Channel) -> str:
    """A channel without standing is shown as pinned; `error` tells the difference."""
    return (Channel.PINNED if channel is Channel.WITHOUT_STANDING else channel).value


def _address(verdict: AddressVerdict) -> dict[str, Any]:
    return {
        "address": verdict.address,
        "fingerprint": str(verdict.fingerprint) if verdict.fingerprint else None,
        "verdict": verdict.verdict.value,
        "error": verdict.error,
        "leaves": [str(it) for it in verdict.leaves],
    }


def _edge(state: State, now: Moment, rules: Rules) -> dict[str, Any]:
    edge = state.edge
    return {
        "active": edge.active,
        "written": is_written(state),
        "restart_owed": isinstance(edge.restart, Owing),
        "restarts_in_window": len(restarts_in_window(edge, now.monotonic, rules.restart.window)),
        "loaded": edge_loaded(state, rules),
    }


def _wall_at(instant: Monotonic | None, now: Moment) -> datetime | None:
    return None if instant is None else now.wall + timedelta(seconds=instant - now.monotonic)


def _or_none(wall: datetime | None) -> str | None:
    return None if wall is None else rfc3339(wall)
