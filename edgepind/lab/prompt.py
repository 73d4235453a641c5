"""A world to play with: one command a line, from a terminal or a pipe, until `stop`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from edgepind.lab.chapters.answers import ANSWERS
from edgepind.lab.chapters.rotations import BETWEEN_ADDRESSES, NOTICE
from edgepind.lab.pki import Credential
from edgepind.lab.stage import Stage
from edgepind.lab.typed_lines import typed_lines
from edgepind.lab.view import address_table, edge_table, pin_table, posture_line

HELP = """\
rotate                     change the certificate everywhere at once, with no word in advance
announce                   announce a certificate; it comes a few seconds later
roll                       the same, over the addresses one by one
intercept corporate|compromised [ADDRESS ...]
restore                    give every path back to the cloud
status ok|null|sha1|html   what the status endpoint answers
override on|off            the operator's emergency procedure
update                     a software update resets both documents
restart                    stop the daemon and start it again
show                       the world as it is
events                     what the daemon has said
wait SECONDS               let time pass, for scripts
stop                       end everything"""

_SHORT = {"null": "null", "sha1": "a SHA-1", "html": "a web page"}


@dataclass(slots=True, eq=False)
class Prompt:
    """Takes commands for one world."""

    stage: Stage
    console: Console
    _coming: set[asyncio.Task[None]] = field(default_factory=set)
    _shown: int = 0

    async def converse(self) -> None:
        """Read commands until `stop` or the end of input."""
        if sys.stdin.isatty():
            self._say(HELP)
        try:
            self._invite()
            async for line in typed_lines(sys.stdin.fileno()):
                words = line.split()
                if words[:1] == ["stop"]:
                    break
                await self.obey(words)
                self._invite()
        finally:
            for task in self._coming:
                task.cancel()
            await asyncio.gather(*self._coming, return_exceptions=True)

    async def obey(self, words: list[str]) -> None:
        """Carry one command out; what is not understood is told, and changes nothing."""
        if not words:
            return
        command = self._commands().get(words[0])
        try:
            if command is None:
                raise ValueError(f"unknown command {words[0]!r}")  # noqa: TRY301  # told below
            await command(*words[1:])
        except (TypeError, ValueError, KeyError) as error:
            self._say(f"not understood: {error}; the commands are:\n{HELP}")

    def _commands(self) -> dict[str, Callable[..., Awaitable[None]]]:
        return {
            "rotate": self._rotate,
            "announce": self._announce,
            "roll": self._roll,
            "intercept": self._intercept,
            "restore": self._restore,
            "status": self._status,
            "override": self._override,
            "update": self._update,
            "restart": self._restart,
            "show": self._show,
            "events": self._events,
            "wait": self._wait,
            "help": self._help,
        }

    async def _rotate(self) -> None:
        new = self.stage.world.issue()
        self.stage.world.cloud.rotate(new)
        self._say(f"every address shows {new.fingerprint.short}")

    async def _announce(self) -> None:
        cloud = self.stage.world.cloud
        self._come(self._next(), [(0.0, cloud.addresses)])

    async def _roll(self) -> None:
        steps = [
            (number * BETWEEN_ADDRESSES, (address,))
            for number, address in enumerate(self.stage.world.cloud.addresses)
        ]
        self._come(self._next(), steps)

    def _next(self) -> Credential:
        new = self.stage.world.issue()
        self._say(f"{new.fingerprint.short} is announced; it comes in a few seconds")
        return new

    def _come(self, new: Credential, steps: Iterable[tuple[float, Iterable[str]]]) -> None:
        comes = self.stage.announce(new, NOTICE)

        async def come() -> None:
            for delay, addresses in steps:
                await self.stage.timetable(comes + self.stage.world.pace.seconds(delay))
                self.stage.world.cloud.serve(new, addresses)
            self.stage.world.cloud.admit(new)

        task = asyncio.create_task(come())
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _intercept(self, who: str = "corporate", *addresses: str) -> None:
        world = self.stage.world
        somebody = {"corporate": world.corporate, "compromised": world.compromised}[who]
        if unknown := set(addresses) - set(world.cloud.addresses):
            raise ValueError(f"no address of the cloud: {', '.join(sorted(unknown))}")
        world.cloud.take_path(somebody.face, addresses or None)
        self._say(f"the {somebody.name} answers at {', '.join(addresses) or 'every address'}")

    async def _restore(self) -> None:
        self.stage.world.cloud.free_path()
        self._say("the cloud answers everywhere")

    async def _status(self, what: str) -> None:
        page = self.stage.world.cloud.status
        page.scripted = None if what == "ok" else ANSWERS[_SHORT[what]]
        self._say(f"the status endpoint answers: {what}")

    async def _override(self, switch: str) -> None:
        words = ["on", "--for", "1h", "--reason", "the lab"] if switch == "on" else [switch]
        answer = await self.stage.world.daemon.command("override", *words)
        self._say((answer.output + answer.errors).strip() or f"exit code {answer.code}")

    async def _update(self) -> None:
        for site in self.stage.world.sites():
            await site.software_update()
        self._say("both documents are reset and both Edges restarted")

    async def _restart(self) -> None:
        daemon = self.stage.world.daemon
        self._say(f"the daemon ended with exit code {await daemon.stop()}")
        await daemon.start()

    async def _show(self) -> None:
        world = self.stage.world
        world.observe()
        for part in (posture_line, address_table, pin_table, edge_table):
            self.console.print(part(world))

    async def _events(self) -> None:
        events = self.stage.world.daemon.events
        for event in events[self._shown :]:
            self._say(f"{event.get('EDGEPIND_EVENT', '')}: {event.get('MESSAGE', event)}")
        self._shown = len(events)

    async def _wait(self, seconds: str) -> None:
        await asyncio.sleep(float(seconds))

    async def _help(self) -> None:
        self._say(HELP)

    def _invite(self) -> None:
        if sys.stdin.isatty():
            sys.stdout.write("lab> ")
            sys.stdout.flush()

    def _say(self, text: str) -> None:
        self.console.print(Text(text), soft_wrap=True)
