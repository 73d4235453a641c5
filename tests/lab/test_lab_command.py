"""`edgepind lab` as a command, in a process of its own."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepind.lab.children import environment
from edgepind.lab.wait import until


@pytest.fixture
def folder() -> Iterator[Path]:
    """One with a short name: the path of a socket has 108 bytes at the most (unix(7))."""
    with tempfile.TemporaryDirectory(prefix="lab-") as made:
        yield Path(made)


async def _lab(folder: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "edgepind",
        "lab",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment(), "TMPDIR": str(folder)},
    )


def _left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_chapter_is_played_and_told_as_one_object(folder: Path) -> None:
    """`--json` prints one object and nothing else; 0 says that all went as expected."""
    process = await _lab(folder, "--chapter", "bootstrap", "--json")
    output, _errors = await process.communicate()
    told = json.loads(output)
    assert process.returncode == 0, told
    assert told["met"] is True
    assert [chapter["name"] for chapter in told["chapters"]] == ["bootstrap"]
    assert _left_in(folder) == []


async def test_it_takes_commands_from_a_pipe(folder: Path) -> None:
    """`--keep` without a terminal obeys lines until they end."""
    process = await _lab(folder, "--keep")
    output, errors = await process.communicate(b"rotate\nshow\nstop\n")
    assert process.returncode == 0, errors
    assert b"every address shows" in output


async def test_an_interrupt_ends_everything(folder: Path) -> None:
    """SIGINT in the middle of a chapter: 130, no folder left, no traceback."""
    process = await _lab(folder, "--chapter", "hold-down")
    assert await until(lambda: list(folder.glob("*/edgepind/edge.jsonl")), 20)
    process.send_signal(signal.SIGINT)
    _output, errors = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert _left_in(folder) == []


async def test_an_unknown_chapter_is_a_usage_error(folder: Path) -> None:
    """The chapters that there are stand in the message."""
    process = await _lab(folder, "--chapter", "epilogue")
    _output, errors = await process.communicate()
    assert process.returncode == 2
    assert b"announced" in errors
