"""``page``: a model as one HTML file to draw on."""

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
def page(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model that `train` made, or its folder of artifacts.")
    ] = Path("artifacts", MODEL, NETWORK),
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file.")] = Path("page.html"),
    *,
    prepare: Annotated[
        Literal["auto", "photo", "plain"],
        typer.Option(
            help="What becomes of a drawing: photo centres it as in MNIST, plain takes the whole sheet as one image, "
            "auto asks the model."
        ),
    ] = "auto",
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Write a page to draw on: one HTML file with the network inside, that answers while one draws, offline."""
    model = find_model(model)
    check_output_file(output, "HTML page", inputs=[model])
    from pipeline.cli.preparation import preparation_of  # noqa: PLC0415 - for start-up time: the help needs no NumPy
    from pipeline.html.drawing.model import PageError, plain_model  # noqa: PLC0415 - the same
    from pipeline.html.drawing.page import drawing_page  # noqa: PLC0415 - the same
    from pipeline.model_file import load_model  # noqa: PLC0415 - nor scikit-learn

    if model.is_dir():
        raise PageError(f"{model} is an ensemble; a page holds one network, such as {model / member_name(1)}")
    fitted = load_model(model)
    preparation = preparation_of(fitted, prepare, None)
    if preparation.unknown:
        raise PageError(f"{model}: {preparation.unknown}")
    plain = plain_model(fitted, preparation.brightness)
    inverted = preparation.rules.colour == "rgb" and preparation.rules.background == "white"
    n_bytes = write_output_file(output, drawing_page(plain, preparation.photo, inverted=inverted))
    show(f"{output}: {n_bytes / 1e6:.2f} MB, {plain.n_weights:,} weights; open it in a browser")
