"""The Edge stand-in: a process that enforces what its document said when it started."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgepind.lab.cloud import Cloud
from edgepind.lab.proxy import Interceptor
from edgepind.lab.site import Premises, factory_document
from edgepind.lab.supervisor import Dialling
from edgepind.lab.trust import Trust
from edgepind.lab.wait import until
from edgepind.model.fingerprint import Fingerprint

HOST = "acme.cloud.test"


@pytest.fixture
async def premises(cloud: Cloud, trust: Trust, tmp_path: Path) -> AsyncIterator[Premises]:
    """A site that dials the cloud fifty times a second and pins what it serves."""
    folder = tmp_path / "site"
    folder.mkdir()
    dialling = Dialling(HOST, cloud.addresses, trust.public_roots, per_second=50)
    site = Premises(folder, dialling, frozenset())
    await site.open(cloud.status.current)
    yield site
    await site.close()


async def _accepts(site: Premises, more: int = 6) -> bool:
    """Whether that many more connections are accepted soon."""
    before = site.tally.accepted

    def enough() -> bool:
        site.observe()
        return site.tally.accepted >= before + more

    return await until(enough, 10)


async def _rejects(site: Premises, more: int = 6) -> bool:
    before = site.tally.rejected

    def enough() -> bool:
        site.observe()
        return site.tally.rejected >= before + more

    return await until(enough, 10)


async def _run(script: Path) -> int:
    return await (await asyncio.create_subprocess_exec(script)).wait()


def _allow(site: Premises, *pins: Fingerprint) -> None:
    content = json.loads(factory_document(pins[0]))
    content["certificatePinning"]["fingerprints"] = [str(pin) for pin in pins]
    site.install(json.dumps(content))


async def test_it_dials_every_address_and_accepts_its_pin(premises: Premises) -> None:
    """All connections to a cloud that serves the pinned leaf are accepted."""
    assert await _accepts(premises, 9)
    assert premises.tally.rejected == 0
    dialled = {
        record["address"]
        for record in map(json.loads, premises.edge.log.read_text().splitlines())
        if record["kind"] == "dial"
    }
    assert dialled == set(premises.dialling.addresses)


async def test_it_rejects_a_leaf_that_is_not_pinned(
    premises: Premises, cloud: Cloud, trust: Trust
) -> None:
    """A publicly valid leaf that is not in the document is rejected, and that is a lockout."""
    cloud.rotate(trust.issue(HOST))
    assert await _rejects(premises)
    assert premises.tally.why == {"pin": premises.tally.rejected}
    assert premises.tally.locked_out_now


async def test_it_reads_its_document_only_when_it_starts(
    premises: Premises, cloud: Cloud, trust: Trust
) -> None:
    """A new document changes nothing until a restart, which the script asks for and awaits."""
    new = trust.issue(HOST)
    _allow(premises, cloud.status.current, new.fingerprint)
    cloud.rotate(new)
    assert await _rejects(premises)
    assert await premises.edge.restart() == "ok"
    assert await _accepts(premises)
    assert not premises.tally.locked_out_now


async def test_a_restart_between_two_good_documents_rejects_nothing(
    premises: Premises, cloud: Cloud, trust: Trust
) -> None:
    """The old process has ended before the new one dials: restarting alone costs nothing."""
    for _ in range(3):
        _allow(premises, cloud.status.current, trust.issue(HOST).fingerprint)
        assert await premises.edge.restart() == "ok"
    assert await _accepts(premises)
    assert premises.tally.rejected == 0


async def test_with_pinning_off_the_chain_is_still_checked(
    premises: Premises, cloud: Cloud, trust: Trust
) -> None:
    """`strictValidation` keeps an inspecting proxy out even where no pin is asked for."""
    premises.install(factory_document(None))
    await premises.edge.restart()
    cloud.rotate(trust.issue(HOST))
    assert await _accepts(premises)
    roots = trust.public_roots.read_text()
    cloud.take_path(Interceptor("proxy", trust.corporate, cloud, roots).face)
    assert await _rejects(premises)
    assert set(premises.tally.why) == {"chain"}


async def test_it_does_not_start_with_a_broken_document(premises: Premises) -> None:
    """A document that is no JSON leaves the site without an Edge, and that counts as locked out."""
    premises.install("{")
    assert "refused" in await premises.edge.restart()
    premises.observe()
    assert premises.tally.locked_out_now
    assert await _run(premises.edge.health_script) == 1


async def test_the_restart_script_counts_and_waits(premises: Premises) -> None:
    """What `restart_command` names restarts the stand-in, comes back when it is up, and counts."""
    assert await _run(premises.edge.restart_script) == 0
    assert premises.restarts == 1
    assert await _run(premises.edge.health_script) == 0


async def test_it_ends_when_the_lab_is_gone(premises: Premises) -> None:
    """Closed standard input ends the stand-in, so that a killed lab leaves nothing behind."""
    process = premises.edge._process  # noqa: SLF001  # its pipe is what dies with the lab
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await until(lambda: process.returncode == 0, 5)


async def test_it_ends_on_sigterm(premises: Premises) -> None:
    """As systemd would end it."""
    process = premises.edge._process  # noqa: SLF001  # the process itself is the subject
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)
    assert await until(lambda: process.returncode == -signal.SIGTERM, 5)
