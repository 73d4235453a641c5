"""A name server of the tests' own, which answers as it is told or not at all (RFC 1035)."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

_TYPES = {1: 4, 28: 6}
"""A and AAAA, with the version of the addresses that they ask for."""
_QUESTION_AT = 12
_NO_SUCH_NAME = 3


@dataclass(slots=True)
class NameServer(asyncio.DatagramProtocol):
    """Gives the same `addresses` for every name; None: there is no such name.

    `silent`: it hears and says nothing. `asked` counts the questions.
    """

    addresses: tuple[str, ...] | None = ()
    silent: bool = False
    asked: int = 0
    _transport: asyncio.DatagramTransport | None = field(default=None, init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        self.asked += 1
        if not self.silent and self._transport is not None:
            self._transport.sendto(self._answer(data), addr)

    def _answer(self, question: bytes) -> bytes:
        end = question.index(b"\0", _QUESTION_AT) + 5
        kind = struct.unpack_from(">H", question, end - 4)[0]
        found = [ipaddress.ip_address(it) for it in self.addresses or ()]
        fitting = [it.packed for it in found if it.version == _TYPES.get(kind)]
        flags = 0x8180 | (_NO_SUCH_NAME if self.addresses is None else 0)
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(fitting), 0, 0)
        records = [
            struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed for packed in fitting
        ]
        return head + question[_QUESTION_AT:end] + b"".join(records)


@asynccontextmanager
async def name_server(*addresses: str) -> AsyncIterator[NameServer]:
    """Listen at 127.0.0.1, port 53, of this network."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(addresses), local_addr=("127.0.0.1", 53)
    )
    try:
        yield server
    finally:
        transport.close()
