"""Weights that others have trained, as arrays: made into a fitted estimator, without Keras or PyTorch installed.

Whatever the form, it is read into affine layers and batch normalizations in their order. Where every hidden layer has
one before its activation, it stays; elsewhere it is folded into the affine layer beside it, which predicts the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.interchange.activations import NUMBERS, Framework, hidden_activations, output_activation
from pipeline.interchange.fitted import fitted_estimator, flat, widths
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.labels import check_no_missing
from pipeline.mlp.regressor import MLPRegressor
from pipeline.network import BatchNorm
from pipeline.text import shown, shown_value

Array = NDArray[Any]
Place = Literal["before", "after"]


@dataclass(frozen=True)
class Dense:
    """An affine layer: W (n_in, n_out), b (n_out,) or None, and what messages call it."""

    name: str
    W: Array
    b: Array | None = None


@dataclass(frozen=True)
class Norm:
    """Batch normalization in prediction: Y = gamma (X - mean) / std + beta, and what messages call it.

    All are (n_units,), in float64; epsilon is in std.
    """

    name: str
    gamma: Array
    beta: Array
    mean: Array
    std: Array

    @property
    def scale(self) -> Array:
        """What X is multiplied by."""
        return self.gamma / self.std

    @property
    def shift(self) -> Array:
        """What is added after that."""
        return self.beta - self.mean * self.scale


Activations = str | tuple[str, float] | Sequence[str | tuple[str, float]]


def from_arrays(
    layers: Sequence[Any],
    activations: Activations,
    classes: ArrayLike | None = None,
    *,
    output: str | None = None,
    batch_norm: Place | None = None,
    pixel_scale: float | None = None,
) -> MLPClassifier | MLPRegressor:
    """Make a fitted estimator of weights that are arrays.

    Parameters
    ----------
    layers : sequence
        From the input to the output: ``(W, b)`` for an affine layer, with W (n_in, n_out) and b (n_out,), or None where
        it has no biases; ``(gamma, beta, mean, variance, epsilon)`` for batch normalization, where gamma and beta may
        be None. Where all weights are float32, or shorter, so is the network; else it is float64.
    activations : str or sequence of str
        Of the hidden layers: one name for all, or one for each. One more, at the end, is that of the output.
        ``sigmoid`` is ``logistic`` and ``linear`` is ``identity``; a name with its number, ``("leaky_relu", 0.01)``,
        says that it is the one that we have.
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the output's columns; two for one column. Of 0, 1 and so on by default.
    output : str, default=None
        What the output is: ``softmax`` for one of several classes; ``logistic`` for one of two in one column, or
        several labels at once, one in each column; ``logits`` for what comes before softmax, or before the sigmoid of
        one column; ``identity`` for the numbers that a regressor predicts, one in each column, and ``exp`` for their
        logarithms. None is what ``activations`` end with, or with ``classes`` ``logits``.
    batch_norm : {"before", "after"}, default=None
        Whether batch normalization comes before a hidden layer's activation or after it, which weights do not tell.
        Where all hidden layers have it before, so has the result; else it is folded into the affine layers.
    pixel_scale : float, default=None
        What pixels, as whole numbers, are multiplied by: 1/255 for a network that was trained on images on 0..1.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Fitted. It can be written by ``save_model``, and trained on, by ``partial_fit`` or with ``warm_start``: by Adam
        at its beginning, unless ``set_params`` says otherwise.

    Raises
    ------
    ValueError
        Where layers, activations and classes do not go together; the message names the layer.

    Examples
    --------
    >>> W1, W2 = np.eye(2), np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    >>> model = from_arrays([(W1, np.zeros(2)), (W2, np.zeros(3))], ["relu", "softmax"], ["a", "b", "none"])
    >>> model.predict([[3.0, 1.0], [1.0, 3.0]]).tolist()
    ['a', 'b']
    """
    parts = list(_of_arrays(layers))
    return _assemble(parts, activations, classes, output, batch_norm, pixel_scale, "ours")


def from_keras(
    weights: Sequence[Any],
    activations: Activations,
    classes: ArrayLike | None = None,
    *,
    output: str | None = None,
    batch_norm: Place | None = None,
    epsilon: float = 1e-3,
    pixel_scale: float | None = None,
) -> MLPClassifier | MLPRegressor:
    """Make a fitted estimator of what ``model.get_weights()`` gives for a Keras model of ``Dense`` layers.

    Parameters
    ----------
    weights : list of ndarray
        Kernel (n_in, n_out) and bias of each ``Dense``; gamma, beta, moving mean and moving variance of each
        ``BatchNormalization``.
    activations, classes, output, batch_norm, pixel_scale
        As for ``from_arrays``. ``linear`` at the end is ``logits`` where there are classes.
    epsilon : float, default=0.001
        Of batch normalization.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Fitted.

    Raises
    ------
    ValueError
        Where the arrays are not those of such layers; the message names the array.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=shape).astype("float32") for shape in [(4, 8), (8,), (8, 3), (3,)]]
    >>> from_keras(weights, ["relu", "softmax"]).predict_proba(np.zeros((2, 4))).shape
    (2, 3)
    """
    parts = list(_of_keras(weights, epsilon))
    return _assemble(parts, activations, classes, output, batch_norm, pixel_scale, "keras")


def from_torch(
    state: Mapping[str, Any],
    activations: Activations,
    classes: ArrayLike | None = None,
    *,
    output: str | None = None,
    batch_norm: Place | None = None,
    epsilon: float = 1e-5,
    pixel_scale: float | None = None,
) -> MLPClassifier | MLPRegressor:
    """Make a fitted estimator of what ``module.state_dict()`` gives for a PyTorch module of ``Linear`` layers.

    Parameters
    ----------
    state : mapping
        From names to tensors, or to arrays: ``weight`` (n_out, n_in) and ``bias`` of each ``Linear``; ``weight``,
        ``bias``, ``running_mean`` and ``running_var`` of each ``BatchNorm1d``. Layers are taken in their order, and
        names that differ in a number by that, since a file of safetensors has ``10.weight`` before ``2.weight``.
    activations, classes, output, batch_norm, pixel_scale
        As for ``from_arrays``. Names may be those of PyTorch's classes: ``ReLU``.
    epsilon : float, default=1e-05
        Of batch normalization.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Fitted.

    Raises
    ------
    ValueError
        Where the tensors are not those of such layers; the message names the tensor.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> shapes = {"0.weight": (8, 4), "0.bias": (8,), "2.weight": (3, 8), "2.bias": (3,)}
    >>> state = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    >>> from_torch(state, "ReLU", ["cat", "dog", "owl"])
    MLPClassifier(hidden_layer_sizes=(8,))
    """
    parts = list(_of_torch(state, epsilon))
    return _assemble(parts, activations, classes, output, batch_norm, pixel_scale, "torch")


# ---------------------------------------------------------------- reading


def _of_arrays(layers: Sequence[Any]) -> Iterator[Dense | Norm]:
    """Yield the layers of tuples."""
    for number, layer in enumerate(_in_order("layers", layers)):
        name = f"layers[{number}]"
        match layer:
            case (W, b):
                yield _dense(name, _array(f"W of {name}", W), None if b is None else _array(f"b of {name}", b))
            case (gamma, beta, mean, variance, epsilon):
                named = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
                given = {key: _array(f"{key} of {name}", value) for key, value in named.items() if value is not None}
                yield _norm(name, given, epsilon)
            case _:
                raise ValueError(
                    f"{name} must be (W, b), or (gamma, beta, mean, variance, epsilon); got {shown_value(layer)}"
                )


def _in_order(name: str, given: Any) -> list[Any]:
    """Return what was given, which must be a list, and no model."""
    if isinstance(given, list | tuple | np.ndarray):
        return list(given)
    raise TypeError(f"{name} must be a list, of a model's arrays and not the model itself; got {shown_value(given)}")


def _of_keras(weights: Sequence[Any], epsilon: float) -> Iterator[Dense | Norm]:
    """Yield the layers of a list of arrays: after each kernel, as many vectors as tell what they are."""
    arrays = [_array(f"weights[{number}]", one) for number, one in enumerate(_in_order("weights", weights))]
    starts = [number for number, array in enumerate(arrays) if array.ndim != 1]
    before_the_first = [] if starts[:1] == [0] else [-1]
    for start, end in pairwise([*before_the_first, *starts, len(arrays)]):
        name, vectors = f"weights[{start}]", arrays[start + 1 : end]
        biased = len(vectors) % len(_STATISTICS) == 1 and start >= 0
        if len(vectors) % len(_STATISTICS) - biased:
            after = f"after {name}" if start >= 0 else "before the first kernel"
            raise ValueError(
                f"weights has {len(vectors)} vectors {after}; expected is a bias, or none, and gamma, beta, moving "
                "mean and moving variance of each BatchNormalization. from_arrays is told which is which"
            )
        if start >= 0:
            yield _dense(name, arrays[start], vectors[0] if biased else None)
        for first in range(int(biased), len(vectors), len(_STATISTICS)):
            some = dict(zip(_STATISTICS, vectors[first : first + len(_STATISTICS)], strict=True))
            yield _norm(f"the batch normalization of weights[{start + 1 + first}]", some, epsilon)


_STATISTICS = ("gamma", "beta", "mean", "variance")


def _of_torch(state: Mapping[str, Any], epsilon: float) -> Iterator[Dense | Norm]:
    """Yield the layers of a mapping from names to tensors, those with the same beginning being one."""
    if not isinstance(state, Mapping):
        raise TypeError(f"state must be a mapping, as state_dict() gives; got {shown_value(state)}")
    modules: dict[str, dict[str, Array]] = {}
    for name, tensor in state.items():
        module, _, kind = str(name).rpartition(".")
        if kind == "num_batches_tracked":
            continue
        if kind not in _TORCH:
            raise ValueError(
                f"state has {shown(repr(name), 100)}, which is of no Linear and no BatchNorm1d: these have "
                f"{', '.join(_TORCH)}"
            )
        modules.setdefault(module, {})[kind] = _array(f"state[{shown(repr(name), 100)}]", tensor)
    for module in _by_number(list(modules)):
        yield _of_module(shown(repr(module), 100) if module else "state", modules[module], epsilon)


def _by_number(names: list[str]) -> list[str]:
    """Return names in their order, but those that differ in their numbers alone by these: files have 10 before 2."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_NUMBER.sub("#", name), []).append(name)
    rows = {words: iter(sorted(same, key=_numbers)) for words, same in alike.items()}
    return [next(rows[_NUMBER.sub("#", name)]) for name in names]


