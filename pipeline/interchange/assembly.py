"""Layers that were read from arrays put together as a fitted estimator, batch normalization kept or folded in."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.interchange.activations import NUMBERS, Framework, hidden_activations, output_activation
from pipeline.interchange.array_layers import Dense, Norm
from pipeline.interchange.fitted import fitted_estimator, flat, widths
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.labels import check_classes
from pipeline.mlp.regressor import MLPRegressor
from pipeline.network import BatchNorm
from pipeline.text import shown_value

Array = NDArray[Any]
Place = Literal["before", "after"]
Activations = str | tuple[str, float] | Sequence[str | tuple[str, float]]


def assemble(
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
    check_classes(labels)
    if labels.shape != (n_classes,) or len(set(labels.tolist())) < n_classes:
        raise ValueError(f"classes must be {n_classes} labels that are all different; got {shown_value(classes)}")
    return labels
