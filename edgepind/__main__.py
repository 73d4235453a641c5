"""`python -m edgepind`, and the `edgepind` command of an installed package."""

import signal
import sys

# Ctrl-C while all this is imported ends it without a word, not with a traceback of the imports.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from edgepind.cli.program import main  # noqa: E402 - see above

signal.signal(signal.SIGINT, signal.default_int_handler)

if __name__ == "__main__":
    sys.exit(main())
