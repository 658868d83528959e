"""Every folder and file that stages hand on to each other: their names, which stage makes them, how each is read.

A reader takes the folder that holds a folder for each stage. ``model/`` is read by `pipeline.model_file`, a folder's
record by `pipeline.provenance`.
"""

# A reader imports what it reads with: to DVC a stage depends on all modules that it imports, and the command line asks
# for names alone.
# ruff: noqa: PLC0415

import csv
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.program import command
from pipeline.provenance import ProvenanceError
from pipeline.strict_json import read_json
from pipeline.text import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.diagnosis.records import Diagnosis
    from pipeline.preprocessing.normalize import Normalize

RAW = "raw"
PREPARED = "prepared"
SPLIT = "split"
MODEL = "model"
EVALUATION = "evaluation"

MAKERS = {RAW: "fetch", PREPARED: "preprocess", SPLIT: "split", MODEL: "train", EVALUATION: "evaluate"}
"""The folders in the order of the work, and the stage that makes each."""

DEFAULT_ARTIFACTS = Path("artifacts")
"""The folder of the artifacts where ``--artifacts`` names no other."""

NORMALIZER = "normalize.json"
NETWORK = "model.npz"
HISTORY = "history.csv"
DIAGNOSIS = "diagnosis.json"
METRICS = "metrics.json"
BY_CLASS = "by_class.csv"
MISTAKES = "mistakes.csv"
REPORT = "report.html"

PICTURES = ("learning_curves", "confusion", "mistakes", "weights")
"""What `Evaluate` draws; see `picture_name`."""

ACTIVATIONS = "activations"
"""What it draws beside them of a training that was examined."""


def remedy(stage: str, artifacts: Path) -> str:
    """Return the command that runs a stage in a folder of artifacts, as advice shows it.

    Examples
    --------
    >>> remedy("train", DEFAULT_ARTIFACTS), remedy("train", Path("my trial"))
    ('`python -m pipeline train`', "`python -m pipeline train --artifacts 'my trial'`")
    """
    named = [] if artifacts == DEFAULT_ARTIFACTS else ["--artifacts", shlex.quote(str(artifacts))]
    return command(stage, *named)


def pixels_name(part: str) -> str:
    """Return the name of the file of normalised pixels of a part."""
    return f"{part}_X.npy"


def bytes_name(part: str) -> str:
    """Return the name of the file of pixels of a part that are prepared as bytes, in the format of raw images."""
    return f"{part}_X.idx"


def labels_name(part: str) -> str:
    """Return the name of the file of one-hot labels of a part."""
    return f"{part}_Y.npy"


def rows_name(part: str) -> str:
    """Return the name of the file of the rows for ``"train"``, or of those for ``"validation"``."""
    return f"{part}.npy"


def member_name(number: int | str) -> str:
    """Return the name of the file of a member of an ensemble, the first being 1.

    Examples
    --------
    >>> member_name(2)
    'model-2.npz'
    """
    return f"model-{number}.npz"


def member_number(name: str) -> int | None:
    """Return the number of a member by the name of its file; None where it is no such name.

    Examples
    --------
    >>> member_number("model-2.npz"), member_number("model-02.npz"), member_number("model.npz")
    (2, None, None)
    """
    found = _MEMBER.fullmatch(name)
    return int(found[1]) if found else None


_MEMBER = re.compile(r"model-([1-9]\d*)\.npz")


def confusion_name(part: str) -> str:
    """Return the name of the table of a part's confusion matrix."""
    return f"confusion_{part}.csv"


def picture_name(picture: str) -> str:
    """Return the name of the file of a picture."""
    return f"{picture}.png"


def network_path(artifacts: Path) -> Path:
    """Return where the model file of the one network is."""
    return artifacts / MODEL / NETWORK


def known_names(folder: str) -> tuple[str, ...]:
    """Return patterns of the names of all files that any version has ever written into a stage's folder.

    A folder's record has the names of its own. There are none for a folder that is no stage's.
    """
    if folder == RAW:
        from pipeline.data.idx import FILES, images_name
        from pipeline.data.picture_names import FILES as PICTURE_NAMES

        official = [name for names in FILES.values() for name in names]
        return (
            *official,
            *(images_name(name, 4) for name, _ in FILES.values()),
            *PICTURE_NAMES.values(),
            *_class_names(),
        )
    return (*_KNOWN[folder], *_class_names()) if folder == PREPARED else _KNOWN.get(folder, ())


def _class_names() -> tuple[str, ...]:
    from pipeline.data.class_names import FILE

    return (FILE,)


