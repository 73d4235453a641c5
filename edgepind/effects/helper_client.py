"""The line to the privileged helper: one connection a request, bounded in every way.

It tells apart what the helper never took, which was not done and may be asked again, from what it
took and did not answer, of which nobody knows whether it was done.
"""

import asyncio
import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from edgepind.effects.helper_answers import LONGEST, Answer, NoAnswer, parse_answer
from edgepind.effects.helper_requests import GREETING, Request, encode_request

_UNITS = "`journalctl -u edgepind-apply.socket -u 'edgepind-apply@*'` tells more"
_SOCKET = "`systemctl enable --now edgepind-apply.socket` makes it"
_LONGEST_PAUSE = 1.0
_REST = 0.1
"""Seconds after an answer in which systemd may still count that helper as being at work."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """The helper did not take the request, so nothing was done. `error` is a sentence."""

    error: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The helper took the request and gave no answer; it may have been done. A sentence."""

    error: str


class _BusyError(Exception):
    """Somebody hung up before the greeting, as systemd does while another is served."""


class HelperClient:
    """Asks the helper at `socket`.

    `patience` is how long, in seconds, a helper that serves somebody else is waited for, and how
    long one that was started may take to greet.
    """

    def __init__(self, socket: Path, *, patience: float = 20.0) -> None:
        self._socket = socket
        self._patience = patience
        self._rested = 0.0

    async def ask(self, request: Request, deadline: float) -> Answer | Unserved | Lost:
        """Have `request` done; wait `deadline` seconds for its answer once it was taken."""
        attempts = AsyncRetrying(
            stop=stop_after_delay(self._patience),
            wait=wait_random_exponential(multiplier=_REST, max=_LONGEST_PAUSE),
            retry=retry_if_exception_type(_BusyError),
            reraise=True,
        )
        try:
            return await attempts(self._converse, request, deadline)
        except _BusyError:
            return Unserved(f"the privileged helper is busy, or cannot be started; {_UNITS}")

    async def _converse(self, request: Request, deadline: float) -> Answer | Unserved | Lost:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._rested - loop.time())
        try:
            async with asyncio.timeout(self._patience):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST)
        except OSError as error:  # a time-out is one as well
            return Unserved(self._unreachable(error))
        try:
            refused = await self._await_greeting(reader)
            return refused or await self._put(request, deadline, reader, writer)
        finally:
            self._rested = loop.time() + _REST
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _await_greeting(self, reader: asyncio.StreamReader) -> Unserved | None:
        """None where the helper is at our service. Raises _BusyError."""
        try:
            async with asyncio.timeout(self._patience):
                greeting = await reader.readline()
        except TimeoutError:
            return Unserved(f"the privileged helper did not begin to speak; {_UNITS}")
        except (OSError, ValueError):
            greeting = b""
        if not greeting:
            raise _BusyError
        if greeting == GREETING:
            return None
        return Unserved(
            "the privileged helper is of another release; `systemctl restart edgepind` starts "
            "the one that fits"
        )

    async def _put(
        self,
        request: Request,
        deadline: float,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> Answer | Lost:
        try:
            async with asyncio.timeout(deadline):
                writer.write(encode_request(request))
                await writer.drain()
                line = await reader.readline()
                await reader.read(1)  # its end, so that the next one can be started
        except TimeoutError:
            return Lost(f"the privileged helper gave no answer within {deadline:g} s; {_UNITS}")
        except (OSError, ValueError) as error:
            return Lost(f"the privileged helper's answer was lost ({error}); {_UNITS}")
        answer = parse_answer(line)
        if isinstance(answer, NoAnswer):
            return Lost(f"the privileged helper gave no answer, for {answer.reason}; {_UNITS}")
        return answer

    def _unreachable(self, error: OSError) -> str:
        remedies = {
            errno.ENOENT: _SOCKET,
            errno.ECONNREFUSED: _SOCKET,
            errno.EACCES: "run edgepind as root, or as its own user in the group edgepind",
        }
        why = os.strerror(error.errno) if error.errno else str(error) or "it does not answer"
        remedy = remedies.get(error.errno or 0, _UNITS)
        return f"the privileged helper at {self._socket} cannot be reached: {why}; {remedy}"
