"""Asks the cloud's status endpoint what it serves and what it will, and over which channel.

What it offers is what the Edge would, and where an address so shows a leaf that is not pinned, each
further offer by which it may show another. First comes a connection whose pin has standing, the
only kind that a token or a secret ever crosses.
Where no address shows such a leaf, once more and anonymously, for a hint: over one that is at least
accepted, else over a chain-verified one. What any of it is worth is decided in the core.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from edgepind.formats import ParsedJson, foreign_text, parse_json
from edgepind.model.document import EdgeTls
from edgepind.model.enums import Channel
from edgepind.model.instants import Moment
from edgepind.model.observation import (
    ClockReading,
    Status,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
    StatusUnreachable,
)
from edgepind.model.pin import PinKey, Trust
from edgepind.observe.bounded_https import Ask, BodyRefused, BoundedHttps, NoReply, Reply
from edgepind.observe.edge_client import EdgeClient, edge_client
from edgepind.observe.http_fields import (
    ASKS_FOR_CERTIFICATE,
    date_reading,
    http_date,
    retry_after,
    usable_tag,
    wants_certificate,
    was_cached,
)
from edgepind.observe.oauth import NoToken, TokenSource
from edgepind.observe.pinned_tls import PinCheck, RequestContexts
from edgepind.observe.resolve import Resolved, ResolveFailed, Resolver
from edgepind.observe.status_answer import JqPrograms, read_answer
from edgepind.settings.kinds import HTTPS_PORT
from edgepind.settings.schema import CloudSettings, Settings

_SILENT = EdgeTls()
"""A document that says nothing of TLS."""
_PATH = "/api/v1/security/status"
_JQ_DEADLINE = 10.0
"""Seconds for the programs: no part of `cloud.timeout`, which is about the network."""

_OK, _NOT_MODIFIED, _UNAUTHORISED = 200, 304, 401
_REDIRECTS = range(300, 400)
_ASKS_FOR_PATIENCE = frozenset({429, 503})
_WHY_UNAUTHORISED = {
    Channel.PINNED: ": it asks for a token that it accepts (status.oauth)",
    Channel.WITHOUT_STANDING: ": it asks for a token, and none is sent to a pin without standing",
    Channel.UNPINNED: ": it asks for a token, and none is sent where the leaf is not pinned",
}


@dataclass(frozen=True, slots=True)
class StatusReading:
    """What one look at the endpoint gave.

    `date` is what a `Date` field said of the host's clock; it is only there where the pin of the
    connection has standing, for anybody else may write into it what he likes.
    """

    status: Status
    date: ClockReading | None = None


_IN_A_ROW = 9
"""So many answers of 304 are followed by a whole one, whose `Date` tells of the clock."""


@dataclass(frozen=True, slots=True)
class _Tag:
    """The entity tag of the latest answer, which was a usable one while these were believed."""

    value: str
    believed: frozenset[PinKey]
    unchanged: int = 0
    """How often in a row it was named and nothing had changed."""


class StatusEndpoint:
    """The endpoint under one set of settings; make a new one when they change.

    Keeps the TLS contexts, one believed connection, the token, the entity tag and the last answer
    of the jq programs. Calls must not overlap.
    """

    def __init__(self, settings: Settings, resolver: Resolver, now: Callable[[], Moment]) -> None:
        cloud, status = settings.cloud, settings.status
        self._cloud = cloud
        self._resolver = resolver
        self._now = now
        self._url = status.url or _default_url(cloud)
        self._programs = JqPrograms((status.current, status.next, status.rotates_at), _JQ_DEADLINE)
        token_url = status.oauth.token_url
        self._check = PinCheck(keeps_to_first=bool(token_url))
        self._accepting = PinCheck()
        self._highest = settings.edge.tls
        self._use(EdgeClient(_SILENT, self._highest, None))
        self._tokens = TokenSource(status.oauth, self._ask_for_token) if token_url else None
        self._token_is_new = False
        self._desk_is_pinned = _host(token_url) == cloud.host
        self._tag: _Tag | None = None

    async def fetch(self, trust: Trust, tls: EdgeTls = _SILENT) -> StatusReading:
        """Ask once, under the pins of now, with what an Edge with these `tlsSettings` would offer.

        Never raises for what the cloud, the network or a file does. Each request has
        `cloud.timeout` seconds, whole, after as many at most for its name; at worst there are
        four: a token, the status, and the two anonymous ones. Cancellation ends it at once.
        """
        tag, self._tag = self._tag, None
        await self._become(tls)
        if not trust.accepted:
            return StatusReading(await self._hint(""))
        if not trust.believed:
            return StatusReading(await self._ask_unbelieved(trust, "no pin here has standing"))
        if tag is not None and (tag.believed != trust.believed or tag.unchanged >= _IN_A_ROW):
            tag = None
        reply = await self._ask_believed(trust.believed, tag)
        if isinstance(reply, Reply):
            status = await self._judge(Channel.PINNED, reply, conditional=tag is not None)
            self._tag = _next_tag(status, reply, trust.believed, tag)
            return StatusReading(status, _date(reply))
        if reply.unpinned is not None and self._check.first is None:
            return StatusReading(await self._ask_unbelieved(trust, reply.error))
        return StatusReading(self._unanswered(reply))

    async def close(self) -> None:
        """Give the kept connection up."""
        await self._believed.close()

    async def _become(self, tls: EdgeTls) -> None:
        """Offer what an Edge with these settings does, and the client certificate of now."""
        configured, latest = self._cloud.client_certificate, self._edge
        edge = await edge_client(tls, self._highest, configured, latest)
        if edge is not latest:
            await self.close()
            self._use(edge)

    def _use(self, edge: EdgeClient) -> None:
        self._edge = edge
        self._contexts = RequestContexts(edge, self._cloud.host)
        contexts = self._contexts.pinned(_host(self._url), self._check)
        self._believed = BoundedHttps(contexts, self._cloud.timeout, self._now)

    async def _ask_believed(
        self, believed: frozenset[PinKey], tag: _Tag | None
    ) -> Reply | NoReply | NoToken:
        """Ask over a connection whose pin has standing, with the token where one is wanted.

        A 401 has one new token asked for, unless this one is new; no other leaf than the first
        that is shown meets any of it.
        """
        self._check.begin(believed)
        self._token_is_new = False
        if self._check.shown.isdisjoint(believed):
            await self._believed.close()  # what the kept one showed is not believed any more
        headers = {} if tag is None else {"If-None-Match": tag.value}
        reply = await self._ask_with_token(headers)
        if self._tokens is None or not _is_turned_away(reply):
            return reply
        self._tokens.drop()
        return reply if self._token_is_new else await self._ask_with_token(headers)

    async def _ask_with_token(self, headers: dict[str, str]) -> Reply | NoReply | NoToken:
        if self._tokens is not None:
            bearer = await self._tokens.token(self._now().monotonic)
            if isinstance(bearer, NoToken):
                return bearer
            headers = {**headers, "Authorization": f"Bearer {bearer.value}"}
        return await self._exchange_believed(Ask(self._url, headers))

    async def _ask_for_token(self, ask: Ask) -> Reply | NoReply:
        """Carry the client secret: to the cloud's host pinned, to another by the public roots."""
        self._token_is_new = True
        if self._desk_is_pinned:
            return await self._exchange_believed(ask)
        return await self._exchange_verified(ask)

    def _unanswered(self, reply: NoReply | NoToken) -> StatusUnreachable:
        """Say why there is no answer. Only a connection with standing lends a wish its channel."""
        by_chain = isinstance(reply, NoToken) and not self._desk_is_pinned
        met = reply.connected or self._check.first is not None
        channel = Channel.PINNED if met and not by_chain else Channel.NONE
        wish = reply.retry_after if isinstance(reply, NoToken) else None
        return StatusUnreachable(reply.error, channel, wish)

    async def _ask_unbelieved(self, trust: Trust, why: str) -> Status:
        """Ask anonymously who shows a pin without standing, else whom a public CA vouches for."""
        if trust.accepted != trust.believed:
            self._accepting.begin(trust.accepted)
            contexts = self._contexts.pinned(_host(self._url), self._accepting)
            reply = await self._exchange_once(contexts, Ask(self._url))
            if isinstance(reply, Reply):
                return await self._judge(Channel.WITHOUT_STANDING, reply, conditional=False)
            why = f"{why}; without standing, {reply.error}"
            if reply.unpinned is None:
                channel = Channel.WITHOUT_STANDING if reply.connected else Channel.NONE
                return StatusUnreachable(why, channel)
        return await self._hint(f"{why}; without a pin, ")

    async def _hint(self, why: str) -> Status:
        """Ask anonymously over a chain-verified connection."""
        reply = await self._exchange_verified(Ask(self._url))
        if isinstance(reply, Reply):
            return await self._judge(Channel.UNPINNED, reply, conditional=False)
        channel = Channel.UNPINNED if reply.connected else Channel.NONE
        return StatusUnreachable(why + reply.error, channel)

    async def _exchange_believed(self, ask: Ask) -> Reply | NoReply:
        reply = await self._exchange(self._believed, ask)
        if isinstance(reply, Reply):
            self._check.meet()
        return reply

    async def _exchange_verified(self, ask: Ask) -> Reply | NoReply:
        roots = self._cloud.public_roots
        try:
            context = await self._contexts.verified(_host(ask.url), roots)
        except OSError as error:
            return NoReply(f"the public roots ({roots}) cannot be loaded: {error.strerror}")
        return await self._exchange_once((context,), ask)

    async def _exchange_once(self, contexts: Sequence[ssl.SSLContext], ask: Ask) -> Reply | NoReply:
        connection = BoundedHttps(contexts, self._cloud.timeout, self._now)
        try:
            return await self._exchange(connection, ask)
        finally:
            await connection.close()

    async def _exchange(self, connection: BoundedHttps, ask: Ask) -> Reply | NoReply:
        addresses = await self._addresses(ask.url)
        if isinstance(addresses, ResolveFailed):
            return NoReply(addresses.error)
        return await connection.exchange(ask, addresses)

    async def _addresses(self, url: str) -> Resolved:
        host, port = _host(url), urlsplit(url).port or HTTPS_PORT
        if host == self._cloud.host and self._cloud.addresses:
            return self._cloud.addresses
        return await self._resolver.resolve(host, port, self._cloud.timeout)

    async def _judge(self, channel: Channel, reply: Reply, *, conditional: bool) -> Status:
        if reply.status == _OK:
            return await self._read(channel, reply.body)
        if reply.status == _NOT_MODIFIED and conditional:
            return StatusUnchanged(channel)
        return _turned_down(channel, reply)

    async def _read(
        self, channel: Channel, body: bytes | BodyRefused
    ) -> StatusAnswer | StatusRejected:
        document = body if isinstance(body, BodyRefused) else parse_json(body)
        if not isinstance(document, ParsedJson):
            return StatusRejected(channel, document.reason)
        return read_answer(channel, await self._programs.run(document.text))


