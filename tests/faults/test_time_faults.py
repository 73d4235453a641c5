"""Clocks that are wrong, jump, leap or stand still: named, and no pin comes or goes on their word.

The wall clock is moved for the daemon alone, by libfaketime, while it runs; elapsed time is moved
by a time namespace. The clock of the host is never touched.
"""

import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.observe.clock_quality import read_kernel_clock
from tests.faults.events import told
from tests.faults.seen import Sightings
from tests.support.blackbox import pass_ticks
from tests.support.small_site import HOST, Site

_LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime")
TEN_YEARS = 3652
_LEAST = 1.5
"""Seconds that are left of a hold-down of two once it is seen to run."""


class FakedTime:
    """A wall clock that is off by what was set last; elapsed time is as it is."""

    def __init__(self, site: Site) -> None:
        self._file = site.folder / "faked-time"
        found = [Path(it) / "libfaketime.so.1" for it in _LIBRARIES if Path(it).is_dir()]
        if not found:
            pytest.skip("libfaketime is missing: faults of the wall clock are NOT tried")
        self.variables = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.off("+0")

    def off(self, by: str) -> None:
        """Step the clock, to be off by so much from now on: "+3652d", "-1"."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{by}\n")
        fresh.replace(self._file)


@pytest.mark.long
@pytest.mark.parametrize("days", [TEN_YEARS, -TEN_YEARS])
@pytest.mark.parametrize("row", ["time-start", "time-step"])
async def test_a_wall_clock_ten_years_away(
    row: str, days: int, site: Site, seen: Sightings
) -> None:
    """At the start or as a live step: a rotation that comes now is judged by the right time."""
    faked = FakedTime(site)
    await site.daemon.start(extra=faked.variables)
    await site.until_steady()
    if row == "time-start":
        await site.daemon.stop()
    faked.off(f"{days:+}d")
    if row == "time-start":
        await site.daemon.start(extra=faked.variables)
    await site.until(lambda: site.daemon.status().get("finding") == "clock_fault", "clock_fault")
    said = told(site, "finding_changed")
    before = site.document.read_bytes()
    site.cloud.serve(fresh := site.issue())
    await pass_ticks(site, 12)  # more than the hold-down lasts
    assert site.document.read_bytes() == before
    assert site.daemon.status()["posture"] in {"enforcing", "grace"}
    faked.off("+0")
    await site.until(
        lambda: str(fresh.fingerprint) in site.pinning()["fingerprints"], "accepted in right time"
    )
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    state = f"{days:+} days: clock_fault, no pin touched; a rotation is followed once it is right"
    seen.at(row, site, state, said, accepted)


@pytest.mark.long
async def test_a_clock_that_is_set_back(site: Site, seen: Sightings) -> None:
    """A leaf that expired an hour ago is in time again by it, and by nothing else that is known."""
    if read_kernel_clock() is not None:
        pytest.skip("the kernel of this host vouches for its clock, which libfaketime cannot fake")
    faked = FakedTime(site)
    await site.daemon.start(extra=faked.variables)
    await site.until_steady()
    await site.daemon.stop()
    now, before = datetime.now(UTC), site.document.read_bytes()
    expired = site.trust.issuer.leaf(
        [HOST], not_before=now - timedelta(days=1), not_after=now - timedelta(hours=1)
    )
    faked.off("-2h")
    site.cloud.serve(expired)
    await site.daemon.start(extra=faked.variables)
    await site.until(lambda: site.daemon.status().get("finding") == "clock_fault", "clock_fault")
    said = told(site, "finding_changed")
    await pass_ticks(site, 12)  # more than the hold-down lasts
    assert site.document.read_bytes() == before
    clock = site.daemon.status()["clock"]
    assert (clock["trusted"], clock["source"]) == (False, "none")
    faked.off("+0")
    site.cloud.serve(fresh := site.issue())
    await site.until(
        lambda: str(fresh.fingerprint) in site.pinning()["fingerprints"], "accepted in right time"
    )
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    state = "clock_fault, no pin touched; a rotation is followed once it is right"
    seen.at("time-back", site, state, said, accepted)


async def test_a_boot_without_a_clock(site: Site, seen: Sightings) -> None:
    """The year is 1970 and no pin is known: none is adopted until the time is right."""
    faked = FakedTime(site)
    faked.off("@1970-01-01 00:00:10")
    before = site.document.read_bytes()
    await site.daemon.start(extra=faked.variables)
    await site.until(lambda: site.daemon.status().get("ticks", 0) > 8, "some ticks")
    assert site.document.read_bytes() == before
    said = told(site, "finding_changed")
    state = f"{site.daemon.status()['finding']}: nothing adopted; adopted once it is right"
    faked.off("+0")
    await site.until_steady()
    seen.at("time-no-clock", site, state, said, {str(site.cloud.status.current)})


@pytest.mark.long
async def test_a_leap_second(site: Site, seen: Sightings) -> None:
    """The kernel says 23:59:59 twice: nobody notices, and nothing is told."""
    faked = FakedTime(site)
    await site.daemon.start(extra=faked.variables)
    await site.until_steady()
    events = len(site.events())
    faked.off("-1")
    await pass_ticks(site, 4)
    faked.off("+1")
    await pass_ticks(site, 4)
    assert len(site.events()) == events
    assert site.daemon.status()["finding"] == "pinned"
    accepted = {str(site.cloud.status.current)}
    seen.at("time-leap", site, "a second back, two ahead: pinned", "nothing", accepted)


@pytest.mark.long
async def test_elapsed_time_is_not_the_wall_clocks(site: Site, seen: Sightings) -> None:
    """Steps of a second each tick, to and fro, under a hold-down: it lasts as long as it lasts."""
    faked = FakedTime(site)
    site.write_settings({"pins": {"hold_down": "2s"}, "clock": {"max_error": "1h"}})
    await site.daemon.start(extra=faked.variables)
    await site.until_steady()
    site.cloud.serve(fresh := site.issue())
    await site.until(lambda: len(site.daemon.status()["pins"]) == 2, "it is pending")
    began = time.monotonic()
    for by in ("+30m", "-30m", "+20m"):
        faked.off(by)
        early = str(fresh.fingerprint) in site.pinning()["fingerprints"]
        assert not early or time.monotonic() - began > _LEAST, "the wall clock shortened it"
        await pass_ticks(site, 2)
    await site.until(lambda: str(fresh.fingerprint) in site.pinning()["fingerprints"], "accepted")
    took = time.monotonic() - began
    assert took > _LEAST, "the wall clock shortened it"
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    state = f"a hold-down of 2 s took {took:.0f} s through three steps of half an hour"
    seen.at("time-monotonic", site, state, told(site, "pin_prepared"), accepted)


async def test_a_suspend(site: Site, seen: Sightings) -> None:
    """Two hours pass in which nobody looked: they are no part of a hold-down."""
    unshare = shutil.which("unshare")
    words = [str(unshare), "--time", "--boottime", "7200"]
    probe = [*words, "true"]
    if unshare is None or subprocess.run(probe, check=False).returncode != 0:  # noqa: ASYNC221, S603 - quick
        pytest.skip("no time namespaces here: a suspend is NOT tried")
    site.write_settings({"pins": {"hold_down": "1h"}, "fail_open": {"grace": "1h"}})
    await site.daemon.start()
    await site.until_steady()
    before = site.document.read_bytes()
    site.cloud.serve(fresh := site.issue())
    await site.until(lambda: site.daemon.status()["posture"] == "grace", "a lockout")
    await site.daemon.stop()
    launcher = site.folder / "later.py"
    command = [*words, sys.executable, "-m", "edgepind", "run"]
    launcher.write_text(f"import os, sys\nos.execv({unshare!r}, {command!r} + sys.argv[1:])\n")
    await site.daemon.start(run=(str(launcher),))
    await site.until_event("started", 2)
    await pass_ticks(site, 8)
    pins = {it["fingerprint"]: it for it in site.daemon.status()["pins"]}
    assert pins[str(fresh.fingerprint)]["role"] == "pending"
    assert site.document.read_bytes() == before
    assert site.daemon.status()["posture"] == "grace"
    seen.at(
        "time-suspend",
        site,
        f"{site.daemon.status()['posture']}, the pin still pending",
        str(site.daemon.status()["reason"]),
        {str(site.cloud.status.current)},
    )
