"""What a model says of images, as a person and as JSON read it: a label, or that there is none to be told, and why.

Of a regressor it is a number, or several.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.cli.preparation import Prepared, grouped
from pipeline.cli.terminal import tell
from pipeline.images.photo import Digit
from pipeline.images.pixels import PixelRangeWarning
from pipeline.images.statistics import unlike_training
from pipeline.mlp.labels import Prediction, as_text, is_multilabel, predictions
from pipeline.rejection import is_rejected
from pipeline.text import printable

REJECTED = "?"
"""What stands in the place of a label that is not told."""

NO_INK = "no ink was found"


@dataclass(frozen=True)
class Answers:
    """What is said of a file, or of some rows of it.

    Attributes
    ----------
    file : Prepared
        The file.
    items : iterable of dict
        An answer for each image, as JSON has it.
    """

    file: Prepared
    items: Iterable[dict[str, Any]]


def answers_of(model: Any, files: Sequence[Prepared], reject_below: float | None, *, named: bool) -> Iterator[Answers]:
    """Yield what a model says of every file, in pieces of one that is large; warn of what is in doubt.

    Parameters
    ----------
    model : Pipeline or estimator
        Fitted.
    files : sequence of Prepared
        Images as it takes them.
    reject_below : float or None
        The least confidence that a label is told with.
    named : bool
        Whether answers to images of arrays have the name of the file; those to pictures always have.
    """
    for group in grouped(files):
        if group[0].digits is None:
            yield from _of_array(model, group[0], reject_below, named=named)
        else:
            yield from _of_pictures(model, group, reject_below)


def numbers_of(model: Any, files: Sequence[Prepared], *, named: bool) -> Iterator[Answers]:
    """Yield what a regressor says of every file: a number for each image, or a list where it predicts several.

    Parameters
    ----------
    model : Pipeline or estimator
        Fitted.
    files : sequence of Prepared
        Images as it takes them.
    named : bool
        Whether answers have the name of the file.
    """
    for one in files:
        name = {"file": one.name} if named else {}
        is_told = _warn_unlike(model, one.rows, one.name)
        for first, numbers in _in_pieces(model.predict, one.rows, one.name, 1, is_told=is_told):
            plain = enumerate(numbers.tolist(), start=first)
            yield Answers(one, ({**name, "number": number, "prediction": value} for number, value in plain))


def lines_of(answers: Answers, *, named: bool) -> Iterator[str]:
    """Yield a line for each answer, and one for a picture that shows several digits, or none.

    Parameters
    ----------
    answers : Answers
        What is said of a file; of a picture, all of it.
    named : bool
        Whether the name of the file stands first.
    """
    name, of_numbers = [printable(answers.file.name)] if named else [], False
    for item in answers.items:
        of_numbers |= "prediction" in item
        if "prediction" in item:
            values = np.ravel(item["prediction"]).tolist()
            yield "  ".join([*name, str(item["number"]), *(f"{value:.6g}" for value in values)]) + "\n"
        elif item["number"] is not None:
            yield "  ".join([*name, str(item["number"]), label_of(item), f"{item['confidence']:.4f}"]) + "\n"
    if answers.file.digits is not None and len(answers.file.digits) != 1 and not of_numbers:
        yield f"{printable(answers.file.name)}: {reading_of(answers.items)}\n"


def label_of(item: dict[str, Any]) -> str:
    """Return the label of an answer, or what stands in its place."""
    return REJECTED if item.get("rejected") else as_text(item["label"])


def reading_of(items: Iterable[dict[str, Any]]) -> str:
    """Return what a page says: labels in the order of reading, with blanks where they have several letters.

    Examples
    --------
    >>> reading_of({"number": n, "line": line, "label": n + 3} for n, line in enumerate([0, 0, 1]))
    '34 / 5'
    >>> reading_of([])
    '-'
    """
    words = [(item["line"], label_of(item)) for item in items if item["number"] is not None]
    between = "" if all(len(word) == 1 for _, word in words) else " "
    lines = dict.fromkeys(line for line, _ in words)
    return " / ".join(between.join(word for line, word in words if line == one) for one in lines) or "-"


def _of_array(model: Any, file: Prepared, reject_below: float | None, *, named: bool) -> Iterator[Answers]:
    """Yield what is said of an array, some rows at a time."""
    name, multilabel = {"file": file.name} if named else {}, is_multilabel(model)
    is_told = _warn_unlike(model, file.rows, file.name)
    for first, probabilities in _predict(model, file.rows, file.name, is_told=is_told):
        found = predictions(model.classes_, probabilities, multilabel=multilabel, first=first)
        yield Answers(file, ({**name, **_decided(one, reject_below)} for one in found))


def _decided(prediction: Prediction, reject_below: float | None) -> dict[str, Any]:
    """Return an answer without its label where its confidence is too low; as it is where none was asked for."""
    if reject_below is None:
        return {**prediction}
    rejected = _is_rejected(prediction, reject_below)
    return {**prediction, "label": None if rejected else prediction["label"], "rejected": rejected}


def _is_rejected(prediction: Prediction, reject_below: float | None) -> bool:
    """Tell whether confidence is too low."""
    return reject_below is not None and bool(is_rejected(prediction["confidence"], reject_below))


def _of_pictures(model: Any, files: Sequence[Prepared], reject_below: float | None) -> Iterator[Answers]:
    """Yield what is said of pictures, which are predicted together, as the images of an array are."""
    rows = np.concatenate([one.rows for one in files])
    pieces = [piece for _, piece in _predict(model, rows, files[0].name, is_told=True)]
    probabilities = np.concatenate([np.empty((0, len(model.classes_))), *pieces])
    multilabel, start = is_multilabel(model), 0
    for one in files:
        digits = one.digits or ()
        _warn_of_picture(model, one, digits)
        mine = probabilities[start : start + len(digits)]
        start += len(digits)
        found = predictions(model.classes_, mine, multilabel=multilabel) if digits else iter(())
        items = [
            _answer_to_digit(one.name, digit, answer, reject_below) for digit, answer in zip(digits, found, strict=True)
        ]
        yield Answers(one, items or [_nothing(one.name)])


def _answer_to_digit(name: str, digit: Digit, prediction: Prediction, reject_below: float | None) -> dict[str, Any]:
    """Return the answer to a digit, without its label where it is in doubt or its confidence is too low."""
    rejected = digit.doubt is not None or _is_rejected(prediction, reject_below)
    return {
        "file": name,
        "number": prediction["number"],
        "line": digit.line,
        "box": list(map(int, digit.box)),
        "label": None if rejected else prediction["label"],
        "confidence": prediction["confidence"],
        "doubt": digit.doubt,
        "rejected": rejected,
        "probabilities": prediction["probabilities"],
    }


def _nothing(name: str) -> dict[str, Any]:
    """Return the answer to a picture without ink."""
    nothing = dict.fromkeys(("number", "line", "box", "label", "confidence"))
    return {"file": name, **nothing, "doubt": NO_INK, "rejected": True, "probabilities": {}}


def _warn_of_picture(model: Any, one: Prepared, digits: Sequence[Digit]) -> None:
    """Say what is in doubt in a picture, and in what its images are unlike those of training."""
    if not digits:
        tell(f"warning: {one.name}: {NO_INK}")
    for number, digit in enumerate(digits):
        if digit.doubt:
            tell(f"warning: {one.name}: {number} is not told: {digit.doubt}")
    sure = [number for number, digit in enumerate(digits) if not digit.doubt]
    if sure:
        _warn_unlike(model, one.rows[sure], one.name)


def _warn_unlike(model: Any, rows: NDArray[Any], name: str) -> bool:
    """Warn of images unlike those of training, and tell whether they are."""
    told = unlike_training(model, rows)
    if told:
        tell(f"warning: {name}: unlike the images of training: {'; '.join(told)}")
    return bool(told)


_NUMBERS = 2**20
"""Pixels, and probabilities, that are held at once."""


def _predict(model: Any, images: NDArray[Any], name: str | Path, *, is_told: bool) -> Iterator[tuple[int, Any]]:
    """Yield probabilities, some at a time with the number of the first."""
    return _in_pieces(model.predict_proba, images, name, len(model.classes_), is_told=is_told)


def _in_pieces(
    predict: Callable[[NDArray[Any]], Any], images: NDArray[Any], name: str | Path, n_outputs: int, *, is_told: bool
) -> Iterator[tuple[int, Any]]:
    """Yield what is predicted, some at a time with the number of the first; pass on the model's warnings, each once.

    Of a scale it warns where nothing else ``is_told`` of the images.
    """
    said = set()
    step = max(1, min(4096, _NUMBERS // images.shape[1], _NUMBERS // n_outputs))
    for start in range(0, len(images), step):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            predicted = predict(images[start : start + step])
        for one in caught:
            if not (is_told and issubclass(one.category, PixelRangeWarning)) and str(one.message) not in said:
                said.add(str(one.message))
                tell(f"warning: {name}: {one.message}")
        yield start, predicted
