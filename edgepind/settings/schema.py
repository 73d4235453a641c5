"""The settings of `/etc/edgepind/edgepind.toml` as frozen values, one class a table.

Each setting is declared once, as a field with its kind of value, its default as written in TOML
(CONTRACT section 3) and a line of documentation. Parsing, the sample file and the manual page use
the `TABLES` read from these fields. Durations are seconds, modes integers, fingerprints parsed.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from math import inf
from pathlib import Path
from typing import Any

from edgepind import RELEASED
from edgepind.model.enums import Bootstrap, ExceptionPin, HighestTls, PinKind, Policy, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules, Rules
from edgepind.settings.kinds import (
    ADDRESSES,
    ANY_TEXT,
    BOOLEAN,
    COMMAND,
    DURATION,
    DURATION_OR_AUTO,
    FILE,
    FILE_OR_NONE,
    FINGERPRINTS,
    FOLDER,
    HELPER,
    HOST,
    HTTPS_PORT,
    HTTPS_URL_OR_NONE,
    JQ_PROGRAM,
    MODE,
    OWNER,
    PEM_FILES,
    PORT,
    PROM_FILE_OR_NONE,
    SCOPES,
    UNIT,
    Address,
    Kind,
    Wrong,
    one_of,
    roots,
    whole_number,
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `written` is its default in TOML or, if it is required, an example."""

    name: str
    kind: Kind
    written: str
    doc: str
    required: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file, by its dotted name, and the class of its values."""

    name: str
    schema: type
    doc: str
    keys: tuple[Key, ...]


def described(kind: Kind, written: str, doc: str) -> dict[str, Any]:
    """Metadata of a required field; `written` is an example in TOML."""
    return {"kind": kind, "written": written, "doc": doc}


def setting(kind: Kind, written: str, doc: str) -> Any:
    """A field whose default is what `kind` reads from `written`, a TOML value.

    Raises TypeError if that is not of the kind.
    """
    default = kind.read(tomllib.loads(f"default = {written}")["default"])
    if isinstance(default, Wrong):
        raise TypeError(f"the default {written} is not {kind.form}: {default.reason}")
    return field(default=default, metadata=described(kind, written, doc))


def tables_of(settings: type, name: str = "") -> Iterator[Table]:
    """The tables that a class of settings stands for: its own, then those of its fields.

    A table is documented by the first line of its class. A field without metadata is a table.
    """
    if not is_dataclass(settings):
        raise TypeError(f"{settings} has no fields")
    keys = tuple(
        Key(it.name, **it.metadata, required=it.default is MISSING)
        for it in fields(settings)
        if it.metadata
    )
    if keys:
        yield Table(name, settings, (settings.__doc__ or "").partition("\n")[0], keys)
    for it in fields(settings):
        if not it.metadata and isinstance(it.type, type):
            yield from tables_of(it.type, f"{name}.{it.name}".removeprefix("."))


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """The cloud to watch."""

    host: str = field(
        metadata=described(
            HOST, '"acme.mypurecloud.com"', "The cloud's name: sent as SNI and verified."
        )
    )
    port: int = setting(PORT, str(HTTPS_PORT), "The cloud's port.")
    addresses: tuple[Address, ...] = setting(
        ADDRESSES, "[]", 'Exactly these, as ["192.0.2.1:443"]; empty: every A and AAAA record.'
    )
    public_roots: str = setting(
        roots("bundled"),
        '"bundled"',
        'The public CAs: "bundled" is the Mozilla set that ships with edgepind, and what is newer '
        "of the distribution's own.",
    )
    system_roots: str = setting(
        roots("system"),
        '"system"',
        "What this host trusts: a CA found here alone is taken for an inspecting proxy's.",
    )
    interval: float = setting(DURATION, '"60s"', "How long from one tick to the next.")
    timeout: float = setting(
        DURATION, '"10s"', "How long one handshake or one request may take as a whole."
    )
    client_certificate: str = setting(
        FILE_OR_NONE,
        '""',
        "PEM of a certificate with its key, where the cloud asks for one; empty: the systemd "
        "credential edgepind.client-certificate, if there is one.",
    )


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """OAuth 2 client credentials for the status endpoint, where it asks for them."""

    token_url: str = setting(
        HTTPS_URL_OR_NONE, '""', "Where tokens are asked for; empty: none are."
    )
    client_id: str = setting(ANY_TEXT, '""', "The client's id, required where token_url is set.")
    client_secret_file: str = setting(
        FILE_OR_NONE,
        '""',
        "The file of the secret; empty: the systemd credential edgepind.oauth-secret.",
    )
    scopes: tuple[str, ...] = setting(
        SCOPES,
        '["cloud:instance:read", "security:certificate:read"]',
        "The scopes that a token is asked for.",
    )


@dataclass(frozen=True, slots=True)
class StatusSettings:
    """The security-status endpoint, where rotations are announced."""

    enabled: bool = setting(BOOLEAN, "true", "Whether the endpoint is asked at all.")
    url: str = setting(
        HTTPS_URL_OR_NONE, '""', "The endpoint; empty: https://HOST:PORT/api/v1/security/status."
    )
    current: str = setting(
        JQ_PROGRAM,
        '".certificateFingerprint"',
        "The jq program that finds the fingerprint in use in the answer.",
    )
    next: str = setting(
        JQ_PROGRAM,
        '".nextCertificateFingerprint // empty"',
        "The jq program that finds the announced fingerprint.",
    )
    rotates_at: str = setting(
        JQ_PROGRAM,
        '".rotationScheduledAt // empty"',
        "The jq program that finds when it will be used (RFC 3339).",
    )
    oauth: OAuthSettings = OAuthSettings()


COMMAND_DEADLINE = 120.0
"""Seconds for `restart_command` where the settings give it none."""


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """The Edge: its pinning document and its service."""

    pinning_config: Path = setting(
        FILE,
        '"/etc/purecloud/edge/conf/security/pinning-config.json"',
        "The document that edgepind keeps.",
    )
    owner: str = setting(
        OWNER,
        '"auto"',
        "The document's owner and group; auto: as found, unless strangers may write it.",
    )
    mode: int | None = setting(
        MODE,
        '"auto"',
        "The document's mode; auto: as found, unless strangers may write or the world read it.",
    )
    tls: HighestTls = setting(
        one_of(HighestTls),
        '"unknown"',
        'The highest TLS version that the Edge speaks, where known: "1.2" or "1.3".',
    )
    validator: Validator = setting(
        one_of(Validator),
        '"allowlist"',
        'What the Edge reads; "single": the key `fingerprint` alone.',
    )
    unit: str = setting(UNIT, '"purecloud-edge.service"', "The Edge's unit.")
    helper: str = setting(
        HELPER,
        '"auto"',
        "The privileged helper's socket; auto: apply.sock under paths.runtime unless "
        'the process is root; "": in the process itself.',
    )
    start_timeout: float = setting(
        DURATION_OR_AUTO,
        '"auto"',
        "How long a start of the Edge, or restart_command, may take; auto: as long as the unit's "
        "own TimeoutStartSec allows, and restart_command 2min.",
    )
    restart_command: tuple[str, ...] = setting(
        COMMAND, "[]", "Run to restart the Edge in place of asking systemd."
    )
    ready_command: tuple[str, ...] = setting(
        COMMAND, "[]", "Run before a restart; exit 0: the Edge may be restarted now."
    )
    ready_deadline: float = setting(
        DURATION, '"30min"', "A planned restart waits no longer than this for ready_command."
    )
    urgent_ready_deadline: float = setting(
        DURATION, '"30s"', "The same, where the Edge is locked out, or does not pin and should."
    )
    health_command: tuple[str, ...] = setting(
        COMMAND, "[]", "Run after a restart; exit 0: the Edge is well."
    )
    health_deadline: float = setting(
        DURATION,
        '"2min"',
        "How long the Edge may take to become well once it is started, registering included.",
    )
    settle: float = setting(
        DURATION,
        '"10s"',
        "How long it must then stay well, after at most health_deadline.",
    )
    restart_budget: int = setting(
        whole_number(0), "4", "At most this many restarts in restart_window."
    )
    restart_window: float = setting(DURATION, '"1h"', "The time over which restart_budget counts.")

    @property
    def command_deadline(self) -> float:
        """Seconds for `restart_command`; 0.0 where there is none, and systemd is asked."""
        if not self.restart_command:
            return 0.0
        return COMMAND_DEADLINE if self.start_timeout == inf else self.start_timeout


@dataclass(frozen=True, slots=True)
class PinSettings:
    """How pins are learned, accepted and retired."""

    kind: PinKind = setting(
        one_of(PinKind),
        '"certificate"',
        "What a pin is a hash of: the leaf certificate, or its public key.",
    )
    policy: Policy = setting(
        one_of(Policy), '"balanced"', "What an unannounced rotation has to prove."
    )
    bootstrap: Bootstrap = setting(
        one_of(Bootstrap),
        '"corroborated"',
        'No pin yet: adopt what passes the checks; "operator": wait for `pin add`.',
    )
    hold_down: float = setting(
        DURATION, '"15min"', "The least age of an unannounced pin before it is accepted."
    )
    sightings: int = setting(whole_number(1), "5", "How often it must have been seen by then.")
    overlap: float = setting(DURATION, '"24h"', "How long a former pin is still accepted.")
    issuers: frozenset[Fingerprint] = setting(
        FINGERPRINTS, "[]", "SPKI pins of issuing CAs that the cloud is known to use."
    )


@dataclass(frozen=True, slots=True)
class FailOpenSettings:
    """When, for how long and how often validation may be switched off (fail-open)."""

    enabled: bool = setting(BOOLEAN, "true", "Whether validation may be switched off at all.")
    grace: float = setting(DURATION, '"5min"', "How long a lockout must have lasted before that.")
    limit: float = setting(DURATION, '"4h"', "The longest time for which it stays off.")
    budget: int = setting(whole_number(0), "3", "At most this many openings in budget_window.")
    budget_window: float = setting(DURATION, '"24h"', "The time over which budget counts.")


@dataclass(frozen=True, slots=True)
class InterceptionSettings:
    """Inspecting proxies."""

    exceptions: tuple[Path, ...] = setting(
        PEM_FILES, "[]", "PEM files of inspecting CAs that this site accepts."
    )
    exception_pin: ExceptionPin = setting(
        one_of(ExceptionPin),
        '"leaf"',
        'What of such a CA is pinned: a leaf after its hold-down; "ca": what it issues for the '
        "host, at once.",
    )


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """The host's clock."""

    max_error: float = setting(DURATION, '"60s"', "A clock known to be further off is not trusted.")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    level: str = setting(
        one_of(("debug", "info", "warning", "error")),
        '"info"',
        "The least severity that is logged.",
    )
    format: str = setting(
        one_of(("auto", "journal", "json", "console")),
        '"auto"',
        "The log format; auto: journal under systemd, console on a terminal.",
    )


