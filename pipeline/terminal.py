"""What a person sees of the work: progress bars on a terminal, and results as lines and tables.

Bars go to the error stream, and only where that is a terminal; so a log stays quiet, and results can be redirected.
"""

from collections.abc import Mapping
from numbers import Integral, Real
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from pipeline.stages.base import Progress


class RichProgress(Progress):
    """Draws a bar for each piece of work on a terminal, and is quiet in a log; what is said appears in both.

    Examples
    --------
    >>> with RichProgress() as progress:
    ...     progress.begin("train", 10, "epochs")
    ...     progress.advance(loss=0.25, accuracy=0.93)
    ...     progress.end()
    """

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._tasks: list[TaskID] = []
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            _Amount(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[figures]}", markup=False, table_column=Column(no_wrap=False)),
            console=console,
            redirect_stdout=False,  # results belong to the output, whatever the error stream shows meanwhile
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Draw a bar of ``total`` units, or one that only moves where nobody knows how many."""
        self._tasks.append(self._bars.add_task(what, total=total, unit=unit, figures=""))
        self._bars.start()

    def advance(self, step: int = 1, **figures: float) -> None:
        """Move the bar begun last, and show figures beside it."""
        task = self._tasks[-1]
        self._bars.update(task, advance=step)
        if figures:
            self._bars.update(task, figures=format_figures(figures))

    def end(self) -> None:
        """Leave the bar begun last as it is; when it was the only one, give the terminal back."""
        self._bars.stop_task(self._tasks.pop())
        if not self._tasks:
            self._bars.stop()
            for task in self._bars.task_ids:
                self._bars.remove_task(task)

    def say(self, line: str) -> None:
        """Print a line, above the bars where there are some."""
        self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Amount(ProgressColumn):
    """How much is done, and of how much: ``3/10 epochs``, ``4.2 MB/9.9 MB``."""

    def render(self, task: Task) -> Text:
        """Return the words for one bar."""
        unit = task.fields["unit"]
        amounts = [task.completed] if task.total is None else [task.completed, task.total]
        words = [decimal(int(amount)) if unit == "B" else f"{amount:.0f}" for amount in amounts]
        return Text("/".join(words) + ("" if unit == "B" else f" {unit}"))


def format_figures(figures: Mapping[str, float]) -> str:
    """Return figures in one line, a validation figure beside its training figure.

    Examples
    --------
    >>> format_figures({"loss": 0.25, "validation_loss": 0.5, "accuracy": 0.9375, "validation_accuracy": 0.875})
    'loss 0.2500/0.5000 accuracy 0.9375/0.8750 (training/validation)'
    >>> format_figures({"learning_rate": 1e-05})
    'learning_rate 1e-05'
    """
    pairs = {name: (value, figures.get(f"validation_{name}")) for name, value in figures.items()}
    words = [
        f"{name} {_number(value)}" + ("" if beside is None else f"/{_number(beside)}")
        for name, (value, beside) in pairs.items()
        if name.removeprefix("validation_") not in figures or not name.startswith("validation_")
    ]
    paired = any(beside is not None for _, beside in pairs.values())
    return " ".join(words) + (" (training/validation)" if paired else "")


def format_result(stage: str, result: Mapping[str, Any]) -> str:
    """Return what a stage has done: one line, or a table where it measured several parts.

    Parameters
    ----------
    stage : str
        Its name.
    result : mapping
        What ``run`` returned: words and figures by name, or for each part a mapping of figures.

    Examples
    --------
    >>> print(format_result("split", {"train": 51000, "validation": 9000}))
    split: train 51000, validation 9000
    >>> print(format_result("evaluate", {"validation": {"accuracy": 0.98}, "test": {"accuracy": 0.9825}}))
    evaluate    validation    test
    accuracy        0.9800  0.9825
    """
    parts = {name: part for name, part in result.items() if isinstance(part, Mapping)}
    words = [f"{name} {_number(value)}" for name, value in result.items() if name not in parts]
    lines = [f"{stage}: {', '.join(words)}"] if words or not parts else []
    return "\n".join([*lines, *(_table(stage, parts) if parts else [])])


def _table(title: str, parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return lines with a row for each figure and a column for each part, aligned."""
    names = list(dict.fromkeys(name for part in parts.values() for name in part))
    columns = [[title, *names]] + [
        [heading, *(_number(part.get(name, "")) for name in names)] for heading, part in parts.items()
    ]
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join([row[0].ljust(widths[0] + 2), *map(str.rjust, row[1:], widths[1:])])
        for row in zip(*columns, strict=True)
    ]


def _number(value: Any) -> str:
    """Return a figure with four decimals, or four digits where it is too small for them; anything else as it is."""
    if isinstance(value, Integral) or not isinstance(value, Real):
        return str(value)
    figure = float(value)
    return f"{figure:.4f}" if figure == 0 or abs(figure) >= 1e-3 else f"{figure:.4g}"
