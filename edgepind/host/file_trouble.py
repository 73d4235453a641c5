"""Sentences for what can go wrong with a file: the call, the path, the reason, the remedy.

Pure words: nothing here touches a file.
"""

import errno
import os
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: "free space or inodes on its file system",
    errno.EDQUOT: "raise the disk quota of this user, or free space under it",
    errno.EFBIG: "raise the limit on the size of files (LimitFSIZE of the service)",
    errno.EROFS: "make its file system writable; the kernel log tells if a disk error closed it",
    errno.EACCES: "check the owner and mode of the file and its folders, or run as their owner",
    errno.EPERM: "run as root or as its owner, and look for an immutable flag with lsattr",
    errno.EIO: "the disk reports an error: read the kernel log and replace what fails",
    errno.ENOENT: "create its folder, or correct the path in the settings",
    errno.ENOTDIR: "a part of the path is not a folder: correct the path in the settings",
    errno.EBUSY: "it is a mount point of its own: mount its folder, not the file",
    errno.ELOOP: "follow its symbolic links with namei and mend the one that leads astray",
    errno.EISDIR: "move the folder away, or correct the path in the settings",
    errno.EMFILE: "raise LimitNOFILE of the service",
}
_OTHER_REMEDY = "read the kernel log, and try the same by hand"


def sentence(call: str, path: Path, code: int) -> str:
    """One sentence for a person: which call on which path failed with errno `code`; the remedy."""
    return f"{call} of {path} failed: {os.strerror(code)}; {_REMEDIES.get(code, _OTHER_REMEDY)}"
