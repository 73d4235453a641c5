"""The settings file of a command: its option, loading it, and reporting its faults."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from edgepind.cli.exit_code import ExitCode, demand_readable
from edgepind.cli.render import complain
from edgepind.settings.load import SettingsRefused, load
from edgepind.settings.schema import Settings

DEFAULT_PATH = Path("/etc/edgepind/edgepind.toml")


def add_config(parser: argparse.ArgumentParser, default: Path | str | None) -> None:
    """Add `--config`, which may be given before or after the verb; `default` None: not given.

    In a parser below a verb, the default `argparse.SUPPRESS` keeps what was given before.
    """
    parser.add_argument(
        "--config",
        type=Path,
        default=default,
        metavar="FILE",
        help=f"the settings file (default: {DEFAULT_PATH})",
    )


def add_ways(
    parser: argparse.ArgumentParser, ways: Mapping[str, str]
) -> dict[str, argparse.ArgumentParser]:
    """Give a verb sub-commands, each with its help; the chosen one is `args.way`."""
    chosen = parser.add_subparsers(dest="way", metavar="|".join(ways), required=True)
    parsers = {way: chosen.add_parser(way, help=does) for way, does in ways.items()}
    for way in parsers.values():
        add_config(way, argparse.SUPPRESS)
    return parsers


def settings_path(args: argparse.Namespace) -> Path:
    """The path of the settings file."""
    named: Path | None = args.config
    return named or DEFAULT_PATH


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings for this command.

    If they are refused, prints every fault and raises SystemExit; PermissionError if the file may
    not be read.
    """
    found = load_settings(settings_path(args))
    if isinstance(found, Settings):
        return found
    complain(str(found))
    raise SystemExit(ExitCode.USAGE)


def load_settings(path: Path) -> Settings | SettingsRefused:
    """Read the file. Raises PermissionError where this user may not read it."""
    demand_readable(path)
    return load(path, os.environ)
