"""What a field of the settings says of its key in the file, and the file's tables made of that.

`schema` declares each setting once, as a field with its kind of value, its default as written in
TOML, and a line of documentation. Parsing, validation, the sample file and the manual page all
go by the tables that are read off those fields here.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any

from edgepind.settings.kinds import Kind, Wrong


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `written` is its default as in TOML or, where it is required, an example.

    `doc` is a line for the sample and the manual page.
    """

    name: str
    kind: Kind
    written: str
    doc: str
    required: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file, by its dotted name, and the class of `schema` that is made of it."""

    name: str
    schema: type
    doc: str
    keys: tuple[Key, ...]


def described(kind: Kind, written: str, doc: str) -> dict[str, Any]:
    """Metadata of a field that is required; `written` is an example, as in TOML."""
    return {"kind": kind, "written": written, "doc": doc}


def setting(kind: Kind, written: str, doc: str) -> Any:
    """Make a field whose default is what its kind reads from `written`, a value as in TOML.

    Raises TypeError where that is not of the kind.
    """
    default = kind.read(tomllib.loads(f"default = {written}")["default"])
    if isinstance(default, Wrong):
        raise TypeError(f"the default {written} is not {kind.form}: {default.reason}")
    return field(default=default, metadata=described(kind, written, doc))


def tables_of(settings: type, name: str = "") -> Iterator[Table]:
    """The tables that a class of settings stands for: its own, then those of its fields.

    A table is documented by the first line of its class. A field without metadata is a table.
    """
    if not is_dataclass(settings):
        raise TypeError(f"{settings} has no fields")
    keys = tuple(
        Key(it.name, **it.metadata, required=it.default is MISSING)
        for it in fields(settings)
        if it.metadata
    )
    if keys:
        yield Table(name, settings, (settings.__doc__ or "").partition("\n")[0], keys)
    for it in fields(settings):
        if not it.metadata and isinstance(it.type, type):
            yield from tables_of(it.type, f"{name}.{it.name}".removeprefix("."))
