"""A network as a table that compiled loops read, where every part of it has a compiled form."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network import layers, losses, optimizers
from pipeline.network.compiled import activations, loops
from pipeline.network.compiled import losses as compiled_losses
from pipeline.network.compiled import optimizers as rules
from pipeline.network.losses import Loss
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer
from pipeline.network.regularizers import LabelSmoothing

Array = NDArray[Any]

ACTIVATIONS: dict[type, int] = {
    layers.Identity: activations.IDENTITY,
    layers.ReLU: activations.RELU,
    layers.LeakyReLU: activations.LEAKY_RELU,
    layers.ELU: activations.ELU,
    layers.SELU: activations.SELU,
    layers.Sigmoid: activations.SIGMOID,
    layers.Tanh: activations.TANH,
    layers.GELU: activations.GELU,
    layers.Mish: activations.MISH,
}
LOSSES: dict[type, int] = {
    losses.SoftmaxCrossEntropy: compiled_losses.SOFTMAX,
    losses.SigmoidCrossEntropy: compiled_losses.SIGMOID,
    losses.SquaredError: compiled_losses.SQUARED,
    losses.PoissonDeviance: compiled_losses.POISSON,
    losses.AbsoluteError: compiled_losses.ABSOLUTE,
    losses.Huber: compiled_losses.HUBER,
    losses.Pinball: compiled_losses.PINBALL,
}
KINDS: dict[type, int] = {
    layers.Affine: loops.AFFINE,
    layers.Dropout: loops.DROPOUT,
    layers.GaussianNoise: loops.NOISE,
    layers.Scale: loops.SCALE,
}
LEARNING = (loops.AFFINE, loops.SCALE)
"""The kinds with parameters, whose gradient is made after the pass."""
DTYPES = "fd"
"""The types that loops are compiled for, float32 and float64."""
NONE = -1


@dataclass
class Program:
    """A network's layers and loss, as ``loops`` reads them.

    Attributes
    ----------
    table : ndarray of shape (n_layers, 11), int64
        The layers; see ``loops``.
    rates : ndarray of shape (n_layers,), float64
        The dropout layers' rates.
    width : int
        Columns of the workspace.
    n_uniform, n_normal : int
        Random numbers that dropout and noise take for a sample.
    drawing : list of (layer, int, int)
        The stochastic layers, the column in their random numbers that each begins at, and its width.
    lines : list of int
        The line of each layer of the network.
    loss : int
        Which loss.
    constants : ndarray
        Its own numbers; see ``loss_constants``.
    """

    table: Array
    rates: Array
    width: int
    n_uniform: int
    n_normal: int
    drawing: list[tuple[Any, int, int]]
    lines: list[int]
    loss: int
    constants: Array


def compile_network(network: Network) -> Program | None:
    """Return a network's program; None where a layer, the loss or the type has no compiled form."""
    loss = network.loss.unsmoothed if type(network.loss) is LabelSmoothing else network.loss
    # An activation with an attribute of its own, such as another slope, is another function.
    known = all(type(layer) in KINDS or (type(layer) in ACTIVATIONS and not vars(layer)) for layer in network.layers)
    if not known or type(loss) not in LOSSES or network.dtype.char not in DTYPES:
        return None
    builder, lines, start = _Builder(network.n_in), [], 0
    for layer in network.layers:
        builder.add(layer, start)
        lines.append(len(builder.lines) - 1)
        start += layer.n_parameters
    return builder.finish(lines, LOSSES[type(loss)], loss_constants(network.loss))


def loss_constants(loss: Loss) -> Array:
    """Return a loss's own numbers, as loops read them: the smoothing of labels, Huber's delta, or the quantiles."""
    match loss:
        case LabelSmoothing():
            return np.array([loss.epsilon])
        case losses.Huber():
            return np.array([loss.delta])
        case losses.Pinball():
            return np.array(loss.quantiles)
    return np.zeros(1)


