"""``export``: a model in the form of ONNX, to be served by other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.artifacts import MODEL, NETWORK, member_name
from pipeline.cli.model_path import find_model
from pipeline.cli.options import DebugOption
from pipeline.cli.output_file import check_output_file, write_output_file
from pipeline.cli.terminal import show

commands = typer.Typer()


@commands.command()
def export(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="A model that `train` made, its folder of artifacts, or the folder of an ensemble."
        ),
    ] = Path("artifacts", MODEL, NETWORK),
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The ONNX file.")] = Path(
        "digits.onnx"
    ),
    *,
    input_type: Annotated[
        Literal["auto", "uint8", "float32", "float64"],
        typer.Option(
            help="The type of the samples that go in; auto is uint8 where pixels are scaled inside, else the network's "
            "own."
        ),
    ] = "auto",
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Write a model as an ONNX file, preprocessing included, which answers elsewhere and without this package."""
    model = find_model(model)
    check_output_file(output, "ONNX file", inputs=[model])
    from pipeline.ensemble.voting import load_ensemble  # noqa: PLC0415 - for start-up time: the help needs no NumPy
    from pipeline.interchange.onnx import check_installed, signature, to_onnx  # noqa: PLC0415 - the same
    from pipeline.model_file import load_model  # noqa: PLC0415 - nor scikit-learn

    check_installed()
    is_ensemble = (model / member_name(1)).is_file()
    exported = to_onnx(load_ensemble(model) if is_ensemble else load_model(model), input_type=input_type)
    n_bytes = write_output_file(output, exported.SerializeToString(deterministic=True))
    show(f"{output}: {n_bytes / 1e6:.2f} MB; {signature(exported)}")