@dataclass(frozen=True, slots=True)
class BundleSettings:
    """Signed pin bundles."""

    keys: tuple[Path, ...] = setting(
        PEM_FILES,
        "[]",
        "PEM files of Ed25519 public keys whose signed word counts as the operator's; root's or "
        "the daemon's own, and writable by nobody else.",
    )
    url: str = setting(HTTPS_URL_OR_NONE, '""', "Where a bundle is asked for once an hour.")


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Figures for Prometheus."""

    textfile: str = setting(
        PROM_FILE_OR_NONE, '""', "A .prom file for node_exporter's textfile collector; empty: none."
    )


@dataclass(frozen=True, slots=True)
class PathsSettings:
    """Where edgepind keeps its own files."""

    state: Path = setting(
        FOLDER,
        '"/var/lib/edgepind"',
        "What survives a reboot; where unset, STATE_DIRECTORY counts, as systemd sets it.",
    )
    runtime: Path = setting(
        FOLDER,
        '"/run/edgepind"',
        "What need not survive one; where unset, RUNTIME_DIRECTORY counts.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file."""

    cloud: CloudSettings
    status: StatusSettings = StatusSettings()
    edge: EdgeSettings = EdgeSettings()
    pins: PinSettings = PinSettings()
    fail_open: FailOpenSettings = FailOpenSettings()
    interception: InterceptionSettings = InterceptionSettings()
    clock: ClockSettings = ClockSettings()
    log: LogSettings = LogSettings()
    bundle: BundleSettings = BundleSettings()
    metrics: MetricsSettings = MetricsSettings()
    paths: PathsSettings = PathsSettings()


