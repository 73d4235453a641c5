"""Section 9: what the daemon keeps: `status.json` to the letter, the state, the history."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from edgepind.model.enums import Finding, Origin, PinKind, Posture, Role
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint
from tests.support.blackbox import (
    install_current,
    pass_ticks,
    postures,
    roles,
    told,
    until_status,
)
from tests.support.mounts import Mounts
from tests.support.small_site import Site

MIB = 1024 * 1024


def is_time(value: object) -> bool:
    """Whether it is RFC 3339 with a zone."""
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def is_pin(value: object) -> bool:
    """Whether it is a fingerprint in the one notation of section 1."""
    read = parse_fingerprint(value)
    return isinstance(read, Fingerprint) and value == str(read)


def maybe(holds: Any) -> Any:
    """Null, or what `holds` says."""
    return lambda value: value is None or holds(value)


def one_of(words: Any) -> Any:
    """One of the contract's words."""
    return lambda value: value in {str(word) for word in words}


def is_a(kind: type) -> Any:
    """Of just that type of JSON."""
    return lambda value: type(value) is kind


def shape(**keys: Any) -> Any:
    """An object with just these keys, each as it is said; names the key that is not."""

    def holds(value: object) -> bool:
        assert isinstance(value, dict)
        assert value.keys() == keys.keys()
        for key, check in keys.items():
            assert check(value[key]), f"{key} is {value[key]!r}"
        return True

    return holds


def list_of(check: Any) -> Any:
    """A list of such."""
    return lambda value: isinstance(value, list) and all(check(it) for it in value)


