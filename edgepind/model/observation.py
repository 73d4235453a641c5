"""What one tick observed; each way in which an observation can fail is a value of a closed union.

Observers in `edgepind.observe` make these; `edgepind.core` reads them.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from edgepind.model.action import Outcome
from edgepind.model.bundle import BundleWord
from edgepind.model.document import EdgeTls
from edgepind.model.enums import Channel, PinKind, Role
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint
from edgepind.model.instants import Validity
from edgepind.model.rules import Rules

# --- the link -----------------------------------------------------------------------------


class HandshakeFault(StrEnum):
    """Why an address gave no leaf to look at."""

    RESOLVE = "resolve"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NETWORK = "network"
    RESET = "reset"
    TLS = "tls"
    NO_COMMON_CIPHER = "no_common_cipher"


@dataclass(frozen=True, slots=True)
class Chain:
    """Whether a chain, as it was sent, reaches a set of roots, and when.

    `window` is the time during which every certificate of the best path is valid, whatever the
    host's clock says; None where no path leads to a root at any time, and then `problem` says
    why. `issuers` are the SPKI pins of the CAs on that path. `openssl_differs` tells that
    OpenSSL, which the Edge uses, takes that path when shown it alone, and does not find it in
    the chain as it was sent. `roots` names the set of roots, and `origin` says where the one at
    the end of the path comes from, each in a clause ("": nothing is known of that). `owners` are
    the organisations of all public roots that it leads to when it was judged, by this path or by
    another; empty where none could be told.
    """

    window: Validity | None
    issuers: frozenset[Fingerprint] = frozenset()
    problem: str | None = None
    openssl_differs: bool = False
    roots: str = ""
    origin: str = ""
    owners: frozenset[str] = frozenset()

    def holds_at(self, when: datetime) -> bool:
        """Whether it reaches a root and every certificate of the path is valid at `when`."""
        return self.window is not None and self.window.holds_at(when)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The certificate that an address served, as far as it is used."""

    certificate: Fingerprint
    spki: Fingerprint
    subject: str
    issuer: str
    validity: Validity
    name_matches: bool
    public: Chain
    system: Chain
    exception: Chain | None = None
    """The chain judged by the configured inspecting CAs; None where none are configured."""
    breach: str | None = None
    """The rule of the WebPKI that its public chain breaks, a clause; None: none. "" where that was
    not asked, because nobody would adopt it: it is out of time, of another name, or pinned."""

    def value(self, kind: PinKind) -> Fingerprint:
        """What a pin of `kind` compares with."""
        return self.certificate if kind is PinKind.CERTIFICATE else self.spki


@dataclass(frozen=True, slots=True)
class Served:
    """A handshake in which a leaf was shown and its key proven."""

    leaf: Leaf
    tls_version: str
    cipher: str
    wider_only: bool = False
    """True where the Edge's own `tlsSettings` found nothing in common and wider settings did."""
    full: bool = True
    """Whether the address was asked under every offer that an Edge might make."""
    others: tuple[Leaf, ...] = ()
    """Further leaves that the address served in this look, under other offers that an Edge might
    make; without `leaf`, and each once."""
    refused: str | None = None
    """How the server ended the handshake after its leaf was proven, in a clause; None: it did not.
    """


@dataclass(frozen=True, slots=True)
class NotServed:
    """A handshake that was not completed, and why, in a clause for a person."""

    fault: HandshakeFault
    error: str


@dataclass(frozen=True, slots=True)
class AddressSeen:
    """What one address (`127.0.0.1:8443`, `[::1]:8443`) answered."""

    address: str
    result: Served | NotServed


@dataclass(frozen=True, slots=True)
class Link:
    """All addresses of the host, in the order of their names; empty where none was found.

    `resolve_error` says why the name gave no address.
    """

    addresses: tuple[AddressSeen, ...]
    resolve_error: str | None = None
    full: bool = True
    """Whether every address was asked under every offer that an Edge might make."""


