"""A fitted model as one file that is safe to open: arrays, and a header in JSON that says what they are.

``save_model`` writes a classifier with the normaliser before it, ``load_model`` gives them back as a fitted
``Pipeline`` that takes raw pixels. The file is a NumPy ``.npz``; nothing in it can run when it is opened, and the same
model gives the same bytes.
"""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pipeline.artifacts import NETWORK
from pipeline.data.npz import NpzError, NpzReader
from pipeline.data.signatures import ARCHIVE, HEAD, describe_kind
from pipeline.files import replacing_file
from pipeline.images.deform import Deform
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.labels import check_no_missing
from pipeline.mlp.state import OPTIONAL, ArraySpec, check_depth, check_values, expected_arrays
from pipeline.network import Adversary, Averaging, Schedule
from pipeline.parameters import current_parameters, parameter_values, read_parameters, snake_case
from pipeline.preprocessing.normalize import Normalize
from pipeline.program import command
from pipeline.strict_json import JsonError, parse_json, to_json
from pipeline.text import shown

FORMAT_VERSION = 1

MAX_BYTES = 2**32
"""How much the arrays of a file may take, unless the caller knows better: four gibibytes."""

MAX_RATIO = 32
"""By how much a file may be compressed; weights that have learned something hardly can be."""

MAX_HEADER = 2**24
"""Bytes of a header, for some 100,000 epochs of history."""


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
    ValueError
        For one with weights that are no finite numbers, or beyond what a file may hold.

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
    text = to_json(_strict(header), sort_keys=True).encode()
    _check_readable(classifier, text, arrays)
    _write(Path(path), {"header": np.frombuffer(text, np.uint8), **arrays})


def load_model(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Pipeline:
    """Open a file that ``save_model`` wrote.

    A file of a stranger can do no harm: nothing in it is run, and it takes memory in proportion to its own size.

    Parameters
    ----------
    path : path
        The file.
    max_bytes : int, default=MAX_BYTES
        How much its arrays may take together; of one that is compressed, they may take `MAX_RATIO` times as much as
        the file, or 16 MiB.

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
    path = Path(path)
    if path.is_dir():
        inside = f"; did you mean {path / NETWORK}?" if (path / NETWORK).is_file() else ""
        raise _no_model(path, f"it is a folder{inside}")
    with path.open("rb") as opened:
        archive = _open_archive(path, opened, max_bytes)
        header = _read_header(path, archive)
        if header.get("format_version") != FORMAT_VERSION:
            raise ModelFileError(
                f"{path} has format version {shown(repr(header.get('format_version')), 50)}; this version opens "
                f"{FORMAT_VERSION}"
            )
        try:
            return _assemble(header, archive)
        except Exception as error:  # whatever it is that does not fit, it was found in the file
            raise ModelFileError(f"{path} does not hold together: {_line(error)}") from error


def _assemble(header: Mapping[str, Any], archive: NpzReader) -> Pipeline:
    """Make a model of a header and the arrays that it asks for, which are read once all else is proved."""
    given = current_parameters(MLPClassifier, _without_pairs(header["parameters"]), "parameters", quiet=True)
    classifier, state = MLPClassifier(**read_parameters(MLPClassifier, given, "parameters")), header["state"]
    check_values(state)
    specs = expected_arrays(parameter_values(MLPClassifier, classifier), state)
    normalize = None if header["normalize"] is None else Normalize.from_state(header["normalize"])
    _check_width(normalize, state["n_features_in_"])
    _check_members(archive, specs)
    arrays = {name: archive.read(name, *spec) for name, spec in specs.items() if name in archive.names}
    _check_arrays(arrays)
    classifier.set_state(state, arrays)
    return Pipeline(
        [("train", classifier)] if normalize is None else [("preprocess", normalize), ("train", classifier)]
    )


def _check_width(normalize: Normalize | None, n_features: int) -> None:
    """Raise where a normaliser and the classifier after it take images of different widths."""
    if normalize is not None and normalize.n_features_in_ != n_features:
        raise ValueError(f"its normaliser takes {normalize.n_features_in_} pixels, and its network {n_features}")


def _check_members(archive: NpzReader, specs: Mapping[str, ArraySpec]) -> None:
    """Raise where an array is missing, or one is there that no model file has."""
    missing = [name for name in specs if name not in archive.names and name not in OPTIONAL]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    foreign = [name for name in archive.names if not _MEMBERS.fullmatch(name)]
    if foreign:
        raise ValueError(f"it has {shown(foreign[0], 50)!r}, which is in no model file")


_MEMBERS = re.compile(r"header|classes|params|best_params|last_params|average_total|optimizer_\w{1,30}")


def _check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise where weights are no finite numbers, or a label is missing or there twice."""
    for name in ("params", "best_params", "last_params", "average_total"):
        if name in arrays and not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} must be finite numbers")
    check_no_missing(arrays["classes"])
    labels = arrays["classes"].tolist()
    if len(set(labels)) < len(labels) or any(isinstance(label, float) and math.isnan(label) for label in labels):
        raise ValueError("classes must be labels that are all different")