def _numbers(name: str) -> list[int]:
    """Return the numbers in a name."""
    return list(map(int, _NUMBER.findall(name)))


_NUMBER = re.compile("[0-9]{1,9}")


_TORCH = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}
"""The tensors of PyTorch's layers, and what they are of batch normalization."""


def _of_module(name: str, tensors: Mapping[str, Array], epsilon: float) -> Dense | Norm:
    """Return the layer of a PyTorch module's tensors."""
    if "running_mean" in tensors or "running_var" in tensors:
        return _norm(name, {_TORCH[kind]: tensor for kind, tensor in tensors.items()}, epsilon)
    if "weight" not in tensors:
        raise ValueError(f"{name} has a bias and no weight")
    if tensors["weight"].ndim == 1:
        raise ValueError(
            f"{name} has a weight of one dimension and no running_mean: it is batch normalization without running "
            "statistics, another kind of normalization or PReLU, none of which can be taken over"
        )
    W = tensors["weight"]
    return _dense(name, W.T if W.ndim == 2 else W, tensors.get("bias"))


def _array(name: str, value: Any) -> Array:
    """Return a tensor of whatever library as an array of finite floats, float32 or float64.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        for method in ("detach", "cpu", "float", "numpy"):
            if method == "float" and "bfloat16" not in str(getattr(value, "dtype", "")):
                continue  # NumPy has all other types
            value = getattr(value, method)() if callable(getattr(value, method, None)) else value
        array = np.asarray(value)
        if array.dtype.name == "bfloat16":
            array = array.astype(np.float32)
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of floats; got {shown_value(value)}") from error
    if array.dtype.kind != "f":
        raise ValueError(f"{name} must be floats, as weights that were trained are; got {array.dtype}")
    array = array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers; {int((~np.isfinite(array)).sum())} of {array.size} are not")
    return array


def _dense(name: str, W: Array, b: Array | None) -> Dense:
    """Return an affine layer, or say what its weights are of instead."""
    if W.ndim != 2 or not W.size:
        kind = f", as of a convolution in {W.ndim - 2}D" if W.ndim in {3, 4, 5} else ""
        raise ValueError(f"{name} must have weights of two dimensions, as an affine layer; got shape {W.shape}{kind}")
    if b is not None and b.shape != (W.shape[1],):
        turned = "; its weights may be transposed" if b.shape == (W.shape[0],) else ""
        raise ValueError(f"{name} has {W.shape[1]} units, and a bias of shape {b.shape}{turned}")
    return Dense(name, W, b)


def _norm(name: str, arrays: Mapping[str, Array], epsilon: Any) -> Norm:
    """Return batch normalization as a scale and a shift."""
    for one in ("mean", "variance"):
        if one not in arrays:
            raise ValueError(f"{name} must have a {one}, for prediction")
    shape = arrays["mean"].shape
    wrong = {one: array.shape for one, array in arrays.items() if array.shape != shape or len(shape) != 1}
    if wrong:
        raise ValueError(f"{name} must have as many of each as it has units, {shape}; got {wrong}")
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float | np.floating) or not 0 <= epsilon < np.inf:
        raise ValueError(f"epsilon of {name} must be a number >= 0; got {shown_value(epsilon)}")
    variance = arrays["variance"].astype(np.float64) + epsilon
    if not (variance > 0).all():
        raise ValueError(f"{name} must have a variance that is positive with epsilon; got {variance.min():g}")
    gamma, beta = arrays.get("gamma", np.ones(shape)), arrays.get("beta", np.zeros(shape))
    gamma, beta, mean = (one.astype(np.float64) for one in (gamma, beta, arrays["mean"]))
    return Norm(name, gamma, beta, mean, np.sqrt(variance))


# ---------------------------------------------------------------- putting together


def _assemble(
    parts: Sequence[Dense | Norm],
    activations: Activations,
    classes: ArrayLike | None,
    output: str | None,
    batch_norm: Place | None,
    pixel_scale: float | None,
    framework: Framework,
) -> MLPClassifier | MLPRegressor:
    """Make the estimator of layers that have been read."""
    n_hidden = sum(isinstance(part, Dense) for part in parts) - 1
    if n_hidden < 0:
        raise ValueError("there must be an affine layer at least; got none")
    _check_widths(parts)
    hidden, last = hidden_activations(activations, n_hidden, framework)
    output = output_activation(output, last, has_classes=classes is not None)
    dtype = np.result_type(*(part.W.dtype for part in parts if isinstance(part, Dense)))
    normed = batch_norm == "before" and _is_normed(parts)
    layers = _folded(parts[:: 2 if normed else 1], batch_norm, n_hidden)
    kind: type[MLPClassifier | MLPRegressor] = MLPRegressor if output in NUMBERS else MLPClassifier
    if kind is MLPClassifier:
        layers, targets = _labelled(layers, classes, output)
    else:
        targets = {"n_targets": len(layers[-1][1])}
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": tuple(len(b) for _, b in layers[:-1]),
        "activation": hidden[0] if len(set(hidden)) == 1 else tuple(hidden) or "relu",
        "bias": any(part.b is not None for part in parts if isinstance(part, Dense)) or len(parts) > len(layers),
        "batch_norm": normed,
        "pixel_scale": pixel_scale,
    }
    if output == "exp":
        parameters["loss"] = "poisson"
    params = _normed_params(layers, parts[1::2]) if normed else flat(layers, bias=parameters["bias"])
    return fitted_estimator(kind, parameters, widths(layers), _cast(params, dtype), targets)


def _cast(params: Array, dtype: Any) -> Array:
    """Return parameters in a network's precision.

    Raises
    ------
    ValueError
        Where a number is beyond it.
    """
    with np.errstate(over="ignore"):
        cast = params.astype(dtype)
    if not np.isfinite(cast).all():
        raise ValueError(f"layers must have numbers that {np.dtype(dtype)} has, with batch normalization folded in")
    return cast


def _is_normed(parts: Sequence[Dense | Norm]) -> bool:
    """Tell whether batch normalization follows every hidden layer and no other, so that a network of ours has it."""
    alternating = [isinstance(part, Norm) == bool(number % 2) for number, part in enumerate(parts)]
    larger = all((part.std**2 > BatchNorm(1).epsilon).all() for part in parts if isinstance(part, Norm))
    return len(parts) > 1 and len(parts) % 2 == 1 and all(alternating) and larger


def _normed_params(layers: Sequence[tuple[Array, Array]], norms: Sequence[Any]) -> Array:
    """Return the snapshot of a network with batch normalization: its mean takes the bias, its variance our epsilon."""
    params, statistics = [], []
    for (W, b), norm in zip(layers, norms, strict=False):
        params += [W.ravel(), norm.gamma, norm.beta]
        statistics += [norm.mean - b, norm.std**2 - BatchNorm(1).epsilon]
    return np.concatenate([*params, *(part.ravel() for part in layers[-1]), *statistics])


def _check_widths(parts: Sequence[Dense | Norm]) -> None:
    """Raise where a layer does not take what the one before it gives."""
    for before, after in pairwise(parts):
        given = before.W.shape[1] if isinstance(before, Dense) else len(before.scale)
        taken = after.W.shape[0] if isinstance(after, Dense) else len(after.scale)
        if given != taken:
            turned = isinstance(after, Dense) and after.W.shape[1] == given
            raise ValueError(
                f"{after.name} takes {taken} inputs, and {before.name} gives {given}"
                f"{'; it would fit if it were transposed' if turned else ''}"
            )


def _folded(parts: Sequence[Dense | Norm], batch_norm: Place | None, n_hidden: int) -> list[tuple[Array, Array]]:
    """Return the affine layers in float64, with every batch normalization in the one before it or after it."""
    layers: list[tuple[Array, Array]] = []
    scale: Any = np.float64(1)
    shift: Any = np.float64(0)
    for part in parts:
        if isinstance(part, Dense):
            W = part.W.astype(np.float64)
            b = np.zeros(W.shape[1]) if part.b is None else part.b.astype(np.float64)
            layers.append((W * np.reshape(scale, (-1, 1)), b + np.broadcast_to(shift, len(W)) @ W))
            scale, shift = np.float64(1), np.float64(0)
        elif _comes_before(part, batch_norm, len(layers), n_hidden):
            W, b = layers[-1]
            layers[-1] = W * part.scale, b * part.scale + part.shift
        else:
            scale, shift = scale * part.scale, shift * part.scale + part.shift
    return layers


def _comes_before(norm: Norm, batch_norm: Place | None, n_before: int, n_hidden: int) -> bool:
    """Tell whether batch normalization comes before the activation of the affine layer before it."""
    if n_before == 0:
        return False
    if n_before > n_hidden:
        return True
    if batch_norm not in ("before", "after"):
        raise ValueError(
            f"batch_norm must be 'before' or 'after', since weights do not tell whether {norm.name} comes before its "
            f"layer's activation or after it; got {shown_value(batch_norm)}"
        )
    return batch_norm == "before"


def _labelled(
    layers: list[tuple[Array, Array]], classes: ArrayLike | None, output: str
) -> tuple[list[tuple[Array, Array]], dict[str, Any]]:
    """Return the layers, and labels and their kind; two classes are one column, by the difference of theirs."""
    W, b = layers[-1]
    n_columns = len(b)
    if output == "logits":
        output = "logistic" if n_columns == 1 else "softmax"
    if output == "softmax" and n_columns == 1:
        raise ValueError("output must be 'logistic' for one column; got 'softmax', which would always be 1")
    labels = _labels(classes, 2 if n_columns == 1 else n_columns)
    if output == "softmax" and n_columns == 2:
        layers = [*layers[:-1], (W[:, 1:] - W[:, :1], b[1:] - b[:1])]
    if output == "logistic" and n_columns > 1:
        return layers, {"classes": labels, "y_type": "multilabel-indicator"}
    return layers, {"classes": labels, "y_type": "binary" if len(labels) == 2 else "multiclass"}


def _labels(classes: ArrayLike | None, n_classes: int) -> Array:
    """Return the labels, which must be as many, and all different."""
    if classes is None:
        return np.arange(n_classes)
    labels = np.asarray(classes)
    check_no_missing(labels)
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(f"classes must be labels that are known; got {shown_value(classes)}")
    if labels.shape != (n_classes,) or len(set(labels.tolist())) < n_classes:
        raise ValueError(f"classes must be {n_classes} labels that are all different; got {shown_value(classes)}")
    return labels
