"""The daemon as root without the right to read what its owner may not: an entry of these tests.

So that a mode of 0 means to it what it means to everybody else.
"""

import os
import shutil
import sys

import pytest

RUN = ("-m", __name__)
_RIGHTS = ("--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search")


def demand() -> None:
    """Skip the test where rights cannot be given up."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is missing: files that root may not read are NOT tried")


if __name__ == "__main__":
    command = [sys.executable, "-m", "edgepind", "run", *sys.argv[1:]]
    os.execvp("setpriv", ["setpriv", *_RIGHTS, *command] if os.geteuid() == 0 else command)  # noqa: S606, S607 - no shell, and the setpriv of this host
