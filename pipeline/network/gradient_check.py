"""Whether backpropagation is right: the same gradient found by moving each parameter a little and looking at the loss.

Slow, simple, and with nothing in common with backpropagation but the forward pass: so a mistake in one shows up
against the other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers import Affine, Layer
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer

Array = NDArray[Any]
Advance = Callable[[int], None]
_Loss = Callable[[], float]
STEP = 1e-5
"""How far a parameter is moved: the central difference is then exact to about 1e-10 in float64."""
FAR = 1e-7
"""What is too far apart for the rounding of a central difference."""


def _unheard(n_parameters: int) -> None:
    """Take no notice of progress."""


@dataclass(frozen=True)
class Difference:
    """How far the two gradients of one parameter lie apart.

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
        The parameters to move: ``network.params``, or a view of some. They are put back.
    X, Y : ndarray
        A few samples, (n_samples, n_in) and (n_samples, n_out).
    step : float, default=1e-5
        The h.

    Returns
    -------
    ndarray
        Of the shape of ``values``.
    """
    drawn = network.rng.bit_generator.state
    before = network.snapshot()  # every look at the loss moves what layers keep of the samples they have seen
    every = np.ndindex(values.shape)
    gradient = _central_differences(lambda: _loss(network, network.layers, drawn, Y, X), values, step, every)
    network.restore(before)
    return gradient.reshape(values.shape)


def differentiate(network: Network, X: Array, Y: Array, step: float = STEP, advance: Advance = _unheard) -> None:
    """Leave the gradient by central differences in ``grads``, where ``network.gradient`` leaves it.

    The same as ``numerical_gradient`` of all parameters, and many times faster: a weight or a bias of unit j moves
    column j of its layer's output alone, so that only this column and the layers above are computed again.

    Parameters
    ----------
    network, X, Y, step
        As in ``numerical_gradient``.
    advance : callable, optional
        Hears how many more parameters are done, unit by unit.
    """
    before = network.snapshot()  # as in `numerical_gradient`
    for layer, name, part, loss in _units(network, X, Y):
        values, gradient = getattr(layer, name)[part], getattr(layer, f"d{name}")[part]
        gradient[:] = _central_differences(loss, values, step, np.arange(len(values)))
        advance(len(values))
    network.restore(before)


def check_gradients(
    network: Network,
    X: Array,
    Y: Array,
    step: float = STEP,
    advance: Advance = _unheard,
    *,
    n_of_each: int | None = None,
    random_state: int = 0,
) -> list[Difference]:
    """Compare backpropagation with central differences, parameter by parameter.

    Parameters
    ----------
    network, X, Y, step, advance
        As in ``differentiate``.
    n_of_each : int, default=None
        How many elements of each array of parameters are checked, or all where it has no more: three of four of them
        such that move the loss, as far as there are any, the others drawn from the rest. None checks all.
    random_state : int, default=0
        The seed of the draw.

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
    drawn, before = network.rng.bit_generator.state, network.snapshot()
    network.gradient(X, Y)
    network.rng.bit_generator.state = drawn
    chosen = _choose(network, n_of_each, np.random.default_rng(random_state))
    for layer, name, part, loss in _units(network, X, Y):
        values, gradient = getattr(layer, name)[part], getattr(layer, f"d{name}")[part]
        picked = np.flatnonzero(chosen[id(layer), name][part])
        if len(picked):
            gradient[picked] = _apart(loss, values, gradient, step, picked)
            advance(len(picked))
    network.restore(before)
    masks = chosen.values()
    return [
        _difference(name, apart.shape, apart[mask])
        for (name, _, apart), mask in zip(network.named_parameters(), masks, strict=True)
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
    advance: Advance = _unheard,
) -> list[float]:
    """Train by numerical differentiation alone, on all samples at each update; return the loss before each update.

    Parameters
    ----------
    network, X, Y
        As in ``numerical_gradient``.
    optimizer : Optimizer
        What makes an update of a gradient.
    learning_rate : float
        Its eta.
    n_updates : int
        Each costs two losses for every single parameter.
    advance : callable, optional
        Hears how many more parameters have been moved.
    """
    optimizer.start(network.params)
    losses = []
    for _ in range(n_updates):
        losses.append(network.evaluate(X, Y))
        differentiate(network, X, Y, advance=advance)
        optimizer.step(network.params, network.grads, learning_rate)
    return losses


