"""Labels and numbers as the targets of a network, and its outputs as labels or numbers."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

Array = NDArray[Any]
LABEL_TYPES = ("binary", "multiclass", "multilabel-indicator")
"""The kinds of labels, as scikit-learn calls them."""
AT_ONCE = 2**16
"""Labels that are encoded at once."""


class Targets:
    """What an estimator's targets are, and how the network's targets and outputs are made of them and into them."""

    def encode(self, y: ArrayLike, dtype: DTypeLike | None = None) -> Array:
        """Return the network's targets, (n_samples, n_outputs)."""
        raise NotImplementedError

    def decode(self, P: Array) -> Array:
        """Return what is predicted, by the network's outputs (n_samples, n_outputs)."""
        raise NotImplementedError

    def check_validation(self, y: ArrayLike) -> None:
        """Raise a ValueError for targets of validation data that are unlike those of training."""
        raise NotImplementedError


class TargetEncoder(Targets):
    """Encodes labels as one-hot targets; one column for two classes, one per label for several labels at once.

    Parameters
    ----------
    binarizer : LabelBinarizer
        Fitted.

    Examples
    --------
    >>> targets = TargetEncoder.learn(["b", "a", "c"])
    >>> targets.encode(["a", "c"])
    array([[1, 0, 0],
           [0, 0, 1]])
    >>> targets.codes(["a", "c"])
    array([0, 2])
    """

    def __init__(self, binarizer: LabelBinarizer) -> None:
        self.binarizer = binarizer

    @classmethod
    def learn(cls, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Return an encoder for training labels, or for all labels that there will be, announced as ``classes``.

        Raises
        ------
        ValueError
            For numbers that are not whole, among others.
        """
        kind = type_of_target(y)
        if kind.startswith("continuous"):
            raise ValueError(
                f"Unknown label type: {kind}. y must be labels of classes; what predicts such numbers is MLPRegressor"
            )
        announced = classes is not None and not kind.startswith("multilabel")
        return cls(LabelBinarizer().fit(classes if announced else y))

    @classmethod
    def from_state(cls, classes: Array, label_type: str, *, sparse: bool) -> Self:
        """Return the encoder that has these attributes."""
        binarizer = LabelBinarizer()
        binarizer.classes_, binarizer.y_type_, binarizer.sparse_input_ = classes, label_type, sparse
        return cls(binarizer)

    @property
    def classes(self) -> Array:
        """All labels, (n_classes,), in their order."""
        return np.asarray(self.binarizer.classes_)

    @property
    def label_type(self) -> str:
        """One of ``LABEL_TYPES``."""
        return str(self.binarizer.y_type_)

    @property
    def sparse(self) -> bool:
        """Whether the labels came as a sparse matrix, and are handed back as one."""
        return bool(self.binarizer.sparse_input_)

    @property
    def multilabel(self) -> bool:
        """Whether a sample has several labels at once."""
        return self.label_type.startswith("multilabel")

    @property
    def output_activation(self) -> str:
        """The activation of a network's output."""
        return "softmax" if self.label_type == "multiclass" else "logistic"

    def rename(self, names: Array) -> Self:
        """Return the encoder that calls the classes by other names, in the same order, which need not be sorted."""
        return self.from_state(names, self.label_type, sparse=self.sparse)

    def encode(self, y: ArrayLike, dtype: DTypeLike | None = None) -> Array:
        """Return targets, (n_samples, n_outputs); scikit-learn's own arrays, much larger, are of some samples alone."""
        if self.multilabel or len(y) <= AT_ONCE:  # type: ignore[arg-type]  # it has a length
            return np.asarray(self._encode(y), dtype)
        labels = np.asarray(y)
        Y = np.empty((len(labels), len(self.classes) if len(self.classes) > 2 else 1), dtype or np.intp)
        for start in range(0, len(labels), AT_ONCE):
            Y[start : start + AT_ONCE] = self._encode(labels[start : start + AT_ONCE])
        return Y

    def _encode(self, y: ArrayLike) -> Any:
        if self.multilabel:
            return self.from_state(self._known, self.label_type, sparse=self.sparse).binarizer.transform(y)
        if self._is_sorted:
            return self.binarizer.transform(y)
        numbered = LabelBinarizer(sparse_output=False).fit(np.arange(len(self.classes)))
        return numbered.transform(self.codes(y))

    @property
    def _is_sorted(self) -> bool:
        """Whether the classes stand in NumPy's order; names of a data set stand in a person's, "2" before "10"."""
        return bool((self.classes[:-1] <= self.classes[1:]).all())

    def codes(self, y: ArrayLike) -> Array:
        """Return the number of each sample's class, (n_samples,), or 0 or 1 for each of several labels."""
        if self.multilabel:
            return np.asarray(self.encode(y), dtype=np.intp)
        order = np.argsort(self.classes)
        return np.asarray(order[np.searchsorted(self.classes, y, sorter=order)])

    def decode(self, P: Array) -> Array:
        """Return the likeliest labels by a network's outputs; for several at once, a sparse matrix where y was one."""
        if self.output_activation == "softmax":
            return np.asarray(self.classes[P.argmax(axis=1)])
        if P.shape[1] == 1:
            return np.asarray(self.classes[np.minimum(P[:, 0] > 0.5, len(self.classes) - 1)])
        several: Array = self.binarizer.inverse_transform(P)
        return several

    @property
    def _known(self) -> Array:
        """What ``unique_labels`` finds: the classes, or of several labels at once the numbers of their columns."""
        return np.arange(len(self.classes)) if self.multilabel else self.classes

    def check_announced(self, classes: ArrayLike) -> None:
        """Raise a ValueError where ``partial_fit`` is given other ``classes`` than before."""
        if not np.array_equal(np.sort(self._known), unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes!r}"
            )

    def check_known(self, y: ArrayLike, *, all_of_them: bool = False) -> None:
        """Raise a ValueError for labels that are no classes, and with ``all_of_them`` for classes without a sample."""
        labels = unique_labels(y)
        if all_of_them and set(labels) != set(self._known):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes}, `y` has {labels}"
            )
        if len(np.setdiff1d(labels, self._known, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. 'y' has {labels}."
            )

    def check_validation(self, y: ArrayLike) -> None:
        """Raise a ValueError for labels of validation data that no training sample has."""
        unknown = np.setdiff1d(unique_labels(y), self._known)
        if len(unknown):
            raise ValueError(f"y_val has labels that y has not: {unknown}; y has {self.classes}")


@dataclass(frozen=True)
class RegressionTargets(Targets):
    """Numbers as they are, one column for each target; where quantiles are predicted, one for each of a target's.

    Attributes
    ----------
    n_targets : int
        Numbers that are predicted of a sample. A single one is one-dimensional, as y was.
    n_quantiles : int or None
        Quantiles of each, on an axis of their own at the end; None where there is no such axis.

    Examples
    --------
    >>> RegressionTargets.learn(np.array([[1.0, 2.0]]), n_quantiles=3).encode(np.array([[1.0, 2.0]]))
    array([[1., 1., 1., 2., 2., 2.]])
    >>> RegressionTargets(1).decode(np.array([[0.5], [0.25]]))
    array([0.5 , 0.25])
    """

    n_targets: int
    n_quantiles: int | None = None

    @classmethod
    def learn(cls, y: Array, n_quantiles: int | None = None) -> Self:
        """Return what targets (n_samples,) or (n_samples, n_targets) are."""
        return cls(1 if y.ndim == 1 else y.shape[1], n_quantiles)

    @property
    def n_outputs(self) -> int:
        """Columns of the network's output."""
        return self.n_targets * (self.n_quantiles or 1)

    def encode(self, y: ArrayLike, dtype: DTypeLike | None = None) -> Array:
        """Return the network's targets, (n_samples, n_outputs): each target as often as it has quantiles.

        Raises
        ------
        ValueError
            For numbers beyond those that the dtype has.
        """
        numbers = np.asarray(y)
        with np.errstate(over="ignore"):
            Y = numbers.reshape(len(numbers), self.n_targets).astype(dtype)
        if Y.dtype.kind == "f" and not np.isfinite(Y).all():
            raise ValueError(f"y must be numbers that {Y.dtype} has, the precision of X; got up to {np.abs(y).max()}")
        return Y.repeat(self.n_quantiles or 1, axis=1)

    def decode(self, P: Array) -> Array:
        """Return outputs in the shape of y, with quantiles on an axis of their own."""
        targets = () if self.n_targets == 1 else (self.n_targets,)
        quantiles = () if self.n_quantiles is None else (self.n_quantiles,)
        return P.reshape(len(P), *targets, *quantiles)

    @property
    def predicted(self) -> str:
        """What is predicted of each target, in words."""
        return "one number" if self.n_quantiles is None else f"a tuple of {self.n_quantiles} quantiles"

    def check_same(self, others: "RegressionTargets") -> None:
        """Raise a ValueError for other targets than training began with."""
        if others.n_targets != self.n_targets:
            raise ValueError(f"y has {others.n_targets} targets; training goes on with {self.n_targets}")
        if others.n_quantiles != self.n_quantiles:
            raise ValueError(f"{others.predicted} of each target is asked for; training goes on with {self.predicted}")

    def check_validation(self, y: ArrayLike) -> None:
        """Raise a ValueError for validation data with another number of targets, or of too few samples for a score."""
        n_targets = self.learn(np.asarray(y)).n_targets
        if n_targets != self.n_targets:
            raise ValueError(f"y_val has {n_targets} targets; y has {self.n_targets}")
        if len(np.asarray(y)) < 2:
            raise ValueError("X_val and y_val must have at least two samples: the score of fewer is no number")
