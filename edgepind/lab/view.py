"""Who watches the story: a live view on a terminal, plain lines elsewhere, nobody under --json.

Shows posture, pins, addresses, and what both Edges accepted and rejected.
"""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edgepind.lab.chapter import Chapter, Result
from edgepind.lab.site import Premises
from edgepind.lab.world import World

_LINES = 5
_POSTURE_STYLE = {
    "enforcing": "green",
    "grace": "yellow",
    "open": "bold red",
    "exhausted": "bold red",
    "override": "magenta",
}


class Nobody:
    """Watches in silence, for `--json`."""

    def begin(self, chapter: Chapter) -> None:
        """Say nothing."""

    def told(self, sentence: str) -> None:
        """Say nothing."""

    def look(self, world: World) -> None:
        """Say nothing."""

    def end(self, result: Result) -> None:
        """Say nothing."""


class PlainLines:
    """One line for each thing that happens: the narrator's words and the daemon's events."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._told: tuple[World | None, int] = (None, 0)

    def begin(self, chapter: Chapter) -> None:
        """Head the chapter."""
        self._began = time.monotonic()
        self._console.print()
        self._line("==", f"{chapter.name}: {chapter.title}")

    def told(self, sentence: str) -> None:
        """Pass the narrator's words on."""
        self._line(">>", sentence)

    def look(self, world: World) -> None:
        """Pass on what the daemon has said since."""
        known, count = self._told
        events = world.daemon.events
        for event in events[count if known is world else 0 :]:
            self._line("  ", sentence_of(event))
        self._told = (world, len(events))

    def end(self, result: Result) -> None:
        """Tell how the chapter went."""
        for check in result.checks:
            if not check.met:
                self._line("!!", f"not met: {check.what} {check.detail}")
        self._line("==", "as expected" if result.met else "NOT as expected")

    def _line(self, mark: str, text: str) -> None:
        seconds = time.monotonic() - self._began
        self._console.print(Text(f"{seconds:6.2f} {mark} {text}"), soft_wrap=True)


class LiveView:
    """One picture that is drawn anew; use as a context manager around the whole story."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8)
        self._title = ""
        self._sentences: deque[str] = deque(maxlen=3)
        self._results: list[Result] = []

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back, leaving nothing of the picture."""
        self._live.update("", refresh=True)
        self._live.stop()

    def begin(self, chapter: Chapter) -> None:
        """Begin a new picture."""
        self._title = f"{chapter.name}: {chapter.title}"
        self._sentences.clear()

    def told(self, sentence: str) -> None:
        """Show the narrator's last words."""
        self._sentences.append(sentence)

    def look(self, world: World) -> None:
        """Draw the world as it is."""
        self._live.update(self._picture(world))

    def end(self, result: Result) -> None:
        """Remember the chapter in the line of those that are over."""
        self._results.append(result)

    def _picture(self, world: World) -> RenderableType:
        return Panel(
            Group(
                Text("\n".join(self._sentences), "italic"),
                posture_line(world),
                _side_by_side(address_table(world), pin_table(world)),
                edge_table(world),
                *(
                    Text(sentence_of(e), "dim", no_wrap=True, overflow="ellipsis")
                    for e in _latest(world)
                ),
                Text.assemble(*self._past()),
            ),
            title=self._title,
            title_align="left",
        )

    def _past(self) -> Iterator[tuple[str, str]]:
        for result in self._results:
            yield f"{result.name} ", "green" if result.met else "bold red"


def sentence_of(event: dict[str, Any]) -> str:
    """One record of the daemon's log as a line."""
    name = event.get("EDGEPIND_EVENT", "")
    return f"{name:<18} {event.get('MESSAGE') or event.get('text') or event}"


def posture_line(world: World) -> Text:
    """Posture, finding and reason in one line."""
    status = world.daemon.status()
    posture = str(status.get("posture", "starting"))
    return Text.assemble(
        (posture, _POSTURE_STYLE.get(posture, "")),
        f"  {status.get('finding', '')}  ",
        (str(status.get("reason", "")), "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )


def address_table(world: World) -> Table:
    """Who answers at each address, with what, and what the daemon makes of it."""
    table = Table("address", "answers", "leaf", "verdict", box=SIMPLE_HEAD)
    verdicts = {seen["address"]: seen for seen in world.daemon.status().get("addresses", [])}
    for address, face in world.cloud.served().items():
        seen = verdicts.get(address, {})
        verdict = str(seen.get("verdict") or seen.get("error") or "")
        table.add_row(address, face.name, face.credential.fingerprint.short, verdict)
    return table


def pin_table(world: World) -> Table:
    """The pins as the daemon keeps them."""
    table = Table("pin", "role", "origin", "seen", box=SIMPLE_HEAD)
    for pin in world.daemon.status().get("pins", []):
        table.add_row(pin["fingerprint"][:11], pin["role"], pin["origin"], str(pin["sightings"]))
    return table


def edge_table(world: World) -> Table:
    """What both Edges went through in this chapter."""
    columns = ("Edge kept by", "accepted", "rejected", "locked out", "restarts", "now")
    table = Table(*columns, box=SIMPLE_HEAD)
    names = ("edgepind", "shell loop")
    for name, site in zip(names, world.sites(), strict=False):
        table.add_row(name, *_counts(site))
    return table


def _counts(site: Premises) -> tuple[str | Text, ...]:
    tally = site.tally
    now = Text("locked out", "bold red") if tally.locked_out_now else Text("connected", "green")
    return (
        str(tally.accepted),
        str(tally.rejected),
        f"{tally.locked_out(time.monotonic()):.1f} s",
        str(site.restarts),
        now,
    )


def _side_by_side(*tables: Table) -> Table:
    grid = Table.grid(padding=(0, 4))
    grid.add_row(*tables)
    return grid


def _latest(world: World) -> list[dict[str, Any]]:
    return world.daemon.events[-_LINES:]
