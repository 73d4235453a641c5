"""Scenarios as text: one hazard a file, made to be read by somebody who knows the contract.

A `#` begins a comment; the first comment is the title. Every other line is a verb and its words:

    # A rotation that was announced is invisible.
    site on a                      # the document as it was found: `enabled`, the current pin, more
    serve 1=a 2=a
    status current=a next=b
    pass 2min
    expect pins a:current:operator b:backup:announced
    expect posture enforcing

A first line `under POLICY ...` plays it once under each; without one it is played under the
default, `balanced`.

Strict: a verb that is not known, or a line that cannot be carried out, is an error with its
number. What the verbs do stands in the modules beside this one, each at its verb; what can be
expected, in `facts`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edgepind.model.enums import Policy


class ScenarioError(Exception):
    """A line that is wrong, or an expectation that was not met; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scenario."""

    number: int
    verb: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        """The line as it was written, but for spaces and its comment."""
        return " ".join((self.verb, *self.words))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file. `title` is its first comment; it is to be played once under each policy."""

    name: str
    title: str
    policies: tuple[Policy, ...]
    lines: tuple[Line, ...]


def parse_scenario(name: str, text: str) -> Scenario:
    """Read a scenario. Raises ScenarioError where it has no title or expects nothing."""
    comments = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    lines = tuple(_lines(text))
    if not comments or not comments[0]:
        raise ScenarioError(f"{name}: a scenario begins with a comment that says what must hold")
    if not any(line.verb == "expect" for line in lines):
        raise ScenarioError(f"{name}: a scenario that expects nothing proves nothing")
    policies: tuple[Policy, ...] = (Policy.BALANCED,)
    if lines[0].verb == "under":
        policies, lines = tuple(Policy(word) for word in lines[0].words), lines[1:]
    return Scenario(name, comments[0], policies, lines)


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words:
            yield Line(number, words[0], tuple(words[1:]))
