"""Owner, mode, access list and extended attributes of the pinning document, on real files.

The Edge's user is one of no name on this host; that he can read what he should is tried by a
process of his.
"""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepind.effects.attributes import AccountUnknown, EdgeAccount, NoAccount
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.host.file_access import ACL, Access, Account, Entry, access_of, unreadable_for
from edgepind.host.fs import Owner
from edgepind.lab.sim_observations import fingerprint
from edgepind.model.action import DocumentWritten
from edgepind.model.document import Pinning
from edgepind.model.observation import DocumentRead

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away: NOT tried")

EDGE = Account(41234, 41235, frozenset({41235, 41236}), "edgeapp")
STRANGER = 41299
ONE = Pinning(True, fingerprint("a"), (fingerprint("a"),))  # noqa: FBT003 - enabled
TWO = Pinning(True, fingerprint("b"), (fingerprint("b"), fingerprint("a")))  # noqa: FBT003


@pytest.fixture
def path() -> Iterator[Path]:
    """A document in a folder that everybody may enter."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        document = folder / "pinning-config.json"
        document.write_text('{"edgeId": "e-1"}')
        yield document


def keeper(path: Path, account: EdgeAccount = EDGE) -> DocumentKeeper:
    """What keeps it under `auto`."""
    return DocumentKeeper(path, "auto", None, account=lambda: account)


def give(path: Path, uid: int, gid: int, mode: int) -> None:
    """Give the document this owner and mode."""
    os.chown(path, uid, gid)
    path.chmod(mode)


def shape(path: Path) -> tuple[int, int, int]:
    """Its owner, group and mode."""
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def written(it: DocumentKeeper, pinning: Pinning = ONE) -> DocumentWritten:
    """Write, which must do."""
    outcome = it.restore(pinning)
    assert isinstance(outcome, DocumentWritten), outcome
    return outcome


def right(it: DocumentKeeper) -> bool:
    """Whether a look finds the attributes as they should be."""
    document = it.read().document
    assert isinstance(document, DocumentRead)
    return document.attributes_right


def can_read(path: Path) -> bool:
    """Whether a process of the Edge's user can."""
    done = subprocess.run(  # noqa: S603 - the test's own file
        ["/bin/cat", str(path)],
        user=EDGE.uid,
        group=EDGE.gid,
        extra_groups=sorted(EDGE.gids),
        capture_output=True,
        check=False,
    )
    told = unreadable_for(EDGE, path)
    assert (told is None) is (done.returncode == 0), told
    return done.returncode == 0


@pytest.mark.parametrize(
    "it",
    [
        (0, 0, 0o600),
        (0, EDGE.gid, 0o640),
        (0, 41236, 0o440),
        (EDGE.uid, EDGE.gid, 0o600),
        (EDGE.uid, 0, 0o640),
        (0, 0, 0o400),
    ],
)
def test_what_no_stranger_may_write_is_kept_as_found(path: Path, it: tuple[int, int, int]) -> None:
    """Over a replacement, and told by no event: this is nobody's business but the site's."""
    give(path, *it)
    mine = keeper(path)
    assert right(mine)
    assert written(mine).attributes is None
    assert shape(path) == it
    assert written(keeper(path), TWO).attributes is None
    assert shape(path) == it
    assert shape(path.with_name(".pinning-config.json.last-good")) == it


@pytest.mark.parametrize(
    ("it", "becomes"),
    [
        ((0, 0, 0o644), (0, EDGE.gid, 0o640)),
        ((0, EDGE.gid, 0o644), (0, EDGE.gid, 0o640)),
        ((0, EDGE.gid, 0o660), (0, EDGE.gid, 0o640)),
        ((EDGE.uid, EDGE.gid, 0o666), (EDGE.uid, EDGE.gid, 0o640)),
        ((STRANGER, STRANGER, 0o644), (0, EDGE.gid, 0o640)),
        ((STRANGER, 41236, 0o640), (0, 41236, 0o640)),
    ],
)
def test_strangers_lose_their_rights_and_the_edge_still_reads(
    path: Path, it: tuple[int, int, int], becomes: tuple[int, int, int]
) -> None:
    """Without a change of the bytes as well, and once: then it is as it should be."""
    give(path, *it)
    mine = keeper(path)
    assert not right(mine)
    assert written(mine).attributes is not None
    assert shape(path) == becomes
    assert can_read(path)
    assert right(mine)
    assert written(mine).attributes is None


def test_who_the_edge_is_may_be_unknown(path: Path) -> None:
    """Then nothing is taken from anybody; where no unit tells it, the owner is taken for it."""
    give(path, EDGE.uid, EDGE.gid, 0o664)
    unknown = keeper(path, AccountUnknown("no bus"))
    assert right(unknown)
    assert written(unknown).attributes is None
    assert shape(path) == (EDGE.uid, EDGE.gid, 0o664)
    written(keeper(path, NoAccount()))
    assert shape(path) == (EDGE.uid, EDGE.gid, 0o640)


