"""`dataclasses.replace` for values that are changed at every tick, and mostly to what they are.

The core carries its state from rule to rule by replacing parts of it, some twenty times a tick.
A value that is to become what it already is stays itself, which spares most of that work. Type
checkers see the original, and hold the names and types of the fields to it.
"""

from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import replace
else:
    T = TypeVar("T")

    @cache
    def _parts(kind: type) -> tuple[attrgetter, dict[str, int]]:
        names = [field.name for field in fields(kind)]
        return attrgetter(*names), {name: place for place, name in enumerate(names)}

    def replace(value: T, /, **changes: Any) -> T:
        """`value` with these fields changed; itself where they are equal to what it has.

        For data classes of two fields and more. Raises KeyError for a field that there is not.
        """
        read, places = _parts(type(value))
        before = [*read(value)]
        after = before.copy()
        for name, part in changes.items():
            after[places[name]] = part
        return value if after == before else type(value)(*after)


__all__ = ["replace"]
