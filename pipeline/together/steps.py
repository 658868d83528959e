"""What comes before a network: the steps of a ``Pipeline``, and what transforms the targets.

Where that is the same as others have, it is fitted once for all: as scikit-learn fits it, but for the network, in whose
place something keeps what it is handed.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from pipeline.callbacks import callbacks_of


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
    """Return what is innermost in a ``Pipeline`` or ``TransformedTargetRegressor``, and any other model itself.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> network_of(TransformedTargetRegressor(Pipeline([("learn", Ridge())])))
    Ridge()
    """
    if type(model) is Pipeline:
        return network_of(model.steps[-1][1])
    return network_of(model.regressor) if type(model) is TransformedTargetRegressor else model


def weight_name(model: Any) -> str:
    """Return the parameter of a model's ``fit`` that is its network's ``sample_weight``."""
    if type(model) is Pipeline:
        name, last = model.steps[-1]
        return f"{name}__{weight_name(last)}"
    return weight_name(model.regressor) if type(model) is TransformedTargetRegressor else "sample_weight"


def steps_key(model: Any) -> str | None:
    """Return what models have in common that are the same but for their network; None for one that has nothing.

    They are compared as scikit-learn's ``memory`` compares steps. Those that draw random numbers without a number as
    seed, or tell of what they do, have nothing in common with others.
    """
    if network_of(model) is model:
        return ""
    if get_config()["enable_metadata_routing"] or get_tags(model).input_tags.pairwise:
        return None
    parts = [model, *(value for value in model.get_params().values() if isinstance(value, BaseEstimator))]
    if any(callbacks_of(part) or (isinstance(part, Pipeline) and part.verbose) for part in parts):
        return None
    around = _around(model, "passthrough")
    seeds = [value for name, value in around.get_params().items() if name.split("__")[-1] == "random_state"]
    return str(joblib.hash(around)) if all(isinstance(seed, int | np.integer) for seed in seeds) else None


def fit_steps(model: Any, X: Any, y: Any, fit_params: Mapping[str, Any]) -> tuple[Any, NetworkSamples]:
    """Fit all of a model but its network, and return it and what the network is to be fitted to.

    Parameters
    ----------
    model : estimator
        It is changed, and not to be used otherwise.
    X, y
        Training samples.
    fit_params : mapping
        What else its ``fit`` would be called with.

    Examples
    --------
    >>> from pipeline import MLPClassifier
    >>> from sklearn.preprocessing import StandardScaler
    >>> model = Pipeline([("scale", StandardScaler()), ("learn", MLPClassifier())])
    >>> fitted, samples = fit_steps(model, [[0.0], [2.0]], [0, 1], {})
    >>> samples.X.tolist()
    [[-1.0], [1.0]]
    """
    fitted = _around(model, _Keeper()).fit(X, y, **fit_params)
    samples: NetworkSamples = vars(_innermost(fitted)).pop("samples")
    return fitted, samples


def complete(model: Any, fitted: Any, network: Any) -> Any:
    """Return a model as its ``fit`` leaves it.

    Parameters
    ----------
    model : estimator
        It is changed.
    fitted : estimator
        What ``fit_steps`` has fitted; it is copied.
    network : estimator
        The network, fitted.
    """
    if type(model) is Pipeline:
        (name, last), (_, inner) = model.steps[-1], fitted.steps[-1]
        model.steps = [*deepcopy(fitted.steps[:-1]), (name, complete(last, inner, network))]
    elif type(model) is TransformedTargetRegressor:
        names = vars(fitted).keys() - model.get_params(deep=False).keys() - {"regressor_"}
        vars(model).update({name: deepcopy(value) for name, value in vars(fitted).items() if name in names})
        model.regressor_ = complete(clone(model.regressor), fitted.regressor_, network)
        if hasattr(model.regressor_, "feature_names_in_"):
            model.feature_names_in_ = model.regressor_.feature_names_in_
    else:
        return network
    return model


def _around(model: Any, network: Any) -> Any:
    """Return a model of the same parts, with something else in place of its network."""
    values = model.get_params(deep=False)
    if type(model) is Pipeline:
        name, last = model.steps[-1]
        return Pipeline(**(values | {"steps": [*model.steps[:-1], (name, _around(last, network))]}))
    if type(model) is TransformedTargetRegressor:
        return TransformedTargetRegressor(**(values | {"regressor": _around(model.regressor, network)}))
    return network


def _innermost(fitted: Any) -> Any:
    """Return what a fitted model has in place of a network."""
    if type(fitted) is Pipeline:
        return _innermost(fitted.steps[-1][1])
    return _innermost(fitted.regressor_) if type(fitted) is TransformedTargetRegressor else fitted


class _Keeper(BaseEstimator):
    """Stands for a network, and keeps what it would be fitted to."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Keep it."""
        self.samples = NetworkSamples(X, y, sample_weight)
        return self

    def predict(self, X: Any) -> Any:
        """Be what a ``TransformedTargetRegressor`` takes; nothing asks for it."""
        raise NotImplementedError
