"""From a path to a TOML document: everything that can be wrong before a key is looked at."""

import os
import re
import stat
import tomllib
from pathlib import Path

from edgepind.settings.load import SettingsFault

LARGEST = 1 << 20
"""Octets. A settings file has a few thousand."""

_SHOWN = 120
_POSITION = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end .*)\)")


def read_toml(path: Path) -> dict[str, object] | SettingsFault:
    """Read one TOML document in UTF-8 (a byte order mark is tolerated). Never raises OSError."""
    try:
        octets = _read_regular_file(path)
    except FileNotFoundError:
        return _fault(
            "there is no such file", "Write one with [cloud] host in it, or name it with --config."
        )
    except OSError as error:
        return _fault(
            f"it cannot be read: {os.strerror(error.errno or 0)}",
            "Let the user that edgepind runs as read it, or name another with --config.",
        )
    return octets if isinstance(octets, SettingsFault) else parse_toml(octets)


def parse_toml(octets: bytes) -> dict[str, object] | SettingsFault:
    """Decode and parse; a fault of syntax names its line and column."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        return _fault(f"it is not UTF-8 on line {line}", "Save it in UTF-8.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _syntax_fault(text, str(error))
    except (ValueError, RecursionError):
        return _fault(
            "a number in it is too long, or lists are nested too deep, to be read",
            "Write no more than a setting needs.",
        )


def _read_regular_file(path: Path) -> bytes | SettingsFault:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):  # opening a pipe would wait for somebody to write into it
        what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        return _fault(f"it is {what}", "Name a regular file with --config.")
    with path.open("rb") as file:
        octets = file.read(LARGEST + 1)
    if len(octets) > LARGEST:
        return _fault(
            "it is larger than 1 MiB", "Settings take a few kilobytes: is it the right file?"
        )
    return octets


def _syntax_fault(text: str, told: str) -> SettingsFault:
    found = _POSITION.fullmatch(told)
    lines = text.split("\n")
    line, column = str(len(lines)), str(len(lines[-1]) + 1)
    if found and found["line"]:
        line, column = found["line"], found["column"]
    what = (found["what"] if found else told)[:_SHOWN]
    return _fault(
        f"it is not TOML at line {line}, column {column}: {what}",
        "Correct it there; text stands in quotes, as in TOML 1.0.",
    )


def _fault(reason: str, remedy: str) -> SettingsFault:
    return SettingsFault(key="", value="", reason=reason, remedy=remedy)
