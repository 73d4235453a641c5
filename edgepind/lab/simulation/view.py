"""What daemon and Edge meet at one moment, made from all that holds then."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from edgepind.lab.sim_observations import EPOCH
from edgepind.lab.simulation.adversaries import Manner, Presence
from edgepind.lab.simulation.certificates import Cloud, Serves, Word
from edgepind.lab.simulation.faults import (
    Aftermath,
    ClockWrong,
    Fault,
    Outage,
    Override,
    PowerOff,
    Proxy,
    RestartTrouble,
    StatusFault,
)
from edgepind.lab.simulation.scene import OperatorOverride
from edgepind.lab.simulation.window import Window
from edgepind.model.enums import Channel
from edgepind.model.observation import (
    HandshakeFault,
    Leaf,
    Status,
    StatusAnswer,
    StatusRejected,
    StatusUnreachable,
)

What = Serves | Word | Fault | Presence
T = TypeVar("T")


class Now:
    """The active windows of one moment, sorted by what they are."""

    def __init__(self, active: Sequence[Window[What]]) -> None:
        whats = [window.what for window in active]
        self.serves = {it.address: it.leaf for it in whats if isinstance(it, Serves)}
        self.word = _last(whats, Word)
        self.status = _last(whats, StatusFault)
        self.dead = {it.address for it in whats if isinstance(it, Outage)}
        self.off = _last(whats, PowerOff) is not None
        self.fails = _last(whats, RestartTrouble) is not None
        self.aftermath = _last(whats, Aftermath) is not None
        self.clock = _last(whats, ClockWrong)
        self.proxy = _last(whats, Proxy)
        self.presences = [it for it in whats if isinstance(it, Presence)]
        self.override: OperatorOverride | None = None
        for window in active:
            if isinstance(window.what, Override):
                self.override = OperatorOverride(window.begin, window.what.stated)


def _last(whats: Sequence[What], kind: type[T]) -> T | None:
    """Of several of a kind that hold at once, the one that began last counts."""
    return next((it for it in reversed(whats) if isinstance(it, kind)), None)


class View:
    """What daemon and Edge meet at each address at one moment."""

    def __init__(self, cloud: Cloud, now: Now, begin: float) -> None:
        self._now = now
        self.ahead = now.clock.ahead if now.clock else 0.0
        self._wall = EPOCH + timedelta(seconds=begin + self.ahead)
        self.daemon: dict[str, Leaf | HandshakeFault] = {}
        self.edge: dict[str, Leaf] = {}
        self.honest: dict[str, Leaf] = {}
        self.words: dict[str, Status] = {}
        for address in cloud.addresses:
            self._meet(address)
        here = [] if None in now.dead else now.presences
        forged = dict.fromkeys(
            leaf.certificate for it in here for leaf in (it.leaf, it.planted) if self.is_valid(leaf)
        )
        self.attackers = tuple(forged)

    @property
    def is_calm(self) -> bool:
        """Whether nothing is the matter, and every address serves one leaf."""
        now = self._now
        well = not (now.off or now.fails or now.aftermath or now.clock)
        alone = not (now.proxy or now.presences)
        one = (
            len(self.honest) == len(self.daemon)
            and len({it.certificate for it in self.honest.values()}) == 1
        )
        return well and alone and one and now.override is None

    def is_valid(self, leaf: Leaf) -> bool:
        """Whether its chain is public, and in time by the host's clock."""
        window = leaf.public.window
        return window is not None and window.holds_at(self._wall)

    def _meet(self, address: str) -> None:
        now = self._now
        if now.dead & {None, address}:
            self.daemon[address] = HandshakeFault.TIMEOUT
            self.words[address] = StatusUnreachable("timed out")
            return
        holder = next((it for it in now.presences if _holds(it, address)), None)
        if holder is not None:
            blind = holder.manner is Manner.BLINDING
            self.daemon[address] = HandshakeFault.TIMEOUT if blind else holder.leaf
            self.edge[address] = holder.leaf
            self.words[address] = StatusUnreachable("timed out") if blind else self._his(holder)
        elif now.proxy is not None:
            self.daemon[address] = self.edge[address] = now.proxy.leaf
            self.words[address] = self._honest_word()
        else:
            leaf = now.serves[address]
            self.daemon[address] = self.edge[address] = self.honest[address] = leaf
            self.words[address] = self._honest_word()

    def _his(self, holder: Presence) -> Status:
        if not holder.controls:
            return self._honest_word()
        planted = holder.planted.certificate
        return StatusAnswer(Channel.UNPINNED, holder.leaf.certificate, planted)

    def _honest_word(self) -> Status:
        word = self._now.word
        if self._now.status is StatusFault.UNREACHABLE or word is None:
            return StatusUnreachable("HTTP 503")
        match self._now.status:
            case StatusFault.GARBAGE:
                return StatusRejected(Channel.UNPINNED, "it names no fingerprint")
            case StatusFault.STALE:
                return StatusAnswer(Channel.UNPINNED, word.former.certificate)
            case None:
                coming = word.next.certificate if word.next else None
                return StatusAnswer(Channel.UNPINNED, word.current.certificate, coming)


def _holds(presence: Presence, address: str) -> bool:
    if presence.manner is Manner.SILENT:
        return False
    return presence.address is None or presence.address == address