PIN = shape(
    fingerprint=is_pin,
    kind=one_of(PinKind),
    role=one_of(Role),
    origin=one_of(Origin),
    since=is_time,
    sightings=is_a(int),
    accepted_after=maybe(is_time),
)
ADDRESS = shape(
    address=is_a(str),
    fingerprint=maybe(is_pin),
    verdict=one_of(Finding),
    error=maybe(is_a(str)),
    leaves=list_of(is_pin),
)
STATUS = shape(
    schema=lambda it: it == 1,
    written_at=is_time,
    version=is_a(str),
    pid=is_a(int),
    posture=one_of(Posture),
    posture_since=is_time,
    posture_until=maybe(is_time),
    reason=is_a(str),
    finding=one_of(Finding),
    lockout=is_a(bool),
    dry_run=is_a(bool),
    pins=list_of(PIN),
    addresses=list_of(ADDRESS),
    problems=list_of(shape(id=is_a(str), what=is_a(str), remedy=is_a(str))),
    forecast=shape(**{"from": maybe(is_time), "to": maybe(is_time)}),
    status_endpoint=shape(
        ok=is_a(bool), channel=one_of(("pinned", "unpinned", "none")), error=maybe(is_a(str))
    ),
    clock=shape(
        trusted=is_a(bool),
        error_ms=maybe(is_a(int)),
        source=one_of(("chrony", "kernel", "date-header", "none")),
    ),
    edge=shape(
        active=is_a(bool),
        written=is_a(bool),
        restart_owed=is_a(bool),
        restarts_in_window=is_a(int),
        loaded=is_a(bool),
    ),
    next_tick_at=is_time,
    ticks=is_a(int),
)
DAMAGES: tuple[tuple[Callable[[bytes], bytes], bool], ...] = (
    (lambda whole: whole[: len(whole) // 2], False),
    (lambda whole: whole.replace(b'"current"', b'"backup"', 1), True),
    (lambda _: b"", True),
    (lambda _: b'{"schema": 1, "state": {"pins": []}}', True),
)
"""What a disk may do to the state, and whether to the generation before it, too."""


async def test_the_status_file_is_of_the_contracts_shape_whatever_happens(site: Site) -> None:
    """From the first tick on: no pin, a hold-down, a lockout, an opening, nothing reachable."""
    site.write_settings({"pins": {"hold_down": "1h"}, "fail_open": {"grace": "100ms"}})
    seen: list[dict[str, Any]] = []

    def looks_right() -> bool:
        status = site.daemon.status()
        assert not status or STATUS(status)
        seen.append(status)
        return bool(status)

    await site.daemon.start()
    await site.until(looks_right, "the first status")
    await site.until(lambda: looks_right() and seen[-1]["finding"] == "pinned", "pinned")
    assert seen[-1]["pid"] == site.daemon.pid
    site.cloud.serve(site.issue())
    await site.until(lambda: looks_right() and seen[-1]["posture"] == "open", "open")
    assert seen[-1]["posture_until"] is not None
    pending = [it for it in seen[-1]["pins"] if it["role"] == "pending"]
    assert pending[0]["accepted_after"] is not None
    await site.cloud.close()
    await site.until(lambda: looks_right() and seen[-1]["finding"] == "unreachable", "unreachable")
    ticks = [it["ticks"] for it in seen if it]
    assert ticks == sorted(ticks)
    assert STATUS(site.daemon.status())


async def test_the_status_file_is_replaced_whole_and_readable_by_all(site: Site) -> None:
    """Another file after every tick, never half of one; other users may read it."""
    install_current(site)
    await site.daemon.start()
    await until_status(site, finding="pinned")
    path = site.runtime / "status.json"
    with path.open() as before:  # held open, so that its inode is given to no other file
        await pass_ticks(site, 1)
        assert path.stat().st_ino != os.fstat(before.fileno()).st_ino
    assert path.stat().st_mode & 0o777 == 0o644
    assert [it.name for it in site.runtime.iterdir()] == ["status.json"]


async def test_the_state_is_readable_versioned_and_doubled(steady: Site) -> None:
    """JSON over several lines, a schema and a checksum; the generation before it beside it."""
    text = (steady.state / "state.json").read_text()
    state = json.loads(text)
    assert state["schema"] == 5
    assert "checksum" in state
    assert text.count("\n") > 10
    assert str(steady.cloud.status.current) in text
    others = [it for it in steady.state.iterdir() if it.name.startswith("state.json.")]
    assert len(others) == 1
    assert json.loads(others[0].read_text())["schema"] == 5


async def test_damage_to_the_state_is_set_aside_and_survived(site: Site) -> None:
    """Told as state_damaged; the document is then the source of the current pin."""
    current = str(install_current(site))
    document = site.document.read_bytes()
    await site.daemon.start()
    await until_status(site, finding="pinned")
    path = site.state / "state.json"
    for nth, (damage, both) in enumerate(DAMAGES, 1):
        assert await site.daemon.stop() == 0
        broken = damage(path.read_bytes())
        for file in site.state.glob("state.json*") if both else (path,):
            file.write_bytes(broken)
        await site.daemon.start()
        await site.until_event("state_damaged", nth)
        await site.until(lambda: site.daemon.status()["pid"] == site.daemon.pid, "a tick")
        await until_status(site, finding="pinned", posture="enforcing")
        assert roles(site) == {current: "current"}
        assert site.document.read_bytes() == document
        assert broken in [it.read_bytes() for it in site.state.iterdir() if "damaged" in it.name]
        assert "pin list" in told(site, "state_damaged")[-1]["MESSAGE"]


async def test_a_state_that_is_gone_is_lost_and_no_beginning(site: Site) -> None:
    """The history beside it tells of an earlier life, from the first line on.

    A document that was found at the beginning is the operator's word; what is found after a loss
    may be anybody's, and lapses behind the current pin.
    """
    current, other = str(install_current(site)), str(site.issue().fingerprint)
    document = json.loads(site.document.read_text())
    document["certificatePinning"]["fingerprints"] = [current, other]
    site.document.write_text(json.dumps(document))

    def origins() -> dict[str, str]:
        return {it["fingerprint"]: it["origin"] for it in site.daemon.status()["pins"]}

    await site.daemon.start()
    await site.until_event("started")
    await site.daemon.stop()
    await site.daemon.start()
    await until_status(site, finding="pinned")
    assert origins() == {current: "operator", other: "operator"}
    assert told(site, "state_damaged") == []
    assert await site.daemon.stop() == 0
    for path in site.state.glob("state.json*"):
        path.unlink()
    await site.daemon.start()
    await site.until_event("state_damaged")
    await site.until(lambda: site.daemon.status()["pid"] == site.daemon.pid, "a tick")
    assert origins() == {current: "document", other: "document"}
    assert "lapses" in told(site, "state_damaged")[-1]["MESSAGE"]


async def test_damage_in_a_lockout_opens_nothing_for_ever(site: Site) -> None:
    """State lost while open: the document says `enabled: false`, and that is not left so."""
    install_current(site)
    site.write_settings({"pins": {"policy": "strict"}, "fail_open": {"grace": "100ms"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    original = site.cloud.served()[site.cloud.addresses[0]].credential
    site.cloud.serve(site.issue())
    await until_status(site, posture="open")
    await site.until(lambda: site.pinning()["enabled"] is False, "the document")
    assert await site.daemon.stop() == 0
    for path in site.state.glob("state.json*"):
        path.unlink()
    site.cloud.serve(original)
    await site.daemon.start()
    await site.until(lambda: site.pinning()["enabled"] is True, "validation on again")
    assert roles(site) == {str(original.fingerprint): "current"}
    assert postures(site)[-1] in {"open", "enforcing"}


async def test_the_history_is_one_decision_a_line_and_bounded(site: Site, ask: Any) -> None:
    """Oldest first, each line JSON; cut to the newest where it grew; a torn line read over."""
    install_current(site)
    site.state.mkdir()
    path = site.state / "history.jsonl"
    old = {
        "at": "2026-01-01T00:00:00+00:00",
        "event": "stopping",
        "severity": "notice",
        "message": "x" * 200,
    }
    path.write_text((json.dumps(old) + "\n") * (3 * MIB // 2 // 280) + '{"at": "2026-01-01T0')
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.status.next = site.issue().fingerprint
    await site.until_event("restart_succeeded")
    assert await site.daemon.stop() == 0
    assert path.stat().st_size <= MIB
    lines = [line for line in path.read_text().splitlines() if line]
    names = [json.loads(line)["event"] for line in lines if line.endswith("}")]
    assert "stopping" in names[:100], "what was there before is cut, not lost"
    assert names[-1] == "stopping"
    assert names[names.index("started") :] == site.events()
    answer = await ask("history", "--json")
    assert answer.code == 0
    assert "pin_prepared" in answer.output


async def test_what_cannot_be_written_is_told_once_and_survived(site: Site) -> None:
    """An owner that does not exist: write_failed names the remedy, and the daemon goes on."""
    site.write_settings({"edge": {"owner": "no-such-user:no-such-group"}})
    await site.daemon.start()
    await site.until_event("write_failed")
    await pass_ticks(site, 4)
    assert site.events().count("write_failed") == 1
    assert "no-such-user" in told(site, "write_failed")[0]["MESSAGE"]
    assert site.restarts() == 0, "nothing that the Edge could load has changed"
    assert "fingerprints" not in site.pinning()
    assert site.daemon.running


@pytest.mark.parametrize("disk", ["read-only", "full"])
async def test_without_a_disk_the_daemon_runs_on_memory(
    mounts: Mounts, site: Site, disk: str
) -> None:
    """STATE takes nothing: it starts, says so once, follows the cloud and restarts the Edge."""
    install_current(site)
    mounts.tmpfs(site.state, "size=64k,nr_inodes=1" if disk == "full" else "size=64k")
    if disk == "read-only":
        mounts.read_only(site.state)
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.status.next = site.issue().fingerprint
    await site.until_event("restart_succeeded")
    assert len(site.pinning()["fingerprints"]) == 2
    await pass_ticks(site, 2)
    told_of = [it["MESSAGE"].split(" could")[0] for it in told(site, "write_failed")]
    assert "The state" in told_of
    assert len(told_of) == len(set(told_of))
    second = await site.daemon.command("run", "--once")
    assert second.code == 1
    assert "another edgepind" in second.errors
    (site.runtime / "override").touch()
    await until_status(site, posture="override")
    assert await site.daemon.stop() == 0


async def test_nothing_of_the_daemons_own_is_open_to_others(steady: Site) -> None:
    """State and history are the service's own; nobody else may write into the folders."""
    for name in ("state.json", "history.jsonl"):
        assert (steady.state / name).stat().st_mode & 0o077 == 0, name
    for folder in (steady.state, steady.runtime):
        assert folder.stat().st_mode & 0o022 == 0
        assert folder.stat().st_uid == os.geteuid()
