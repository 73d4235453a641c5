"""The trade-off as a picture: lockout against exposure, one point a way, both axes logarithmic.

Plain SVG 1.1, made of text, so that it is the same to the byte for the same figures. Nothing has
no logarithm: what was never seen stands in a band of its own before the axis begins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from edgepind.lab.simulation.summary import Estimate, Summary
from edgepind.lab.simulation.ways import CORE

_WIDTH, _HEIGHT = 860.0, 600.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 90.0, 30.0, 64.0, 84.0
_BAND = 56.0
_LEAST_DECADE = -2
_DOT = 5.0
_LINE = 17.0
_LETTER = 8.2
_OWN = "#0b6e4f"
_OTHER = "#9a3412"
_INK = "#1f2933"
_GRID = "#d9dee4"
_OWN_WAYS = frozenset(CORE)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: figures from 10**`low` to 10**`high` between the pixels `first` and `last`."""

    low: int
    high: int
    first: float
    last: float

    def at(self, figure: float) -> float:
        """Where on the page a figure stands."""
        band = _BAND if self.last > self.first else -_BAND
        if figure <= 0:
            return self.first + band / 2
        begin = self.first + band
        share = (max(self.low, log10(figure)) - self.low) / (self.high - self.low)
        return begin + share * (self.last - begin)

    def decades(self) -> Iterable[int]:
        """The powers of ten that get a line."""
        return range(self.low, self.high + 1)


def draw(summaries: Mapping[str, Summary], subtitle: str) -> str:
    """Give the SVG's text."""
    lockouts = [it.rates["lockout"] for it in summaries.values()]
    exposures = [it.rates["exposed"] for it in summaries.values()]
    across = _axis(lockouts, _LEFT, _WIDTH - _RIGHT)
    up = _axis(exposures, _HEIGHT - _BOTTOM, _TOP)
    body = [
        *_title(subtitle),
        *_grid(across, up),
        *_points(summaries, across, up),
    ]
    lines = "\n".join(f"  {line}" for line in body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" '
        f'font-family="sans-serif" font-size="13" fill="{_INK}">\n'
        f'  <rect width="{_WIDTH:.0f}" height="{_HEIGHT:.0f}" fill="white"/>\n{lines}\n</svg>\n'
    )


def _axis(estimates: Iterable[Estimate], first: float, last: float) -> _Axis:
    figures = [figure for it in estimates for figure in (it.mean, it.low, it.high) if figure > 0]
    low = floor(log10(min(figures, default=1.0)))
    high = ceil(log10(max(figures, default=1.0)))
    low = max(_LEAST_DECADE, low)
    return _Axis(low, max(high, low + 1), first, last)


def _title(subtitle: str) -> Iterable[str]:
    yield (
        f'<text x="{_LEFT}" y="26" font-size="17" font-weight="bold">'
        "Lockout against exposure</text>"
    )
    yield f'<text x="{_LEFT}" y="46" fill="#52606d">{escape(subtitle)}</text>'
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield _text(
        middle,
        _HEIGHT - 40,
        "minutes locked out, changes of CA aside, an edge-year (further left is better)",
    )
    yield _text(
        middle,
        _HEIGHT - 18,
        "green: edgepind; bars: 95 % of resampled means; the bands marked 0: it never happened",
        "#52606d",
    )
    tall = (_TOP + _HEIGHT - _BOTTOM) / 2
    yield (
        f'<text x="22" y="{tall:.1f}" text-anchor="middle" transform="rotate(-90 22 {tall:.1f})">'
        "minutes exposed, an edge-year (lower is better)</text>"
    )


def _text(x: float, y: float, text: str, colour: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill="{colour}">{escape(text)}</text>'
    )


def _grid(across: _Axis, up: _Axis) -> Iterable[str]:
    right, top, bottom = _WIDTH - _RIGHT, _TOP, _HEIGHT - _BOTTOM
    for decade in across.decades():
        x = across.at(10.0**decade)
        yield _line(x, top, x, bottom, _GRID)
        yield _text(x, bottom + 18, _figure(10.0**decade))
    for decade in up.decades():
        y = up.at(10.0**decade)
        yield _line(_LEFT, y, right, y, _GRID)
        yield (
            f'<text x="{_LEFT - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">'
            f"{_figure(10.0**decade)}</text>"
        )
    yield _text(across.at(0), bottom + 18, "0")
    yield f'<text x="{_LEFT - 8:.1f}" y="{up.at(0) + 4:.1f}" text-anchor="end">0</text>'
    yield _line(_LEFT, bottom, right, bottom, _INK)
    yield _line(_LEFT, top, _LEFT, bottom, _INK)


def _points(summaries: Mapping[str, Summary], across: _Axis, up: _Axis) -> Iterable[str]:
    names: dict[tuple[float, float], list[str]] = {}
    taken: list[_Box] = []
    for way, summary in summaries.items():
        lockout, exposed = summary.rates["lockout"], summary.rates["exposed"]
        x, y = across.at(lockout.mean), up.at(exposed.mean)
        colour = _OWN if way in _OWN_WAYS else _OTHER
        for bar in _bars(lockout, exposed, across, up):
            yield _line(bar.left, bar.bottom, bar.right, bar.top, colour)
            taken.append(bar)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT:.0f}" fill="{colour}"/>'
        near = (at for at in names if abs(at[0] - x) < _DOT and abs(at[1] - y) < _DOT)
        names.setdefault(next(near, (x, y)), []).append(way)
    taken += [_Box(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in names]
    for (x, y), ways in names.items():
        colour = _OWN if _OWN_WAYS.issuperset(ways) else _OTHER
        name = ", ".join(ways)
        box = _beside(name, x, y, taken)
        taken.append(box)
        yield (
            f'<text x="{box.left:.1f}" y="{box.bottom - 4:.1f}" fill="{colour}" '
            f'font-weight="bold">{escape(name)}</text>'
        )


@dataclass(frozen=True, slots=True)
class _Box:
    """A rectangle that something takes up; `top` is above `bottom`."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        """Whether the two overlap."""
        apart = self.right < other.left or other.right < self.left
        return not (apart or self.bottom < other.top or other.bottom < self.top)

    @property
    def on_page(self) -> bool:
        """Whether all of it can be seen, beside the axes."""
        inside = self.left > _LEFT and self.right < _WIDTH
        return inside and self.top > 0 and self.bottom < _HEIGHT - _BOTTOM


def _bars(lockout: Estimate, exposed: Estimate, across: _Axis, up: _Axis) -> Iterable[_Box]:
    """The intervals of one point, as boxes without breadth."""
    x, y = across.at(lockout.mean), up.at(exposed.mean)
    if lockout.mean > 0:
        yield _Box(across.at(lockout.low), y, across.at(lockout.high), y)
    if exposed.mean > 0:
        yield _Box(x, up.at(exposed.high), x, up.at(exposed.low))


def _beside(text: str, x: float, y: float, taken: list[_Box]) -> _Box:
    """Find room for a name near its point: right or left of it, higher or lower, then further."""
    wide = _LETTER * len(text)
    boxes = [
        _Box(left, y + down, left + wide, y + down + _LINE)
        for step in range(8)
        for down in (-_LINE - 2 - step * _LINE, 2 + step * _LINE)
        for left in (x + 8, x - 8 - wide)
    ]
    free = (box for box in boxes if box.on_page and not any(box.meets(it) for it in taken))
    return next(free, boxes[0])


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        'stroke-width="1.4"/>'
    )


def _figure(figure: float) -> str:
    return f"{figure:g}" if figure < 1 else f"{figure:,.0f}"
