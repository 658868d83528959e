"""A fitted ``StandardScaler`` before a network, as a few plain values and arrays: a model file holds them beside it.

Its numbers are arrays of the file, since there is one of each for every feature; those of a scaler of targets are few,
and `pipeline.model_file.targets` has them in the header.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from pipeline.mlp.state import ArraySpec
from pipeline.text import shown

Arrays = Mapping[str, NDArray[Any]]

_MEAN, _VAR, _SCALE, _N_SAMPLES = "scaler_mean", "scaler_var", "scaler_scale", "scaler_n_samples"

_FLOATS = ("float32", "float64")


def plain_scaler(scaler: StandardScaler) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what a fitted scaler has learned.

    ``copy`` is left out: a model from a file never writes to the samples that it is given.

    Returns
    -------
    values, arrays : dict, dict
        Plain values that JSON has, and arrays; ``fitted_scaler`` takes them.

    Raises
    ------
    ValueError
        Where its numbers are not finite, or of another type or shape than scikit-learn's, or it was asked after ``fit``
        for what it has not learned.
    """
    values: dict[str, Any] = {"with_mean": bool(scaler.with_mean), "with_std": bool(scaler.with_std)}
    if hasattr(scaler, "feature_names_in_"):
        values["feature_names"] = [str(name) for name in scaler.feature_names_in_]
    learned = {
        _MEAN: scaler.mean_,
        _VAR: scaler.var_,
        _SCALE: scaler.scale_,
        _N_SAMPLES: scaler.n_samples_seen_,  # one for all features, or of each where some were missing
    }
    wanted = scaler_arrays(values, scaler.n_features_in_)
    missing = [name for name in wanted if learned[name] is None]
    if missing:
        raise ValueError(f"the StandardScaler has learned no {_word(missing[0])}, which it was asked for after fit")
    arrays = {name: np.asarray(learned[name]) for name in wanted}
    for name, spec in wanted.items():
        array = arrays[name]
        if array.dtype.name not in spec.dtypes or array.shape not in spec.shapes:
            raise ValueError(
                f"{_word(name)} of the StandardScaler must be {' or '.join(spec.dtypes)} of shape "
                f"{' or '.join(map(str, spec.shapes))}; got {array.dtype} of shape {array.shape}"
            )
    _check_numbers(arrays)
    return values, arrays


def scaler_arrays(values: Mapping[str, Any], n_features: int) -> dict[str, ArraySpec]:
    """Return what arrays a scaler has, by their names, before one of them is read.

    Parameters
    ----------
    values : mapping
        The plain values of ``plain_scaler``.
    n_features : int
        How many features there are.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where ``plain_scaler`` can have told no such thing, or of other features.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"its scaler must be a mapping; got {shown(repr(values), 50)}")
    for name in ("with_mean", "with_std"):
        if type(values[name]) is not bool:
            raise ValueError(f"{name} of its scaler must be true or false; got {shown(repr(values[name]), 50)}")
    if "feature_names" in values and not _are_names(values["feature_names"], n_features):
        raise ValueError(f"feature_names of its scaler must be {n_features} words")
    one_each = ArraySpec(_FLOATS, [(n_features,)])
    counts = ArraySpec(("int64", *_FLOATS), [(), (n_features,)])
    specs = {_MEAN: one_each} if values["with_mean"] or values["with_std"] else {}  # without both, none is learned
    return specs | ({_VAR: one_each, _SCALE: one_each} if values["with_std"] else {}) | {_N_SAMPLES: counts}


def fitted_scaler(values: Mapping[str, Any], arrays: Arrays, n_features: int) -> StandardScaler:
    """Return the scaler that ``plain_scaler`` has told of.

    Raises
    ------
    ValueError
        Where its numbers are not finite, or a scale is not above 0.
    """
    own = {name: _native(arrays[name]) for name in scaler_arrays(values, n_features)}
    _check_numbers(own)
    scaler = make_scaler(
        with_mean=values["with_mean"],
        with_std=values["with_std"],
        mean=own.get(_MEAN),
        var=own.get(_VAR),
        scale=own.get(_SCALE),
        n_samples=own[_N_SAMPLES][()],
        n_features=n_features,
    )
    if "feature_names" in values:
        scaler.feature_names_in_ = np.array(values["feature_names"], dtype=object)
    return scaler


def make_scaler(
    *, with_mean: bool, with_std: bool, mean: Any, var: Any, scale: Any, n_samples: Any, n_features: int
) -> StandardScaler:
    """Return a scaler that is fitted as these numbers say."""
    scaler = StandardScaler(with_mean=with_mean, with_std=with_std)
    scaler.mean_, scaler.var_, scaler.scale_ = mean, var, scale
    scaler.n_samples_seen_, scaler.n_features_in_ = n_samples, n_features
    return scaler


def _check_numbers(arrays: Arrays) -> None:
    """Raise where a number is not finite, or not on the side of 0 where it must be."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{_word(name)} of the StandardScaler must be finite numbers")
        if name == _SCALE and not (array > 0).all():
            raise ValueError("scale of the StandardScaler must be above 0")
        if name in (_VAR, _N_SAMPLES) and (array < 0).any():
            raise ValueError(f"{_word(name)} of the StandardScaler must be 0 or above")


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in the byte order of this machine."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _word(name: str) -> str:
    """Return what an array is called in words."""
    return name.removeprefix("scaler_")


def _are_names(names: Any, n_features: int) -> bool:
    return isinstance(names, list) and len(names) == n_features and all(isinstance(name, str) for name in names)
