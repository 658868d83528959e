"""What recipes have reached, kept beside them, and the table in their README that is made of it.

For ``NAME.yaml``, ``NAME.results.json`` has what its seeds came to, and ``NAME.trials.json`` what it was chosen from.
``NAME.again.results.json`` has what came of a recipe that was run again.
What comes of ``documents`` is there whole or not at all.
"""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from pipeline.parameters import ParameterError
from pipeline.recipes.documents import plain, read_document, write_document, write_text
from pipeline.recipes.machine import describe_machine
from pipeline.recipes.markdown import between_markers
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.renamed import current_settings
from pipeline.recipes.shapes import ENVIRONMENT, RUN, TRIAL, check
from pipeline.recipes.table import BEGIN, END, Runs, table
from pipeline.text import shown

_AGAIN = ".again"
"""What the name of a recipe has behind it while it is run anew."""


def results_path(folder: Path, name: str) -> Path:
    """Return where the results of a recipe are stored."""
    return folder / f"{name}.results.json"


def write_results(folder: Path, name: str, recipe: Recipe, runs: Runs, environment: dict[str, Any]) -> None:
    """Keep what all seeds of a recipe came to, with the settings and the machine that gave it."""
    document = {"environment": environment, "runs": runs, "settings": recipe.settings()}
    write_document(results_path(folder, name), document)


def read_results(folder: Path, name: str, recipe: Recipe) -> Runs:
    """Return what all seeds came to; nothing, where the recipe has not been run as it stands now."""
    runs: Runs = _read(folder, name, recipe).get("runs", [])
    return runs


def read_progress(folder: Path, name: str, recipe: Recipe, *, finished: bool = False) -> Runs:
    """Return what the seeds came to of a run that has not come to its end; nothing, where one is to begin.

    Parameters
    ----------
    folder, name, recipe
        Where results are, the recipe's name, and the recipe.
    finished : bool
        Whether a run beside earlier results counts when it has come to its end, too.
    """
    runs, all_seeds = read_results(folder, name, recipe), len(recipe.seeds)
    if len(runs) < all_seeds:
        return runs
    again = read_results(folder, f"{name}{_AGAIN}", recipe)
    return again if finished or len(again) < all_seeds else []


def write_progress(folder: Path, name: str, recipe: Recipe, runs: Runs, environment: dict[str, Any]) -> Path:
    """Keep what the first seeds of a run came to, and return where; earlier results of all seeds stay as they are."""
    whole = len(read_results(folder, name, recipe)) == len(recipe.seeds)
    place = f"{name}{_AGAIN}" if whole else name
    write_results(folder, place, recipe, runs, environment)
    return results_path(folder, place)


def replace_results(folder: Path, name: str, recipe: Recipe) -> None:
    """Let the run of all seeds that stands beside earlier results take their place, where there is one."""
    again = f"{name}{_AGAIN}"
    if len(read_results(folder, again, recipe)) == len(recipe.seeds):
        results_path(folder, again).replace(results_path(folder, name))


def trials_path(folder: Path, name: str) -> Path:
    """Return where the results of a recipe's trials are stored."""
    return folder / f"{name}.trials.json"


def write_trials(
    folder: Path, name: str, recipe: Recipe, runs: Mapping[str, Runs], environment: dict[str, Any]
) -> None:
    """Keep what the seeds of each trial came to, with its settings, and the machine of the last.

    What is there of other settings and seeds stays: they may be those of a recipe that is being written.
    """
    path, trials = trials_path(folder, name), recipe.trial_recipes()
    stored = _read_stored_trials(path)
    for trial, each in runs.items():
        if each:
            settings = plain(trials[trial].predicting())
            alike = [other for other, one in stored.items() if one["settings"] == settings]
            before = [run for other in alike for run in stored.pop(other)["runs"]]
            if trial in stored:  # of other settings
                stored[_free_name(trial, stored)] = stored.pop(trial)
            by_seed = {run["seed"]: run for run in [*before, *each]}
            order = {seed: place for place, seed in enumerate(trials[trial].seeds)}  # whichever was done first
            stored[trial] = {
                "settings": settings,
                "runs": sorted(by_seed.values(), key=lambda run: order.get(run["seed"], len(order))),
            }
    write_document(path, {"environment": environment, "trials": stored})


