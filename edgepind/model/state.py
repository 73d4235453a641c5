"""Everything that the daemon remembers from one tick to the next.

Frozen; `core.decide` makes the next one, `edgepind.state` keeps it on disk. Instants are
`Monotonic` readings of the present boot: the store moves them when it loads after a reboot.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from edgepind.model.bundle import NO_SERIAL, BundlePin, KeptSerial
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel, Finding, Posture
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic, Validity
from edgepind.model.observation import ClockSource, HandshakeFault
from edgepind.model.pin import Pin


@dataclass(frozen=True, slots=True)
class OverrideState:
    """An override in force. `ends` bounds it whatever the wall clock does later.

    It is kept past its end while its file is there, so that the file cannot start it again;
    `told_over` says that the end was told, `told_stuck` that its file cannot be removed.
    """

    until: datetime
    ends: Monotonic
    reason: str
    by: str
    told_over: bool = False
    told_stuck: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """The posture machine's memory.

    `lockout_ticks` counts ticks in a row with a lockout by unannounced rotation; `grace_served`
    is the part of `grace` over, in seconds; `openings` are the instants of past openings;
    `open_ends` is when `open` must end at the latest.
    """

    posture: Posture = Posture.ENFORCING
    since: datetime | None = None
    lockout_ticks: int = 0
    grace_served: float = 0.0
    openings: tuple[Monotonic, ...] = ()
    open_ends: Monotonic | None = None
    override: OverrideState | None = None
    override_problem: str | None = None
    reminded: Monotonic | None = None


class RestartPhase(StrEnum):
    """The names of the phases of a restart (table in `core.restarts`)."""

    IDLE = "idle"
    OWED = "owed"
    SETTLING = "settling"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Debt:
    """The restart that the Edge is owed, or was until it settles.

    `since` is the instant at which the debt arose. `failures` counts attempts since the last good
    one, and `not_before` is when the next may be made. `asked`: that it was asked for was told.
    """

    since: Monotonic
    failures: int = 0
    not_before: Monotonic | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Idle:
    """The Edge has loaded what is written, and is well with it."""

    phase: ClassVar[RestartPhase] = RestartPhase.IDLE


@dataclass(frozen=True, slots=True)
class Owed:
    """The Edge has not loaded what is written. `deferral_told`: why it has to wait was told."""

    phase: ClassVar[RestartPhase] = RestartPhase.OWED
    debt: Debt
    deferral_told: bool = False


@dataclass(frozen=True, slots=True)
class Settling:
    """The Edge was restarted, and is not yet known to be well.

    It is watched `since` an instant. `settled` is how many seconds of `settle` were served well;
    `seen_well`: the last look found it well. `wait_told`: that an unwell Edge is waited for,
    because there is no way back, was told.
    """

    phase: ClassVar[RestartPhase] = RestartPhase.SETTLING
    debt: Debt
    since: Monotonic
    settled: float = 0.0
    seen_well: bool = False
    wait_told: bool = False


@dataclass(frozen=True, slots=True)
class RollingBack:
    """An attempt failed: the last good document is put back, and is still to be loaded."""

    phase: ClassVar[RestartPhase] = RestartPhase.ROLLING_BACK
    debt: Debt
    deferral_told: bool = False


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The last good document is in force, until the next attempt may be made."""

    phase: ClassVar[RestartPhase] = RestartPhase.ROLLED_BACK
    debt: Debt
    deferral_told: bool = False


Owing = Owed | RollingBack | RolledBack
"""The phases in which a restart is owed."""
Restart = Idle | Owed | Settling | RollingBack | RolledBack


