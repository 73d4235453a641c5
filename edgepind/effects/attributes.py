"""Which owner, mode and access list the pinning document is due, by the settings and what is found.

`auto` keeps what an administrator has given it, where only root or the Edge's own user may write it
and the world may not read it; else strangers lose their rights, as far as the Edge can still read
it. As whom the Edge runs is asked only where that makes a difference. Changes nothing itself.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from edgepind.host.file_access import Access, Account, is_tight, plain, tightened
from edgepind.host.fs import Owner, UnknownOwner, find_owner

AUTO = "auto"
"""The setting `edge.owner` that keeps the owner as found; `edge.mode` is then None."""

_ROOT = Account(0, 0, frozenset({0}), "root")
_PRIVATE, _SHARED = 0o600, 0o640


@dataclass(frozen=True, slots=True)
class NoAccount:
    """There is no unit that says as whom the Edge runs: it is taken for the document's owner."""


@dataclass(frozen=True, slots=True)
class AccountUnknown:
    """It could not be learned now; a sentence. Nothing is taken from anybody meanwhile."""

    error: str


EdgeAccount = Account | NoAccount | AccountUnknown


def no_account() -> EdgeAccount:
    """The answer where there is nobody to ask."""
    return NoAccount()


@dataclass(frozen=True, slots=True)
class DueAccess:
    """What `edge.owner` ("auto" or "user:group") and `edge.mode` (None: auto) ask for.

    `account` tells as whom the Edge runs, and is called where that matters alone.
    """

    owner: str
    mode: int | None
    account: Callable[[], EdgeAccount] = no_account

    def of(self, found: Access | None) -> Access | UnknownOwner:
        """What a document that has `found` shall have; None: there is none yet."""
        owner = None if self.owner == AUTO else find_owner(self.owner)
        if isinstance(owner, UnknownOwner):
            return owner
        due = self._of_new(owner) if found is None else self._kept(found, owner)
        return due if self.mode is None else due.with_mode(self.mode)

    def _of_new(self, owner: Owner | None) -> Access:
        if owner is not None:
            return plain(owner, _PRIVATE)
        mine = Owner(os.geteuid(), os.getegid())
        account = self.account() if mine.uid == 0 else NoAccount()
        if isinstance(account, Account) and account.uid != 0:
            return plain(Owner(0, account.gid), _SHARED)
        return plain(mine if mine.uid else Owner(0, 0), _PRIVATE)

    def _kept(self, found: Access, owner: Owner | None) -> Access:
        if owner is not None:
            given = replace(found, owner=owner)
            account: EdgeAccount = NoAccount()
        else:
            given = found
            account = _ROOT if is_tight(found, _ROOT) else self.account()
        match account:
            case AccountUnknown():
                return given
            case NoAccount():
                uid, gid = given.owner.uid, given.owner.gid
                account = Account(uid, gid, frozenset({gid}))
            case Account():
                pass
        return given if is_tight(given, account) else tightened(given, account)
