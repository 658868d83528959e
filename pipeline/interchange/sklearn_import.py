"""A fitted network of scikit-learn's as ours, with the scalers before it folded in where that is asked for."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from pipeline.interchange.fitted import Affine, fitted_estimator, flat, label_type, widths
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.sklearn_private import NetworkState, optimizer_classes
from pipeline.text import shown_value

Array = NDArray[Any]


def to_ours(fitted: Any, before: Sequence[Any]) -> MLPClassifier | MLPRegressor:
    """Return ours of theirs, with the scalers before it folded into its first layer."""
    layers = _layers_of(fitted)
    dtype = np.result_type(*(W.dtype for W, _ in layers))
    _check_layers(layers, fitted.n_features_in_)
    for scale, shift in map(_scale_and_shift, reversed(before)):
        W, b = layers[0]
        layers[0] = (np.multiply(W, np.reshape(scale, (-1, 1)), dtype=np.float64), b + shift @ W.astype(np.float64))
    layers = [(W.astype(dtype), b.astype(dtype)) for W, b in layers]
    names = (TheirRegressor if isinstance(fitted, TheirRegressor) else TheirClassifier)().get_params()
    parameters = {name: deepcopy(getattr(fitted, name)) for name in names}  # and none of a subclass's own
    given, sizes = parameters["hidden_layer_sizes"], tuple(len(b) for _, b in layers[:-1])
    if np.ndim(given) or sizes != (given,):  # as they were when it was fitted
        parameters["hidden_layer_sizes"] = sizes
    learned = _learned(fitted, [*before, fitted][0])
    model: MLPClassifier | MLPRegressor
    if isinstance(fitted, TheirRegressor):
        targets = {"n_targets": int(fitted.n_outputs_)}
        model = fitted_estimator(MLPRegressor, parameters, widths(layers), flat(layers), targets, learned)
    else:
        targets = _labels_of(fitted)
        model = fitted_estimator(MLPClassifier, parameters, widths(layers), flat(layers), targets, learned)
    return model if before else _resumed(model, fitted)


def _labels_of(fitted: Any) -> dict[str, Any]:
    """Return what theirs predicts, as a state has it."""
    targets = {"classes": fitted.classes_, "y_type": label_type(fitted)}
    sparse = getattr(NetworkState.of(fitted).label_binarizer, "sparse_input_", False)
    return targets | ({"sparse_labels": True} if sparse else {})


def _layers_of(fitted: Any) -> list[Affine]:
    """Return the weights and biases of theirs."""
    return list(zip(fitted.coefs_, fitted.intercepts_, strict=True))


def _check_layers(layers: Sequence[Affine], n_features: int) -> None:
    """Raise where a weight is no finite number, or a layer does not take what the one before it gives."""
    n_in = n_features
    for number, (W, b) in enumerate(layers, start=1):
        if W.shape != (n_in, len(b)):
            raise ValueError(
                f"fitted must have weights that fit; those of layer {number} are {W.shape}, for {n_in} inputs and "
                f"{len(b)} units"
            )
        if not (np.isfinite(W).all() and np.isfinite(b).all()):
            raise ValueError(f"fitted must have weights that are finite numbers; those of layer {number} are not")
        n_in = len(b)


def _learned(fitted: Any, first: Any) -> dict[str, Any]:
    """Return the values of a state: its history, as far as theirs has one, and the names of its features."""
    losses = [float(loss) for loss in getattr(fitted, "loss_curve_", [])]
    scores = getattr(fitted, "validation_scores_", None)
    scores = None if scores is None else [float(score) for score in scores]
    known = {"loss": losses, "validation_score": [None] * (len(losses) - len(scores or [])) + (scores or [])}
    unknown = ("score", "validation_loss", "learning_rate", "seconds")
    values = {
        "loss_": float(fitted.loss_),
        "loss_curve_": losses,
        "best_loss_": _float(getattr(fitted, "best_loss_", fitted.loss_)),
        "validation_scores_": scores,
        "best_validation_score_": _float(getattr(fitted, "best_validation_score_", None)),
        "n_iter_": int(fitted.n_iter_),
        "t_": int(fitted.t_),
        "history": known | {name: [None] * len(losses) for name in unknown},
    }
    if hasattr(first, "feature_names_in_"):
        values["feature_names"] = [str(name) for name in first.feature_names_in_]
    return values


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _resumed(model: MLPClassifier | MLPRegressor, fitted: Any) -> MLPClassifier | MLPRegressor:
    """Return ours with the progress of theirs, so that training goes on where it stopped."""
    state = NetworkState.of(fitted)
    theirs, (Adam, SGD) = state.optimizer, optimizer_classes()
    values, arrays = model.get_state(resume=True)
    training = values["training"]
    best = model.best_validation_score_ if model.early_stopping else model.best_loss_
    training |= {"best": best, "reference": best, "stalled": state.stalled}
    if model.solver == "adam" and isinstance(theirs, Adam) and theirs.t:
        training |= {"t": int(theirs.t), "updates": int(theirs.t)}
        arrays["optimizer_m"] = _state(theirs.ms, model) / (1 - model.beta_1)
        arrays["optimizer_v"] = _state(theirs.vs, model) / (1 - model.beta_2)
    if model.solver == "sgd" and isinstance(theirs, SGD):
        if model.learning_rate == "adaptive":
            training["learning_rate"] = float(theirs.learning_rate)
        if model.momentum > 0:
            arrays["optimizer_v"] = _state(theirs.velocities, model)
    return model.set_state(values, arrays)


def _state(arrays: Sequence[Array], model: MLPClassifier | MLPRegressor) -> Array:
    """Return the state of their optimizer, all weights and then all biases, in our order."""
    half = len(arrays) // 2
    state = flat(list(zip(arrays[:half], arrays[half:], strict=True)))
    return state.astype(model.network_.dtype)


def _scale_and_shift(scaler: Any) -> tuple[Array, Array]:
    """Return what a fitted scaler multiplies features by, and what it adds after that.

    Raises
    ------
    TypeError
        For a step that is no such scaler.
    """
    check_is_fitted(scaler)
    ones = np.ones(scaler.n_features_in_)
    match scaler:
        case StandardScaler():
            scale = ones if scaler.scale_ is None else 1 / scaler.scale_
            return scale, -scale * scaler.mean_ if scaler.with_mean else 0 * ones
        case MinMaxScaler(clip=False):
            return scaler.scale_, scaler.min_
        case MaxAbsScaler() if not getattr(scaler, "clip", False):
            return 1 / scaler.scale_, 0 * ones
        case RobustScaler():
            scale = ones if scaler.scale_ is None else 1 / scaler.scale_
            return scale, -scale * scaler.center_ if scaler.with_centering else 0 * ones
    raise TypeError(
        "fold_scaler takes StandardScaler, MinMaxScaler, MaxAbsScaler or RobustScaler, without clip, before the "
        f"network; got {shown_value(scaler)}"
    )