_KNOWN = {
    PREPARED: (
        *(pixels_name("train"), labels_name("train"), pixels_name("test"), labels_name("test")),
        *(bytes_name("train"), bytes_name("test"), NORMALIZER),
    ),
    SPLIT: (rows_name("train"), rows_name("validation")),
    MODEL: (NETWORK, member_name("[1-9]*"), HISTORY, DIAGNOSIS),
    EVALUATION: (
        *(METRICS, BY_CLASS, MISTAKES, REPORT, confusion_name("validation"), confusion_name("test")),
        *map(picture_name, (*PICTURES, ACTIVATIONS)),
    ),
}


def read_images(artifacts: Path, part: str) -> "tuple[NDArray[np.uint8], NDArray[np.uint8]]":
    """Read what `Fetch` brought: images (n_samples, height, width[, 3]) and labels (n_samples,) of a part.

    Raises
    ------
    FileNotFoundError
        Where a file is missing.
    IdxError
        Where they are damaged, or do not fit together.
    """
    from pipeline.data.idx import read_part

    return read_part(artifacts / RAW, part)


def images_path(artifacts: Path, part: str) -> Path:
    """Return which file of ``raw/`` holds the images of a part.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    """
    from pipeline.data.idx import FILES, find_idx

    return find_idx(artifacts / RAW, FILES[part][0])


def read_class_names(artifacts: Path, folder: str = RAW) -> tuple[str, ...] | None:
    """Read what the classes are called, in the order of their labels; None where they have no names but these.

    Raises
    ------
    ValueError
        Where the file is damaged, or a label of the training part has no name.
    """
    from pipeline.data import class_names

    names = class_names.read_class_names(artifacts / folder)
    if names is not None:
        labels = read_images(artifacts, "train")[1] if folder == RAW else read_labels(artifacts, "train")
        class_names.check_class_names(artifacts / folder, names, labels)
    return names


def read_labels(artifacts: Path, part: Literal["train", "test"]) -> "NDArray[np.int64]":
    """Read the labels of a part back from the one-hot rows that `Preprocess` wrote.

    Parameters
    ----------
    artifacts : Path
        The folder that holds a folder for each stage.
    part : {"train", "test"}
        Which of the official files.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Where it does not hold one-hot rows.
    """
    import numpy as np

    from pipeline.data.npy import NpyError, read_matrix

    path = artifacts / PREPARED / labels_name(part)
    Y = read_matrix(path)
    if not 1 <= Y.shape[1] <= _MOST_CLASSES:
        raise NpyError(f"{path} has {Y.shape[1]} columns; expected one for each label, and labels are 0 to 255")
    labels: NDArray[np.int64] = Y.argmax(axis=1)
    hot = np.take_along_axis(Y, labels[:, np.newaxis], axis=1)
    if not len(Y) or np.count_nonzero(Y) > len(Y) or not (hot == 1).all():
        raise NpyError(f"{path} does not hold one-hot rows, of which each has one 1 and else zeros")
    return labels


_MOST_CLASSES = 256
"""Labels of the files that are preprocessed are bytes."""


def read_pixels(artifacts: Path, part: Literal["train", "test"]) -> "NDArray[Any]":
    """Map the pixels of a part that `Preprocess` wrote, as numbers or as bytes, and see that they are such.

    Parameters
    ----------
    artifacts : Path
        The folder that holds a folder for each stage.
    part : {"train", "test"}
        Which of the official files.

    Returns
    -------
    ndarray of shape (n_samples, n_pixels), float32 or uint8
        One row at least; bytes are on 0..255 and not scaled yet. float64, where a person has put such a file there.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError, IdxError
        Where it holds anything else.
    """
    import numpy as np

    from pipeline.data.idx import check_images, read_idx
    from pipeline.data.npy import NpyError, read_matrix
    from pipeline.images.pixels import pieces

    as_bytes = artifacts / PREPARED / bytes_name(part)
    if as_bytes.is_file():
        images = read_idx(as_bytes)
        check_images(images, str(as_bytes))
        return images.reshape(len(images), -1)

    path = artifacts / PREPARED / pixels_name(part)
    X = read_matrix(path)
    if not X.size:
        raise NpyError(f"{path} holds no pixel: its shape is {X.shape}")
    if not all(np.isfinite(X[rows]).all() for rows in pieces(X)):
        raise NpyError(f"{path} holds pixels that are no finite numbers")
    return X


def read_rows(artifacts: Path, part: Literal["train", "validation"], n_samples: int) -> "NDArray[np.integer[Any]]":
    """Read which of the ``n_samples`` rows of the training file `Split` has drawn for this.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Where it holds anything else, or was made for other data.
    """
    from pipeline.data import npy

    return npy.read_rows(artifacts / SPLIT / rows_name(part), n_samples)