class _Builder:
    """Writes a program line by line, forward, and then what belongs to the way backward."""

    def __init__(self, n_in: int) -> None:
        self.lines: list[list[int]] = []
        self.rates: list[float] = []
        self.drawing: list[tuple[Any, int, int]] = []
        self.n_drawn = {layers.Dropout: 0, layers.GaussianNoise: 0}
        self.width, self.used, self.at, self.bias = n_in, 0, NONE, NONE

    def add(self, layer: Any, start: int) -> None:
        """Add a layer whose parameters begin at ``start``."""
        kind = type(layer)
        if kind is layers.Affine:
            self._settle_bias()
            b = start + layer.n_in * layer.n_out if layer.bias else NONE
            self._line(loops.AFFINE, layer.n_out, self._array(layer.n_out), W=start, B=b)
            self.bias = b
        elif kind is layers.Scale:
            self._settle_bias()
            self._line(loops.SCALE, self.width, self._array(self.width), W=start)
        elif kind in self.n_drawn:
            self._settle_bias()
            drawn = self.n_drawn[kind]
            self.n_drawn[kind] += self.width
            self.drawing.append((layer, drawn, self.width))
            self._line(KINDS[kind], self.width, self._array(self.width), drawn=drawn, rate=getattr(layer, "rate", 0.0))
        else:
            self._activation(ACTIVATIONS[kind])

    def finish(self, lines: list[int], loss: int, constants: Array) -> Program:
        """Return the program, the arrays for the way backward being added."""
        gradient = self.at
        first = next(number for number, line in enumerate(self.lines) if line[loops.KIND] in LEARNING)
        for line in reversed(self.lines[first:]):
            line[loops.DY] = gradient
            if line is not self.lines[first]:
                if line[loops.KIND] in LEARNING:
                    gradient = self._array(line[loops.N_IN])
                line[loops.DX] = gradient
        table = np.array(self.lines, np.int64)
        n_uniform, n_normal = self.n_drawn.values()
        return Program(
            table, np.array(self.rates), self.used, n_uniform, n_normal, self.drawing, lines, loss, constants
        )

    def _activation(self, kind: int) -> None:
        """Add an activation, which is in place where it takes an affine layer's output, and adds its bias."""
        beside = kind >= activations.FROM_INPUT
        if not beside and not (self.lines and self.lines[-1][loops.KIND] == loops.AFFINE):
            self._copy()
        self._line(kind, self.width, self._array(self.width) if beside else self.at, ADDED=self.bias)
        self.bias = NONE

    def _copy(self) -> None:
        """Add a line that copies the last output, where another layer may need it as it is."""
        self._line(loops.COPY, self.width, self._array(self.width))

    def _settle_bias(self) -> None:
        """Add the bias that no activation has added."""
        if self.bias != NONE:
            self._activation(activations.IDENTITY)

    def _array(self, width: int) -> int:
        """Return the first column of a new array in the workspace."""
        start, self.used = self.used, self.used + width
        return start

    def _line(self, kind: int, n_out: int, Y: int, *, drawn: int = 0, rate: float = 0.0, **places: int) -> None:
        line = [NONE] * (loops.DRAWN + 1)
        named = {loops.KIND: kind, loops.N_IN: self.width, loops.N_OUT: n_out, loops.X: self.at, loops.Y: Y}
        named |= {loops.DRAWN: drawn} | {getattr(loops, name): place for name, place in places.items()}
        for column, value in named.items():
            line[column] = value
        self.lines.append(line)
        self.rates.append(rate)
        self.width, self.at = n_out, Y


@dataclass
class Rule:
    """An optimizer as ``loops`` reads it: which rule, its constants, and its state of all parameters."""

    kind: int
    hyper: Array
    state: tuple[Array, Array]


def compile_optimizer(optimizer: Optimizer, params: Array) -> Rule | None:
    """Return an optimizer's rule; None where it, or the parameters' type, has no compiled form."""
    kind, names = _RULES.get(type(optimizer), (NONE, ()))
    if kind == NONE or params.dtype.char not in DTYPES:
        return None
    if type(optimizer) is optimizers.Momentum and optimizer.nesterov:
        kind = rules.NESTEROV
    hyper = np.zeros(4)
    hyper[: len(names)] = [getattr(optimizer, name) for name in names]
    none = np.empty(0, params.dtype)
    state = [*optimizer.state.values(), none, none]
    return Rule(kind, hyper, (state[0], state[1]))


_RULES: dict[type, tuple[int, tuple[str, ...]]] = {
    optimizers.SGD: (rules.SGD, ()),
    optimizers.Momentum: (rules.MOMENTUM, ("momentum",)),
    optimizers.AdaGrad: (rules.ADAGRAD, ("epsilon",)),
    optimizers.RMSprop: (rules.RMSPROP, ("rho", "epsilon")),
    optimizers.Adam: (rules.ADAM, ("beta_1", "beta_2", "epsilon")),
    optimizers.AdamW: (rules.ADAMW, ("beta_1", "beta_2", "epsilon", "weight_decay")),
}
