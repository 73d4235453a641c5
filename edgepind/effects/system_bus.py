"""One connection to D-Bus, kept between calls, and raw method calls over it.

Knows nothing of systemd. Imports dbus-fast, which costs 7 MiB: whoever may do without this
module imports it only when needed.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

_CONNECT_DEADLINE = 3.0
_CALL_DEADLINE = 10.0
_ATTEMPTS = 3
_LONGEST_PAUSE = 0.5

_BROKEN = (OSError, EOFError, DBusFastError)
"""What dbus-fast raises where there is no bus, it refuses us, or the connection breaks."""


class BusUnavailableError(Exception):
    """D-Bus itself could not be reached or did not answer; the text says how."""


class CallRefusedError(Exception):
    """Whoever was called answered with an error: `name` is D-Bus's, the text is for a person."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text or name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a call is for, or whom a signal comes from: a bus name and an object's path."""

    name: str
    path: str


class SystemBus:
    """A connection that is made when first needed and made anew after it broke.

    `address` is in D-Bus notation (`unix:path=...`); None: the system bus.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._watch: asyncio.Task[None] | None = None

    async def call(self, whom: Party, method: str, signature: str = "", *body: object) -> list[Any]:
        """Call `interface.method` and return the body of the answer.

        Raises `BusUnavailableError`, after a few attempts to connect, and `CallRefusedError`.
        """
        interface, _, member = method.rpartition(".")
        message = Message(
            destination=whom.name,
            path=whom.path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        bus = await self._connected()
        try:
            async with asyncio.timeout(_CALL_DEADLINE):
                answer = await bus.call(message)
        except TimeoutError:
            problem = f"{member} was not answered over D-Bus within {_CALL_DEADLINE:g} s"
            raise BusUnavailableError(problem) from None
        except _BROKEN as error:
            problem = f"the connection to D-Bus broke during {member} ({_words(error)})"
            raise BusUnavailableError(problem) from None
        if answer.message_type is MessageType.ERROR:
            text = str(answer.body[0]) if answer.body else ""
            raise CallRefusedError(answer.error_name or "", text)
        return answer.body

    async def signals(self, sender: Party, signal: str) -> "asyncio.Queue[list[Any] | None]":
        """Collect the bodies of `interface.signal` for as long as this connection lasts.

        None in the queue: it has broken. Raises as `call` does.
        """
        interface, _, member = signal.rpartition(".")
        bus = await self._connected()
        queue: asyncio.Queue[list[Any] | None] = asyncio.Queue()

        def take(message: Message) -> None:
            if (
                message.message_type is MessageType.SIGNAL
                and message.interface == interface
                and message.member == member
                and message.path == sender.path
            ):
                queue.put_nowait(message.body)

        async def watch() -> None:
            try:
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # it has no types
            except _BROKEN:
                pass  # it is the breaking that counts
            finally:
                queue.put_nowait(None)

        bus.add_message_handler(take)
        self._watch = asyncio.create_task(watch())
        await self.call(
            _DBUS,
            "org.freedesktop.DBus.AddMatch",
            "s",
            f"type='signal',sender='{sender.name}',path='{sender.path}',"
            f"interface='{interface}',member='{member}'",
        )
        return queue

    def close(self) -> None:
        """Give the connection up; a later call would make another."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _connected(self) -> MessageBus:
        if self._bus is not None and self._bus.connected:
            return self._bus
        attempts = AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_PAUSE),
            retry=retry_if_exception_type((*_BROKEN, TimeoutError)),
            reraise=True,
        )
        try:
            bus: MessageBus = await attempts(self._connect)
        except (*_BROKEN, TimeoutError) as error:
            raise BusUnavailableError(f"D-Bus cannot be reached ({_words(error)})") from None
        self._bus = bus
        return bus

    async def _connect(self) -> MessageBus:
        async with asyncio.timeout(_CONNECT_DEADLINE):
            return await MessageBus(self._address, BusType.SYSTEM).connect()


_DBUS = Party("org.freedesktop.DBus", "/org/freedesktop/DBus")


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
