"""The benchmark runs to its end; that it does is all that is held here, for figures vary."""

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

from edgepind.lab.children import environment, terminate
from tests.tools.bench.rivals import missing_tools

_ALWAYS = {
    "tick_1_cpu",
    "tick_8_per_1",
    "tick_per_barest",
    "tick_per_asyncio",
    "start_wall",
    "resident_late",
    "written_daily",
    "idle_wakes",
    "decide_cpu",
    "announced_connected",
    "accepted_connected",
}
_WITH_SHELL_TOOLS = {"shell_per_tick", "shell_per_barest", "tick_per_s_time"}


async def test_a_quick_run_prints_the_table_and_keeps_every_figure(tmp_path: Path) -> None:
    """Each part measures something, with a unit, and one JSON document keeps it all."""
    output = tmp_path / "bench.json"
    command = (sys.executable, "-m", "tests.tools.bench", "--quick", "--output", str(output))
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment())
    try:
        table, errors = await process.communicate()
    finally:
        await terminate(process)
    assert process.returncode == 0, errors.decode()
    kept = json.loads(output.read_text())
    figures = {it["key"]: it for it in kept["figures"]}
    assert len(figures) == len(kept["figures"])
    assert figures.keys() >= _ALWAYS
    assert missing_tools() or figures.keys() >= _WITH_SHELL_TOOLS
    assert figures["tick_1_cpu"]["value"] > 0
    assert all(it["unit"] or it["key"] == "switches" for it in kept["figures"])
    assert kept["quick"] is True
    assert "start to READY" in table.decode()
