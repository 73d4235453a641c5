"""The status file: the daemon's knowledge in the words of the contract."""

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edgepind import __version__
from edgepind.model.bundle import BundlePin, KeptSerial
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel, Finding, Origin, PinKind, Posture, Role, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic, Validity
from edgepind.model.observation import ClockSource
from edgepind.model.pin import Pin
from edgepind.model.rules import Rules
from edgepind.model.state import (
    AddressVerdict,
    BundleMemory,
    ClockJudgement,
    Debt,
    Edge,
    Guard,
    Idle,
    OverrideState,
    Owed,
    Restart,
    RolledBack,
    RollingBack,
    Settling,
    State,
    StatusMemory,
)
from edgepind.telemetry.status_file import status_document, write_status

WALL = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NOW = Moment(Monotonic(10_000.0), WALL)
DEBT = Debt(NOW.monotonic)
RULES = Rules(host="acme.mypurecloud.com", earliest=datetime(2026, 11, 23, tzinfo=UTC))
OLD, NEW = Fingerprint(bytes([1] * 32)), Fingerprint(bytes([2] * 32))
BOTH = Pinning(enabled=True, current=OLD, accepted=(OLD, NEW))
ONLY = Pinning(enabled=True, current=OLD, accepted=(OLD,))
TURNED = Pinning(enabled=True, current=NEW, accepted=(NEW, OLD))


def pin(fingerprint: Fingerprint, role: Role, **more: Any) -> Pin:
    """One pin, observed an hour before now."""
    since = datetime(2026, 11, 24, 8, 0, 0, 250_000, tzinfo=UTC)
    return Pin(fingerprint, PinKind.CERTIFICATE, role, Origin.OBSERVED, since, **more)


STATE = State(
    pins=(pin(OLD, Role.CURRENT, sightings=3), pin(NEW, Role.PENDING, held=840.0)),
    guard=Guard(since=datetime(2026, 11, 1, tzinfo=UTC)),
    edge=Edge(
        written=ONLY,
        on_disk=ONLY,
        loaded=ONLY,
        active=True,
        restarts=(Monotonic(100.0), Monotonic(9_000.0)),
    ),
    finding=Finding.PINNED,
    reason="Pinning is enforced.",
    addresses=(
        AddressVerdict("127.0.0.1:8443", Finding.PINNED, OLD, leaves=(OLD,)),
        AddressVerdict("[::1]:8443", Finding.UNREACHABLE, error="connection refused"),
    ),
    status=StatusMemory(ok=True, channel=Channel.PINNED),
    clock=ClockJudgement(trusted=True, error=0.0021, source=ClockSource.CHRONY),
    next_tick=Monotonic(10_060.0),
    ticks=42,
)


def document(state: State = STATE, rules: Rules = RULES) -> dict[str, Any]:
    """The status document as JSON gives it back."""
    text = json.dumps(status_document(state, NOW, rules, dry_run=False))
    read: dict[str, Any] = json.loads(text)
    return read


def test_every_field_of_the_contract_and_no_other() -> None:
    """CONTRACT section 9, word for word."""
    assert document() == {
        "schema": 1,
        "written_at": "2026-11-24T09:00:00.000Z",
        "version": __version__,
        "pid": os.getpid(),
        "posture": "enforcing",
        "posture_since": "2026-11-01T00:00:00.000Z",
        "posture_until": None,
        "reason": "Pinning is enforced.",
        "finding": "pinned",
        "lockout": False,
        "dry_run": False,
        "pins": [
            {
                "fingerprint": ":".join(["01"] * 32),
                "kind": "certificate",
                "role": "current",
                "origin": "observed",
                "since": "2026-11-24T08:00:00.250Z",
                "sightings": 3,
                "accepted_after": None,
            },
            {
                "fingerprint": ":".join(["02"] * 32),
                "kind": "certificate",
                "role": "pending",
                "origin": "observed",
                "since": "2026-11-24T08:00:00.250Z",
                "sightings": 0,
                "accepted_after": "2026-11-24T09:01:00.000Z",
            },
        ],
        "addresses": [
            {
                "address": "127.0.0.1:8443",
                "fingerprint": ":".join(["01"] * 32),
                "verdict": "pinned",
                "error": None,
                "leaves": [":".join(["01"] * 32)],
            },
            {
                "address": "[::1]:8443",
                "fingerprint": None,
                "verdict": "unreachable",
                "error": "connection refused",
                "leaves": [],
            },
        ],
        "problems": [],
        "forecast": {"from": None, "to": None},
        "status_endpoint": {"ok": True, "channel": "pinned", "error": None},
        "clock": {"trusted": True, "error_ms": 2, "source": "chrony"},
        "edge": {
            "active": True,
            "written": True,
            "restart_owed": False,
            "restarts_in_window": 1,
            "loaded": True,
        },
        "next_tick_at": "2026-11-24T09:01:00.000Z",
        "ticks": 42,
    }


