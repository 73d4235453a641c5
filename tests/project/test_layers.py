"""Imports run one way: from what puts together, by what acts and looks, down to what only is."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import edgepind

ROOT = Path(edgepind.__file__).parent
NAME = ROOT.name

# What each package, or module of the top, may import of the others. Nothing is left out: a new
# arrow is drawn here first, by somebody who has thought about it.
MAY_IMPORT: dict[str, set[str]] = {
    # what only is, and what is decided by it: no I/O, clock, randomness or logging
    "model": set(),
    "core": {"model"},
    # the ground: time, files, processes, texts of others, bundles, the operator's files, settings
    "clock": {"model"},
    "formats": {"clock"},
    "host": {"clock", "formats", "model"},
    "bundle": {"formats", "host", "model"},
    "operator": {"bundle", "formats", "host", "model"},
    "settings": {"model"},
    "state": {"formats", "host", "model"},
    # who looks, who acts, who tells
    "observe": {"clock", "formats", "host", "model", "settings"},
    "effects": {"formats", "host", "model", "settings", "state"},
    "telemetry": {"core", "formats", "host", "model", "settings"},
    # root's helper: nothing that decides, and nothing that talks to a network
    "helper": {
        "clock", "effects", "formats", "host", "model", "operator", "settings", "state",
    },
    # the daemon, from its pieces to the whole
    "recorder": {"clock", "host", "model", "operator", "state", "telemetry"},
    "observer": {
        "clock", "core", "effects", "host", "model", "observe", "operator", "settings",
    },
    "reconciler": {"clock", "core", "effects", "model", "observer", "recorder"},
    "components": {
        "bundle", "clock", "core", "effects", "host", "model", "observer", "operator",
        "reconciler", "recorder", "settings", "state", "telemetry",
    },
    "daemon": {"clock", "components", "host", "model", "settings", "telemetry"},
    # a test bench of its own, which the product can do without
    "lab": {
        "clock", "core", "daemon", "effects", "model", "observe", "settings", "state",
    },
    "cli": {
        "bundle", "clock", "components", "core", "daemon", "effects", "formats", "helper", "host",
        "lab", "model", "observe", "operator", "settings", "state", "telemetry",
    },
    "__main__": {"cli"},
}  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    """Every module by its dotted name."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


KNOWN = dict(modules())


def imported(name: str, *, at_once: bool = False) -> set[str]:
    """The modules of ours that a module imports; `at_once`: as soon as it is imported itself."""
    tree = ast.parse(KNOWN[name].read_text("utf-8"))
    nodes = tree.body if at_once else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {it.name for it in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{it.name}" for it in node.names)}
    return {it for it in found if it in KNOWN and it not in {NAME, name}}


def package_of(name: str) -> str:
    """The package of ours, or the module of the top, that a module belongs to."""
    return name.split(".")[1]


def test_the_table_names_every_package() -> None:
    """Neither more nor less."""
    assert {package_of(name) for name in KNOWN if name != NAME} == set(MAY_IMPORT)


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_what_it_may(package: str) -> None:
    """Also inside of functions, where an import is only late and no other."""
    arrows = {
        f"{name} -> {it}"
        for name in KNOWN
        if name != NAME and package_of(name) == package
        for it in imported(name)
        if package_of(it) not in MAY_IMPORT[package] | {package}
    }
    assert arrows == set()


def test_packages_stand_in_an_order() -> None:
    """The table itself has no circle."""
    assert len(list(TopologicalSorter(MAY_IMPORT).static_order())) == len(MAY_IMPORT)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Else which of them is imported first decides whether any of them can be."""
    graph = {name: imported(name, at_once=True) for name in KNOWN}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
    assert len(order) == len(KNOWN)


def test_only_commands_know_of_the_lab() -> None:
    """The product is whole without it: a package of its own installs it."""
    users = {name for name in KNOWN if any(it.startswith(f"{NAME}.lab") for it in imported(name))}
    assert {it for it in users if not it.startswith(f"{NAME}.lab")} <= {f"{NAME}.cli.lab"}
