"""One imagined edge's life, drawn from a seed: the scenes that every way of keeping pins lives."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from edgepind.lab.sim_observations import EPOCH
from edgepind.lab.simulation.adversaries import (
    Attacker,
    Presence,
    attackers_in,
    draw_adversaries,
)
from edgepind.lab.simulation.certificates import Cloud, Serves, draw_cloud
from edgepind.lab.simulation.draws import stream
from edgepind.lab.simulation.faults import ClockWrong, Proxy, draw_faults
from edgepind.lab.simulation.rates import Rates
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.view import Now, View, What, leaves_met
from edgepind.lab.simulation.window import Window
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf


@dataclass(frozen=True, slots=True)
class World:
    """All that can be known of one life; `attackers` and `proxies` are leaves never to trust."""

    name: str
    life: float
    days: int
    """The life of the cloud's certificates."""
    first: tuple[Leaf, ...]
    """What is pinned when the life begins, by the operator."""
    scenes: tuple[Scene, ...]
    attackers: Mapping[Fingerprint, Attacker]
    proxies: frozenset[Fingerprint]
    visit_after: float


def draw_world(seed: object, index: int, rates: Rates, life: float) -> World:
    """Draw the world of this number; the same for the same arguments, whatever else is drawn."""
    name = f"{seed}:{index}"
    cloud = draw_cloud(name, rates, life)
    faults = draw_faults(name, rates, cloud.addresses, life)
    presences = draw_adversaries(name, rates, cloud, life)
    narrow = not _is_dual(cloud) and stream(name, "ciphers").happens(rates.narrow_ciphers)
    other = stream(name, "stack").happens(rates.other_stack)
    windows: tuple[Window[What], ...] = (*cloud.serves, *cloud.words, *faults, *presences)
    proxies = frozenset(it.what.leaf.certificate for it in faults if isinstance(it.what, Proxy))
    return World(
        name,
        life,
        cloud.days,
        cloud.first,
        _until_views_end(tuple(_Stage(cloud, narrow=narrow, other=other).scenes(windows, life))),
        attackers_in(presences),
        proxies,
        rates.visit_after,
    )


def _is_dual(cloud: Cloud) -> bool:
    return any(it.what.beside for it in cloud.serves)


class _Stage:
    """Turns windows into scenes, from left to right."""

    def __init__(self, cloud: Cloud, *, narrow: bool, other: bool) -> None:
        self._cloud = cloud
        self._narrow = narrow
        self._other = other
        self._boot = 1
        self._calm = 1
        self._before: tuple[object, ...] = ()

    def scenes(self, windows: tuple[Window[What], ...], life: float) -> Iterator[Scene]:
        begins: dict[float, list[Window[What]]] = defaultdict(list)
        ends: dict[float, list[Window[What]]] = defaultdict(list)
        for window in windows:
            if window.begin < min(window.end, life):
                begins[max(0.0, window.begin)].append(window)
                ends[window.end].append(window)
        instants = {*begins, *ends, *self._validity_ends(windows), 0.0, life}
        edges = sorted(it for it in instants if 0.0 <= it <= life)
        active: dict[int, Window[What]] = {}
        for begin, end in pairwise(edges):
            for window in ends[begin]:
                active.pop(id(window), None)
            active |= {id(window): window for window in begins[begin]}
            yield self._scene(begin, end, [active[key] for key in active])

    def _validity_ends(self, windows: Iterable[Window[What]]) -> Iterator[float]:
        """When a clock that is wrong passes the beginning or the end of a leaf's validity."""
        validities = {
            leaf.certificate: leaf.validity
            for it in windows
            if isinstance(it.what, Serves | Presence)
            for leaf in it.what.leaves
        }
        for window in windows:
            if isinstance(window.what, ClockWrong):
                for validity in validities.values():
                    for bound in (validity.not_before, validity.not_after):
                        instant = (bound - EPOCH).total_seconds() - window.what.ahead
                        if window.begin < instant < window.end:
                            yield float(int(instant) + 1)

    def _scene(self, begin: float, end: float, active: list[Window[What]]) -> Scene:
        now = Now(active)
        was_on = not self._before or self._before[0] is True
        on = not now.off
        self._boot += on and not was_on
        view = View(self._cloud, now, begin, other=self._other)
        ciphers = frozenset(
            address
            for address, leaves in view.honest.items()
            if self._narrow and leaves[0].certificate in self._cloud.other_key
        )
        met = {
            address: tuple(leaf for leaf in leaves if view.is_valid(leaf))
            for address, leaves in view.honest.items()
            if address not in ciphers
        }
        honest = leaves_met(met)
        calm = view.is_calm and not ciphers
        key = (on, calm, honest)
        self._calm += key != self._before
        self._before = key
        return Scene(
            begin,
            end,
            boot=self._boot if on else 0,
            ahead=view.ahead,
            clock_known=now.clock is not None and now.clock.known,
            shown=view.daemon,
            wider_at=ciphers,
            words=view.words,
            honest=honest,
            held=bool(view.edge) and not view.honest,
            attackers=view.attackers,
            restart_fails=now.fails,
            override=now.override,
            view_ends=end,
            calm=self._calm if calm else 0,
            sound=view.is_sound and not ciphers,
            changes_ca=view.changes_ca,
            turns=view.turns,
            beside=view.beside,
            beyond=view.beyond,
        )


def _until_views_end(scenes: tuple[Scene, ...]) -> tuple[Scene, ...]:
    """Join, for the daemon, what it cannot tell apart."""
    later: list[Scene] = []
    for scene in reversed(scenes):
        same = bool(later) and later[-1].view == scene.view
        later.append(replace(scene, view_ends=later[-1].view_ends) if same else scene)
    return tuple(reversed(later))
