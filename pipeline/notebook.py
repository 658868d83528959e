"""Progress in a Jupyter notebook: a bar and a line of figures that change in place, by what every notebook has.

Nothing of Jupyter is needed to install or import this; where there is no notebook, ``progress_here`` shows nothing.
"""

import sys
import time
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from typing import Any

from pipeline.progress import Progress
from pipeline.text import printable

INTERVAL = 0.1
"""Seconds between two changes of what is shown: a notebook stores and sends each of them."""


def in_notebook() -> bool:
    """Tell whether this process is the kernel of a notebook, which shows more than text."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def progress_here() -> Progress:
    """Return what shows progress here: a line in a notebook, nothing elsewhere."""
    return NotebookProgress() if in_notebook() else Progress()


@dataclass
class _Work:
    """A piece of work that was begun."""

    what: str
    total: int | None
    unit: str
    begun: float = field(default_factory=time.monotonic)
    done: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    over: bool = False


class NotebookProgress(Progress):
    """Shows each piece of work as a bar and a line below the cell, which change in place.

    A notebook that is saved has the last state of each.
    """

    def __init__(self) -> None:
        self._open: list[_Work] = []
        self._said: list[str] = []
        self._display: Any = None
        self._drawn = -INTERVAL

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Show a bar, below the one that it is part of."""
        self._open.append(_Work(printable(what), total, unit))
        self._draw()

    def advance(self, step: int = 1, **figures: float) -> None:
        """Move the bar begun last, and show figures beside it."""
        last = self._open[-1]
        last.done += step
        last.figures |= figures
        if time.monotonic() - self._drawn >= INTERVAL:
            self._draw()

    def end(self) -> None:
        """Take the bar begun last away; when it was the only one, leave it as it is."""
        self._open[-1].over = True
        if len(self._open) == 1:
            self._draw()
            self._said, self._display = [], None
        self._open.pop()

    def say(self, line: str) -> None:
        """Show a line above the bars."""
        self._said.append(printable(line))
        self._draw()
        if not self._open:
            self._said, self._display = [], None

    def _draw(self) -> None:
        """Bring what is shown up to date."""
        self._drawn = time.monotonic()
        lines = [*self._said, *map(describe, self._open)]
        html = [*map(_paragraph, self._said), *(_bar(one) for one in self._open)]
        data = {"text/plain": "\n".join(lines), "text/html": "".join(html)}
        if self._display is None:
            self._display = import_module("IPython.display").display(data, raw=True, display_id=True)
        else:
            self._display.update(data, raw=True)


def describe(work: _Work) -> str:
    """Return a piece of work in words: how much is done, the figures, the time that is left or was taken."""
    amounts = [work.done] if work.total is None else [work.done, work.total]
    if work.unit == "B":
        amount = "/".join(f"{amount / 1e6:.1f}" for amount in amounts) + " MB"
    else:
        amount = "/".join(map(str, amounts)) + f" {work.unit}"
    figures = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in work.figures.items()]
    return ", ".join([f"{work.what} {amount}", *figures, _time(work)])


def _time(work: _Work) -> str:
    """Return the time that is left, or was taken, in minutes and seconds."""
    taken = time.monotonic() - work.begun
    if work.over or not work.total or not work.done:
        return _clock(taken)
    return f"{_clock(taken / work.done * (work.total - work.done))} left"


def _clock(seconds: float) -> str:
    """Return seconds as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _bar(work: _Work) -> str:
    """Return a bar and its line as HTML; where the total is not known, the bar only moves."""
    place = f' value="{work.done}" max="{work.total}"' if work.total else ' value="1" max="1"' if work.over else ""
    return f"<div><progress{place}></progress> {escape(describe(work))}</div>"


def _paragraph(line: str) -> str:
    return f"<div>{escape(line)}</div>"
