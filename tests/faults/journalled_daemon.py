"""The daemon on a host whose journal listens elsewhere, or nowhere: an entry of these tests.

Needs root: it mounts a /run of its own, in which the journal's socket leads to where
EDGEPIND_TEST_JOURNAL says.
"""

import ctypes
import os
import sys
from pathlib import Path

RUN = ("-m", __name__)
VARIABLE = "EDGEPIND_TEST_JOURNAL"
_NEW_MOUNTS, _PRIVATE_ALL = 0x20000, 0x44000

if __name__ == "__main__":
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.unshare(_NEW_MOUNTS)
        or libc.mount(b"none", b"/", None, _PRIVATE_ALL, None)
        or libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, None)
    ):
        raise OSError(ctypes.get_errno(), "no mount namespace can be made")
    folder = Path("/run/systemd/journal")
    folder.mkdir(parents=True)
    if path := os.environ.pop(VARIABLE):
        (folder / "socket").symlink_to(path)
    from edgepind.cli.program import main

    sys.exit(main(["run", *sys.argv[1:]]))
