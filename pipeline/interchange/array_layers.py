"""Arrays of weights read into layers: affine ones and batch normalizations in their order, checked one by one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.text import shown, shown_value

Array = NDArray[Any]


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


def layers_of_arrays(layers: Sequence[Any]) -> Iterator[Dense | Norm]:
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


def layers_of_keras(weights: Sequence[Any], epsilon: float) -> Iterator[Dense | Norm]:
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


def layers_of_torch(state: Mapping[str, Any], epsilon: float) -> Iterator[Dense | Norm]:
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