@dataclass(frozen=True, slots=True)
class Starting:
    """A start, or the stop before it, that was seen and has not ended.

    `since` is when the start began, as far as is known; `run` is systemd's id of it ("": not yet).
    """

    since: Monotonic
    run: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """What is known of the Edge and its document, whatever the phase of a restart.

    `written` is what the document said when edgepind last wrote or agreed with it; `digest` its
    file's hash; `loaded` is what the Edge last started with, `good` what it last started *well*
    with; None: not known. `invocation` is systemd's name for the present run ("": not known), and
    `watched_run` that of the run which was last watched or found well: another one is a restart
    whose outcome was not learned. `restarts` are the instants of those in the budget's window.
    `starting` is a start that edgepind asked for, or waits for, and that has not ended.
    `may_be_off`: what it loaded may say `enabled: false`; it did when that was last known, or
    something changed the document while it was read. `on_disk` is what the document was last seen
    to say, whoever wrote it; None: it was not seen yet, or says nothing that can be used.
    `write_error` is why the last write failed, a sentence. `attributes_changed`: edgepind changed
    the document's owner, mode or access list since the Edge was last started well.
    """

    written: Pinning | None = None
    digest: str = ""
    loaded: Pinning | None = None
    good: Pinning | None = None
    invocation: str = ""
    watched_run: str = ""
    active: bool | None = None
    restart: Restart = Idle()
    restarts: tuple[Monotonic, ...] = ()
    starting: Starting | None = None
    may_be_off: bool = False
    write_failures: int = 0
    write_not_before: Monotonic | None = None
    document_problem: str | None = None
    on_disk: Pinning | None = None
    write_error: str | None = None
    attributes_changed: bool = False


@dataclass(frozen=True, slots=True)
class AddressVerdict:
    """What the last tick made of one address.

    `not_after` is when the first certificate on its path to a public root ends, the leaf's own end
    where there is no such path. `error` says, and `fault` classes, why there was no leaf; an error
    beside a fingerprint, how the handshake ended after its leaf. `leaves` are all that it was seen
    to serve, to whatever offer of the Edge's. `chain_refused` is why an Edge that checks the CA
    chain, as its document says it does, refuses a leaf that is pinned; None where it does not.
    """

    address: str
    verdict: Finding
    fingerprint: Fingerprint | None = None
    error: str | None = None
    not_after: datetime | None = None
    fault: HandshakeFault | None = None
    leaves: tuple[Fingerprint, ...] = ()
    chain_refused: str | None = None


@dataclass(frozen=True, slots=True)
class ServedLeaf:
    """A leaf that one address served lately, by both of its hashes.

    `seen` has a bit for each of the last looks at that address, the newest lowest: set where the
    leaf was served. `first` is the same for the Edge's own offer alone. `finding` is the verdict on
    it when it was seen last. `wider`: an Edge is not served it, only a client that offers more.
    """

    certificate: Fingerprint
    spki: Fingerprint
    seen: int = 1
    first: int = 0
    finding: Finding | None = None
    wider: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """A leaf that is served and not adopted, and the rule of the WebPKI that its chain breaks."""

    fingerprint: Fingerprint
    rule: str


@dataclass(frozen=True, slots=True)
class LastServed:
    """The leaves that one address served lately (`core.live_leaves`).

    `looks` counts the looks that it answered, up to the window; `since_full` those after the last
    that made every offer. `in_turn`: it serves leaves in turn. `silent_since` is the first look
    since then at which the address gave no leaf; None: it gave one at the last look.
    """

    address: str
    leaves: tuple[ServedLeaf, ...] = ()
    looks: int = 0
    since_full: int = 0
    in_turn: bool = False
    silent_since: Monotonic | None = None


