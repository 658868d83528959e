"""The optimizers' rules as loops: every parameter, its gradient and its state are read and written once."""

from typing import Any

import numpy as np

from pipeline.network.compiled.jit import compiled

SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, ADAMW = range(7)


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
    n = w.size
    eta = dtype(learning_rate)
    if kind == SGD:
        for i in range(n):
            w[i] -= eta * g[i]
    elif kind == MOMENTUM:
        momentum = dtype(hyper[0])
        for i in range(n):
            v = momentum * first[i] - eta * g[i]
            first[i] = v
            w[i] += v
    elif kind == NESTEROV:
        momentum = dtype(hyper[0])
        for i in range(n):
            step = eta * g[i]
            v = momentum * first[i] - step
            first[i] = v
            w[i] += momentum * v - step
    elif kind == ADAGRAD:
        epsilon = dtype(hyper[0])
        for i in range(n):
            s = first[i] + g[i] * g[i]
            first[i] = s
            w[i] -= eta * g[i] / (np.sqrt(s) + epsilon)
    elif kind == RMSPROP:
        unit = np.sqrt(1 - hyper[0])
        rho, epsilon, eta = dtype(hyper[0]), dtype(hyper[1] / unit), dtype(learning_rate / unit)
        for i in range(n):
            v = rho * first[i] + g[i] * g[i]
            first[i] = v
            w[i] -= eta * g[i] / (np.sqrt(v) + epsilon)
    else:
        corrected_1, corrected_2 = 1 - hyper[0] ** t, 1 - hyper[1] ** t
        unit, shrink = np.sqrt(1 - hyper[1]), 1.0
        rate = learning_rate * np.sqrt(corrected_2) / corrected_1
        if kind == ADAMW:
            unit = np.sqrt((1 - hyper[1]) / corrected_2)
            rate, shrink = learning_rate / corrected_1, 1 - learning_rate * hyper[3]
        beta_1, beta_2, epsilon = dtype(hyper[0]), dtype(hyper[1]), dtype(hyper[2] / unit)
        eta, decay = dtype(rate * (1 - hyper[0]) / unit), dtype(shrink)
        for i in range(n):
            m = beta_1 * first[i] + g[i]
            v = beta_2 * second[i] + g[i] * g[i]
            first[i], second[i] = m, v
            w[i] = decay * w[i] - eta * m / (np.sqrt(v) + epsilon)
