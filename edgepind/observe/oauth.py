"""OAuth 2 client credentials (RFC 6749, section 4.4): one bearer token, kept while it lasts.

Over which connection a token is asked for, and that it is only ever sent over a believed one, is
the business of `status_endpoint`. No secret enters a message or a repr.
"""

import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from edgepind.formats import ParsedJson, foreign_text, parse_json
from edgepind.host.disk_thread import run_aside
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic
from edgepind.observe.bounded_https import Ask, BodyRefused, NoReply, Reply
from edgepind.observe.client_secret import NoClientSecret, read_client_secret
from edgepind.observe.http_fields import (
    ASKS_FOR_CERTIFICATE,
    http_date,
    retry_after,
    wants_certificate,
)
from edgepind.settings.schema import OAuthSettings

_GRANTED = frozenset({200, 201})
_OUR_FAULT = frozenset({400, 401, 403})
_LONGEST_WORD = 40
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*", re.ASCII)  # RFC 6750, section 2.1
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_SILENT_LIFETIME = 300.0
_LONGEST_LIFETIME = 86_400.0
_MARGIN = 0.1
_WIDEST_MARGIN = 60.0


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, and the instant from which it is not used any more."""

    value: str = field(repr=False)
    until: Monotonic


@dataclass(frozen=True, slots=True)
class NoToken:
    """Why there is no token.

    `unpinned`: the token's host showed this leaf, which is not pinned. `connected`: it was asked.
    """

    error: str
    retry_after: float | None = None
    unpinned: Fingerprint | None = None
    connected: bool = False


class TokenSource:
    """One client's token; `exchange` carries the request over a connection that may have it."""

    def __init__(
        self, settings: OAuthSettings, exchange: Callable[[Ask], Awaitable[Reply | NoReply]]
    ) -> None:
        self._settings = settings
        self._exchange = exchange
        self._bearer: Bearer | None = None

    async def token(self, now: Monotonic) -> Bearer | NoToken:
        """The token at hand where it still lasts at `now`, else a new one."""
        if self._bearer is not None and now < self._bearer.until:
            return self._bearer
        self.drop()
        secret = await run_aside(read_client_secret, self._settings.client_secret_file)
        if isinstance(secret, NoClientSecret):
            return NoToken(secret.error)
        reply = await self._exchange(_ask(self._settings, secret.value))
        if isinstance(reply, NoReply):
            why = f"the token request failed: {reply.error}"
            return NoToken(why, unpinned=reply.unpinned, connected=reply.connected)
        read = _read(reply)
        self._bearer = read if isinstance(read, Bearer) else None
        return read

    def drop(self) -> None:
        """Forget the token: the cloud does not take it any more."""
        self._bearer = None


def _ask(settings: OAuthSettings, secret: str) -> Ask:
    form = {"grant_type": "client_credentials"}
    if settings.scopes:
        form["scope"] = " ".join(settings.scopes)
    # Both parts are form-encoded before they are joined (RFC 6749, section 2.3.1); a space as
    # %20, which servers that decode percent signs only understand, too.
    pair = f"{quote(settings.client_id, safe='')}:{quote(secret, safe='')}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return Ask(settings.token_url, headers, urlencode(form).encode())


def _read(reply: Reply) -> Bearer | NoToken:
    problem, said = _document(reply.body)
    if reply.status not in _GRANTED:
        return _refusal(reply, said)
    match said:
        case {"access_token": str(value)} if _is_bearer(said.get("token_type")):
            if _TOKEN.fullmatch(value):
                lasts = _lifetime(said.get("expires_in"))
                return Bearer(value, Monotonic(reply.received.monotonic + lasts))
    problem = problem or "it holds no bearer token (RFC 6749, section 5.1)"
    return NoToken(f"the token's answer cannot be used: {problem}", connected=True)


def _is_bearer(kind: Any) -> bool:
    """Whether it is the only type that is asked for; many servers leave the type out."""
    return kind is None or (isinstance(kind, str) and kind.strip().lower() in {"", "bearer"})


def _document(body: bytes | BodyRefused) -> tuple[str, Any]:
    """What is wrong with the body ("" for nothing), and the JSON value that it holds."""
    document = body if isinstance(body, BodyRefused) else parse_json(body)
    return ("", document.value) if isinstance(document, ParsedJson) else (document.reason, None)


def _refusal(reply: Reply, said: Any) -> NoToken:
    """RFC 6749, section 5.2."""
    told = f"the token request was refused: HTTP {reply.status}"
    if isinstance(said, dict) and isinstance(said.get("error"), str):
        told += f" ({foreign_text(said['error'], _LONGEST_WORD)})"
    if wants_certificate(reply.status, reply.body):
        told += ASKS_FOR_CERTIFICATE
    elif reply.status in _OUR_FAULT:
        told += "; check client_id and the client secret"
    date = http_date(reply.headers.get("date"))
    patience = retry_after(reply.headers.get("retry-after"), date, reply.received.wall)
    return NoToken(told, patience, connected=True)


def _lifetime(expires_in: Any) -> float:
    """Seconds for which to use a token that is said to last `expires_in`."""
    if isinstance(expires_in, str) and _SECONDS.fullmatch(expires_in):
        expires_in = int(expires_in)  # as some servers spell it
    known = isinstance(expires_in, int | float) and not isinstance(expires_in, bool)
    lasts = float(min(max(expires_in, 0), _LONGEST_LIFETIME)) if known else _SILENT_LIFETIME
    return lasts - min(lasts * _MARGIN, _WIDEST_MARGIN)
