"""Whether backpropagation is right: the same gradient found by moving each parameter a little and looking at the loss.

Slow, simple, and with nothing in common with backpropagation but the forward pass: so a mistake in one shows up
against the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer

Array = NDArray[Any]
STEP = 1e-5
"""How far a parameter is moved: the central difference is then exact to about 1e-10 in float64."""


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
        Mean and largest absolute difference.
    """

    name: str
    shape: tuple[int, ...]
    mean: float
    largest: float


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
    gradient = np.empty_like(values)
    drawn = network.rng.bit_generator.state
    for index in np.ndindex(values.shape):
        kept = values[index]
        values[index] = kept + step
        above = _loss(network, X, Y, drawn)
        values[index] = kept - step
        below = _loss(network, X, Y, drawn)
        values[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


def check_gradients(network: Network, X: Array, Y: Array, step: float = STEP) -> list[Difference]:
    """Compare backpropagation with central differences, parameter by parameter.

    Parameters
    ----------
    network, X, Y, step
        As in ``numerical_gradient``.

    Returns
    -------
    list of Difference
        One for every W and b, from the input to the output.

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
    drawn = network.rng.bit_generator.state
    network.gradient(X, Y)
    network.rng.bit_generator.state = drawn
    differences = []
    for name, values, gradient in network.named_parameters():
        apart = np.abs(gradient - numerical_gradient(network, values, X, Y, step))
        differences.append(Difference(name, values.shape, float(apart.mean()), float(apart.max())))
    return differences


def train_numerically(
    network: Network, optimizer: Optimizer, X: Array, Y: Array, *, learning_rate: float, n_updates: int
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
        Each costs two forward passes for every single parameter.
    """
    optimizer.start(network.params)
    losses = []
    for _ in range(n_updates):
        losses.append(network.evaluate(X, Y))
        network.grads[:] = numerical_gradient(network, network.params, X, Y)
        optimizer.step(network.params, network.grads, learning_rate)
    return losses


def _loss(network: Network, X: Array, Y: Array, drawn: Mapping[str, Any]) -> float:
    """Return the loss as training sees it, whatever a layer draws being drawn alike every time."""
    network.rng.bit_generator.state = drawn
    Z = network.forward(X, training=True)
    return network.loss.forward(Z, Y)
