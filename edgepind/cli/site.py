"""The settings that a command works by: loaded, or told why not."""

import argparse
import os
from pathlib import Path

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.permission import demand_readable
from edgepind.cli.say import complain
from edgepind.settings.fault import SettingsRefused
from edgepind.settings.load import load
from edgepind.settings.schema import Settings

DEFAULT_PATH = Path("/etc/edgepind/edgepind.toml")


def settings_path(args: argparse.Namespace) -> Path:
    """Where the settings are read from."""
    named: Path | None = args.config
    return named or DEFAULT_PATH


def settings_of(args: argparse.Namespace) -> Settings | ExitCode:
    """The settings in force for this command; where there are none, the faults are told.

    Raises PermissionError where the file may not be read.
    """
    found = load_settings(settings_path(args))
    if isinstance(found, Settings):
        return found
    complain(str(found))
    return ExitCode.USAGE


def load_settings(path: Path) -> Settings | SettingsRefused:
    """Read the file. Raises PermissionError where that is not permitted: no fault of the file."""
    demand_readable(path)
    return load(path, os.environ)
