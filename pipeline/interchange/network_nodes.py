"""A network as nodes of a graph: each layer by its formula, and what only scales folded into the weights beside it.

What happens in training alone is left out, as in every prediction.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.interchange.folding import FoldedAffine, FoldedScale, folded_layers
from pipeline.interchange.graph import ExportError, Graph
from pipeline.network import Layer, Network
from pipeline.network.layers import ELU, GELU, SELU, Identity, LeakyReLU, Mish, ReLU, Sigmoid, Tanh
from pipeline.text import shown

Array = NDArray[Any]


class Place(NamedTuple):
    """Where nodes are put.

    Attributes
    ----------
    graph : Graph
        Into which.
    dtype : dtype
        The precision of all that they compute.
    prefix : str
        What their names begin with.
    """

    graph: Graph
    dtype: np.dtype[Any]
    prefix: str

    def add(self, kind: str, *inputs: str, name: str, **attributes: Any) -> str:
        """Put in an operation, and return the name of what it gives."""
        return self.graph.add(kind, *inputs, name=f"{self.prefix}{name}", **attributes)

    def array(self, name: str, value: Array | float) -> str:
        """Put in an array, or a number of this place alone, and return its name."""
        return self.graph.constant(f"{self.prefix}{name}", value, self.dtype)

    def number(self, value: float) -> str:
        """Put in a number, which all nodes share that take it, and return its name."""
        return self.graph.constant(f"{value!r}_{self.dtype.name}", value, self.dtype)


def network_nodes(network: Network, X: str, place: Place) -> str:
    """Put a network into a graph, up to its output's activation, and return the name of what comes out.

    Parameters
    ----------
    network : Network
        Whose predictions are meant.
    X : str
        What goes in, in the network's precision.
    place : Place
        Where.

    Raises
    ------
    ExportError
        For a layer or a loss that has no form in ONNX, by its name.
    """
    value, counts = X, Counter[str]()
    for layer in folded_layers(network.layers):
        kind = type(layer).__name__ if isinstance(layer, FoldedAffine | FoldedScale) else "activation"
        counts[kind] += 1
        value = _layer_nodes(layer, value, counts[kind], place)
    activation = network.loss.activation
    if activation not in _OUTPUTS:
        raise ExportError(f"the network has the output {shown(repr(activation), 80)}, which has no form in ONNX here")
    return _OUTPUTS[activation](place, value)


def _layer_nodes(layer: FoldedAffine | FoldedScale | Layer, X: str, number: int, place: Place) -> str:
    """Put in one layer, the first of its kind being number 1."""
    if isinstance(layer, FoldedAffine):
        return place.add(
            "Gemm", X, place.array(f"W{number}", layer.W), place.array(f"b{number}", layer.b), name=f"Z{number}"
        )
    if isinstance(layer, FoldedScale):
        scaled = place.add("Mul", X, place.array(f"scale{number}", layer.factor), name=f"scaled{number}")
        return place.add("Add", scaled, place.array(f"shift{number}", layer.shift), name=f"shifted{number}")
    if type(layer) not in _ACTIVATIONS:
        raise ExportError(f"the network has the layer {shown(repr(layer), 80)}, which has no form in ONNX here")
    return _ACTIVATIONS[type(layer)](place, X, f"A{number}")


def _operation(kind: str, **attributes: float) -> Callable[[Place, str, str], str]:
    """Return what puts in a layer that is an operation of ONNX."""
    return lambda place, X, name: place.add(kind, X, name=name, **attributes)


def _elu(place: Place, X: str, name: str) -> str:
    """Put in max(X, 0) + exp(min(X, 0)) - 1; runtimes have the operation for float32 alone."""
    if place.dtype == np.float32:
        return place.add("Elu", X, name=name)
    return place.add("Add", place.add("Relu", X, name=f"{name}_above"), _expm1_below(place, X, name), name=name)


def _expm1_below(place: Place, X: str, name: str) -> str:
    """Put in exp(min(X, 0)) - 1."""
    below = place.add("Min", X, place.number(0.0), name=f"{name}_below")
    return place.add("Sub", place.add("Exp", below, name=f"{name}_exp"), place.number(1.0), name=f"{name}_expm1")


def _selu(place: Place, X: str, name: str) -> str:
    """Put in scale (max(X, 0) + alpha (exp(min(X, 0)) - 1)); runtimes have the operation for float32 alone."""
    if place.dtype == np.float32:
        return place.add("Selu", X, name=name, alpha=SELU.alpha, gamma=SELU.scale)
    below = place.add("Mul", _expm1_below(place, X, name), place.number(SELU.alpha), name=f"{name}_alpha")
    both = place.add("Add", place.add("Relu", X, name=f"{name}_above"), below, name=f"{name}_both")
    return place.add("Mul", both, place.number(SELU.scale), name=name)


def _mish(place: Place, X: str, name: str) -> str:
    """Put in X n / (n + 2), n being E (E + 2), E = exp(X), of X within a bound where no power of E overflows."""
    E = place.add("Exp", place.add("Min", X, place.number(Mish.limit), name=f"{name}_min"), name=f"{name}_exp")
    n = place.add("Mul", E, place.add("Add", E, place.number(2.0), name=f"{name}_E2"), name=f"{name}_n")
    T = place.add("Div", n, place.add("Add", n, place.number(2.0), name=f"{name}_n2"), name=f"{name}_gate")
    return place.add("Mul", X, T, name=name)


def _gelu(place: Place, X: str, name: str) -> str:
    """Put in X (1 + tanh(c (Z + 0.044715 Z^3))) / 2, Z being X within bounds where no power overflows."""
    limits = place.number(-GELU.limit), place.number(GELU.limit)
    Z = place.add("Clip", X, *limits, name=f"{name}_clip")
    square = place.add("Mul", Z, Z, name=f"{name}_square")
    inner = place.add("Mul", square, place.number(GELU.c * GELU.cubic), name=f"{name}_cubic")
    inner = place.add("Add", inner, place.number(GELU.c), name=f"{name}_factor")
    T = place.add("Tanh", place.add("Mul", Z, inner, name=f"{name}_inner"), name=f"{name}_tanh")
    gate = place.add("Add", T, place.number(1.0), name=f"{name}_gate")
    return place.add("Mul", place.add("Mul", X, place.number(0.5), name=f"{name}_half"), gate, name=name)


_ACTIVATIONS: dict[type[Layer], Callable[[Place, str, str], str]] = {
    Identity: _operation("Identity"),
    Sigmoid: _operation("Sigmoid"),
    Tanh: _operation("Tanh"),
    ReLU: _operation("Relu"),
    LeakyReLU: _operation("LeakyRelu", alpha=LeakyReLU.slope),
    ELU: _elu,
    SELU: _selu,
    GELU: _gelu,
    Mish: _mish,
}
_OUTPUTS: dict[str, Callable[[Place, str], str]] = {
    "softmax": lambda place, Z: place.add("Softmax", Z, name="P", axis=1),
    "logistic": lambda place, Z: place.add("Sigmoid", Z, name="P"),
    "identity": lambda place, Z: place.add("Identity", Z, name="P"),
    "exp": lambda place, Z: place.add("Exp", Z, name="P"),
}
