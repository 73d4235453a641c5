"""The document of a mutation run: how many mutants by module, and why the survivors survive."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

from tests.tools.mutation.survivors import Reason, Survivor, read_reasons

INTRODUCTION = Path(__file__).with_name("introduction.md")

_COLUMNS = ("caught by types", "caught by tests", "text", "explained", "not tried", "unexplained")
_WIDEST = 200


def render(tables: Mapping[str, bool]) -> tuple[str, int]:
    """The document, and how many survivors have no reason in it.

    `tables` says of each mutant of a table whether it was caught; the mutants of functions are
    those of the last run of mutmut.
    """
    reasons = read_reasons()
    counts: dict[str, Counter[str]] = {}
    explained: dict[Reason, list[Survivor]] = {it: [] for it in reasons}
    open_: list[Survivor] = []
    for module, status, survivor in (*_of_functions(), *_of_tables(tables)):
        column = status
        if survivor is not None:
            reason = next((it for it in reasons if it.holds_for(survivor)), None)
            column = "explained" if reason else "unexplained"
            (explained[reason] if reason else open_).append(survivor)
        counts.setdefault(module, Counter())[column] += 1
    parts = (INTRODUCTION.read_text(), _table(counts), _listed(explained), _unexplained(open_))
    return "\n".join(part for part in parts if part), len(open_)


def _of_functions() -> Iterable[tuple[str, str, Survivor | None]]:
    for path in sorted(Path("edgepind/core").glob("*.py")):
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            status = status_by_exit_code[code]
            if status == "caught by type check":
                yield path.stem, "caught by types", None
                continue
            diff = get_diff_for_mutant(name, path=path)
            if _is_text(diff):
                yield path.stem, "text", None
            elif status in {"killed", "timeout", "segfault"}:
                yield path.stem, "caught by tests", None
            elif status == "not checked":
                yield path.stem, "not tried", None
            else:
                was, now = _lines(diff, "-"), _lines(diff, "+")
                function = re.sub(r"x_|__mutmut_\d+$", "", name.rpartition(".")[2], count=2)
                yield path.stem, "", Survivor(f"{path.stem}.{function}", was, now)


def _of_tables(tables: Mapping[str, bool]) -> Iterable[tuple[str, str, Survivor | None]]:
    for name, caught in tables.items():
        where, _, change = name.partition(": ")
        was, _, now = change.partition(" -> ")
        module = f"{where.partition('.')[0]}, tables"
        survivor = None if caught else Survivor(where, was, f"{was} -> {now}")
        yield module, "caught by tests", survivor


def _lines(diff: str, sign: str) -> str:
    lines = [line[1:].strip() for line in diff.splitlines()[2:] if line.startswith(sign)]
    return " ".join(line for line in lines if line)


def _is_text(diff: str) -> bool:
    """Whether only the wording of a sentence differs: a literal in which there is a blank."""
    was, now = _lines(diff, "-"), _lines(diff, "+")
    marked = re.search("XX(.*)XX", now)
    if marked and now.replace("XX", "") == was:
        return " " in marked[1].strip()
    if was == now or was.lower() != now.lower():
        return False
    place = next(n for n, (old, new) in enumerate(zip(was, now, strict=True)) if old != new)
    start = max(was.rfind('"', 0, place), was.rfind("'", 0, place))
    return " " in was[start + 1 :].partition(was[start])[0]


def _table(counts: Mapping[str, Counter[str]]) -> str:
    head = ("module", "mutants", *_COLUMNS)
    rows = [
        (module, sum(of.values()), *(of[column] for column in _COLUMNS))
        for module, of in sorted(counts.items())
    ]
    total = sum(counts.values(), Counter())
    rows.append(("all", sum(total.values()), *(total[column] for column in _COLUMNS)))
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    lines += [f"| {' | '.join(str(cell or '') for cell in row)} |" for row in rows]
    return "## How many\n\n" + "\n".join(lines) + "\n"


def _listed(explained: Mapping[Reason, list[Survivor]]) -> str:
    lines = ["## Survivors, and why each changes nothing\n"]
    for reason, survivors in explained.items():
        if survivors:
            lines.append(f"{reason.why}\n")
            lines += [f"- {_shown(it)}" for it in survivors]
            lines.append("")
    return "\n".join(lines)


def _unexplained(survivors: list[Survivor]) -> str:
    if not survivors:
        return ""
    lines = ["## Survivors that nobody has explained yet\n"]
    return "\n".join([*lines, *(f"- {_shown(it)}" for it in survivors), ""])


def _shown(it: Survivor) -> str:
    change = (
        it.now if it.was and it.now.startswith(it.was) else f"{it.was} -> {it.now or 'nothing'}"
    )
    short = (
        change
        if len(change) <= _WIDEST
        else f"{change[: _WIDEST // 2]} ... {change[-_WIDEST // 2 :]}"
    )
    return f"`{it.where}`: `` {short} ``"
