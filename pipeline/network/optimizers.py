"""Optimizers: rules that update the parameters by their gradients, so that the loss falls.

Sorted from the simplest to the most refined. Each class docstring is the rule: w a parameter, g its gradient, eta the
learning rate. A rule is elementwise on the flat buffers, so it is applied block by block, each small enough to stay in
the processor's cache from the first operation to the last.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import as_call
from pipeline.network.rate_factors import Span, within

Array = NDArray[Any]
BLOCK = 2**16
"""Elements in a block: four arrays of 65,536 float32 numbers fill a second-level cache of 1 MiB."""


class Optimizer:
    """A rule with named state of the parameters' length (``slots``), which starts at zero.

    ``t`` counts the updates. ``rate_spans`` says by which factor the learning rate of some parameters differs; where
    there are none, it is 1 for all.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    rate_spans: Sequence[Span] = ()
    update: Callable[..., None]
    """The rule on a block: ``update(w, g, eta, scratch, **state)``; ``scratch`` is a buffer of its length."""

    def __repr__(self) -> str:
        return as_call(self)

    def start(self, params: Array) -> None:
        """Make the state for a buffer of parameters."""
        self.t = 0
        self.state = {slot: np.zeros_like(params) for slot in self.slots}

    def step(self, params: Array, grads: Array, learning_rate: float) -> None:
        """Make one update of all parameters, in place.

        Raises
        ------
        ValueError
            Where ``start`` has not been called.
        """
        if "state" not in vars(self):
            raise ValueError(f"{type(self).__name__} has no state yet: call start(params) before the first step")
        self.begin(learning_rate)
        self.apply(params, grads, slice(0, len(params)), np.empty(min(BLOCK, len(params)), params.dtype))

    def begin(self, learning_rate: float) -> None:
        """Begin an update, which ``apply`` makes span by span."""
        self.t += 1
        self.eta = self.rate(learning_rate)

    def apply(self, params: Array, grads: Array, span: slice, scratch: Array) -> None:
        """Update a span of the parameters, in blocks of the length of ``scratch``; threads may do one span each."""
        for part, factor in within(self.rate_spans, span):
            for start in range(part.start, part.stop, len(scratch)):
                block = slice(start, min(start + len(scratch), part.stop))
                w, g, eta = params[block], grads[block], self.eta * factor
                self.update(w, g, eta, scratch[: len(w)], **{slot: s[block] for slot, s in self.state.items()})

    def rate(self, learning_rate: float) -> float:
        """Return the eta of this update; a rule that corrects it by ``t`` says so."""
        return learning_rate


class SGD(Optimizer):
    """w <- w - eta g.

    Robbins and Monro 1951, Annals of Mathematical Statistics 22.
    """

    def update(self, w: Array, g: Array, eta: Any, scratch: Array) -> None:
        """Step down the gradient."""
        np.multiply(g, eta, out=scratch)
        w -= scratch


class Momentum(Optimizer):
    """v <- momentum v - eta g;  w <- w + v.

    With Nesterov's look ahead: w <- w + momentum v - eta g, v being the new one. Polyak 1964; Nesterov 1983; in this
    form Sutskever et al. 2013, ICML.

    Parameters
    ----------
    momentum : float, default=0.9
        How much of the last step is carried over, in [0, 1].
    nesterov : bool, default=True
        Whether to look ahead.
    """

    slots = ("v",)

    def __init__(self, momentum: float = 0.9, *, nesterov: bool = True) -> None:
        self.momentum, self.nesterov = momentum, nesterov

    def update(self, w: Array, g: Array, eta: Any, scratch: Array, v: Array) -> None:
        """Add the gradient's step to the velocity, and the velocity to w."""
        np.multiply(g, eta, out=scratch)
        v *= self.momentum
        v -= scratch
        if self.nesterov:
            w -= scratch
            np.multiply(v, self.momentum, out=scratch)
            w += scratch
        else:
            w += v


class AdaGrad(Optimizer):
    """s <- s + g^2;  w <- w - eta g / (sqrt(s) + epsilon).

    Duchi et al. 2011, JMLR 12.

    Parameters
    ----------
    epsilon : float, default=1e-8
        Keeps the division from 0.
    """

    slots = ("s",)

    def __init__(self, epsilon: float = 1e-8) -> None:
        self.epsilon = epsilon

    def update(self, w: Array, g: Array, eta: Any, scratch: Array, s: Array) -> None:
        """Step less where the gradients have been large."""
        np.multiply(g, g, out=scratch)
        s += scratch
        _descend(w, g, eta, s, self.epsilon, scratch)


