"""The program that `edgepind-apply@.service` runs: `python3 -m edgepind.helper SETTINGS FOLDER`."""

import sys

# asyncio, which D-Bus needs, would load TLS if it could, and does without where it cannot. So
# nothing that this process ever runs can speak it.
sys.modules["ssl"] = None  # type: ignore[assignment]  # the documented way to bar an import

from edgepind.helper.program import main  # noqa: E402 - only now

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
