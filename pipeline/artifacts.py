"""What stages hand on to each other, and how it is read: the arrays of ``prepared/``."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.data.npy import NpyError, read_matrix
from pipeline.images.pixels import pieces


def read_labels(prepared: Path, part: Literal["train", "test"]) -> NDArray[np.int64]:
    """Read the labels of a part back from the one-hot rows that `Preprocess` wrote.

    Parameters
    ----------
    prepared : Path
        The folder of the artifact.
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
    path = prepared / f"{part}_Y.npy"
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


def read_pixels(prepared: Path, part: Literal["train", "test"]) -> NDArray[np.floating[Any]]:
    """Map the pixels of a part that `Preprocess` wrote, and see that they are numbers.

    Parameters
    ----------
    prepared : Path
        The folder of the artifact.
    part : {"train", "test"}
        Which of the official files.

    Returns
    -------
    ndarray of shape (n_samples, n_pixels), float32
        One row at least; float64, where a person has put such a file there.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    NpyError
        Where it holds anything else.
    """
    path = prepared / f"{part}_X.npy"
    X = read_matrix(path)
    if not X.size:
        raise NpyError(f"{path} holds no pixel: its shape is {X.shape}")
    if not all(np.isfinite(X[rows]).all() for rows in pieces(X)):
        raise NpyError(f"{path} holds pixels that are no finite numbers")
    return X
