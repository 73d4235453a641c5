"""Writes the manual pages beside it: `make man`. A test fails when they have drifted.

What the program knows by itself (commands, arguments, settings, the version) is taken from its
code; the prose around it is in `source/`, in the macros of man(7), with a line `@NAME@`
where the code speaks.
"""

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from edgepind import RELEASED, __version__
from edgepind.cli.load_config import add_config
from edgepind.cli.program import VERBS
from edgepind.settings.schema import TABLES, Key, Table

HERE = Path(__file__).parent
SOURCE = HERE / "source"

_Render = Callable[[str], str]
_Ways = argparse._SubParsersAction  # noqa: SLF001 - it has no public name


def render() -> dict[str, str]:
    """Every page by its file name."""
    return {source.name: _page(source) for source in sorted(SOURCE.iterdir())}


def main() -> None:
    """Write them all; a page without a source goes."""
    pages = render()
    for old in HERE.glob("*.[1-8]"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (HERE / name).write_text(text, "utf-8")


def _page(source: Path) -> str:
    name, section = source.stem, source.suffix[1:]
    verb = name.removeprefix("edgepind-")
    head = (
        '.\\" Made by `make man`; change packaging/man/source or the program itself.\n'
        f'.TH {name.upper()} {section} {RELEASED:%Y-%m-%d} "edgepind {__version__}" '
        '"Certificate pinning for the Edge"\n'
    )
    if verb in VERBS:
        head += f".SH NAME\n{_plain(name)} \\- {_plain(VERBS[verb])}\n"
    lines = source.read_text("utf-8").splitlines(keepends=True)
    return head + "".join(_line(line, verb) for line in lines)


def _line(line: str, verb: str) -> str:
    parts: dict[str, _Render] = {
        "@COMMANDS@": lambda _: _commands(),
        "@SYNOPSIS@": _synopses,
        "@OPTIONS@": _options,
        "@SETTINGS@": lambda _: "".join(map(_table, TABLES)),
    }
    render = parts.get(line.strip())
    return render(verb) if render else line


# --- commands -------------------------------------------------------------------------------


def _commands() -> str:
    entries = (
        f".TP\n.BR edgepind\\-{verb} (8)\n{_sentence(does)}\n" for verb, does in VERBS.items()
    )
    return "".join(entries)


def _parsers(verb: str) -> Iterator[argparse.ArgumentParser]:
    """The parser of a verb, where it can be used without a verb of its own, and those of these."""
    parser = argparse.ArgumentParser(f"edgepind {verb}", add_help=False)
    add_config(parser, None)
    import_module(f"edgepind.cli.{verb}").configure(parser)
    ways = [it for it in _actions(parser) if isinstance(it, _Ways)]
    if not any(way.required for way in ways):
        yield parser
    for action in ways:
        for way, its_parser in action.choices.items():
            its_parser.prog = f"edgepind {verb} {way}"
            its_parser.description = _help_of(action, way)
            yield its_parser


def _help_of(action: argparse.Action, way: str) -> str | None:
    # argparse keeps what a verb of a verb does nowhere else.
    entries: list[argparse.Action] = action._get_subactions()  # type: ignore[attr-defined]  # noqa: SLF001
    return next(entry.help for entry in entries if entry.dest == way)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    actions = parser._actions  # noqa: SLF001 - argparse lists its arguments nowhere else
    return [it for it in actions if not isinstance(it, argparse._HelpAction)]  # noqa: SLF001


def _arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [it for it in _actions(parser) if not isinstance(it, _Ways)]


def _synopses(verb: str) -> str:
    return ".br\n".join(f"{_synopsis(parser)}\n" for parser in _parsers(verb))


def _synopsis(parser: argparse.ArgumentParser) -> str:
    apart = {
        member: tuple(group._group_actions)  # noqa: SLF001 - as above
        for group in parser._mutually_exclusive_groups  # noqa: SLF001 - as above
        for member in group._group_actions  # noqa: SLF001 - as above
    }
    words = [_bold(parser.prog)]
    seen: set[argparse.Action] = set()
    for action in sorted(_arguments(parser), key=lambda it: not it.option_strings):
        if action in seen:
            continue
        group = apart.get(action, (action,))
        seen.update(group)
        word = " | ".join(map(_name, group))
        optional = not action.required or action.nargs == "?"
        words.append(f"[{word}]" if optional else word)
    return " ".join(words)


def _options(verb: str) -> str:
    parsers = list(_parsers(verb))
    if len(parsers) == 1:
        return "".join(map(_entry, _arguments(parsers[0])))
    texts = []
    for parser in parsers:
        own = [it for it in _arguments(parser) if it.dest != "config"]
        texts.append(f".SS {_plain(parser.prog)}\n")
        texts.append(f"{_sentence(parser.description)}\n" if parser.description else "")
        texts += map(_entry, own)
    common = next(it for it in _arguments(parsers[0]) if it.dest == "config")
    return "".join([*texts, ".SS All of them\n", _entry(common)])


def _entry(action: argparse.Action) -> str:
    return f".TP\n{_name(action)}\n{_sentence(action.help or '')}\n"


def _name(action: argparse.Action) -> str:
    """`--for DURATION`, or a positional's name; a choice of few words as themselves."""
    value = "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
    if isinstance(action.metavar, str):
        value = action.metavar
    if not action.option_strings:
        return _italic(value)
    options = ", ".join(map(_bold, action.option_strings))
    return options if action.nargs == 0 else f"{options} {_italic(value)}"


# --- settings -------------------------------------------------------------------------------


def _table(table: Table) -> str:
    keys = "".join(_key(table, key) for key in table.keys)
    return f".SS [{_plain(table.name)}]\n{_sentence(table.doc)}\n{keys}"


def _key(table: Table, key: Key) -> str:
    default = "Required; there is no default." if key.required else f"Default: {key.written}"
    example = f"Example: {key.written}" if key.required else ""
    lines = filter(None, (key.doc, f"Write {key.kind.form}.", default, example))
    body = "\n.br\n".join(_sentence_or_default(line) for line in lines)
    name = f"{table.name}.{key.name}"
    return f".TP\n{_bold(name)}\n{body}\n"


def _sentence_or_default(text: str) -> str:
    return _plain(text) if text.startswith(("Default:", "Example:")) else _sentence(text)


# --- roff -----------------------------------------------------------------------------------


def _sentence(text: str) -> str:
    whole = text if text.endswith(".") else f"{text}."
    first = whole[0].upper() + whole[1:]
    parts = _plain(first).split("`")  # text in backticks is typed
    return "".join(f"\\fB{part}\\fP" if odd % 2 else part for odd, part in enumerate(parts))


def _plain(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return escaped.replace("^", "\\(ha").replace("~", "\\(ti")


def _bold(text: str) -> str:
    return f"\\fB{_plain(text)}\\fP"


def _italic(text: str) -> str:
    return f"\\fI{_plain(text)}\\fP"


if __name__ == "__main__":
    main()
