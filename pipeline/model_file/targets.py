"""How the targets of a regressor were scaled for it, as plain values: a model file holds them beside the network.

scikit-learn's ``TransformedTargetRegressor`` around a regressor scales what it learns, and predicts in the targets' own
units. With a ``StandardScaler``, that is a few numbers.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from pipeline.mlp.regressor import MLPRegressor
from pipeline.model_file.scaler import make_scaler
from pipeline.sklearn_private import n_target_dims, set_n_target_dims
from pipeline.text import shown, shown_value


def plain_targets(model: TransformedTargetRegressor) -> dict[str, Any]:
    """Return how a fitted regressor scales its targets.

    Raises
    ------
    TypeError
        Where that is done by something else than a ``StandardScaler``.
    """
    scaler = model.transformer_
    if type(scaler) is not StandardScaler:
        by = model.func or model.transformer
        raise TypeError(
            f"the targets of a model in a file must be scaled by a StandardScaler; got a TransformedTargetRegressor "
            f"with {shown_value(by)}"
        )
    return {
        "n_dims": n_target_dims(model),
        "n_samples": int(np.max(scaler.n_samples_seen_)),
        "with_mean": bool(scaler.with_mean),
        "with_std": bool(scaler.with_std),
        **{name: _plain(getattr(scaler, f"{name}_")) for name in ("mean", "var", "scale")},
    }


def with_scaled_targets(regressor: MLPRegressor, plain: Mapping[str, Any]) -> TransformedTargetRegressor:
    """Return a fitted regressor within what scales its targets, as ``plain_targets`` has told.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where it can have told no such thing, or of another regressor.
    """
    n_targets = regressor._targets.n_targets  # noqa: SLF001 - the same model, in two parts
    mean, var, scale = (_read(plain, name, n_targets) for name in ("mean", "var", "scale"))
    n_dims, n_samples = plain["n_dims"], plain["n_samples"]
    counts = all(type(count) is int for count in (n_dims, n_samples)) and 1 <= n_samples < 2**63
    if not counts or n_dims not in ((1, 2) if n_targets == 1 else (2,)):
        raise ValueError(
            f"targets of {shown(n_dims, 50)} dimensions and {shown(n_samples, 50)} samples, where there are {n_targets}"
        )
    if scale is not None and not (scale > 0).all():
        raise ValueError("the scale of targets must be above 0")
    with_mean, with_std = plain["with_mean"], plain["with_std"]
    if type(with_mean) is not bool or (with_mean and mean is None) or with_std is not (scale is not None):
        raise ValueError("the scaling of targets must have a mean and a scale where these are asked for")
    scaler = make_scaler(
        with_mean=with_mean,
        with_std=with_std,
        mean=mean,
        var=var,
        scale=scale,
        n_samples=np.int64(n_samples),
        n_features=n_targets,
    )
    model = TransformedTargetRegressor(clone(regressor), transformer=clone(scaler))
    model.regressor_, model.transformer_ = regressor, scaler
    set_n_target_dims(model, n_dims)
    return model


def _plain(numbers: Any) -> list[float] | None:
    """Return an array as a list."""
    return None if numbers is None else [float(number) for number in numbers]


def _read(plain: Mapping[str, Any], name: str, n_targets: int) -> Any:
    """Return the array of a list; raise unless it has a finite number for each target."""
    numbers = plain[name]
    if numbers is None:
        return None
    if not isinstance(numbers, list) or len(numbers) != n_targets:
        raise ValueError(f"{name} of targets must be a list of {n_targets} numbers")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in numbers):
        raise ValueError(f"{name} of targets must be finite numbers")
    return np.array(numbers, np.float64)
