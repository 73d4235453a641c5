"""What can happen to a site, each as something that begins, lasts for some ticks, and ends.

Nothing here checks anything; what must hold meanwhile is the soak's affair.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edgepind.lab.http1 import Response
from tests.support.blackbox import status_reply
from tests.tools.soak.grounds import Grounds

Happening = Callable[[Grounds], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of happening, and how many ticks it lasts at the least and at the most."""

    name: str
    happen: Happening
    least: int = 1
    most: int = 1
    path: bool = False
    """It is about who answers at the addresses: one of these at a time."""


@asynccontextmanager
async def _announced(ground: Grounds) -> AsyncIterator[None]:
    following = ground.trust.issue(ground.cloud.host)
    ground.cloud.announce(following, datetime.now(UTC) + timedelta(seconds=5))
    yield
    ground.rotate(following)


@asynccontextmanager
async def _unannounced(ground: Grounds) -> AsyncIterator[None]:
    ground.rotate(ground.trust.issue(ground.cloud.host))
    yield


@asynccontextmanager
async def _back(ground: Grounds) -> AsyncIterator[None]:
    ground.rotate(ground.former)
    yield


@asynccontextmanager
async def _rolling(ground: Grounds) -> AsyncIterator[None]:
    following = ground.trust.issue(ground.cloud.host)
    ground.cloud.serve(following, ground.cloud.addresses[:1])
    yield
    ground.rotate(following)


def _says(response: Callable[[], Response]) -> Happening:
    @asynccontextmanager
    async def happen(ground: Grounds) -> AsyncIterator[None]:
        ground.cloud.status.scripted = response()
        yield
        ground.cloud.status.scripted = None

    return happen


@asynccontextmanager
async def _hung_up(ground: Grounds) -> AsyncIterator[None]:
    ground.cloud.hang_up()
    yield


@asynccontextmanager
async def _proxied(ground: Grounds) -> AsyncIterator[None]:
    ground.cloud.take_path(ground.proxy.face)
    ground.cloud.hang_up()
    yield
    ground.cloud.free_path()


@asynccontextmanager
async def _attacked(ground: Grounds) -> AsyncIterator[None]:
    everywhere = ground.dice.random() < 1 / 2
    ground.cloud.take_path(ground.impostor.face, None if everywhere else ground.cloud.addresses[:1])
    ground.cloud.hang_up()
    yield
    ground.cloud.free_path()


@asynccontextmanager
async def _address_gone(ground: Grounds) -> AsyncIterator[None]:
    listener = ground.dice.choice(ground.cloud.listeners)
    await listener.close()
    yield
    await listener.open()


def _document(text: Callable[[str], str | None]) -> Happening:
    @asynccontextmanager
    async def happen(ground: Grounds) -> AsyncIterator[None]:
        document = ground.site.document
        changed = text(document.read_text())
        document.unlink()
        if changed is not None:
            document.write_text(changed)
        yield

    return happen


def _with_a_key_more(text: str) -> str:
    whole = json.loads(text)
    whole["edgeId"] = f"e-{len(text)}"
    return json.dumps(whole)


@asynccontextmanager
async def _overridden(ground: Grounds) -> AsyncIterator[None]:
    file = ground.site.daemon.runtime / "override"
    file.touch()
    yield
    file.unlink(missing_ok=True)


@asynccontextmanager
async def _reloaded(ground: Grounds) -> AsyncIterator[None]:
    await ground.reload()
    yield


@asynccontextmanager
async def _misset(ground: Grounds) -> AsyncIterator[None]:
    good = ground.site.settings.read_text()
    ground.site.settings.write_text("[cloud]\nhost = ")
    await ground.reload()
    yield
    ground.site.settings.write_text(good)
    await ground.reload()


@asynccontextmanager
async def _restarts_fail(ground: Grounds) -> AsyncIterator[None]:
    ground.site.script("restart", "exit 1\n")
    yield
    ground.site.script("restart", "exit 0\n")


@asynccontextmanager
async def _word_malformed(ground: Grounds) -> AsyncIterator[None]:
    folder = ground.site.state / "words"
    folder.mkdir(exist_ok=True)
    (folder / "00000001-0123456789abcdef.json").write_text("{")
    yield


_NULL = {"certificateFingerprint": None}
_SHA1 = {"certificateFingerprint": ":".join(["AB"] * 20)}

TROUBLES = (
    Trouble("announced rotation", _announced, 60, 300),
    Trouble("unannounced rotation", _unannounced),
    Trouble("rotation back to the former certificate", _back),
    Trouble("rolling rotation", _rolling, 20, 100, path=True),
    Trouble("status says null", _says(lambda: status_reply(_NULL)), 5, 50),
    Trouble("status says SHA-1", _says(lambda: status_reply(_SHA1)), 5, 50),
    Trouble("status says HTML", _says(lambda: status_reply(b"<html>")), 5, 50),
    Trouble("status is busy", _says(lambda: status_reply(b"", status=503)), 5, 50),
    Trouble("connections hung up", _hung_up),
    Trouble("inspecting proxy", _proxied, 20, 400, path=True),
    Trouble("impostor with a public certificate", _attacked, 5, 100, path=True),
    Trouble("address gone", _address_gone, 5, 100, path=True),
    Trouble("document rewritten by another", _document(_with_a_key_more)),
    Trouble("document removed", _document(lambda _: None)),
    Trouble("document torn by another", _document(lambda text: text[: len(text) // 2])),
    Trouble("document reset to factory", _document(lambda _: '{"certificatePinning": {}}')),
    Trouble("override", _overridden, 5, 100),
    Trouble("reload", _reloaded),
    Trouble("reload of broken settings", _misset, 1, 20),
    Trouble("restarts fail", _restarts_fail, 20, 100),
    Trouble("malformed word", _word_malformed),
)
"""Everything that the dice may choose."""
