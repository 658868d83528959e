"""The bricks that a network is built from: each takes an array forward, and its gradient back.

A layer stands whole on one screen, in the words of its formula. Its parameters (``W``, ``b``) and their gradients
(``dW``, ``db``) are views of the network's two flat buffers. What ``forward`` keeps when ``training``, ``backward``
uses. An ``out`` says where a result may be written; without it, a new array is made and nothing is overwritten.
"""

import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.network.initializers import Initializer, glorot_uniform
from pipeline.network.sparse import SparseRows

Array = NDArray[Any]
ALL = slice(None)


class Layer:
    """A brick: ``forward`` from X to Y, ``backward`` from dY to dX.

    ``elementwise`` layers give an array of the shape that they take, and may write over it. A layer that
    ``keeps_output`` needs its Y again in ``backward``, so that the next one must not write over that. One that
    ``draws`` takes random numbers in training. One ``in_training_only`` hands on what it takes at all other times. One
    that ``mixes_samples`` needs all of a batch's at once. What a layer learns beside its parameters is in the arrays
    that ``state_names`` names.
    """

    elementwise: ClassVar[bool] = True
    keeps_output: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    in_training_only: ClassVar[bool] = False
    mixes_samples: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ()
    rng: np.random.Generator | None = None

    def __getattr__(self, name: str) -> Any:
        """Say where what is missing comes from; Python asks here for nothing else."""
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}: parameters come with a Network, and what "
            "backward uses comes with forward(X, training=True)"
        )

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the layer's parameters by name; most layers have none."""
        return {}

    @property
    def n_parameters(self) -> int:
        """How many numbers the layer learns."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    @property
    def n_state(self) -> int:
        """How many numbers the layer keeps beside its parameters."""
        return 0

    def bind(self, params: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take over views of the network's buffers: ``W`` becomes ``self.W``, its gradient ``self.dW``."""
        for name, values in params.items():
            setattr(self, name, values)
            setattr(self, f"d{name}", grads[name])

    def initialize(self, rng: np.random.Generator) -> None:
        """Give the parameters the values that training starts from."""

    def bare(self) -> Self:
        """Return a copy with the layer's configuration alone: no views, no batch, no generator."""
        bare = object.__new__(type(self))
        passing = np.ndarray | np.random.Generator | SparseRows
        vars(bare).update({name: value for name, value in vars(self).items() if not isinstance(value, passing)})
        return bare

    def part(self, *, inputs: slice = ALL, outputs: slice = ALL) -> Self:
        """Return the layer for some of its units: one of its own, its parameters being views of this one's."""
        del inputs, outputs  # an elementwise layer treats all units alike
        if self.parameter_shapes():
            raise ValueError(f"several threads need the parts of {self!r}, as an adversary does; it has none")
        return self.bare()

    def shadow(self) -> Self:
        """Return a layer on the same parameters and state, which it leaves alone, with gradients of its own."""
        shadow = self.part()
        for name in self.parameter_shapes():
            values = getattr(shadow, name)
            setattr(shadow, f"d{name}", np.zeros(values.shape, values.dtype))
        return shadow

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Return Y of shape (n_samples, n_out) for X of shape (n_samples, n_in)."""
        raise NotImplementedError

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX for dY, and leave the parameters' gradients in their views."""
        raise NotImplementedError

    def backward_input(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX alone: half of ``backward``, where a layer has parameters."""
        return self.backward(dY, out=out)


class Affine(Layer):
    """Y = X W + b.

    dW = X^T dY;  db = the sum of dY over the samples;  dX = dY W^T.

    Parameters
    ----------
    n_in, n_out : int
        Width of the input and of the output.
    biases : bool, default=True
        Whether to add b.
    initializer : callable, default=glorot_uniform
        Draws W and b; see ``initializers``.
    """

    elementwise = False
    W: Array
    b: Array
    dW: Array
    db: Array
    X: Array | SparseRows

    def __init__(
        self, n_in: int, n_out: int, *, biases: bool = True, initializer: Initializer = glorot_uniform
    ) -> None:
        self.n_in, self.n_out, self.biases, self.initializer = n_in, n_out, biases, initializer

    def __repr__(self) -> str:
        return f"Affine({self.n_in}, {self.n_out}{'' if self.biases else ', biases=False'})"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of W and b."""
        return {"W": (self.n_in, self.n_out)} | ({"b": (self.n_out,)} if self.biases else {})

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W, then b."""
        W, b = self.initializer(rng, self.n_in, self.n_out)
        self.W[:] = W
        if self.biases:
            self.b[:] = b

    def part(self, *, inputs: slice = ALL, outputs: slice = ALL) -> Self:
        """Return the layer for some of its inputs and outputs."""
        part = self.bare()
        part.W, part.dW = self.W[inputs, outputs], self.dW[inputs, outputs]
        if self.biases:
            part.b, part.db = self.b[outputs], self.db[outputs]
        return part

    def forward(self, X: Array | SparseRows, *, out: Array | None = None, training: bool = False) -> Array:
        """Return X W + b."""
        if training:
            self.X = X
        Y = _product(X, self.W, out)
        if self.biases:
            Y += self.b
        return Y

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Leave dW and db, and return dX."""
        self.backward_parameters(self.X, dY)
        return self.backward_input(dY, out=out)

    def backward_input(self, dY: Array, *, out: Array | None = None) -> Array:
        """Return dX = dY W^T."""
        return _product(dY, self.W.T, out)

    def backward_parameters(
        self, X: Array | SparseRows, dY: Array, rows: slice = slice(None), *, biases: bool = True
    ) -> None:
        """Leave dW = X^T dY, or some of its rows, and db."""
        if isinstance(X, SparseRows):
            X.transposed_times(dY, rows, out=self.dW[rows])
        else:
            np.dot(X[:, rows].T, dY, out=self.dW[rows])
        if self.biases and biases:
            np.add.reduce(dY, axis=0, out=self.db)


def _product(A: Array | SparseRows, B: Array, out: Array | None) -> Array:
    """Return A B; ``dot`` is the quicker one to call, but cannot write into columns of a wider array."""
    if isinstance(A, SparseRows):
        return A.times(B, out=out)
    product = np.dot if out is None or out.flags.c_contiguous else np.matmul
    result: Array = product(A, B, out=out)
    return result


class Activation(Layer):
    """An elementwise function whose slope ``backward`` finds again from the output Y alone."""

    keeps_output = True
    Y: Array

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Return Y = f(X)."""
        Y = self.apply(X, out)
        if training:
            self.Y = Y
        return Y

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute f(X)."""
        raise NotImplementedError


class ReLU(Activation):
    """Y = max(X, 0).

    dX = dY where Y > 0, else 0. Nair and Hinton 2010, ICML.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute max(X, 0); against a row of zeros, NumPy takes a third of its time against the number."""
        return np.maximum(X, np.zeros(X.shape[-1], X.dtype), out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Pass on the gradient where the unit was active."""
        return np.multiply(dY, self.Y > 0, out=out)


class LeakyReLU(Activation):
    """Y = max(X, slope X), with a slope of 0.01.

    dX = dY where Y > 0, else slope dY. Maas et al. 2013, ICML workshop.
    """

    slope = 0.01

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute max(X, slope X)."""
        return np.maximum(X, X * X.dtype.type(self.slope), out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Pass on the gradient whole, or the slope's share of it."""
        return np.multiply(dY, np.where(self.Y > 0, dY.dtype.type(1), dY.dtype.type(self.slope)), out=out)


class ELU(Activation):
    """Y = X where X > 0, else exp(X) - 1.

    dX = dY where Y > 0, else (Y + 1) dY. Clevert et al. 2016, arXiv 1511.07289, with alpha = 1.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute max(X, 0) + exp(min(X, 0)) - 1."""
        below = np.expm1(np.minimum(X, 0))
        return np.add(np.maximum(X, 0), below, out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Multiply by the slope, which is min(Y, 0) + 1."""
        return np.multiply(dY, np.minimum(self.Y, 0) + dY.dtype.type(1), out=out)


class Sigmoid(Activation):
    """Y = 1 / (1 + exp(-X)), computed as (1 + tanh(X / 2)) / 2, which cannot overflow.

    dX = Y (1 - Y) dY.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute (1 + tanh(X / 2)) / 2."""
        Y = np.multiply(X, 0.5, out=out)
        np.tanh(Y, out=Y)
        Y += 1
        Y *= 0.5
        return Y

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Multiply by the slope Y (1 - Y)."""
        slope = 1 - self.Y
        slope *= self.Y
        return np.multiply(dY, slope, out=out)


class Tanh(Activation):
    """Y = tanh(X).

    dX = (1 - Y^2) dY.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute tanh(X)."""
        return np.tanh(X, out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Multiply by the slope 1 - Y^2."""
        slope = np.multiply(self.Y, self.Y)
        np.subtract(1, slope, out=slope)
        return np.multiply(dY, slope, out=out)


class Identity(Activation):
    """Y = X.

    dX = dY. With it, several affine layers are one.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Hand on X."""
        return np.positive(X, out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Hand on dY."""
        return np.positive(dY, out=out)


class GELU(Layer):
    """Y = X (1 + T) / 2 with T = tanh(c (X + 0.044715 X^3)) and c = sqrt(2 / pi).

    dX = dY ((1 + T) / 2 + X (1 - T^2) c (1 + 3 * 0.044715 X^2) / 2). Hendrycks and Gimpel 2016, arXiv 1606.08415, in
    the form with tanh, which is within 1e-3 of the form with the normal distribution function.
    """

    c = float(np.sqrt(2 / np.pi))
    cubic = 0.044715

    def __repr__(self) -> str:
        return "GELU()"

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Return Y, and keep the slope, which Y alone does not tell."""
        T = np.tanh(self.c * (X + self.cubic * X**3))
        if training:
            self.slope = 0.5 * (1 + T) + 0.5 * X * (1 - T**2) * (self.c * (1 + 3 * self.cubic * X**2))
        return np.multiply(X, 0.5 * (1 + T), out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Multiply by the slope."""
        return np.multiply(dY, self.slope, out=out)


class Dropout(Layer):
    """In training, Y = X M / (1 - rate), M being 0 with probability ``rate`` and 1 otherwise; else Y = X.

    dX = dY M / (1 - rate). Srivastava et al. 2014, JMLR 15; scaled in training, so that prediction needs no change.

    Parameters
    ----------
    rate : float
        The share of units that is dropped, in [0, 1).

    Raises
    ------
    ValueError
        For another rate.
    """

    draws = True
    in_training_only = True

    def __init__(self, rate: float) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be a number >= 0 and < 1; got {rate!r}")
        self.rate = rate

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"

    def forward(self, X: Array, *, out: Array | None = None, training: bool = False) -> Array:
        """Drop units in training; hand on X otherwise."""
        if not training:
            return X
        if self.rng is None:
            raise ValueError("a Dropout layer draws from its network's generator: put it into a Network first")
        keep = self.rng.random(X.shape, dtype=np.float32) >= self.rate
        self.mask = keep * X.dtype.type(1 / (1 - self.rate))
        return np.multiply(X, self.mask, out=out)

    def backward(self, dY: Array, *, out: Array | None = None) -> Array:
        """Pass on the gradient of the units that were kept."""
        return np.multiply(dY, self.mask, out=out)


ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
}
