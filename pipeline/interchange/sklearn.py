"""scikit-learn's own networks as ours, and ours as scikit-learn's, fitted as they are.

Weights, labels and history go along, and the state of the optimizer where both have it, so that either trains on where
the other stopped.
"""

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from pipeline.interchange.fitted import Affine, fitted_classifier, flat
from pipeline.interchange.folding import FoldedNetwork, folded_network
from pipeline.mlp.classifier import MLPClassifier
from pipeline.preprocessing.normalize import Normalize
from pipeline.text import shown_value

Array = NDArray[Any]


def from_sklearn(fitted: Any, *, fold_scaler: bool = False) -> Any:
    """Make a fitted estimator of one of scikit-learn's, with its parameters, weights, labels and history.

    Parameters
    ----------
    fitted : MLPClassifier of scikit-learn, or Pipeline
        Fitted. Of a ``Pipeline`` the last step must be one; the steps before it are kept as they are.
    fold_scaler : bool, default=False
        Whether to put the scalers before it into its first layer, so that the result takes what they took, and is one
        estimator that ``save_model`` writes. They must be ``StandardScaler``, ``MinMaxScaler`` without ``clip``,
        ``MaxAbsScaler`` or ``RobustScaler``. To train on, better leave them as they are.

    Returns
    -------
    MLPClassifier or Pipeline
        Fitted, of the same predictions. ``partial_fit``, or ``fit`` with ``warm_start``, goes on with the optimizer's
        state, unless a scaler was folded, or its solver was changed since: then the state is new.

    Raises
    ------
    TypeError
        For anything else; it says what.
    NotFittedError
        For one that has learned nothing yet.
    ValueError
        For weights that are no finite numbers.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier as Theirs
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = Theirs((8,), solver="lbfgs", random_state=0, max_iter=1000).fit(X, y)
    >>> bool((from_sklearn(theirs).predict_proba(X) == theirs.predict_proba(X)).all())
    True
    """
    *before, last = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    if not isinstance(last, TheirClassifier):
        raise TypeError(
            "fitted must be scikit-learn's MLPClassifier, or a Pipeline that ends with it; got "
            f"{type(last).__module__}.{type(last).__name__}"
        )
    check_is_fitted(last, "coefs_")
    if fold_scaler:
        scaled = [step for step in before if step not in (None, "passthrough")]
        return _ours(last, [_scale_and_shift(step) for step in scaled], [*scaled, last][0])
    ours = _ours(last)
    if not isinstance(fitted, Pipeline):
        return ours
    return _with_last_step(fitted, ours)


def to_sklearn(model: Any) -> Any:
    """Make scikit-learn's own estimator of a fitted one of ours, which then needs nothing of this package.

    What only training has, and scikit-learn has not, is left out: dropout, noise, augmentation, averaging and so on.
    Batch normalization is folded into the layer before it.

    Parameters
    ----------
    model : MLPClassifier or Pipeline
        Fitted. In a ``Pipeline``, ``Normalize`` before it becomes a ``MinMaxScaler``, and other steps are kept.

    Returns
    -------
    MLPClassifier of scikit-learn, or Pipeline
        Fitted. Where the model takes pixels by ``pixel_scale``, a ``MinMaxScaler`` comes before it. ``partial_fit``
        goes on with the state of ``adam`` or ``sgd``; other solvers become ``adam`` at its beginning, and other
        schedules a constant rate. Classes are sorted, as scikit-learn has them.

    Raises
    ------
    TypeError
        For a model of another kind.
    NotFittedError
        For one that has learned nothing yet.
    ValueError
        For what scikit-learn's cannot predict: another activation, several activations, images that are made alike.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((16,), max_iter=3, learning_rate="cosine", random_state=0).fit(X, y)
    >>> theirs = to_sklearn(model)
    >>> type(theirs).__module__, bool((theirs.predict(X) == model.predict(X)).all())
    ('sklearn.neural_network._multilayer_perceptron', True)
    """
    *before, last = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    if not isinstance(last, MLPClassifier):
        raise TypeError(f"model must be an MLPClassifier, or a Pipeline that ends with it; got {shown_value(last)}")
    check_is_fitted(last)
    theirs = _theirs(last)
    if last.pixel_scale is not None and not before:
        return Pipeline([("scale", _scaler(last.pixel_scale, 0, last)), ("train", theirs)])
    if not isinstance(model, Pipeline):
        return theirs
    converted = _with_last_step(model, theirs)
    converted.steps = [
        (name, _of_normalize(step) if isinstance(step, Normalize) else step) for name, step in converted.steps
    ]
    return converted


