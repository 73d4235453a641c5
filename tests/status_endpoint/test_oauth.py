"""Token and secret: fetched where they may be, sent where the leaf is pinned, never shown."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.http1 import Request, Response
from edgepind.lab.listener import Face, Listener
from edgepind.lab.oauth import TokenDesk
from edgepind.lab.pki import Authority, Credential
from edgepind.model.enums import Channel
from edgepind.model.observation import StatusAnswer, StatusUnreachable
from edgepind.observe.bounded_https import Ask, NoReply, Reply
from edgepind.observe.oauth import Bearer, NoToken, TokenSource
from edgepind.settings.kinds import Address
from edgepind.settings.schema import OAuthSettings, StatusSettings
from tests.status_endpoint.announcements import MakeEndpoint, pins
from tests.support.manual_clock import ManualClock
from tests.support.recorder import json_response

TOKEN_PATH = "/oauth/token"  # noqa: S105  # a path, no secret
SECRET = "s3cret: 100% & more+ünïcode"  # noqa: S105  # opens nothing


@dataclass
class Site:
    """A cloud that wants a token, and issues it; keeps every request."""

    current: Credential
    desk: TokenDesk = field(default_factory=lambda: TokenDesk({"edge one": SECRET}))
    takes_none: bool = False
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        """Answer as a cloud does."""
        self.requests.append(request)
        if request.path == TOKEN_PATH:
            return self.desk.issue(request)
        if self.takes_none or not self.desk.admits(request):
            return Response(401)
        return json_response({"certificateFingerprint": str(self.current.fingerprint)})

    @property
    def paths(self) -> list[str]:
        """What was asked for."""
        return [request.path.rpartition("/")[2] for request in self.requests]


@asynccontextmanager
async def serving(credential: Credential, site: Site) -> AsyncIterator[tuple[Listener, Address]]:
    """Serve a site on loopback."""
    listener = Listener("127.0.0.1", 0, Face.of("site", credential, site))
    await listener.open()
    try:
        yield listener, Address("127.0.0.1", listener.port)
    finally:
        await listener.close()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """The client secret, as an editor leaves it."""
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


def write(path: Path, secret: str) -> None:
    """Put another secret into the file."""
    path.write_text(secret)


def wanting_token(secret_file: Path | str, token_url: str = "") -> StatusSettings:
    """Settings with OAuth; the token comes from the cloud's own host unless said otherwise."""
    return StatusSettings(
        oauth=OAuthSettings(
            token_url=token_url or f"https://acme.cloud.test{TOKEN_PATH}",
            client_id="edge one",
            client_secret_file=str(secret_file),
        )
    )


