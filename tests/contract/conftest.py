"""What the tests of the contract share: a site each, and the program as outsiders call it."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.children import environment
from edgepind.lab.daemon_process import Answer
from tests.contract.told_events import note_events
from tests.support import unprivileged
from tests.support.mounts import Mounts
from tests.support.small_site import Site, open_site

Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
async def site(
    tmp_path: Path,
    mounted: Mounts,  # noqa: ARG001 - outlives it
    request: pytest.FixtureRequest,
) -> AsyncIterator[Site]:
    """A site whose daemon the test starts, and which is gone when the test is over."""
    async with open_site(tmp_path) as made:
        yield made
    note_events(made, request.node)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may look into, as the folders of a real host."""
    folder = Path(tempfile.mkdtemp(prefix="edgepind-contract-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def public_site(public_folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """A site in such a folder."""
    async with open_site(public_folder) as made:
        yield made
    note_events(made, request.node)


@pytest.fixture
def call() -> Ask:
    """The program as a process of its own, with just the words that it is given."""

    async def run(*words: object, **extra: str) -> Answer:
        return await _run([sys.executable, "-m", "edgepind", *map(str, words)], extra)

    return run


@pytest.fixture
def call_powerless() -> Callable[..., Awaitable[list[Answer]]]:
    """Several commands at once, of a user who has no rights on this host."""

    async def run(*commands: tuple[object, ...]) -> list[Answer]:
        if os.geteuid() != 0:
            pytest.skip("only root can become somebody else")
        said = await _run(
            [sys.executable, *unprivileged.RUN], {}, json.dumps(commands, default=str)
        )
        assert said.code == 0, said.errors
        return [Answer(*answer) for answer in json.loads(said.output)]

    return run


async def _run(command: list[str], extra: dict[str, str], said: str = "") -> Answer:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment(), **extra},
    )
    output, errors = await process.communicate(said.encode())
    assert process.returncode is not None
    return Answer(process.returncode, output.decode(), errors.decode())


@pytest.fixture
def ask(site: Site, call: Ask) -> Ask:
    """The program under the site's settings."""

    async def run(*words: object, **extra: str) -> Answer:
        return await call(*words, "--config", site.settings, **extra)

    return run


@pytest.fixture
def read(ask: Ask) -> Callable[..., Awaitable[tuple[int, dict[str, Any]]]]:
    """A reading command with `--json`: its exit code, and the one object that it printed."""

    async def run(*words: object) -> tuple[int, dict[str, Any]]:
        answer = await ask(*words, "--json")
        value = json.loads(answer.output)
        assert isinstance(value, dict)
        return answer.code, value

    return run