def _with_last_step(fitted: Pipeline, last: Any) -> Pipeline:
    """Return a pipeline with another last step, and copies of those before it."""
    steps = [(name, deepcopy(step)) for name, step in fitted.steps[:-1]]
    return Pipeline([*steps, (fitted.steps[-1][0], last)], memory=fitted.memory, verbose=fitted.verbose)


# ---------------------------------------------------------------- theirs as ours


def _ours(fitted: Any, scalers: Sequence[tuple[Array, Array]] = (), first: Any = None) -> MLPClassifier:
    """Return ours of theirs, with scalers folded into its first layer; ``first`` is what takes the samples."""
    layers = _layers_of(fitted)
    dtype = np.result_type(*(W.dtype for W, _ in layers))
    _check_finite(layers)
    for scale, shift in reversed(scalers):
        W, b = layers[0]
        layers[0] = (np.multiply(W, np.reshape(scale, (-1, 1)), dtype=np.float64), b + shift @ W.astype(np.float64))
    layers = [(W.astype(dtype), b.astype(dtype)) for W, b in layers]
    parameters = deepcopy(fitted.get_params(deep=False))
    given, sizes = parameters["hidden_layer_sizes"], tuple(len(b) for _, b in layers[:-1])
    if np.ndim(given) or sizes != (given,):  # as they were when it was fitted
        parameters["hidden_layer_sizes"] = sizes
    learned = _learned(fitted, fitted if first is None else first)
    model = fitted_classifier(parameters, layers, fitted.classes_, _label_type(fitted), learned)
    return model if scalers else _resumed(model, fitted)


def _layers_of(fitted: Any) -> list[Affine]:
    """Return the weights and biases of theirs."""
    return list(zip(fitted.coefs_, fitted.intercepts_, strict=True))


def _check_finite(layers: Sequence[Affine]) -> None:
    """Raise where a weight is no finite number."""
    for number, (W, b) in enumerate(layers):
        if not (np.isfinite(W).all() and np.isfinite(b).all()):
            raise ValueError(f"fitted must have weights that are finite numbers; those of layer {number + 1} are not")


def _label_type(fitted: Any) -> str:
    """Return the kind of labels that theirs has learned, which its output tells."""
    if fitted.out_activation_ == "softmax":
        return "multiclass"
    return "binary" if fitted.n_outputs_ == 1 else "multilabel-indicator"


def _learned(fitted: Any, first: Any) -> dict[str, Any]:
    """Return the values of a state: its history, as far as theirs has one, and the names of its features."""
    losses = [float(loss) for loss in getattr(fitted, "loss_curve_", [])]
    scores = getattr(fitted, "validation_scores_", None)
    scores = None if scores is None else [float(score) for score in scores]
    known = {"loss": losses, "validation_score": [None] * (len(losses) - len(scores or [])) + (scores or [])}
    unknown = ("score", "validation_loss", "learning_rate", "seconds")
    binarizer = vars(fitted).get("_label_binarizer")
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
    if getattr(binarizer, "sparse_input_", False):
        values["sparse_labels"] = True
    if hasattr(first, "feature_names_in_"):
        values["feature_names"] = [str(name) for name in first.feature_names_in_]
    return values


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _resumed(model: MLPClassifier, fitted: Any) -> MLPClassifier:
    """Return ours with the progress of theirs, so that training goes on where it stopped."""
    theirs = vars(fitted).get("_optimizer")
    values, arrays = model.get_state(resume=True)
    training = values["training"]
    best = model.best_validation_score_ if model.early_stopping else model.best_loss_
    training |= {"best": best, "reference": best, "stalled": int(vars(fitted).get("_no_improvement_count", 0))}
    if model.solver == "adam" and isinstance(theirs, AdamOptimizer) and theirs.t:
        training |= {"t": int(theirs.t), "updates": int(theirs.t)}
        arrays["optimizer_m"] = _state(theirs.ms, model) / (1 - model.beta_1)
        arrays["optimizer_v"] = _state(theirs.vs, model) / (1 - model.beta_2)
    if model.solver == "sgd" and isinstance(theirs, SGDOptimizer):
        if model.learning_rate == "adaptive":
            training["learning_rate"] = float(theirs.learning_rate)
        if model.momentum > 0:
            arrays["optimizer_v"] = _state(theirs.velocities, model)
    return model.set_state(values, arrays)


def _state(arrays: Sequence[Array], model: MLPClassifier) -> Array:
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


# ---------------------------------------------------------------- ours as theirs

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_SOLVERS = ("lbfgs", "sgd", "adam")
_RATES = ("constant", "invscaling", "adaptive")


