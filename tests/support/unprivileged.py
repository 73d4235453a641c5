"""The program as a user calls it who has no rights on this host.

An entry of the lab, never of the product: root imports the whole program, for the folder of the
interpreter may be closed to others, and gives its rights up in a child of its own for each
command. Commands come as JSON on standard input, answers go as JSON to standard output.
"""

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import IO

import edgepind

RUN = ("-m", __name__)
_NOBODY = 65534
_LATE = ("_strptime", "encodings.idna", "encodings.utf_8_sig")
"""What Python imports only when it is used for the first time."""


def main() -> int:
    """Answer every command with its exit code and what it said on both streams."""
    for module in pkgutil.walk_packages(edgepind.__path__, "edgepind."):
        if not module.name.startswith("edgepind.lab") and "__main__" not in module.name:
            importlib.import_module(module.name)
    for name in _LATE:
        importlib.import_module(name)
    json.dump([_answer(words) for words in json.load(sys.stdin)], sys.stdout)
    return 0


def _answer(words: Sequence[str]) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            _become_nobody(words, output, errors)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = []
        for stream in (output, errors):
            stream.seek(0)
            said.append(stream.read().decode())
        return code, said[0], said[1]


def _become_nobody(words: Sequence[str], output: IO[bytes], errors: IO[bytes]) -> None:
    from edgepind.cli.program import main as run  # noqa: PLC0415  imported already, in the parent

    os.dup2(output.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    code: object = 1
    try:
        code = run(words)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  the child must end here, and say why
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    sys.exit(main())
