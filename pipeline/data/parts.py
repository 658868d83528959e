"""Whether a training and a test part suit each other and the workflow, asked before a stage has worked on them.

Hands on nothing: what a later stage could not do is an error here, with what was found and what is expected.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.idx import FILES

_MOST_LABELS = 12


def check_parts(
    parts: Mapping[str, tuple[NDArray[Any], NDArray[Any]]], names: Mapping[str, tuple[str, str]] = FILES
) -> None:
    """Raise unless a classifier can learn from one part and be measured on the other.

    Parameters
    ----------
    parts : mapping of (images, labels)
        ``"train"`` and ``"test"``, each of images (n_samples, height, width) and as many integers, one at least.
    names : mapping of (str, str)
        What to call the files of images and of labels of each part in an error.

    Raises
    ------
    ValueError
        Where images differ in size, the training labels are one class alone, or test labels have others.

    Examples
    --------
    >>> images, labels = np.zeros((2, 3, 3), np.uint8), np.array([0, 1], np.uint8)
    >>> check_parts({"train": (images, labels), "test": (images, labels)})
    >>> check_parts({"train": (images, labels), "test": (images, labels + 1)})
    Traceback (most recent call last):
    ...
    ValueError: t10k-labels-idx1-ubyte has the label 2 (1 of 2 rows), which train-labels-idx1-ubyte lacks; it has 0, 1
    """
    (images, labels), (test_images, test_labels) = parts["train"], parts["test"]
    (images_name, labels_name), (test_images_name, test_labels_name) = names["train"], names["test"]
    if test_images.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"{test_images_name} has images of {_size(test_images)} pixels; expected {_size(images)}, as "
            f"{images_name} has"
        )
    known = np.unique(labels)
    if len(known) < 2:
        raise ValueError(f"{labels_name} has the label {known[0]} alone; expected two classes or more")
    unknown = test_labels[~np.isin(test_labels, known)]
    if len(unknown):
        raise ValueError(
            f"{test_labels_name} has the label {unknown[0]} ({np.sum(test_labels == unknown[0])} of {len(test_labels)} "
            f"rows), which {labels_name} lacks; it has {_some(known)}"
        )


def _size(images: NDArray[Any]) -> str:
    return "x".join(map(str, images.shape[1:]))


def _some(labels: NDArray[Any]) -> str:
    """List labels, and not more than a line holds."""
    return ", ".join(map(str, labels[:_MOST_LABELS])) + (", ..." if len(labels) > _MOST_LABELS else "")
