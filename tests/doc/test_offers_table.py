"""The table of what an Edge may be served is that of the matrix."""

import runpy
from pathlib import Path

DOC = Path(__file__).parents[2] / "packaging" / "doc"


def test_the_table_has_not_drifted() -> None:
    """`packaging/doc/offers.md` is what `make doc` makes of the matrix as it stands."""
    render = runpy.run_path(str(DOC / "offers.py"))["render"]
    assert (DOC / "offers.md").read_text() == render(), "run `make doc`"
