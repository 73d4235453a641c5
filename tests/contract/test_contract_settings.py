"""Section 3: the settings file, key by key, as the contract prints it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgepind.settings.load import SettingsRefused, load

CONTRACT = """
[cloud]
host = "acme.mypurecloud.com"  # sent as SNI and verified
port = 443
addresses = []                 # ["127.0.0.1:8443"]: exactly these; empty: every A and AAAA record
public_roots = "bundled"       # "bundled" (the Mozilla set that ships with the package) or PEM
system_roots = "system"        # the host's own trust store, or a PEM file
interval = "60s"               # between ticks
timeout = "10s"                # one handshake or one request, whole

[status]
enabled = true
url = ""                       # "" means https://HOST:PORT/api/v1/security/status
current = ".certificateFingerprint"             # jq programs
next = ".nextCertificateFingerprint // empty"
rotates_at = ".rotationScheduledAt // empty"    # RFC 3339
[status.oauth]                 # optional: OAuth 2 client credentials
token_url = ""
client_id = ""
client_secret_file = ""        # or the systemd credential edgepind.oauth-secret
scopes = ["cloud:instance:read", "security:certificate:read"]

[edge]
pinning_config = "/etc/purecloud/edge/conf/security/pinning-config.json"
owner = "auto"
mode = "auto"
validator = "allowlist"        # "single": the Edge reads `fingerprint` alone
unit = "purecloud-edge.service"
helper = "auto"                # the privileged helper's socket
restart_command = []           # not empty: run this in place of asking systemd
ready_command = []             # exit 0: a restart now disturbs nobody
ready_deadline = "30min"       # a planned restart waits no longer than this
urgent_ready_deadline = "30s"  # the same, where the Edge is locked out already
health_command = []            # exit 0: the restarted Edge is well
settle = "10s"                 # how long it must stay well
restart_budget = 4             # at most this many restarts in restart_window
restart_window = "1h"

[pins]
kind = "certificate"           # or "spki"
policy = "balanced"            # "strict" | "balanced" | "available" (section 6)
bootstrap = "corroborated"     # no pin yet: adopt what passes the checks; or "operator"
hold_down = "15min"
sightings = 5
overlap = "24h"
issuers = []                   # SPKI pins of issuing CAs that the cloud is known to use

[fail_open]
enabled = true
grace = "5min"
limit = "4h"                   # longest time open
budget = 3                     # at most this many openings in budget_window
budget_window = "24h"

[interception]
exceptions = []                # PEM files of inspecting CAs that this site accepts

[clock]
max_error = "60s"

[log]
level = "info"
format = "auto"                # "journal" (native protocol) | "json" | "console"

[bundle]
keys = []                      # Ed25519 public keys whose signed word counts as the operator's
url = ""                       # polled once an hour

[metrics]
textfile = ""                  # a .prom file for node_exporter's textfile collector

