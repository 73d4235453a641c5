"""A leaf that the Edge accepts need not be believed: what a stranger gets from one look, and gives.

Each attack goes over real TLS on loopback, and what counts is what arrived at the attacker.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgepind.lab.http1 import Request, Response
from edgepind.lab.listener import Face, Listener
from edgepind.lab.pki import Authority, Credential
from edgepind.model.enums import Channel
from edgepind.model.observation import StatusAnswer, StatusUnreachable
from edgepind.model.pin import Trust
from edgepind.settings.schema import OAuthSettings, StatusSettings
from tests.status_endpoint.announcements import MakeEndpoint, announcing, pins
from tests.support.recorder import Recorder, json_response, recording

SECRET = "the client's secret"  # noqa: S105  # opens nothing
TOKEN = {"access_token": "t0ken", "token_type": "bearer", "expires_in": 3600}
TURNED_AWAY = Response(401, {"connection": "close"})


@dataclass
class Desk:
    """Hands everybody a token, and answers everything else as it is told; keeps each request."""

    answer: Callable[[], Awaitable[Response]]
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        self.requests.append(request)
        return json_response(TOKEN) if request.path == "/oauth/token" else await self.answer()

    @property
    def paths(self) -> list[str]:
        """What was asked for."""
        return [request.path.rpartition("/")[2] for request in self.requests]

    @property
    def secrets(self) -> list[str]:
        """What arrived that nobody but the cloud may have."""
        return [
            it.headers["authorization"] for it in self.requests if "authorization" in it.headers
        ]


def desk(*answers: Response) -> Desk:
    """Give these answers in turn, and the last of them for ever."""
    left = list(answers)

    async def answer() -> Response:
        return left.pop(0) if len(left) > 1 else left[0]

    return Desk(answer)


def wanting_token(folder: Path, host: str = "acme.cloud.test") -> StatusSettings:
    """Settings with OAuth, whose token comes from the cloud's own host unless said otherwise."""
    (folder / "secret").write_text(SECRET)
    url = f"https://{host}/oauth/token"
    return StatusSettings(oauth=OAuthSettings(url, "edge one", str(folder / "secret")))


@pytest.fixture
def rogue(issuer: Authority) -> Credential:
    """What a CA that everybody trusts has issued to somebody else."""
    return issuer.leaf(["acme.cloud.test"])


@pytest.mark.parametrize("asked_before", [False, True], ids=["no token yet", "a token at hand"])
async def test_no_secret_goes_to_an_adopted_stranger_who_has_the_cloud_refuse(
    endpoint: MakeEndpoint,
    leaf: Credential,
    rogue: Credential,
    tmp_path: Path,
    asked_before: bool,  # noqa: FBT001 - a case
) -> None:
    """His leaf is pinned by observation, and he answers 401 to be asked with more."""
    genuine, stranger = desk(announcing(leaf)), desk(TURNED_AWAY)
    trust = pins(leaf, unbelieved=[rogue])
    async with recording(leaf, genuine) as (cloud, first), recording(rogue, stranger) as (_, other):
        asking = endpoint(first, other, status=wanting_token(tmp_path))
        if asked_before:
            assert (await asking.fetch(trust)).status.channel is Channel.PINNED
        await cloud.close()
        for _ in range(3):
            reading = await asking.fetch(trust)
            assert isinstance(reading.status, StatusUnreachable)
            assert reading.status.channel is Channel.WITHOUT_STANDING
            assert "none is sent to a pin without standing" in reading.status.error
            assert reading.date is None
    assert stranger.paths == ["status"] * 3
    assert stranger.secrets == []


@pytest.mark.parametrize("new_face", ["at another address", "at the same address"])
async def test_after_a_leaf_was_shown_no_secret_goes_to_another(
    endpoint: MakeEndpoint,
    leaf: Credential,
    next_leaf: Credential,
    private_leaf: Credential,
    tmp_path: Path,
    new_face: str,
) -> None:
    """Not even where that one is believed, too: the 401 came over the first."""
    other = desk(announcing(leaf))
    instead = private_leaf if new_face == "at another address" else next_leaf

    async def turn_away() -> Response:
        first.face = Face.of("other", instead, other)
        return TURNED_AWAY

    genuine = desk(announcing(leaf))
    async with (
        recording(leaf, genuine) as (first, here),
        recording(next_leaf, other) as (_, there),
    ):
        asking = endpoint(here, there, status=wanting_token(tmp_path))
        trust = pins(leaf, next_leaf)
        assert (await asking.fetch(trust)).status.channel is Channel.PINNED
        genuine.answer = turn_away
        reading = await asking.fetch(trust)
        assert isinstance(reading.status, StatusUnreachable)
        assert reading.status.channel is Channel.PINNED
        assert "is not the one that was shown first" in reading.status.error
        assert other.requests == []
        assert (await asking.fetch(trust)).status.channel is Channel.PINNED
    assert other.paths == ["token", "status"]
    assert genuine.paths == ["token", "status", "status"]


async def test_a_new_token_that_is_turned_away_is_not_asked_for_again(
    endpoint: MakeEndpoint, leaf: Credential, tmp_path: Path
) -> None:
    """One that is new and not taken says that no other will be, in this look."""
    cloud = desk(TURNED_AWAY)
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address, status=wanting_token(tmp_path))
        for _ in range(2):
            await asking.fetch(pins(leaf))
    assert cloud.paths == ["token", "status"] * 2


