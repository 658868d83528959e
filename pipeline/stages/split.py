"""Which rows of the training file to learn from, and which to hold back for validation.

``Split`` is a scikit-learn splitter, to be given as ``cv=``, and it draws with scikit-learn's own: the rows are the
same on every machine.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.random import Generator, RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from pipeline.artifacts import PREPARED, SPLIT, read_class_names, read_labels, rows_name
from pipeline.data.npy import write_npy
from pipeline.parameters import check_parameters
from pipeline.progress import Progress
from pipeline.stages.base import Stage
from pipeline.text import shown


class Split(Stage, BaseEstimator):
    """Hold back a fraction of the rows for validation, once, at random.

    Parameters
    ----------
    validation_fraction : float, default=0.15
        The share of the rows that is held back. With 0 the workflow has no validation rows; as ``cv=`` that is an
        error.
    stratify : bool, default=True
        Whether every class keeps its share in both parts.
    random_state : int, Generator, RandomState or None, default=42
        The seed of the draw. An int draws the same rows every time; a Generator hands over one drawn integer.

    Examples
    --------
    >>> split = Split(validation_fraction=0.25, random_state=0)
    >>> [(train, validation)] = split.split(np.zeros((8, 1)), [0, 0, 0, 0, 1, 1, 1, 1])
    >>> train
    array([1, 2, 3, 4, 5, 6])
    >>> validation
    array([0, 7])
    """

    reads: ClassVar[tuple[str, ...]] = (PREPARED,)
    writes: ClassVar[str] = SPLIT

    def __init__(
        self,
        validation_fraction: Annotated[float, ">= 0", "< 1"] = 0.15,
        stratify: bool = True,
        random_state: Annotated[int, ">= 0", "<= 4294967295"] | Generator | RandomState | None = 42,
    ) -> None:
        self.validation_fraction = validation_fraction
        self.stratify = stratify
        self.random_state = random_state

    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: object = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield one pair of row numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Its rows are counted, and nothing else.
        y : array-like of shape (n_samples,), optional
            Labels; stratifying needs them.
        groups : ignored
            Here because scikit-learn hands it over.

        Yields
        ------
        train, validation : ndarray of int64
            Numbers of rows, ascending, each row in one of the two.

        Raises
        ------
        ParameterError
            Where a parameter is not allowed.
        ValueError
            Where no rows are to be held back, or there are too few for such a draw.
        """
        del groups
        check_parameters(self)
        if self.validation_fraction == 0:
            raise ValueError("validation_fraction must be > 0 for a split; got 0")
        if self.stratify and y is None:
            raise ValueError("y must be given to stratify; got None (stratify=False needs none)")
        try:
            train, validation = next(self._splitter().split(X, y))
        except ValueError as error:
            raise self._error(str(error)) from error
        yield np.sort(train).astype(np.int64), np.sort(validation).astype(np.int64)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return 1: the number of pairs that `split` yields."""
        del X, y, groups
        return 1

    def _splitter(self) -> ShuffleSplit | StratifiedShuffleSplit:
        """Return scikit-learn's splitter that draws for this one."""
        kind = StratifiedShuffleSplit if self.stratify else ShuffleSplit
        seed = self.random_state
        if isinstance(seed, Generator):  # which scikit-learn's splitters do not take
            seed = int(seed.integers(2**32))
        return kind(n_splits=1, test_size=float(self.validation_fraction), random_state=seed)

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Write ``train.npy`` and ``validation.npy``."""
        del progress
        y = read_labels(artifacts, "train")
        train, validation = self._rows(y, read_class_names(artifacts, PREPARED))
        write_npy(folder / rows_name("train"), train)
        write_npy(folder / rows_name("validation"), validation)
        return {"train": len(train), "validation": len(validation)}

    def _rows(self, y: NDArray[np.int64], names: Sequence[str] | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the one pair, or every row and none where nothing is to be held back.

        Every class must be among the rows to learn from: a model that does not know it cannot be measured on it.
        """
        rows = np.arange(len(y), dtype=np.int64)
        if not self.validation_fraction:
            return rows, rows[:0]
        if self.stratify:
            self._check_counts(y, names)
        train, validation = next(self.split(rows, y))
        lost = np.setdiff1d(y, y[train])
        if len(lost):
            raise self._error(
                f"class {_called(lost[0], names)} has all its rows, {np.sum(y == lost[0])}, held back, and none to "
                "learn from; a smaller split.validation_fraction or another split.random_state mends it"
            )
        return train, validation

    def _check_counts(self, y: NDArray[np.int64], names: Sequence[str] | None) -> None:
        """Raise where there are too few rows to have each class in both parts."""
        labels, counts = np.unique(y, return_counts=True)
        if counts.min() < 2:
            rarest = _called(labels[counts.argmin()], names)
            raise self._error(f"class {rarest} has 1 row, and expected are 2 or more; split.stratify=false takes any")
        n_validation = math.ceil(self.validation_fraction * len(y))
        n_train = len(y) - n_validation
        if min(n_train, n_validation) < len(labels):
            raise self._error(
                f"{n_train} rows to learn from and {n_validation} held back; expected are {len(labels)} or more of "
                f"both, for {len(labels)} classes; split.stratify=false takes any"
            )

    def _error(self, reason: str) -> ValueError:
        chosen = f"validation_fraction={self.validation_fraction}, stratify={self.stratify}"
        return ValueError(f"cannot split with {chosen}: {reason}")


def _called(label: np.integer[Any], names: Sequence[str] | None) -> str:
    """Return what a class is called."""
    return str(label) if names is None else shown(repr(names[int(label)]), 50)
