"""A polite server that gives prepared answers and keeps every request that it was sent."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgepind.lab.http1 import Request, Response
from edgepind.lab.listener import Face, Listener, Respond
from edgepind.lab.pki import Credential
from edgepind.settings.kinds import Address


@dataclass(slots=True)
class Recorder:
    """Gives `answers` in turn, and the last of them for ever."""

    answers: list[Response]
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def json_response(
    value: Any, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """An answer whose body is `value` as JSON."""
    return Response(status, headers or {}, json.dumps(value).encode())


@contextlib.asynccontextmanager
async def recording(
    credential: Credential, respond: Respond, ip: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[Listener, Address]]:
    """Serve what `respond` (a `Recorder`, say) answers; yields the listener and where it is."""
    listener = Listener(ip, port, Face.of("recorder", credential, respond))
    await listener.open()
    try:
        yield listener, Address(listener.ip, listener.port)
    finally:
        await listener.close()
