"""The command line: a command for each stage, ``run`` for all of them, ``predict`` for a model that is ready.

The bare ``--help`` needs neither NumPy nor scikit-learn. Whatever goes wrong reaches a person as one line and an exit
code: 1 failed, 2 wrong usage or wrong ``params.yaml``, 130 interrupted, 143 or 129 told to end (SIGTERM, SIGHUP).
Results go to the output, the rest to the error stream.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from dataclasses import asdict
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

import pipeline
from pipeline.files import check_replaceable, sweep, sweep_temporary, temporary_folder
from pipeline.locking import locking
from pipeline.parameters import ParameterError, closest, current_parameters, no_such, parameters_of
from pipeline.program import INTERRUPTED, command, explain_missing, work_begins
from pipeline.settings import (
    PARAMS,
    RECIPES,
    check_document,
    current_document,
    current_override,
    override,
    read_document,
    shipped,
)
from pipeline.stage_command import STAGES, StageCommand, stage_class
from pipeline.stages.base import MAKERS, MissingInputError, Stage, check_output
from pipeline.terminal import RichProgress, format_json, format_result, show, tell
from pipeline.text import printable

if TYPE_CHECKING:
    from pipeline.mlp.labels import Guess
    from pipeline.recipes.recipe import Recipe

ParamsOption = Annotated[
    Path | None,
    typer.Option(
        "--params",
        metavar="FILE",
        help=f"The file of parameters; {PARAMS} of this folder, or where there is none, the one of this program.",
    ),
]
ArtifactsOption = Annotated[
    Path, typer.Option("--artifacts", metavar="FOLDER", help="The folder that holds a folder for each stage.")
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Set a parameter as `dvc exp run -S` does: train.max_iter=5, +key=value, ~key. May be repeated.",
    ),
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait for another process that works in the same folder of artifacts.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document in the place of lines.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Leave a line for every epoch, as in a log.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


class Face(TyperGroup):
    """The group of all commands: it turns what goes wrong into one line and an exit code."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run a command, and leave with its exit code."""
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(words, *rest, **extra | {"standalone_mode": False})
        except Exception as error:
            if "--debug" in words:
                raise
            code = _report(error)
        if code == INTERRUPTED:
            tell("interrupted")
        sys.exit(code)


app = typer.Typer(
    cls=Face,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["--help", "-h"],
        "token_normalize_func": lambda word: word.replace("_", "-"),
    },
)


def main() -> None:
    """Run the command line."""
    app()


def _show_version(asked: bool) -> None:
    if asked:
        show(f"digits {pipeline.__version__}")
        raise typer.Exit


