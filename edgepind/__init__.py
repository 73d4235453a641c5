"""edgepind keeps certificate pinning on a Genesys Cloud Edge safe to leave switched on.

What it looks like from outside is fixed by `packaging/doc/contract.md` (once it is installed,
`/usr/share/doc/edgepind/contract.md.gz`): "CONTRACT section 6" means that page, everywhere.
"""

from datetime import UTC, datetime

__version__ = "0.2.0"

RELEASED = datetime(2026, 11, 29, tzinfo=UTC)
"""The day this version was made: a host clock that stands before it is wrong, whatever it says."""
