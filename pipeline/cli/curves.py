"""Learning curves as a terminal can draw them: lines of braille characters, in pure functions of the figures.

A braille character has 2 by 4 dots, and so a panel of 30 by 7 characters has 60 by 28 of them. Where a terminal has
ASCII alone, a character is one dot.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rich.text import Text

TRAINING, VALIDATION = "blue", "yellow"
"""The colours of the two curves; that of validation is dashed as well."""

_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot in a braille character, by row and column."""
_HEIGHT = 7
_NARROWEST, _AXIS = 24, 8
"""Columns: of a panel at the least, and of the numbers on its left."""

RANKING = {"validation_accuracy": 1, "validation_loss": -1, "accuracy": 1, "loss": -1}
"""The figures that tell which epoch is the best, the first that there is; and whether more of it is better, or less."""

Figures = Mapping[str, float]


@dataclass
class Curves:
    """What is known of a training, epoch by epoch.

    Attributes
    ----------
    epochs : list of dict
        The figures of every epoch by name: ``loss``, ``accuracy``, ``validation_loss``, ``validation_accuracy``,
        ``learning_rate``, ``seconds``; what was not measured is left out.
    total : int or None
        Epochs that there will be at the most.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    total: int | None = None

    def values(self, name: str) -> list[float | None]:
        """Return a figure of every epoch; None where it was not measured, or is no number."""
        known = [figures.get(name) for figures in self.epochs]
        return [None if value is None or not math.isfinite(value) else float(value) for value in known]

    @property
    def best(self) -> tuple[int, str] | None:
        """The number of the best epoch, the first if several are, and the figure by which it is."""
        for name, sign in RANKING.items():
            values = self.values(name)
            known = [sign * value for value in values if value is not None]
            if known:
                return values.index(sign * max(known)) + 1, name
        return None

    def summary(self) -> str:
        """Return a line: the best epoch, and rate and seconds of the last.

        Examples
        --------
        >>> Curves([{"loss": 0.5, "learning_rate": 0.002, "seconds": 1.5}, {"loss": 0.75}], total=3).summary()
        'best: epoch 1, loss 0.5000'
        >>> Curves([{"loss": 0.5, "learning_rate": 0.002, "seconds": 1.5}], total=3).summary()
        'best: epoch 1, loss 0.5000 | rate 0.002 | 1.5 s/epoch'
        """
        words = []
        if self.best is not None:
            number, name = self.best
            words.append(f"best: epoch {number}, {name.replace('_', ' ')} {self.epochs[number - 1][name]:.4f}")
        last = self.epochs[-1] if self.epochs else {}
        if "learning_rate" in last:
            words.append(f"rate {last['learning_rate']:.3g}")
        if "seconds" in last:
            words.append(f"{last['seconds']:.1f} s/epoch")
        return " | ".join(words)


def draw(curves: Curves, width: int, *, ascii_only: bool = False) -> list[Text]:
    """Return the lines of loss and accuracy by epoch, side by side where they fit, and of the summary.

    Parameters
    ----------
    curves : Curves
        What to draw; without two epochs there is no curve yet.
    width : int
        Columns of the terminal, which no line is longer than.
    ascii_only : bool, default=False
        Whether the terminal has no other characters.
    """
    if not curves.epochs:
        return []
    names = [name for name in ("loss", "accuracy") if any(value is not None for value in curves.values(name))]
    gap = 2
    beside = len(names) == 1 or (width - gap) // 2 >= _NARROWEST
    each = (width - gap) // 2 if beside and len(names) > 1 else width
    panels = [_panel(curves, name, each, ascii_only=ascii_only) for name in names if each >= _NARROWEST]
    if beside and len(panels) > 1:
        lines = [
            Text.assemble(left, " " * (each + gap - left.cell_len), right) for left, right in zip(*panels, strict=True)
        ]
    else:
        lines = [line for panel in panels for line in panel]
    summary = Text(curves.summary())
    summary.truncate(width)
    return [*lines, summary]


def _panel(curves: Curves, name: str, width: int, *, ascii_only: bool) -> list[Text]:
    """Return the lines of one figure: its name with the last values, the curves over each other, and the epochs."""
    series = [curves.values(name), curves.values(f"validation_{name}")]
    known = [value for values in series for value in values if value is not None]
    low, high = min(known), max(known)
    columns = width - _AXIS
    dots = plot(series, columns, _HEIGHT, low, high, ascii_only=ascii_only)
    head = Text(name)
    for values, what, colour in zip(series, ("training", "validation"), (TRAINING, VALIDATION), strict=True):
        if values[-1] is not None:
            head.append(f" {what} {values[-1]:.4f}", colour)
    if head.cell_len > width:
        head = Text(name)
        for values, colour in zip(series, (TRAINING, VALIDATION), strict=True):
            if values[-1] is not None:
                head.append(f" {values[-1]:.4f}", colour)
    labels = [_label(high), *[""] * (_HEIGHT - 2), _label(low)]
    bar = "|" if ascii_only else "\u2502"
    lines = [Text.assemble(f"{label:>{_AXIS - 2}} {bar}", row) for label, row in zip(labels, dots, strict=True)]
    last = str(len(curves.epochs))
    axis = Text(f"{'epoch':>{_AXIS - 2}}  1" + last.rjust(columns - 1) if last != "1" else f"{'epoch':>{_AXIS - 2}}  1")
    return [head, *lines, axis]


def _label(value: float) -> str:
    """Return a number in six letters."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"[:6]


