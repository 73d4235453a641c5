"""An imagined appliance: the Edge's unit, its pinning document, and what it has truly loaded.

It answers as the real one does, at once and from memory. What edgepind believes about it can be
held against what is true of it here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from edgepind.effects.restart import Stood, read_from
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartOutcome,
    RestartRefused,
    RestartUnderWay,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.enums import Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
    EdgeUnit,
    Health,
    Leaf,
    NoUnit,
    Unit,
    UnitState,
)

_A_MOMENT = timedelta(milliseconds=1)
_RESTARTABLE = frozenset({UnitState.ACTIVE, UnitState.ACTIVATING, UnitState.FAILED})


@dataclass(frozen=True, slots=True)
class Swap:
    """Something else puts `document` there while the Edge is stopping for a restart.

    `back`: and the former one again, once the Edge has read that.
    """

    document: DocumentRead
    back: bool = False


def never(_: DocumentRead | None) -> bool:
    """Say no: an Edge that is well whatever it loaded."""
    return False


@dataclass(slots=True)
class Troubles:
    """What goes wrong on the appliance until it is mended; "" and None: nothing does."""

    write: str = ""
    full: bool = False
    """Whether what keeps the document from being written leaves room for a rename."""
    read: str = ""
    restart: str = ""
    refusal: str = ""
    start: float = 0.0
    """Seconds that a start takes; at the end of it `restart` says whether it has failed."""
    unready: str = ""
    sick_of: Callable[[DocumentRead | None], bool] = never
    """Whether the Edge is unwell with what it has loaded."""
    registration: float = 0.0
    """Seconds of being connected after which the Edge is well, and not before."""
    swap: Swap | None = None
    """What happens to the document at each restart that edgepind asks for."""


@dataclass(slots=True)
class ImaginedEdge:
    """One appliance. `commanded`: `restart_command` stands in the place of a unit."""

    commanded: bool = False
    document: Document = field(default_factory=DocumentMissing)
    loaded: DocumentRead | None = None
    """What the running process read when it started; None: there was nothing to read."""
    state: UnitState = UnitState.ACTIVE
    runs: int = 1
    started_at: datetime = EPOCH
    troubles: Troubles = field(default_factory=Troubles)
    restarts: list[float] = field(default_factory=list)
    """When each restart was asked for that was made, in true seconds."""
    up_at: float | None = None
    """When the start that is under way ends, in true seconds; None: none is."""
    _writes: int = 0
    _last_good: DocumentRead | None = None
    _closing: Pinning | None = None
    """What lies ready beside an open document."""

    # --- looks ------------------------------------------------------------------------------

    def read(self) -> Document:
        """Give what stands at the path."""
        if self.troubles.read:
            return DocumentUnreadable(self.troubles.read)
        if isinstance(self.document, DocumentRead):
            self._last_good = self.document
        if isinstance(self.document, DocumentRejected):
            return replace(self.document, restorable=self._last_good is not None)
        return self.document

    def unit(self) -> EdgeUnit:
        """Give what systemd would say."""
        if self.commanded:
            return NoUnit()
        running = self.state is UnitState.ACTIVE or self.up_at is not None
        return Unit(
            self.state,
            invocation=self.invocation if running else "",
            started_at=self.started_at if running else None,
        )

    @property
    def invocation(self) -> str:
        """The name of the present run; "" under `restart_command`."""
        return "" if self.commanded else f"run-{self.runs}"

    def health(self) -> Health:
        """Give what `health_command` would say."""
        if self.state is not UnitState.ACTIVE:
            return Health(well=False, detail="it does not run")
        sick = self.troubles.sick_of(self.loaded)
        return Health(well=not sick, detail="it hears no calls" if sick else "")

    def read_by_edge(self, validator: Validator) -> frozenset[Fingerprint] | None:
        """The pins that the running Edge insists on; None where it does not pin."""
        if self.loaded is None or self.loaded.enabled is not True:
            return None
        if validator is Validator.SINGLE:
            return frozenset({self.loaded.current} if self.loaded.current else ())
        return frozenset(self.loaded.accepted)

    def connects(self, leaf: Leaf, validator: Validator, wall: datetime) -> bool:
        """Whether the Edge would take this leaf for the cloud's: by its CA, name, time and pin."""
        chains = (leaf.public, leaf.exception)
        trusted = any(it and it.window and it.window.holds_at(wall) for it in chains)
        pins = self.read_by_edge(validator)
        pinned = pins is None or not pins.isdisjoint({leaf.certificate, leaf.spki})
        running = self.state is UnitState.ACTIVE
        return running and trusted and leaf.name_matches and pinned

    # --- what is done to it -----------------------------------------------------------------

    def put(self, document: Document) -> None:
        """Let something else put a document at the path."""
        self._writes += 1
        if isinstance(document, DocumentRead):
            document = replace(document, digest=f"file-{self._writes}")
        self.document = document

    def write(self, pinning: Pinning, wall: datetime) -> DocumentWritten | WriteFailed:
        """Put the owned keys into the document."""
        if self.troubles.write:
            return self._close_instead(pinning, wall)
        before = self.read()
        if isinstance(before, DocumentRejected) and not before.restorable:
            return WriteFailed("there is no good copy of it")
        self.put(DocumentRead(pinning.enabled, pinning.current, pinning.accepted, "", wall))
        self._closing = None if pinning.enabled else replace(pinning, enabled=True)
        aside = None if isinstance(before, DocumentRead | DocumentMissing) else "rejected-TIME"
        return DocumentWritten(pinning, f"file-{self._writes}", set_aside=aside)

    def _close_instead(self, wanted: Pinning, wall: datetime) -> DocumentWritten | WriteFailed:
        """Put the document in place that closes the Edge, where it fits and the disk lets it."""
        error, ready = self.troubles.write, self._closing
        is_open = isinstance(self.document, DocumentRead) and self.document.enabled is False
        if not self.troubles.full or not is_open or ready is None:
            return WriteFailed(error)
        if not ready.lacks_only_pins_of(wanted):
            return WriteFailed(error)
        self.put(DocumentRead(ready.enabled, ready.current, ready.accepted, "", wall))
        self._closing = None
        return DocumentWritten(ready, f"file-{self._writes}", instead=error)

    def restore(self, pinning: Pinning | None, wall: datetime) -> DocumentWritten | WriteFailed:
        """Put the last good document back, with these owned keys."""
        if pinning is not None:
            return self.write(pinning, wall)
        if self.troubles.write:
            return WriteFailed(self.troubles.write)
        if isinstance(self.document, DocumentRead) or self._last_good is None:
            return DocumentWritten(None, "", changed=False)
        self.put(replace(self._last_good, changed=wall))
        return DocumentWritten(None, f"file-{self._writes}", set_aside="rejected-TIME")

    def restart(self, loading: Pinning, wall: datetime, elapsed: float) -> RestartOutcome:
        """Restart it as edgepind asks for it; `elapsed` is when, in true seconds."""
        if self.troubles.refusal:
            return RestartRefused(self.troubles.refusal)
        if not self.commanded and self.state not in _RESTARTABLE:
            return RestartRefused("the unit is stopped and stays so")
        self.restarts.append(elapsed)
        if self.troubles.start:
            self.start(wall)
            self.start_slowly(elapsed)
            return RestartUnderWay(loading)
        if self.troubles.restart:
            self.state = UnitState.FAILED
            return RestartFailed(loading, self.troubles.restart)
        before, swap = self.document, self.troubles.swap
        if swap is not None:
            self.put(replace(swap.document, changed=wall))
        stood = [before, self.document] if swap else [before]
        self.start(wall)
        if swap is not None and swap.back and isinstance(before, DocumentRead):
            self.document = replace(before, changed=wall + _A_MOMENT)
            stood.append(self.document)
        return RestartDone(loading, self.invocation, self._read_from(stood))

    def start_slowly(self, elapsed: float) -> None:
        """Take the time that a start takes, from `elapsed` on, in true seconds."""
        if self.troubles.start:
            self.state, self.up_at = UnitState.ACTIVATING, elapsed + self.troubles.start

    def waited(self, loading: Pinning, seconds: float) -> RestartOutcome:
        """Give the outcome of a slow restart once it was waited for so long."""
        if self.up_at is not None:
            return RestartUnderWay(loading, seconds)
        if self.troubles.restart:
            return RestartFailed(loading, self.troubles.restart)
        return RestartDone(loading, self.invocation, self._read_from([self.document]))

    def pass_to(self, elapsed: float) -> None:
        """Let a start end whose time is over, in true seconds."""
        if self.up_at is not None and elapsed >= self.up_at:
            failed = self.troubles.restart
            self.state = UnitState.FAILED if failed else UnitState.ACTIVE
            self.up_at = None

    def _read_from(self, stood: list[Document]) -> str:
        looks = [Stood(it.digest, it.changed) for it in stood if isinstance(it, DocumentRead)]
        return read_from(looks, None if self.commanded else self.started_at) if looks else ""

    def start(self, wall: datetime) -> None:
        """Start a new run, which reads the document as it stands; also by another's hand."""
        self.loaded = self.document if isinstance(self.document, DocumentRead) else None
        self.state, self.up_at = UnitState.ACTIVE, None
        self.runs += 1
        self.started_at = wall

    def stop(self, state: UnitState = UnitState.INACTIVE) -> None:
        """Stop it by another's hand."""
        self.state, self.up_at = state, None
