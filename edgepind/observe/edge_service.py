"""The cloud's API on one Edge: whether it is in service, and the word to change that.

Theory of operation. Two requests of the public API (Telephony, Providers, Edges): a GET of the
Edge, and a POST to its `statuscode`. Both carry the bearer token that the status endpoint's client
is given, over a connection whose chain reaches the public roots, or, to the cloud's own host, whose
leaf is pinned with standing. Answers are read within the bounds of `bounded_https`, and only the
fields that are used; what is not understood is no answer. Nothing is decided here, and no token
enters a message.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from edgepind.formats import ParsedJson, foreign_text, parse_json
from edgepind.model.action import ServiceNotSet, ServiceOutcome, ServiceSet, SetService
from edgepind.model.observation import EdgeService, ServiceSeen, ServiceUnknown
from edgepind.observe.bounded_https import Ask, NoReply, Reply
from edgepind.observe.http_fields import http_date, retry_after
from edgepind.observe.oauth import NoToken
from edgepind.settings.schema import DrainSettings

Exchange = Callable[[Ask], Awaitable[Reply | NoReply | NoToken]]
"""Carries a request with the token of the moment; see `StatusEndpoint.ask_with_token`."""

_PATH = "/api/v2/telephony/providers/edges"
_OK = frozenset({200, 201, 202, 204})
_ASKS_FOR_PATIENCE = frozenset({429, 503})
_IN_SERVICE = {"ACTIVE": True, "INACTIVE": False}
_MOST_CALLS = 1_000_000
_JSON = {"Content-Type": "application/json"}
_WHY = {
    401: ": it does not take the token (status.oauth)",
    403: ": the OAuth client may not do that (it needs the permissions telephony:plugin:all)",
    404: ": it knows no such Edge (edge.drain.edge_id)",
}


class EdgeServiceApi:
    """The API as `drain` names it, reached by `exchange`."""

    def __init__(self, drain: DrainSettings, exchange: Exchange) -> None:
        self._url = f"{drain.api.rstrip('/')}{_PATH}/{quote(drain.edge_id, safe='')}"
        self._exchange = exchange

    async def look(self) -> EdgeService:
        """Ask how the Edge stands. Never raises for what the cloud or the network does."""
        reply = await self._exchange(Ask(self._url))
        if not isinstance(reply, Reply):
            return ServiceUnknown(reply.error, _wish(reply))
        if reply.status not in _OK:
            return ServiceUnknown(_refusal(reply), _wish(reply))
        document = parse_json(reply.body) if isinstance(reply.body, bytes) else reply.body
        if not isinstance(document, ParsedJson):
            return ServiceUnknown(f"its answer cannot be used: {document.reason}")
        return read_service(document.value)

    async def put(self, word: SetService) -> ServiceOutcome:
        """Give the word. Never raises for what the cloud or the network does."""
        said: dict[str, Any] = {"inService": word.in_service}
        if not word.in_service:
            said["callDrainingWaitTimeSeconds"] = max(1, round(word.wait))
        ask = Ask(f"{self._url}/statuscode", _JSON, json.dumps(said).encode())
        reply = await self._exchange(ask)
        if isinstance(reply, Reply) and reply.status in _OK:
            return ServiceSet(word.in_service)
        error = _refusal(reply) if isinstance(reply, Reply) else reply.error
        return ServiceNotSet(word.in_service, error, _wish(reply))


def read_service(value: Any) -> EdgeService:
    """Read the Edge as the API describes it; unknown where the fields are not what they are."""
    if not isinstance(value, dict):
        return ServiceUnknown("its answer cannot be used: it is not an object")
    code, draining = value.get("statusCode"), value.get("callDrainingState")
    calls = value.get("conversationCount")
    if not isinstance(code, str) or not isinstance(draining, str | None):
        return ServiceUnknown("its answer cannot be used: it has no statusCode that is text")
    counted = isinstance(calls, int) and not isinstance(calls, bool) and 0 <= calls <= _MOST_CALLS
    if calls is not None and not counted:
        return ServiceUnknown("its answer cannot be used: conversationCount is not a number")
    word = foreign_text(draining or "NONE").upper()
    return ServiceSeen(_IN_SERVICE.get(code.upper()), word, calls)


def _refusal(reply: Reply) -> str:
    return f"HTTP {reply.status}{_WHY.get(reply.status, '')}"


def _wish(reply: Reply | NoReply | NoToken) -> float | None:
    """Seconds for which it asks to be left alone, an hour at most."""
    match reply:
        case Reply(status=status) if status in _ASKS_FOR_PATIENCE:
            date = http_date(reply.headers.get("date"))
            return retry_after(reply.headers.get("retry-after"), date, reply.received.wall)
        case NoToken():
            return reply.retry_after
        case _:
            return None