def plot(
    series: Sequence[Sequence[float | None]],
    width: int,
    height: int,
    low: float,
    high: float,
    *,
    ascii_only: bool = False,
) -> list[Text]:
    """Return curves over each other, every value of a series an equal distance from the next.

    Parameters
    ----------
    series : sequence of sequences of float or None
        The first is drawn as a line, the second dashed; where both lie, a character has the second's colour.
    width, height : int
        Columns and rows.
    low, high : float
        What the lowest and the highest dots stand for.
    ascii_only : bool, default=False
        Whether to draw by ``*`` and ``o``.

    Examples
    --------
    >>> [line.plain for line in plot([[0.0, 1.0]], 3, 2, 0.0, 1.0, ascii_only=True)]
    [' **', '*  ']
    """
    across, down = (1, 1) if ascii_only else (2, 4)
    cells: list[list[list[int]]] = [[[0, 0] for _ in range(width)] for _ in range(height)]
    for which, values in enumerate(series[:2]):
        for x, y in _dots(values, width * across, height * down, low, high):
            if which == 0 or x // (2 * across) % 2 == 0 or len(values) == 1:
                cells[y // down][x // across][which] |= 1 if ascii_only else _BRAILLE[y % 4][x % 2]
    return [Text.assemble(*(_character(cell, ascii_only=ascii_only) for cell in row)) for row in cells]


def _character(cell: Sequence[int], *, ascii_only: bool) -> tuple[str, str]:
    """Return a cell's character and its colour."""
    training, validation = cell
    colour = VALIDATION if validation else TRAINING if training else ""
    if ascii_only:
        return ("o" if validation else "*" if training else " "), colour
    bits = training | validation
    return (chr(0x2800 + bits) if bits else " "), colour


def _dots(values: Sequence[float | None], width: int, height: int, low: float, high: float) -> set[tuple[int, int]]:
    """Return the dots of a curve, from the left and from the top, with a line between neighbours that are known."""
    span = high - low or 1.0
    places = [
        None
        if value is None
        else (
            round(place * (width - 1) / max(1, len(values) - 1)),
            round((height - 1) * (1 - (min(max(value, low), high) - low) / span)),
        )
        for place, value in enumerate(values)
    ]
    found = {place for place in places if place is not None}
    for one, other in pairwise(places):
        if one is not None and other is not None:
            n = max(abs(other[0] - one[0]), abs(other[1] - one[1]), 1)
            found |= {
                (round(one[0] + (other[0] - one[0]) * k / n), round(one[1] + (other[1] - one[1]) * k / n))
                for k in range(n + 1)
            }
    return found
