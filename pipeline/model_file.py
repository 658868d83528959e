"""A fitted model as one file that is safe to open: arrays, and a header in JSON that says what they are.

``save_model`` writes a classifier with the normaliser before it, ``load_model`` gives them back as a fitted
``Pipeline`` that takes raw pixels. The file is a NumPy ``.npz``; nothing in it can run when it is opened, and the same
model gives the same bytes.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pipeline.augmentation import Deform
from pipeline.classifier import MLPClassifier
from pipeline.data.arrival import HEAD, describe_kind
from pipeline.files import replacing_file
from pipeline.network import Adversary, Averaging, Schedule
from pipeline.parameters import read_parameters, snake_case
from pipeline.program import command
from pipeline.stages.preprocess import Normalize

FORMAT_VERSION = 1


class ModelFileError(ValueError):
    """A file is no model that this version can open; the message says why."""


def save_model(path: str | os.PathLike[str], model: Any, *, resume: bool = False) -> None:
    """Write a fitted model to a file, which is there whole or not at all.

    Parameters
    ----------
    path : path
        Where to; an old file is replaced.
    model : MLPClassifier or Pipeline
        A classifier, or a ``Pipeline`` of a ``Normalize`` (or ``Preprocess``) and a classifier.
    resume : bool, default=False
        Whether to add what it takes to go on with training, about three times the size.

    Raises
    ------
    TypeError
        For a model of another kind.
    NotFittedError
        For one that has learned nothing yet.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((16,), learning_rate="cosine", max_iter=3, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(f"{folder}/model.npz", model)
    ...     bool((load_model(f"{folder}/model.npz").predict(X) == model.predict(X)).all())
    True
    """
    normalize, classifier = _parts(model)
    values, arrays = classifier.get_state(resume=resume)
    header = {
        "format_version": FORMAT_VERSION,
        "parameters": {name: _plain(value) for name, value in classifier.get_params(deep=False).items()},
        "state": values,
        "normalize": None if normalize is None else normalize.get_state(),
    }
    for name, array in arrays.items():
        if array.dtype.hasobject:
            arrays[name] = array.astype(str)  # labels in an object array are text as a rule, and an object is unsafe
    text = json.dumps(header, sort_keys=True, allow_nan=True).encode()
    _write(Path(path), {"header": np.frombuffer(text, np.uint8), **arrays})


def load_model(path: str | os.PathLike[str]) -> Pipeline:
    """Open a file that ``save_model`` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Pipeline
        Fitted; its step ``"train"`` is the classifier, and ``"preprocess"`` before it the normaliser, if there was one.

    Raises
    ------
    OSError
        Where there is no such file, or it cannot be read.
    ModelFileError
        Where it is no model (the message says what it is), or one of another format version.
    """
    header, arrays = _read(Path(path))
    if header.get("format_version") != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {header.get('format_version')!r}; this version opens {FORMAT_VERSION}"
        )
    try:
        parameters = read_parameters(MLPClassifier, _without_pairs(header["parameters"]), where="parameters")
        classifier = MLPClassifier(**parameters).set_state(header["state"], arrays)
        normalize = None if header["normalize"] is None else Normalize.from_state(header["normalize"])
        _check_widths(normalize, classifier)
    except Exception as error:  # whatever it is that does not fit, it was found in the file
        raise ModelFileError(f"{path} does not hold together: {_line(error)}") from error
    steps = [("train", classifier)] if normalize is None else [("preprocess", normalize), ("train", classifier)]
    return Pipeline(steps)


def _check_widths(normalize: Normalize | None, classifier: MLPClassifier) -> None:
    """Raise where a normaliser and the classifier after it take images of different widths."""
    if normalize is not None and normalize.n_features_in_ != classifier.n_features_in_:
        raise ValueError(
            f"its normaliser takes {normalize.n_features_in_} pixels, and its network {classifier.n_features_in_}"
        )


def _parts(model: Any) -> tuple[Normalize | None, MLPClassifier]:
    """Return the normaliser and the classifier of a model."""
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    match steps:
        case [MLPClassifier() as classifier]:
            normalize = None
        case [Normalize() as normalize, MLPClassifier() as classifier]:
            check_is_fitted(normalize)
        case _:
            raise TypeError(f"a model file holds an MLPClassifier, or a Pipeline of Normalize and it; got {model!r}")
    check_is_fitted(classifier)
    return normalize, classifier


def _plain(value: Any) -> Any:
    """Return a parameter as ``params.yaml`` would have it; a generator is left out, since it has moved on."""
    if isinstance(value, Schedule | Averaging | Adversary | Deform):
        return {"name": snake_case(type(value).__name__), **value.get_params()}
    if isinstance(value, np.random.Generator | np.random.RandomState):
        return None
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}  # JSON would make text of keys
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _without_pairs(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Undo what ``_plain`` does to mappings."""
    return {name: _unpaired(value) for name, value in parameters.items()}


def _unpaired(value: Any) -> Any:
    """Return the mapping that pairs stand for, and in a list the mappings."""
    if isinstance(value, list):
        return [_unpaired(item) for item in value]
    return dict(value["pairs"]) if isinstance(value, dict) and "pairs" in value else value


def _write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a file, whole or not at all."""
    with replacing_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the header and the arrays."""
    if path.is_dir():
        inside = f"; did you mean {path / 'model.npz'}?" if (path / "model.npz").is_file() else ""
        raise _no_model(path, f"it is a folder{inside}")
    with path.open("rb") as opened:
        head = opened.read(HEAD)
        if not head.startswith(_ARCHIVE):
            raise _no_model(path, f"it is {describe_kind(head)}")
        opened.seek(0)
        arrays = _read_arrays(path, opened)
    return _read_header(path, arrays), arrays


_ARCHIVE = b"PK"
"""What every ``.npz`` file begins with."""


def _read_arrays(path: Path, opened: BinaryIO) -> dict[str, NDArray[Any]]:
    """Read all arrays of an archive."""
    try:
        with np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # there is no telling what zipfile, zlib or NumPy find wrong first
        pickled = "pickle" in str(error)  # NumPy's words for it advise to open them
        damage = (
            "it holds pickled objects, which are never opened" if pickled else "its archive is damaged or cut short"
        )
        raise _no_model(path, damage) from error


def _read_header(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Take the header out of the arrays, and read it."""
    if "header" not in arrays:
        raise _no_model(path, f"it is an archive of {', '.join(list(arrays)[:5]) or 'nothing'}, without a header")
    try:
        header = json.loads(arrays.pop("header").tobytes())
    except (ValueError, RecursionError) as error:  # JSON's and Unicode's errors are ValueErrors
        raise _no_model(path, "its header cannot be read") from error
    if not isinstance(header, dict):
        raise _no_model(path, "its header is no mapping")
    return header


def _no_model(path: Path, reason: str) -> ModelFileError:
    """Return the error for a file that is something else, or damaged: what it is, and what was expected."""
    return ModelFileError(
        f"{path} is no model file: {reason}. Expected is one that {command('train')} or save_model wrote"
    )


def _line(error: Exception) -> str:
    """Return an error's kind and text as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
