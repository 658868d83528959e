"""Gradient check: backpropagation against central differences, which change each parameter a little.

Slow, simple, and with nothing in common with backpropagation but the forward pass, so that a mistake in either shows.
Backpropagation is what an ``Updater`` does in training, by either engine.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.compiled.engines import Engine, backpropagate
from pipeline.network.layers import Affine, Cache, Layer
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer

Array = NDArray[Any]
Advance = Callable[[int], None]
_Loss = Callable[[], float]
STEP = 1e-5
"""How far a parameter is changed: the central difference is then exact to about 1e-10 in float64."""
TOLERANCE = 1e-7
"""A larger difference is no rounding error of a central difference."""


def _ignore_progress(n_parameters: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Difference:
    """The difference of the two gradients of one array of parameters.

    Attributes
    ----------
    name : str
        ``"W1"``, ``"b1"`` and so on.
    shape : tuple of int
        Its shape.
    mean, largest : float
        Mean and largest absolute difference of those that were checked.
    n_checked : int
        How many of its elements were checked.
    """

    name: str
    shape: tuple[int, ...]
    mean: float
    largest: float
    n_checked: int


def numerical_gradient(network: Network, values: Array, X: Array, Y: Array, step: float = STEP) -> Array:
    """Return the gradient of the loss by central differences, (L(w + h) - L(w - h)) / 2h.

    Parameters
    ----------
    network : Network
        In float64; float32 is too coarse for a difference of losses.
    values : ndarray
        The parameters to change: ``network.params``, or a view of some. They are restored.
    X, Y : ndarray
        A few samples, (n_samples, n_in) and (n_samples, n_out).
    step : float, default=1e-5
        The h.

    Returns
    -------
    ndarray
        Of the shape of ``values``.
    """
    loss = _TrainingLoss(network, X, Y)
    every = np.ndindex(values.shape)
    return _central_differences(lambda: loss.after(0, X), values, step, every).reshape(values.shape)


def differentiate(
    network: Network, X: Array, Y: Array, step: float = STEP, advance: Advance = _ignore_progress
) -> None:
    """Leave the gradient by central differences in ``grads``, where ``network.gradient`` leaves it.

    The same as ``numerical_gradient`` of all parameters, and many times faster: a weight or a bias of unit j changes
    column j of its layer's output alone, so that only this column and the layers above are computed again.

    Parameters
    ----------
    network, X, Y, step
        As in ``numerical_gradient``.
    advance : callable, optional
        Called with how many more parameters are done, unit by unit.
    """
    for layer, name, part, loss in _units(network, X, Y):
        values, gradient = getattr(layer, name)[part], getattr(layer, f"d{name}")[part]
        gradient[:] = _central_differences(loss, values, step, np.arange(len(values)))
        advance(len(values))


def check_gradients(
    network: Network,
    X: Array,
    Y: Array,
    step: float = STEP,
    advance: Advance = _ignore_progress,
    *,
    n_of_each: int | None = None,
    random_state: int = 0,
    engine: Engine = "numpy",
) -> list[Difference]:
    """Compare backpropagation with central differences, parameter by parameter.

    Parameters
    ----------
    network, X, Y, step, advance
        As in ``differentiate``.
    n_of_each : int, default=None
        How many elements of each array of parameters are checked, or all where it has no more: three of four of them
        with a gradient other than 0, as far as there are any, the others drawn from the rest. None checks all.
    random_state : int, default=0
        The seed of the draw.
    engine : {"auto", "numpy", "numba"}
        Whose backpropagation is checked, as it trains; the central differences are NumPy's. Numba's multiplies up to
        eight samples by other loops than more. What has no compiled form is NumPy's in it, as in training.

    Returns
    -------
    list of Difference
        One for every W, b and other array of parameters, from the input to the output.

    Raises
    ------
    ValueError
        Where the network is not in float64.

    Examples
    --------
    >>> from pipeline.network import Affine, Sigmoid
    >>> network = Network([Affine(4, 3), Sigmoid(), Affine(3, 2)], dtype=np.float64, random_state=0)
    >>> X, Y = np.random.default_rng(0).random((3, 4)), np.eye(2)[[0, 1, 1]]
    >>> [difference.name for difference in check_gradients(network, X, Y) if difference.largest > 1e-9]
    []
    """
    if network.dtype != np.float64:
        raise ValueError(f"a gradient is checked in float64; the network is in {network.dtype}")
    rng_state, before = network.rng.bit_generator.state, network.snapshot()
    backpropagate(network, X, Y, engine)
    network.rng.bit_generator.state = rng_state
    chosen = _choose(network, n_of_each, np.random.default_rng(random_state))
    for layer, name, part, loss in _units(network, X, Y):
        values, gradient = getattr(layer, name)[part], getattr(layer, f"d{name}")[part]
        picked = np.flatnonzero(chosen[id(layer), name][part])
        if len(picked):
            gradient[picked] = _differences(loss, values, gradient, step, picked)
            advance(len(picked))
    network.restore(before)
    masks = chosen.values()
    return [
        Difference(name, all_.shape, float(all_[mask].mean()), float(all_[mask].max()), all_[mask].size)
        for (name, _, all_), mask in zip(network.named_parameters(), masks, strict=True)
    ]


def n_checked(network: Network, n_of_each: int | None) -> int:
    """Return how many parameters ``check_gradients`` checks."""
    sizes = [values.size for _, values, _ in network.named_parameters()]
    return sum(sizes if n_of_each is None else [min(size, n_of_each) for size in sizes])


def train_numerically(
    network: Network,
    optimizer: Optimizer,
    X: Array,
    Y: Array,
    *,
    learning_rate: float,
    n_updates: int,
    advance: Advance = _ignore_progress,
) -> list[float]:
    """Train by numerical differentiation alone, on all samples at each update; return the loss before each update.

    Parameters
    ----------
    network, X, Y
        As in ``numerical_gradient``.
    optimizer : Optimizer
        Makes an update from a gradient.
    learning_rate : float
        Its learning rate.
    n_updates : int
        Each costs two evaluations of the loss for every single parameter.
    advance : callable, optional
        Called with how many more parameters have been changed.
    """
    optimizer.start(network.params)
    losses = []
    for _ in range(n_updates):
        losses.append(network.evaluate(X, Y))
        differentiate(network, X, Y, advance=advance)
        optimizer.step(network.params, network.grads, learning_rate)
    return losses


def _central_differences(loss: Callable[[], float], values: Array, step: float, picked: Iterable[Any]) -> Array:
    """Return the derivative of ``loss()`` by each of the values at some indices; all are restored."""
    gradient = []
    for index in picked:
        value = values[index]
        values[index] = value + step
        upper = loss()
        values[index] = value - step
        lower = loss()
        values[index] = value
        gradient.append((upper - lower) / (2 * step))
    return np.array(gradient, dtype=values.dtype)


def _choose(network: Network, n_of_each: int | None, rng: np.random.Generator) -> dict[tuple[int, str], Array]:
    """Return which elements of every array of parameters are checked, by layer and name, in their order.

    The gradients are there already: an element whose gradient is 0 tells less, such as a weight of a pixel that is
    black in every image. But a gradient that is wrongly 0 must have its chance to be found.
    """
    chosen = {}
    for layer in network.layers:
        for name in layer.parameter_shapes():
            gradient = getattr(layer, f"d{name}")
            mask = np.full(gradient.size, n_of_each is None or gradient.size <= n_of_each)
            if not mask.all():
                mask[_draw(gradient.ravel() != 0, n_of_each or 0, rng)] = True
            chosen[id(layer), name] = mask.reshape(gradient.shape)
    return chosen


def _draw(nonzero: Array, n: int, rng: np.random.Generator) -> Array:
    """Draw n indices, three of four of them where ``nonzero``, as far as there are so many."""
    order = rng.permutation(len(nonzero))
    first = order[nonzero[order]][: n - n // 4]
    others = order[~np.isin(order, first)]
    return np.concatenate([first, others[: n - len(first)]])


class _TrainingLoss:
    """The loss of a batch in training, for which stochastic layers draw once; ``inputs`` are what each layer takes."""

    def __init__(self, network: Network, X: Array, Y: Array) -> None:
        self.network, self.Y = network, Y
        self.caches = [Cache() for _ in network.layers]
        self.inputs: list[Array] = []
        for layer, cache in zip(network.layers, self.caches, strict=True):
            self.inputs.append(X)
            layer.draw(X, cache, network.rng)
            X = layer.forward(X, cache=cache)

    def after(self, first: int, A: Array) -> float:
        """Return the loss, A being the input of the layer with the index ``first``."""
        for layer, cache in zip(self.network.layers[first:], self.caches[first:], strict=True):
            A = layer.forward(A, cache=cache)
        return self.network.loss.objective(self.network.loss.predictions(A), self.Y)


def _units(network: Network, X: Array, Y: Array) -> Iterator[tuple[Layer, str, slice | tuple[slice, int], _Loss]]:
    """Yield every unit's weights, then its bias: layer, name, index into the array, and the loss as a function of it.

    Parameters of other layers come one by one, with the loss of all from that layer on.
    """
    loss = _TrainingLoss(network, X, Y)
    for index, (layer, A) in enumerate(zip(network.layers, loss.inputs, strict=True)):
        if isinstance(layer, Affine):
            Z = layer.forward(A)
            for unit in range(layer.n_out):
                of_unit = partial(_loss_of_unit, layer, unit, A, Z.copy(), partial(loss.after, index + 1))
                yield layer, "W", np.s_[:, unit], of_unit
                if layer.bias:
                    yield layer, "b", np.s_[unit : unit + 1], of_unit
        else:
            for name in layer.parameter_shapes():
                yield layer, name, np.s_[:], partial(loss.after, index, A)


def _loss_of_unit(layer: Affine, unit: int, X: Array, Z: Array, above: Callable[[Array], float]) -> float:
    """Return the loss after a change of one unit of a layer, Z being the layer's output for X."""
    Z[:, unit] = X @ layer.W[:, unit]
    if layer.bias:
        Z[:, unit] += layer.b[unit]
    return above(Z)


def _differences(loss: _Loss, values: Array, gradient: Array, step: float, picked: Array) -> Array:
    """Return the differences between backpropagation's gradient and central differences, at some indices.

    A kink, as ReLU has, between w - h and w + h makes them differ as well: with a smaller step that does not reach over
    it they agree, which they never do where backpropagation is wrong.
    """
    differences = np.abs(gradient[picked] - _central_differences(loss, values, step, picked))
    if differences.max() > TOLERANCE:
        nearer = _central_differences(loss, values, step / 100, picked)
        differences = np.minimum(differences, np.abs(gradient[picked] - nearer))
    return differences
