"""Who may read and write a file: owner, mode and POSIX access list, as values and rules on them.

The rules are those of acl(5). What is due to a file of which only root and one other account may
change anything is computed here; nothing is changed here, and nobody is asked for an account.
"""

import errno
import grp
import os
import pwd
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgepind.host.fs import Owner, UnknownOwner, find_owner

ACL = "system.posix_acl_access"
"""The extended attribute that holds an access list (acl(5); linux/posix_acl_xattr.h)."""

_R, _W, _X = 4, 2, 1
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32
_HEADER, _ENTRY, _VERSION = struct.Struct("<I"), struct.Struct("<HHI"), 2
_NOBODY = 0xFFFFFFFF
"""The id in an entry that names nobody."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user as processes of his have it: `gid` is the main group, `gids` all of them."""

    uid: int
    gid: int
    gids: frozenset[int]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an access list: whom it is about, and what is permitted (as 0o7)."""

    tag: int
    permitted: int
    who: int = _NOBODY


@dataclass(frozen=True, slots=True)
class Access:
    """Owner and access list of one file, in the kernel's order; a mode alone has three entries."""

    owner: Owner
    entries: tuple[Entry, ...]

    @property
    def mode(self) -> int:
        """The permission bits; the group's are the mask where there is one."""
        group = self._permitted(_MASK) if self.extended else self._permitted(_GROUP_OBJ)
        return self._permitted(_USER_OBJ) << 6 | group << 3 | self._permitted(_OTHER)

    @property
    def extended(self) -> bool:
        """Whether it says more than a mode can."""
        return any(it.tag == _MASK for it in self.entries)

    @property
    def acl(self) -> bytes | None:
        """The value of the extended attribute; None where the mode says it all."""
        if not self.extended:
            return None
        packed = (_ENTRY.pack(it.tag, it.permitted, it.who) for it in self.entries)
        return _HEADER.pack(_VERSION) + b"".join(packed)

    def __str__(self) -> str:
        """As `ls -l` would show it: `root:edgeapp 0640`, and a plus for an access list."""
        plus = "+" if self.extended else ""
        return f"{_user(self.owner.uid)}:{_group(self.owner.gid)} {self.mode:04o}{plus}"

    def with_mode(self, mode: int) -> "Access":
        """After chmod(2) with these permission bits."""
        group = _MASK if self.extended else _GROUP_OBJ
        bits = {_USER_OBJ: mode >> 6 & 7, group: mode >> 3 & 7, _OTHER: mode & 7}
        entries = (replace(it, permitted=bits.get(it.tag, it.permitted)) for it in self.entries)
        return replace(self, entries=tuple(entries))

    def permits(self, account: Account, wanted: int) -> bool:
        """Whether a process of this account may do all of `wanted` (as 0o4); root may read."""
        if account.uid == 0:
            return True
        granted = next(self._granted(account), self._permitted(_OTHER))
        return granted & wanted == wanted

    def _granted(self, account: Account) -> Iterator[int]:
        """The first of these counts, in the order of acl(5), "access check algorithm"."""
        if account.uid == self.owner.uid:
            yield self._permitted(_USER_OBJ)
        for it in self.entries:
            if it.tag == _USER and it.who == account.uid:
                yield it.permitted & self.mask
        groups = [it for it in self.entries if self._group_of(it) in account.gids]
        if groups:
            together = 0
            for it in groups:
                together |= it.permitted
            yield together & self.mask

    def _group_of(self, it: Entry) -> int | None:
        if it.tag == _GROUP_OBJ:
            return self.owner.gid
        return it.who if it.tag == _GROUP else None

    @property
    def mask(self) -> int:
        """What named users and groups have at most."""
        return self._permitted(_MASK) if self.extended else 7

    def _permitted(self, tag: int) -> int:
        return next((it.permitted for it in self.entries if it.tag == tag), 0)


def plain(owner: Owner, mode: int) -> Access:
    """A file without an access list."""
    bits = ((_USER_OBJ, mode >> 6 & 7), (_GROUP_OBJ, mode >> 3 & 7), (_OTHER, mode & 7))
    return Access(owner, tuple(Entry(*it) for it in bits))


