"""``export``: a model in the form of ONNX, to be served by other programs, or as a model file of another form."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.artifacts import MODEL, NETWORK
from pipeline.cli.model_path import find_model, load_found
from pipeline.cli.options import DebugOption
from pipeline.cli.output_file import KINDS, check_output_file, write_output_file
from pipeline.cli.terminal import show
from pipeline.files import making_folder

commands = typer.Typer()


@commands.command()
def export(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="A model that `train` made, its folder of artifacts, or the folder of an ensemble."
        ),
    ] = Path("artifacts", MODEL, NETWORK),
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The ONNX file; a model file, where the name ends with .safetensors, which others read, or .npz.",
        ),
    ] = Path("digits.onnx"),
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
    if output.suffix.lower() in KINDS["model file"]:
        _convert(model, output, input_type)
        return
    check_output_file(output, "ONNX file", inputs=[model])
    from pipeline.interchange.onnx import check_installed, signature, to_onnx  # noqa: PLC0415 - for start-up time

    check_installed()
    exported = to_onnx(load_found(model), input_type=input_type)
    n_bytes = write_output_file(output, exported.SerializeToString(deterministic=True))
    show(f"{output}: {n_bytes / 1e6:.2f} MB; {signature(exported)}")


def _convert(model: Path, output: Path, input_type: str) -> None:
    """Write a model file in the form that its name asks for, without what training goes on from."""
    if input_type != "auto":
        raise typer.BadParameter("it is for ONNX files; a model file takes what it took", param_hint="--input-type")
    if model.is_dir():
        raise typer.BadParameter(f"{model} is an ensemble, and a file holds one model: export its members one by one")
    check_output_file(output, "model file", inputs=[model])
    from pipeline.model_file import load_model, save_model  # noqa: PLC0415 - for start-up time

    fitted = load_model(model)
    with making_folder(output.parent):
        save_model(output, fitted)
    show(f"{output}: {output.stat().st_size / 1e6:.2f} MB; a model file, as {model} is")