def _check_readable(classifier: MLPClassifier, header: bytes, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise for a model that ``load_model`` would refuse, before it is written."""
    check_depth(parameter_values(MLPClassifier, classifier))
    _check_arrays(arrays)
    if len(header) > MAX_HEADER:
        raise ValueError(f"the history and the names of this model take {len(header)} bytes, more than {MAX_HEADER}")


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
    with replacing_file(path, sum(array.nbytes for array in arrays.values())) as file:
        np.savez(file, allow_pickle=False, **arrays)


def _open_archive(path: Path, opened: BinaryIO, max_bytes: int) -> NpzReader:
    """Open a file as an archive of arrays, or say what else it is."""
    head = opened.read(HEAD)
    if not head.startswith(ARCHIVE):
        raise _no_model(path, f"it is {describe_kind(head)}")
    most = max(MAX_HEADER, MAX_RATIO * os.fstat(opened.fileno()).st_size)
    try:
        return NpzReader(opened, min(max_bytes, most))
    except NpzError as error:
        raise _no_model(path, str(error)) from error


def _read_header(path: Path, archive: NpzReader) -> dict[str, Any]:
    """Read the header."""
    if "header" not in archive.names:
        some = shown(", ".join(archive.names[:5]), 100) or "nothing"
        raise _no_model(path, f"it is an archive of {some}, without a header")
    try:
        text = archive.read("header", ["uint8"], [(None,)]).tobytes()
        if len(text) > MAX_HEADER:
            raise _no_model(path, f"its header has {len(text)} bytes; at most {MAX_HEADER} are read")
        header = parse_json(text, constant=float, mapping=_number)
    except NpzError as error:
        raise _no_model(path, _PICKLED if "pickled" in str(error) else str(error)) from error
    except JsonError as error:
        raise _no_model(path, "its header cannot be read") from error
    if not isinstance(header, dict):
        raise _no_model(path, "its header is no mapping")
    return header


_PICKLED = "it holds pickled objects, which are never opened"


def _strict(value: Any) -> Any:
    """Return what JSON has a word for: a number that is infinite, or none, is a mapping with its name."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, tuple | list) else value


def _number(mapping: dict[str, Any]) -> Any:
    """Return the number that a mapping stands for, or the mapping; older files have the words of Python's JSON."""
    words = {"NaN", "Infinity", "-Infinity"}
    is_number = mapping.keys() == {"number"} and isinstance(mapping["number"], str) and mapping["number"] in words
    return float(mapping["number"]) if is_number else mapping


def _no_model(path: Path, reason: str) -> ModelFileError:
    """Return the error for a file that is something else, or damaged: what it is, and what was expected."""
    return ModelFileError(
        f"{path} is no model file: {reason}. Expected is one that {command('train')} or save_model wrote"
    )


def _line(error: Exception) -> str:
    """Return an error's kind and text as one line of bounded length."""
    return f"{type(error).__name__}: {shown(error)}"
