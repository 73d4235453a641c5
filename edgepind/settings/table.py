"""Every key of the settings file, in one table.

Parsing, validation, the sample file and the manual page are all made from it, so that they
cannot drift apart. A key's default stands in `schema`, too, where the program takes it from;
tests hold that the two agree.
"""

from dataclasses import dataclass

from edgepind.model.rules import FailOpenRules, PinRules
from edgepind.model.words import Bootstrap, PinKind, Policy, Validator
from edgepind.settings import host_kinds as host
from edgepind.settings import kinds as plain
from edgepind.settings import network_kinds as network
from edgepind.settings import schema
from edgepind.settings.kinds import Kind


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `default` is written as in TOML; the sample shows it, or a required key's example.

    `doc` is a line for the sample and the manual page.
    """

    name: str
    default: str
    kind: Kind
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file, and the class of `schema` that is made of it."""

    name: str
    schema: type
    doc: str
    keys: tuple[Key, ...]


TABLES: tuple[Table, ...] = (
    Table(
        "cloud",
        schema.CloudSettings,
        "Whom to watch.",
        (
            Key(
                "host",
                '"acme.mypurecloud.com"',
                network.HOST,
                "The cloud's name: sent as SNI and verified.",
                required=True,
            ),
            Key("port", "443", network.PORT, "The cloud's port."),
            Key(
                "addresses",
                "[]",
                network.ADDRESSES,
                'Exactly these, as ["192.0.2.1:443"]; empty: every A and AAAA record.',
            ),
            Key(
                "public_roots",
                '"bundled"',
                host.roots("bundled"),
                'The public CAs: "bundled" is the Mozilla set that ships with edgepind.',
            ),
            Key(
                "system_roots",
                '"system"',
                host.roots("system"),
                "What this host trusts: an inspecting proxy's CA is told by its being here alone.",
            ),
            Key("interval", '"60s"', plain.DURATION, "How long from one tick to the next."),
            Key(
                "timeout",
                '"10s"',
                plain.DURATION,
                "How long one handshake or one request may take as a whole.",
            ),
        ),
    ),
    Table(
        "status",
        schema.StatusSettings,
        "The security-status endpoint, where rotations are announced.",
        (
            Key("enabled", "true", plain.BOOLEAN, "Whether the endpoint is asked at all."),
            Key(
                "url",
                '""',
                network.HTTPS_URL_OR_NONE,
                "The endpoint; empty: https://HOST:PORT/api/v1/security/status.",
            ),
            Key(
                "current",
                '".certificateFingerprint"',
                plain.JQ_PROGRAM,
                "The jq program that finds the fingerprint in use in the answer.",
            ),
            Key(
                "next",
                '".nextCertificateFingerprint // empty"',
                plain.JQ_PROGRAM,
                "The jq program that finds the announced fingerprint.",
            ),
            Key(
                "rotates_at",
                '".rotationScheduledAt // empty"',
                plain.JQ_PROGRAM,
                "The jq program that finds when it will be used (RFC 3339).",
            ),
        ),
    ),
    Table(
        "status.oauth",
        schema.OAuthSettings,
        "OAuth 2 client credentials for the status endpoint, where it asks for them.",
        (
            Key(
                "token_url",
                '""',
                network.HTTPS_URL_OR_NONE,
                "Where tokens are asked for; empty: none are.",
            ),
            Key(
                "client_id",
                '""',
                plain.ANY_TEXT,
                "The client's id, required where token_url is set.",
            ),
            Key(
                "client_secret_file",
                '""',
                host.FILE_OR_NONE,
                "The file of the secret; empty: the systemd credential edgepind.oauth-secret.",
            ),
            Key(
                "scopes",
                '["cloud:instance:read", "security:certificate:read"]',
                network.SCOPES,
                "The scopes that a token is asked for.",
            ),
        ),
    ),
    Table(
        "edge",
        schema.EdgeSettings,
        "The Edge: its pinning document and its service.",
        (
            Key(
                "pinning_config",
                '"/etc/purecloud/edge/conf/security/pinning-config.json"',
                host.FILE,
                "The document that edgepind keeps.",
            ),
            Key("owner", '"root:root"', host.OWNER, "Whom the document belongs to."),
            Key("mode", '"0600"', host.MODE, "The document's mode."),
            Key(
                "validator",
                '"allowlist"',
                plain.one_of(Validator),
                'What the Edge reads; "single": the key `fingerprint` alone.',
            ),
            Key("unit", '"purecloud-edge.service"', host.UNIT, "The Edge's unit."),
            Key(
                "helper",
                '"auto"',
                host.HELPER,
                "The privileged helper's socket; auto: apply.sock under paths.runtime unless "
                'the process is root; "": in the process itself.',
            ),
            Key(
                "restart_command",
                "[]",
                host.COMMAND,
                "Run to restart the Edge in place of asking systemd.",
            ),
            Key(
                "ready_command",
                "[]",
                host.COMMAND,
                "Run before a restart; exit 0: a restart now disturbs nobody.",
            ),
            Key(
                "ready_deadline",
                '"30min"',
                plain.DURATION,
                "A planned restart waits no longer than this for ready_command.",
            ),
            Key(
                "urgent_ready_deadline",
                '"30s"',
                plain.DURATION,
                "The same, where the Edge is locked out, or does not pin and should.",
            ),
            Key(
                "health_command",
                "[]",
                host.COMMAND,
                "Run after a restart; exit 0: the Edge is well.",
            ),
            Key(
                "health_deadline",
                '"2min"',
                plain.DURATION,
                "How long a restarted Edge may take to become well, registering included.",
            ),
            Key(
                "settle",
                '"10s"',
                plain.DURATION,
                "How long it must stay well then; what it takes to become so is health_deadline's.",
            ),
            Key(
                "restart_budget",
                "4",
                plain.whole_number(0),
                "At most this many restarts in restart_window.",
            ),
            Key(
                "restart_window",
                '"1h"',
                plain.DURATION,
                "The time over which restart_budget counts.",
            ),
        ),
    ),
    Table(
        "pins",
        PinRules,
        "How pins are learned and let go.",
        (
            Key(
                "kind",
                '"certificate"',
                plain.one_of(PinKind),
                "What a pin is a hash of: the leaf certificate, or its public key.",
            ),
            Key(
                "policy",
                '"balanced"',
                plain.one_of(Policy),
                "How much an unannounced rotation has to prove.",
            ),
            Key(
                "bootstrap",
                '"corroborated"',
                plain.one_of(Bootstrap),
                'No pin yet: adopt what passes the checks; "operator": wait for `pin add`.',
            ),
            Key(
                "hold_down",
                '"15min"',
                plain.DURATION,
                "The least age of an unannounced pin before it is accepted.",
            ),
            Key(
                "sightings", "5", plain.whole_number(1), "How often it must have been seen by then."
            ),
            Key("overlap", '"24h"', plain.DURATION, "How long a former pin is still accepted."),
            Key(
                "issuers",
                "[]",
                host.FINGERPRINTS,
                "SPKI pins of issuing CAs that the cloud is known to use.",
            ),
        ),
    ),
    Table(
        "fail_open",
        FailOpenRules,
        "When, for how long and how often validation may be let go.",
        (
            Key("enabled", "true", plain.BOOLEAN, "Whether it may be let go at all."),
            Key("grace", '"5min"', plain.DURATION, "How long a lockout must have lasted."),
            Key("limit", '"4h"', plain.DURATION, "The longest time for which it stays let go."),
            Key(
                "budget", "3", plain.whole_number(0), "At most this many openings in budget_window."
            ),
            Key("budget_window", '"24h"', plain.DURATION, "The time over which budget counts."),
        ),
    ),
    Table(
        "interception",
        schema.InterceptionSettings,
        "Inspecting proxies.",
        (
            Key(
                "exceptions",
                "[]",
                host.PEM_FILES,
                "PEM files of inspecting CAs that this site accepts.",
            ),
        ),
    ),
    Table(
        "clock",
        schema.ClockSettings,
        "The host's clock.",
        (
            Key(
                "max_error",
                '"60s"',
                plain.DURATION,
                "A clock that is known to be further off is not trusted.",
            ),
        ),
    ),
    Table(
        "log",
        schema.LogSettings,
        "What is told, and how.",
        (
            Key(
                "level",
                '"info"',
                plain.one_of(("debug", "info", "warning", "error")),
                "The least severity that is told.",
            ),
            Key(
                "format",
                '"auto"',
                plain.one_of(("auto", "journal", "json", "console")),
                "How it is told; auto: journal under systemd, console on a terminal.",
            ),
        ),
    ),
    Table(
        "metrics",
        schema.MetricsSettings,
        "Figures for Prometheus.",
        (
            Key(
                "textfile",
                '""',
                host.PROM_FILE_OR_NONE,
                "A .prom file for node_exporter's textfile collector; empty: none.",
            ),
        ),
    ),
    Table(
        "paths",
        schema.PathsSettings,
        "Where edgepind keeps its own files.",
        (
            Key(
                "state",
                '"/var/lib/edgepind"',
                host.FOLDER,
                "What survives a reboot; where unset, STATE_DIRECTORY counts, as systemd sets it.",
            ),
            Key(
                "runtime",
                '"/run/edgepind"',
                host.FOLDER,
                "What need not survive one; where unset, RUNTIME_DIRECTORY counts.",
            ),
        ),
    ),
)
