"""``train --watch``: a progress that draws learning curves above its bar, and that a page can be served from."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.progress import Progress as Bars
from rich.text import Text

from pipeline.cli.curves import Curves, draw
from pipeline.cli.terminal import RichProgress
from pipeline.cli.watch_page import WatchPage

_PER_SECOND = 4
"""How often the terminal is drawn anew: less often than a bar alone, so that training is not slowed down."""


class WatchProgress(RichProgress):
    """Remembers every epoch, and draws loss and accuracy above the bars; a log gets a line for each epoch.

    Parameters
    ----------
    drawing : bool, default=True
        Whether to draw them on a terminal.
    port : int, default=None
        Where to serve a page that shows them until the work ends; 0 is a free port.
    verbose : bool, default=False
        As `RichProgress` takes it.

    Attributes
    ----------
    curves : Curves
        The epochs so far.

    Examples
    --------
    >>> with WatchProgress() as progress:
    ...     progress.begin("train", 10, "epochs")
    ...     progress.advance(loss=0.25, accuracy=0.93)
    ...     progress.end()
    >>> progress.curves.values("loss")
    [0.25]
    """

    def __init__(self, *, drawing: bool = True, port: int | None = None, verbose: bool = False) -> None:
        self.curves = Curves()
        self._page = None if port is None else WatchPage(self.curves, port)
        self._drawing = drawing
        self._units: list[str] = []
        self._began = 0.0
        super().__init__(verbose=verbose)

    def _new_bars(self, *columns: Any, **options: Any) -> Bars:
        if not self._drawing:
            return super()._new_bars(*columns, **options)
        return _BarsBelowCurves(self.curves, *columns, refresh_per_second=_PER_SECOND, **options)

    def __enter__(self) -> Self:
        """Begin to serve, and say where."""
        if self._page is not None:
            self._page.__enter__()
            self.say(f"the curves are on {self._page.address} until training ends")
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back, and end the page."""
        super().__exit__(kind, error, trace)
        if self._page is not None:
            self._page.__exit__(kind, error, trace)

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Draw a bar; where epochs begin, their curves as well."""
        self._units.append(unit)
        if unit == "epochs":
            self.curves.total, self._began = total, time.perf_counter()
        super().begin(what, total, unit)

    def advance(self, step: int = 1, **figures: float) -> None:
        """Move the bar, and remember an epoch."""
        if figures and self._units[-1] == "epochs":
            now = time.perf_counter()
            self.curves.epochs.append({**figures, "seconds": now - self._began})
            self._began = now
        super().advance(step, **figures)

    def end(self) -> None:
        """End the bar, and leave the curves; a log has the best epoch in a line."""
        if self._units.pop() == "epochs" and self.curves.best is not None and not self.is_terminal:
            self.say(self.curves.summary())
        super().end()


class _BarsBelowCurves(Bars):
    """Bars, and above them the curves, which are made anew where something has changed."""

    def __init__(self, curves: Curves, *columns: Any, console: Console, **options: Any) -> None:
        self._curves, self._terminal = curves, console
        self._drawn, self._lines = (-1, -1), list[Text]()
        super().__init__(*columns, console=console, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the curves' lines, then the bars."""
        yield from self._curve_lines(self._terminal)
        yield from super().get_renderables()

    def _curve_lines(self, console: Console) -> list[Text]:
        now = len(self._curves.epochs), console.width
        if now != self._drawn:
            self._lines, self._drawn = draw(self._curves, now[1], ascii_only=console.options.ascii_only), now
        return self._lines