def read_normalizer(artifacts: Path) -> "Normalize":
    """Read the normaliser that `Preprocess` has fitted.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where it is damaged.
    """
    from pipeline.preprocessing.normalize import Normalize

    path = artifacts / PREPARED / NORMALIZER
    try:
        return Normalize.from_state(read_json(path))
    except ValueError as error:  # JSON's errors are such, too
        raise ValueError(f"{path} is damaged: {shown(error)}") from None


def read_training(artifacts: Path) -> "tuple[Normalize, Any, NDArray[Any], dict[str, Any]]":
    """Return the fitted normaliser, what there is to learn from, and the validation data that ``fit`` may be given.

    Pixels are `ArrayRows`, of which ``fit`` keeps no copy: those of a map that are for this, scaled where they are
    bytes. `numpy.asarray` makes an array of them, in memory.

    Raises
    ------
    FileNotFoundError
        Where a file is missing.
    ValueError
        Naming the file, where one is damaged (`NpyError`), or files do not fit together (`ProvenanceError`).
    """
    import numpy as np

    from pipeline.network.array_rows import ArrayRows

    normalize = read_normalizer(artifacts)
    X, y = read_pixels(artifacts, "train"), read_labels(artifacts, "train")
    _check_width(artifacts / PREPARED, normalize, X, len(y))
    train, validation = read_rows(artifacts, "train", len(y)), read_rows(artifacts, "validation", len(y))
    if both := np.intersect1d(train, validation).size:
        raise ProvenanceError(
            f"{artifacts / SPLIT} has {both} rows both for training and for validation: {remedy('split', artifacts)} "
            "makes it anew"
        )
    scale = normalize.scale_ if X.dtype == np.uint8 else None
    watched = {"X_val": ArrayRows(X, validation, scale), "y_val": y[validation]} if len(validation) else {}
    return normalize, ArrayRows(X, None if len(train) == len(X) else train, scale), y[train], watched


def _check_width(prepared: Path, normalize: "Normalize", X: "NDArray[Any]", n_labels: int) -> None:
    """Raise where the normaliser was fitted on images of another width than those that it is kept beside."""
    if len(X) != n_labels:
        raise ProvenanceError(
            f"{prepared} has {len(X)} images in {pixels_name('train')} and {n_labels} labels in "
            f"{labels_name('train')}: {remedy('preprocess', prepared.parent)} makes both anew"
        )
    if X.shape[1] != normalize.n_features_in_:
        raise ProvenanceError(
            f"{prepared / NORMALIZER} is for images of {shown(normalize.n_features_in_, 30)} pixels, and "
            f"{pixels_name('train')} has the shape {X.shape}: {remedy('preprocess', prepared.parent)} makes both anew"
        )


def read_diagnosis(artifacts: Path) -> "Diagnosis | None":
    """Read what was found of a training; None where it was not examined.

    Raises
    ------
    ValueError
        Where the file is damaged.
    """
    from pipeline.diagnosis.records import Diagnosis

    path = artifacts / MODEL / DIAGNOSIS
    if not path.is_file():
        return None
    try:
        return Diagnosis.from_dict(read_json(path))
    except ValueError as error:  # JSON's errors are such, too
        raise ValueError(f"{path} is damaged: {shown(error)}") from None


HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")
"""What is read of the history of a training."""


def read_history(artifacts: Path) -> "dict[str, NDArray[np.float64]]":
    """Read what a training came to in every epoch.

    Returns
    -------
    dict of ndarray of shape (n_epochs,), float64
        By the names of `HISTORY_COLUMNS`; what is left empty is NaN.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where it is damaged.
    """
    import numpy as np

    path = artifacts / MODEL / HISTORY
    with path.open(encoding="utf-8", newline="") as file:
        try:
            rows = [[float(row[name] or "nan") for name in HISTORY_COLUMNS] for row in csv.DictReader(file)]
            history = dict(zip(HISTORY_COLUMNS, np.array(rows).T, strict=True))  # without a row there is no column
            _check_history(history)
        except (csv.Error, KeyError, ValueError):  # a text that is no UTF-8 is a ValueError, too
            raise ValueError(
                f"{path} is damaged: it must have numbers in the columns {', '.join(HISTORY_COLUMNS)}"
            ) from None
    return history


def _check_history(history: "Mapping[str, NDArray[np.float64]]") -> None:
    """Raise for figures that no training comes to; drawn, they would leave the others no space."""
    import numpy as np

    for name, figures in history.items():
        largest = 1.0 if name.endswith("accuracy") else 1e9 if name == "epoch" else float(np.finfo(np.float32).max)
        known = figures[np.isfinite(figures)]  # what is infinite is left out of a picture
        if ((known < 0) | (known > largest)).any():
            raise ValueError(f"{name} must be on 0 to {largest:g}")
