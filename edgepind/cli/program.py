"""The command line: the verbs, and what is common to them.

Each verb is a module with `configure(parser)` and `main(args) -> int`. Only the one that was asked
for is imported: `run` must stay small, and a short command fast.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from edgepind import __version__
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import add_config
from edgepind.cli.render import complain, discard_output

VERBS = {
    "run": "the daemon, in the foreground",
    "status": "what the daemon knows, and what it is waiting for",
    "probe": "live handshakes with every address, and the verdict on each",
    "explain": "why: the evidence for and against a pin, or for the posture",
    "history": "the record of decisions, newest last",
    "check": "settings, files, unit, clock and link: each fault with its remedy",
    "pin": "the pins: list, add, remove",
    "bundle": "signed pin bundles: make, keygen, show, apply",
    "override": "pinning validation off for a bounded time, in an emergency",
    "reload": "ask the running daemon to read its settings again",
    "lab": "a closed world that shows rotations, attacks and faults",
}

_OF_ANOTHER_PACKAGE = "edgepind.cli.lab"
"""A second .deb or .rpm installs the lab: an appliance carries nothing that forges certificates."""
_NOT_INSTALLED = (
    "`edgepind lab` is not installed: it is in a package of its own; `apt install edgepind-lab` on "
    "Debian and Ubuntu, `dnf install edgepind-lab` with rpm; an installation from source has it"
)


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one sentence, with the way to its help."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message}; see `{self.prog} --help`")
        raise SystemExit(ExitCode.USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` None: those of the process."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A character that the locale lacks must not lose the answer.
            reconfigure(errors="backslashreplace")
    try:
        code = _command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return ExitCode.PIPE_CLOSED
    except PermissionError as error:
        what = f"{error.filename}: " if error.filename else ""
        complain(f"{what}permission denied; run it as root, or as the user that edgepind runs as")
        return ExitCode.NOT_PERMITTED
    return code


def _command(arguments: Sequence[str]) -> int:
    whole = _whole().parse_args(arguments)
    try:
        verb = import_module(f"edgepind.cli.{whole.verb}")
    except ModuleNotFoundError as missing:
        if missing.name != _OF_ANOTHER_PACKAGE:
            raise
        complain(_NOT_INSTALLED)
        return ExitCode.USAGE
    parser = _Parser(f"edgepind {whole.verb}", description=_sentence(VERBS[whole.verb]))
    add_config(parser, whole.config)
    verb.configure(parser)
    code: int = verb.main(parser.parse_args(whole.rest))
    return code


def _whole() -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:{width}}  {does}" for verb, does in VERBS.items())
    parser = _Parser(
        "edgepind",
        description="Keeps certificate pinning on a Genesys Cloud Edge in step with the cloud.",
        epilog=f"commands:\n{verbs}\n\n`edgepind COMMAND --help` shows its arguments.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"edgepind {__version__}")
    add_config(parser, None)
    parser.add_argument("verb", choices=VERBS, metavar="COMMAND", help="one of those below")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="its own arguments")
    return parser


def _sentence(does: str) -> str:
    return f"{does[0].upper()}{does[1:]}."
