"""Activation functions: elementwise layers without parameters."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers.base import Cache, Layer

Array = NDArray[Any]


class Activation(Layer):
    """An elementwise function Y = f(X), whose derivative follows from Y alone."""

    needs_output = True

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return Y = f(X)."""
        Y = self.apply(X, out)
        if cache is not None:
            cache.Y = Y
        return Y

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return dX = f'(X) dY."""
        return self.gradient(dY, cache.Y, out)

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute f(X)."""
        raise NotImplementedError

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Compute f'(X) dY from Y."""
        raise NotImplementedError


class ReLU(Activation):
    """Y = max(X, 0).

    dX = dY where Y > 0, else 0. Nair and Hinton 2010, ICML.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute max(X, 0); against a row of zeros, NumPy takes a third of its time against the number."""
        return np.maximum(X, np.zeros(X.shape[-1], X.dtype), out=out)

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Pass on the gradient where the unit was active."""
        return np.multiply(dY, Y > 0, out=out)


class LeakyReLU(Activation):
    """Y = max(X, slope X), with a slope of 0.01.

    dX = dY where Y > 0, else slope dY. Maas et al. 2013, ICML workshop.
    """

    slope = 0.01

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute max(X, slope X)."""
        return np.maximum(X, X * X.dtype.type(self.slope), out=out)

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Pass on the gradient, or slope times it."""
        return np.multiply(dY, np.where(Y > 0, dY.dtype.type(1), dY.dtype.type(self.slope)), out=out)


class ELU(Activation):
    """Y = X where X > 0, else exp(X) - 1.

    dX = dY where Y > 0, else (Y + 1) dY. Clevert et al. 2016, arXiv 1511.07289, with alpha = 1.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute max(X, 0) + exp(min(X, 0)) - 1."""
        below = np.expm1(np.minimum(X, 0))
        return np.add(np.maximum(X, 0), below, out=out)

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Multiply by the derivative, which is min(Y, 0) + 1."""
        return np.multiply(dY, np.minimum(Y, 0) + dY.dtype.type(1), out=out)


class SELU(Activation):
    """Y = scale X where X > 0, else scale alpha (exp(X) - 1), with alpha = 1.6733 and scale = 1.0507.

    dX = scale dY where Y > 0, else (Y + scale alpha) dY. Klambauer et al. 2017, arXiv 1706.02515: with these two
    numbers, and weights of variance 1 / n_in, mean 0 and variance 1 go from layer to layer.
    """

    alpha = 1.6732632423543772
    scale = 1.0507009873554805

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute scale (max(X, 0) + alpha (exp(min(X, 0)) - 1))."""
        below = np.expm1(np.minimum(X, 0))
        below *= self.alpha
        Y = np.add(np.maximum(X, 0), below, out=out)
        Y *= self.scale
        return Y

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Multiply by the derivative, which is scale or Y + scale alpha."""
        one = dY.dtype.type
        slope = np.where(Y > 0, one(self.scale), Y + one(self.scale * self.alpha))
        return np.multiply(dY, slope, out=out)


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

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Multiply by the derivative Y (1 - Y)."""
        slope = 1 - Y
        slope *= Y
        return np.multiply(dY, slope, out=out)


class Tanh(Activation):
    """Y = tanh(X).

    dX = (1 - Y^2) dY.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Compute tanh(X)."""
        return np.tanh(X, out=out)

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Multiply by the derivative 1 - Y^2."""
        slope = np.multiply(Y, Y)
        np.subtract(1, slope, out=slope)
        return np.multiply(dY, slope, out=out)


class Identity(Activation):
    """Y = X.

    dX = dY. With it, several affine layers are one.
    """

    def apply(self, X: Array, out: Array | None) -> Array:
        """Return X."""
        return np.positive(X, out=out)

    def gradient(self, dY: Array, Y: Array, out: Array | None) -> Array:
        """Return dY."""
        del Y  # as all activations have it
        return np.positive(dY, out=out)


class GELU(Layer):
    """Y = X (1 + T) / 2 with T = tanh(c (X + 0.044715 X^3)) and c = sqrt(2 / pi).

    dX = dY ((1 + T) / 2 + X (1 - T^2) c (1 + 3 * 0.044715 X^2) / 2). Hendrycks and Gimpel 2016, arXiv 1606.08415, in
    the form with tanh, which is within 1e-3 of the form with the normal distribution function.
    """

    c = float(np.sqrt(2 / np.pi))
    cubic = 0.044715
    limit = 20.0  # T is 1 beyond, where powers of X would overflow, and infinity times 0 be NaN

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return Y, and store the derivative, which does not follow from Y alone."""
        Z = np.clip(X, -self.limit, self.limit)
        T = np.tanh(self.c * (Z + self.cubic * Z**3))
        if cache is not None:
            cache.derivative = 0.5 * (1 + T) + 0.5 * Z * (1 - T**2) * (self.c * (1 + 3 * self.cubic * Z**2))
        return np.multiply(X, 0.5 * (1 + T), out=out)

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Multiply by the derivative."""
        return np.multiply(dY, cache.derivative, out=out)


class Mish(Layer):
    """Y = X T with T = tanh(log(1 + exp(X))), computed as n / (n + 2) with n = E (E + 2) and E = exp(X).

    dX = dY (T + 4 E (1 + E) / (n + 2)^2 X). Misra 2019, arXiv 1908.08681.
    """

    limit = 20.0  # T is 1 beyond, in either precision, where powers of E would overflow

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return Y, and store the derivative, which does not follow from Y alone."""
        Z = np.minimum(X, self.limit)
        E = np.exp(Z)
        n = E * (E + 2)
        T = n / (n + 2)
        if cache is not None:
            cache.derivative = T + 4 * E * (1 + E) / (n + 2) ** 2 * Z
        return np.multiply(X, T, out=out)

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Multiply by the derivative."""
        return np.multiply(dY, cache.derivative, out=out)


ActivationName = Literal["identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "mish"]
ACTIVATIONS: dict[ActivationName, type[Layer]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "mish": Mish,
}
