"""The drawings of the machines are those of the tables."""

import runpy
from pathlib import Path

DOC = Path(__file__).parents[2] / "packaging" / "doc"


def test_the_drawings_have_not_drifted() -> None:
    """`packaging/doc/machines.md` is what `make doc` makes of the tables as they stand."""
    render = runpy.run_path(str(DOC / "generate.py"))["render"]
    assert (DOC / "machines.md").read_text() == render(), "run `make doc`"
