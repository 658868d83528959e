"""``predict``: labels of images by a model that is ready."""

import warnings
from collections.abc import Iterator
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.artifacts import MODEL, NETWORK
from pipeline.cli.options import DebugOption
from pipeline.cli.terminal import format_json, tell
from pipeline.files import sweep
from pipeline.program import command
from pipeline.stages.base import MissingInputError
from pipeline.strict_json import to_json
from pipeline.text import printable

if TYPE_CHECKING:
    from pipeline.mlp.labels import Prediction

commands = typer.Typer()


@commands.command()
def predict(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Images: IDX files, raw or gzip, or .npy files; - is the standard input."
        ),
    ],
    model: Annotated[Path, typer.Option("--model", metavar="FILE", help="A model that `train` made.")] = Path(
        "artifacts", MODEL, NETWORK
    ),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, with all probabilities.")] = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Tell the label of each image: number, label (or labels) and confidence; with several files, the file first."""
    if not model.exists():  # a killed process may have left its folder without a name
        sweep(model.absolute().parents[1], [model.absolute().parent.name])
    if not model.exists():
        raise MissingInputError(f"{model} is missing: {command('train')} makes it (`run` makes all)")
    from pipeline.data.images import read_images  # noqa: PLC0415 - for start-up time: the bare help needs no NumPy
    from pipeline.mlp.labels import as_text, is_multilabel, predictions  # noqa: PLC0415 - nor SciPy
    from pipeline.model_file import load_model  # noqa: PLC0415 - nor scikit-learn

    fitted = load_model(model)
    shape = getattr(getattr(fitted, "named_steps", {}).get("preprocess"), "image_shape_", None)
    images = [(file, read_images(file, fitted.n_features_in_, shape)) for file in files]  # all fit, before one is told
    multilabel = is_multilabel(fitted)
    found: Iterator[tuple[dict[str, str], Prediction]] = (
        ({"file": str(file)} if len(files) > 1 else {}, one)
        for file, rows in images
        for first, probabilities in _predict_watchfully(fitted, rows, file)
        for one in predictions(fitted.classes_, probabilities, multilabel=multilabel, first=first)
    )
    if as_json:
        commas = chain([""], repeat(", "))
        objects = (
            f"{comma}{_format_prediction({**name, **one})}" for comma, (name, one) in zip(commas, found, strict=False)
        )
        _echo_all(chain(["["], objects, ["]\n"]))
    else:
        _echo_all(
            "  ".join([*map(printable, name.values()), str(one["number"]), as_text(one["label"])])
            + f"  {one['confidence']:.4f}\n"
            for name, one in found
        )


def _format_prediction(prediction: dict[str, Any]) -> str:
    """Return a prediction as JSON: as a rule it is plain already, and to make it so takes five times as long."""
    try:
        return to_json(prediction)
    except ValueError:  # probabilities that are no numbers, of a network that overflows
        return format_json(prediction)


def _echo_all(texts: Iterator[str]) -> None:
    """Print texts one after another, many at once: each writing takes longer than the text."""
    while some := list(islice(texts, 4096)):
        typer.echo("".join(some), nl=False)


_NUMBERS = 2**20
"""Pixels, and probabilities, that are held at once by `predict`."""


def _predict_watchfully(model: Any, images: Any, file: Path) -> Iterator[tuple[int, Any]]:
    """Yield probabilities, some at a time with the number of the first; warn of images unlike those of training."""
    from pipeline.images.pixels import PixelRangeWarning  # noqa: PLC0415 - for start-up time
    from pipeline.images.statistics import unlike_training  # noqa: PLC0415 - the same

    told = unlike_training(model, images)
    if told:
        tell(f"warning: {file}: unlike the images of training: {'; '.join(told)}")
    said = set()
    step = max(1, min(4096, _NUMBERS // images.shape[1], _NUMBERS // len(model.classes_)))
    for start in range(0, len(images), step):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            probabilities = model.predict_proba(images[start : start + step])
        for one in caught:
            if not (told and issubclass(one.category, PixelRangeWarning)) and str(one.message) not in said:
                said.add(str(one.message))
                tell(f"warning: {file}: {one.message}")
        yield start, probabilities