# --- the status endpoint --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IgnoredField:
    """A field of an answer that was not understood, by the name of its program.

    `reason` is a clause.
    """

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """A usable answer: what the cloud says it serves, or what it will; at least one of them.

    `ignored` are the fields in which there was something else.
    """

    channel: Channel
    current: Fingerprint | None
    next: Fingerprint | None = None
    rotates_at: datetime | None = None
    ignored: tuple[IgnoredField, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusUnchanged:
    """304: the last usable answer is still valid, over this channel."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class StatusRejected:
    """200 with nothing usable in it; changes nothing. `reason` is a clause for a person."""

    channel: Channel
    reason: str


@dataclass(frozen=True, slots=True)
class StatusUnreachable:
    """No answer that could be read. `retry_after` is the server's wish in seconds, if it had one.

    `channel` is what the connection was worth where one was made, else `NONE`.
    """

    error: str
    channel: Channel = Channel.NONE
    retry_after: float | None = None


Status = StatusAnswer | StatusUnchanged | StatusRejected | StatusUnreachable

# --- the clock ------------------------------------------------------------------------------


class ClockSource(StrEnum):
    """Who says how far the clock is off."""

    CHRONY = "chrony"
    KERNEL = "kernel"
    DATE_HEADER = "date-header"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What one source says: seconds by which the host's clock is ahead (negative: behind).

    `uncertainty` is the source's own error bound in seconds. `steady`: it is known to run as
    elapsed time does; a `Date` that was heard once is not.
    """

    source: ClockSource
    ahead: float
    uncertainty: float = 0.0
    steady: bool = True


# --- the Edge -------------------------------------------------------------------------------


class UnitState(StrEnum):
    """systemd's `ActiveState`, or why there is no such unit to start."""

    ACTIVE = "active"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    INACTIVE = "inactive"
    FAILED = "failed"
    ABSENT = "absent"
    MASKED = "masked"


def cannot_start(state: UnitState, name: str = "") -> str | None:
    """Why a unit in this state cannot be started, and what to do; None: it can."""
    match state:
        case UnitState.ABSENT:
            return f"systemd knows no unit {name or 'of this name'}; correct `edge.unit`"
        case UnitState.MASKED:
            unmask = f"systemctl unmask {name}".rstrip()
            return f"{name or 'the unit'} is masked; `{unmask}` lets it start again"
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Unit:
    """The Edge's unit. `invocation` is systemd's id of its present run ("" where it has none).

    `started_at` is when it began to be started for that run: nothing was read before. One that is
    activating without a run waits for its turn to be started. `job`: it is up, and systemd has a
    job for it that has not ended, such as a restart that waits for another unit's job.
    """

    state: UnitState
    invocation: str = ""
    started_at: datetime | None = None
    job: bool = False


@dataclass(frozen=True, slots=True)
class NoUnit:
    """There is no unit to observe: `restart_command` is used instead."""


@dataclass(frozen=True, slots=True)
class UnitUnknown:
    """systemd could not be asked."""

    error: str


EdgeUnit = Unit | NoUnit | UnitUnknown


@dataclass(frozen=True, slots=True)
class Health:
    """The result of `health_command`; asked only while the restarted Edge settles."""

    well: bool
    detail: str = ""


# --- the pinning document -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """The four keys that edgepind owns, as found in `pinning-config.json`.

    `accepted` holds what could be read of `fingerprint` and `fingerprints`, in order and once
    each; `refused` what could not. `exact` tells that the keys are spelt as edgepind spells
    them. `digest` is the SHA-256 of the whole file, and `changed` its change time, which cannot
    be set. `attributes_right`: owner and mode are those of the settings. `extras`: it holds
    comments or trailing commas, which go when it is written.
    """

    enabled: bool | None
    current: Fingerprint | None
    accepted: tuple[Fingerprint, ...]
    digest: str
    changed: datetime
    refused: tuple[RefusedFingerprint, ...] = ()
    exact: bool = True
    attributes_right: bool = True
    extras: bool = False

    @property
    def named(self) -> tuple[Fingerprint, ...]:
        """Every pin that it names, once each: the current one first, where it can be read."""
        every = (self.current, *self.accepted)
        return tuple(dict.fromkeys(it for it in every if it is not None))


@dataclass(frozen=True, slots=True)
class DocumentMissing:
    """There is no file at the path."""


@dataclass(frozen=True, slots=True)
class DocumentRejected:
    """There is a file, and it is not JSON or not of the right shape.

    `restorable`: edgepind keeps a good copy of an earlier one, to put in its place. Where it has
    none, the file is all that there is, and is never written over.
    """

    reason: str
    restorable: bool = True


@dataclass(frozen=True, slots=True)
class DocumentUnreadable:
    """The file could not be read or asked for."""

    error: str


Document = DocumentRead | DocumentMissing | DocumentRejected | DocumentUnreadable

# --- the operator ---------------------------------------------------------------------------


_EMPTY_LASTS = timedelta(hours=1)
"""How long an empty override file counts, from its modification time (CONTRACT section 7)."""


@dataclass(frozen=True, slots=True)
class OverrideFile:
    """A usable override file. `until` is None for an empty one, which counts for an hour."""

    made_at: datetime
    until: datetime | None = None
    reason: str = "a file made by hand"
    by: str = "unknown"

    @property
    def end(self) -> datetime:
        """When it ends by the wall clock."""
        return self.until or self.made_at + _EMPTY_LASTS


@dataclass(frozen=True, slots=True)
class OverrideRejected:
    """An override file that is neither empty nor what the command writes; it has no effect."""

    path: str
    reason: str


Override = OverrideFile | OverrideRejected | None


@dataclass(frozen=True, slots=True)
class PinAdd:
    """`edgepind pin add`; `role` None means backup, or current where there is none."""

    fingerprint: Fingerprint
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class PinRemove:
    """`edgepind pin remove`."""

    fingerprint: Fingerprint


PinWord = PinAdd | PinRemove
OperatorWord = PinWord | BundleWord
"""Each counts as the operator's own word, under every policy."""

# --- all of it ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observations:
    """The input of one call of `decide`.

    A part that was not observed is None (or empty) and leaves what is known of it unchanged.
    `tls` are the Edge's settings in the document. `entropy` is drawn uniformly from [0, 1), for
    jitter; `took` is how many seconds the observation
    lasted.
    """

    rules: Rules
    link: Link | None = None
    status: Status | None = None
    clock: tuple[ClockReading, ...] | None = None
    unit: EdgeUnit | None = None
    health: Health | None = None
    document: Document | None = None
    tls: EdgeTls = EdgeTls()
    override: Override = None
    override_looked_at: bool = False
    words: tuple[OperatorWord, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    entropy: float = field(default=0.5)
    took: float = 0.0
