"""The picture is well-formed, names every way, and is the same for the same figures."""

import xml.etree.ElementTree as ET

from edgepind.lab.simulation.picture import draw
from edgepind.lab.simulation.summary import COUNTS, MINUTES, Estimate, Summary


def _summary(lockout: float, exposed: float) -> Summary:
    rates = dict.fromkeys((*MINUTES, *COUNTS), Estimate(0.0, 0.0, 0.0))
    rates["lockout"] = Estimate(lockout, lockout / 2, lockout * 2)
    rates["exposed"] = Estimate(exposed, exposed / 2, exposed * 2)
    return Summary(rates, {}, {}, 0.0, 0.0, 0, 0, (), ())


_SUMMARIES = {
    "balanced": _summary(5.0, 300.0),
    "ca-only": _summary(0.0, 8000.0),
    "<odd & way>": _summary(0.0, 0.0),
}


def test_every_way_is_a_point_with_its_name() -> None:
    """Also one that was never locked out, and one whose name needs escaping."""
    picture = ET.fromstring(draw(_SUMMARIES, "a <subtitle>"))  # noqa: S314 - our own text
    space = "{http://www.w3.org/2000/svg}"
    texts = {it.text for it in picture.iter(f"{space}text")}
    assert texts >= {*_SUMMARIES, "a <subtitle>"}
    assert len(list(picture.iter(f"{space}circle"))) == len(_SUMMARIES)


def test_every_point_lies_on_the_page() -> None:
    """Nothing falls off, whatever the range of the figures."""
    picture = ET.fromstring(draw(_SUMMARIES, ""))  # noqa: S314 - our own text
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    for circle in picture.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_ways_at_the_same_place_share_a_name() -> None:
    """Two that cost the same would else be written over one another."""
    picture = draw({"one": _summary(5.0, 5.0), "other": _summary(5.0, 5.0)}, "")
    assert ">one, other</text>" in picture


def test_the_same_figures_give_the_same_bytes() -> None:
    """So that a picture that is kept changes only with what it shows."""
    assert draw(_SUMMARIES, "x") == draw(_SUMMARIES, "x")
