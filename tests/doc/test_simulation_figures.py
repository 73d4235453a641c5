"""The simulation's table and picture are those of the figures that are kept, of today's model."""

import json
import runpy
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path

import pytest

from edgepind.lab.simulation.rates import Rates
from edgepind.lab.simulation.ways import WAYS

ROOT = Path(__file__).parents[2]
DOC = ROOT / "packaging" / "doc"
PAGES = (DOC / "simulation.md", ROOT / "README.md")
FIGURES = json.loads((DOC / "simulation.json").read_text(encoding="utf-8"))
COMMAND = (
    "edgepind lab simulate --years {years} --seed {seed} --json "
    "--picture packaging/doc/simulation.svg > packaging/doc/simulation.json"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.name)
def test_the_tables_have_not_drifted(page: Path) -> None:
    """Each page shows the figures that are kept, and the command that made them."""
    text = page.read_text(encoding="utf-8")
    made = runpy.run_path(str(DOC / "simulation.py"))["page_with_figures"](text, FIGURES)
    assert text == made, "run `make doc`"
    assert "<!-- simulation: ways -->" in text
    command = COMMAND.format(years=round(FIGURES["edge_years"]), seed=FIGURES["seed"])
    assert command in " ".join(text.replace("\\\n", " ").split())


def test_the_figures_are_of_the_model_as_it_is_written() -> None:
    """Every way, at today's rates; a changed model needs a new run."""
    assert FIGURES["rates"] == asdict(Rates())
    assert tuple(FIGURES["ways"]) == WAYS


def test_what_edgepind_promises_was_kept() -> None:
    """No promise was broken in any of the years."""
    assert [it["text"] for it in FIGURES["promises"] if not it["kept"]] == []
    assert len(FIGURES["promises"]) == 12


def test_the_picture_is_of_the_same_run() -> None:
    """It names every way, the years and the seed."""
    picture = ET.parse(DOC / "simulation.svg")  # noqa: S314 - our own file
    text = " ".join(it.text or "" for it in picture.iter("{http://www.w3.org/2000/svg}text"))
    assert f"{FIGURES['edge_years']:,.0f} edge-years a way, seed {FIGURES['seed']}" in text
    assert all(way in text for way in WAYS)
