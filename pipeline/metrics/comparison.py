"""Two models on the same images: what each gets right, where they differ, and whether chance would do as much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline import metrics

_SELDOM = 0.05
"""A p below which two models are said to differ."""

_LEAST = 1e-300
"""A smaller p is not told: it may be no more than what is left of one that is too small for a float."""


class ClassDifference(NamedTuple):
    """What becomes of the images of one label: how many there are, what each finds, and what one alone gets right."""

    label: Any
    n: int
    recall_a: float
    recall_b: float
    only_a_right: int
    only_b_right: int


@dataclass(frozen=True)
class Comparison:
    """What two models, A and B, made of the same images.

    Attributes
    ----------
    labels : list
        What labels are called: the classes of both, then what neither has learned.
    a, b : Outcomes
        Of every image.
    """

    labels: list[Any]
    a: metrics.Outcomes
    b: metrics.Outcomes

    @property
    def n(self) -> int:
        """How many images there are."""
        return len(self.a.true)

    @property
    def right(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether A, and whether B, was right about each image."""
        return self.a.predicted == self.a.true, self.b.predicted == self.b.true

    @property
    def counts(self) -> dict[str, int]:
        """How many images both, A alone, B alone and neither got right."""
        a, b = self.right
        return {
            "both_right": int((a & b).sum()),
            "only_a_right": int((a & ~b).sum()),
            "only_b_right": int((b & ~a).sum()),
            "both_wrong": int((~a & ~b).sum()),
        }

    @property
    def p_value(self) -> float:
        """How likely two equally good models differ by as much; see `pipeline.metrics.mcnemar`."""
        return metrics.mcnemar(self.a.true, self.a.predicted, self.b.predicted)

    @property
    def by_class(self) -> list[ClassDifference]:
        """What becomes of the images of each label that there are images of."""
        a, b = self.right
        found = []
        for place, label in enumerate(self.labels):
            of = self.a.true == place
            if n := int(of.sum()):
                alone = int((of & a & ~b).sum()), int((of & b & ~a).sum())
                found.append(ClassDifference(label, n, float(a[of].mean()), float(b[of].mean()), *alone))
        return found

    @property
    def differing(self) -> dict[str, NDArray[np.intp]]:
        """The images with two answers, those first that were answered wrong most surely, by who was right."""
        a, b = self.right
        sure = np.maximum(np.where(a, 0, self.a.confidence), np.where(b, 0, self.b.confidence))
        order = np.argsort(-sure, kind="stable")
        kinds = {
            "only_a_right": a & ~b,
            "only_b_right": b & ~a,
            "both_wrong": ~a & ~b & (self.a.predicted != self.b.predicted),
        }
        return {name: order[of[order]] for name, of in kinds.items()}


def compare(y_true: ArrayLike, one: ArrayLike, other: ArrayLike, classes: Sequence[Any]) -> Comparison:
    """Compare the probabilities of two models.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    one, other : array-like of shape (n_samples, n_classes)
        The probabilities of each model.
    classes : sequence of length n_classes
        The label of each column, the same of both.

    Raises
    ------
    ValueError
        Where labels, probabilities and classes do not fit together.

    Examples
    --------
    >>> found = compare(["a", "b"], [[0.75, 0.25], [0.5, 0.5]], [[0.75, 0.25], [0.25, 0.75]], ["a", "b"])
    >>> found.counts["only_b_right"], found.p_value
    (1, 1.0)
    """
    return Comparison(
        metrics.all_labels(y_true, classes),
        metrics.outcomes(y_true, one, classes),
        metrics.outcomes(y_true, other, classes),
    )


def meaning(found: Comparison) -> str:
    """Return what McNemar's test says, in words.

    Examples
    --------
    >>> meaning(compare(["a", "b"], [[0.75, 0.25], [0.5, 0.5]], [[0.75, 0.25], [0.25, 0.75]], ["a", "b"]))
    'p = 1: equally good models differ by as much often enough, so neither can be called better'
    """
    p_value, counts = found.p_value, found.counts
    p = f"p = {p_value:.2g}" if p_value >= _LEAST else f"p < {_LEAST:g}"
    if p_value >= _SELDOM:
        return f"{p}: equally good models differ by as much often enough, so neither can be called better"
    better = "A" if counts["only_a_right"] > counts["only_b_right"] else "B"
    return f"{p}: equally good models seldom differ by as much, so {better} is better on images like these"
