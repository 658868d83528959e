"""Which pictures are the test part, where a data set has none: a fraction of each class, and no group on both sides.

Hands on a draw that is a seed's, and what is to be said of a division into parts, drawn or given.
"""

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.class_names import natural_key
from pipeline.text import shown

_MOST_NAMES = 3
"""Classes, or groups, that are listed in a line."""


class HoldoutError(ValueError):
    """No test part can be drawn, or a network could not learn what it is tested on; the message says what would do."""


def draw_test(
    names: Sequence[str], test_fraction: float, random_state: int, groups: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """Draw the test part: of each class its fraction, and no group on both sides.

    Parameters
    ----------
    names : sequence of str
        The class of each sample.
    test_fraction : float
        On 0..1. With groups, one of ``1 / test_fraction`` folds is drawn, or of as many as there are groups; of the
        folds that leave something of each class to learn from, the first that has all classes, or else the first.
    random_state : int
        The seed.
    groups : sequence of str, optional
        The group of each sample, such as its writer.

    Returns
    -------
    ndarray of shape (n_samples,), bool
        Whether a sample is for testing.

    Raises
    ------
    HoldoutError
        Where there are too few samples, or groups, for all classes to be in the part to learn from.

    Examples
    --------
    >>> draw_test(["a", "a", "b", "b"], 0.5, 0).sum()
    np.int64(2)
    >>> is_test = draw_test(["a", "b"] * 3, 0.3, 0, ["ann", "ann", "bob", "bob", "eve", "eve"])
    >>> sorted(is_test.reshape(3, 2).sum(axis=1).tolist())
    [0, 0, 2]
    """
    counts = Counter(names)
    rarest = min(counts, key=lambda name: (counts[name], natural_key(name)))
    if counts[rarest] < 2:
        raise HoldoutError(
            f"the class {_quoted(rarest)} has 1 picture, and there is no test part; expected are 2 or more, to draw one"
        )
    if groups is None:
        return _draw_samples(names, len(counts), test_fraction, random_state)
    return _draw_groups(names, test_fraction, random_state, groups)


def _draw_samples(names: Sequence[str], n_classes: int, test_fraction: float, random_state: int) -> NDArray[np.bool_]:
    """Draw samples one by one."""
    from sklearn.model_selection import StratifiedShuffleSplit  # noqa: PLC0415 - start-up time

    n_test = math.ceil(test_fraction * len(names))
    n_train = len(names) - n_test
    if min(n_test, n_train) < n_classes:
        few = f"{n_test} to test" if n_test < n_classes else f"{n_train} to learn from"
        least = math.ceil(100 * n_classes / len(names)) / 100
        bound = f"{least:g} or more" if n_test < n_classes else f"{1 - least:g} or less"
        possible = f": set fetch.test_fraction to {bound}" if 2 * n_classes <= len(names) else ""
        raise HoldoutError(
            f"no test part can be drawn with test_fraction={test_fraction:g}: of {len(names)} pictures it makes {few}, "
            f"and expected is one at least of each of {n_classes} classes{possible}"
        )
    splitter = StratifiedShuffleSplit(1, test_size=test_fraction, random_state=random_state)
    return next(_drawn(splitter, names, None))


def _draw_groups(
    names: Sequence[str], test_fraction: float, random_state: int, groups: Sequence[str]
) -> NDArray[np.bool_]:
    """Draw a fold of whole groups."""
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415 - start-up time

    n_groups = len(set(groups))
    if n_groups < 2:
        raise HoldoutError(
            f"all pictures are of the group {_quoted(groups[0])}, and there is no test part; expected are two groups "
            "or more, for none may be on both sides"
        )
    n_folds = min(max(2, round(1 / test_fraction)), n_groups, max(Counter(names).values()))
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
    folds = [fold for fold in _drawn(splitter, names, groups) if fold.any() and not _lacking(names, ~fold)]
    if not folds:
        raise HoldoutError(_inseparable(names, groups))
    return next((fold for fold in folds if not _lacking(names, fold)), folds[0])


def _drawn(splitter: Any, names: Sequence[str], groups: Sequence[str] | None) -> Iterator[NDArray[np.bool_]]:
    """Yield which samples are for testing, by a splitter of scikit-learn's."""
    numbers = {name: number for number, name in enumerate(sorted(set(names), key=natural_key))}
    labels = [numbers[name] for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are rarer than folds: what a fold lacks is looked at
        for _, test in splitter.split(labels, labels, groups):
            is_test = np.zeros(len(names), dtype=bool)
            is_test[test] = True
            yield is_test


def _inseparable(names: Sequence[str], groups: Sequence[str]) -> str:
    """Say why no fold of whole groups leaves something of each class to learn from."""
    found = defaultdict(set)
    for name, group in zip(names, groups, strict=True):
        found[name].add(group)
    alone = sorted((name for name in found if len(found[name]) == 1), key=natural_key)
    why = "".join(f"; all pictures of {_quoted(name)} are of {_quoted(*found[name])}" for name in alone[:_MOST_NAMES])
    return (
        f"no test part can be drawn of whole groups, of which there are {len(set(groups))}, that leaves something of "
        f"each class to learn from{why}: more groups of each class mend it, or a column split that says what is for "
        "testing"
    )


def check_division(names: Sequence[str], is_test: NDArray[np.bool_]) -> None:
    """Raise where a class has samples to test and none to learn from, or a part has none at all."""
    for part, rows in {"train": ~is_test, "test": is_test}.items():
        if not rows.any():
            raise HoldoutError(f"its {part} part has no picture that can be read")
    if lacking := _lacking(names, ~is_test):
        raise HoldoutError(f"{_classes(lacking)} in the test part and none in the training part")


def describe_division(
    names: Sequence[str], is_test: NDArray[np.bool_], groups: Sequence[str] | None = None
) -> list[str]:
    """Return what is to be known of a division into parts: classes that are not tested, groups on both sides.

    Examples
    --------
    >>> describe_division(["a", "a", "b"], np.array([False, True, False]), ["x", "x", "x"])
    ["no picture of the class 'b' is in the test part: how well it is told is not measured",
     "the group 'x' is in the training part and in the test part"]
    """
    told = []
    if lacking := _lacking(names, is_test):
        one = len(lacking) == 1
        words = f"the class {_quoted(*lacking)} is" if one else f"{len(lacking)} classes, {_some(lacking)}, is"
        told.append(
            f"no picture of {words} in the test part: how well {'it is' if one else 'they are'} told is not measured"
        )
    if groups is not None and (both := sorted(_of(groups, is_test) & _of(groups, ~is_test), key=natural_key)):
        words = f"the group {_quoted(*both)} is" if len(both) == 1 else f"{len(both)} groups, {_some(both)}, are"
        told.append(f"{words} in the training part and in the test part")
    return told


def _lacking(names: Sequence[str], rows: NDArray[np.bool_]) -> list[str]:
    """Return the classes that none of these rows has."""
    return sorted(set(names) - _of(names, rows), key=natural_key)


def _of(names: Sequence[str], rows: NDArray[np.bool_]) -> set[str]:
    return {names[row] for row in np.flatnonzero(rows).tolist()}


def _classes(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the class {_quoted(*names)} has pictures"
    return f"{len(names)} classes, {_some(names)}, have pictures"


def _some(names: Iterable[str]) -> str:
    """List names, and not more than a line holds."""
    quoted = [_quoted(name) for name in names]
    return ", ".join(quoted[:_MOST_NAMES]) + (", ..." if len(quoted) > _MOST_NAMES else "")


def _quoted(name: str) -> str:
    return shown(repr(name), 50)
