"""A fitted estimator of weights that were learned elsewhere, by what a model file is restored with.

What is not known of its training is what an estimator has that has seen no epoch.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.mlp.state import check_values
from pipeline.network.training import Epoch
from pipeline.parameters import check_parameters

Array = NDArray[Any]
MLP = TypeVar("MLP", MLPClassifier, MLPRegressor)
Affine = tuple[Array, Array]
"""Weights (n_in, n_out) and biases (n_out,) of a layer."""

NO_HISTORY: dict[str, list[float | None]] = {field.name: [] for field in fields(Epoch)}


def fitted_estimator(
    kind: type[MLP],
    parameters: Mapping[str, Any],
    widths: tuple[int, int],
    params: Array,
    targets: Mapping[str, Any],
    learned: Mapping[str, Any] | None = None,
) -> MLP:
    """Return an estimator that has learned these weights.

    Parameters
    ----------
    kind : {MLPClassifier, MLPRegressor}
        What it is to be.
    parameters : mapping
        Of its constructor; those that say what layers there are must say these.
    widths : tuple of int
        Features and outputs.
    params : ndarray
        All that the network has learned, as its ``snapshot`` has it.
    targets : mapping
        What is predicted: the values of a state that say so, and a classifier's ``classes`` as an array.
    learned : mapping, default=None
        More of the values of a state, such as ``loss_curve_``.

    Raises
    ------
    ParameterError
        For parameters that are not allowed.
    ValueError
        Where weights, targets and parameters do not go together.
    """
    estimator = kind(**parameters)
    check_parameters(estimator)
    arrays = {name: value for name, value in targets.items() if isinstance(value, np.ndarray)}
    values = {**_values(*widths), **(learned or {}), **targets}
    check_values(values)
    return estimator.set_state(values, {**arrays, "params": params})


def flat(layers: Sequence[Affine], *, bias: bool = True) -> Array:
    """Return all weights and biases in the order of a network's one buffer."""
    return np.concatenate([part.ravel() for W, b in layers for part in ((W, b) if bias else (W,))])


def widths(layers: Sequence[Affine]) -> tuple[int, int]:
    """Return how many features the first layer takes, and how many outputs the last one gives."""
    return len(layers[0][0]), len(layers[-1][1])


def label_type(fitted: Any) -> str:
    """Return the kind of labels that a network, ours or scikit-learn's, has learned, which its output tells."""
    if fitted.out_activation_ == "softmax":
        return "multiclass"
    return "binary" if fitted.n_outputs_ == 1 else "multilabel-indicator"


def _values(n_features: int, n_outputs: int) -> dict[str, Any]:
    """Return the plain values of a state that has no epoch behind it."""
    return {
        "best_loss_": math.inf,
        "best_validation_score_": None,
        "loss_": math.inf,
        "loss_curve_": [],
        "n_features_in_": n_features,
        "n_iter_": 0,
        "n_outputs_": n_outputs,
        "t_": 0,
        "validation_scores_": None,
        "history": NO_HISTORY,
    }
