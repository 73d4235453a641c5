"""The command line as a whole: verbs, `--config`, exit codes, streams."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from edgepind import __version__
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.program import VERBS
from edgepind.lab.children import environment
from tests.support.small_site import Site

READING = ("status", "probe", "explain", "history", "check", "pin list", "override show")


async def test_the_version_is_told(edgepind: Any) -> None:
    """`--version` prints name and version on standard output."""
    answer = await edgepind("--version")
    assert (answer.code, answer.output) == (0, f"edgepind {__version__}\n")


async def test_help_names_every_command(edgepind: Any) -> None:
    """`--help` lists all verbs of the contract."""
    answer = await edgepind("--help")
    assert answer.code == 0
    assert all(f"  {verb} " in answer.output for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
async def test_each_command_has_help(edgepind: Any, verb: str) -> None:
    """Every verb explains its arguments, `--config` among them."""
    answer = await edgepind(verb, "--help")
    assert answer.code == 0, answer.errors
    assert f"usage: edgepind {verb}" in answer.output
    assert "--config FILE" in answer.output


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("dance",),
        ("status", "--loud"),
        ("pin",),
        ("pin", "add"),
        ("override", "on", "--for", "1h"),
        ("override", "on", "--reason", "why"),
        ("history", "--limit", "none"),
    ],
)
async def test_a_wrong_command_line_is_one_sentence(edgepind: Any, words: tuple[str, ...]) -> None:
    """Exit code 2, nothing on standard output, one line on standard error with what to do."""
    answer = await edgepind(*words)
    assert (answer.code, answer.output) == (2, "")
    assert answer.errors.startswith("edgepind: ")
    assert answer.errors.count("\n") == 1
    assert "--help" in answer.errors


@pytest.mark.parametrize("command", [*READING, "run", "reload", "override off"])
async def test_settings_that_are_refused_name_every_fault(
    edgepind: Any, tmp_path: Path, command: str
) -> None:
    """Exit code 2, and a line for each fault, whatever the command."""
    settings = tmp_path / "edgepind.toml"
    settings.write_text('[cloud]\nport = 0\n[pins]\npolicy = "lax"\n')
    answer = await edgepind(*command.split(), "--config", settings)
    told = answer.errors + answer.output
    assert answer.code == 2
    assert all(key in told for key in ("cloud.host", "cloud.port", "pins.policy"))


async def test_a_settings_file_that_is_not_there_is_a_settings_error(edgepind: Any) -> None:
    """Exit code 2, and where it was looked for."""
    answer = await edgepind("status", "--config", "/nowhere/edgepind.toml")
    assert answer.code == 2
    assert "/nowhere/edgepind.toml" in answer.errors


async def test_a_settings_file_that_may_not_be_read_is_exit_code_4(site: Site, ask: Any) -> None:
    """Not permitted is told apart from wrong."""
    site.settings.chmod(0)
    answer = await ask("status", mortal=True)
    assert answer.code == 4
    assert str(site.settings) in answer.errors


async def test_config_counts_before_and_after_the_verb(site: Site, edgepind: Any) -> None:
    """Both places name the settings; the later one wins."""
    for words in (
        ("--config", site.settings, "history"),
        ("history", "--config", site.settings),
        ("--config", "/nowhere", "history", "--config", site.settings),
        ("--config", site.settings, "override", "show"),
        ("override", "show", "--config", site.settings),
        ("override", "--config", site.settings, "show"),
    ):
        answer = await edgepind(*words)
        assert (answer.code, answer.errors) == (0, ""), words


async def test_nobody_reading_is_no_complaint(site: Site) -> None:
    """A closed pipe ends the command quietly, as SIGPIPE would."""
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edgepind", "history", "--config", str(site.settings)),
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    os.close(writer)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (141, b"")


async def test_ctrl_c_ends_without_a_traceback(site: Site) -> None:
    """A probe of a server that never answers ends at once, with 130."""
    asked = asyncio.Event()

    async def swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await writer.wait_closed()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    site.write_settings({"cloud": {"addresses": [f"127.0.0.1:{port}"], "timeout": "60s"}})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edgepind", "probe", "--config", str(site.settings)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    await asked.wait()
    process.send_signal(signal.SIGINT)
    output, errors = await process.communicate()
    server.close()
    assert (process.returncode, output, errors) == (130, b"", b"")


@pytest.mark.parametrize(
    ("verb", "unneeded"),
    [("run", ["jq", "dbus_fast"]), ("status", ["rich", "jq"]), ("history", ["rich", "jq"])],
)
async def test_what_is_not_needed_is_not_imported(verb: str, unneeded: list[str]) -> None:
    """The quick answers never load what only draws on terminals, and nothing loads jq by itself.

    The daemon loads rich by way of structlog.
    """
    code = (
        "import sys; from edgepind.cli.program import main; main(sys.argv[1:]);"
        f"print(*[name for name in sys.modules if name.partition('.')[0] in {unneeded}])"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, verb, "--config", "/nowhere"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
    )
    output, _ = await process.communicate()
    assert output.strip() == b""


async def test_json_is_one_object_and_nothing_else(steady: Site, edgepind: Any) -> None:
    """Every reading command with `--json`: one object on standard output, nothing on the other."""
    for command in READING:
        answer = await edgepind(*command.split(), "--json", "--config", steady.settings)
        assert isinstance(json.loads(answer.output), dict), command
        assert answer.errors == "", command


async def test_piped_output_is_plain(steady: Site, edgepind: Any) -> None:
    """Without a terminal there is no escape sequence and no drawn line."""
    for command in READING:
        answer = await edgepind(*command.split(), "--config", steady.settings)
        assert answer.output, command
        assert not set(answer.output) & set("\x1b\u2500\u2501\u2502"), command


def test_the_codes_are_those_of_the_contract() -> None:
    """Numbers that scripts rely on."""
    names = ("GOOD", "BAD", "USAGE", "UNOBSERVED", "NOT_PERMITTED")
    assert [int(ExitCode[name]) for name in names] == [0, 1, 2, 3, 4]
