"""`edgepind lab simulate` from the command line."""

import json
from pathlib import Path

import pytest

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.program import main


def _run(*options: str) -> int:
    return main(["lab", "simulate", "--processes", "1", *options])


def test_it_prints_one_json_object_and_draws_a_picture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The figures of each way, the rates that they were drawn with, and the promises."""
    picture = tmp_path / "picture.svg"
    options = ("--years", "0.2", "--ways", "shell-loop,balanced", "--rate", "outages=20")
    assert _run(*options, "--json", "--picture", str(picture)) == ExitCode.GOOD
    answer = json.loads(capsys.readouterr().out)
    assert list(answer["ways"]) == ["shell-loop", "balanced"]
    assert answer["rates"]["outages"] == 20
    assert answer["ways"]["balanced"]["lockout"].keys() == {"mean", "low", "high"}
    assert all(promise["kept"] for promise in answer["promises"])
    assert "balanced" in picture.read_text(encoding="utf-8")


def test_the_same_seed_prints_the_same_table(capsys: pytest.CaptureFixture[str]) -> None:
    """To the byte; another seed prints another."""
    tables = []
    for seed in ("7", "7", "8"):
        _run("--years", "2", "--ways", "never-updated,shell-loop", "--seed", seed)
        tables.append(capsys.readouterr().out.split("What is measured")[0])
    assert tables[0] == tables[1]
    assert tables[0].split("\n", 1)[1] != tables[2].split("\n", 1)[1]


def test_settings_are_those_of_the_settings_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file by `--config`, a single key by `--set`; a wrong one is told."""
    settings = tmp_path / "edgepind.toml"
    settings.write_text('[cloud]\nhost = "acme.example"\n[fail_open]\nenabled = false\n')
    options = ("--years", "1", "--ways", "balanced", "--rate", "overrides=0", "--json")
    assert _run(*options, "--config", str(settings)) == ExitCode.GOOD
    closed = json.loads(capsys.readouterr().out)["ways"]["balanced"]
    assert closed["open"]["mean"] == 0
    assert _run(*options, "--set", "pins.hold_down=soon") == ExitCode.USAGE
    assert "pins.hold_down" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--ways", "prayer"), "there is no way 'prayer'"),
        (("--rate", "outages"), "NAME=VALUE"),
        (("--rate", "outages=often"), "NAME=VALUE"),
        (("--rate", "weather=1"), "there is no rate 'weather'"),
        (("--set", "hold_down=1h"), "--set takes KEY=VALUE"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    options: tuple[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what there is instead."""
    assert _run("--years", "1", *options) == ExitCode.USAGE
    assert told in capsys.readouterr().err
