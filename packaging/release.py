"""The releases of Debian and Ubuntu that a .deb is made for: `release.py CODENAME`.

It prints the three things that differ between them, in the order of `Release`, for build-deb.
"""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """One release, as far as a package for it differs from those for the others."""

    python: str
    """Its python3, as MAJOR.MINOR: wheels with compiled code are of one minor version."""
    next_python: str
    """The first python3 for which these wheels are not."""
    suffix: str
    """Ends the Debian version, so that each release has a version of its own, and an upgrade of the
    host finds the next one newer: ~deb12u1 < ~deb13u1 < the same version without a suffix."""


RELEASES = {
    "bookworm": Release("3.11", "3.12", "~deb12u1"),
    "trixie": Release("3.13", "3.14", "~deb13u1"),
    "noble": Release("3.12", "3.13", "~ubuntu24.04.1"),
}


def main() -> None:
    """Print what build-deb asks for; end with a sentence where there is no such release."""
    codename = sys.argv[1]
    if codename not in RELEASES:
        sys.exit(f"there is no package for {codename!r}; DIST is one of: {', '.join(RELEASES)}")
    release = RELEASES[codename]
    print(release.python, release.next_python, release.suffix)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
