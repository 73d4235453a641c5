"""Whatever is at the path of the settings, it is settings or a refusal that says what to do."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgepind.settings.load import LARGEST, SettingsRefused, load
from edgepind.settings.schema import Settings

_NOBODY = 65_534


def _refusal(path: Path) -> str:
    refused = load(path, {})
    assert isinstance(refused, SettingsRefused)
    assert refused.path == path
    (fault,) = refused.faults
    assert fault.key == ""
    assert fault.remedy.endswith((".", "?"))
    assert str(path) in str(refused)
    return str(refused)


def _file(folder: Path, octets: bytes) -> Path:
    path = folder / "edgepind.toml"
    path.write_bytes(octets)
    return path


@contextmanager
def _no_rights() -> Iterator[None]:
    """Be nobody for a moment, where this is root, who may read every file."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """With Unix or Windows line ends, with and without a byte order mark."""
    for octets in (
        b'[cloud]\nhost = "a.example"\n',
        b'\xef\xbb\xbf[cloud]\r\nhost = "a.example"\r\n',
    ):
        settings = load(_file(tmp_path, octets), {})
        assert isinstance(settings, Settings)
        assert settings.cloud.host == "a.example"


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"[cloud]\nhost = acme\n", "line 2, column 8"),
        (b'[cloud]\nhost = "acme', "line 2, column 13"),
        (b"[cloud]\nhost = \xff\n", "not UTF-8 on line 2"),
        (b"[cloud]\n[cloud]\n", "line 2, column 7"),
        (b"x = " + b"[" * 100_000, "nested too deep"),
        (b"x = " + b"9" * 5000, "too long"),
        (b"#" * (LARGEST + 1), "1 MiB"),
    ],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, octets: bytes, told: str) -> None:
    """Faults of syntax name the line and the column."""
    assert told in _refusal(_file(tmp_path, octets))


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    """The cap is on what lies beyond it."""
    head = b'[cloud]\nhost = "a.example"\n'
    path = _file(tmp_path, head + b"#" * (LARGEST - len(head)))
    assert isinstance(load(path, {}), Settings)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Nothing, a folder, a pipe that nobody writes into, a socket, a device without end, a loop."""
    assert "no such file" in _refusal(tmp_path / "absent.toml")
    assert "a folder" in _refusal(tmp_path)
    assert "cannot be read" in _refusal(tmp_path / ("a" * 5000))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in _refusal(pipe)
    assert "not a regular file" in _refusal(Path("/dev/zero"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert "not a regular file" in _refusal(tmp_path / "socket")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be read" in _refusal(loop)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    """The remedy is a right, not an edit."""
    path = _file(tmp_path, b'[cloud]\nhost = "a.example"\n')
    path.chmod(0)
    with _no_rights():
        assert "Permission denied" in _refusal(path)


def test_a_refusal_lists_every_fault_on_a_line(tmp_path: Path) -> None:
    """As `run`, `reload` and `check` print it."""
    refused = load(_file(tmp_path, b"[cloud]\nport = 0\n[pins]\npolicy = 'lax'\n"), {})
    assert isinstance(refused, SettingsRefused)
    lines = str(refused).splitlines()
    assert len(lines) == 4
    assert lines[1].strip() == (
        "cloud.port = 0: it is below 1. Write a port from 1 to 65535, such as 443."
    )
