"""What the commands of ``recipes`` do: they read, run and compare, and print what comes of it."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.artifacts import MAKERS, network_path
from pipeline.cli.arguments import ours
from pipeline.cli.options import check_workers
from pipeline.cli.params_file import RECIPES, shipped
from pipeline.cli.terminal import RichProgress, format_json, format_result, saying_warnings, show, tell
from pipeline.files import check_replaceable, temporary_folder
from pipeline.locking import locking
from pipeline.parameters import ParameterError, no_such
from pipeline.program import work_begins
from pipeline.recipes.comparison import check, compare, describe_comparison, errors
from pipeline.recipes.machine import describe_machine, environment
from pipeline.recipes.model_cache import cache_model
from pipeline.recipes.parallel import run_on, run_trial_on
from pipeline.recipes.reading import read_recipes
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.results import (
    check_readme,
    make_table,
    read_progress,
    read_results,
    read_trials,
    replace_results,
    results_path,
    trials_path,
    write_progress,
    write_readme,
    write_trials,
)
from pipeline.recipes.running import run, run_trial
from pipeline.recipes.table import describe_errors
from pipeline.stages.base import check_output
from pipeline.text import printable
from pipeline.workers import Workers


@dataclass(frozen=True)
class OpenedRecipes:
    """The recipes of a folder.

    Parameters
    ----------
    source : Path
        The folder of the recipes.
    results : Path
        The folder of their results.
    recipes : dict of Recipe
        All of them, by name.
    """

    source: Path
    results: Path
    recipes: dict[str, Recipe]

    def select(self, names: list[str] | None, *, every: bool = False) -> dict[str, Recipe]:
        """Return some recipes by their names, or all.

        Raises
        ------
        ParameterError
            For an unknown name, or none.
        """
        for name in names or []:
            if name not in self.recipes:
                raise ParameterError(no_such("recipe", name, self.recipes, where=f" in {self.source}"))
        if not (every or names):
            raise ParameterError("names of recipes, or --all, must be given; got none")
        return {name: self.recipes[name] for name in (self.recipes if every else names or [])}


def open_recipes(folder: Path | None) -> OpenedRecipes:
    """Read all recipes of a folder; without one, say so where the recipes come with the program."""
    work_begins()
    if folder is None and any(RECIPES.glob("*.yaml")):
        folder = RECIPES
    if folder is not None:
        return OpenedRecipes(folder, folder, read_recipes(folder))
    tell(f"there are no {RECIPES}/*.yaml here: the recipes are {ours()}; results are in {RECIPES}/")
    return OpenedRecipes(shipped(RECIPES), RECIPES, read_recipes(shipped(RECIPES)))


def workers_of(n_jobs: int | None, scheduler: str | None) -> Workers | None:
    """Return what seeds are trained on side by side; None where they are trained one after another, here.

    Raises
    ------
    ParameterError
        Where both processes and a cluster are asked for.
    """
    check_workers("--jobs", n_jobs, scheduler)
    return Workers(n_jobs, scheduler) if scheduler is not None or (n_jobs or 1) > 1 else None


def tell_titles(opened: OpenedRecipes, *, as_json: bool) -> None:
    """Print the names of all recipes, with their titles."""
    titles = {name: one.title for name, one in opened.recipes.items()}
    if as_json:
        show(format_json({name: {"title": title} for name, title in titles.items()}))
        return
    width = 2 + max(map(len, titles))
    show("\n".join(f"{name:<{width}}{printable(title)}" for name, title in titles.items()))


def run_recipes(
    opened: OpenedRecipes,
    asked: dict[str, Recipe],
    keep: Path | None,
    *,
    workers: Workers | None = None,
    replace: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Run recipes one after another, their seeds side by side on workers, once all places are known to be writable."""
    folder = opened.results
    _check_replaceable(results_path(folder, name) for name in asked)
    if keep:
        for name in asked:
            _check_keep(keep, name)
            for stage in MAKERS:
                check_output(keep / name, stage, "--keep")
    with _lines_aside(as_json):
        made = {
            name: _run_recipe(folder, name, one, keep, workers, replace=replace, wait=wait)
            for name, one in asked.items()
        }
    if as_json:
        show(format_json(made))


def _lines_aside(as_json: bool) -> AbstractContextManager[Any]:
    """Send lines to the error stream, where one document goes to the output at last."""
    return redirect_stdout(sys.stderr) if as_json else nullcontext()


def _check_replaceable(paths: Iterable[Path]) -> None:
    for path in paths:
        check_replaceable(path, "choose another folder with --recipes")


def _check_keep(keep: Path, name: str) -> None:
    check_replaceable(keep / name / "models", "choose another folder with --keep")


def _run_recipe(
    folder: Path,
    name: str,
    recipe: Recipe,
    keep: Path | None,
    workers: Workers | None,
    *,
    replace: bool,
    wait: bool,
) -> list[dict[str, Any]]:
    """Run a recipe, print what every seed came to, keep and return it; seeds of an earlier run are left out."""
    runs = {one["seed"]: one for one in read_progress(folder, name, recipe, finished=replace)}
    if runs:
        tell(f"{name}: goes on after {len(runs)} of {len(recipe.seeds)} seeds")
    untold = [seed for seed in recipe.seeds if seed not in runs]
    with (
        temporary_folder() as scratch,
        locking(keep / name if keep else scratch, wait=wait, say=tell),
        RichProgress() as progress,
        saying_warnings(progress),
    ):
        artifacts = keep / name if keep else scratch
        for one in _run_seeds(name, recipe, artifacts, progress, workers, without=list(runs), keep=keep):
            runs[one["seed"]] = one
            while untold and untold[0] in runs:  # in the order of the seeds, whichever is done first
                show(_describe_seed(name, runs[untold.pop(0)]))
            in_order = [runs[seed] for seed in recipe.seeds if seed in runs]
            place = write_progress(folder, name, recipe, in_order, environment())
    if replace:
        replace_results(folder, name, recipe)
    elif place.name != f"{name}.results.json":
        tell(f"{name}: earlier results stay; these are in {place}, and --replace puts them there")
    return [runs[seed] for seed in recipe.seeds]


