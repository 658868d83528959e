"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.params_file import PARAMS
from pipeline.parameters import ParameterError

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


def check_workers(option: str, n_jobs: int | None, scheduler: str | None) -> None:
    """Raise where both processes, by an option, and a cluster are asked for.

    Raises
    ------
    ParameterError
        Naming the option.
    """
    if n_jobs is not None and scheduler is not None:
        raise ParameterError(f"{option} is for processes, and a cluster has its own workers: give one of the two")