@app.callback()
def digits(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """From raw MNIST to an evaluated neural network, in five stages."""


def run_one(
    context: typer.Context,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    *,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - Face looks for the word
) -> None:
    """Run the stage that the command is named after: its options over the file of parameters over the defaults."""
    name = str(context.command.name)
    with _echoing_warnings():
        arguments = _check(_read_params(params), params or PARAMS, [name])
        given = current_parameters(stage_class(name), context.obj, "options")
    _run_stages({name: arguments[name] | given}, artifacts, wait=wait, as_json=as_json, verbose=verbose)


for _stage, (_, _line) in STAGES.items():
    app.command(_stage, cls=StageCommand, help=_line)(run_one)


@app.command()
def run(
    settings: SettingsOption = None,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    *,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - Face looks for the word
) -> None:
    """Run all five stages, always."""
    _run_stages(_read_arguments(params, settings), artifacts, wait=wait, as_json=as_json, verbose=verbose)


@app.command()
def predict(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Images: IDX files, raw or gzip, or .npy files; - is the standard input."
        ),
    ],
    model: Annotated[Path, typer.Option("--model", metavar="FILE", help="A model that `train` made.")] = Path(
        "artifacts/model/model.npz"
    ),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, with all probabilities.")] = False,
    debug: DebugOption = False,  # noqa: ARG001 - Face looks for the word
) -> None:
    """Tell the label of each image: number, label (or labels) and confidence; with several files, the file first."""
    if not model.exists():  # a killed process may have left its folder without a name
        sweep(model.absolute().parents[1], [model.absolute().parent.name])
    if not model.exists():
        raise MissingInputError(f"{model} is missing: {command('train')} makes it (`run` makes all)")
    from pipeline.data.images import read_images  # noqa: PLC0415 - for start-up time: the bare help needs no NumPy
    from pipeline.mlp.labels import as_text, guess, has_several  # noqa: PLC0415 - nor SciPy
    from pipeline.model_file import load_model  # noqa: PLC0415 - nor scikit-learn

    fitted = load_model(model)
    shape = getattr(getattr(fitted, "named_steps", {}).get("preprocess"), "image_shape_", None)
    images = [(file, read_images(file, fitted.n_features_in_, shape)) for file in files]  # all fit, before one is told
    several = has_several(fitted)
    found: Iterator[tuple[dict[str, str], Guess]] = (
        ({"file": str(file)} if len(files) > 1 else {}, one)
        for file, rows in images
        for first, probabilities in _predict_watchfully(fitted, rows, file)
        for one in guess(fitted.classes_, probabilities, several=several, first=first)
    )
    if as_json:
        commas = chain([""], repeat(", "))
        objects = (
            f"{comma}{_format_guess({**name, **one})}" for comma, (name, one) in zip(commas, found, strict=False)
        )
        _echo_all(chain(["["], objects, ["]\n"]))
    else:
        _echo_all(
            "  ".join([*map(printable, name.values()), str(one["number"]), as_text(one["label"])])
            + f"  {one['confidence']:.4f}\n"
            for name, one in found
        )


def _format_guess(guess: dict[str, Any]) -> str:
    """Return a guess as JSON: as a rule it is plain already, and to make it so takes five times as long."""
    try:
        return json.dumps(guess, allow_nan=False)
    except ValueError:  # probabilities that are no numbers, of a network that overflows
        return format_json(guess)


def _echo_all(texts: Iterator[str]) -> None:
    """Print texts one after another, many at once: each writing takes longer than the text."""
    while some := list(islice(texts, 4096)):
        typer.echo("".join(some), nl=False)


_NUMBERS = 2**20
"""Pixels, and probabilities, that are held at once by `predict`."""


