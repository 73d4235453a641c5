"""The daemon's life as systemd sees it: start, steady state, signals, reload, end."""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from edgepind.lab.daemon_process import PRODUCT
from tests.support.small_site import Site

QUICK_END = 2.0
"""Seconds in which SIGTERM ends the daemon (CONTRACT section 10)."""


async def ended_in(site: Site, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """Send a signal; return the exit code, and how long the end took."""
    pid = site.daemon.pid
    assert pid is not None
    began = time.monotonic()
    os.kill(pid, number)
    code = await site.daemon.wait()
    assert code is not None
    return code, time.monotonic() - began


def seen_files(*folders: Path) -> dict[str, tuple[int, int]]:
    """Every file below the folders, with its inode and time of modification."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            status = path.stat()
            found[str(path)] = (status.st_ino, status.st_mtime_ns)
    return found


async def test_bootstrap_leads_to_a_pinned_edge(site: Site) -> None:
    """From nothing: the leaf is adopted after its sightings, written, loaded, and well."""
    await site.daemon.start()
    await site.until_steady()
    fingerprint = str(site.cloud.status.current)
    assert site.pinning() == {
        "enabled": True,
        "algorithm": "SHA256",
        "fingerprint": fingerprint,
        "fingerprints": [fingerprint],
    }
    assert site.restarts() == 1
    assert site.daemon.status()["posture"] == "enforcing"


async def test_a_steady_state_is_quiet_and_touches_nothing(site: Site) -> None:
    """No line a tick, and no file but status.json is touched, for twenty ticks."""
    await site.daemon.start()
    await site.until_steady()
    await site.until(lambda: site.daemon.status()["ticks"] >= 12, "a dozen ticks")
    log, files = site.daemon.log.read_bytes(), seen_files(site.state, site.document.parent)
    ticks = site.daemon.status()["ticks"]
    await site.until(lambda: site.daemon.status()["ticks"] >= ticks + 20, "twenty more ticks")
    after = seen_files(site.state, site.document.parent)
    status = str(site.runtime / "status.json")
    assert site.daemon.log.read_bytes() == log
    assert {name for name in files | after if files.get(name) != after.get(name)} <= {
        status,
        str(site.runtime),
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_zero(site: Site, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the daemon within 2 s, with exit code 0, and it says so."""
    await site.daemon.start()
    await site.until_event("started")
    code, took = await ended_in(site, number)
    assert code == 0
    assert took < QUICK_END
    assert site.events()[-1] == "stopping"


async def test_it_ends_while_a_handshake_stalls(site: Site) -> None:
    """An address that accepts and then says nothing does not delay the end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        site.write_settings({"cloud": {"addresses": [address], "timeout": "60s"}})
        await site.daemon.start()
        silent.settimeout(DEADLINE_TO_CONNECT)
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            code, took = await ended_in(site)
    assert code == 0
    assert took < QUICK_END


DEADLINE_TO_CONNECT = 20.0


async def test_it_ends_while_the_resolver_hangs(site: Site, tmp_path: Path) -> None:
    """A resolver that never answers does not delay the end."""
    marker = tmp_path / "resolving"
    hanging = tmp_path / "hanging_resolver.py"
    hanging.write_text(
        "import pathlib, socket, sys, threading\n"
        "def hang(*_args, **_kwargs):\n"
        f"    pathlib.Path({str(marker)!r}).touch()\n"
        "    threading.Event().wait()\n"
        "socket.getaddrinfo = hang\n"
        "from edgepind.__main__ import main\n"
        "sys.exit(main(['run', *sys.argv[1:]]))\n"
    )
    site.tables["cloud"].pop("addresses")
    site.write_settings({})
    await site.daemon.start(run=(str(hanging),))
    await site.until(marker.exists, "the resolver to be asked")
    code, took = await ended_in(site)
    assert code == 0
    assert took < QUICK_END


async def test_it_ends_while_a_restart_command_hangs(site: Site) -> None:
    """A restart command that does not come back does not delay the end, and is ended with it."""
    site.script("restart", f"touch {site.folder}/restarting; exec sleep 600\n")
    await site.daemon.start()
    await site.until((site.folder / "restarting").exists, "the restart to begin")
    code, took = await ended_in(site)
    assert code == 0
    assert took < QUICK_END


async def test_sighup_takes_new_settings_and_looks_at_once(site: Site) -> None:
    """A good settings file is in force after SIGHUP, without waiting for the interval."""
    site.write_settings({"cloud": {"interval": "1h"}, "pins": {"sightings": 1}})
    await site.daemon.start()
    await site.until_event("restart_requested")
    site.write_settings({"pins": {"policy": "strict"}})
    assert site.daemon.pid is not None
    os.kill(site.daemon.pid, signal.SIGHUP)
    await site.until_event("reloaded")
    site.cloud.serve(site.issue())
    await site.until_event("pin_refused")


async def test_sighup_with_a_bad_file_changes_nothing(site: Site) -> None:
    """A bad settings file is refused whole, with every error, and the old one stays in force."""
    await site.daemon.start()
    await site.until_steady()
    site.write_settings({"pins": {"policy": "lax", "sightings": 0}})
    assert site.daemon.pid is not None
    os.kill(site.daemon.pid, signal.SIGHUP)
    await site.until_event("reload_rejected")
    said = next(
        it["MESSAGE"] for it in site.daemon.events if it.get("EDGEPIND_EVENT") == "reload_rejected"
    )
    assert "pins.policy" in said
    assert "pins.sightings" in said
    rotated = site.issue()
    site.cloud.serve(rotated)
    await site.until(
        lambda: str(rotated.fingerprint) in site.pinning()["fingerprints"], "the old policy to act"
    )


async def test_sigusr1_looks_at_once(site: Site) -> None:
    """SIGUSR1 makes a tick without waiting for the interval."""
    site.write_settings({"cloud": {"interval": "1h"}, "pins": {"sightings": 3}})
    await site.daemon.start()
    await site.until(lambda: site.daemon.status().get("pins"), "the pending pin")
    ticks = site.daemon.status()["ticks"]
    assert site.daemon.pid is not None
    os.kill(site.daemon.pid, signal.SIGUSR1)
    await site.until(lambda: site.daemon.status()["ticks"] > ticks, "another tick")


async def test_a_second_daemon_on_the_same_state_is_refused(site: Site) -> None:
    """Two daemons on one state folder would undo each other: the second says who has it."""
    await site.daemon.start()
    await site.until_event("started")
    answer = await site.daemon.command("run", "--once")
    assert answer.code == 1
    assert str(site.daemon.pid) in answer.errors


async def test_systemd_is_told_how_it_stands(site: Site, tmp_path: Path) -> None:
    """READY after the first tick, STATUS, WATCHDOG, RELOADING with its time, then STOPPING."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"}
        await site.daemon.start(extra=environment)

        async def until_said(word: str) -> list[str]:
            said: list[str] = []
            while not said or not said[-1].startswith(word):
                said.append((await asyncio.to_thread(manager.recv, 4096)).decode())
            return said

        first = await until_said("READY=1")
        assert any(it.startswith("STATUS=Posture enforcing, finding ") for it in first)
        assert site.daemon.status()["ticks"] >= 1
        await until_said("WATCHDOG=1")
        assert site.daemon.pid is not None
        os.kill(site.daemon.pid, signal.SIGHUP)
        reloading = (await until_said("RELOADING=1"))[-1]
        assert "MONOTONIC_USEC=" in reloading
        await until_said("READY=1")
        os.kill(site.daemon.pid, signal.SIGTERM)
        await until_said("STOPPING=1")
        assert await site.daemon.wait() == 0


