"""Entries for journald, received by a datagram socket as journald's is."""

import array
import fcntl
import os
import socket
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.telemetry.journal import Journal, encode

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def decode(entry: bytes) -> dict[str, str]:
    """Read an entry as the protocol's description has it."""
    fields = {}
    while entry:
        line, _, entry = entry.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            [length] = struct.unpack_from("<Q", entry)
            value, entry = entry[8 : 8 + length], entry[8 + length :]
            assert entry.startswith(b"\n")
            entry = entry[1:]
        fields[name.decode()] = value.decode()
    return fields


@dataclass
class Receiver:
    """Stands where journald's socket is."""

    path: str
    socket: socket.socket

    def entry(self) -> dict[str, str]:
        """Take the next entry, out of its datagram or out of the file that came instead."""
        data, ancillary, _, _ = self.socket.recvmsg(1 << 22, socket.CMSG_SPACE(4))
        if not ancillary:
            return decode(data)
        assert data == b"", "an entry comes as a file or as data, never as both"
        fds = array.array("i", ancillary[0][2])
        assert len(fds) == 1
        with os.fdopen(fds[0], "rb") as file:
            assert fcntl.fcntl(file, fcntl.F_GET_SEALS) == SEALS
            file.seek(0)
            return decode(file.read())


def receive_at(path: str) -> Receiver:
    """Listen at `path`."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.settimeout(5)
    listening.bind(path)
    return Receiver(path, listening)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A journald that listens."""
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        receiver = receive_at(f"{folder}/socket")
        yield receiver
        receiver.socket.close()


def test_an_entry_arrives_as_it_was(receiver: Receiver) -> None:
    """Spaces, equals signs and other alphabets are no matter."""
    fields = {"MESSAGE": "a = b, für die Edge", "PRIORITY": "4", "EDGEPIND_EVENT": ""}
    assert Journal(receiver.path).send(fields)
    assert receiver.entry() == fields


def test_a_line_break_forges_no_field(receiver: Receiver) -> None:
    """What an attacker puts into a message stays within the message."""
    fields = {"MESSAGE": "first\nPRIORITY=0\n\nEDGEPIND_EVENT=pin_activated\n", "PRIORITY": "6"}
    assert Journal(receiver.path).send(fields)
    assert receiver.entry() == fields


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,63}", fullmatch=True), st.text()))
def test_every_value_survives(fields: dict[str, str]) -> None:
    """Whatever text is told can be read again."""
    expected = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    assert decode(encode(fields)) == expected


@pytest.mark.parametrize("name", ["lower", "_TRUSTED", "", "A" * 65, "A=B", "A\nB", "1A", "Ä"])
def test_a_name_that_journald_would_drop_is_an_error(name: str) -> None:
    """A field that silently vanished would be a bug of ours."""
    with pytest.raises(ValueError, match="not the name of a journal field"):
        encode({name: "x"})


def test_a_large_entry_comes_as_a_sealed_file(receiver: Receiver) -> None:
    """What no datagram holds is passed in memory that can no longer change."""
    fields = {"MESSAGE": "x" * (20 * 1024 * 1024)}
    before = len(list(Path("/proc/self/fd").iterdir()))
    journal = Journal(receiver.path)
    assert journal.send(fields)
    assert receiver.entry() == fields
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1, "but for the socket itself"


def test_an_absent_journal_is_counted(tmp_path: Path) -> None:
    """A host without journald loses entries, not the daemon."""
    journal = Journal(str(tmp_path / "absent"))
    assert not journal.send({"MESSAGE": "x"})
    assert not journal.send({"MESSAGE": "x"})
    assert journal.lost == 2


def test_a_journal_that_reads_nothing_stops_nobody(receiver: Receiver) -> None:
    """A full socket refuses at once; when there is room again, entries arrive again."""
    journal = Journal(receiver.path)
    while journal.send({"MESSAGE": "x"}):
        pass
    assert journal.lost == 1
    receiver.entry()
    assert journal.send({"MESSAGE": "y"})


def test_a_journal_that_restarts_is_found_again(receiver: Receiver) -> None:
    """The socket is another one then, under the same path."""
    journal = Journal(receiver.path)
    assert journal.send({"MESSAGE": "x"})
    receiver.socket.close()
    assert not journal.send({"MESSAGE": "lost"})
    Path(receiver.path).unlink()
    again = receive_at(receiver.path)
    assert journal.send({"MESSAGE": "y"})
    assert again.entry() == {"MESSAGE": "y"}
    again.socket.close()
