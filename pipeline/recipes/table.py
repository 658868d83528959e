"""Markdown of recipes and their results: one row for each, and small tables of what was reported by epoch or chosen.

Recipes with a goal stand in a table of their own, of test errors.

Pure functions from recipes and results to text.
"""

import inspect
import re
import textwrap
from collections.abc import Mapping
from itertools import groupby
from statistics import mean, stdev
from typing import Any

import numpy as np

from pipeline.parameters import snake_case
from pipeline.recipes.markdown import markdown_table
from pipeline.recipes.recipe import Recipe

Runs = list[dict[str, Any]]
HEADINGS = ("", "network", "training", "reported", "test accuracy here", "training time")
HEADINGS_OF_GOALS = ("", "network", "training", "reported", "goal", "test error here", "members alone", "training time")
BEGIN, END = "<!-- recipes -->", "<!-- /recipes -->"
_SOLVERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "AdaGrad"}


def table(
    recipes: Mapping[str, tuple[Recipe, Runs]],
    machines: Mapping[str, str] | None = None,
    trials: Mapping[str, Mapping[str, Runs]] | None = None,
) -> str:
    """Return the tables of all recipes, and beneath them what authors reported by epoch and what was chosen from.

    Parameters
    ----------
    recipes : mapping of str to (Recipe, list of dict)
        Each recipe with what its seeds came to, by its name.
    machines : mapping of str to str, optional
        What the recipes with a goal were trained on, in words, by their names.
    trials : mapping of str to mapping of str to list of dict, optional
        What the seeds of each trial came to, by the names of recipe and trial.
    """
    aiming = {name: each for name, each in recipes.items() if each[0].goal}
    rows = [_row(name, *each) for name, each in recipes.items() if name not in aiming]
    rows_of_goals = [_row_with_goal(name, *each) for name, each in aiming.items()]
    return "\n\n".join(
        [
            *([markdown_table(HEADINGS_OF_GOALS, rows_of_goals)] if rows_of_goals else []),
            *_trained_on(machines or {}),
            *([markdown_table(HEADINGS, rows)] if rows else []),
            *(_by_epoch(recipe, runs) for recipe, runs in recipes.values() if recipe.reported_by_epoch and runs),
            *(text for name, (recipe, _) in recipes.items() for text in _choice(recipe, (trials or {}).get(name, {}))),
        ]
    )


def _trained_on(machines: Mapping[str, str]) -> list[str]:
    """Return a sentence for each machine, with the names of the recipes."""
    names: dict[str, list[str]] = {}
    for name, machine in machines.items():
        names.setdefault(machine, []).append(name)
    sentences = [f"Trained by {machine}: {', '.join(trained)}." for machine, trained in sorted(names.items())]
    return [textwrap.fill(sentence, 120, break_on_hyphens=False) for sentence in sentences]


