"""The weight of each class: learned from the training labels once, and given to whatever samples come.

The weights belong to the classes, so that a validation set or a batch may lack a class, and is weighted as training is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.parameters import ParameterError, no_such
from pipeline.text import shown_value

Array = NDArray[Any]
ClassWeight = Literal["balanced"] | Mapping[Any, float] | Sequence[Mapping[Any, float]]


class ClassWeights:
    """A weight for every class of every output.

    Parameters
    ----------
    tables : list of ndarray
        For every output, the weights of its classes: of all classes in their order where there is one label for a
        sample, of 0 and 1 where there are several.
    """

    def __init__(self, tables: list[Array]) -> None:
        self.tables = tables

    @classmethod
    def learn(cls, class_weight: ClassWeight, classes: Array, codes: Array) -> Self:
        """Return the weights that training labels come to.

        Parameters
        ----------
        class_weight : dict, "balanced" or list of dict
            As ``MLPClassifier`` takes it.
        classes : ndarray of shape (n_classes,)
            All labels.
        codes : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The number of each training sample's class; or, where it has several labels at once, 0 or 1 for each.

        Raises
        ------
        ParameterError
            As scikit-learn's ``compute_sample_weight`` does: for a key that is no class, where other classes have no
            weight; for several labels, where there is no dict for each.
        """
        if codes.ndim == 1:
            return cls([_table(class_weight, classes, codes)])
        n_outputs = codes.shape[1]
        if isinstance(class_weight, Mapping):
            raise ParameterError(
                "For multi-output, class_weight should be a list of dicts, or the string 'balanced'. Got "
                f"{class_weight!r}"
            )
        each = [class_weight] * n_outputs if class_weight == "balanced" else list(class_weight)
        if len(each) != n_outputs:
            raise ParameterError(
                "For multi-output, number of elements in class_weight should match number of outputs. Got "
                f"{len(each)} element(s) while having {n_outputs} outputs."
            )
        return cls([_table(one, np.arange(2), codes[:, k]) for k, one in enumerate(each)])

    def of(self, codes: Array) -> Array:
        """Return the weight of each sample, (n_samples,): the product over its labels, if there are several."""
        columns = codes.reshape(len(codes), len(self.tables)).T
        product: Array = np.prod([table[column] for table, column in zip(self.tables, columns, strict=True)], axis=0)
        return product


def by_label(class_weight: Any, names: Sequence[str] | None) -> Any:
    """Return weights that are given for the names of classes as weights of the integers that stand for them.

    Parameters
    ----------
    class_weight : dict, "balanced", list of dict or None
        Of a dict, a key is a name, or what YAML takes one for: ``10``, ``true`` or ``null`` for a class called so.
        Anything else is returned as it is.
    names : sequence of str or None
        What the classes are called, in the order of their labels; None where their labels are their names.

    Raises
    ------
    ParameterError
        For a key that is no class, or one class that is named twice.

    Examples
    --------
    >>> by_label({"dog": 2, 10: 3}, ("2", "10", "cat", "dog"))
    {3: 2, 1: 3}
    >>> by_label({"7": 2}, None)
    {7: 2}
    """
    if not isinstance(class_weight, Mapping):
        return class_weight
    labels = {name: label for label, name in enumerate(names or map(str, range(_MOST_LABELS)))}
    weights: dict[int, float] = {}
    for key, weight in class_weight.items():
        name = _as_name(key)
        if name not in labels:
            labels_alone = f"its keys must be labels, which are integers from 0; got {shown_value(name)}"
            raise ParameterError(f"class_weight: {no_such('class', name, names) if names else labels_alone}")
        if labels[name] in weights:
            raise ParameterError(f"class_weight has two weights for the class {shown_value(name)}; expected is one")
        weights[labels[name]] = weight
    return weights


_MOST_LABELS = 256


def _as_name(key: Any) -> str:
    """Return the text that YAML has taken for something else."""
    if key is None or isinstance(key, bool):
        return str(key).lower().replace("none", "null")
    return str(key)


def _table(class_weight: Any, classes: Array, codes: Array) -> Array:
    """Return the weights of one output's classes."""
    if class_weight == "balanced":
        counts = np.bincount(codes, minlength=len(classes))
        balanced = len(codes) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return np.where(counts > 0, balanced, 0.0)  # a class that was never seen counts for nothing, as scikit-learn's
    if not isinstance(class_weight, Mapping):
        raise ParameterError(
            f"class_weight should be a dict or 'balanced' where there is one output. Got {class_weight!r}"
        )
    return _from_mapping(class_weight, classes)


def _from_mapping(class_weight: Mapping[Any, float], classes: Array) -> Array:
    """Return the weight of each class, 1 for those that are left out."""
    names = classes.tolist()
    dates = classes.dtype.kind in "mM"  # these have many types that are equal, but not as keys
    given = {np.asarray(key, classes.dtype).item() if dates else key: weight for key, weight in class_weight.items()}
    left_out = [name for name in names if name not in given]
    if left_out and len(names) - len(left_out) != len(given):
        unknown = [key for key in given if key not in names]
        raise ParameterError(
            f"The classes, {left_out}, are not in class_weight, which names what is no class: {unknown or given}"
        )
    return np.array([given.get(name, 1.0) for name in names], dtype=np.float64)