def test_a_new_document_can_be_read_by_the_edge(path: Path) -> None:
    """One that was deleted comes back with what it had."""
    path.unlink()
    written(keeper(path))
    assert shape(path) == (0, EDGE.gid, 0o640)
    assert can_read(path)
    give(path, 0, 41236, 0o440)
    again = keeper(path)
    assert right(again)
    path.unlink()
    written(again)
    assert shape(path) == (0, 41236, 0o440)


@pytest.mark.parametrize("account", [Account(0, 0, frozenset({0})), NoAccount()])
def test_a_new_document_is_roots_alone_else(path: Path, account: EdgeAccount) -> None:
    """root:root 0600."""
    path.unlink()
    written(keeper(path, account))
    assert shape(path) == (0, 0, 0o600)


def listed(path: Path, *entries: tuple[int, int, int]) -> Access:
    """Give the document an access list: tag, bits and id of each entry."""
    access = Access(Owner(0, 0), tuple(Entry(*it) for it in entries))
    try:
        os.setxattr(path, ACL, access.acl or b"")
    except OSError:
        pytest.skip("this file system keeps no access lists: NOT tried")
    return access


NOT_ANY = 0xFFFFFFFF
READER = ((1, 6, NOT_ANY), (2, 4, EDGE.uid), (4, 4, NOT_ANY), (16, 4, NOT_ANY), (32, 0, NOT_ANY))


def test_an_access_list_and_its_mask_are_kept(path: Path) -> None:
    """To the octet; and what a person attached to the file."""
    listed(path, *READER)
    before = os.getxattr(path, ACL)
    os.setxattr(path, "user.note", b"hands off")
    os.setxattr(path, "security.selinux", b"system_u:object_r:edge_conf_t:s0\0")
    assert can_read(path)
    assert written(keeper(path)).attributes is None
    assert os.getxattr(path, ACL) == before
    assert os.getxattr(path, "user.note") == b"hands off"
    assert os.getxattr(path, "security.selinux") == b"system_u:object_r:edge_conf_t:s0\0"
    assert can_read(path)


def test_a_stranger_in_an_access_list_loses_the_right_to_write(path: Path) -> None:
    """The Edge's own user keeps his, and reads in any case."""
    mine = ((1, 6, NOT_ANY), (2, 6, EDGE.uid), (2, 6, STRANGER), (4, 0, NOT_ANY))
    listed(path, *mine, (8, 6, 41250), (16, 6, NOT_ANY), (32, 4, NOT_ANY))
    assert written(keeper(path)).attributes is not None
    found = access_of(path, path.stat())
    bits = {(it.tag, it.who): it.permitted for it in found.entries}
    assert bits[2, EDGE.uid] == 6
    assert (bits[2, STRANGER], bits[8, 41250], bits[32, NOT_ANY]) == (4, 4, 0)
    assert can_read(path)


def test_a_list_that_leaves_the_edge_out_is_given_an_entry_when_it_is_tightened(path: Path) -> None:
    """Else it would be shut out by the very tightening."""
    mine = ((1, 6, NOT_ANY), (2, 4, STRANGER), (4, 0, NOT_ANY), (16, 4, NOT_ANY), (32, 4, NOT_ANY))
    listed(path, *mine)
    assert can_read(path)
    written(keeper(path))
    assert can_read(path)
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_a_folders_default_list_gives_the_document_nothing(path: Path) -> None:
    """A new file inherits it (acl(5)); the document's successor is no new file."""
    listed(path, *READER)
    default = os.getxattr(path, ACL)
    os.removexattr(path, ACL)
    path.chmod(0o600)
    os.setxattr(path.parent, "system.posix_acl_default", default)
    written(keeper(path))
    assert access_of(path, path.stat()).acl is None
    assert not can_read(path)


def test_a_folder_on_the_way_is_named(path: Path) -> None:
    """Where the user may not enter it, whatever the document's own mode."""
    give(path, 0, EDGE.gid, 0o640)
    assert can_read(path)
    path.parent.chmod(0o700)
    told = unreadable_for(EDGE, path)
    assert told is not None
    assert str(path.parent) in told
    assert "edgeapp" in told


def test_a_rollback_puts_them_back(path: Path) -> None:
    """What the settings made of them, the way back undoes; the retry makes it anew."""
    give(path, 0, EDGE.gid, 0o640)
    strict = DocumentKeeper(path, "0:0", 0o600, account=lambda: EDGE)
    assert written(strict).attributes is not None
    assert not can_read(path)
    back = strict.put_back(TWO)
    assert isinstance(back, DocumentWritten)
    assert back.attributes is not None
    assert shape(path) == (0, EDGE.gid, 0o640)
    assert can_read(path)
    assert not right(strict)
    written(strict)
    assert shape(path) == (0, 0, 0o600)


def test_what_strangers_must_not_have_is_not_put_back(path: Path) -> None:
    """Whoever asks for it: the daemon may have been taken over."""
    give(path, STRANGER, STRANGER, 0o666)
    mine = keeper(path)
    written(mine)
    mine.put_back(TWO)
    assert shape(path) == (0, EDGE.gid, 0o640)
    never_changed = keeper(path.with_name("other.json"))
    assert isinstance(never_changed.put_back(ONE), DocumentWritten)
