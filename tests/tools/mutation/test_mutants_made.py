"""The changes that are made to tables are the ones that are meant, and each is a change."""

import importlib
import re
from enum import StrEnum
from pathlib import Path
from types import ModuleType

from edgepind.core import diagnosis
from tests.tools.mutation.survivors import read_reasons
from tests.tools.mutation.tables import mutants
from tests.tools.mutation.trying import each_mutant

CORE = Path(diagnosis.__file__).parent


class Colour(StrEnum):
    """Something of which there is a next one."""

    RED = "red"
    BLUE = "blue"


def changes(source: str) -> list[tuple[str, str]]:
    """What is changed in a module of this text, and what its value is then."""
    module = ModuleType("a.module")
    vars(module)["Colour"] = Colour
    return [(f"{it.was} -> {it.now}", it.expression) for it in mutants(module, source)]


def test_small_steps_are_made_and_no_others() -> None:
    """Each operator, number, row and member; neither text, nor keys, nor names of types."""
    assert changes('WAIT = 3\nNAME = "text"\nAlias = dict[int, str]') == [("3 -> 4", "4")]
    assert changes("ON = True") == [("True -> False", "False")]
    assert changes("TABLE = {Colour.RED: Colour.BLUE}") == [
        ("row Colour.RED -> dropped", "{}"),
        ("Colour.BLUE -> Colour.RED", "{Colour.RED: Colour.RED}"),
    ]
    assert changes("ORDER = (Colour.RED, Colour.BLUE)")[:3] == [
        ("Colour.RED -> dropped", "(Colour.BLUE,)"),
        ("Colour.BLUE -> dropped", "(Colour.RED,)"),
        ("Colour.RED -> behind the next", "(Colour.BLUE, Colour.RED)"),
    ]
    assert [it for it, _ in changes("HOLDS = lambda it: it.a and not it.b")] == [
        "it.a and (not it.b) -> not it.b",
        "it.a and (not it.b) -> it.a",
        "and -> or",
        "not it.b -> it.b",
    ]


def test_every_mutant_of_the_core_is_a_change_of_its_own() -> None:
    """None is what was there before, and no two have one name."""
    every = list(each_mutant(CORE))
    assert len({str(it) for it in every}) == len(every) > 400
    for it in every:
        home = vars(importlib.import_module(it.module))
        unchanged = [other for other in every if (other.module, other.name) == (it.module, it.name)]
        assert it.expression not in {other.expression for other in unchanged if other is not it}
        assert it.name in home


def test_every_reason_is_one_that_can_be_read() -> None:
    """Patterns that are patterns, and words for each."""
    for reason in read_reasons():
        re.compile(reason.where)  # raises where it is none
        re.compile(reason.now)
        assert reason.why.endswith(".")