def _theirs(model: MLPClassifier) -> Any:
    """Return theirs of ours."""
    network = folded_network(model.network_)
    fitted = TheirClassifier(**_parameters(model, network))
    layers, classes = _sorted(network.layers, model.classes_)
    weights = [W.copy() for W, _ in layers], [b.copy() for _, b in layers]
    binarizer = LabelBinarizer()
    binarizer.classes_, binarizer.y_type_ = classes, _label_type(model)
    binarizer.sparse_input_ = bool(model.get_state()[0].get("sparse_labels", False))
    vars(fitted).update(
        coefs_=weights[0],
        intercepts_=weights[1],
        classes_=classes,
        n_layers_=len(layers) + 1,
        out_activation_=model.out_activation_,
        loss_curve_=list(model.loss_curve_),
        _label_binarizer=binarizer,
        _best_coefs=[W.copy() for W, _ in layers],
        _best_intercepts=[b.copy() for _, b in layers],
        _no_improvement_count=int(model.get_state(resume=True)[0]["training"]["stalled"]),
        _random_state=np.random.RandomState(),
    )
    for name in _ATTRIBUTES:
        if hasattr(model, name):
            setattr(fitted, name, deepcopy(getattr(model, name)))
    if fitted.solver != "lbfgs":
        vars(fitted)["_optimizer"] = _optimizer(fitted, model, plain=network.plain and classes is model.classes_)
    return fitted


_ATTRIBUTES = (
    *("best_loss_", "best_validation_score_", "feature_names_in_", "loss_", "n_features_in_", "n_iter_"),
    *("n_outputs_", "t_", "validation_scores_"),
)


def _parameters(model: MLPClassifier, network: FoldedNetwork) -> dict[str, Any]:
    """Return the parameters of theirs that predicts as ours, and trains as nearly as it can.

    Raises
    ------
    ValueError
        For activations that it has not.
    """
    names = set(network.activations)
    wrong = sorted(names - set(_ACTIVATIONS))
    if wrong or len(names) > 1:
        given = repr(wrong[0]) if wrong else ", ".join(network.activations)
        raise ValueError(
            f"model must have one activation for all hidden layers, of {', '.join(_ACTIVATIONS)}, which scikit-learn "
            f"has; got {given}"
        )
    ours = model.get_params(deep=False)
    parameters = {name: deepcopy(ours[name]) for name in TheirClassifier().get_params()}
    parameters["hidden_layer_sizes"] = tuple(len(b) for _, b in network.layers[:-1])
    parameters["activation"] = network.activations[0] if network.activations else "relu"
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


def _sorted(layers: Sequence[Affine], classes: Array) -> tuple[Sequence[Affine], Array]:
    """Return layers and labels with the labels sorted, as scikit-learn has them; the very same ones if they are."""
    order = np.argsort(classes, kind="stable")
    if (order == np.arange(len(classes))).all():
        return layers, classes
    W, b = layers[-1]
    last = (-W, -b) if len(b) == 1 else (W[:, order], b[order])
    return [*layers[:-1], last], classes[order]


def _optimizer(fitted: Any, model: MLPClassifier, *, plain: bool) -> AdamOptimizer | SGDOptimizer:
    """Return their optimizer, with the state of ours where that is of the same parameters."""
    params = [*fitted.coefs_, *fitted.intercepts_]
    values, arrays = model.get_state(resume=True)
    training: Mapping[str, Any] = values["training"]
    resumes = plain and fitted.solver == model.solver
    if fitted.solver == "adam":
        adam = AdamOptimizer(params, fitted.learning_rate_init, fitted.beta_1, fitted.beta_2, fitted.epsilon)
        if resumes:
            adam.t = training["t"]
            adam.ms = _their_state(arrays["optimizer_m"] * (1 - model.beta_1), params)
            adam.vs = _their_state(arrays["optimizer_v"] * (1 - model.beta_2), params)
        return adam
    rule = (fitted.learning_rate, fitted.momentum, fitted.nesterovs_momentum, fitted.power_t)
    sgd = SGDOptimizer(params, fitted.learning_rate_init, *rule)
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


def _of_normalize(normalize: Normalize) -> MinMaxScaler:
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
    return _scaler(normalize.scale_, normalize.shift_, normalize)


def _scaler(scale: float, shift: float, fitted: Any) -> MinMaxScaler:
    """Return a fitted scaler of X scale + shift, for the features that another has learned."""
    n_features = fitted.n_features_in_
    smallest, largest = -shift / scale, (1 - shift) / scale
    scaler = MinMaxScaler().fit(np.repeat([[smallest], [largest]], n_features, axis=1))
    scaler.scale_, scaler.min_ = np.full(n_features, float(scale)), np.full(n_features, float(shift))
    if hasattr(fitted, "feature_names_in_"):
        scaler.feature_names_in_ = fitted.feature_names_in_
    return scaler
