"""A stretch of one edge's life during which something holds."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Window(Generic[T_co]):
    """`what` holds from `begin` on and until `end`, in seconds since the life began."""

    begin: float
    end: float
    what: T_co