async def test_a_token_is_fetched_once_and_used_while_it_lasts(
    endpoint: MakeEndpoint, leaf: Credential, secret_file: Path
) -> None:
    """RFC 6749 section 4.4, with Basic authentication as section 2.3.1 writes it."""
    site = Site(leaf)
    async with serving(leaf, site) as (listener, address):
        asking = endpoint(address, status=wanting_token(secret_file))
        for _ in range(3):
            reading = await asking.fetch(pins(leaf))
            assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
        assert listener.handshakes == 1
    assert site.paths == ["token", "status", "status", "status"]
    token = site.requests[0]
    assert token.method == "POST"
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert token.body == (
        b"grant_type=client_credentials&scope=cloud%3Ainstance%3Aread+security%3Acertificate%3Aread"
    )
    pair = base64.b64decode(token.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "edge%20one:s3cret%3A%20100%25%20%26%20more%2B%C3%BCn%C3%AFcode"


async def test_a_token_that_is_not_taken_any_more_is_replaced_once(
    endpoint: MakeEndpoint, leaf: Credential, secret_file: Path
) -> None:
    """The cloud may revoke before a token expires; a cloud that takes none is not hammered."""
    site = Site(leaf)
    async with serving(leaf, site) as (_, address):
        asking = endpoint(address, status=wanting_token(secret_file))
        await asking.fetch(pins(leaf))
        site.desk.tokens.clear()
        reading = await asking.fetch(pins(leaf))
        assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
        assert site.paths[2:] == ["status", "token", "status"]
        site.requests.clear()
        site.takes_none = True
        reading = await asking.fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.error.startswith("HTTP 401")
    assert site.paths == ["status", "token", "status"]


async def test_neither_secret_nor_token_goes_to_a_leaf_that_is_not_pinned(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential, secret_file: Path
) -> None:
    """The hint is asked for anonymously, by the best of chains as well."""
    site = Site(next_leaf)
    async with serving(leaf, site) as (listener, address):
        asking = endpoint(address, status=wanting_token(secret_file))
        await asking.fetch(pins(leaf))  # there is a token now
        await asking.close()
        site.requests.clear()
        listener.face = Face.of("somebody", next_leaf, site)
        for again in (asking, endpoint(address, status=wanting_token(secret_file))):
            reading = await again.fetch(pins(leaf))
            assert isinstance(reading.status, StatusUnreachable)
            assert reading.status.channel is Channel.UNPINNED
            assert reading.status.error.startswith("HTTP 401")
    assert site.paths == ["status", "status"]
    assert not any("authorization" in it.headers or it.body for it in site.requests)


async def test_another_host_gets_the_secret_by_the_public_roots_alone(
    endpoint: MakeEndpoint,
    issuer: Authority,
    leaf: Credential,
    private_leaf: Credential,
    secret_file: Path,
) -> None:
    """CONTRACT section 11: its leaf is not pinned, so its chain and name must be right."""
    site = Site(leaf)
    login = issuer.leaf(["localhost"])
    wrong_name = issuer.leaf(["login.example"])
    for credential, trusted in ((login, True), (wrong_name, False), (private_leaf, False)):
        desk = Site(leaf, desk=site.desk)
        async with serving(leaf, site) as (_, address), serving(credential, desk) as (_, other):
            token_url = f"https://localhost:{other.port}{TOKEN_PATH}"
            asking = endpoint(address, status=wanting_token(secret_file, token_url))
            reading = await asking.fetch(pins(leaf))
        assert desk.paths == (["token"] if trusted else [])
        if trusted:
            assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
        else:
            assert isinstance(reading.status, StatusUnreachable)
            assert "the token request failed" in reading.status.error
            assert reading.status.channel is Channel.NONE


async def test_the_systemd_credential_stands_in_for_the_file(
    endpoint: MakeEndpoint, leaf: Credential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CONTRACT section 3."""
    (tmp_path / "edgepind.oauth-secret").write_text(SECRET)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    async with serving(leaf, Site(leaf)) as (_, address):
        reading = await endpoint(address, status=wanting_token("")).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\nhunter3", "more than one line"),
        (b"hunter2\xff", "not text"),
        (b"hunter2" * 1000, "longer than"),
    ],
)
async def test_a_secret_that_cannot_be_used_is_named_and_not_shown(
    endpoint: MakeEndpoint, leaf: Credential, tmp_path: Path, content: bytes | None, told: str
) -> None:
    """The file and the remedy are in the message; nothing was sent."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    site = Site(leaf)
    async with serving(leaf, site) as (_, address):
        reading = await endpoint(address, status=wanting_token(path)).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert told in reading.status.error
    assert str(path) in reading.status.error
    assert "hunter2" not in reading.status.error
    assert site.requests == []


async def test_no_secret_at_all_is_told_with_both_ways_to_give_one(
    endpoint: MakeEndpoint, leaf: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file nor a credential."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    reading = await endpoint(status=wanting_token("")).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert "client_secret_file" in reading.status.error
    assert "edgepind.oauth-secret" in reading.status.error


async def test_a_secret_that_was_replaced_is_taken_up(
    endpoint: MakeEndpoint, leaf: Credential, secret_file: Path
) -> None:
    """No restart is needed to correct it."""
    write(secret_file, "wrong")
    site = Site(leaf)
    async with serving(leaf, site) as (_, address):
        asking = endpoint(address, status=wanting_token(secret_file))
        refused = await asking.fetch(pins(leaf))
        write(secret_file, SECRET)
        reading = await asking.fetch(pins(leaf))
    assert refused.status == StatusUnreachable(
        "the token request was refused: HTTP 401 (invalid_client); "
        "check client_id and the client secret",
        Channel.PINNED,
    )
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


# --- what a token answer may say: the exchange is given, and time stands still ------------------


def source(tmp_path: Path, answers: list[Reply | NoReply]) -> tuple[TokenSource, list[Ask]]:
    """Make a source whose exchange gives `answers` in turn."""
    (tmp_path / "secret").write_text("hunter2")
    settings = OAuthSettings("https://x/", "me", str(tmp_path / "secret"))
    asked: list[Ask] = []

    async def exchange(ask: Ask) -> Reply | NoReply:
        await asyncio.sleep(0)
        asked.append(ask)
        return answers.pop(0)

    return TokenSource(settings, exchange), asked


def reply(
    clock: ManualClock, said: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Reply:
    """Make an answer of the token's host."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Reply(status, headers or {}, body, clock.now(), 0.0)


@pytest.mark.parametrize(
    ("expires_in", "lasts"),
    [
        ({"expires_in": 3600}, 3540.0),
        ({"expires_in": 100}, 90.0),
        ({"expires_in": 10**300}, 86_340.0),
        ({"expires_in": 0}, 0.0),
        ({"expires_in": -1}, 0.0),
        ({"expires_in": "soon"}, 270.0),
        ({"expires_in": True}, 270.0),
        ({"expires_in": "100"}, 90.0),
        ({}, 270.0),
    ],
)
async def test_a_token_is_replaced_before_it_expires(
    tmp_path: Path, expires_in: dict[str, Any], lasts: float
) -> None:
    """With a margin of a tenth, at most a minute; never kept for longer than a day."""
    clock = ManualClock()
    said = {"access_token": "abc", "token_type": "Bearer", **expires_in}
    tokens, asked = source(tmp_path, [reply(clock, said), reply(clock, said)])
    first = await tokens.token(clock.now().monotonic)
    assert isinstance(first, Bearer)
    assert first.until - clock.now().monotonic == pytest.approx(lasts)
    if lasts:
        clock.advance(lasts - 0.001)
        assert await tokens.token(clock.now().monotonic) is first
        assert len(asked) == 1
        clock.advance(0.002)
    await tokens.token(clock.now().monotonic)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        b"<html>",
        b"",
        [],
        None,
        {},
        {"access_token": "abc", "token_type": "mac"},
        {"access_token": "abc", "token_type": 1},
        {"access_token": 1, "token_type": "bearer"},
        {"access_token": "", "token_type": "bearer"},
        {"access_token": "a b", "token_type": "bearer"},
        {"access_token": "a\r\nX: y", "token_type": "bearer"},
        {"ACCESS_TOKEN": "abc"},
    ],
)
async def test_what_is_no_token_is_not_sent(tmp_path: Path, said: object) -> None:
    """A token goes into a header of ours: only what RFC 6750 allows may."""
    clock = ManualClock()
    tokens, _ = source(tmp_path, [reply(clock, said)])
    refused = await tokens.token(clock.now().monotonic)
    assert isinstance(refused, NoToken)
    assert refused.error.startswith("the token's answer cannot be used")


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    "kind",
    [{}, *({"token_type": it} for it in (None, "", "bearer", "Bearer", "BEARER", " Bearer "))],
)
async def test_a_token_is_read_as_servers_grant_it(
    tmp_path: Path, status: int, kind: dict[str, Any]
) -> None:
    """With its type in any case or left out, created or found, and as long as the answer may be."""
    clock = ManualClock()
    value = "a" * 65_000 + "=="
    tokens, _ = source(tmp_path, [reply(clock, {"access_token": value, **kind}, status)])
    bearer = await tokens.token(clock.now().monotonic)
    assert isinstance(bearer, Bearer)
    assert bearer.value == value


async def test_a_refusal_for_want_of_a_certificate_is_named(tmp_path: Path) -> None:
    """It is no fault of the secret."""
    clock = ManualClock()
    page = b"<html><title>400 No required SSL certificate was sent</title></html>"
    tokens, _ = source(tmp_path, [reply(clock, page, 400)])
    refused = await tokens.token(clock.now().monotonic)
    assert isinstance(refused, NoToken)
    assert "client certificate" in refused.error
    assert "client secret" not in refused.error


async def test_a_refusal_asks_for_patience_and_names_the_error(tmp_path: Path) -> None:
    """RFC 6749 section 5.2; the word of a stranger is cut and made printable."""
    clock = ManualClock()
    headers = {"retry-after": "77"}
    answer = reply(clock, {"error": "slow\x1b[2J down" + "!" * 100}, 429, headers)
    tokens, _ = source(tmp_path, [answer])
    refused = await tokens.token(clock.now().monotonic)
    assert isinstance(refused, NoToken)
    assert refused.retry_after == 77.0
    assert "HTTP 429" in refused.error
    assert refused.error.isprintable()
    assert len(refused.error) < 120


async def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    """A traceback or a debug line may hold any of these."""
    clock = ManualClock()
    said = {"access_token": "t0ken", "token_type": "bearer"}
    tokens, asked = source(tmp_path, [reply(clock, said)])
    bearer = await tokens.token(clock.now().monotonic)
    shown = f"{bearer!r} {asked[0]!r} {tokens!r} {vars(tokens)!r} {reply(clock, said)!r}"
    assert asked[0].headers["Authorization"] not in shown
    assert "hunter2" not in shown
    assert "t0ken" not in shown
