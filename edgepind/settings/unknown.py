"""What a name that no setting has was probably meant to be."""

from edgepind.settings.fault import SettingsFault, show
from edgepind.settings.table import TABLES

_LONGEST_NAME = 40
_ALIKE = 0.6
_OWN = {table.name: [key.name for key in table.keys] for table in TABLES}


def unknown_name(table: str, name: str, content: object) -> SettingsFault:
    """Make the fault for a `name` in `table` ("" at the top) that is no setting."""
    shown = name if name.isidentifier() and len(name) <= _LONGEST_NAME else show(name)
    what = "table" if isinstance(content, dict) and not table else "key"
    return SettingsFault(
        f"{table}.{shown}" if table else shown,
        show(content),
        f"there is no such {what}",
        _remedy(table, name[:_LONGEST_NAME]),
    )


def _remedy(table: str, name: str) -> str:
    import difflib  # noqa: PLC0415  a daemon with good settings never needs it

    siblings = _OWN.get(table, list(_OWN))
    if near := difflib.get_close_matches(name.lower(), siblings, n=1, cutoff=_ALIKE):
        return f"Did you mean {table}.{near[0]}?" if table else f"Did you mean [{near[0]}]?"
    if homes := [home for home, keys in _OWN.items() if name in keys]:
        return f"Did you mean {' or '.join(f'{home}.{name}' for home in homes)}?"
    known = ", ".join(siblings)
    return f"Remove it; [{table}] knows {known}." if table else f"Remove it; there are: {known}."
