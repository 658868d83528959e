"""``summary``: what a model that is ready comes to, layer by layer."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.artifacts import MODEL, NETWORK, member_name
from pipeline.cli.model_path import find_model, load_found
from pipeline.cli.options import DebugOption, JsonOption
from pipeline.cli.terminal import format_json, show

commands = typer.Typer()


@commands.command()
def summary(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A model that `train` made, its artifacts, or the folder of an ensemble."),
    ] = Path("artifacts", MODEL, NETWORK),
    *,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Tell a model's layers, shapes, parameters, memory and multiplications, and how it was trained."""
    model = find_model(model)
    from pipeline.mlp.summary import size, text_facts  # noqa: PLC0415 - for start-up time: the help needs no NumPy
    from pipeline.summary import summarize  # noqa: PLC0415 - the same

    is_ensemble = (model / member_name(1)).exists()
    found = summarize(load_found(model))
    files = sorted(model.glob(member_name("*"))) if is_ensemble else [model]
    n_bytes = sum(file.stat().st_size for file in files)
    if as_json:
        show(format_json({"file": str(model), "bytes": n_bytes, **found.to_dict()}))
    else:
        show("\n".join([*text_facts({"File".ljust(10): f"{model}, {size(n_bytes)}"}), "", str(found)]))