TABLES = tuple(tables_of(Settings))
"""Every table of the file, in its order."""


def rules_of(settings: Settings) -> Rules:
    """The part of the settings that the core decides by."""
    edge, pins, fail_open = settings.edge, settings.pins, settings.fail_open
    return Rules(
        host=settings.cloud.host,
        earliest=RELEASED,
        interval=settings.cloud.interval,
        max_clock_error=settings.clock.max_error,
        status_enabled=settings.status.enabled,
        pins=PinRules(
            kind=pins.kind,
            policy=pins.policy,
            bootstrap=pins.bootstrap,
            hold_down=pins.hold_down,
            sightings=pins.sightings,
            overlap=pins.overlap,
            issuers=pins.issuers,
            exception_pin=settings.interception.exception_pin,
        ),
        fail_open=FailOpenRules(
            enabled=fail_open.enabled,
            grace=fail_open.grace,
            limit=fail_open.limit,
            budget=fail_open.budget,
            budget_window=fail_open.budget_window,
        ),
        restart=RestartRules(
            validator=edge.validator,
            ready_deadline=edge.ready_deadline,
            urgent_ready_deadline=edge.urgent_ready_deadline,
            start_timeout=edge.start_timeout,
            health_deadline=edge.health_deadline,
            settle=edge.settle,
            budget=edge.restart_budget,
            window=edge.restart_window,
        ),
    )