@dataclass(frozen=True, slots=True)
class StatusMemory:
    """The last word of the status endpoint, and when it may be asked again.

    `not_before` is our own pace, which a prompted tick may overtake; `told_to_wait` is the
    `Retry-After` of a server with standing, which nothing overtakes. `rejected`: it answered, with
    nothing usable. `other_kind`: it names hashes of the kind that is not pinned here.
    `ignored_told` are the fields of which it was told that they are not understood.
    """

    ok: bool = False
    channel: Channel = Channel.NONE
    error: str | None = None
    rejected: bool = False
    announced_current: Fingerprint | None = None
    announced_next: Fingerprint | None = None
    rotates_at: datetime | None = None
    failures: int = 0
    not_before: Monotonic | None = None
    told_to_wait: Monotonic | None = None
    other_kind: bool = False
    unpinned_in_a_row: int = 0
    """Answers in a row over a leaf that is not pinned, while the link was: up to
    `core.scheduling.UNPINNED_FOR_GOOD`."""
    ignored_told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockJudgement:
    """Whether the host's clock may be believed; `error` is seconds by which it is ahead."""

    trusted: bool = True
    error: float | None = None
    source: ClockSource = ClockSource.NONE


@dataclass(frozen=True, slots=True)
class Rotation:
    """A change of the current pin to a leaf that is new (`core.forecast`).

    `at` is when it was seen, `validity` that of the leaf before it.
    """

    at: datetime
    validity: Validity


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The stored state was lifted from what an earlier release had written.

    `version` is that release, `at` when its file was read for the first time.
    """

    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BundleMemory:
    """The bundle that was accepted last, and what was told of others.

    `waiting` are its pins that wait for their `not_before`. `refused` are digests of what was
    refused, so that it need not be kept; `told` are the refusals that were told since the last one
    was accepted, the newest last.
    """

    accepted: KeptSerial = NO_SERIAL
    issued_at: datetime | None = None
    expires: datetime | None = None
    source: str = ""
    waiting: tuple[BundlePin, ...] = ()
    refused: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """All of it. A fresh one knows nothing."""

    pins: tuple[Pin, ...] = ()
    retired: tuple[Fingerprint, ...] = ()
    removed: tuple[Fingerprint, ...] = ()
    """What an operator or a bundle removed: it comes back by these alone."""
    bundle: BundleMemory = BundleMemory()
    refusals_told: tuple[Fingerprint, ...] = ()
    refusals_text_told: tuple[str, ...] = ()
    """Text found in the document in the place of a pin, and told as refused."""
    guard: Guard = Guard()
    edge: Edge = Edge()
    finding: Finding | None = None
    finding_sentence: str = "the link was not looked at yet"
    lockout: bool = False
    """The cloud answers, and the Edge, by what it has loaded, accepts nothing of it."""
    link_accepted: bool = False
    """Whether the last look found a leaf that the pin set accepts."""
    reason: str = "nothing has been observed yet"
    addresses: tuple[AddressVerdict, ...] = ()
    served: tuple[LastServed, ...] = ()
    changing_ca_told: bool = False
    """An inspecting CA that the site has named shows new leaves without end, and that was told."""
    breaches: tuple[Breach, ...] = ()
    """Of the last look that got an answer, in the order of the addresses."""
    status: StatusMemory = StatusMemory()
    clock: ClockJudgement = ClockJudgement()
    last: Moment | None = None
    """The previous call of `decide` within this run of the daemon; None after a start."""
    last_good: datetime | None = None
    """When a tick last found every address that answered pinned; None: not in this run."""
    next_tick: Monotonic | None = None
    ticks: int = 0
    violated: tuple[str, ...] = ()
    """The promises that the last decision would have broken, as they were told."""
    resumed_after_damage: bool = False
    """The stored state was lost, or is an older one: the document is the better memory."""
    rotations: tuple[Rotation, ...] = ()
    """The last few, newest last: the cadence of the cloud."""
    upgrade: Upgrade | None = None
    """The last upgrade across which this state came; `check` tells what changed with it."""
    began: datetime | None = None
    """The wall time at which this boot began, by the last word that was believed
    (`core.time_floor`); None: none was."""
    floor: datetime | None = None
    """The earliest that it can be now, by `began`; when loading, the wall time at which the state
    was stored. Anew at each tick, never stored itself."""
