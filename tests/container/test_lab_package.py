"""The lab as a package of its own: not on an appliance, and complete where it is asked for."""

import json
from pathlib import Path

from tests.container.site import Site

_LAB = "/usr/lib/edgepind/lib/edgepind/lab"
_PATIENCE = 120.0


def test_an_appliance_has_no_lab(kept_site: Site) -> None:
    """No file of it; the command names the package that has it."""
    machine = kept_site.machine
    assert machine.run("test", "-e", _LAB).code == 1
    for words in (("lab",), ("lab", "--help"), ("lab", "simulate", "--years", "1")):
        said = machine.run("edgepind", *words)
        assert (said.code, said.out) == (2, "")
        assert "apt install edgepind-lab" in said.err


def test_beside_the_product_it_plays(kept_site: Site, lab_package: Path) -> None:
    """A chapter with a cloud, an Edge and the installed daemon, as nobody in particular."""
    kept_site.install(lab_package)
    words = ("edgepind", "lab", "--chapter", "announced", "--speed", "3", "--json")
    said = kept_site.machine.run(*words, user="nobody", patience=_PATIENCE)
    assert said.code == 0, said
    assert [it["met"] for it in json.loads(said.out)["chapters"]] == [True]


def test_its_removal_leaves_the_product(kept_site: Site) -> None:
    """Nothing of the lab is left, compiled or not, and no daemon was touched."""
    machine = kept_site.machine
    machine.must("apt-get", "remove", "-y", "edgepind-lab", patience=_PATIENCE)
    assert machine.run("test", "-e", _LAB).code == 1
    assert machine.must("find", "/usr/lib/edgepind", "-name", "lab*.pyc") == ""
    assert machine.run("edgepind", "lab").code == 2
    assert machine.must("edgepind", "--version")