async def test_a_dry_run_decides_and_changes_nothing(site: Site) -> None:
    """`--dry-run` takes the true path: it logs the write and the restart, and does neither."""
    before = site.document.read_bytes()
    await site.daemon.start(run=(*PRODUCT, "--dry-run"))
    await site.until_event("restart_succeeded")
    assert site.document.read_bytes() == before
    assert site.restarts() == 0
    assert site.daemon.status()["dry_run"] is True
    assert not (site.state / "state.json").exists()


async def test_once_answers_as_status_would(site: Site) -> None:
    """`run --once` makes one tick: 0 where the link is pinned and nothing is owed, 1 otherwise."""
    site.write_settings({"pins": {"sightings": 1}, "edge": {"settle": "50ms"}})
    assert (await site.daemon.command("run", "--once")).code == 0
    assert site.restarts() == 1
    await site.cloud.close()
    assert (await site.daemon.command("run", "--once")).code == 1


async def test_a_killed_daemon_goes_on_where_it_was(site: Site) -> None:
    """SIGKILL loses neither the pin set nor the hold-down that was under way."""
    site.write_settings({"pins": {"hold_down": "3s"}})
    await site.daemon.start()
    await site.until_steady()
    site.cloud.serve(rotated := site.issue(), site.cloud.addresses[:1])
    await site.until_event("pin_pending", 2)
    code, _ = await ended_in(site, signal.SIGKILL)
    assert code == -signal.SIGKILL
    await site.daemon.start()
    await site.until_event("started", 2)
    await site.until(
        lambda: str(rotated.fingerprint) in site.pinning()["fingerprints"], "its hold-down served"
    )
    assert site.events().count("pin_pending") == 2, "one of the bootstrap, one of the rotation"
