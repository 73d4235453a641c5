"""Commands come from a pipe, a file or a terminal alike."""

import asyncio
import os
from pathlib import Path

from edgepind.lab.typed_lines import typed_lines


async def test_lines_come_as_they_are_written() -> None:
    """Lines from a pipe come one by one, the last also without its end."""
    reader, writer = os.pipe()
    try:
        lines = typed_lines(reader)
        os.write(writer, b"rotate\nsh")
        assert await anext(lines) == "rotate"
        waiting = asyncio.ensure_future(anext(lines))
        os.write(writer, b"ow\nstop")
        assert await waiting == "show"
        os.close(writer)
        assert [line async for line in lines] == ["stop"]
    finally:
        os.close(reader)


async def test_a_file_will_do(tmp_path: Path) -> None:
    """Standard input may be a regular file, which no event loop can wait for."""
    script = tmp_path / "script"
    script.write_text("announce\n\nstop\n")
    with script.open("rb") as file:
        assert [line async for line in typed_lines(file.fileno())] == ["announce", "", "stop"]
