"""The picture of a search: how much each parameter mattered, and the accuracy at each of its values."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.plots import BLUE, ORANGE, to_png
from pipeline.search.methods import Trial, score_of
from pipeline.search.space import Choice, Space
from pipeline.search.table import best_of

_SHOWN = 6


def draw_importances(importances: Mapping[str, float], trials: Sequence[Trial], space: Space) -> bytes:
    """Draw a panel for each of the parameters that mattered most: candidates' accuracy by their value.

    Parameters
    ----------
    importances : mapping of float
        By name, the most important first.
    trials : sequence of Trial
        With their results.
    space : dict of Choice or Range
        What varied.

    Returns
    -------
    bytes
        A PNG file.
    """
    finished = [trial for trial in trials if trial.result.get("accuracy") is not None]
    names = list(importances)[:_SHOWN]
    figure = Figure(figsize=(3.2 * min(3, len(names)), 3.0 * -(-len(names) // 3)), layout="constrained")
    for number, name in enumerate(names, start=1):
        axes = figure.add_subplot(-(-len(names) // 3), min(3, len(names)), number)
        _draw_panel(axes, space[name], name, finished, best_of(trials))
        axes.set_title(f"{name.partition('.')[2]}: {importances[name]:.0%}", fontsize="medium")
    return to_png(figure)


def _draw_panel(axes: Axes, one: Any, name: str, finished: Sequence[Trial], best: Trial | None) -> None:
    """Draw the accuracy of candidates by one parameter, the best one marked."""
    values = [trial.values[name] for trial in finished]
    places = [one.values.index(value) for value in values] if isinstance(one, Choice) else values
    axes.plot(places, [score_of(trial) for trial in finished], ".", color=BLUE, alpha=0.6)
    if best is not None:
        place = one.values.index(best.values[name]) if isinstance(one, Choice) else best.values[name]
        axes.plot([place], [score_of(best)], "o", color=ORANGE, fillstyle="none")
    if isinstance(one, Choice):
        axes.set_xticks(range(len(one.values)), [str(value) for value in one.values], fontsize="small", rotation=30)
    elif one.log:
        axes.set_xscale("log")
    axes.set_ylabel("accuracy", fontsize="small")
