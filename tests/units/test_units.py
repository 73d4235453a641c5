"""The units as systemd reads them: how exposed a service is left, and what fits to the program."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgepind.effects import helper_appliance, restart, systemd
from edgepind.helper.records import FOLDER, NAME, TIMER
from edgepind.observe import client_certificate
from edgepind.observe.client_secret import CREDENTIAL
from edgepind.settings.durations import parse_duration
from edgepind.settings.schema import EdgeSettings, PathsSettings

UNITS = Path(__file__).parents[2] / "systemd"
_KINDS = {".service", ".socket", ".target", ".timer"}
ALL = sorted(it for it in UNITS.iterdir() if it.suffix in _KINDS)
CLOSING = ("edgepind-close.service", "edgepind-close-boot.service")
SYSTEM = Path("/usr/lib/systemd/system")
ANALYZE = shutil.which("systemd-analyze")

with_systemd = pytest.mark.skipif(
    ANALYZE is None or not SYSTEM.is_dir(), reason="NOT TESTED, the units: systemd is not installed"
)


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze, whatever it says."""
    command = [str(ANALYZE), *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own words


def settings_of(name: str) -> dict[str, dict[str, list[str]]]:
    """The sections of a unit; a key may stand several times."""
    found: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = found.setdefault(header[1], {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


def seconds(text: str) -> float:
    """A time span of a unit."""
    parsed = parse_duration(text)
    assert isinstance(parsed, float)
    return parsed


# --- what systemd says of them --------------------------------------------------------------


@with_systemd
@pytest.mark.parametrize(
    ("name", "tenths"),
    [("edgepind.service", 12), ("edgepind-apply@.service", 12), *((it, 12) for it in CLOSING)],
)
def test_the_exposure_stays_low(name: str, tenths: int) -> None:
    """`systemd-analyze security` reads no more than 1.2, for the daemon and for root."""
    done = analyze(
        "security", "--offline=true", "--no-pager", f"--threshold={tenths}", UNITS / name
    )
    last = done.stdout.strip().splitlines()[-1:]
    assert done.returncode == 0, f"{last} {done.stderr}"
    assert "Overall exposure level" in last[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host in a folder, with our units, programs that are there, and an Edge."""
    units = tmp_path / SYSTEM.relative_to("/")
    shutil.copytree(SYSTEM, units, symlinks=True, ignore=shutil.ignore_patterns("*.wants"))
    for path in UNITS.iterdir():
        if path.is_dir():
            shutil.copytree(path, units / path.name, dirs_exist_ok=True)
        else:
            shutil.copy(path, units)
    for program in ("usr/bin/edgepind", "usr/lib/edgepind/edgepind-apply"):
        (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / program).touch(mode=0o755)
    edge = "[Service]\nExecStart=/usr/bin/edgepind\n"
    (units / EdgeSettings().unit).write_text(edge)
    return tmp_path


@with_systemd
def test_systemd_finds_no_fault_in_them(root: Path) -> None:
    """No key that it does not know, no value that it ignores, no cycle in the order."""
    names = [path.name.replace("@.", "@1.") for path in ALL]
    done = analyze(
        "verify", "--man=no", "--generators=no", f"--root={root}", *names, EdgeSettings().unit
    )
    ours = [line for line in done.stderr.splitlines() if "edge" in line]
    assert ours == []
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or os.geteuid() != 0,
    reason="NOT TESTED, user and folder: they take root, and systemd's own programs",
)
def test_the_user_and_the_folder_are_made(tmp_path: Path) -> None:
    """In a host of its own: no shell, one group, and the folder that the socket needs."""
    (tmp_path / "etc").mkdir()
    for program, kind in (("systemd-sysusers", "sysusers.d"), ("systemd-tmpfiles", "tmpfiles.d")):
        words = ["--create"] if "tmpfiles" in program else []
        source = UNITS / kind / "edgepind.conf"
        command = [program, *words, f"--root={tmp_path}", str(source)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
    [entry] = (tmp_path / "etc/passwd").read_text().splitlines()
    name, _, uid, gid, *_, shell = entry.split(":")
    assert (name, shell) == ("edgepind", "/usr/sbin/nologin")
    folder = (tmp_path / "run/edgepind").stat()
    assert (folder.st_uid, folder.st_gid) == (int(uid), int(gid))
    assert folder.st_mode & 0o777 == 0o755


# --- what a reader finds --------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL, ids=lambda it: it.name)
def test_every_paragraph_says_why(path: Path) -> None:
    """In these sections no line stands without a comment over it or over its neighbours."""
    told, section = False, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("["):
            section, told = line, False
        elif line.startswith("#"):
            told = True
        elif not line:
            told = False
        elif section in {"[Service]", "[Socket]", "[Timer]"}:
            beginning = line.startswith(
                ("Type=", "NotifyAccess=", "Exec", "ListenStream=", "Syslog")
            )
            assert told or beginning, f"{path.name}:{number}: {line} is not explained"


# --- what holds between them and the program ------------------------------------------------


def test_the_socket_is_where_the_daemon_asks() -> None:
    """And for root and the group alone, one connection at a time."""
    socket = settings_of("edgepind-apply.socket")["Socket"]
    assert socket["ListenStream"] == [str(PathsSettings().runtime / "apply.sock")]
    assert socket["SocketMode"] == ["0660"]
    assert socket["SocketGroup"] == settings_of("edgepind.service")["Service"]["Group"]
    assert (socket["Accept"], socket["MaxConnections"]) == (["yes"], ["1"])


def test_the_helper_may_write_the_document_and_its_own_memory() -> None:
    """Nothing else, and it is told where both are by its unit alone."""
    helper = settings_of("edgepind-apply@.service")["Service"]
    folder = EdgeSettings().pinning_config.parent
    assert helper["ReadWritePaths"] == [f"-{folder}"]
    memory = f"/var/lib/{helper['StateDirectory'][0]}"
    words = ["/etc/edgepind/edgepind.toml", memory, TIMER]
    assert helper["ExecStart"][0].split()[1:] == words
    assert helper["CapabilityBoundingSet"] == ["CAP_CHOWN CAP_DAC_READ_SEARCH"]
    assert helper["PrivateNetwork"] == ["yes"]
    assert helper["RestrictAddressFamilies"] == ["AF_UNIX"]


def test_who_closes_the_edge_has_the_bounds_of_who_opens_it() -> None:
    """The same rights to the word, and the same places; a command does the helper's work there."""
    helper = settings_of("edgepind-apply@.service")["Service"]
    own = {"Type", "ExecStart", "SyslogIdentifier", "TimeoutStartSec", "RuntimeMaxSec"}
    own |= {"StandardInput", "StandardOutput", "StandardError", "KillMode"}
    bounds = {key: value for key, value in helper.items() if key not in own}
    words: list[str] = []
    for name in CLOSING:
        service = settings_of(name)["Service"]
        assert {key: value for key, value in service.items() if key not in own} == bounds
        program, _, *words = service["ExecStart"][0].split()
        assert [program, *words] == helper["ExecStart"][0].split()
    assert words == ["/etc/edgepind/edgepind.toml", str(FOLDER), TIMER]
    assert f"d {FOLDER} 0700 root root -" in (UNITS / "tmpfiles.d/edgepind.conf").read_text()


def test_what_closes_the_edge_needs_no_daemon_and_blocks_no_restart() -> None:
    """It starts at boot by itself where an end is recorded; the Edge waits for it only there."""
    for target, name in (("timers", TIMER), ("multi-user", "edgepind-close-boot.service")):
        assert settings_of(f"{target}.target.d/50-edgepind.conf")["Unit"]["Wants"] == [name]
        unit = settings_of(name)["Unit"]
        assert unit["ConditionPathExists"] == [str(FOLDER / NAME)]
        assert not {"Requires", "BindsTo", "Requisite", "After", "PartOf"} & unit.keys()
    before = settings_of("edgepind-close-boot.service")["Unit"]
    assert EdgeSettings().unit in before["Before"][0].split()
    assert before["RefuseManualStart"] == ["yes"]
    assert (
        "close-before-start"
        in settings_of("edgepind-close-boot.service")["Service"]["ExecStart"][0]
    )
    assert not {"Before", "After"} & settings_of("edgepind-close.service")["Unit"].keys()


def test_the_helper_outlives_its_longest_request() -> None:
    """A restart is not cut short by its own unit, nor by whoever waits for the answer."""
    longest = 2 * restart.RESTART_DEADLINE + systemd.START_LIMIT_PAUSE
    helper = settings_of("edgepind-apply@.service")["Service"]
    assert longest < helper_appliance.RESTART < seconds(helper["RuntimeMaxSec"][0])
    closing = settings_of("edgepind-close.service")["Service"]
    assert longest < seconds(closing["TimeoutStartSec"][0])


def test_the_daemon_has_no_rights_and_its_folders() -> None:
    """Its own user, no capability, and the folders of the settings' defaults."""
    daemon = settings_of("edgepind.service")["Service"]
    assert daemon["User"] == ["edgepind"]
    assert daemon["CapabilityBoundingSet"] == [""]
    assert Path("/var/lib", daemon["StateDirectory"][0]) == PathsSettings().state
    assert Path("/run", daemon["RuntimeDirectory"][0]) == PathsSettings().runtime
    assert daemon["RuntimeDirectoryPreserve"] == ["yes"]
    assert "ReadWritePaths" not in daemon


def test_the_secrets_have_the_names_that_the_daemon_looks_for() -> None:
    """And a default, without which a missing file would keep the daemon from starting."""
    daemon = settings_of("edgepind.service")["Service"]
    names = [CREDENTIAL, client_certificate.CREDENTIAL]
    assert [it.partition(":/")[0] for it in daemon["LoadCredential"]] == names
    assert daemon["SetCredential"] == [f"{name}:\\n" for name in names]


def test_failures_never_end_the_attempts() -> None:
    """No start limit, and a pause between two starts."""
    daemon = settings_of("edgepind.service")
    assert daemon["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert daemon["Service"]["Restart"] == ["on-failure"]
    assert seconds(daemon["Service"]["RestartSec"][0]) >= 5


def test_the_edge_is_only_ordered_and_never_after_the_daemon_itself() -> None:
    """A restart of the Edge in the first tick would wait for that tick's own end."""
    drop_in = settings_of(f"{EdgeSettings().unit}.d/50-edgepind.conf")
    assert drop_in.keys() == {"Unit"}
    assert drop_in["Unit"].keys() == {"After"}
    assert drop_in["Unit"]["After"] == ["edgepind-first-tick.target", "time-sync.target"]
    assert settings_of("edgepind-first-tick.target")["Unit"]["After"] == ["edgepind.service"]


def test_nothing_that_may_never_come_is_waited_for() -> None:
    """Neither a network nor a clock keeps the daemon from starting."""
    unit = settings_of("edgepind.service")["Unit"]
    words = " ".join(unit["After"]).split()
    assert not {"network-online.target", "time-sync.target"} & set(words)
    assert not {"Requires", "BindsTo", "Requisite"} & unit.keys()
