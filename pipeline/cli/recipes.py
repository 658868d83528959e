"""``recipes``: networks of articles are listed, trained, chosen by trials, compared, and put into a table.

A command here says what it takes, and ``recipe_runs`` does it.
"""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DebugOption, JsonOption, WaitOption
from pipeline.cli.params_file import RECIPES
from pipeline.parameters import ParameterError

commands = typer.Typer()
group = typer.Typer(no_args_is_help=True)
commands.add_typer(
    group, name="recipes", help="Train the networks of articles for several seeds, and compare what they reach."
)

NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Which recipes.")]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--recipes",
        metavar="FOLDER",
        help=f"Where they and their results are; {RECIPES}/ of this folder, or where that has none, results are "
        "there and recipes those of this program.",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", "--n-jobs", min=1, help="Train so many networks at once, each in a process of its own."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="Train networks on the Dask cluster of this scheduler."),
]
EveryOption = Annotated[bool, typer.Option("--all", help="Take all recipes.")]


@group.command("list")
def list_recipes(
    folder: FolderOption = None,
    *,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Tell the names of all recipes, with their titles."""
    from pipeline.cli.recipe_runs import open_recipes, tell_titles  # noqa: PLC0415 - for start-up time

    tell_titles(open_recipes(folder), as_json=as_json)


@group.command("run")
def run(
    names: NamesArgument = None,
    folder: FolderOption = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FOLDER",
            help="Keep the artifacts of the last seed in FOLDER/NAME and, for ensembles of recipes, networks of all "
            "seeds.",
        ),
    ] = None,
    n_jobs: JobsOption = None,
    scheduler: SchedulerOption = None,
    *,
    every: EveryOption = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Put the results of a recipe that was run again in the place of its earlier ones; where it has not "
            "been, run it.",
        ),
    ] = False,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Train the network of an article for several seeds, and keep what it reached beside the recipe."""
    from pipeline.cli.recipe_runs import open_recipes, run_recipes, workers_of  # noqa: PLC0415 - for start-up time

    workers, opened = workers_of(n_jobs, scheduler), open_recipes(folder)
    asked = opened.select(names, every=every)
    run_recipes(opened, asked, keep, workers=workers, replace=replace, wait=wait, as_json=as_json)


@group.command("trials")
def trials(
    names: NamesArgument = None,
    folder: FolderOption = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="TRIAL", help="Run this trial alone. May be repeated.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep the networks in FOLDER/trials.")
    ] = None,
    n_jobs: JobsOption = None,
    scheduler: SchedulerOption = None,
    *,
    every: EveryOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Run the trials that recipes were chosen from, on validation images alone; what is done is left out."""
    from pipeline.cli.recipe_runs import open_recipes, run_trials, workers_of  # noqa: PLC0415 - for start-up time

    workers, opened = workers_of(n_jobs, scheduler), open_recipes(folder)
    run_trials(opened, opened.select(names, every=every), only or [], keep, workers=workers, as_json=as_json)


@group.command("compare")
def compare(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME NAME", help="Which two recipes.")] = None,
    folder: FolderOption = None,
    *,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Tell whether the results of two recipes differ by more than chance; nothing is run."""
    from pipeline.cli.recipe_runs import compare_two, open_recipes  # noqa: PLC0415 - for start-up time

    opened = open_recipes(folder)
    asked = opened.select(names) if names else {}
    if len(asked) != 2:
        raise ParameterError(f"compare takes the names of two recipes; got {', '.join(asked) or 'none'}")
    compare_two(opened, asked, as_json=as_json)


@group.command("table")
def table(
    folder: FolderOption = None,
    write: Annotated[
        Path | None,
        typer.Option(
            "--write", metavar="FILE", help="Put the table between the markers of a file, rather than print it."
        ),
    ] = None,
    *,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Print the table of all results as Markdown."""
    from pipeline.cli.recipe_runs import open_recipes, publish  # noqa: PLC0415 - for start-up time

    publish(open_recipes(folder), write)