def _central_differences(loss: Callable[[], float], values: Array, step: float, picked: Iterable[Any]) -> Array:
    """Return how fast ``loss()`` grows with each of the values at some indices; all are put back."""
    gradient = []
    for index in picked:
        kept = values[index]
        values[index] = kept + step
        above = loss()
        values[index] = kept - step
        below = loss()
        values[index] = kept
        gradient.append((above - below) / (2 * step))
    return np.array(gradient, dtype=values.dtype)


def _choose(network: Network, n_of_each: int | None, rng: np.random.Generator) -> dict[tuple[int, str], Array]:
    """Return which elements of every array of parameters are checked, by layer and name, in their order.

    The gradients are there already: an element that moves the loss tells more than one that does not, as do the weights
    of a pixel that is black in every image. But a gradient that is wrongly 0 must have its chance to be found.
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


def _draw(moving: Array, n: int, rng: np.random.Generator) -> Array:
    """Draw n indices, three of four of them where it is moving, as far as there are so many."""
    order = rng.permutation(len(moving))
    first = order[moving[order]][: n - n // 4]
    others = order[~np.isin(order, first)]
    return np.concatenate([first, others[: n - len(first)]])


def _loss(network: Network, layers: Sequence[Layer], drawn: Mapping[str, Any], Y: Array, A: Array) -> float:
    """Return the loss as training sees it, A being what the first of the layers takes.

    Whatever a layer draws is drawn alike every time.
    """
    network.rng.bit_generator.state = drawn
    for layer in layers:
        A = layer.forward(A, training=True)
    return network.loss.forward(A, Y)


def _units(network: Network, X: Array, Y: Array) -> Iterator[tuple[Layer, str, slice | tuple[slice, int], _Loss]]:
    """Yield every unit's weights, then its bias: layer, name, which part of that, and the loss as a function of it.

    Parameters of other layers come one by one, with the loss of all from that layer on.
    """
    for index, layer in enumerate(network.layers):
        began = network.rng.bit_generator.state
        output = layer.forward(X, training=True)
        drawn = network.rng.bit_generator.state
        if isinstance(layer, Affine):
            above = partial(_loss, network, network.layers[index + 1 :], drawn, Y)
            for unit in range(layer.n_out):
                loss = partial(_loss_of_unit, layer, unit, X, output.copy(), above)
                yield layer, "W", np.s_[:, unit], loss
                if layer.biases:
                    yield layer, "b", np.s_[unit : unit + 1], loss
        else:
            for name in layer.parameter_shapes():
                loss = partial(_loss, network, network.layers[index:], began, Y, X)
                yield layer, name, np.s_[:], loss
        network.rng.bit_generator.state = drawn  # so that the layers above draw now what they drew for the losses
        X = output


def _loss_of_unit(layer: Affine, unit: int, X: Array, Z: Array, above: Callable[[Array], float]) -> float:
    """Return the loss where one unit of a layer has moved, Z being the layer's output for X."""
    Z[:, unit] = X @ layer.W[:, unit]
    if layer.biases:
        Z[:, unit] += layer.b[unit]
    return above(Z)


def _apart(loss: _Loss, values: Array, gradient: Array, step: float, picked: Array) -> Array:
    """Return how far backpropagation's gradient lies from the central differences, at some indices.

    A kink, as ReLU has, between w - h and w + h parts the two as well: a smaller step that does not reach over it
    brings them together, which it never does where backpropagation is wrong.
    """
    apart = np.abs(gradient[picked] - _central_differences(loss, values, step, picked))
    if apart.max() > FAR:
        nearer = _central_differences(loss, values, step / 100, picked)
        apart = np.minimum(apart, np.abs(gradient[picked] - nearer))
    return apart


def _difference(name: str, shape: tuple[int, ...], apart: Array) -> Difference:
    return Difference(name, shape, float(apart.mean()), float(apart.max()), apart.size)