[paths]
state = "/var/lib/edgepind"    # or STATE_DIRECTORY as systemd sets it
runtime = "/run/edgepind"      # or RUNTIME_DIRECTORY
"""

FP = ":".join(["AB"] * 32)
WRONG_VALUES = """
[cloud]
host = "https://acme.test/"
port = 65536
addresses = ["acme.test:443"]
public_roots = "relative.pem"
system_roots = ""
interval = "0s"
timeout = "-1s"
[status]
enabled = "yes"
url = "http://acme.test/status"
current = ""
[status.oauth]
token_url = "ftp://acme.test/token"
client_secret_file = "relative"
scopes = ["two words"]
[edge]
pinning_config = "pinning-config.json"
owner = "root"
mode = "0999"
validator = "both"
unit = "edge"
restart_command = "reboot"
ready_command = [""]
ready_deadline = "soon"
urgent_ready_deadline = ""
health_command = [1]
settle = 10
restart_budget = -1
restart_window = "1 fortnight"
[pins]
kind = "sha1"
policy = "lax"
bootstrap = "maybe"
hold_down = "0"
sightings = 0
overlap = "forever"
issuers = ["AB:CD"]
[fail_open]
enabled = 1
grace = "five minutes"
limit = "0h"
budget = 1.5
budget_window = "24 bells"
[interception]
exceptions = ["relative.pem"]
[clock]
max_error = "60 parsecs"
[log]
level = "loud"
format = "xml"
[metrics]
textfile = "/var/lib/metrics.txt"
[paths]
state = "var/lib"
runtime = "./run"
"""

GOOD_VALUES = """
[cloud]
host = "ACME.mypurecloud.com"
addresses = ["127.0.0.1:8443", "[::1]:8443", "192.0.2.1"]
public_roots = "/etc/ssl/cert.pem"
interval = "200ms"
timeout = "1h 30min"
[status]
url = "https://status.example.org:8443/v1?org=1"
[edge]
mode = "0640"
validator = "single"
restart_command = ["/bin/true", "--now"]
settle = "1ms"
ready_deadline = "2d"
restart_window = "90s"
[pins]
kind = "spki"
policy = "available"
bootstrap = "operator"
issuers = ["AB:AB", "sha256//q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="]
[fail_open]
budget = 0
grace = "5m"
limit = "1 week"
[log]
level = "debug"
format = "journal"
""".replace("AB:AB", FP)


def keys(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, object]]:
    """Every key of a settings document as (table, key, value)."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield prefix.rstrip("."), name, value


def as_toml(wanted: list[tuple[str, str, str]]) -> str:
    """A settings file of (table, key, value in TOML)."""
    tables: dict[str, list[str]] = {}
    for table, key, value in wanted:
        tables.setdefault(table, []).append(f"{key} = {value}")
    return "\n".join(f"[{table}]\n" + "\n".join(lines) for table, lines in tables.items())


@pytest.fixture
def refusal(call: Any, tmp_path: Path) -> Any:
    """What `run` says of a settings file that it must refuse."""

    async def told(text: str) -> str:
        settings = tmp_path / "edgepind.toml"
        settings.write_text(text)
        answer = await call("run", "--config", settings)
        assert (answer.code, answer.output) == (2, ""), answer.errors
        said: str = answer.errors
        return said

    return told


