"""The closed vocabularies of the contract: findings, postures, roles, origins, events.

Each value is written to files, journal and JSON as it is here.
"""

from enum import StrEnum


class PinKind(StrEnum):
    """What a pin is a hash of."""

    CERTIFICATE = "certificate"
    SPKI = "spki"


class Role(StrEnum):
    """The role of a pin. All but `PENDING` are accepted."""

    CURRENT = "current"
    BACKUP = "backup"
    PENDING = "pending"
    RETIRING = "retiring"


class Origin(StrEnum):
    """Which row of the policy table let a pin in."""

    OPERATOR = "operator"
    ANNOUNCED = "announced"
    BUNDLE = "bundle"
    OBSERVED = "observed"
    EXCEPTION = "exception"
    BOOTSTRAP = "bootstrap"
    DOCUMENT = "document"
    """Found in the pinning config after the state was lost."""


class Finding(StrEnum):
    """What one tick concluded about one address, or about the link as a whole."""

    PINNED = "pinned"
    ROTATING = "rotating"
    UNANNOUNCED_ROTATION = "unannounced_rotation"
    INTERCEPTION = "interception"
    CLOCK_FAULT = "clock_fault"
    CERTIFICATE_FAULT = "certificate_fault"
    CIPHER_MISMATCH = "cipher_mismatch"
    UNREACHABLE = "unreachable"


class Posture(StrEnum):
    """Whether validation is enforced now, and why not (CONTRACT section 7)."""

    ENFORCING = "enforcing"
    GRACE = "grace"
    OPEN = "open"
    EXHAUSTED = "exhausted"
    OVERRIDE = "override"


class Policy(StrEnum):
    """How much an unannounced rotation has to prove."""

    STRICT = "strict"
    BALANCED = "balanced"
    AVAILABLE = "available"


class Bootstrap(StrEnum):
    """How the first pin is found."""

    CORROBORATED = "corroborated"
    OPERATOR = "operator"


class ExceptionPin(StrEnum):
    """What of an inspecting CA that the site has named is accepted."""

    LEAF = "leaf"
    """Each of its leaves, after a hold-down."""
    CA = "ca"
    """All that it issues for the host, at once."""


class Validator(StrEnum):
    """What the Edge reads: the allowlist, or `fingerprint` alone."""

    ALLOWLIST = "allowlist"
    SINGLE = "single"


class Channel(StrEnum):
    """How far the connection to the status endpoint is trusted.

    `PINNED`: its leaf is pinned by a pin with standing. `WITHOUT_STANDING`: by one without, so
    that no announcement over it is believed; the status file calls it pinned as well.
    """

    PINNED = "pinned"
    WITHOUT_STANDING = "without_standing"
    UNPINNED = "unpinned"
    NONE = "none"


class Severity(StrEnum):
    """The severity of an event, as in syslog (RFC 5424, section 6.2.1)."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    ERR = "err"
    CRIT = "crit"


class EventName(StrEnum):
    """Every event that the journal can carry (CONTRACT section 10)."""

    STARTED = "started"
    STOPPING = "stopping"
    RELOADED = "reloaded"
    RELOAD_REJECTED = "reload_rejected"
    PIN_PENDING = "pin_pending"
    PIN_PREPARED = "pin_prepared"
    PIN_ACTIVATED = "pin_activated"
    PIN_RETIRED = "pin_retired"
    PIN_REFUSED = "pin_refused"
    FINDING_CHANGED = "finding_changed"
    POSTURE_CHANGED = "posture_changed"
    CONFIG_WRITTEN = "config_written"
    CONFIG_REPAIRED = "config_repaired"
    CONFIG_REJECTED = "config_rejected"
    RESTART_REQUESTED = "restart_requested"
    RESTART_SUCCEEDED = "restart_succeeded"
    RESTART_FAILED = "restart_failed"
    RESTART_DEFERRED = "restart_deferred"
    ROLLED_BACK = "rolled_back"
    STATUS_REJECTED = "status_rejected"
    STATUS_UNREACHABLE = "status_unreachable"
    BUNDLE_APPLIED = "bundle_applied"
    BUNDLE_REJECTED = "bundle_rejected"
    OVERRIDE_ON = "override_on"
    OVERRIDE_OFF = "override_off"
    STATE_DAMAGED = "state_damaged"
    WRITE_FAILED = "write_failed"
    ATTRIBUTES_CHANGED = "attributes_changed"
    INVARIANT_VIOLATED = "invariant_violated"


class HighestTls(StrEnum):
    """The highest TLS version that the Edge speaks, as far as the site knows (`edge.tls`)."""

    UNKNOWN = "unknown"
    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"
