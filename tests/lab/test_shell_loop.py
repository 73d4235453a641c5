"""The naive shell loop, as a real script: what it does well, and what it does to an Edge."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgepind.lab.cloud import Cloud
from edgepind.lab.http1 import Response
from edgepind.lab.oauth import TokenDesk
from edgepind.lab.proxy import Interceptor
from edgepind.lab.shell_loop import ShellLoop, missing_tools
from edgepind.lab.site import Premises
from edgepind.lab.supervisor import Dialling
from edgepind.lab.trust import Trust
from edgepind.lab.wait import until

HOST = "acme.cloud.test"
pytestmark = pytest.mark.skipif(bool(missing_tools()), reason="the loop needs curl, jq and sed")


@pytest.fixture
async def guarded(trust: Trust) -> AsyncIterator[Cloud]:
    """A cloud whose status page asks for a token."""
    desk = TokenDesk()
    desk.enrol("loop")
    opened = await Cloud.open(HOST, trust.issue(HOST), desk=desk)
    yield opened
    await opened.close()


@pytest.fixture
async def site(guarded: Cloud, trust: Trust, tmp_path: Path) -> AsyncIterator[Premises]:
    """A site kept by the loop, which polls ten times a second."""
    folder = tmp_path / "site"
    folder.mkdir()
    dialling = Dialling(HOST, guarded.addresses, trust.public_roots, per_second=20)
    premises = Premises(folder, dialling, frozenset())
    await premises.open(guarded.status.current)
    desk = guarded.desk
    assert desk is not None
    client = f"loop:{desk.clients['loop']}"
    loop = ShellLoop(premises.edge, guarded, trust.system_roots, client, 0.1)
    await loop.open()
    yield premises
    await loop.close()
    assert not loop.running
    await premises.close()


async def _tokens(cloud: Cloud, more: int) -> bool:
    """Whether the loop polls that often again."""
    desk = cloud.desk
    assert desk is not None
    before = len(desk.tokens)
    return await until(lambda: len(desk.tokens) >= before + more, 15)


async def test_it_leaves_a_right_pin_alone(guarded: Cloud, site: Premises) -> None:
    """While nothing changes, the kind version of the loop restarts nothing."""
    assert await _tokens(guarded, 4)
    assert site.pins() == (str(guarded.status.current),)
    assert site.restarts == 0


async def test_it_follows_a_rotation_after_the_fact(
    guarded: Cloud, site: Premises, trust: Trust
) -> None:
    """It writes the new pin and restarts once: the Edge was locked out until then."""
    new = trust.issue(HOST)
    guarded.rotate(new)
    assert await until(lambda: site.restarts == 1, 15)
    assert site.pins() == (str(new.fingerprint),)


async def test_it_writes_null(guarded: Cloud, site: Premises) -> None:
    """A missing field becomes the word null, is written as the pin, and the Edge restarted."""
    guarded.status.scripted = Response(200, {}, b"{}")
    assert await until(lambda: site.restarts == 1, 15)
    assert site.pins() == ("null",)


async def test_it_takes_an_attackers_word_and_gives_its_secret(
    guarded: Cloud, site: Premises, trust: Trust
) -> None:
    """Whoever holds the path with any public CA becomes the pin, and learns the client's secret."""
    attacker = Interceptor(
        "man in the middle",
        trust.compromised,
        guarded,
        trust.public_roots.read_text(),
        announces_itself=True,
    )
    guarded.take_path(attacker.face)
    assert await until(lambda: site.pins() == (str(attacker.credential.fingerprint),), 15)
    desk = guarded.desk
    assert desk is not None
    assert desk.clients["loop"] in attacker.secrets_seen


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without curl the loop cannot be played, and the lab says what is missing."""
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "curl" else found(tool))
    assert missing_tools() == ("curl",)
