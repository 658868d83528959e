"""Parameters that were set and have no effect, because another one decides so: the warning that names them.

scikit-learn's own, such as ``momentum`` with Adam, are ignored in silence, as by scikit-learn.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from pipeline.mlp.builder import Parameters
from pipeline.mlp.told import is_told_already


class Rule(NamedTuple):
    """When a parameter has an effect.

    Attributes
    ----------
    counts : callable
        Tells by the values of all parameters whether it has one.
    needs : str
        What it has an effect with, in words.
    """

    counts: Callable[[Parameters], Any]
    needs: str


def _makes_updates(parameters: Parameters) -> bool:
    return bool(parameters["solver"] != "lbfgs")


def _restores_best(parameters: Parameters) -> bool:
    return _makes_updates(parameters) and bool(parameters["early_stopping"] or parameters["monitor"] != "auto")


_UPDATES = Rule(_makes_updates, "a solver other than 'lbfgs'")
RULES: Mapping[str, Rule] = {
    "quantile": Rule(lambda parameters: parameters["loss"] == "quantile", "loss='quantile'"),
    "delta": Rule(lambda parameters: parameters["loss"] == "huber", "loss='huber'"),
    "rho": Rule(lambda parameters: parameters["solver"] == "rmsprop", "solver='rmsprop'"),
    "weight_decay": Rule(
        lambda parameters: parameters["solver"] == "adamw" or not parameters["weight_decay"], "solver='adamw'"
    ),
    "monitor": _UPDATES,
    "replacement": _UPDATES,
    "max_updates": _UPDATES,
    "recompute_statistics": Rule(lambda parameters: parameters["batch_norm"], "batch_norm=True"),
    "bias_init": Rule(lambda parameters: parameters["bias"], "bias=True"),
    "best_epoch": Rule(_restores_best, "early_stopping or monitor, which restore the best weights"),
}
"""When those have an effect that do not always have one, by their names."""


def ignored(parameters: Parameters, defaults: Parameters) -> Iterator[str]:
    """Yield a sentence for each parameter that is set to another value than its default, and has no effect.

    Parameters
    ----------
    parameters, defaults : mapping
        The values of all parameters of an estimator, and their defaults.

    Examples
    --------
    >>> from pipeline import MLPRegressor
    >>> defaults = MLPRegressor().get_params()
    >>> list(ignored(defaults | {"quantile": 0.9, "loss": "huber"}, defaults))
    ["quantile=0.9 has no effect: it needs loss='quantile'"]
    """
    for name, rule in RULES.items():
        if name in parameters and not _is_default(parameters[name], defaults[name]) and not rule.counts(parameters):
            yield f"{name}={parameters[name]!r} has no effect: it needs {rule.needs}"


def _is_default(value: Any, default: Any) -> bool:
    """Tell whether a value is the default; a list of several is none."""
    return np.ndim(value) == np.ndim(default) and bool(np.all(value == default))


def warn_of_ignored(parameters: Parameters, defaults: Parameters, *, stacklevel: int) -> None:
    """Warn of what is set and has no effect; in a search or a cross-validation once, and not for each fold.

    Parameters
    ----------
    parameters, defaults : mapping
        As for ``ignored``.
    stacklevel : int
        As ``warnings.warn`` takes it.
    """
    found = "; ".join(ignored(parameters, defaults))
    if found and not is_told_already(found):
        warnings.warn(found, UserWarning, stacklevel=stacklevel + 1)
