"""What daemon and Edge meet at one moment, made from all that holds then."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from edgepind.lab.sim_observations import EPOCH
from edgepind.lab.simulation.adversaries import Kind, Manner, Presence
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
from edgepind.model.fingerprint import Fingerprint
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
        serves = [it for it in whats if isinstance(it, Serves)]
        self.serves = {it.address: it.leaves for it in serves if not it.beside}
        self.beside = {it.address: it.leaves[0] for it in serves if it.beside}
        self.words = {at: it for it in whats if isinstance(it, Word) for at in it.addresses}
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
    """What daemon and Edge meet at each address at one moment.

    `daemon`: the leaf that a look meets first; `turns`: all of them where there are several in
    turn; `beside`: what is served there to an offer of another kind of key; `beyond`: what answers
    at addresses that the name service gives no more. `other`: the Edge offers that other kind.
    """

    def __init__(self, cloud: Cloud, now: Now, begin: float, *, other: bool) -> None:
        self._now = now
        self._other = other
        self._new_ca = cloud.new_ca
        self.ahead = now.clock.ahead if now.clock else 0.0
        self._wall = EPOCH + timedelta(seconds=begin + self.ahead)
        self.daemon: dict[str, Leaf | HandshakeFault] = {}
        self.turns: dict[str, tuple[Leaf, ...]] = {}
        self.beside: dict[str, Leaf] = {}
        self.beyond: dict[str, Leaf | HandshakeFault] = {}
        self.edge: dict[str, tuple[Leaf, ...]] = {}
        self.honest: dict[str, tuple[Leaf, ...]] = {}
        self.words: dict[str, Status] = {}
        for address in cloud.addresses:
            self._meet(address)
        self._poison()
        here = [] if None in now.dead else now.presences
        forged = dict.fromkeys(
            made.certificate
            for it in here
            for made in (*it.leaves, it.planted)
            if self.is_valid(made)
        )
        self.attackers = tuple(forged)

    @property
    def is_sound(self) -> bool:
        """Whether host, clock, uplink and restarts are well, and nobody switched pinning off."""
        now = self._now
        well = not (now.off or now.fails or now.aftermath or now.clock)
        return well and now.override is None and None not in now.dead and now.proxy is None

    @property
    def is_calm(self) -> bool:
        """Whether nothing is the matter, and each address serves what others of its kind do.

        A stranger at one address is nothing that should matter.
        """
        now = self._now
        alone = all(it.kind is Kind.STRANGER for it in now.presences)
        held = {it.address for it in now.presences}
        answers = all(it in self.honest or it in held for it in self.daemon)
        leaves = {leaf.certificate for it in self.honest.values() for leaf in it}
        kinds = len({it.current.certificate for it in now.words.values()})
        one = bool(self.honest) and len(leaves) <= kinds
        return self.is_sound and alone and answers and one

    @property
    def changes_ca(self) -> bool:
        """Whether the Edge meets a leaf with which the cloud has changed its CA."""
        met = (leaf.certificate for it in self.honest.values() for leaf in it)
        return any(it in self._new_ca for it in met)

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
            self._meet_him(address, holder)
        elif now.proxy is not None:
            self.daemon[address] = now.proxy.leaf
            self.edge[address] = (now.proxy.leaf,)
            self.words[address] = self._honest_word(address)
        else:
            leaves = now.serves[address]
            self._show(address, leaves)
            if address in now.beside:
                self.beside[address] = now.beside[address]
                leaves = (now.beside[address],) if self._other else leaves
            self.edge[address] = self.honest[address] = leaves
            self.words[address] = self._honest_word(address)

    def _meet_him(self, address: str, holder: Presence) -> None:
        if holder.manner is Manner.BLINDING:
            self.daemon[address] = HandshakeFault.TIMEOUT
            self.words[address] = StatusUnreachable("timed out")
        else:
            self._show(address, holder.leaves)
            self.words[address] = self._his(holder, address)
        self.edge[address] = holder.leaves

    def _show(self, address: str, leaves: tuple[Leaf, ...]) -> None:
        self.daemon[address] = leaves[0]
        if len(leaves) > 1:
            self.turns[address] = leaves

    def _poison(self) -> None:
        """Let addresses be added to the name, and the cloud's own be left out of it."""
        now = self._now
        adder = next((it for it in now.presences if it.added), None)
        if adder is None or None in now.dead or now.proxy is not None:
            return
        if adder.replaces:
            self.beyond, self.daemon = self.daemon, {}
            self.edge, self.honest = {}, {}
        for address in adder.added:
            self._meet_him(address, adder)

    def _his(self, holder: Presence, address: str) -> Status:
        if not holder.controls:
            return self._honest_word(address)
        planted = holder.planted.certificate
        return StatusAnswer(Channel.UNPINNED, holder.leaves[0].certificate, planted)

    def _honest_word(self, address: str) -> Status:
        word = self._now.words.get(address)
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


def leaves_met(met: dict[str, tuple[Leaf, ...]]) -> tuple[Fingerprint, ...]:
    """Give each leaf once, in the order of the addresses."""
    return tuple(dict.fromkeys(leaf.certificate for it in met.values() for leaf in it))


def _holds(presence: Presence, address: str) -> bool:
    if presence.manner is Manner.SILENT or presence.added:
        return False
    return presence.address is None or presence.address == address
