"""Markdown of recipes and their results: one row for each, and a small table where an author gave every epoch.

Pure functions from recipes and results to text.
"""

import re
from collections.abc import Mapping
from itertools import groupby
from statistics import mean
from typing import Any

from pipeline.recipes.markdown import markdown_table
from pipeline.recipes.recipe import Recipe

Runs = list[dict[str, Any]]
HEADINGS = ("", "network", "training", "reported", "test accuracy here", "training time")
BEGIN, END = "<!-- recipes -->", "<!-- /recipes -->"
_SOLVERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "AdaGrad"}


def table(recipes: Mapping[str, tuple[Recipe, Runs]]) -> str:
    """Return the table of all recipes, and what authors reported by epoch beneath it.

    Parameters
    ----------
    recipes : mapping of str to (Recipe, list of dict)
        Each recipe with what its seeds came to, by its name.
    """
    rows = [_row(name, recipe, runs) for name, (recipe, runs) in recipes.items()]
    by_epoch = [_by_epoch(recipe, runs) for recipe, runs in recipes.values() if recipe.reported_by_epoch and runs]
    return "\n\n".join([markdown_table(HEADINGS, rows), *by_epoch])


def describe_network(recipe: Recipe, runs: Runs) -> str:
    """Return widths and activation: ``784-50-10 relu``, or ``784-18x50-10 relu`` where more than two agree."""
    model: Any = recipe.stages(0)["train"]
    words = [
        _widths(runs[0]["layers"]),
        str(model.activation),
        *([] if model.biases else ["without biases"]),
    ]
    return " ".join(words)


def _widths(layers: list[int]) -> str:
    alike = [(width, len(list(group))) for width, group in groupby(layers)]
    return "-".join(f"{n}x{width}" if n > 2 else "-".join([str(width)] * n) for width, n in alike)


def describe_training(recipe: Recipe) -> str:
    """Return the rule, its rate, the batches and the length of training.

    Examples
    --------
    >>> train = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1, "batch_size": 100, "max_updates": 10000}
    >>> describe_training(Recipe("", "", "", train=train))
    'SGD 0.1, batches of 100, 10,000 updates'
    """
    model: Any = recipe.stages(0)["train"]
    momentum = f" with momentum {model.momentum:g}" if model.solver == "sgd" and model.momentum else ""
    rule = f"{_SOLVERS.get(model.solver, model.solver)} {model.learning_rate_init:g}{momentum}"
    batch = {"1": "one image at a time", "full": "all images at once"}.get(
        str(model.batch_size), f"batches of {model.batch_size}"
    )
    drawn = " drawn with replacement" if model.replacement else ""
    length = f"{model.max_updates:,} updates" if model.max_updates else f"{model.max_iter} epochs"
    return f"{rule}, {batch}{drawn}, {length}"


def _row(name: str, recipe: Recipe, runs: Runs) -> list[str]:
    """Return the cells of a recipe."""
    title = f"[{recipe.title}](recipes/{name}.yaml)"
    if not runs:
        return [title, "", describe_training(recipe), recipe.reported, "not run yet", ""]
    seconds = mean(run["seconds"] for run in runs)
    network, training = describe_network(recipe, runs), describe_training(recipe)
    return [title, network, training, recipe.reported, _reached(runs), f"{seconds:.3g} s"]


def _reached(runs: Runs) -> str:
    """Return the accuracy on test images, mean and range over the seeds, and what was compared beside."""
    percent = [100 * run["test"]["accuracy"] for run in runs]
    spread = f" ({min(percent):.2f} to {max(percent):.2f}, {len(runs)} seeds)" if len(runs) > 1 else ""
    return "; ".join([f"{mean(percent):.2f} %{spread}", *_gradcheck(runs), *_numerical(runs)])


def _gradcheck(runs: Runs) -> list[str]:
    """Return between what the mean differences of all parameters lie."""
    means = [one["mean"] for run in runs for one in run.get("gradcheck", [])]
    return [f"gradients differ by {_power(min(means))} to {_power(max(means))}"] if means else []


def _power(value: float) -> str:
    return re.sub(r"e([+-])0*", r"e\1", f"{value:.0e}")


def _numerical(runs: Runs) -> list[str]:
    """Return how far the loss fell by numerical differentiation alone."""
    losses = [run["numerical"]["losses"] for run in runs if "numerical" in run]
    if not losses:
        return []
    first, last = (mean(each[end] for each in losses) for end in (0, -1))
    return [f"loss {first:.3f} to {last:.3f} by {len(losses[0]) - 1} updates of numerical differentiation alone"]


def _by_epoch(recipe: Recipe, runs: Runs) -> str:
    """Return a table of what was reported and what is reached in every epoch."""
    rows = []
    for column, figures in recipe.reported_by_epoch.items():
        here = [mean(each) for each in zip(*(run["history"][column] for run in runs), strict=True)]
        rows += [[f"{column} reported", *map(_figure, figures)], [f"{column} here", *map(_figure, here)]]
    headings = [f"{recipe.title}, by epoch", *(str(epoch) for epoch in range(1, len(rows[0])))]
    return markdown_table(headings, rows)


def _figure(value: float) -> str:
    return f"{value:.4f}"
