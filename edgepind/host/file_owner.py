"""To whom a written file belongs: by the settings' name, or like the folder it lies in."""

import grp
import os
import pwd
from dataclasses import dataclass

_HIGHEST_ID = 2**32 - 2  # the last one, -1, means "leave it" to chown(2)


@dataclass(frozen=True, slots=True)
class Owner:
    """User and group as the kernel knows them."""

    uid: int
    gid: int

    def owns(self, status: os.stat_result) -> bool:
        """Whether a file with this status belongs to just this user and group."""
        return (status.st_uid, status.st_gid) == (self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class UnknownOwner:
    """The name leads to no user or no group of this host. A whole sentence."""

    error: str


def find_owner(name: str) -> Owner | UnknownOwner:
    """Look up "user:group", or "user" for that user with its login group; numbers count as ids."""
    user, colon, group = name.partition(":")
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        entry = None
    uid = entry.pw_uid if entry else _number(user)
    if uid is None:
        return UnknownOwner(
            f"there is no user {user!r} on this host; create it or correct edge.owner"
        )
    if not colon and entry:
        return Owner(uid, entry.pw_gid)
    try:
        gid: int | None = grp.getgrnam(group).gr_gid
    except KeyError:
        gid = _number(group)
    if gid is None:
        return UnknownOwner(
            f"there is no group {group!r} on this host; create it or correct edge.owner"
        )
    return Owner(uid, gid)


def owner_in(folder: os.stat_result) -> Owner:
    """Who shall own a file of edgepind's own in a folder.

    Root writes for the folder's owner, so that what a person did by hand as root stays readable
    to the daemon's own user; anybody else writes for himself.
    """
    if os.geteuid() == 0:
        return Owner(folder.st_uid, folder.st_gid)
    return Owner(os.geteuid(), os.getegid())


def _number(text: str) -> int | None:
    if text.isascii() and text.isdecimal() and int(text) <= _HIGHEST_ID:
        return int(text)
    return None
