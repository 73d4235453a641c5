"""The program that `edgepind-apply@.service` runs: `python3 -m edgepind.helper SETTINGS FOLDER`."""

import sys

from edgepind.helper.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
