"""Asks `bundle.url` for a signed bundle, once an hour.

Any host may serve it: the chain must reach the public roots, and the signature does the rest.
Nothing secret is sent, no pin is asked for, nothing is judged here. A server that is slow, broken
or hostile costs one exchange of `bounded_https` an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from edgepind.formats import foreign_text
from edgepind.host.disk_thread import run_aside
from edgepind.model.instants import Moment, Monotonic
from edgepind.observe.bounded_https import Ask, BodyRefused, BoundedHttps, NoReply, Reply
from edgepind.observe.http_fields import usable_tag
from edgepind.observe.pinned_tls import verified_context
from edgepind.observe.resolve import ResolveFailed, Resolver
from edgepind.settings.kinds import HTTPS_PORT
from edgepind.settings.schema import CloudSettings

EVERY = 3600.0
"""Seconds from one request to the next."""

_OK, _NOT_MODIFIED = 200, 304
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class NoBundle:
    """No bundle came, and why, a clause."""

    error: str


class BundlePoll:
    """The URL under one set of settings; make a new one when they change."""

    def __init__(
        self, url: str, cloud: CloudSettings, resolver: Resolver, now: Callable[[], Moment]
    ) -> None:
        self._url = url
        self._cloud = cloud
        self._resolver = resolver
        self._now = now
        self._due = Monotonic(0.0)
        self._tag: str | None = None

    async def poll(self, *, anew: bool = False) -> bytes | NoBundle | None:
        """What it serves, where an hour is over and it changed; None: nothing new.

        `anew`: what it served last was refused, so all of it is asked for again. Never raises for
        what a network does.
        """
        now = self._now().monotonic
        if now < self._due:
            return None
        self._due = Monotonic(now + EVERY)
        return await self.fetch(anew=anew)

    async def fetch(self, *, anew: bool = False) -> bytes | NoBundle | None:
        """The same at once."""
        tag = None if anew else self._tag
        reply = await self._exchange(Ask(self._url, {"If-None-Match": tag} if tag else {}))
        if isinstance(reply, NoReply):
            return NoBundle(reply.error)
        if reply.status == _NOT_MODIFIED and tag:
            return None
        if reply.status != _OK:
            return NoBundle(_turned_down(reply))
        if isinstance(reply.body, BodyRefused):
            return NoBundle(reply.body.reason)
        self._tag = usable_tag(reply.headers.get("etag"))
        return reply.body

    async def _exchange(self, ask: Ask) -> Reply | NoReply:
        parts, roots = urlsplit(self._url), self._cloud.public_roots
        host, port = (parts.hostname or "").removesuffix("."), parts.port or HTTPS_PORT
        try:
            context = await run_aside(verified_context, roots)
        except OSError as error:
            return NoReply(f"the public roots ({roots}) cannot be loaded: {error.strerror}")
        addresses = self._cloud.addresses if host == self._cloud.host else ()
        if not addresses:
            found = await self._resolver.resolve(host, port, self._cloud.timeout)
            if isinstance(found, ResolveFailed):
                return NoReply(found.error)
            addresses = found
        connection = BoundedHttps((context,), self._cloud.timeout, self._now)
        try:
            return await connection.exchange(ask, addresses)
        finally:
            await connection.close()


def _turned_down(reply: Reply) -> str:
    target = reply.headers.get("location")
    if reply.status in _REDIRECTS and target:
        where = foreign_text(target)
        return f"HTTP {reply.status}: a redirect to {where}, which is not followed"
    return f"HTTP {reply.status}"