class RMSprop(Optimizer):
    """v <- rho v + (1 - rho) g^2;  w <- w - eta g / (sqrt(v) + epsilon).

    Tieleman and Hinton 2012, Coursera lecture 6.5.

    Parameters
    ----------
    rho : float, default=0.9
        Decay of the mean square, in [0, 1).
    epsilon : float, default=1e-8
        Keeps the division from 0.
    """

    slots = ("v",)

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-8) -> None:
        self.rho, self.epsilon = rho, epsilon

    def update(self, w: Array, g: Array, eta: Any, scratch: Array, v: Array) -> None:
        """Step less where recent gradients are large."""
        _add_square(v, self.rho, g, scratch)
        unit = float(np.sqrt(1 - self.rho))
        _descend(w, g, eta / unit, v, self.epsilon / unit, scratch)


class Adam(Optimizer):
    """m <- beta_1 m + (1 - beta_1) g;  v <- beta_2 v + (1 - beta_2) g^2;  w <- w - eta_t m / (sqrt(v) + epsilon).

    eta_t = eta sqrt(1 - beta_2^t) / (1 - beta_1^t). Kingma and Ba 2015, arXiv 1412.6980, with the paper's "epsilon
    hat", as scikit-learn has it.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the two running means, in [0, 1).
    epsilon : float, default=1e-8
        Keeps the division from 0.
    """

    slots = ("m", "v")

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def rate(self, learning_rate: float) -> float:
        """Return eta_t, which makes up for the running means' start at zero."""
        return float(learning_rate * np.sqrt(1 - self.beta_2**self.t) / (1 - self.beta_1**self.t))

    def update(self, w: Array, g: Array, eta: Any, scratch: Array, m: Array, v: Array) -> None:
        """Step along the running mean, less where recent gradients are large."""
        _add(m, self.beta_1, g)
        _add_square(v, self.beta_2, g, scratch)
        unit = float(np.sqrt(1 - self.beta_2))
        _descend(w, m, eta * (1 - self.beta_1) / unit, v, self.epsilon / unit, scratch)


class AdamW(Adam):
    """m and v as in Adam;  w <- w - eta (m^ / (sqrt(v^) + epsilon) + weight_decay w).

    m^ = m / (1 - beta_1^t);  v^ = v / (1 - beta_2^t). Loshchilov and Hutter 2019, arXiv 1711.05101. Weights and
    biases decay alike.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        As in Adam, but epsilon is added after the correction.
    weight_decay : float, default=0.01
        How much a parameter shrinks at every update, times eta.
    """

    def __init__(
        self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01
    ) -> None:
        super().__init__(beta_1, beta_2, epsilon)
        self.weight_decay = weight_decay

    def rate(self, learning_rate: float) -> float:
        """Return eta itself: the means are corrected one by one."""
        return learning_rate

    def update(self, w: Array, g: Array, eta: Any, scratch: Array, m: Array, v: Array) -> None:
        """Shrink, then step along m^ / (sqrt(v^) + epsilon)."""
        _add(m, self.beta_1, g)
        _add_square(v, self.beta_2, g, scratch)
        w *= 1 - eta * self.weight_decay
        unit = float(np.sqrt((1 - self.beta_2) / (1 - self.beta_2**self.t)))
        scale = (1 - self.beta_1) / (1 - self.beta_1**self.t)
        _descend(w, m, eta * scale / unit, v, self.epsilon / unit, scratch)


# A running mean m <- beta m + (1 - beta) x is stored as the sum s = m / (1 - beta), s <- beta s + x: one pass less over
# the memory. Where it is used, it is multiplied by 1 - beta.


def _add(total: Array, beta: float, g: Array) -> None:
    """s <- beta s + g."""
    total *= beta
    total += g


def _add_square(total: Array, beta: float, g: Array, scratch: Array) -> None:
    """s <- beta s + g^2."""
    total *= beta
    np.multiply(g, g, out=scratch)
    total += scratch


def _descend(w: Array, direction: Array, eta: Any, square: Array, epsilon: float, scratch: Array) -> None:
    """w <- w - eta direction / (sqrt(square) + epsilon)."""
    np.sqrt(square, out=scratch)
    scratch += epsilon
    np.divide(direction, scratch, out=scratch)
    scratch *= eta
    w -= scratch
