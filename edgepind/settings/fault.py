"""What is wrong with a settings file, in words that a person can act on."""

import json
from dataclasses import dataclass
from pathlib import Path

_SHOWN_CHARACTERS = 80
_SHOWN_ITEMS = 4
_SHOWN_BITS = 256


@dataclass(frozen=True, slots=True)
class SettingsFault:
    """One fault of a settings file.

    `key` is dotted ("cloud.port"), or "" where the fault is the file's as a whole. `value` is
    what stands there, cut to be shown, or "" where nothing does. `reason` is a clause that says
    what is the matter with it, `remedy` a sentence that says what to do.
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
    """A settings file that is not used, with everything that is wrong with it, at least one."""

    path: Path
    faults: tuple[SettingsFault, ...]

    def __str__(self) -> str:
        """The path, then a line for each fault."""
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        return f"{self.path} is refused and nothing in it is used:{lines}"


def show(value: object) -> str:
    """A value of a TOML document as it would be written there, cut to fit in a line.

    Never raises, however deep, long or large the value: it is for messages about bad ones.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            cut = value[:_SHOWN_CHARACTERS]
            quoted = json.dumps(cut, ensure_ascii=not cut.isprintable())
            return quoted if cut == value else f"{quoted[:-1]}\u2026"
        case int() if value.bit_length() > _SHOWN_BITS:
            return "a very large number"
        case list():
            more = ", \u2026" if len(value) > _SHOWN_ITEMS else ""
            return f"[{', '.join(_show_item(item) for item in value[:_SHOWN_ITEMS])}{more}]"
        case dict():
            return "{\u2026}"
        case _:
            return str(value)


def _show_item(item: object) -> str:
    return "[\u2026]" if isinstance(item, list) else show(item)
