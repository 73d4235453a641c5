"""From a settings file to frozen `Settings`, or to everything that is wrong with it at once.

Looks at the form of the file only: whether a path, user or unit exists, a jq program compiles
or a secret is at hand is for `edgepind check` to say.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgepind.settings.kinds import ANY_PORT, FOLDER, Wrong
from edgepind.settings.load import SettingsFault, SettingsRefused, read_toml, show
from edgepind.settings.schema import TABLES, CloudSettings, Key, Settings

_Values = dict[str, dict[str, Any]]

_LONGEST_NAME = 40
_ALIKE = 0.6
"""How like a known name an unknown one is to be taken for a slip (difflib's ratio)."""

_TABLES = {table.name: table for table in TABLES}
_KEYS = {f"{table.name}.{key.name}": key for table in TABLES for key in table.keys}


def load(path: Path, environ: Mapping[str, str]) -> Settings | SettingsRefused:
    """Read the settings file at `path`.

    Of the environment, STATE_DIRECTORY and RUNTIME_DIRECTORY (systemd.exec(5)) stand in for
    `paths.state` and `paths.runtime` where the file does not set them; of several folders the
    first counts.
    """
    document = read_toml(path)
    if isinstance(document, SettingsFault):
        return SettingsRefused(path, (document,))
    settings = judge(document, environ)
    return settings if isinstance(settings, Settings) else SettingsRefused(path, settings)


def judge(
    document: Mapping[str, object], environ: Mapping[str, str]
) -> Settings | tuple[SettingsFault, ...]:
    """Make settings of a parsed document, or every fault in it, in the document's own order."""
    values: _Values = {name: {} for name in _TABLES}
    faults = [*_take(document, values), *_missing(values, document)]
    faults += _take_environment(environ, values)
    if values["status.oauth"].get("token_url") and not values["status.oauth"].get("client_id"):
        faults.append(_without_client_id(values))
    return tuple(faults) if faults else _build(values)


def _take(document: Mapping[str, object], values: _Values) -> Iterator[SettingsFault]:
    """Put what is right in `document` into `values`; yield a fault for everything else."""
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
    """Make the fault for a `name` in `table` ("" at the top) that is no setting."""
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
        stands = isinstance(document.get(table.name, {}), dict)
        for key in table.keys:
            if key.required and key.name not in values[table.name] and stands:
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
            reason = f"{result.reason}, and stands in {variable}"
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
    """Make the whole of its parts; the innermost tables come last in `TABLES`, so begin there."""
    whole: _Values = {"": {}} | values
    for table in reversed(TABLES):
        parent, _, own = table.name.rpartition(".")
        whole[parent][own] = table.schema(**whole[table.name])
    settings = Settings(**whole[""])
    return replace(settings, cloud=_with_ports(settings.cloud))


def _with_ports(cloud: CloudSettings) -> CloudSettings:
    """Give the addresses that were written without a port `cloud.port`; name each once."""
    whole = (
        replace(address, port=cloud.port) if address.port == ANY_PORT else address
        for address in cloud.addresses
    )
    return replace(cloud, addresses=tuple(dict.fromkeys(whole)))