def _free_name(trial: str, stored: Mapping[str, Any]) -> str:
    return next(name for number in count(1) if (name := f"{trial} ({number} before)") not in stored)


def read_trials(folder: Path, name: str, recipe: Recipe) -> dict[str, Runs]:
    """Return for every trial what its seeds came to; nothing, where it has not been run as it stands now.

    Another name for a trial is no change.
    """
    stored = _read_stored_trials(trials_path(folder, name)).values()
    runs = {}
    for trial, one in recipe.trial_recipes().items():
        settings = plain(one.predicting())
        by_seed = {run["seed"]: run for each in stored if each["settings"] == settings for run in each["runs"]}
        runs[trial] = [by_seed[seed] for seed in one.seeds if seed in by_seed]
    return runs


def read_machine(folder: Path, name: str, recipe: Recipe) -> str:
    """Return what gave the results, and where seeds were trained on several, all; nothing, where there are none."""
    document = _read(folder, name, recipe)
    if not document.get("environment"):
        return ""
    last = describe_machine(document["environment"])
    return "; ".join(dict.fromkeys(run.get("machine", last) for run in document["runs"]))  # older runs know none


def make_table(folder: Path, recipes: Mapping[str, Recipe]) -> str:
    """Return the tables of all recipes of a folder with their results."""
    machines = {name: read_machine(folder, name, recipe) for name, recipe in recipes.items() if recipe.goal}
    return table(
        {name: (one, read_results(folder, name, one)) for name, one in recipes.items()},
        {name: machine for name, machine in machines.items() if machine},
        {name: read_trials(folder, name, one) for name, one in recipes.items()},
    )


def check_readme(path: Path) -> None:
    """Raise where a text could not be put into a README, before any work is done."""
    wanted = f"--write must be a file with {BEGIN} in it, and {END} after that"
    if not path.is_file():
        raise ParameterError(f"{wanted}; there is no {path}")
    try:
        between_markers(path.read_text(encoding="utf-8"), BEGIN, END, "")
    except ValueError as error:
        raise ParameterError(f"{wanted}; {path} is none") from error


def write_readme(path: Path, text: str) -> None:
    """Put a text between the markers of a README.

    Raises
    ------
    ValueError
        Where it has no markers.
    """
    write_text(path, between_markers(path.read_text(encoding="utf-8"), BEGIN, END, text))


def _read(folder: Path, name: str, recipe: Recipe) -> dict[str, Any]:
    """Return the document of results, or nothing where there is none of the recipe as it stands now."""
    path = results_path(folder, name)
    document = read_document(path)
    if current_settings(path, document.get("settings")) != plain(recipe.settings()):
        return {}
    check(path, document, {"runs": [RUN]})
    if document.get("environment"):
        check(path, document["environment"], ENVIRONMENT, "environment")
    for number, run in enumerate(document["runs"]):
        _check_run(path, recipe, run, document["runs"][0], f"runs[{number}]")
    return document


def _check_run(path: Path, recipe: Recipe, run: Mapping[str, Any], first: Mapping[str, Any], where: str) -> None:
    """Raise where a run lacks what its recipe gives, or has not as long a history as the first."""
    if not recipe.of:
        check(path, run, {"layers": _anything}, where)
    for name in recipe.reported_by_epoch:
        check(path, run, {"history": {name: _anything}}, where)
        if len(run["history"][name]) != len(first["history"][name]):
            raise ParameterError(f"{path} is damaged: {where}.history.{name} is not as long as the first run's")
    for number, member in enumerate(run.get("members", []) if recipe.of else ()):
        check(path, member, {"recipe": recipe.of.__contains__}, f"{where}.members[{number}]")
    told = {member["recipe"] for member in run.get("members", [])} if recipe.of else set()
    if told != set(recipe.of):
        raise ParameterError(f"{path} is damaged: {where}.members must be of {', '.join(recipe.of)}")


def _anything(_: Any) -> bool:
    return True


def _read_stored_trials(path: Path) -> dict[str, Any]:
    """Return all that is stored of trials, by their names."""
    stored: dict[str, Any] = read_document(path).get("trials", {})
    check(path, stored, {}, "trials")
    for name, one in stored.items():
        check(path, one, {"settings": _anything, "runs": [TRIAL]}, f"trials: {shown(name, 50)}")
    return {name: one | {"settings": current_settings(path, one["settings"])} for name, one in stored.items()}
