"""The settings of `/etc/edgepind/edgepind.toml` as frozen values, one class a table.

Attributes are named as the keys are. Durations are seconds, modes are integers, paths are
`Path`s, fingerprints are parsed. Defaults are those of CONTRACT section 3.
"""

from dataclasses import dataclass
from pathlib import Path

from edgepind.model.rules import FailOpenRules, PinRules
from edgepind.model.words import Validator


@dataclass(frozen=True, slots=True)
class Address:
    """One numeric address and port; `str()` gives `127.0.0.1:8443` or `[::1]:8443`."""

    ip: str
    port: int

    def __str__(self) -> str:
        """The notation of `status.json` and of `cloud.addresses`."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """`[cloud]`: whom to watch. Roots are "bundled", "system" or a PEM file's path."""

    host: str
    port: int = 443
    addresses: tuple[Address, ...] = ()
    public_roots: str = "bundled"
    system_roots: str = "system"
    interval: float = 60.0
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """`[status.oauth]`: client credentials (RFC 6749, section 4.4); `token_url` "": unused."""

    token_url: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    scopes: tuple[str, ...] = ("cloud:instance:read", "security:certificate:read")


@dataclass(frozen=True, slots=True)
class StatusSettings:
    """`[status]`: the security-status endpoint; `url` "": https://HOST:PORT/api/v1/security/status."""

    enabled: bool = True
    url: str = ""
    current: str = ".certificateFingerprint"
    next: str = ".nextCertificateFingerprint // empty"
    rotates_at: str = ".rotationScheduledAt // empty"
    oauth: OAuthSettings = OAuthSettings()


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """`[edge]`: the appliance's document and unit."""

    pinning_config: Path = Path("/etc/purecloud/edge/conf/security/pinning-config.json")
    owner: str = "root:root"
    mode: int = 0o600
    validator: Validator = Validator.ALLOWLIST
    unit: str = "purecloud-edge.service"
    helper: str = "auto"
    restart_command: tuple[str, ...] = ()
    ready_command: tuple[str, ...] = ()
    ready_deadline: float = 1800.0
    urgent_ready_deadline: float = 30.0
    health_command: tuple[str, ...] = ()
    health_deadline: float = 120.0
    settle: float = 10.0
    restart_budget: int = 4
    restart_window: float = 3600.0


@dataclass(frozen=True, slots=True)
class InterceptionSettings:
    """`[interception]`: PEM files of the inspecting CAs that this site accepts."""

    exceptions: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """`[clock]`."""

    max_error: float = 60.0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`[log]`: `level` debug, info, warning or error; `format` auto, journal, json or console."""

    level: str = "info"
    format: str = "auto"


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """`[metrics]`: "" switches the textfile off."""

    textfile: str = ""


@dataclass(frozen=True, slots=True)
class PathsSettings:
    """`[paths]`: where state survives a reboot, and where it need not."""

    state: Path = Path("/var/lib/edgepind")
    runtime: Path = Path("/run/edgepind")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file."""

    cloud: CloudSettings
    status: StatusSettings = StatusSettings()
    edge: EdgeSettings = EdgeSettings()
    pins: PinRules = PinRules()
    fail_open: FailOpenRules = FailOpenRules()
    interception: InterceptionSettings = InterceptionSettings()
    clock: ClockSettings = ClockSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    paths: PathsSettings = PathsSettings()
