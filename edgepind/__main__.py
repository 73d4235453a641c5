"""`python -m edgepind`, and the `edgepind` command of an installed package."""

import sys

from edgepind.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
