"""The command of each stage, and ``run`` for all of them."""

import os
import sys
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.arguments import check_arguments, read_arguments, read_params
from pipeline.cli.options import (
    ArtifactsOption,
    DebugOption,
    JsonOption,
    ParamsOption,
    SettingsOption,
    VerboseOption,
    WaitOption,
)
from pipeline.cli.params_file import PARAMS
from pipeline.cli.stage_command import STAGES, StageCommand, stage_class
from pipeline.cli.terminal import (
    RichProgress,
    echoing_warnings,
    format_json,
    format_result,
    saying_warnings,
    show,
    tell,
)
from pipeline.files import sweep_temporary
from pipeline.locking import locking
from pipeline.parameters import current_parameters
from pipeline.program import work_begins
from pipeline.stages.base import Stage

commands = typer.Typer()

WatchOption = Annotated[
    bool, typer.Option("--watch", help="Draw the curves of loss and accuracy while the network learns.")
]
WatchPageOption = Annotated[
    bool, typer.Option("--watch-page", help="Show the curves on a page as well, for a browser on this machine alone.")
]
WatchPortOption = Annotated[
    int | None,
    typer.Option(
        "--watch-port", min=0, max=65535, help="The port of that page; a free one if left out.", show_default=False
    ),
]


@commands.command("fetch", cls=StageCommand, help=STAGES["fetch"][1])
@commands.command("preprocess", cls=StageCommand, help=STAGES["preprocess"][1])
@commands.command("split", cls=StageCommand, help=STAGES["split"][1])
@commands.command("evaluate", cls=StageCommand, help=STAGES["evaluate"][1])
def run_one(
    context: typer.Context,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    *,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Run the stage that the command is named after: its options over the file of parameters over the defaults."""
    arguments = _arguments_of(context, params)
    _run_stages(arguments, artifacts, wait=wait, as_json=as_json, progress=RichProgress(verbose=verbose))


@commands.command("train", cls=StageCommand, help=STAGES["train"][1])
def train(
    context: typer.Context,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    *,
    watch: WatchOption = False,
    watch_page: WatchPageOption = False,
    watch_port: WatchPortOption = None,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Run the stage that trains, and show its curves meanwhile, if asked to."""
    arguments = _arguments_of(context, params)
    port = watch_port or 0 if watch_page or watch_port is not None else None
    progress = RichProgress(verbose=verbose)
    if watch or port is not None:
        from pipeline.cli.watching import WatchProgress  # noqa: PLC0415 - who does not look needs no server

        progress = WatchProgress(drawing=watch, port=port, verbose=verbose)
    _run_stages(arguments, artifacts, wait=wait, as_json=as_json, progress=progress)


def _arguments_of(context: typer.Context, params: Path | None) -> dict[str, dict[str, Any]]:
    """Return the checked arguments of the stage that a command is named after."""
    name = str(context.command.name)
    with echoing_warnings():
        arguments = check_arguments(read_params(params), params or PARAMS, [name])
        given = current_parameters(stage_class(name), context.obj, "options")
    return {name: arguments[name] | given}


@commands.command()
def run(
    settings: SettingsOption = None,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    *,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Run all five stages, always."""
    arguments = read_arguments(params, settings)
    _run_stages(arguments, artifacts, wait=wait, as_json=as_json, progress=RichProgress(verbose=verbose))


def _run_stages(
    arguments: dict[str, dict[str, Any]], artifacts: Path, *, wait: bool, as_json: bool, progress: RichProgress
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
    together = locking(artifacts, wait=wait, say=tell) if len(stages) > 1 else nullcontext()
    with together:
        for name, stage in stages.items():
            quiet = redirect_stdout(sys.stderr) if as_json else nullcontext()  # an estimator may print, if told to
            with progress, saying_warnings(progress), quiet:
                results[name] = stage.run(artifacts, progress, wait=wait)
            if not as_json:
                show(format_result(name, results[name]))
    if as_json:
        show(format_json(results))


def _say_what_dvc_needs(folders: Iterable[Path]) -> None:
    """Say which folders that are about to be written DVC will put back, and what a kill of it has left damaged.

    Where it is DVC that runs the stage, there is nothing to say.
    """
    if "DVC_STAGE" in os.environ:
        return
    from pipeline.cli.tracking import damaged_lock, tracked_by_dvc  # noqa: PLC0415 - what DVC runs does not depend on it

    tracked = [str(folder) for folder in tracked_by_dvc(folders)]
    if tracked:
        tell(
            f"warning: DVC tracks {', '.join(tracked)}, and `dvc repro` may put back what was there; --artifacts "
            "FOLDER writes elsewhere",
        )
    if damage := damaged_lock():
        tell(f"warning: {damage}")
