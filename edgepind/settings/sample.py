"""The sample settings file: every key with its default, commented out, and what it is for."""

import textwrap

from edgepind.settings.kinds import show
from edgepind.settings.schema import TABLES, Key

_HEAD = """\
# Settings of edgepind. Every line that is commented out shows the default.
# Durations are written as in systemd.time(7): "200ms", "90s", "15min", "1h 30min", "2d".
# `edgepind check` tells what is wrong with this file, and `edgepind reload` applies it.
"""
_TO_EDIT = """\
#
# One line has to be edited: `host`, which names the cloud. Then: systemctl enable --now edgepind
"""


def sample(*, ready: bool = True) -> str:
    """A TOML document that means the defaults; only what is required is not commented out.

    Where it is not `ready`, that is commented out, too: the file of a package, to be edited.
    """
    tables = (
        f"\n# {table.doc}\n[{table.name}]\n"
        + "".join(_lines(key, live=ready and key.required) for key in table.keys)
        for table in TABLES
    )
    return (_HEAD if ready else _HEAD + _TO_EDIT) + "".join(tables)


def _lines(key: Key, *, live: bool) -> str:
    words = " | ".join(map(show, key.kind.words))
    doc = " ".join(filter(None, (key.doc, words, "Required." if key.required else "")))
    comment = textwrap.fill(doc, 98, initial_indent="# ", subsequent_indent="# ")
    return f"{comment}\n{'' if live else '#'}{key.name} = {key.written}\n"
