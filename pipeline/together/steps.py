"""The steps of a ``Pipeline`` that ends in a network: where they are those of others, they are fitted once for all.

Its earlier steps are fitted as scikit-learn fits them, by a ``Pipeline`` whose last step keeps what it is handed.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from pipeline.callbacks import callbacks_of

Steps = list[tuple[str, Any]]
"""Steps of a ``Pipeline`` and their names."""


@dataclass
class NetworkSamples:
    """What a network is fitted to.

    Attributes
    ----------
    X, y, sample_weight
        As in its ``fit``.
    """

    X: Any
    y: Any
    sample_weight: Any = None


def network_of(model: Any) -> Any:
    """Return what is last in a ``Pipeline``, and any other model itself."""
    return model.steps[-1][1] if type(model) is Pipeline else model


def weight_name(model: Any) -> str:
    """Return the parameter of a model's ``fit`` that is its network's ``sample_weight``."""
    return f"{model.steps[-1][0]}__sample_weight" if isinstance(model, Pipeline) else "sample_weight"


def steps_key(model: Any) -> str | None:
    """Return what models have in common whose earlier steps come out the same from the same samples; None if nothing.

    It is what their steps are compared by where scikit-learn has a ``memory`` for them. Steps that draw random numbers
    without a number as seed, or tell of what they do, have nothing in common with others.
    """
    if not isinstance(model, Pipeline):
        return ""
    if model.verbose or get_config()["enable_metadata_routing"] or get_tags(model).input_tags.pairwise:
        return None
    if any(callbacks_of(step) for step in (model, *(step for _, step in model.steps))):
        return None
    for _, step in model.steps[:-1]:
        values = step.get_params() if hasattr(step, "get_params") else {}
        seeds = [value for name, value in values.items() if name.split("__")[-1] == "random_state"]
        if not all(isinstance(seed, int | np.integer) for seed in seeds):
            return None
    parts = model.steps[:-1], model.memory, model.transform_input, model.steps[-1][0]
    return str(joblib.hash(parts))


def fit_steps(model: Any, X: Any, y: Any, fit_params: Mapping[str, Any]) -> tuple[Steps, NetworkSamples]:
    """Fit the earlier steps of a model, which are changed, and return them and what its network is to be fitted to.

    Parameters
    ----------
    model : estimator
        A ``Pipeline``, or a network, which has no such steps.
    X, y
        Training samples.
    fit_params : mapping
        What else its ``fit`` would be called with.

    Examples
    --------
    >>> from pipeline import MLPClassifier
    >>> from sklearn.preprocessing import StandardScaler
    >>> model = Pipeline([("scale", StandardScaler()), ("learn", MLPClassifier())])
    >>> steps, samples = fit_steps(model, [[0.0], [2.0]], [0, 1], {})
    >>> samples.X.tolist()
    [[-1.0], [1.0]]
    """
    if not isinstance(model, Pipeline):
        return [], NetworkSamples(X, y, fit_params.get("sample_weight"))
    keeper = _Keeper()
    steps = [*model.steps[:-1], (model.steps[-1][0], keeper)]
    fitted = Pipeline(steps, memory=model.memory, transform_input=model.transform_input).fit(X, y, **fit_params)
    return fitted.steps[:-1], keeper.samples


def complete(model: Any, steps: Steps, network: Any) -> Any:
    """Return a model as its ``fit`` leaves it, of fitted steps, which are others' as well, and a fitted network."""
    if isinstance(model, Pipeline):
        model.steps = [*deepcopy(steps), (model.steps[-1][0], network)]
    return model


class _Keeper(BaseEstimator):
    """Stands for a network, and keeps what it would be fitted to."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Keep it."""
        self.samples = NetworkSamples(X, y, sample_weight)
        return self