def _predict_watchfully(model: Any, images: Any, file: Path) -> Iterator[tuple[int, Any]]:
    """Yield probabilities, some at a time with the number of the first; warn of images unlike those of training."""
    from pipeline.images.pixels import PixelRangeWarning  # noqa: PLC0415 - for start-up time
    from pipeline.images.statistics import unlike_training  # noqa: PLC0415 - the same

    told = unlike_training(model, images)
    if told:
        tell(f"warning: {file}: unlike the images of training: {'; '.join(told)}")
    said = set()
    step = max(1, min(4096, _NUMBERS // images.shape[1], _NUMBERS // len(model.classes_)))
    for start in range(0, len(images), step):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            probabilities = model.predict_proba(images[start : start + step])
        for one in caught:
            if not (told and issubclass(one.category, PixelRangeWarning)) and str(one.message) not in said:
                said.add(str(one.message))
                tell(f"warning: {file}: {one.message}")
        yield start, probabilities


@app.command()
def gradcheck(
    settings: SettingsOption = None,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    images: Annotated[int, typer.Option("--images", min=1, help="How many training images to look at.")] = 3,
    *,
    every: Annotated[bool, typer.Option("--all", help="Check every parameter: minutes for a large network.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - Face looks for the word
) -> None:
    """Compare backpropagation with numerical differentiation for the network that `train` configures.

    Of each array of parameters a sample is checked, the same in every run.
    """
    arguments = _read_arguments(params, settings)
    from pipeline import gradcheck as gradients  # noqa: PLC0415 - for start-up time

    fetch, preprocess, _, train, _ = (stage_class(name)(**values) for name, values in arguments.items())
    work_begins()
    with RichProgress() as progress, _saying_warnings(progress):
        X, y = gradients.training_images(artifacts, fetch, progress)
        some, labels = preprocess.fit(X).transform(X[:images]), sorted(set(y.tolist()))
        n_of_each = None if every else gradients.N_OF_EACH
        differences = gradients.check(train, some, y[:images], labels, progress, n_of_each=n_of_each)
    found = [asdict(one) for one in differences]
    show(format_json(found) if as_json else "\n".join(gradients.describe(differences)))
    gradients.demand_agreement(differences)


@app.command()
def recipe(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Which to run; without one, all are listed.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--recipes",
            metavar="FOLDER",
            help=f"Where they and their results are; {RECIPES}/ of this folder, or where that has none, results are "
            "there and recipes those of this program.",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FOLDER",
            help="Keep the artifacts of the last seed in FOLDER/NAME and, for ensembles of recipes, networks of all "
            "seeds; of trials, the networks, in FOLDER/trials.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="TRIAL", help="Run this trial alone. May be repeated.")
    ] = None,
    readme: Annotated[
        Path | None, typer.Option("--write-readme", metavar="FILE", help="Put the table between the markers of a file.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Run all.")] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Put the results of a recipe that was run again in the place of its earlier ones; where it has not "
            "been, run it.",
        ),
    ] = False,
    trials: Annotated[
        bool,
        typer.Option(
            "--trials",
            help="Run the trials that recipes were chosen from, on validation images alone; what is done is left out.",
        ),
    ] = False,
    table: Annotated[bool, typer.Option("--table", help="Print the table of all results as Markdown.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Run nothing; tell whether the results of two differ by more than chance.")
    ] = False,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - Face looks for the word
) -> None:
    """Train the network of an article for several seeds, and keep what it reached beside the recipe."""
    from pipeline.recipes.reading import read_recipes  # noqa: PLC0415 - for start-up time: the bare help needs no NumPy

    work_begins()
    source, results = _find_recipes(folder)
    recipes = read_recipes(source)
    for name in names or []:
        if name not in recipes:
            raise ParameterError(no_such("recipe", name, recipes, where=f" in {source}"))
    asked = {name: recipes[name] for name in (recipes if every else names or [])}
    if compare:
        if every or replace or trials or only or keep or table or readme:
            raise ParameterError("--compare takes the names of two recipes, and no other option but --recipes")
        _compare(results, asked, as_json=as_json)
        return
    _check_together(table=table, as_json=as_json, replace=replace, trials=bool(trials or only))
    _check_usage(asked, readme, runs=bool(replace or trials or only or keep))
    _check_places(results, asked, keep, readme, trials=bool(trials or only))
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # lines on the way, and at last one document
        if trials or only:
            made: dict[str, Any] = _run_trials(results, asked, only or [], keep)
        else:
            made = {
                name: _run_recipe(results, name, one, keep, replace=replace, wait=wait) for name, one in asked.items()
            }
    if table or readme:
        _publish(results, recipes, readme, table=table)
    if as_json:
        show(format_json(made or {name: {"title": one.title} for name, one in recipes.items()}))
    elif not (names or every or table or readme):
        width = 2 + max(map(len, recipes))
        show("\n".join(f"{name:<{width}}{printable(one.title)}" for name, one in recipes.items()))


def _check_together(*, table: bool, as_json: bool, replace: bool, trials: bool) -> None:
    """Raise where options exclude each other."""
    if as_json and table:
        raise ParameterError("--table prints Markdown, and --json JSON: take one of them")
    if replace and trials:
        raise ParameterError("--replace is for results of recipes, and cannot stand beside --trials or --only")


def _check_usage(asked: dict[str, "Recipe"], readme: Path | None, *, runs: bool) -> None:
    """Raise before any work where options want something that is not there."""
    from pipeline.recipes.results import check_readme  # noqa: PLC0415 - for start-up time

    if runs and not asked:
        raise ParameterError("--replace, --trials, --only and --keep take names of recipes, or --all; got none")
    if readme:
        check_readme(readme)


def _check_places(folder: Path, names: Iterable[str], keep: Path | None, readme: Path | None, *, trials: bool) -> None:
    """Raise before any work where something could not be written that is to be kept."""
    from pipeline.recipes.results import results_path, trials_path  # noqa: PLC0415 - for start-up time

    for name in names:
        path = (trials_path if trials else results_path)(folder, name)
        check_replaceable(path, "choose another folder with --recipes")
        if keep:
            check_replaceable(keep / ("trials" if trials else name) / "models", "choose another folder with --keep")
            for made in () if trials else MAKERS:
                check_output(keep / name, made, "--keep")
    if readme:
        check_replaceable(readme, "choose another file with --write-readme")


def _run_recipe(
    folder: Path, name: str, recipe: "Recipe", keep: Path | None, *, replace: bool, wait: bool
) -> list[dict[str, Any]]:
    """Run a recipe, print what every seed came to, keep and return it; seeds of an earlier run are left out."""
    from pipeline.recipes.kept import keep_model  # noqa: PLC0415 - for start-up time
    from pipeline.recipes.machine import describe_machine, environment  # noqa: PLC0415 - the same
    from pipeline.recipes.results import read_progress, replace_results, write_progress  # noqa: PLC0415 - the same
    from pipeline.recipes.running import run  # noqa: PLC0415 - the same

    runs = read_progress(folder, name, recipe, finished=replace)
    if runs:
        tell(f"{name}: goes on after {len(runs)} of {len(recipe.seeds)} seeds")
    with (
        temporary_folder() as scratch,
        _locked(keep / name if keep else scratch, wait=wait),
        RichProgress() as progress,
        _saying_warnings(progress),
    ):
        artifacts = keep / name if keep else scratch
        for one in run(recipe, artifacts, progress, after=len(runs), kept=keep):
            figures = {"test accuracy": one["test"]["accuracy"], "updates": one["updates"], "seconds": one["seconds"]}
            show(format_result(f"{name}, seed {one['seed']}", figures))
            if keep and not (recipe.members or recipe.of):
                keep_model(keep, name, recipe, one["seed"], artifacts / "model" / "model.npz", one)
            runs.append(one | {"machine": describe_machine(environment())})  # another may have trained those before
            place = write_progress(folder, name, recipe, runs, environment())
    if replace:
        replace_results(folder, name, recipe)
    elif place.name != f"{name}.results.json":
        tell(f"{name}: earlier results stay; these are in {place}, and --replace puts them there")
    return runs


def _run_trials(folder: Path, recipes: dict[str, "Recipe"], only: list[str], keep: Path | None) -> dict[str, Any]:
    """Run the trials of some recipes, all or some, and return what all of each recipe's came to."""
    from pipeline.recipes.results import read_trials  # noqa: PLC0415 - for start-up time
    from pipeline.recipes.running import run_trial  # noqa: PLC0415 - the same

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
                one = trials[trial]
                train = partial(run_trial, one, scratch, name=name, kept=keep and keep / "trials")
                _run_trial(folder, name, recipes[name], trial, one, train)
    return {name: dict(read_trials(folder, name, recipe)) for name, recipe in recipes.items()}


def _run_trial(
    folder: Path, name: str, recipe: "Recipe", trial: str, one: "Recipe", train: Callable[..., Iterator[dict[str, Any]]]
) -> None:
    """Run the seeds of a trial that have not been run yet, print what each came to, and keep it."""
    from pipeline.recipes.machine import environment  # noqa: PLC0415 - for start-up time
    from pipeline.recipes.results import read_trials, write_trials  # noqa: PLC0415 - the same

    done = [run["seed"] for run in read_trials(folder, name, recipe)[trial]]
    if done:
        tell(f"{name}, {trial}: {len(done)} of {len(one.seeds)} seeds are done already")
    with RichProgress() as progress, _saying_warnings(progress):
        for made in train(progress, without=done):
            figures = {"validation error": made["validation"]["error_rate"], "updates": made["updates"]}
            show(format_result(f"{name}, {trial}, seed {made['seed']}", figures | {"seconds": made["seconds"]}))
            runs = read_trials(folder, name, recipe)  # anew: another process may have added to them
            runs[trial].append(made)
            write_trials(folder, name, recipe, runs, environment())


def _compare(folder: Path, recipes: dict[str, "Recipe"], *, as_json: bool) -> None:
    """Tell the test errors of two recipes, and how likely chance alone makes such a difference."""
    from pipeline.recipes.comparison import check, compare, describe_comparison, errors  # noqa: PLC0415 - for start-up time
    from pipeline.recipes.results import read_results  # noqa: PLC0415 - the same
    from pipeline.recipes.table import describe_errors  # noqa: PLC0415 - the same

    if len(recipes) != 2:
        raise ParameterError(f"--compare takes the names of two recipes; got {', '.join(recipes) or 'none'}")
    runs = {name: read_results(folder, name, one) for name, one in recipes.items()}
    check({name: (one, runs[name]) for name, one in recipes.items()})
    (one, other), found = runs, compare(*runs.values())
    if as_json:
        figures = {name: errors(each) for name, each in runs.items()}
        show(format_json({"error_rate": figures, **asdict(found)}))
        return
    for name, each in runs.items():
        show(f"{name}: test error {describe_errors(each)}")
    show(describe_comparison(one, other, found))


def _publish(folder: Path, recipes: dict[str, "Recipe"], readme: Path | None, *, table: bool) -> None:
    """Make the table of what all recipes have reached, and print it or write it down."""
    from pipeline.recipes.results import make_table, write_readme  # noqa: PLC0415 - for start-up time

    text = make_table(folder, recipes)
    if table:
        show(text)
    if readme:
        write_readme(readme, text)


def _read_params(params: Path | None) -> dict[str, Any]:
    """Read the file of parameters, and say so where it is the one that comes with the program."""
    if params is None and not PARAMS.exists():
        tell(f"there is no {PARAMS} here: the parameters are {_ours()}; --params FILE names others")
    return read_document(params)


def _ours() -> str:
    return f"those that come with digits-pipeline {pipeline.__version__}"


def _find_recipes(folder: Path | None) -> tuple[Path, Path]:
    """Return the folder of recipes and that of their results, and say so where the recipes come with the program."""
    if folder is not None:
        return folder, folder
    if any(RECIPES.glob("*.yaml")):
        return RECIPES, RECIPES
    tell(f"there are no {RECIPES}/*.yaml here: the recipes are {_ours()}; results are in {RECIPES}/")
    return shipped(RECIPES), RECIPES


def _read_arguments(params: Path | None, settings: list[str] | None) -> dict[str, dict[str, Any]]:
    """Read the file of parameters, lay ``--set`` over it, and check all."""
    constructors = {name: stage_class(name) for name in STAGES}
    with _echoing_warnings():
        document = current_document(_read_params(params), constructors, params or PARAMS)
        _check(document, params or PARAMS)  # before it is changed, so that a slip in the file is told as the file's
        for text in settings or []:
            document = override(document, current_override(text, constructors))
        return _check(document, "--set")


def _check(document: dict[str, Any], where: object, names: Iterable[str] = STAGES) -> dict[str, dict[str, Any]]:
    """Check the sections of some stages, and the names of all.

    A stage that runs alone looks into its own section alone: it then imports no other stage, and so depends on none.
    """
    return check_document(document, {name: stage_class(name) for name in names}, where, sections=STAGES)


def _run_stages(
    arguments: dict[str, dict[str, Any]], artifacts: Path, *, wait: bool, as_json: bool, verbose: bool
) -> None:
    """Run stages one after another, and print what each has done."""
    stages: dict[str, Stage] = {name: stage_class(name)(**arguments[name]) for name in arguments}
    results: dict[str, Any] = {}
    work_begins()
    sweep_temporary()
    if len(stages) > 1:  # a stage that runs alone looks by itself, once its input is there
        for stage in stages.values():
            stage.check_output(artifacts)
    _say_what_dvc_needs(artifacts / stage.writes for stage in stages.values())
    together = _locked(artifacts, wait=wait) if len(stages) > 1 else nullcontext()
    with together:
        for name, stage in stages.items():
            quiet = redirect_stdout(sys.stderr) if as_json else nullcontext()  # an estimator may print, if told to
            with RichProgress(verbose=verbose) as progress, _saying_warnings(progress), quiet:
                results[name] = stage.run(artifacts, progress, wait=wait)
            if not as_json:
                show(format_result(name, results[name]))
    if as_json:
        show(format_json(results))


def _locked(folder: Path, *, wait: bool) -> AbstractContextManager[None]:
    """Keep other processes from a folder of artifacts, from the first stage to the last."""
    return locking(folder, wait=wait, say=tell)


def _say_what_dvc_needs(folders: Iterable[Path]) -> None:
    """Say which folders that are about to be written DVC will put back, and what a kill of it has left damaged.

    Where it is DVC that runs the stage, there is nothing to say.
    """
    if "DVC_STAGE" in os.environ:
        return
    from pipeline.tracking import damaged_lock, tracked_by_dvc  # noqa: PLC0415 - what DVC runs does not depend on it

    tracked = [str(folder) for folder in tracked_by_dvc(folders)]
    if tracked:
        tell(
            f"warning: DVC tracks {', '.join(tracked)}, and `dvc repro` may put back what was there; --artifacts "
            "FOLDER writes elsewhere",
        )
    if damage := damaged_lock():
        tell(f"warning: {damage}")


@contextmanager
def _echoing_warnings() -> Iterator[None]:
    """Have each warning told in a line of its own."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: typer.echo(f"warning: {message}", err=True)
        yield


@contextmanager
def _saying_warnings(progress: RichProgress) -> Iterator[None]:
    """Have each warning told in a line of its own, above the bars."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: progress.say(f"warning: {message}")
        yield


def _report(error: Exception) -> int:
    """Say in one line what went wrong, and return the exit code."""
    message = _explain_usage(error) if isinstance(error, typer.TyperException) else _explain(error)
    if message:  # `digits` alone has shown the help already
        tell(f"error: {message}")
    return 2 if isinstance(error, ParameterError) else getattr(error, "exit_code", 1)


def _explain_usage(error: typer.TyperException) -> str:
    """Return what was wrong in how a command was typed, and what may have been meant."""
    option, context = getattr(error, "option_name", ""), getattr(error, "ctx", None)
    if not option or not hasattr(error, "possibilities"):
        return error.format_message()
    message = f"No such option: {option}"
    name = option.lstrip("-").replace("-", "_")
    options = {word for one in context.command.get_params(context) for word in one.opts} if context else set()
    if "--set" in options:
        homes = [stage for stage in STAGES if name in parameters_of(stage_class(stage))]
        if homes:
            return f"{message}; did you mean --set {homes[-1]}.{name}=VALUE?"
    near = closest(option, options)
    return f"{message}; did you mean {near}?" if near else message


def _explain(error: Exception) -> str:
    """Return an error's message; with its kind, where the message alone would be a riddle."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return explain_missing(error)
    ours = type(error).__module__.startswith("pipeline.")
    speaks = ours or isinstance(error, ValueError | OSError | ImportError)
    return str(error) if speaks and str(error) else f"{type(error).__name__}: {error}".removesuffix(": ")
