"""The table of the chains is that of the corpus."""

import runpy
from pathlib import Path

DOC = Path(__file__).parents[2] / "packaging" / "doc"


def test_the_table_has_not_drifted() -> None:
    """`packaging/doc/chains.md` is what `make doc` makes of the corpus as it stands."""
    render = runpy.run_path(str(DOC / "chains.py"))["render"]
    assert (DOC / "chains.md").read_text() == render(), "run `make doc`"
