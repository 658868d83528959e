"""The command of each stage, and ``run`` for all of them."""

import os
import sys
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

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
    name = str(context.command.name)
    with echoing_warnings():
        arguments = check_arguments(read_params(params), params or PARAMS, [name])
        given = current_parameters(stage_class(name), context.obj, "options")
    _run_stages({name: arguments[name] | given}, artifacts, wait=wait, as_json=as_json, verbose=verbose)


for _stage, (_, _line) in STAGES.items():
    commands.command(_stage, cls=StageCommand, help=_line)(run_one)


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
    _run_stages(read_arguments(params, settings), artifacts, wait=wait, as_json=as_json, verbose=verbose)


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
    together = locking(artifacts, wait=wait, say=tell) if len(stages) > 1 else nullcontext()
    with together:
        for name, stage in stages.items():
            quiet = redirect_stdout(sys.stderr) if as_json else nullcontext()  # an estimator may print, if told to
            with RichProgress(verbose=verbose) as progress, saying_warnings(progress), quiet:
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
