"""``predict``: labels of images by a model that is ready."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.artifacts import MODEL, NETWORK
from pipeline.cli.model_path import find_model, load_found
from pipeline.cli.options import DebugOption
from pipeline.cli.output_file import check_output_file
from pipeline.cli.terminal import RichProgress, format_json, tell
from pipeline.strict_json import to_json

if TYPE_CHECKING:
    from pipeline.cli.preparation import Preparation, Prepared
    from pipeline.data.inputs import Input

commands = typer.Typer()


@commands.command()
def predict(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Images: pictures, folders or ZIP archives of them, patterns, CSVs of pixels, IDX or .npy files; - is "
            "the standard input.",
        ),
    ],
    model: Annotated[
        Path,
        typer.Option(
            "--model", metavar="FILE", help="A model that `train` made, its artifacts, or the folder of an ensemble."
        ),
    ] = Path("artifacts", MODEL, NETWORK),
    *,
    prepare: Annotated[
        Literal["auto", "photo", "plain"],
        typer.Option(
            help="What becomes of pictures: photo finds the digits and centres each as in MNIST, plain takes a picture "
            "as one image, auto asks the model."
        ),
    ] = "auto",
    background: Annotated[
        Literal["black", "white"] | None,
        typer.Option(
            help="What the background of pictures is that are taken plainly; left out, as it was in training.",
            show_default=False,
        ),
    ] = None,
    reject_below: Annotated[
        float | None,
        typer.Option(
            metavar="P", min=0, max=1, help="Tell no label, but ?, where the confidence is lower.", show_default=False
        ),
    ] = None,
    show: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw what was found, and what the network saw beside each answer, as a PNG picture.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, with all probabilities.")] = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Tell the label of each image: number, label (or labels) and confidence; with several files, the file first.

    A picture that shows several digits is told as a whole besides, line by line. A regressor tells numbers.
    """
    model = find_model(model)
    from pipeline.cli.answers import answers_of, lines_of, numbers_of  # noqa: PLC0415 - for start-up time: the help needs no NumPy
    from pipeline.cli.preparation import preparation_of  # noqa: PLC0415 - the same
    from pipeline.data.inputs import is_several, opened_inputs  # noqa: PLC0415 - the same

    fitted = load_found(model)
    first = fitted.estimators_[0] if model.is_dir() else fitted  # all members of an ensemble take the same images
    of_numbers = not hasattr(fitted, "classes_")
    if of_numbers:
        _check_of_numbers(reject_below, show)
    preparation = preparation_of(first, prepare, background, keep=show is not None)
    with opened_inputs(map(str, files)) as inputs:
        if show is not None:
            read = [one.name for one in inputs]
            check_output_file(
                show, "PNG picture", option="--show", inputs=read, called="one of the pictures to be read"
            )
        images = _read_all(inputs, preparation, first)
    named = len(inputs) > 1 or any(is_several(str(file)) for file in files)
    if of_numbers:
        answers = numbers_of(fitted, images, named=named)
    else:
        answers = answers_of(fitted, images, reject_below, named=named)
    drawn = None
    if show is not None:
        from pipeline.cli.drawn import Drawn  # noqa: PLC0415 - for start-up time: few ask for it

        drawn = Drawn(preparation)
        answers = drawn.watching(answers)
    if as_json:
        commas = chain([""], repeat(", "))
        items = (item for one in answers for item in one.items)
        objects = (f"{comma}{_format_answer(item)}" for comma, item in zip(commas, items, strict=False))
        _echo_all(chain(["["], objects, ["]\n"]))
    else:
        _echo_all(line for one in answers for line in lines_of(one, named=named))
    if drawn is not None and show is not None:
        drawn.write(show)


def _check_of_numbers(reject_below: float | None, show: Path | None) -> None:
    """Raise for options that are about labels."""
    for option, value in (("--reject-below", reject_below), ("--show", show)):
        if value is not None:
            raise typer.BadParameter(f"{option} is for models that tell labels; this one predicts numbers")


def _read_all(inputs: Sequence["Input"], preparation: "Preparation", model: Any) -> list["Prepared"]:
    """Read all files, before any of them is told; say what is no picture in a folder."""
    from pipeline.data.images import ImageError  # noqa: PLC0415 - for start-up time
    from pipeline.data.inputs import NoPictureError  # noqa: PLC0415 - the same

    shape = getattr(getattr(model, "named_steps", {}).get("preprocess"), "image_shape_", None)
    images, left_out = [], []
    with RichProgress() as progress:
        if len(inputs) > 1:
            progress.begin("read", len(inputs), "files")
        for one in inputs:
            try:
                images.append(preparation.read(one, model.n_features_in_, shape))
            except NoPictureError as error:
                left_out.append(str(error))
            if len(inputs) > 1:
                progress.advance()
        if len(inputs) > 1:
            progress.end()
    if not images:
        raise ImageError(f"there is no picture among {len(left_out)} files: {left_out[0]}")
    doubtful = [f"{one.name}: {one.warning}" for one in images if one.warning]
    for words in [*doubtful, *left_out[:_MOST_LEFT_OUT]]:
        tell(f"warning: {words}")
    if len(left_out) > _MOST_LEFT_OUT:
        tell(f"warning: {len(left_out) - _MOST_LEFT_OUT} more files are left out, for they are no pictures")
    return images


_MOST_LEFT_OUT = 5


def _format_answer(answer: dict[str, Any]) -> str:
    """Return an answer as JSON: as a rule it is plain already, and to make it so takes five times as long."""
    try:
        return to_json(answer)
    except ValueError:  # probabilities that are no numbers, of a network that overflows
        return format_json(answer)


def _echo_all(texts: Iterator[str]) -> None:
    """Print texts one after another, many at once: each writing takes longer than the text."""
    while some := list(islice(texts, 4096)):
        typer.echo("".join(some), nl=False)
