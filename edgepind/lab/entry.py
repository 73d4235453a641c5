"""How the lab's own entries to the daemon start it: as `edgepind run --config FILE` would."""

import argparse
import os
import sys
from pathlib import Path

from edgepind.clock import Clock, SystemClock
from edgepind.daemon import run_daemon
from edgepind.settings.load import SettingsRefused, load


def run(clock: Clock | None = None) -> int:
    """Run the daemon on the settings that the command line names; return its exit code.

    1 where it cannot start, 2 where settings are the reason.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    path = parser.parse_args().config
    settings = load(path, os.environ)
    if isinstance(settings, SettingsRefused):
        sys.stderr.write(f"{settings}\n")
        return 2
    refused = run_daemon(settings, path, dry_run=False, clock=clock or SystemClock())
    if refused is None:
        return 0
    sys.stderr.write(f"{refused.error}\n")
    return 2 if refused.misset else 1
