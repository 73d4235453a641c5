"""The cloud's token desk: OAuth 2 client credentials (RFC 6749, section 4.4) and nothing else."""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from edgepind.lab.http1 import Request, Response


@dataclass(slots=True)
class TokenDesk:
    """Knows its clients (id to secret) and whom each token was given to.

    `lifetime` is how long a token is said to last, in seconds. Emptying `tokens` makes all stale.
    """

    clients: dict[str, str] = field(default_factory=dict)
    lifetime: int = 3600
    tokens: dict[str, str] = field(default_factory=dict)

    def enrol(self, client_id: str) -> str:
        """Make a client known; return its new secret."""
        self.clients[client_id] = secrets.token_urlsafe(16)
        return self.clients[client_id]

    def issue(self, request: Request) -> Response:
        """Answer a token request: a bearer token for the right secret, 401 for another."""
        if _form(request).get("grant_type") != "client_credentials":
            return _told(400, {"error": "unsupported_grant_type"})
        client_id, secret = client_credentials(request)
        if not secret or self.clients.get(client_id) != secret:
            return _told(401, {"error": "invalid_client"})
        token = secrets.token_urlsafe(24)
        self.tokens[token] = client_id
        return _told(
            200, {"access_token": token, "token_type": "bearer", "expires_in": self.lifetime}
        )

    def admits(self, request: Request) -> bool:
        """Whether the request carries a token of this desk."""
        return bearer_token(request) in self.tokens

    def owner(self, secret: str) -> str | None:
        """Whose token or client secret this is; None where the desk does not know it."""
        by_secret = {known: client for client, known in self.clients.items()}
        return self.tokens.get(secret) or by_secret.get(secret)


def bearer_token(request: Request) -> str | None:
    """The bearer token of a request (RFC 6750, section 2.1), or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def client_credentials(request: Request) -> tuple[str, str]:
    """Id and secret by either way of RFC 6749, section 2.3.1: Basic, or in the form."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return unquote(user), unquote(password)
    form = _form(request)
    return form.get("client_id", ""), form.get("client_secret", "")


def _form(request: Request) -> dict[str, str]:
    fields = parse_qs(request.body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _told(status: int, answer: dict[str, object]) -> Response:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Response(status, headers, json.dumps(answer).encode())