async def test_a_dot_at_the_end_of_the_token_host_does_not_make_it_another(
    endpoint: MakeEndpoint, leaf: Credential, rogue: Credential, tmp_path: Path
) -> None:
    """It is the cloud's own name all the same, for which a public chain is not enough."""
    stranger = desk(announcing(rogue))
    async with recording(rogue, stranger) as (_, address):
        asking = endpoint(address, status=wanting_token(tmp_path, "acme.cloud.test."))
        reading = await asking.fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.UNPINNED, rogue.fingerprint)
    assert stranger.secrets == []


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_what_a_stranger_wishes_is_told_as_his(
    endpoint: MakeEndpoint, leaf: Credential, rogue: Credential, status: int
) -> None:
    """The core obeys a wish by its channel."""
    answer = Response(status, {"retry-after": "3600"})
    async with recording(rogue, Recorder([answer])) as (_, address):
        adopted = await endpoint(address).fetch(pins(leaf, unbelieved=[rogue]))
        unknown = await endpoint(address).fetch(pins(leaf))
    wish = None if status == 401 else 3600.0
    for reading, channel in (
        (adopted, Channel.WITHOUT_STANDING),
        (unknown, Channel.UNPINNED),
    ):
        assert isinstance(reading.status, StatusUnreachable)
        assert (reading.status.channel, reading.status.retry_after) == (channel, wish)


@pytest.mark.parametrize(
    ("by_chain", "channel"),
    [(False, Channel.PINNED), (True, Channel.NONE)],
    ids=["pinned", "chain"],
)
async def test_a_token_desk_is_obeyed_where_its_own_leaf_is_believed(
    endpoint: MakeEndpoint,
    issuer: Authority,
    leaf: Credential,
    tmp_path: Path,
    by_chain: bool,  # noqa: FBT001 - a case
    channel: Channel,
) -> None:
    """One that a public CA alone vouches for may be anybody's, whoever was met besides."""
    busy = Recorder([Response(429, {"retry-after": "3600"})])
    credential = issuer.leaf(["localhost"]) if by_chain else leaf
    async with recording(credential, busy) as (_, there):
        host = f"localhost:{there.port}" if by_chain else "acme.cloud.test"
        async with recording(leaf, desk(TURNED_AWAY)) as (_, here):
            asking = endpoint(here if by_chain else there, status=wanting_token(tmp_path, host))
            reading = await asking.fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert (reading.status.channel, reading.status.retry_after) == (channel, 3600.0)


@pytest.mark.parametrize(
    "trust",
    [
        lambda leaf, rogue: pins(leaf, unbelieved=[rogue]),
        lambda _leaf, rogue: pins(unbelieved=[rogue]),
    ],
    ids=["another is believed", "none is"],
)
async def test_an_answer_without_standing_is_a_hint(
    endpoint: MakeEndpoint,
    leaf: Credential,
    rogue: Credential,
    trust: Callable[[Credential, Credential], Trust],
) -> None:
    """No witness of the clock, and nothing is left for a later 304 to vouch for."""
    stranger = Recorder([announcing(rogue, leaf, {"etag": '"1"'})])
    async with recording(rogue, stranger) as (listener, address):
        asking = endpoint(address)
        for _ in range(2):
            reading = await asking.fetch(trust(leaf, rogue))
            assert reading.status == StatusAnswer(
                Channel.WITHOUT_STANDING, rogue.fingerprint, leaf.fingerprint
            )
            assert reading.date is None
        assert listener.handshakes >= 2  # none is kept
    assert all("if-none-match" not in it.headers for it in stranger.requests)


async def test_a_kept_connection_is_dropped_when_its_pin_has_lost_standing(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """It is looked at before each request, and not when it was made alone."""
    cloud = Recorder([announcing(leaf, headers={"etag": '"1"'})])
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address)
        believed, doubted = pins(leaf, next_leaf), pins(next_leaf, unbelieved=[leaf])
        assert (await asking.fetch(believed)).status.channel is Channel.PINNED
        assert (await asking.fetch(doubted)).status.channel is Channel.WITHOUT_STANDING
        assert (await asking.fetch(believed)).status.channel is Channel.PINNED
    assert all("if-none-match" not in it.headers for it in cloud.requests)


async def test_where_nobody_is_accepted_the_public_chain_gives_the_hint(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential, rogue: Credential
) -> None:
    """A third leaf is neither believed nor accepted."""
    async with recording(rogue, Recorder([announcing(rogue)])) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf, unbelieved=[next_leaf]))
    assert reading.status == StatusAnswer(Channel.UNPINNED, rogue.fingerprint)


async def test_a_stranger_who_gives_no_answer_is_told_apart_from_nobody(
    endpoint: MakeEndpoint, leaf: Credential, rogue: Credential
) -> None:
    """He was connected to; where all refuse, nobody was."""
    trust = pins(unbelieved=[rogue])
    listener = Listener("127.0.0.1", 0, Face.of("mute", rogue, _hang_up))
    async with recording(leaf, Recorder([TURNED_AWAY])) as (closed, address):
        await closed.close()
        nobody = await endpoint(address).fetch(trust)
    await listener.open()
    try:
        mute = await endpoint(
            type(address)("127.0.0.1", listener.port),
        ).fetch(trust)
    finally:
        await listener.close()
    assert nobody.status.channel is Channel.NONE
    assert isinstance(mute.status, StatusUnreachable)
    assert mute.status.channel is Channel.WITHOUT_STANDING


async def _hang_up(_: Request) -> Response:
    raise ConnectionResetError
