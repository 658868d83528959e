"""What a person sees of the work: progress bars on a terminal, and results as lines and tables.

Bars go to the error stream, and only where that is a terminal; so a log stays quiet, and results can be redirected.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from numbers import Integral, Real
from types import TracebackType
from typing import Any, Self

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress as Bars
from rich.progress import ProgressColumn, Task, TaskID
from rich.text import Text

from pipeline.progress import Progress
from pipeline.strict_json import to_json
from pipeline.text import printable, shorten


def show(text: str) -> None:
    """Print a result, one line or several, from which no text that came from outside can command the terminal."""
    typer.echo(printable(text, lines=True))


def tell(line: str) -> None:
    """Print one line to the error stream, for a person, whatever a file's name or a server's answer puts into it."""
    typer.echo(_one_line(line), err=True)


def _one_line(text: str) -> str:
    """Return a text on one line, cut off where it has thousands of letters."""
    return shorten(printable(" ".join(text.splitlines())), 2000)


_UNSHOWN = ("learning_rate",)
"""Figures that a bar has no space for; the curves of ``train --watch`` show them."""


class RichProgress(Progress):
    """Draws a bar for each piece of work on a terminal; in a log, a step with figures leaves a line instead.

    Parameters
    ----------
    verbose : bool, default=False
        Whether such a step leaves a line on a terminal, too, above the bars.

    Attributes
    ----------
    is_terminal : bool
        Whether the error stream is a terminal.

    Examples
    --------
    >>> with RichProgress() as progress:
    ...     progress.begin("train", 10, "epochs")
    ...     progress.advance(loss=0.25, accuracy=0.93)
    ...     progress.end()
    """

    def __init__(self, *, verbose: bool = False) -> None:
        console = Console(stderr=True)
        self._tasks: list[TaskID] = []
        self.is_terminal = console.is_terminal
        self._verbose = verbose or not console.is_terminal
        self._bars = self._new_bars(
            _Line(console),
            console=console,
            redirect_stdout=False,  # results belong to the output, whatever the error stream shows meanwhile
            disable=not console.is_terminal,
        )

    def _new_bars(self, *columns: Any, **options: Any) -> Bars:
        """Return what draws the bars."""
        return Bars(*columns, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        with suppress(OSError):  # the terminal may be gone, and the exit code must still say why the work ended
            self._bars.stop()

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Draw a bar of ``total`` units, or one that only moves where the total is unknown."""
        self._tasks.append(self._bars.add_task(printable(what), total=total, unit=unit, values={}))
        self._bars.start()

    def advance(self, step: int = 1, **figures: float) -> None:
        """Move the bar begun last, and show figures beside it."""
        last = self._tasks[-1]
        self._bars.update(last, advance=step)
        figures = {name: value for name, value in figures.items() if name not in _UNSHOWN}
        if not figures:
            return
        self._bars.update(last, values=figures)
        if self._verbose:
            task = next(one for one in self._bars.tasks if one.id == last)
            self.say(f"{task.description} {_amount(task)}: {format_figures(figures)}")

    def end(self) -> None:
        """Leave the bar begun last as it is; when it was the only one, give the terminal back."""
        self._bars.stop_task(self._tasks.pop())
        if not self._tasks:
            self._stop()
            for task in self._bars.task_ids:
                self._bars.remove_task(task)

    def say(self, line: str) -> None:
        """Print a line, above the bars where there are some."""
        self._bars.console.print(_one_line(line), markup=False, highlight=False, soft_wrap=True)


class _Line(ProgressColumn):
    """All of a piece of work in one line, which has as much as the width allows."""

    max_refresh = 0.1

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def render(self, task: Task) -> Text:
        """Return the fullest line that fits the terminal."""
        width = self.console.width
        lines = [Text(" ").join(words) for words in _words(task, width, self.console)]
        lines[-1].truncate(width)
        return next(line for line in lines if line.cell_len <= width)