def _host(url: str) -> str:
    """The host of a URL, spelt as `cloud.host` is: a dot at its end changes nothing."""
    return (urlsplit(url).hostname or "").removesuffix(".")


def _default_url(cloud: CloudSettings) -> str:
    port = "" if cloud.port == HTTPS_PORT else f":{cloud.port}"
    return f"https://{cloud.host}{port}{_PATH}"


def _is_turned_away(reply: Reply | NoReply | NoToken) -> bool:
    return isinstance(reply, Reply) and reply.status == _UNAUTHORISED


def _next_tag(
    status: Status, reply: Reply, believed: frozenset[PinKey], tag: _Tag | None
) -> _Tag | None:
    """The tag to name next time: only ever that of the answer which the core heard last.

    A later 304 vouches for that answer over a channel with standing, so it must have come over one.
    """
    if isinstance(status, StatusUnchanged):
        return replace(tag, unchanged=tag.unchanged + 1) if tag is not None else None
    value = usable_tag(reply.headers.get("etag"))
    return _Tag(value, believed) if value and isinstance(status, StatusAnswer) else None


def _turned_down(channel: Channel, reply: Reply) -> StatusUnreachable:
    told = f"HTTP {reply.status}"
    if reply.status == _UNAUTHORISED:
        told += _WHY_UNAUTHORISED[channel]
    if wants_certificate(reply.status, reply.body):
        told += ASKS_FOR_CERTIFICATE
    if reply.status in _REDIRECTS and (target := reply.headers.get("location")):
        told += f": a redirect to {foreign_text(target)}, which is not followed"
    if reply.status not in _ASKS_FOR_PATIENCE:
        return StatusUnreachable(told, channel)
    server_date = http_date(reply.headers.get("date"))
    asked = retry_after(reply.headers.get("retry-after"), server_date, reply.received.wall)
    return StatusUnreachable(told, channel, asked)


def _date(reply: Reply) -> ClockReading | None:
    """What it says of the clock: nothing, if it may be a cache's, or is a 304 (RFC 9111, 4.3.4)."""
    headers = reply.headers
    if reply.status == _NOT_MODIFIED or was_cached(headers):
        return None
    return date_reading(
        headers.get("date"), headers.get("age"), reply.received.wall, reply.round_trip
    )
