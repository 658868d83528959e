"""A fitted network of ours as scikit-learn's, and what scales pixels before it as a scaler of scikit-learn's."""

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import LabelBinarizer, MinMaxScaler

from pipeline.interchange.fitted import Affine, label_type
from pipeline.interchange.folding import FoldedNetwork, folded_network
from pipeline.mlp import builder
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.preprocessing.normalize import Normalize
from pipeline.sklearn_private import NetworkState, optimizer_classes

Array = NDArray[Any]

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_SOLVERS = ("lbfgs", "sgd", "adam")
_RATES = ("constant", "invscaling", "adaptive")


def to_theirs(model: MLPClassifier | MLPRegressor) -> Any:
    """Return theirs of ours."""
    network = folded_network(model.network_)
    kind = TheirClassifier if isinstance(model, MLPClassifier) else TheirRegressor
    fitted = kind(**_parameters(kind, model, network))
    layers: Sequence[Affine] = network.layers
    values, binarizer = model.get_state(resume=True)[0], None
    if isinstance(model, MLPClassifier):
        classes = model.classes_
        if label_type(model) == "multilabel-indicator":
            classes = np.arange(len(classes))  # theirs knows of the columns' numbers alone
        else:
            layers, classes = _sorted(network.layers, classes)
        binarizer = LabelBinarizer()
        binarizer.classes_, binarizer.y_type_ = classes, label_type(model)
        binarizer.sparse_input_ = bool(values.get("sparse_labels", False))
        fitted.classes_ = classes
    vars(fitted).update(
        coefs_=[W.copy() for W, _ in layers],
        intercepts_=[b.copy() for _, b in layers],
        n_layers_=len(layers) + 1,
        out_activation_=model.out_activation_,
        loss_curve_=list(model.loss_curve_),
    )
    for name in _ATTRIBUTES:
        if hasattr(model, name):
            setattr(fitted, name, deepcopy(getattr(model, name)))
    plain = network.plain and layers is network.layers
    optimizer = None if fitted.solver == "lbfgs" else _new_optimizer(fitted, model, plain=plain)
    NetworkState(optimizer, binarizer, int(values["training"]["stalled"])).put_into(fitted)
    return fitted


_ATTRIBUTES = (
    *("best_loss_", "best_validation_score_", "feature_names_in_", "loss_", "n_features_in_", "n_iter_"),
    *("n_outputs_", "t_", "validation_scores_"),
)


def _parameters(kind: type[Any], model: MLPClassifier | MLPRegressor, network: FoldedNetwork) -> dict[str, Any]:
    """Return the parameters of theirs that predicts as ours, and trains as nearly as it can.

    Raises
    ------
    ValueError
        For activations that it has not, or targets of another shape.
    """
    if isinstance(model, MLPRegressor):
        _check_quantiles(model)
    names = set(network.activations)
    wrong = sorted(names - set(_ACTIVATIONS))
    if wrong or len(names) > 1:
        given = repr(wrong[0]) if wrong else ", ".join(network.activations)
        raise ValueError(
            f"model must have one activation for all hidden layers, of {', '.join(_ACTIVATIONS)}, which scikit-learn "
            f"has; got {given}"
        )
    ours = model.get_params(deep=False)
    parameters = {name: deepcopy(ours[name]) for name in kind().get_params()}
    parameters["hidden_layer_sizes"] = tuple(len(b) for _, b in network.layers[:-1])
    parameters["activation"] = network.activations[0] if network.activations else "relu"
    if parameters.get("loss", "poisson") != "poisson":
        parameters["loss"] = "squared_error"  # whose output is the identity as well
    if parameters["solver"] not in _SOLVERS:
        parameters["solver"] = "adam"
    if parameters["learning_rate"] not in _RATES:
        parameters["learning_rate"] = "constant"
    if parameters["batch_size"] == "full":
        parameters["batch_size"] = "auto"
    if isinstance(parameters["random_state"], np.random.Generator):
        parameters["random_state"] = None
    if math.isfinite(parameters["n_iter_no_change"]):
        parameters["n_iter_no_change"] = int(parameters["n_iter_no_change"])
    return parameters


