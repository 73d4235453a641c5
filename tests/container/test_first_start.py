"""What an operator does on a clean Debian, with every default: install, one line, one unit.

In the order of the file, for it is one story.
"""

import re
import time
from pathlib import Path

import certifi

from tests.container.far_cloud import HOST
from tests.container.site import DAEMON, EDGE, SETTINGS, SOCKET, Site

_TWO_MINUTES = 120.0
_BUNDLE = "/usr/lib/edgepind/lib/certifi/cacert.pem"
_UNITS = (DAEMON, SOCKET, "edgepind-apply@.service", "edgepind-first-tick.target")
_MOST_EXPOSED = {"edgepind.service": 1.2, "edgepind-apply@.service": 1.2}


def test_installing_starts_nothing(site: Site, package: Path) -> None:
    """Only the file is needed; what apt says names the next step; no unit is at work or ill."""
    said = site.install(package)
    assert "systemctl enable --now edgepind" in said
    machine = site.machine
    assert machine.run("systemctl", "is-active", DAEMON).out.strip() == "inactive"
    assert machine.must("systemctl", "--failed", "--plain", "--no-legend") == ""
    assert machine.must("edgepind", "--version").strip()


def test_what_is_installed_is_compiled(site: Site) -> None:
    """The daemon may write nothing there: what is not compiled now would be at each start."""
    find = ("find", "/usr/lib/edgepind/lib", "-type", "f")
    sources = site.machine.must(*find, "-name", "*.py").split()
    compiled = site.machine.must(*find, "-name", "*.pyc").split()
    assert len(sources) > 100
    assert len(compiled) == len(sources)


def test_without_a_cloud_to_watch_it_says_what_to_edit(site: Site) -> None:
    """The untouched settings are refused in a sentence that names the key, and by `check`."""
    said = site.machine.run("edgepind", "check")
    assert said.code == 2
    assert "cloud.host" in said.out


def test_one_line_and_one_unit_give_a_pinned_edge(site: Site, figures: list[str]) -> None:
    """Within two minutes of the cloud being reachable, with every timer at its default."""
    machine = site.machine
    # The world's public roots: the CA of this cloud is one of them.
    machine.write(_BUNDLE, Path(certifi.where()).read_text() + site.cloud.roots)
    machine.must("sed", "-i", f's/^#host = .*/host = "{HOST}"/', SETTINGS)
    edges = machine.show(EDGE, "InvocationID")
    site.wires.unplug()
    machine.must("systemctl", "enable", "--now", "edgepind")
    site.until(lambda: site.status().get("finding") == "unreachable", "it says what is the matter")
    assert machine.show(DAEMON, "ActiveState") == "active"
    assert machine.show(EDGE, "InvocationID") == edges, "an unplugged network restarts nothing"
    site.wires.plug()
    began = time.monotonic()
    site.until_pinned(_TWO_MINUTES)
    figures.append(
        f"first start: pinned {time.monotonic() - began:.0f} s after the cloud was reachable"
    )
    assert site.pinning()["enabled"] is True
    assert site.pinning()["fingerprints"] == [site.cloud.leaf]


def test_its_line_tells_how_things_stand(site: Site) -> None:
    """`systemctl status edgepind` names posture and finding."""
    shown = site.machine.must("systemctl", "status", "--no-pager", "--lines=0", "edgepind")
    line = next(it for it in shown.splitlines() if "Status:" in it)
    assert "enforcing" in line
    assert "pinned" in line


def test_its_commands_find_all_well(site: Site) -> None:
    """`status`, `probe` and `check` are content; `status` also as an ordinary user."""
    machine = site.machine
    # It may have been asked last while the cable was out, of which `check` would complain.
    site.prompt()
    site.until(lambda: site.status()["status_endpoint"]["ok"], "the status endpoint answers")
    for words in (("status",), ("probe",), ("check",)):
        said = machine.run("edgepind", *words)
        assert said.code == 0, f"{words}: {said}"
    assert machine.run("edgepind", "status", user="_apt").code == 0


def test_its_clock_is_judged_though_the_kernel_may_not_be_asked(site: Site) -> None:
    """ProtectClock= bars adjtimex(2); without chrony the pinned cloud's own Date is the witness."""
    site.prompt()
    site.until(lambda: site.status()["clock"]["source"] == "date-header", "the cloud says the time")
    assert site.status()["clock"]["trusted"] is True


def test_nothing_is_logged_that_should_worry(site: Site) -> None:
    """A first start gives no error, no traceback and no denied system call."""
    entries = site.machine.journal("--unit", DAEMON, "--unit", SOCKET, "--priority=err")
    assert [entry["MESSAGE"] for entry in entries] == []
    kernel = site.machine.journal("_TRANSPORT=audit")
    assert [entry["MESSAGE"] for entry in kernel if "edgepind" in str(entry)] == []


def test_a_reboot_finds_everything_in_place(site: Site) -> None:
    """After it the Edge is pinned without another restart, and both units are at work."""
    site.machine.reboot()
    site.until_pinned()
    for unit in (DAEMON, SOCKET, EDGE):
        assert site.machine.show(unit, "ActiveState") == "active"
    boot = site.machine.journal("--boot", "EDGEPIND_EVENT=restart_requested")
    assert boot == []


def test_this_systemd_takes_every_line_of_the_units(site: Site, figures: list[str]) -> None:
    """`systemd-analyze verify` has nothing to say of them, whichever release this is."""
    version, _, _ = site.machine.must("systemctl", "--version").partition("\n")
    figures.append(f"systemd-analyze verify: {version}, {len(_UNITS)} units")
    said = site.machine.run("systemd-analyze", "verify", "--man=no", *_UNITS)
    assert (said.code, said.err) == (0, ""), said


def test_the_units_are_as_tight_as_promised(site: Site, figures: list[str]) -> None:
    """`systemd-analyze security --offline=true`: at most 1.2 for the daemon and for the helper."""
    for unit, most in _MOST_EXPOSED.items():
        said = site.machine.must("systemd-analyze", "security", "--offline=true", unit)
        found = re.search(r"exposure level for .*: ([0-9.]+)", said)
        assert found, said
        figures.append(f"systemd-analyze security: {unit} {found[1]} (at most {most})")
        assert float(found[1]) <= most
