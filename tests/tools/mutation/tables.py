"""Mutants of the core's tables and constants, which stand outside of functions.

mutmut changes functions only. Here each value that a module of the core binds is changed by the
same small steps: a row dropped or put behind the next, another member of the same enumeration, a
number one greater, an operator exchanged, an operand left out. Text is left alone.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import EnumType
from types import ModuleType
from typing import Any

_Slot = tuple[Any, str | int]
"""Where a node hangs: its parent and the field, or a list and the place in it."""

_Words = tuple[str, str]
"""What was there, and what is there now."""

_Change = tuple[ast.AST, *_Words]
"""What a node may be instead, and the same in words."""

_EXCHANGED: dict[type[ast.AST], type[ast.AST]] = {
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True)
class Mutant:
    """In `module`, what is bound to `name` is the value of `expression` instead.

    `was` and `now` say what was changed in it, `nth` which of several alike this is, from 1.
    """

    module: str
    name: str
    was: str
    now: str
    nth: int
    expression: str

    def __str__(self) -> str:
        which = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.module.rpartition('.')[2]}.{self.name}: {self.was} -> {self.now}{which}"


def mutants(module: ModuleType, source: str) -> Iterator[Mutant]:
    """Every mutant of what `module`, whose text is `source`, binds by a plain assignment."""
    alike: Counter[tuple[str, str, str]] = Counter()
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                for was, now in _each_change(statement, module):
                    expression = ast.unparse(statement.value) if statement.value else ""
                    alike[name, was, now] += 1
                    nth = alike[name, was, now]
                    yield Mutant(module.__name__, name, was, now, nth, expression)
            case _:
                pass


def _each_change(statement: ast.Assign | ast.AnnAssign, module: ModuleType) -> Iterator[_Words]:
    """Change `statement` in one place after the other, each time back to what it was before."""
    if isinstance(statement.value, ast.Subscript):
        return  # a name for a type
    for slot in _slots(statement, "value"):
        old = _get(slot)
        for new, was, now in _changes(old, module):
            _set(slot, new)
            yield was, now
            _set(slot, old)


def _slots(parent: ast.AST, field: str) -> Iterator[_Slot]:
    """Where each expression and operator below `field` hangs; keys of a table are left alone."""
    child = getattr(parent, field)
    slots: list[_Slot] = [(parent, field)]
    if isinstance(child, list):
        slots = [(child, place) for place in range(len(child))]
    for slot in slots:
        node = _get(slot)
        if isinstance(node, ast.AST) and not isinstance(node, ast.arguments):
            yield slot
            for below in node._fields:
                if not (isinstance(node, ast.Dict) and below == "keys"):
                    yield from _slots(node, below)


def _changes(node: ast.AST, module: ModuleType) -> Iterator[_Change]:
    if type(node) in _EXCHANGED:
        yield _said(node, _EXCHANGED[type(node)]())
    match node:
        case ast.Constant(value=bool() as truth):
            yield _said(node, ast.Constant(not truth))
        case ast.Constant(value=int() | float() as number):
            yield _said(node, ast.Constant(number + 1))
        case ast.Attribute(value=ast.Name(id=name), attr=member):
            other = _next_member(getattr(module, name, None), member)
            if other is not None:
                yield _said(node, ast.Attribute(ast.Name(name, ast.Load()), other, ast.Load()))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _said(node, operand)
        case ast.Lambda(args=args, body=ast.Attribute() | ast.Call() as body):
            yield _said(node, ast.Lambda(args, ast.UnaryOp(ast.Not(), body)))
        case ast.BoolOp(op=op, values=operands):
            for gone in range(len(operands)):
                rest = _without(operands, gone)
                yield _said(node, rest[0] if len(rest) == 1 else ast.BoolOp(op, rest))
        case _:
            yield from _changes_of_rows(node)


def _changes_of_rows(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Dict(keys=keys, values=values):
            for gone, key in enumerate(keys):
                row = f"row {ast.unparse(key) if key else '**'}"
                yield ast.Dict(_without(keys, gone), _without(values, gone)), row, "dropped"
        case ast.Set(elts=elements) if len(elements) > 1:
            for gone, element in enumerate(elements):
                yield ast.Set(_without(elements, gone)), ast.unparse(element), "dropped"
        case ast.Tuple(elts=elements) if len({type(it) for it in elements}) == 1:
            for place, element in enumerate(elements):
                rest = ast.Tuple(_without(elements, place), ast.Load())
                yield rest, ast.unparse(element), "dropped"
            for place in range(len(elements) - 1):
                first, second = elements[place : place + 2]
                order = [*elements[:place], second, first, *elements[place + 2 :]]
                yield ast.Tuple(order, ast.Load()), ast.unparse(first), "behind the next"


def _said(old: ast.AST, new: ast.AST) -> _Change:
    return new, _text(old), _text(new)


def _text(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__.lower()


def _next_member(kind: object, name: str) -> str | None:
    if not isinstance(kind, EnumType) or name not in kind.__members__:
        return None
    names = list(kind.__members__)
    return names[(names.index(name) + 1) % len(names)]


def _without(items: list[Any], gone: int) -> list[Any]:
    return items[:gone] + items[gone + 1 :]


def _get(slot: _Slot) -> Any:
    holder, place = slot
    return holder[place] if isinstance(place, int) else getattr(holder, place)


def _set(slot: _Slot, node: ast.AST) -> None:
    holder, place = slot
    if isinstance(place, int):
        holder[place] = node
    else:
        setattr(holder, str(place), node)
