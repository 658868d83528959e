"""Charts as SVG that stands inside a page: curves and bars in the page's own colours, without a library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.html.document import escape

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 270, 60, 24, 10, 44  # pixels, and what is left free for words

STYLE = """
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:1rem}
.charts figure,figure.chart{margin:0}
.chart svg{width:100%;max-width:36rem;height:auto;display:block}
.chart text{font-size:12px;fill:var(--ink)}
.chart .grid{stroke:var(--line);stroke-width:1}
.chart .first,.chart .second,.chart .third{fill:none;stroke-width:2;stroke-linejoin:round}
.chart .first{stroke:var(--blue)}.chart .second{stroke:var(--orange);stroke-dasharray:7 4}
.chart .third{stroke:var(--muted);stroke-dasharray:2 4}
.chart circle.first{fill:var(--blue)}.chart circle.second{fill:var(--orange);stroke-dasharray:none}
.chart rect.bar{fill:var(--blue);fill-opacity:.35;stroke:var(--blue)}
""".strip()
"""What charts look like; their curves are told apart by their dashes as well as by their colours."""


@dataclass(frozen=True)
class Curve:
    """A line through points, left out where a number is none.

    Attributes
    ----------
    name : str
        What the legend calls it.
    x, y : sequence of float
        Its points.
    look : {"first", "second", "third"}
        Its colour and dashes.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    look: str = "first"


@dataclass(frozen=True)
class Axis:
    """What an axis is called, from where to where it goes, and whether its numbers are percentages, or whole."""

    name: str
    low: float = 0.0
    high: float = 1.0
    percent: bool = False
    whole: bool = False


def chart(
    title: str, curves: Sequence[Curve], x: Axis, y: Axis, bars: Sequence[tuple[float, float, float]] = ()
) -> str:
    """Return a figure of curves over bars.

    Parameters
    ----------
    title : str
        What stands above, and what a screen reader says.
    curves : sequence of Curve
        The lines; they are named below where there are several.
    x, y : Axis
        The axes.
    bars : sequence of (float, float, float)
        From where to where each bar goes, and how high; the axis of y begins at 0 then.

    Examples
    --------
    >>> chart("Loss", [Curve("training", [1, 2], [0.5, 0.25])], Axis("epoch", 1, 2), Axis("loss"))[:22]
    '<figure class="chart">'
    """
    frame = _Frame(x, y)
    marks = [frame.bar(*bar) for bar in bars] + [frame.curve(curve) for curve in curves]
    legend = "".join(
        f'<span><svg viewBox="0 0 30 10" style="width:30px;display:inline" aria-hidden="true">'
        f'<path class="{curve.look}" d="M0 5H30"/></svg> {escape(curve.name)}</span> '
        for curve in curves
    )
    return (
        f'<figure class="chart"><figcaption><strong>{escape(title)}</strong> {legend}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{frame.axes()}{''.join(marks)}</svg></figure>"
    )


def ticks(low: float, high: float, most: int = 7, *, whole: bool = False) -> list[float]:
    """Return round numbers from ``low`` to ``high``, as many as an axis has space for, or whole ones alone.

    Examples
    --------
    >>> ticks(0, 1), ticks(1, 12)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [2.0, 4.0, 6.0, 8.0, 10.0, 12.0])
    >>> ticks(1, 3, whole=True)
    [1.0, 2.0, 3.0]
    """
    rough = max((high - low) / max(1, most - 1), 1.0 if whole else 0.0)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


@dataclass(frozen=True)
class _Frame:
    """Where numbers lie in a chart."""

    x: Axis
    y: Axis

    def across(self, value: float) -> float:
        return _LEFT + (value - self.x.low) / (self.x.high - self.x.low) * (_WIDTH - _LEFT - _RIGHT)

    def down(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.y.low) / (self.y.high - self.y.low) * (_HEIGHT - _TOP - _BOTTOM)

    def axes(self) -> str:
        """Return the grid, its numbers and the names of the axes."""
        left, right, bottom = _LEFT, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts = []
        for value in ticks(self.y.low, self.y.high, whole=self.y.whole):
            at = self.down(value)
            parts.append(f'<path class="grid" d="M{left} {at:.1f}H{right}"/>')
            parts.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{_number(value, self.y)}</text>')
        for value in ticks(self.x.low, self.x.high, whole=self.x.whole):
            at = self.across(value)
            parts.append(f'<path class="grid" d="M{at:.1f} {bottom}v5"/>')
            parts.append(f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{_number(value, self.x)}</text>')
        middle, height = (left + right) / 2, (_TOP + bottom) / 2
        parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(self.x.name)}</text>')
        parts.append(
            f'<text transform="translate(12 {height:.1f})rotate(-90)" text-anchor="middle">{escape(self.y.name)}</text>'
        )
        return "".join(parts)

    def curve(self, curve: Curve) -> str:
        """Return a path, interrupted where there is no number; a point for what has no neighbour."""
        pieces: list[list[str]] = [[]]
        for x, y in zip(curve.x, curve.y, strict=True):
            if math.isfinite(x) and math.isfinite(y):
                pieces[-1].append(f"{self.across(x):.1f} {self.down(min(max(y, self.y.low), self.y.high)):.1f}")
            elif pieces[-1]:
                pieces.append([])
        drawn = "".join(f"M{'L'.join(piece)}" for piece in pieces if len(piece) > 1)
        points = [piece[0].split() for piece in pieces if len(piece) == 1]
        circles = "".join(f'<circle class="{curve.look}" cx="{x}" cy="{y}" r="3"/>' for x, y in points)
        return (f'<path class="{curve.look}" d="{drawn}"/>' if drawn else "") + circles

    def bar(self, low: float, high: float, height: float) -> str:
        """Return a rectangle."""
        left, right, top = self.across(low), self.across(high), self.down(height)
        return (
            f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{self.down(self.y.low) - top:.1f}"/>'
        )


def _number(value: float, axis: Axis) -> str:
    """Return a number as it stands at an axis."""
    return f"{100 * value:.6g} %" if axis.percent else f"{value:.6g}"