def test_the_next_rotation_is_a_span_by_the_wall_clock() -> None:
    """From the leaf's dates, where nothing better is known."""
    life = Validity(WALL - timedelta(days=60), WALL + timedelta(days=30))
    dated = replace(STATE.pins[0], validity=life)
    due = document(replace(STATE, pins=(dated,)))["forecast"]
    assert due == {"from": "2026-11-24T09:00:00.000Z", "to": "2026-12-24T09:00:00.000Z"}


def test_before_the_first_tick_it_has_the_same_shape() -> None:
    """A program that reads it needs no case for a young daemon."""
    young, old = document(State()), document()
    assert set(young) == set(old)
    for part in ("status_endpoint", "clock", "edge", "forecast"):
        assert set(young[part]) == set(old[part])
    assert (young["finding"], young["next_tick_at"], young["posture_since"]) == (None, None, None)
    assert young["edge"]["loaded"] is False


@pytest.mark.parametrize(
    ("guard", "until"),
    [
        (Guard(Posture.GRACE, grace_served=60.0), "2026-11-24T09:04:00.000Z"),
        (Guard(Posture.OPEN, open_ends=Monotonic(10_000.0 + 3600)), "2026-11-24T10:00:00.000Z"),
        (Guard(Posture.EXHAUSTED), None),
        (
            Guard(
                Posture.OVERRIDE,
                override=OverrideState(WALL, Monotonic(10_030.0), "maintenance", "root"),
            ),
            "2026-11-24T09:00:30.000Z",
        ),
    ],
)
def test_a_posture_that_ends_says_when(guard: Guard, until: str | None) -> None:
    """By the wall clock as it stands, whatever was counted in elapsed time."""
    assert document(replace(STATE, guard=guard))["posture_until"] == until


@pytest.mark.parametrize(
    ("restart", "owed"),
    [
        (Idle(), False),
        (Owed(DEBT), True),
        (Settling(DEBT, since=NOW.monotonic), False),
        (RollingBack(DEBT), True),
        (RolledBack(DEBT), True),
    ],
)
def test_a_restart_is_owed_until_the_wanted_document_is_loaded(
    restart: Restart, *, owed: bool
) -> None:
    """Also after a rollback: what is wanted has yet to be loaded."""
    state = replace(STATE, edge=replace(STATE.edge, restart=restart))
    assert document(state)["edge"]["restart_owed"] is owed


def test_loaded_is_what_this_validator_accepts() -> None:
    """The same set in another order is loaded, but not to an Edge that reads one fingerprint."""
    state = replace(STATE, edge=replace(STATE.edge, on_disk=BOTH, loaded=TURNED))
    single = replace(RULES, restart=replace(RULES.restart, validator=Validator.SINGLE))
    assert document(state)["edge"]["loaded"] is True
    assert document(state, single)["edge"]["loaded"] is False


def test_the_file_is_replaced_whole_and_can_be_read_by_all(tmp_path: Path) -> None:
    """A reader that has it open goes on reading the old one."""
    path = tmp_path / "status.json"
    assert write_status(tmp_path, {"ticks": 1}) is None
    with path.open() as reader:
        assert write_status(tmp_path, {"ticks": 2}) is None
        assert json.load(reader) == {"ticks": 1}
    assert json.loads(path.read_text()) == {"ticks": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    """The daemon goes on; the sentence names the path."""
    problem = write_status(tmp_path / "gone", {})
    assert problem is not None
    assert "gone" in problem


def test_a_bundle_is_shown_where_there_ever_was_one() -> None:
    """The one that was accepted last, what of it waits, and why the last other one was refused."""
    waiting = BundlePin(NEW, Role.BACKUP, not_before=WALL)
    memory = BundleMemory(
        accepted=KeptSerial(7, "ab"),
        issued_at=WALL,
        expires=WALL,
        source="url",
        waiting=(waiting,),
        told=("folder: it is old",),
    )
    assert "bundle" not in document()
    assert document(replace(STATE, bundle=memory))["bundle"] == {
        "serial": 7,
        "digest": "ab",
        "issued_at": "2026-11-24T09:00:00.000Z",
        "expires": "2026-11-24T09:00:00.000Z",
        "source": "url",
        "waiting": [
            {
                "fingerprint": str(NEW),
                "role": "backup",
                "not_before": "2026-11-24T09:00:00.000Z",
                "not_after": None,
            }
        ],
        "rejected": "folder: it is old",
    }
    refused = replace(STATE, bundle=BundleMemory(told=("url: it is HTML",)))
    assert document(refused)["bundle"]["serial"] is None
