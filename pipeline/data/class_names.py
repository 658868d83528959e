"""What the classes of a data set are called: labels are integers in every file, and their names stand beside them.

Hands on the names in the order of the labels, which is the order that a person expects: "2" before "10". A data set
whose classes are integers anyhow, as MNIST's, has no such file.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.strict_json import JsonError, read_json, write_json
from pipeline.text import shown

FILE = "classes.json"
"""Where the names stand, in ``raw`` and in ``prepared``: a list, whose first item is the name of label 0."""

MOST_CLASSES = 256
"""Labels are bytes."""


def natural_key(name: str) -> tuple[Any, ...]:
    """Return what sorts names as a person would: numbers in them by value, letters whatever their case.

    Examples
    --------
    >>> sorted(["b", "10", "2", "a12", "A3"], key=natural_key)
    ['2', '10', 'A3', 'a12', 'b']
    """
    pieces = re.split(r"([0-9]+)", name)
    return tuple(_by_value(one) if one[:1] in _DIGITS else (-1, one.casefold()) for one in pieces), name


_DIGITS = tuple("0123456789")


def _by_value(digits: str) -> tuple[int, str]:
    """Return what sorts digits by the number that they are, which may be longer than Python would read."""
    number = digits.lstrip("0")
    return len(number), number


def number_classes(names: Iterable[str]) -> tuple[dict[str, int], tuple[str, ...] | None]:
    """Return the label of each class, and the names in the order of the labels.

    Parameters
    ----------
    names : iterable of str
        The classes' names, in any order.

    Returns
    -------
    labels : dict of int
        Where all names are integers from 0 to 255, these; else numbers from 0 in natural order.
    names : tuple of str or None
        None where the names are integers, which say the same as the labels.

    Raises
    ------
    ValueError
        Where two names differ only in case, or there are more than 256.

    Examples
    --------
    >>> number_classes(["10", "2"])
    ({'2': 2, '10': 10}, None)
    >>> number_classes(["dog", "cat"])
    ({'cat': 0, 'dog': 1}, ('cat', 'dog'))
    """
    ordered = sorted(set(names), key=natural_key)
    _check_case(ordered)
    if len(ordered) > MOST_CLASSES:
        raise ValueError(f"it has {len(ordered)} classes; at most {MOST_CLASSES} can be told apart")
    if all(re.fullmatch(r"0|[1-9][0-9]{0,2}", name) and int(name) < MOST_CLASSES for name in ordered):
        return {name: int(name) for name in ordered}, None
    return {name: label for label, name in enumerate(ordered)}, tuple(ordered)


def in_order(names: Sequence[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the label of each class, and their names, in an order that is given; see `number_classes`.

    Examples
    --------
    >>> in_order(["b", "a"])
    ({'b': 0, 'a': 1}, ('b', 'a'))
    """
    return {name: label for label, name in enumerate(names)}, tuple(names)


def _check_case(names: Iterable[str]) -> None:
    """Raise where two names differ only in case, in blanks, or in how an accent is written."""
    known: dict[str, str] = {}
    for name in names:
        plain = " ".join(unicodedata.normalize("NFC", name).casefold().split())
        other = known.setdefault(plain, name)
        if other != name:
            raise ValueError(
                f"the classes {shown(repr(other), 50)} and {shown(repr(name), 50)} differ only in case, in blanks or "
                "in how a letter is written; rename one, or put both into one"
            )


def write_class_names(folder: Path, names: Sequence[str] | None) -> None:
    """Write the names of the classes into a folder that is itself unfinished; nothing, where there are none."""
    if names is not None:
        write_json(folder / FILE, list(names), ensure_ascii=False)


def read_class_names(folder: str | os.PathLike[str]) -> tuple[str, ...] | None:
    """Read the names of the classes from a folder of the artifacts.

    Returns
    -------
    tuple of str or None
        In the order of the labels; None where the classes have no names but their labels.

    Raises
    ------
    ValueError
        Naming the file, where it holds no such names.
    """
    path = Path(folder, FILE)
    try:
        names = read_json(path)
    except FileNotFoundError:
        return None
    except JsonError as error:
        raise ValueError(f"{path} is damaged: {shown(error)}") from None
    good = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not good or not 2 <= len(names) <= MOST_CLASSES or len(set(names)) < len(names):
        raise ValueError(f"{path} is damaged: it must be a list of 2 to {MOST_CLASSES} names that are all different")
    return tuple(names)


def check_class_names(folder: Path, names: Sequence[str] | None, labels: NDArray[np.integer[Any]]) -> None:
    """Raise where a label has no name.

    Raises
    ------
    ValueError
        Naming the file, and the label.
    """
    if names is not None and labels.max() >= len(names):
        raise ValueError(f"{folder / FILE} has {len(names)} names, and none for the label {labels.max()}")


def named(labels: NDArray[np.integer[Any]], names: Sequence[str] | None) -> NDArray[Any]:
    """Return the names of labels, or the labels as they are where there are none.

    Examples
    --------
    >>> named(np.array([1, 0]), ("cat", "dog")).tolist()
    ['dog', 'cat']
    """
    return labels if names is None else np.array(names)[labels]
