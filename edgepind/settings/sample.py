"""The sample settings file: every key with its default, commented out, and what it is for."""

import textwrap

from edgepind.settings.fault import show
from edgepind.settings.table import TABLES, Key

_HEAD = """\
# Settings of edgepind. Every line that is commented out shows the default.
# Durations are written as in systemd.time(7): "200ms", "90s", "15min", "1h 30min", "2d".
# `edgepind check` tells what is wrong with this file, and `edgepind reload` applies it.
"""


def sample() -> str:
    """A TOML document that means the defaults; only what is required is not commented out."""
    tables = (
        f"\n# {table.doc}\n[{table.name}]\n" + "".join(map(_lines, table.keys)) for table in TABLES
    )
    return _HEAD + "".join(tables)


def _lines(key: Key) -> str:
    words = " | ".join(map(show, key.kind.words))
    doc = " ".join(filter(None, (key.doc, words, "Required." if key.required else "")))
    comment = textwrap.fill(doc, 98, initial_indent="# ", subsequent_indent="# ")
    return f"{comment}\n{'' if key.required else '#'}{key.name} = {key.default}\n"
