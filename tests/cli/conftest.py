"""What the tests of the commands share: the program as a process of its own."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from edgepind.lab.children import environment
from edgepind.lab.daemon_process import Answer
from tests.support.small_site import Site

Edgepind = Callable[..., Awaitable[Answer]]

_MORTAL = ("--bounding-set", "-dac_override,-dac_read_search", "--")


@pytest.fixture
def edgepind() -> Edgepind:
    """The program as a process of its own, run with just the words that it is given."""

    async def run(
        *words: object, mortal: bool = False, environ: Mapping[str, str] | None = None
    ) -> Answer:
        command = [sys.executable, "-m", "edgepind", *map(str, words)]
        process = await asyncio.create_subprocess_exec(
            *(_as_mortal(command) if mortal else command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**environment(), **(environ or {})},
        )
        output, errors = await process.communicate()
        assert process.returncode is not None
        return Answer(process.returncode, output.decode(), errors.decode())

    return run


@pytest.fixture
def ask(site: Site, edgepind: Edgepind) -> Edgepind:
    """The program under the site's settings."""

    async def run(*words: object, mortal: bool = False) -> Answer:
        return await edgepind(*words, "--config", site.settings, mortal=mortal)

    return run


@pytest.fixture
def read(ask: Edgepind) -> Callable[..., Awaitable[tuple[int, dict[str, Any]]]]:
    """A reading command with `--json`: its exit code, and the one object that it printed."""

    async def run(*words: object) -> tuple[int, dict[str, Any]]:
        answer = await ask(*words, "--json")
        value = json.loads(answer.output)
        assert isinstance(value, dict)
        return answer.code, value

    return run


def _as_mortal(command: list[str]) -> list[str]:
    """Make file modes count for root, too: without these rights it is a user like any other."""
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        pytest.skip("root without setpriv: no file is closed to it")
    return ["setpriv", *_MORTAL, *command]
