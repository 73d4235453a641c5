"""Where a long run keeps what a host has in memory, as its /run is."""

from pathlib import Path


def shared_memory() -> Path | None:
    """The folder to make one of one's own in; None where the host has none, for the usual place."""
    folder = Path("/dev/shm")  # noqa: S108  see above
    return folder if folder.is_dir() else None
