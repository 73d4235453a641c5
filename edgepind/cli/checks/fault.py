"""One fault that a check found, with what to do about it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from edgepind.settings.schema import Settings


class Gravity(StrEnum):
    """How much a fault matters; `info` only explains."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `id` never changes, so that a monitor can match it; `what` is a clause."""

    id: str
    severity: Gravity
    what: str
    remedy: str


Check = Callable[[Settings], Awaitable[list[Fault]]]


def error(name: str, what: str, remedy: str) -> Fault:
    """Something does not work."""
    return Fault(name, Gravity.ERROR, what, remedy)


def warning(name: str, what: str, remedy: str) -> Fault:
    """Something will fail later, or protects less than it appears to."""
    return Fault(name, Gravity.WARNING, what, remedy)


def info(name: str, what: str, remedy: str) -> Fault:
    """Nothing is wrong, but an explanation may help."""
    return Fault(name, Gravity.INFO, what, remedy)