def access_of(path: Path, status: os.stat_result) -> Access:
    """What the file with this status, found at `path`, permits to whom."""
    found = plain(Owner(status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode) & 0o777)
    try:
        packed = os.getxattr(path, ACL)
    except OSError as error:
        if error.errno in {errno.ENODATA, errno.EOPNOTSUPP, errno.ENOENT, errno.EACCES}:
            return found
        raise
    entries = tuple(Entry(*it) for it in _ENTRY.iter_unpack(packed[_HEADER.size :]))
    return replace(found, entries=entries)


# --- what is due ------------------------------------------------------------------------------


def is_tight(it: Access, account: Account) -> bool:
    """Whether only root and this account may write it, and the world may not read it."""
    return it == _without_strangers(it, account)


def tightened(it: Access, account: Account) -> Access:
    """The same without rights of strangers, as far as the account can still read it."""
    closed = _without_strangers(it, account)
    if closed.permits(account, _R):
        return closed
    if closed.extended:
        return _with_reader(closed, account)
    opened = (
        replace(entry, permitted=entry.permitted | _R) if entry.tag == _GROUP_OBJ else entry
        for entry in closed.entries
    )
    return Access(Owner(closed.owner.uid, account.gid), tuple(opened))


def _without_strangers(it: Access, account: Account) -> Access:
    known = {0, account.uid}
    uid = it.owner.uid if it.owner.uid in known else 0
    entries = []
    for entry in it.entries:
        strange = entry.tag in {_GROUP_OBJ, _GROUP} or (
            entry.tag == _USER and entry.who not in known
        )
        kept = entry.permitted & ~_W if strange else entry.permitted
        if entry.tag == _OTHER:
            kept = entry.permitted & ~(_R | _W)
        entries.append(replace(entry, permitted=kept))
    if it.extended and not any(e.tag == _USER and e.permitted & _W for e in entries):
        # The mask shows as the group's bits: it need not promise what nobody has.
        entries = [
            replace(e, permitted=e.permitted & ~_W) if e.tag == _MASK else e for e in entries
        ]
    return Access(Owner(uid, it.owner.gid), tuple(entries))


def _with_reader(it: Access, account: Account) -> Access:
    """Let the account read by an entry of its own."""
    others = [e for e in it.entries if not (e.tag == _USER and e.who == account.uid)]
    raised = [replace(e, permitted=e.permitted | _R) if e.tag == _MASK else e for e in others]
    mine = Entry(_USER, _R, account.uid)
    order = sorted((*raised, mine), key=lambda e: (e.tag, e.who))
    return replace(it, entries=tuple(order))


# --- accounts ---------------------------------------------------------------------------------


def find_account(user: str, group: str, supplementary: tuple[str, ...]) -> Account | UnknownOwner:
    """The account of a unit with this `User=`, `Group=` and `SupplementaryGroups=`; "" is root."""
    owner = find_owner(f"{user or 'root'}:{group}" if group else user or "root")
    if isinstance(owner, UnknownOwner):
        return owner
    try:
        name = pwd.getpwuid(owner.uid).pw_name
        gids = set(os.getgrouplist(name, owner.gid))
    except KeyError:
        name, gids = user, {owner.gid}
    for word in supplementary:
        try:
            gids.add(int(word) if word.isdecimal() else grp.getgrnam(word).gr_gid)
        except KeyError:
            continue  # a unit with an unknown group does not start: systemd tells that
    return Account(owner.uid, owner.gid, frozenset(gids), name)


def unreadable_for(account: Account, path: Path) -> str | None:
    """Why a process of this account cannot read the file at `path`; None where it can.

    A sentence with the remedy. Raises OSError where this process cannot look.
    """
    target = Path(os.path.realpath(path))
    ways = [*reversed(target.parents), *(() if target == path else reversed(path.parents))]
    for folder in dict.fromkeys(ways):
        if not access_of(folder, folder.stat()).permits(account, _X):
            return (
                f"user {account.name or account.uid} may not enter {folder}, on the way to {path}; "
                f"let its group or an access list (setfacl) give it x there"
            )
    found = access_of(target, target.stat())
    if found.permits(account, _R):
        return None
    return (
        f"user {account.name or account.uid} may not read {path} ({found}); `chgrp` it to a group "
        "of that user and `chmod 0640` it, or use setfacl"
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
