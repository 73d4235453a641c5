"""Kinds of value that name things on this host: files, modes, owners, units, commands.

Only form is judged; nothing is looked for.
"""

import re
from collections.abc import Callable
from pathlib import Path

from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.settings.kinds import FILLED_TEXT, Kind, Wrong, list_of, text
from edgepind.settings.load import show

_MODE = re.compile(r"0?[0-7]{3}")
_OWNER = re.compile(r"[^\s:/]+:[^\s:/]+")
_UNIT = re.compile(r"[A-Za-z0-9_:.\\@][A-Za-z0-9_:.\\@-]*\.service")  # systemd.unit(5)
_LONGEST_UNIT = 255


def parse_folder(written: str) -> Path | Wrong:
    """An absolute path."""
    if not written.startswith("/"):
        return Wrong("it is not an absolute path" if written else "it is empty")
    return Path(written)


def _file(written: str) -> Path | Wrong:
    if written.endswith("/"):
        return Wrong("it names a folder, where a file belongs")
    return parse_folder(written)


def _file_or(*words: str) -> Callable[[str], str | Wrong]:
    """Judge an absolute path of a file, or one of these words; both stay text."""

    def judge(written: str) -> str | Wrong:
        if written in words:
            return written
        path = _file(written)
        return path if isinstance(path, Wrong) else written

    return judge


def _prom_file(written: str) -> str | Wrong:
    if written and not written.endswith(".prom"):
        return Wrong("node_exporter's textfile collector reads files that end in .prom only")
    return _file_or("")(written)


def _mode(written: str) -> int | Wrong:
    if not _MODE.fullmatch(written):
        return Wrong("it is not three octal digits, with or without a leading 0")
    return int(written, 8)


def _owner(written: str) -> str | Wrong:
    return written if _OWNER.fullmatch(written) else Wrong("it is not a user, a colon and a group")


def _unit(written: str) -> str | Wrong:
    if not _UNIT.fullmatch(written) or len(written) > _LONGEST_UNIT:
        return Wrong("it is not the name of a systemd service")
    return written


def _command(words: list[object]) -> tuple[object, ...] | Wrong:
    program = str(words[0]) if words else "/"
    if "/" in program and not program.startswith("/"):
        return Wrong("its program is neither an absolute path nor a bare name")
    return tuple(words)


def _fingerprint(written: str) -> Fingerprint | Wrong:
    match parse_fingerprint(written):
        case RefusedFingerprint(reason=reason):
            return Wrong(reason)
        case fingerprint:
            return fingerprint


def roots(word: str) -> Kind:
    """Make a kind of trust roots: a word for a set that is there anyway, or a PEM file's path."""
    return text(f"{show(word)} or the absolute path of a PEM file", _file_or(word))


FILE = text("the absolute path of a file", _file)
FILE_OR_NONE = text('the absolute path of a file, or "" for none', _file_or(""))
FOLDER = text("the absolute path of a folder", parse_folder)
PEM_FILES = list_of(FILE, "a list of absolute paths of PEM files")
PROM_FILE_OR_NONE = text(
    'the absolute path of a file that ends in .prom, or "" for none', _prom_file
)
HELPER = text('"auto", the absolute path of a socket, or "" for none', _file_or("auto", ""))
MODE = text('a file mode in octal digits and in quotes, such as "0600"', _mode)
OWNER = text('a user and a group, such as "root:root"', _owner)
UNIT = text('the name of a service, such as "purecloud-edge.service"', _unit)
COMMAND = list_of(
    FILLED_TEXT,
    'a list of a program and its arguments, such as ["/usr/bin/true", "-v"], or [] for none',
    _command,
)
FINGERPRINTS = list_of(
    text("a fingerprint", _fingerprint), "a list of SHA-256 SPKI pins", frozenset
)
