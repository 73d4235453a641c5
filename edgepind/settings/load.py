"""From a settings file to frozen `Settings`, or to everything that is wrong with it at once.

Only the form of the file is judged: whether a path, user or unit exists, a jq program compiles
or a secret can be read is for `edgepind check`.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgepind.settings.kinds import ANY_PORT, FOLDER, Wrong, show
from edgepind.settings.schema import TABLES, CloudSettings, Key, Settings

LARGEST = 1 << 20
"""Octets. A settings file has a few thousand."""

_SHOWN = 120
_POSITION = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end .*)\)")
_Values = dict[str, dict[str, Any]]

_LONGEST_NAME = 40
_ALIKE = 0.6
"""How similar an unknown name is to the known one that is suggested (difflib's ratio)."""

_TABLES = {table.name: table for table in TABLES}
_KEYS = {f"{table.name}.{key.name}": key for table in TABLES for key in table.keys}


@dataclass(frozen=True, slots=True)
class SettingsFault:
    """One fault of a settings file.

    `key` is dotted ("cloud.port"), or "" for the file as a whole. `value` is what is written
    there, cut to be shown, or "". `reason` is a clause, `remedy` a sentence that says what to do.
    """

    key: str
    value: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        """One line: `cloud.port = 0: it is below 1. Write a port from 1 to 65535.`."""
        subject = f"{self.key} = {self.value}" if self.value else self.key
        return f"{subject}: {self.reason}. {self.remedy}".removeprefix(": ")


@dataclass(frozen=True, slots=True)
class SettingsRefused:
    """A settings file that is not used, with its faults, at least one."""

    path: Path
    faults: tuple[SettingsFault, ...]

    def __str__(self) -> str:
        """The path, then a line for each fault."""
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        return f"{self.path} is refused and nothing in it is used:{lines}"


def load(path: Path, environ: Mapping[str, str]) -> Settings | SettingsRefused:
    """Read the settings file at `path`.

    Where the file does not set `paths.state` and `paths.runtime`, they are the first folders of
    STATE_DIRECTORY and RUNTIME_DIRECTORY (systemd.exec(5)) in the environment.
    """
    document = read_toml(path)
    if isinstance(document, SettingsFault):
        return SettingsRefused(path, (document,))
    settings = judge(document, environ)
    return settings if isinstance(settings, Settings) else SettingsRefused(path, settings)


def judge(
    document: Mapping[str, object], environ: Mapping[str, str]
) -> Settings | tuple[SettingsFault, ...]:
    """Settings from a parsed document, or every fault in it in the document's order."""
    values: _Values = {name: {} for name in _TABLES}
    faults = [*_take(document, values), *_missing(values, document)]
    faults += _take_environment(environ, values)
    if values["status.oauth"].get("token_url") and not values["status.oauth"].get("client_id"):
        faults.append(_without_client_id(values))
    return tuple(faults) if faults else _build(values)


def _take(document: Mapping[str, object], values: _Values) -> Iterator[SettingsFault]:
    """Put what is valid in `document` into `values`; yield a fault for everything else."""
    for name, content in document.items():
        if name not in _TABLES:
            yield _unknown_name("", name, content)
        else:
            yield from _take_table(name, content, values)


def _take_table(name: str, content: object, values: _Values) -> Iterator[SettingsFault]:
    if not isinstance(content, dict):
        remedy = f"Begin the table with [{name}] on a line of its own."
        yield SettingsFault(name, show(content), "it is not a table", remedy)
        return
    for own, value in content.items():
        dotted = f"{name}.{own}"
        if dotted in _TABLES:
            yield from _take_table(dotted, value, values)
        elif key := _KEYS.get(dotted):
            result = key.kind.read(value)
            values[name][own] = result
            if isinstance(result, Wrong):
                yield _wrong(dotted, key, show(value), result)
        else:
            yield _unknown_name(name, own, value)


def _unknown_name(table: str, name: str, content: object) -> SettingsFault:
    """A fault for a `name` in `table` ("" at the top) that is not a setting."""
    shown = name if name.isidentifier() and len(name) <= _LONGEST_NAME else show(name)
    what = "table" if isinstance(content, dict) and not table else "key"
    return SettingsFault(
        f"{table}.{shown}" if table else shown,
        show(content),
        f"there is no such {what}",
        _guess(table, name[:_LONGEST_NAME]),
    )


def _guess(table: str, name: str) -> str:
    import difflib  # noqa: PLC0415  a daemon with good settings never needs it

    names = {own.name: [key.name for key in own.keys] for own in TABLES}
    siblings = names.get(table, list(names))
    if near := difflib.get_close_matches(name.lower(), siblings, n=1, cutoff=_ALIKE):
        return f"Did you mean {table}.{near[0]}?" if table else f"Did you mean [{near[0]}]?"
    if homes := [home for home, keys in names.items() if name in keys]:
        return f"Did you mean {' or '.join(f'{home}.{name}' for home in homes)}?"
    known = ", ".join(siblings)
    return f"Remove it; [{table}] knows {known}." if table else f"Remove it; there are: {known}."


def _missing(values: _Values, document: Mapping[str, object]) -> Iterator[SettingsFault]:
    for table in TABLES:
        is_table = isinstance(document.get(table.name, {}), dict)
        for key in table.keys:
            if key.required and key.name not in values[table.name] and is_table:
                remedy = f"Add it under [{table.name}]: {key.name} = {key.written}, with your own."
                yield SettingsFault(f"{table.name}.{key.name}", "", "it is missing", remedy)


def _take_environment(environ: Mapping[str, str], values: _Values) -> Iterator[SettingsFault]:
    for own, variable in (("state", "STATE_DIRECTORY"), ("runtime", "RUNTIME_DIRECTORY")):
        folder = environ.get(variable, "").split(":")[0]
        if not folder or own in values["paths"]:
            continue
        values["paths"][own] = result = FOLDER.read(folder)
        if isinstance(result, Wrong):
            remedy = f"Let systemd set {variable}, or write paths.{own} in the settings file."
            reason = f"{result.reason}, from {variable}"
            yield SettingsFault(f"paths.{own}", show(folder), reason, remedy)


def _without_client_id(values: _Values) -> SettingsFault:
    given = "client_id" in values["status.oauth"]
    return SettingsFault(
        "status.oauth.client_id",
        '""' if given else "",
        "it is needed where token_url is set" if given else "it is missing where token_url is set",
        "Write the OAuth client's id, or leave token_url empty.",
    )


def _wrong(dotted: str, key: Key, shown: str, wrong: Wrong) -> SettingsFault:
    return SettingsFault(dotted, shown, wrong.reason, f"Write {key.kind.form}.")


def _build(values: _Values) -> Settings:
    """Build inner tables first: they come last in `TABLES`."""
    whole: _Values = {"": {}} | values
    for table in reversed(TABLES):
        parent, _, own = table.name.rpartition(".")
        whole[parent][own] = table.schema(**whole[table.name])
    settings = Settings(**whole[""])
    return replace(settings, cloud=_with_ports(settings.cloud))


def _with_ports(cloud: CloudSettings) -> CloudSettings:
    """Give addresses without a port `cloud.port`, and drop repeated ones."""
    whole = (
        replace(address, port=cloud.port) if address.port == ANY_PORT else address
        for address in cloud.addresses
    )
    return replace(cloud, addresses=tuple(dict.fromkeys(whole)))


# --- the file -------------------------------------------------------------------------------


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
    if not stat.S_ISREG(mode):  # opening a pipe would wait for its writer
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
        "Correct it there; TOML 1.0 writes text in quotes.",
    )


def _fault(reason: str, remedy: str) -> SettingsFault:
    return SettingsFault(key="", value="", reason=reason, remedy=remedy)
