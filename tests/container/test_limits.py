"""The limits of both units: what the site's settings and its document can ask for at the most."""

import json
from collections.abc import Iterator

import pytest

from edgepind.lab.site import factory_document
from edgepind.lab.timers import Table
from tests.container.site import DAEMON, HELPER_TEMPLATE, Site
from tests.container.usage import Peak, Peaks
from tests.container.wires import CLOUD_IPS

_NETWORK = "10.77.0"
_ADDRESSES = 64  # as many as are dialled at once
_LONGEST = 1024 * 1024  # octets of a pinning config that are read
_HUNGRY = "[range(1e9)]"
_UNITS = {"daemon": DAEMON, "helper": HELPER_TEMPLATE}
_MARGIN = 1.25
_MEBI = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def _asked_for_the_most(kept_site: Site) -> Iterator[None]:
    """Many addresses, a jq program without an end, commands, and the longest pinning config."""
    site = kept_site
    nobody = [f"{_NETWORK}.{number}:443" for number in range(100, 100 + _ADDRESSES)]
    addresses = [f"{ip}:443" for ip in CLOUD_IPS] + nobody[len(CLOUD_IPS) :]
    most: dict[str, Table] = {
        "cloud": {"addresses": addresses, "timeout": "1s"},
        "status": {"next": _HUNGRY},
        "edge": {"ready_command": ["/bin/true"], "health_command": ["/bin/true"]},
    }
    site.begin_anew()
    document = json.loads(factory_document(None))
    document["notes"] = "x" * (_LONGEST - 4096)
    site.lay_document(json.dumps(document, indent=2))
    site.write_settings(most)
    yield
    site.begin_anew()


def test_the_most_that_can_be_asked_for_is_done(kept_site: Site) -> None:
    """A rotation is survived like any other: nothing is killed, and nothing is refused for room."""
    site = kept_site
    run, cursor = site.machine.show(DAEMON, "InvocationID"), site.machine.cursor()
    site.machine.must("systemctl", "reload", DAEMON)
    site.until(
        lambda: "MiB of memory" in str(site.status()["status_endpoint"]["error"]),
        "the jq program meets its own limit",
    )
    site.cloud.rotate(site.cloud.issue())
    site.until_pinned(60)
    assert len(site.status()["addresses"]) == _ADDRESSES
    assert site.machine.show(DAEMON, "InvocationID") == run
    ends = [it for it in site.machine.journal_after(cursor) if "oom" in it["MESSAGE"].lower()]
    assert ends == []


def test_the_limits_leave_room_above_the_most_that_was_seen(
    kept_site: Site, peaks: Peaks, figures: list[str]
) -> None:
    """A quarter above the worst of this run; the table at its end has the figures themselves."""
    if kept_site.machine.show(DAEMON, "MemoryCurrent") == "[not set]":
        pytest.skip("NOT TESTED, the units' limits: this host has no memory controller to give")
    for kind, unit in _UNITS.items():
        peak, limits = peaks[kind], _limits(kept_site, unit)
        figures.append(
            f"limits: {unit} MemoryMax {limits.group:.0f} MiB, TasksMax {limits.tasks}, "
            f"LimitNOFILE {limits.files}"
        )
        assert peak.group * _MARGIN < limits.group
        assert peak.tasks * _MARGIN < limits.tasks
        assert peak.files * _MARGIN < limits.files


def _limits(site: Site, unit: str) -> Peak:
    """What a unit allows, in the units of a peak."""
    name = unit.replace("@", "@some")
    memory, tasks, files = (
        int(site.machine.show(name, it)) for it in ("MemoryMax", "TasksMax", "LimitNOFILE")
    )
    return Peak(group=memory / _MEBI, tasks=tasks, files=files)