def _check_quantiles(model: MLPRegressor) -> None:
    """Raise where predictions have an axis of quantiles that theirs would not have."""
    n_quantiles = builder.n_quantiles(model.get_params(deep=False))
    if n_quantiles == 1 or (n_quantiles is not None and model.n_outputs_ > n_quantiles):
        raise ValueError(
            "quantile must be a number, or several for one target, where scikit-learn's is to predict them; got "
            f"{model.quantile!r} for {model.n_outputs_ // n_quantiles} targets"
        )


def _sorted(layers: Sequence[Affine], classes: Array) -> tuple[Sequence[Affine], Array]:
    """Return layers and labels with the labels sorted, as scikit-learn has them; the very same ones if they are."""
    order = np.argsort(classes, kind="stable")
    if (order == np.arange(len(classes))).all():
        return layers, classes
    W, b = layers[-1]
    last = (-W, -b) if len(b) == 1 else (W[:, order], b[order])
    return [*layers[:-1], last], classes[order]


def _new_optimizer(fitted: Any, model: MLPClassifier | MLPRegressor, *, plain: bool) -> Any:
    """Return their optimizer, with the state of ours where that is of the same parameters."""
    Adam, SGD = optimizer_classes()
    params = [*fitted.coefs_, *fitted.intercepts_]
    values, arrays = model.get_state(resume=True)
    training: Mapping[str, Any] = values["training"]
    resumes = plain and fitted.solver == model.solver
    if fitted.solver == "adam":
        adam = Adam(params, fitted.learning_rate_init, fitted.beta_1, fitted.beta_2, fitted.epsilon)
        if resumes:
            adam.t = training["t"]
            adam.ms = _their_state(arrays["optimizer_m"] * (1 - model.beta_1), params)
            adam.vs = _their_state(arrays["optimizer_v"] * (1 - model.beta_2), params)
        return adam
    rule = (fitted.learning_rate, fitted.momentum, fitted.nesterovs_momentum, fitted.power_t)
    sgd = SGD(params, fitted.learning_rate_init, *rule)
    if resumes and "optimizer_v" in arrays:
        sgd.velocities = _their_state(arrays["optimizer_v"], params)
    if resumes and fitted.learning_rate == "adaptive":
        sgd.learning_rate = training["learning_rate"]
    sgd.iteration_ends(fitted.t_)
    return sgd


def _their_state(state: Array, params: Sequence[Array]) -> list[Array]:
    """Return our optimizer's state in their order: all weights, then all biases."""
    half = len(params) // 2
    in_our_order = [part for pair in zip(params[:half], params[half:], strict=True) for part in pair]
    ends = np.cumsum([part.size for part in in_our_order])
    parts = [one.reshape(part.shape) for one, part in zip(np.split(state, ends[:-1]), in_our_order, strict=True)]
    return [part.copy() for part in (*parts[::2], *parts[1::2])]


def to_min_max_scaler(normalize: Normalize) -> MinMaxScaler:
    """Return the scaler that does what a fitted normaliser does.

    Raises
    ------
    ValueError
        Where it does more.
    """
    for name in ("deskew", "ink_width"):
        if getattr(normalize, name):
            given = getattr(normalize, name)
            raise ValueError(f"Normalize must have no {name}, which no scaler of scikit-learn does; got {given!r}")
    return scaler_of(normalize.scale_, normalize.shift_, normalize)


def scaler_of(scale: float, shift: float, fitted: Any) -> MinMaxScaler:
    """Return a fitted scaler of X scale + shift, for the features that another has learned."""
    n_features = fitted.n_features_in_
    smallest, largest = -shift / scale, (1 - shift) / scale
    scaler = MinMaxScaler().fit(np.repeat([[smallest], [largest]], n_features, axis=1))
    scaler.scale_, scaler.min_ = np.full(n_features, float(scale)), np.full(n_features, float(shift))
    if hasattr(fitted, "feature_names_in_"):
        scaler.feature_names_in_ = fitted.feature_names_in_
    return scaler
