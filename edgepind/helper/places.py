"""Where the installed helper keeps its memory, and what ends an opening there.

The units say the same to the helper itself; this is for commands that do its work as root.
"""

from pathlib import Path

FOLDER = Path("/var/lib/edgepind-apply")
"""The helper's own folder: `StateDirectory=` of its units. Absent: it is not installed here."""

TIMER = "edgepind-close.timer"
"""Runs `edgepind-apply close` again and again while an end is recorded."""
