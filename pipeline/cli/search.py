"""``search``: candidates of the section ``search``, what each came to, and the best into ``params.yaml``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.artifacts import DEFAULT_ARTIFACTS
from pipeline.cli.arguments import check_arguments, read_settings
from pipeline.cli.options import (
    ArtifactsOption,
    DebugOption,
    JsonOption,
    ParamsOption,
    SettingsOption,
    WaitOption,
    check_workers,
)
from pipeline.cli.params_file import PARAMS, SEARCH, check_apply, with_values, write_values
from pipeline.cli.terminal import RichProgress, format_json, saying_warnings, show, tell
from pipeline.parameters import ParameterError
from pipeline.program import work_begins

commands = typer.Typer()

METHODS = ("random", "grid", "halving", "optuna")
RESOURCES = ("epochs", "samples")
_SHOWN = 10

MethodOption = Annotated[str, typer.Option("--method", metavar="|".join(METHODS), help="How candidates are chosen.")]


@commands.command("search")
def search(
    settings: SettingsOption = None,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    method: MethodOption = "random",
    n_candidates: Annotated[
        int, typer.Option("--n-candidates", min=1, help="How many are drawn; a grid has its own number.")
    ] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What they are drawn by.")] = 0,
    cv: Annotated[
        int | None,
        typer.Option("--cv", min=2, help="Folds of cross-validation, in the place of the rows that split holds back."),
    ] = None,
    n_jobs: Annotated[
        int | None, typer.Option("--n-jobs", min=1, help="Processes; one for each core if left out.")
    ] = None,
    resource: Annotated[
        str | None,
        typer.Option(
            "--resource", metavar="|".join(RESOURCES), help="What halving gives the best more of; epochs if left out."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Work on the Dask cluster of this scheduler instead."),
    ] = None,
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the best candidate into the file of parameters.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the results that are there, and begin anew.")
    ] = False,
    experiments: Annotated[
        bool, typer.Option("--experiments", help="Have DVC run every finished candidate again, as an experiment.")
    ] = False,
    no_pruning: Annotated[
        bool, typer.Option("--no-pruning", help="Train every candidate of optuna to its end, however badly it does.")
    ] = False,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Search for better parameters of the network, on all cores or on a Dask cluster; interrupted, it goes on.

    What varies is the section `search` of the file of parameters: `train.dropout: [0, 0.2]`, or
    `train.learning_rate_init: {low: 0.001, high: 0.1, log: true}`; without it, the width of the network, its rate, its
    batches and its regularization do. The rows that `split` holds back decide. Tables are in the folder `search` of the
    artifacts; the same command goes on where one was interrupted.
    """
    _check_choice("--method", method, METHODS)
    if resource is not None:
        _check_choice("--resource", resource, RESOURCES)
        if method != "halving":
            raise ParameterError(f"--resource is for --method halving; got --method {method}")
    check_workers("--n-jobs", n_jobs, scheduler)
    home = params or PARAMS
    if apply:
        check_apply(home)
    if experiments:
        _check_experiments(params, artifacts)
    asked = _read(params, settings, home)

    from pipeline.search.running import Search  # noqa: PLC0415 - for start-up time
    from pipeline.workers import Workers  # noqa: PLC0415 - the same

    work = Search(
        **asked,
        method=method,  # type: ignore[arg-type]  # checked
        n_candidates=n_candidates,
        seed=seed,
        cv=cv,
        prune=not no_pruning,
        resource=resource or RESOURCES[0],  # type: ignore[arg-type]  # checked
    )
    work_begins()
    with RichProgress() as progress, saying_warnings(progress):
        trials = work.run(artifacts, Workers(n_jobs, scheduler), progress, again=replace, wait=wait)
    _tell(trials, work.space, artifacts, home if apply else None, as_json=as_json)
    if experiments:
        _keep_experiments(trials, settings or [])


def _check_choice(option: str, given: str, allowed: Sequence[str]) -> None:
    """Raise where an option is none of its words."""
    if given not in allowed:
        raise typer.BadParameter(f"expected one of {', '.join(allowed)}; got {given}", param_hint=option)


