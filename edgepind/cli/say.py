"""What a command says: answers on standard output, everything else on standard error."""

import argparse
import json
import os
import sys
from collections.abc import Mapping


def add_json(parser: argparse._ActionsContainer) -> None:
    """Give a reading command its `--json`."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )


def print_json(answer: Mapping[str, object]) -> None:
    """The one JSON object that `--json` promises."""
    print(json.dumps(answer, indent=2))


def complain(sentence: str) -> None:
    """An error, in a sentence that says what to do."""
    print(f"edgepind: {sentence}", file=sys.stderr)


def nobody_reads_any_more() -> None:
    """Let what is still to be flushed at the end go nowhere, in place of a complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