def _words(task: Task, columns: int, console: Console) -> Iterator[list[Text]]:
    """Yield the words of a piece of work, fewer and fewer: what goes first is what is missed least."""
    values: Mapping[str, float] = task.fields["values"]
    figures, pairs = format_figures(values), format_figures(values, legend=False)
    loss = format_figures({name: one for name, one in values.items() if name.endswith("loss")}, legend=False)
    amount, time = _amount(task), _time(task)
    bare = amount if task.fields["unit"] == "B" else amount.partition(" ")[0]
    for width, words in [
        (20, [amount, time, figures]),
        (10, [amount, time, figures]),
        (10, [amount, time, pairs]),
        (10, [bare, time, pairs]),
        (0, [bare, time, pairs]),
        (0, [bare, time, loss]),
        (0, [bare]),
    ]:
        bar = [_bar(task, width, console)] if width else []
        title = _tail(task.description, columns // 2)
        yield [*([Text(title)] if title else []), *bar, *(Text(word) for word in words if word)]


def _tail(words: str, width: int) -> str:
    """Return words as they are where they fit, or else their end: that of an address tells most."""
    return words if len(words) <= width else f"...{words[3 - width :]}" if width > 3 else ""


def _bar(task: Task, width: int, console: Console) -> Text:
    """Return a bar of some letters; where the total is unknown, a piece of it goes round."""
    full, rest = ("#", "-") if console.options.ascii_only else ("\u2501", "\u2500")
    if task.total is None:
        begin = int(10 * (task.elapsed or 0)) % width
        done = [(place - begin) % width < width // 4 + 1 for place in range(width)]
    else:
        fraction = 1.0 if task.total == 0 else min(1.0, task.completed / task.total)
        done = [place < round(fraction * width) for place in range(width)]
    return Text.assemble(*((full, "bar.complete") if one else (rest, "bar.back") for one in done))


def _amount(task: Task) -> str:
    """Return how much is done, and of how much: ``3/10 epochs``, ``4.2 MB/9.9 MB``."""
    unit = task.fields["unit"]
    amounts = [task.completed] if task.total is None else [task.completed, task.total]
    words = [decimal(int(amount)) if unit == "B" else f"{amount:.0f}" for amount in amounts]
    return "/".join(words) + ("" if unit == "B" else f" {unit}")


def _time(task: Task) -> str:
    """Return the time that is left, or was taken once all is done, in minutes and seconds."""
    over = task.finished or task.total is None
    seconds = task.finished_time if task.finished else task.elapsed if over else task.time_remaining
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def format_figures(figures: Mapping[str, float], *, legend: bool = True) -> str:
    """Return figures in one line, a validation figure beside its training figure.

    Parameters
    ----------
    figures : mapping of str to float
        By name; that of a validation figure begins with ``validation_``.
    legend : bool, default=True
        Whether to say what stands on which side.

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
    return " ".join(words) + (" (training/validation)" if paired and legend else "")


def format_json(value: Any) -> str:
    """Return figures as one JSON document, strictly: NumPy's numbers as numbers, and null for what is no number.

    Examples
    --------
    >>> format_json({"train": {"loss": float("nan"), "layers": (64, 32)}})
    '{"train": {"loss": null, "layers": [64, 32]}}'
    """
    return to_json(_plain(value))


def _plain(value: Any) -> Any:
    """Return a value in JSON's own types."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    return str(value)


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
        return printable(value)
    figure = float(value)
    return f"{figure:.4f}" if figure == 0 or abs(figure) >= 1e-3 else f"{figure:.4g}"


@contextmanager
def echoing_warnings() -> Iterator[None]:
    """Have each warning told in a line of its own."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: typer.echo(f"warning: {message}", err=True)
        yield


@contextmanager
def saying_warnings(progress: RichProgress) -> Iterator[None]:
    """Have each warning told in a line of its own, above the bars."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: progress.say(f"warning: {message}")
        yield
