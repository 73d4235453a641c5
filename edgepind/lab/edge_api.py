"""The part of the cloud's public API that says whether an Edge takes calls, and changes it.

It speaks as the vendor's does (Telephony, Providers, Edges): a GET of the Edge, a POST to its
`statuscode`, a bearer token for both, 429 with `Retry-After` to who asks too often. Calls that are
up end when they are hung up; a drain drops what is left at the end of its time.
"""

import asyncio
import json
from dataclasses import dataclass, field

from edgepind.lab.http1 import Request, Response
from edgepind.lab.listener import Face, Listener
from edgepind.lab.oauth import TokenDesk
from edgepind.lab.pki import Credential

EDGES = "/api/v2/telephony/providers/edges"
TOKEN = "/oauth/token"  # noqa: S105  a path, no secret


@dataclass(slots=True, eq=False)
class EdgeApi:
    """One Edge, by its id, behind a listener of its own; `calls` are up on it now.

    `scripted`, where set, is sent whatever is asked. `said` are the words given, in their order.
    """

    edge_id: str
    desk: TokenDesk
    calls: int = 0
    in_service: bool = True
    dropped: int = 0
    scripted: Response | None = None
    said: list[dict[str, object]] = field(default_factory=list)
    looks: int = 0
    listener: Listener = field(init=False)
    _ends: float | None = None

    @classmethod
    async def open(cls, edge_id: str, credential: Credential, desk: TokenDesk) -> "EdgeApi":
        """Start to listen on loopback, with this credential."""
        api = cls(edge_id, desk)
        api.listener = Listener("127.0.0.1", 0, Face.of("API", credential, api._respond))
        await api.listener.open()
        return api

    async def close(self) -> None:
        """Stop listening."""
        await self.listener.close()

    def set_by_hand(self, *, in_service: bool) -> None:
        """Change it as an operator does in the cloud's administration."""
        self.in_service, self._ends = in_service, None

    def restarted(self) -> None:
        """The Edge was restarted: what was up is cut off."""
        self.dropped += self.calls
        self.calls = 0

    async def _respond(self, request: Request) -> Response:
        if request.path == TOKEN:
            return self.desk.issue(request)
        if not self.desk.admits(request):
            return _told(401, {"message": "no token that is known here"})
        if self.scripted is not None:
            return self.scripted
        match request.method, request.path.removeprefix(f"{EDGES}/{self.edge_id}"):
            case "GET", "":
                self.looks += 1
                return _told(200, self._edge())
            case "POST", "/statuscode":
                return self._put(request)
            case _:
                return _told(404, {"message": "no such Edge"})

    def _edge(self) -> dict[str, object]:
        draining, count = self._draining()
        return {
            "id": self.edge_id,
            "onlineStatus": "ONLINE",
            "statusCode": "ACTIVE" if self.in_service else "INACTIVE",
            "callDrainingState": draining,
            "conversationCount": count,
        }

    def _draining(self) -> tuple[str, int | None]:
        if self._ends is None:
            return "NONE", None
        if asyncio.get_running_loop().time() >= self._ends:
            self.restarted()
        return ("WAIT", self.calls) if self.calls else ("COMPLETE", 0)

    def _put(self, request: Request) -> Response:
        word = json.loads(request.body)
        self.said.append(word)
        self.in_service = bool(word["inService"])
        wait = float(word.get("callDrainingWaitTimeSeconds", 0))
        now = asyncio.get_running_loop().time()
        self._ends = None if self.in_service else now + wait
        return _told(200, {"status": "accepted"})


def _told(status: int, answer: dict[str, object]) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(answer).encode())