def _read(params: Path | None, settings: list[str] | None, home: Path) -> dict[str, Any]:
    """Read what varies and what does not, and check both against the constructors."""
    document = read_settings(params, settings)
    check_arguments(document, "--set")
    from pipeline.search.space import SECTIONS, read_space  # noqa: PLC0415 - for start-up time

    where = f"{home}: {SEARCH}"
    space = read_space(document.get(SEARCH), where)

    def arguments_of(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return check_arguments(with_values(document, values), where, SECTIONS)

    for name, one in space.items():
        for value in one.extremes:
            try:
                arguments_of({name: value})
            except ParameterError as error:
                raise ParameterError(f"{where}: {name}: {str(error).removeprefix(f'{where}: ')}") from None
    varying = with_values(document, dict.fromkeys(space))  # so that the best may be applied, and the search goes on
    fixed = {name: varying.get(name) or {} for name in SECTIONS}
    return {"space": space, "arguments_of": arguments_of, "fixed": fixed}


def _check_experiments(params: Path | None, artifacts: Path) -> None:
    """Raise where DVC could not run candidates, before any work is done."""
    if params is not None or artifacts != DEFAULT_ARTIFACTS:
        raise ParameterError("--experiments is for params.yaml and artifacts/, which DVC knows: leave out the others")
    from pipeline.cli.search_experiments import check_dvc  # noqa: PLC0415 - an extra

    check_dvc()


def _keep_experiments(trials: Sequence[Any], settings: list[str]) -> None:
    """Have DVC keep the candidates that can be run as the search ran them."""
    from pipeline.cli.search_experiments import keep_experiments, to_keep  # noqa: PLC0415 - an extra

    finished = to_keep(trials)
    with RichProgress() as progress:
        names = keep_experiments(finished, settings, progress)
    tell(f"`dvc exp show` lists {len(names)} candidates, the best as {names[0]}")


def _tell(trials: Sequence[Any], space: dict[str, Any], artifacts: Path, home: Path | None, *, as_json: bool) -> None:
    """Print what was found, and write the best where that is asked for."""
    from pipeline.search.store import FOLDER, RESULTS  # noqa: PLC0415 - for start-up time
    from pipeline.search.table import best_of, importances  # noqa: PLC0415 - the same

    best, found = best_of(trials), importances(trials, space)
    if best is None:
        reasons = sorted({str(trial.result["reason"]) for trial in trials if trial.result["reason"]})
        raise ParameterError(f"no candidate was finished; {reasons[0] if reasons else 'all were pruned'}")
    if as_json:
        show(format_json(_as_json(trials, best, found)))
    else:
        show(describe(trials, found, artifacts / FOLDER / RESULTS))
    if home is not None:
        write_values(home, best.values)
        tell(f"{home} has the best candidate now")


def describe(trials: Sequence[Any], found: Mapping[str, float], table: Path) -> str:
    """Return what was found as lines: the best candidates, what mattered, and where all of it is."""
    from pipeline.search.table import gives_samples, ranked  # noqa: PLC0415 - for start-up time

    names, gives = list(trials[0].values), gives_samples(trials)
    told = ["samples", "epochs"] if gives else ["epochs"]
    rows = [["", *(name.partition(".")[2] for name in names), *told, "accuracy"]]
    for rank, trial in enumerate(ranked(trials)[:_SHOWN], start=1):
        accuracy = trial.result["accuracy"]
        words = trial.result["state"] if accuracy is None else f"{accuracy:.4f}"
        given = [trial.n_samples, trial.result["epochs"]] if gives else [trial.result["epochs"]]
        rows.append([str(rank), *(str(trial.values[name]) for name in names), *map(str, given), words])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)) for row in rows]
    if found:
        lines.append("mattered: " + ", ".join(f"{name.partition('.')[2]} {part:.0%}" for name, part in found.items()))
    epochs = sum(trial.result["epochs"] for trial in trials)
    return "\n".join([*lines, f"search: {len(trials)} candidates, {epochs} epochs; all are in {table}"])


def _as_json(trials: Sequence[Any], best: Any, found: Mapping[str, float]) -> dict[str, Any]:
    """Return what was found in JSON's own types."""
    figures = ("state", "epochs", "accuracy", "log_loss")
    told = [
        {"number": trial.number, "values": trial.values}
        | ({} if trial.n_samples is None else {"n_samples": trial.n_samples})
        | {name: trial.result[name] for name in figures}
        for trial in trials
    ]
    return {"best": best.values, "accuracy": best.result["accuracy"], "mattered": dict(found), "candidates": told}
