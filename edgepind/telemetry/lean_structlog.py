"""structlog, without rich. Import structlog from here and nowhere else."""

from edgepind.lean_import import left_out

with left_out("rich"):
    import structlog

__all__ = ["structlog"]