def _run_seeds(
    name: str,
    recipe: Recipe,
    artifacts: Path,
    progress: RichProgress,
    workers: Workers | None,
    *,
    without: list[int],
    keep: Path | None,
) -> Iterator[dict[str, Any]]:
    """Yield what the seeds of a recipe came to and on which machine, for another may train others; keep networks."""
    if workers is not None:
        yield from run_on(workers, name, recipe, artifacts, progress, without=without, keep=keep)
        return
    for one in run(recipe, artifacts, progress, without=without, cache=keep):
        if keep and not (recipe.members or recipe.of):
            cache_model(keep, name, recipe, one["seed"], network_path(artifacts), one)
        yield one | {"machine": describe_machine(environment(), one.get("engine", "numpy"))}


def _describe_seed(name: str, one: dict[str, Any]) -> str:
    """Return what a seed came to, in a line."""
    figures = {"test accuracy": one["test"]["accuracy"], "updates": one["updates"], "seconds": one["seconds"]}
    return format_result(f"{name}, seed {one['seed']}", figures)


def run_trials(
    opened: OpenedRecipes,
    asked: dict[str, Recipe],
    only: list[str],
    keep: Path | None,
    *,
    workers: Workers | None = None,
    as_json: bool,
) -> None:
    """Run the trials of some recipes, all or some, once all places are known to be writable."""
    _check_replaceable(trials_path(opened.results, name) for name in asked)
    if keep:
        _check_keep(keep, "trials")
    with _lines_aside(as_json):
        made = _run_trials(opened.results, asked, only, keep, workers)
    if as_json:
        show(format_json(made))


def _run_trials(
    folder: Path, recipes: dict[str, Recipe], only: list[str], keep: Path | None, workers: Workers | None
) -> dict[str, Any]:
    """Run the trials of some recipes, and return what all of each recipe's came to."""
    known = {name: one.trial_recipes() for name, one in recipes.items()}
    for name, trials in known.items():
        for trial in only:
            if trial not in trials:
                raise ParameterError(f"{name}: {no_such('trial', trial, trials)}")
        if not trials:
            tell(f"{name} has no trials")
    with temporary_folder() as scratch:  # one for all: trials may share networks
        for name, trials in known.items():
            for trial in only or trials:
                one, cache = trials[trial], keep and keep / "trials"
                train = (
                    partial(run_trial, one, scratch, name=name, cache=cache)
                    if workers is None
                    else partial(run_trial_on, workers, name, one, scratch, cache=cache)
                )
                _run_trial(folder, name, recipes[name], trial, one, train)
    return {name: dict(read_trials(folder, name, recipe)) for name, recipe in recipes.items()}


def _run_trial(
    folder: Path, name: str, recipe: Recipe, trial: str, one: Recipe, train: Callable[..., Iterator[dict[str, Any]]]
) -> None:
    """Run the seeds of a trial that have not been run yet, print what each came to, and keep it."""
    done = [run["seed"] for run in read_trials(folder, name, recipe)[trial]]
    if done:
        tell(f"{name}, {trial}: {len(done)} of {len(one.seeds)} seeds are done already")
    untold, here = [seed for seed in one.seeds if seed not in done], {}
    with RichProgress() as progress, saying_warnings(progress):
        for made in train(progress, without=done):
            here[made["seed"]] = made
            while untold and untold[0] in here:  # in the order of the seeds, whichever is done first
                show(_describe_trial(name, trial, here[untold.pop(0)]))
            runs = read_trials(folder, name, recipe)  # anew: another process may have added to them
            runs[trial].append(made)
            write_trials(folder, name, recipe, runs, environment())


def _describe_trial(name: str, trial: str, made: dict[str, Any]) -> str:
    """Return what a seed of a trial came to, in a line."""
    figures = {"validation error": made["validation"]["error_rate"], "updates": made["updates"]}
    return format_result(f"{name}, {trial}, seed {made['seed']}", figures | {"seconds": made["seconds"]})


def compare_two(opened: OpenedRecipes, asked: dict[str, Recipe], *, as_json: bool) -> None:
    """Tell the test errors of two recipes, and how likely chance alone makes such a difference."""
    runs = {name: read_results(opened.results, name, one) for name, one in asked.items()}
    check({name: (one, runs[name]) for name, one in asked.items()})
    (one, other), found = runs, compare(*runs.values())
    if as_json:
        figures = {name: errors(each) for name, each in runs.items()}
        show(format_json({"error_rate": figures, **asdict(found)}))
        return
    for name, each in runs.items():
        show(f"{name}: test error {describe_errors(each)}")
    show(describe_comparison(one, other, found))


def publish(opened: OpenedRecipes, readme: Path | None) -> None:
    """Make the table of what all recipes have reached, and print it, or write it into a file."""
    if readme:
        check_readme(readme)
        check_replaceable(readme, "choose another file with --write")
    text = make_table(opened.results, opened.recipes)
    if readme:
        write_readme(readme, text)
    else:
        show(text)
