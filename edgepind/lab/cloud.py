"""The cloud of the closed world: several addresses, a status endpoint and an OAuth token desk.

It rotates when told to, announced or not, all at once or address by address. Who sits on the
path to an address (`take_path`) answers in its stead until the path is given back.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from edgepind.lab.http1 import Request, Response
from edgepind.lab.listener import Face, Listener
from edgepind.lab.oauth import TokenDesk
from edgepind.lab.pki import Credential
from edgepind.model.fingerprint import Fingerprint

STATUS_PATH = "/api/v1/security/status"
TOKEN_PATH = "/oauth/token"  # noqa: S105  # a path, no secret
_PORTS_TRIED = 20


@dataclass(slots=True)
class StatusPage:
    """What the status endpoint says. `scripted`, where set, is sent whatever is asked.

    With `tagged` the answer carries an ETag and a matching `If-None-Match` is answered by 304.
    """

    current: Fingerprint
    next: Fingerprint | None = None
    rotates_at: datetime | None = None
    scripted: Response | None = None
    tagged: bool = False

    def answer(self, request: Request) -> Response:
        """The answer to one GET."""
        if self.scripted is not None:
            return self.scripted
        page = {"certificateFingerprint": str(self.current), "algorithm": "SHA256"}
        if self.next is not None:
            page["nextCertificateFingerprint"] = str(self.next)
        if self.rotates_at is not None:
            page["rotationScheduledAt"] = self.rotates_at.isoformat()
        headers = {"content-type": "application/json"}
        if self.tagged:
            tag = f'"{abs(hash(tuple(page.values()))):x}"'
            headers["etag"] = tag
            if request.headers.get("if-none-match") == tag:
                return Response(304, headers)
        return Response(200, headers, json.dumps(page).encode())


@dataclass(slots=True, eq=False)
class Cloud:
    """The servers of one organisation, reached by one name at several addresses.

    `desk` None: the status endpoint asks for no token. `origin` is the cloud's own back door: it
    always shows what the cloud serves, so that whoever sits on a path has somewhere to relay to.
    """

    host: str
    status: StatusPage
    desk: TokenDesk | None = None
    listeners: tuple[Listener, ...] = ()
    origin: Listener = field(init=False)
    _own: dict[str, Face] = field(default_factory=dict)
    _taken: dict[str, Face] = field(default_factory=dict)

    @classmethod
    async def open(
        cls,
        host: str,
        credential: Credential,
        ips: Sequence[str] = ("127.0.0.1", "127.0.0.2", "127.0.0.3"),
        desk: TokenDesk | None = None,
        port: int = 0,
    ) -> "Cloud":
        """Start to listen at every one of `ips`, on one port, with one credential.

        Port 0 becomes one that is free at all of them.
        """
        cloud = cls(host, StatusPage(credential.fingerprint), desk)
        face = cloud._face(credential)
        cloud.listeners = await _open_together(ips, face, port)
        cloud.origin = Listener("127.0.0.1", 0, face)
        await cloud.origin.open()
        cloud.serve(credential)
        return cloud

    async def close(self) -> None:
        """End every listener and every conversation."""
        for listener in (*self.listeners, self.origin):
            await listener.close()

    @property
    def port(self) -> int:
        """The port that all addresses share."""
        return self.listeners[0].port

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses in the notation of the settings."""
        return tuple(listener.address for listener in self.listeners)

    def served(self) -> dict[str, Face]:
        """Who answers at each address now."""
        return {listener.address: listener.face for listener in self.listeners}

    def serve(self, credential: Credential, addresses: Iterable[str] | None = None) -> None:
        """Show `credential` from the next handshake on, at these addresses or at all.

        Says nothing on the status page: that is a step of its own, as in life.
        """
        face = self._face(credential)
        for address in self.addresses if addresses is None else addresses:
            self._own[address] = face
        self.origin.face = face
        self._settle()

    def hang_up(self) -> None:
        """End every established connection, as a load balancer does that is replaced."""
        for listener in self.listeners:
            listener.hang_up()

    def announce(self, credential: Credential, rotates_at: datetime) -> None:
        """Name the next certificate and when it comes."""
        self.status.next = credential.fingerprint
        self.status.rotates_at = rotates_at

    def rotate(self, credential: Credential) -> None:
        """Serve `credential` everywhere and say so on the status page."""
        self.serve(credential)
        self.admit(credential)

    def admit(self, credential: Credential) -> None:
        """Name what is served now on the status page, with nothing to come."""
        self.status.current = credential.fingerprint
        self.status.next = None
        self.status.rotates_at = None

    def take_path(self, face: Face, addresses: Iterable[str] | None = None) -> None:
        """Let `face` answer at these addresses (or at all) in the cloud's stead."""
        for address in self.addresses if addresses is None else addresses:
            self._taken[address] = face
        self._settle()

    def free_path(self) -> None:
        """Give every path back to the cloud."""
        self._taken.clear()
        self._settle()

    async def respond(self, request: Request) -> Response:
        """Answer one request as the cloud does, whatever face it came to."""
        if request.path == TOKEN_PATH and self.desk is not None:
            return self.desk.issue(request)
        if request.path != STATUS_PATH or request.method != "GET":
            return Response(404)
        if self.desk is not None and not self.desk.admits(request):
            return Response(401, {"www-authenticate": "Bearer"})
        return self.status.answer(request)

    def _face(self, credential: Credential) -> Face:
        return Face.of("cloud", credential, self.respond)

    def _settle(self) -> None:
        for listener in self.listeners:
            listener.face = self._taken.get(listener.address, self._own[listener.address])


async def _open_together(ips: Sequence[str], face: Face, port: int) -> tuple[Listener, ...]:
    """Listen at all of `ips` on one port; on another where somebody sits on port 0's choice."""
    for _ in range(1 if port else _PORTS_TRIED):
        listeners: list[Listener] = []
        try:
            for ip in ips:
                listener = Listener(ip, listeners[0].port if listeners else port, face)
                await listener.open()
                listeners.append(listener)
        except OSError:
            for listener in listeners:
                await listener.close()
        else:
            return tuple(listeners)
    raise OSError(f"no port is free at all of {', '.join(ips)}")
