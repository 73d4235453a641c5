"""One site: an appliance with an Edge and edgepind on it, a wire, and a cloud at its other end."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepind.lab import edge
from edgepind.lab.site import factory_document
from edgepind.lab.timers import Pace, Table, as_toml, merged
from edgepind.model.state import RestartPhase
from tests.container.control_groups import ControlGroups
from tests.container.far_cloud import HOST, FarCloud
from tests.container.machine import Machine, disk
from tests.container.patience import LOOK_AGAIN, until
from tests.container.usage import Peaks, Watch
from tests.container.wires import CLOUD_IPS, Wires

DOCUMENT = "/etc/purecloud/edge/conf/security/pinning-config.json"
SETTINGS = "/etc/edgepind/edgepind.toml"
_BESIDE = [f"{DOCUMENT.replace('pinning', '.pinning')}.{it}" for it in ("last-good", "closing")]
STATUS = "/run/edgepind/status.json"
DAEMON = "edgepind.service"
HELPER = "edgepind-apply@*.service"
HELPER_TEMPLATE = "edgepind-apply@.service"
SOCKET = "edgepind-apply.socket"
CLOSING = "edgepind-close.timer"
EDGE = "purecloud-edge.service"

QUICK: Mapping[str, Table] = {
    "cloud": {"host": HOST, "public_roots": "/opt/purecloud/roots.pem", "interval": "1s"},
    "edge": {"settle": "1s", "restart_budget": 50},
    "pins": {"hold_down": "3s", "sightings": 3, "overlap": "4s"},
    "fail_open": {"grace": "20s", "limit": "1min"},
}
"""Settings under which a rotation takes seconds."""

_FILES = Path(__file__).parent / "files"
_EDGE_LOG = "/var/log/purecloud/edge.jsonl"
_UNITS = ("--unit=edgepind*", "--unit=purecloud*")
_PATIENCE = 30.0
_INSTALLING = 120.0
_JOURNAL_PAUSE = 0.3


@dataclass(frozen=True, slots=True)
class Site:
    """All of it, switched on."""

    machine: Machine
    wires: Wires
    cloud: FarCloud

    def prepare(self) -> None:
        """Install the Edge as its own installer would: running, its pinning switched off."""
        machine = self.machine
        machine.write("/etc/hosts", f"127.0.0.1 localhost\n{_names()}")
        machine.write("/opt/purecloud/roots.pem", self.cloud.roots)
        machine.write("/opt/purecloud/edge.py", Path(edge.__file__).read_text())
        machine.write("/opt/purecloud/service.py", (_FILES / "edge_service.py").read_text())
        machine.must("mkdir", "-p", str(Path(_EDGE_LOG).parent))
        self.lay_document(factory_document(None))
        unit = (_FILES / EDGE).read_text()
        machine.write(f"/etc/systemd/system/{EDGE}", unit)
        machine.must("systemctl", "enable", "--quiet", "--now", EDGE)

    def lay_document(self, text: str) -> None:
        """Put a pinning config in place as the Edge's installer does."""
        self.machine.write(DOCUMENT, text, 0o600)

    def install(self, package: Path) -> str:
        """Install the package from the file, as an operator does; what apt said.

        There is no network that has what it recommends, a time daemon.
        """
        inside = f"/root/{package.name}"
        self.machine.path(inside).write_bytes(package.read_bytes())
        apt = ("apt-get", "install", "-y", "--no-install-recommends")
        return self.machine.must(*apt, inside, patience=_INSTALLING)

    def write_settings(self, extra: Mapping[str, Table] | None = None) -> None:
        """Write the quick settings, with `extra` laid over them."""
        self.machine.write(SETTINGS, as_toml(merged(QUICK, extra or {}), Pace()))

    def begin_anew(self, extra: Mapping[str, Table] | None = None) -> str:
        """Make a site that never knew edgepind and let it find its first pin; a journal cursor.

        The Edge is then pinned and connected; the cursor stands before all of that.
        """
        machine = self.machine
        machine.must("systemctl", "stop", SOCKET, DAEMON, HELPER, CLOSING)
        machine.must("systemctl", "reset-failed")
        machine.remove("/var/lib/edgepind", "/var/lib/edgepind-apply", *_BESIDE)
        self.lay_document(factory_document(None))
        machine.must("systemctl", "restart", EDGE)
        self.wires.plug()
        self.cloud.rotate(self.cloud.issue())
        self.write_settings(extra)
        cursor = machine.cursor()
        machine.must("systemctl", "start", DAEMON)
        self.until_event("restart_succeeded", cursor)
        self.until_pinned()
        return cursor

    def prompt(self) -> None:
        """Tell the daemon to look at once, and at everything."""
        self.machine.must("systemctl", "kill", "--kill-whom=main", "--signal=USR1", DAEMON)

    def status(self) -> dict[str, Any]:
        """What the daemon wrote of itself; empty where it wrote nothing."""
        text = self.machine.read(STATUS)
        return dict(json.loads(text)) if text else {}

    def pinning(self) -> dict[str, Any]:
        """The object `certificatePinning` of the document."""
        return dict(json.loads(self.machine.read(DOCUMENT))["certificatePinning"])

    def pins(self, role: str) -> list[str]:
        """The fingerprints that play a role, as the daemon tells."""
        return [it["fingerprint"] for it in self.status().get("pins", ()) if it["role"] == role]

    def dialled(self) -> dict[str, Any]:
        """The last thing that the Edge did."""
        lines = self.edge_log().splitlines()[-1:]
        return dict(json.loads(lines[0])) if lines else {}

    def edge_log(self) -> str:
        """All that the Edge has done, one JSON object a line."""
        return self.machine.read(_EDGE_LOG)

    def is_connected(self, leaf: str, *, pinned: bool = True) -> bool:
        """Whether the Edge has just accepted that leaf, with pinning in force or not."""
        last, plain = self.dialled(), leaf.replace(":", "").lower()
        return (last.get("kind"), last.get("leaf"), last.get("why"), last.get("pinning")) == (
            "dial",
            plain,
            None,
            pinned,
        )

    def until_pinned(self, within: float = _PATIENCE) -> None:
        """Wait until what the cloud serves is the current pin and all is well with the Edge."""

        def holds() -> bool:
            status = self.status()
            return (
                (status.get("posture"), status.get("finding")) == ("enforcing", "pinned")
                and status["edge"]["loaded"]
                and not status["edge"]["restart_owed"]
                and self.pins("current") == [self.cloud.leaf]
                and self.is_connected(self.cloud.leaf)
            )

        self.until(holds, "the Edge is pinned to what the cloud serves", within)

    def until_quiet(self) -> None:
        """Wait until nothing is left of a rotation: one pin, and an Edge that has settled."""
        alone = "the current pin is the only one"
        self.until(lambda: [it["role"] for it in self.status()["pins"]] == ["current"], alone)
        self.until_pinned()
        self.until(lambda: self._phase() == RestartPhase.IDLE, "the Edge has settled")

    def _phase(self) -> str:
        text = self.machine.read("/var/lib/edgepind/state.json")
        return str(json.loads(text)["state"]["edge"]["restart"]["phase"]) if text else ""

    def until(
        self,
        holds: Callable[[], object],
        what: str,
        within: float = _PATIENCE,
        pause: float = LOOK_AGAIN,
    ) -> None:
        """Wait until it holds, or fail with what the journal has to say."""
        try:
            until(holds, within, what, pause)
        except TimeoutError as error:
            said = self.machine.run("journalctl", "--no-pager", "--lines=80", *_UNITS).out
            raise AssertionError(f"{error}\n{self.machine.read(STATUS)}\n{said}") from None

    def events(self, after: str, name: str | None = None) -> list[dict[str, Any]]:
        """The journal's entries with an event of ours (or that one) behind a cursor."""
        told = [it for it in self.machine.journal_after(after) if "EDGEPIND_EVENT" in it]
        return [it for it in told if name in {None, it["EDGEPIND_EVENT"]}]

    def until_event(self, name: str, after: str, within: float = _PATIENCE) -> dict[str, Any]:
        """Wait for an event behind a cursor; its entry."""
        found: list[dict[str, Any]] = []

        def holds() -> bool:
            found[:] = self.events(after, name)
            return bool(found)

        self.until(holds, f"the event {name}", within, _JOURNAL_PAUSE)
        return found[0]


def _names() -> str:
    return "".join(f"{ip} {HOST}\n" for ip in CLOUD_IPS)


@contextmanager
def open_site(tree: Path, folder: Path, peaks: Peaks) -> Iterator[Site]:
    """A site that boots, without edgepind; nothing of it is left behind but logs in `folder`.

    What its processes take at their worst goes into `peaks`.
    """
    with ExitStack() as all_of_it:
        groups = all_of_it.enter_context(ControlGroups())
        wires = all_of_it.enter_context(Wires(disk(tree)))
        cloud = all_of_it.enter_context(FarCloud(wires.cloud, folder))
        machine = all_of_it.enter_context(Machine(wires, groups, folder / "console.log"))
        machine.power_on()
        all_of_it.enter_context(Watch(groups, peaks))
        site = Site(machine, wires, cloud)
        site.prepare()
        yield site