def accepted(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Any:
    """The settings that a file makes; fails where it is refused."""
    path = tmp_path / "edgepind.toml"
    path.write_text(text)
    settings = load(path, environ or {})
    assert not isinstance(settings, SettingsRefused), str(settings)
    return settings


async def test_the_contracts_own_file_is_accepted_and_holds_the_defaults(
    call: Any, tmp_path: Path
) -> None:
    """The block of the contract is a settings file, and says what holds without it."""
    whole = accepted(tmp_path, CONTRACT)
    assert whole == accepted(tmp_path, '[cloud]\nhost = "acme.mypurecloud.com"\n')
    (tmp_path / "whole.toml").write_text(CONTRACT)
    answer = await call("override", "show", "--config", tmp_path / "whole.toml")
    assert answer.code == 0, answer.errors


async def test_every_key_refuses_what_is_of_another_type(refusal: Any) -> None:
    """All at once, each with its key and its value."""
    wrong = [
        (table, key, "true" if not isinstance(value, bool) else '"true"')
        for table, key, value in keys(tomllib.loads(CONTRACT))
    ]
    said = await refusal(as_toml(wrong))
    for table, key, value in wrong:
        assert f"{table}.{key} = {value}" in said, said


async def test_every_key_refuses_a_neighbour_that_is_not_known(refusal: Any) -> None:
    """A mistyped key is never read over, whatever table it stands in; nor a mistyped table."""
    wrong = [(table, f"{key}x", "42") for table, key, _ in keys(tomllib.loads(CONTRACT))]
    said = await refusal(f"{as_toml(wrong)}\n[clouds]\nhost = 1\n")
    for table, key, _ in wrong:
        line = next(line for line in said.splitlines() if f"{table}.{key}" in line)
        assert "42" in line
    assert "clouds" in said


async def test_every_wrong_value_is_told_at_once(refusal: Any) -> None:
    """Each by its key, the value and what belongs there, on a line of its own."""
    said = await refusal(WRONG_VALUES)
    for table, key, value in keys(tomllib.loads(WRONG_VALUES)):
        line = next((line for line in said.splitlines() if f"{table}.{key} " in line), None)
        assert line is not None, f"{table}.{key}: {said}"
        assert str(value).strip("[]'") in line
        assert len(line) > len(f"{table}.{key} = {value}") + 10, "no line of reasoning"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "cloud.host"),
        ("[cloud]\nport = 1\n", "cloud.host"),
        ('[cloud]\nhost = "a.test"\nport = \n', "line 3"),
        ('[cloud]\nhost = "a.test"\nhost = "b.test"\n', "line 3"),
        ('[cloud]\nhost = "a\udcff.test"\n', "UTF-8"),
        ('cloud = "a.test"\n', "cloud"),
        ('[cloud]\nhost = "a.test"\n[status.oauth]\ntoken_url = "https://a.test/t"\n', "client_id"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_says_where(tmp_path: Path, text: str, named: str) -> None:
    """Empty, without its one required key, no TOML, no UTF-8, no table, half of OAuth."""
    path = tmp_path / "edgepind.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    refused = load(path, {})
    assert isinstance(refused, SettingsRefused)
    assert named in str(refused)


async def test_a_missing_file_is_named(call: Any, tmp_path: Path) -> None:
    """Exit code 2 and the path."""
    answer = await call("status", "--config", tmp_path / "none.toml")
    assert (answer.code, answer.output) == (2, "")
    assert str(tmp_path / "none.toml") in answer.errors


def test_every_good_spelling_is_taken(tmp_path: Path) -> None:
    """Durations of systemd.time, addresses with and without a port, both notations of SPKI pins."""
    settings = accepted(tmp_path, GOOD_VALUES)
    assert settings.cloud.host == "acme.mypurecloud.com"
    assert [str(it) for it in settings.cloud.addresses] == [
        "127.0.0.1:8443",
        "[::1]:8443",
        "192.0.2.1:443",
    ]
    assert (settings.cloud.interval, settings.cloud.timeout) == (0.2, 5400)
    assert (settings.edge.settle, settings.edge.ready_deadline) == (0.001, 172_800)
    assert (settings.fail_open.grace, settings.fail_open.limit) == (300, 604_800)
    assert [str(it) for it in settings.pins.issuers] == [FP]
    assert settings.edge.mode == 0o640


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("200ms", 0.2),
        ("90s", 90),
        ("15min", 900),
        ("1h 30min", 5400),
        ("2d", 172_800),
        ("1h30min", 5400),
        ("2 hours", 7200),
        ("90", 90),
        ("1.5h", 5400),
        ("500us", 0.0005),
        ("1w 2d 3h 4m 5s 6ms", 788_645.006),
    ],
)
def test_durations_are_those_of_systemd_time(tmp_path: Path, written: str, seconds: float) -> None:
    """Any way in which systemd writes a span of time."""
    settings = accepted(tmp_path, f'[cloud]\nhost = "a.test"\ninterval = "{written}"\n')
    assert settings.cloud.interval == pytest.approx(seconds)


def test_systemds_folders_count_where_none_are_set(tmp_path: Path) -> None:
    """STATE_DIRECTORY and RUNTIME_DIRECTORY stand in for unset paths, and for no others."""
    environ = {"STATE_DIRECTORY": "/srv/state", "RUNTIME_DIRECTORY": "/srv/run:/srv/other"}
    text = '[cloud]\nhost = "a.test"\n'
    paths = accepted(tmp_path, text, environ).paths
    assert (str(paths.state), str(paths.runtime)) == ("/srv/state", "/srv/run")
    paths = accepted(tmp_path, f'{text}[paths]\nstate = "/mine"\n', environ).paths
    assert (str(paths.state), str(paths.runtime)) == ("/mine", "/srv/run")
