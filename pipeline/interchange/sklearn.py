"""scikit-learn's own networks as ours, and ours as scikit-learn's, fitted as they are.

Weights, labels and history go along, and the state of the optimizer where both have it, so that either trains on where
the other stopped.
"""

import math
from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from pipeline.interchange.fitted import Affine, fitted_estimator, flat, widths
from pipeline.interchange.folding import FoldedNetwork, folded_network
from pipeline.mlp import builder
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.preprocessing.normalize import Normalize
from pipeline.text import shown_value

Array = NDArray[Any]


def from_sklearn(fitted: Any, *, fold_scaler: bool = False) -> Any:
    """Make a fitted estimator of one of scikit-learn's, with its parameters, weights, labels and history.

    Parameters
    ----------
    fitted : MLPClassifier or MLPRegressor of scikit-learn, Pipeline or TransformedTargetRegressor
        Fitted. Of a ``Pipeline`` the last step must be one; the steps before it are kept as they are, and so is what
        transforms targets.
    fold_scaler : bool, default=False
        Whether to put the scalers before it into its first layer, so that the result takes what they took, and is one
        estimator that ``save_model`` writes. They must be ``StandardScaler``, ``MinMaxScaler`` without ``clip``,
        ``MaxAbsScaler`` or ``RobustScaler``. To train on, better leave them as they are.

    Returns
    -------
    MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
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
    return _from(fitted, (), fold_scaler=fold_scaler)


def _from(fitted: Any, before: tuple[Any, ...], *, fold_scaler: bool) -> Any:
    """Return ours of what may stand in others; ``before`` are the scalers that are to be folded into it."""
    match fitted:
        case TheirClassifier() | TheirRegressor():
            check_is_fitted(fitted, "coefs_")
            return _ours(fitted, before)
        case TransformedTargetRegressor():
            check_is_fitted(fitted)
            return _with_regressor(fitted, _from(fitted.regressor_, before, fold_scaler=fold_scaler))
        case Pipeline() if fold_scaler:
            scalers = [step for _, step in fitted.steps[:-1] if step not in (None, "passthrough")]
            return _from(fitted.steps[-1][1], (*before, *scalers), fold_scaler=True)
        case Pipeline():
            return _with_last_step(fitted, _from(fitted.steps[-1][1], (), fold_scaler=False))
    raise TypeError(
        "fitted must be scikit-learn's MLPClassifier or MLPRegressor, or a Pipeline or TransformedTargetRegressor of "
        f"one; got {type(fitted).__module__}.{type(fitted).__name__}"
    )


def to_sklearn(model: Any) -> Any:
    """Make scikit-learn's own estimator of a fitted one of ours, which then needs nothing of this package.

    What only training has, and scikit-learn has not, is left out: dropout, noise, augmentation, averaging and so on.
    Batch normalization is folded into the layer before it.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted. In a ``Pipeline``, ``Normalize`` before it becomes a ``MinMaxScaler``, and other steps are kept.

    Returns
    -------
    MLPClassifier or MLPRegressor of scikit-learn, Pipeline or TransformedTargetRegressor
        Fitted. Where the model takes pixels by ``pixel_scale``, a ``MinMaxScaler`` comes before it. ``partial_fit``
        goes on with the state of ``adam`` or ``sgd``; other solvers become ``adam`` at its beginning, and other
        schedules a constant rate; losses that scikit-learn lacks become the squared error. Classes are sorted, as
        scikit-learn has them; several labels at once are numbered.

    Raises
    ------
    TypeError
        For a model of another kind.
    NotFittedError
        For one that has learned nothing yet.
    ValueError
        For what scikit-learn's cannot predict: another activation, several activations, images that are made alike,
        quantiles on an axis of their own.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((16,), max_iter=3, learning_rate="cosine", random_state=0).fit(X, y)
    >>> theirs = to_sklearn(model)
    >>> type(theirs).__module__, bool((theirs.predict(X) == model.predict(X)).all())
    ('sklearn.neural_network._multilayer_perceptron', True)
    """
    return _to(model, first=True)


def _to(model: Any, *, first: bool) -> Any:
    """Return theirs of what may stand in others; ``first`` is whether it takes the samples as they are given."""
    match model:
        case MLPClassifier() | MLPRegressor():
            check_is_fitted(model)
            theirs = _theirs(model)
            if model.pixel_scale is None or not first:
                return theirs
            return Pipeline([("scale", _scaler(model.pixel_scale, 0, model)), ("train", theirs)])
        case TransformedTargetRegressor():
            check_is_fitted(model)
            return _with_regressor(model, _to(model.regressor_, first=first))
        case Pipeline(steps=[(_, MLPClassifier() | MLPRegressor() as last)]) if last.pixel_scale is not None and first:
            return _to(last, first=True)
        case Pipeline():
            converted = _with_last_step(model, _to(model.steps[-1][1], first=first and len(model.steps) == 1))
            converted.steps = [
                (name, _of_normalize(step) if isinstance(step, Normalize) else step) for name, step in converted.steps
            ]
            return converted
    raise TypeError(
        "model must be pipeline's MLPClassifier or MLPRegressor, or a Pipeline or TransformedTargetRegressor of one; "
        f"got {type(model).__module__}.{type(model).__name__}"
    )


def _with_regressor(fitted: TransformedTargetRegressor, regressor: Any) -> TransformedTargetRegressor:
    """Return what transforms targets, with another fitted regressor inside."""
    other = copy(fitted)
    other.regressor, other.regressor_, other.transformer_ = clone(regressor), regressor, deepcopy(fitted.transformer_)
    return other


def _with_last_step(fitted: Pipeline, last: Any) -> Pipeline:
    """Return a pipeline with another last step, and copies of those before it."""
    steps = [(name, deepcopy(step)) for name, step in fitted.steps[:-1]]
    return Pipeline([*steps, (fitted.steps[-1][0], last)], memory=fitted.memory, verbose=fitted.verbose)


# ---------------------------------------------------------------- theirs as ours


def _ours(fitted: Any, before: Sequence[Any]) -> MLPClassifier | MLPRegressor:
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
    targets = {"classes": fitted.classes_, "y_type": _label_type(fitted)}
    sparse = getattr(vars(fitted).get("_label_binarizer"), "sparse_input_", False)
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


# ---------------------------------------------------------------- ours as theirs

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_SOLVERS = ("lbfgs", "sgd", "adam")
_RATES = ("constant", "invscaling", "adaptive")


def _theirs(model: MLPClassifier | MLPRegressor) -> Any:
    """Return theirs of ours."""
    network = folded_network(model.network_)
    kind = TheirClassifier if isinstance(model, MLPClassifier) else TheirRegressor
    fitted = kind(**_parameters(kind, model, network))
    layers: Sequence[Affine] = network.layers
    values = model.get_state(resume=True)[0]
    if isinstance(model, MLPClassifier):
        classes = model.classes_
        if _label_type(model) == "multilabel-indicator":
            classes = np.arange(len(classes))  # theirs knows of the columns' numbers alone
        else:
            layers, classes = _sorted(network.layers, classes)
        binarizer = LabelBinarizer()
        binarizer.classes_, binarizer.y_type_ = classes, _label_type(model)
        binarizer.sparse_input_ = bool(values.get("sparse_labels", False))
        vars(fitted).update(classes_=classes, _label_binarizer=binarizer)
    vars(fitted).update(
        coefs_=[W.copy() for W, _ in layers],
        intercepts_=[b.copy() for _, b in layers],
        n_layers_=len(layers) + 1,
        out_activation_=model.out_activation_,
        loss_curve_=list(model.loss_curve_),
        _best_coefs=[W.copy() for W, _ in layers],
        _best_intercepts=[b.copy() for _, b in layers],
        _no_improvement_count=int(values["training"]["stalled"]),
        _random_state=np.random.RandomState(),
    )
    for name in _ATTRIBUTES:
        if hasattr(model, name):
            setattr(fitted, name, deepcopy(getattr(model, name)))
    if fitted.solver != "lbfgs":
        vars(fitted)["_optimizer"] = _optimizer(fitted, model, plain=network.plain and layers is network.layers)
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


def _optimizer(fitted: Any, model: MLPClassifier | MLPRegressor, *, plain: bool) -> AdamOptimizer | SGDOptimizer:
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
