"""The optimizers' rules as loops: every parameter, its gradient and its state are read and written once."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from pipeline.network.compiled.jit import compiled

SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, ADAMW = range(7)


def _at(values: Any, i: int) -> Any:
    """Return number ``i`` of an array, or a number that is the same for all."""
    return values[i] if isinstance(values, np.ndarray) else values


@overload(_at)
def _compiled_at(values: Any, i: Any) -> Any:
    """Return what makes it, by the type."""
    del i

    def one_of_them(values: Any, i: Any) -> Any:
        return values[i]

    def the_same(values: Any, i: Any) -> Any:  # noqa: ARG001 - numba compares the names
        return values

    return one_of_them if isinstance(values, types.Array) else the_same


def _slope(w: Any, g: Any, penalty: Any, i: int) -> Any:
    """Return the gradient of parameter ``i``, with that of its penalty where there is one."""
    if penalty is None:
        return g[i]
    scale, squares = penalty
    squares[i] += w[i] * w[i]
    return g[i] + scale[i] * w[i]


@overload(_slope)
def _compiled_slope(w: Any, g: Any, penalty: Any, i: Any) -> Any:
    """Return what makes it, by the type."""
    del w, g, i

    def plain(w: Any, g: Any, penalty: Any, i: Any) -> Any:  # noqa: ARG001 - numba compares the names
        return g[i]

    def penalized(w: Any, g: Any, penalty: Any, i: Any) -> Any:
        scale, squares = penalty
        value = w[i]
        squares[i] += value * value
        return g[i] + scale[i] * value

    return penalized if isinstance(penalty, types.BaseTuple) else plain


@compiled
def coefficients(kind: int, learning_rate: float, t: int, hyper: Any) -> Any:
    """Return what an update multiplies by and adds, which ``apply`` takes: eta, decay and epsilon.

    The parameters are those of ``update``.
    """
    if kind <= NESTEROV:
        return learning_rate, 1.0, 0.0
    if kind == ADAGRAD:
        return learning_rate, 1.0, hyper[0]
    if kind == RMSPROP:
        unit = np.sqrt(1 - hyper[0])
        return learning_rate / unit, 1.0, hyper[1] / unit
    corrected_1, corrected_2 = 1 - hyper[0] ** t, 1 - hyper[1] ** t
    unit, decay = np.sqrt(1 - hyper[1]), 1.0
    rate = learning_rate * np.sqrt(corrected_2) / corrected_1
    if kind == ADAMW:
        unit = np.sqrt((1 - hyper[1]) / corrected_2)
        rate, decay = learning_rate / corrected_1, 1 - learning_rate * hyper[3]
    return rate * (1 - hyper[0]) / unit, decay, hyper[2] / unit


@compiled
def apply(
    kind: int,
    w: Any,
    g: Any,
    penalty: Any,
    eta: Any,
    decay: Any,
    epsilon: Any,
    hyper: Any,
    first: Any,
    second: Any,
) -> None:
    """Update the parameters by a rule, with the coefficients of this update.

    Parameters
    ----------
    kind, w, g, hyper, first, second
        As for ``update``.
    penalty : tuple of ndarray or None
        What w is multiplied by and then added to g, each of its own, and where w^2 is added to.
    eta, decay, epsilon : number or ndarray of shape (n,)
        What ``coefficients`` returned, in the parameters' type: one for all of them, or one for each.
    """
    dtype = w.dtype.type
    n = w.size
    if kind == SGD:
        for i in range(n):
            w[i] -= _at(eta, i) * _slope(w, g, penalty, i)
    elif kind == MOMENTUM:
        momentum = dtype(hyper[0])
        for i in range(n):
            v = momentum * first[i] - _at(eta, i) * _slope(w, g, penalty, i)
            first[i] = v
            w[i] += v
    elif kind == NESTEROV:
        momentum = dtype(hyper[0])
        for i in range(n):
            step = _at(eta, i) * _slope(w, g, penalty, i)
            v = momentum * first[i] - step
            first[i] = v
            w[i] += momentum * v - step
    elif kind == ADAGRAD:
        for i in range(n):
            slope = _slope(w, g, penalty, i)
            s = first[i] + slope * slope
            first[i] = s
            w[i] -= _at(eta, i) * slope / (np.sqrt(s) + _at(epsilon, i))
    elif kind == RMSPROP:
        rho = dtype(hyper[0])
        for i in range(n):
            slope = _slope(w, g, penalty, i)
            v = rho * first[i] + slope * slope
            first[i] = v
            w[i] -= _at(eta, i) * slope / (np.sqrt(v) + _at(epsilon, i))
    else:
        beta_1, beta_2 = dtype(hyper[0]), dtype(hyper[1])
        for i in range(n):
            slope = _slope(w, g, penalty, i)
            m = beta_1 * first[i] + slope
            v = beta_2 * second[i] + slope * slope
            first[i], second[i] = m, v
            w[i] = _at(decay, i) * w[i] - _at(eta, i) * m / (np.sqrt(v) + _at(epsilon, i))


@compiled
def update(kind: int, w: Any, g: Any, learning_rate: float, t: int, hyper: Any, first: Any, second: Any) -> None:
    """Update the parameters by a rule, in the symbols of ``network.optimizers``.

    Parameters
    ----------
    kind : int
        Which rule.
    w, g : ndarray of shape (n,)
        Parameters and gradients.
    learning_rate : float
        The learning rate of this update, before any correction by ``t``.
    t : int
        Updates so far, this one included.
    hyper : ndarray of shape (4,), float64
        The rule's constants: momentum; epsilon; rho, epsilon; or beta_1, beta_2, epsilon, weight_decay.
    first, second : ndarray of shape (n,)
        Its state, in the order of ``slots``; empty where the rule has less.
    """
    dtype = w.dtype.type
    eta, decay, epsilon = coefficients(kind, learning_rate, t, hyper)
    apply(kind, w, g, None, dtype(eta), dtype(decay), dtype(epsilon), hyper, first, second)
