"""The exit codes of every command (CONTRACT section 2)."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's end says to whoever called it."""

    GOOD = 0
    """Done, or the answer is good."""
    BAD = 1
    """The answer is bad: a mismatch, a fault found, a refusal by policy."""
    USAGE = 2
    """The command line or the settings are wrong."""
    UNOBSERVED = 3
    """It could not be observed: nothing can be reached, or no daemon is there."""
    NOT_PERMITTED = 4
    """Whoever called may not do that."""
    INTERRUPTED = 130
    """Ended by Ctrl-C: what a shell shows for SIGINT."""
    PIPE_CLOSED = 141
    """Nobody reads the output any more: what a shell shows for SIGPIPE."""