def describe_network(recipe: Recipe, runs: Runs) -> str:
    """Return widths and activation: ``784-50-10 relu``, or ``784-18x50-10 relu`` where more than two agree.

    Of an ensemble of other recipes, their names.
    """
    if recipe.of:
        return " + ".join(recipe.of)
    model: Any = recipe.stages(0)["train"]
    words = [
        *([f"{recipe.members} of"] if recipe.members else []),
        _widths(runs[0]["layers"]),
        str(model.activation),
        *([] if model.bias else ["without biases"]),
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
    copies = f"; mean over {recipe.averaged(None, 0).n_copies} copies" if recipe.test_time else ""
    if recipe.of:
        return f"each as its own recipe says{copies}"
    model: Any = recipe.stages(0)["train"]
    momentum = f" with momentum {model.momentum:g}" if model.solver == "sgd" and model.momentum else ""
    rule = f"{_SOLVERS.get(model.solver, model.solver)} {model.learning_rate_init:g}{momentum}"
    batch = {"1": "one image at a time", "full": "all images at once"}.get(
        str(model.batch_size), f"batches of {model.batch_size}"
    )
    drawn = " drawn with replacement" if model.replacement else ""
    length = f"{model.max_updates:,} updates" if model.max_updates else f"{model.max_iter} epochs"
    schedule = "" if model.learning_rate == "constant" else f" {_words(model.learning_rate)}"
    beside = "".join(f"; {words}" for words in [*_images(recipe), *describe_regularisers(model)])
    return f"{rule}{schedule}, {batch}{drawn}, {length}{beside}{copies}"


def _images(recipe: Recipe) -> list[str]:
    """Return how images are made alike before the network sees them."""
    preprocess: Any = recipe.stages(0)["preprocess"]
    ink = [] if preprocess.ink_width is None else [f"ink {preprocess.ink_width} pixels wide"]
    return [*(["deskewed images"] if preprocess.deskew else []), *ink]


def describe_regularisers(model: Any) -> list[str]:
    """Return what regularizes a network, in words.

    Examples
    --------
    >>> from pipeline import Deform, MLPClassifier
    >>> describe_regularisers(MLPClassifier(batch_norm=True, noise=(0.3, 0.1), augmentation=Deform(rotation=12)))
    ['batch normalisation', 'noise 0.3 0.1', 'rotation 12']
    """
    words = ["batch normalisation"] if model.batch_norm else []
    numbers = {
        "noise": model.noise,
        "dropout": model.dropout,
        "max-norm": model.max_norm,
        "label smoothing": model.label_smoothing,
        "weight decay": model.weight_decay if model.solver == "adamw" else 0,
    }
    words += [f"{name} {_number(value)}" for name, value in numbers.items() if np.any(value)]
    words += [_words(component) for component in (model.averaging, model.adversary) if component is not None]
    return words + ([] if model.augmentation is None else [_words(model.augmentation, "")])


def _number(value: Any) -> str:
    """Return a number, or those of input and hidden layers; once, if they are all alike."""
    told = [f"{one:g}" for one in np.ravel(value)]
    if len(set(told)) > 1:
        return " ".join(told)
    return told[0] if np.ndim(value) == 0 else f"{told[0]} on input and hidden layers"


def _words(component: Any, name: str | None = None) -> str:
    """Return a small object in words: its name, and the parameters that are not its defaults."""
    if isinstance(component, str):
        return component.replace("_", "-")
    plain = {key: parameter.default for key, parameter in inspect.signature(type(component)).parameters.items()}
    given = {key: value for key, value in component.get_params().items() if value != plain[key]}
    told = ", ".join(key.replace("_", " ") if value is True else f"{key} {value}" for key, value in given.items())
    title = snake_case(type(component).__name__).replace("_", " ") if name is None else name
    return f"{title} ({told})" if title and told else title or told


def _title(name: str, recipe: Recipe) -> str:
    """Return what a recipe is called, with its file, and the words of the command that repeats it."""
    return f"[{recipe.title}]({name}.yaml), `recipes run {name}`"


def _row(name: str, recipe: Recipe, runs: Runs) -> list[str]:
    """Return the cells of a recipe."""
    title = _title(name, recipe)
    if not runs:
        return [title, "", describe_training(recipe), recipe.reported, "not run yet", ""]
    network, training = describe_network(recipe, runs), describe_training(recipe)
    return [title, network, training, recipe.reported, _reached(runs), _duration(runs)]


def _row_with_goal(name: str, recipe: Recipe, runs: Runs) -> list[str]:
    """Return the cells of a recipe that aims at something."""
    known = [_title(name, recipe), describe_training(recipe), recipe.reported, recipe.goal]
    title, training, *rest = known
    if not runs:
        return [title, "", training, *rest, "not run yet", "", ""]
    alone = describe_members(recipe, runs)
    return [title, describe_network(recipe, runs), training, *rest, describe_errors(runs), alone, _duration(runs)]


def describe_members(recipe: Recipe, runs: Runs) -> str:
    """Return the test error of an ensemble's networks: as of seeds, or of each of its recipes, in their order.

    Examples
    --------
    >>> members = [{"recipe": name, "test": {"error_rate": error}} for name, error in (("a", 0.005), ("b", 0.004))]
    >>> describe_members(Recipe("", "", "", of=("a", "b")), [{"members": members}])
    '0.50, 0.40 %'
    """
    members = [member for run in runs for member in run.get("members", [])]
    if recipe.of:
        errors = (
            mean(100 * one["test"]["error_rate"] for one in members if one["recipe"] == name) for name in recipe.of
        )
        return ", ".join(f"{error:.2f}" for error in errors) + " %"
    return f"{describe_errors(members, 'networks')}, {_duration(members)} each" if members else ""


def describe_errors(runs: Runs, of: str = "seeds") -> str:
    """Return the test error: mean over the seeds or so, standard deviation, best and worst.

    Examples
    --------
    >>> describe_errors([{"test": {"error_rate": error}} for error in (0.005, 0.0052, 0.0063)])
    '0.550 % +- 0.070 (0.50 to 0.63, 3 seeds)'
    >>> describe_errors([{"test": {"error_rate": 0.005}}])
    '0.50 % (one seed)'
    """
    percent = [100 * run["test"]["error_rate"] for run in runs]
    if len(percent) == 1:
        return f"{percent[0]:.2f} % (one seed)"
    spread = f"({min(percent):.2f} to {max(percent):.2f}, {len(percent)} {of})"
    return f"{mean(percent):.3f} % +- {stdev(percent):.3f} {spread}"


def _duration(runs: Runs) -> str:
    """Return how long training took, in the mean over the seeds or so; of an ensemble, all members together."""
    seconds = mean(run["seconds"] for run in runs)
    size, unit = next((size, unit) for least, size, unit in _UNITS if seconds >= least)
    return f"{seconds / size:.3g} {unit}"


_UNITS = ((7200, 3600, "h"), (600, 60, "min"), (0, 1, "s"))
"""From how many seconds on a time is told in which unit, and the seconds of that."""


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


def _choice(recipe: Recipe, trials: Mapping[str, Runs]) -> list[str]:
    """Return a table of the trials that a recipe was chosen from, and what else was tried."""
    chosen = recipe.chosen_trial()
    rows = [
        _row_of_trial(f"{name} (chosen)" if name == chosen else name, trials.get(name, [])) for name in recipe.trials
    ]
    headings = [f"{recipe.title}, chosen from", "validation error, %", "seeds", "training time"]
    tried = [textwrap.fill(f"{recipe.title}: {recipe.tried}", 120, break_on_hyphens=False)] if recipe.tried else []
    return [*([markdown_table(headings, rows)] if rows else []), *tried]


def _row_of_trial(setting: str, runs: Runs) -> list[str]:
    """Return the cells of a trial."""
    if not runs:
        return [setting, "not run yet", "", ""]
    percent = f"{_validation_error(runs):.3f}"
    if "without_averaging" in runs[0]:
        percent += f" ({_validation_error([run['without_averaging'] for run in runs]):.3f} of images as they are)"
    return [setting, percent, str(len(runs)), _duration(runs)]


def _validation_error(runs: Runs) -> float:
    return mean(100 * run["validation"]["error_rate"] for run in runs)


def _figure(value: float) -> str:
    return f"{value:.4f}"
