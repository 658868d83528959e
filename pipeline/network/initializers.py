"""Initial weights: small random numbers, whose variance depends on how many units a layer joins.

An initializer takes a generator and the widths of an affine layer and returns W (n_in, n_out) and b (n_out,), in
float64, so that a network starts from the same numbers whatever its precision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Initializer = Callable[[np.random.Generator, int, int], tuple[NDArray[Any], NDArray[Any]]]


def glorot_uniform(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """W uniform within sqrt(6 / (n_in + n_out)), b = 0. Glorot and Bengio 2010, AISTATS."""
    return _uniform(rng, np.sqrt(6 / (n_in + n_out)), n_in, n_out)


def glorot_normal(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """W normal with variance 2 / (n_in + n_out), b = 0. Glorot and Bengio 2010, AISTATS."""
    return _normal(rng, np.sqrt(2 / (n_in + n_out)), n_in, n_out)


def he_uniform(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """W uniform within sqrt(6 / n_in), b = 0. He et al. 2015, arXiv 1502.01852."""
    return _uniform(rng, np.sqrt(6 / n_in), n_in, n_out)


def he_normal(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """W normal with variance 2 / n_in, b = 0. He et al. 2015, arXiv 1502.01852."""
    return _normal(rng, np.sqrt(2 / n_in), n_in, n_out)


def lecun_normal(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """W normal with variance 1 / n_in, b = 0. LeCun et al. 1998, Efficient BackProp."""
    return _normal(rng, np.sqrt(1 / n_in), n_in, n_out)


def fan_out_normal(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """W normal with variance 1 / n_out, b = 0."""
    return _normal(rng, np.sqrt(1 / n_out), n_in, n_out)


@dataclass(frozen=True)
class GlorotUniformWithBias:
    """W and b uniform within sqrt(gain / (n_in + n_out)): scikit-learn's rule, with gain 6, or 2 for ``logistic``."""

    gain: float = 6

    def __call__(self, rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw W, then b."""
        bound = np.sqrt(self.gain / (n_in + n_out))
        return rng.uniform(-bound, bound, (n_in, n_out)), rng.uniform(-bound, bound, n_out)


@dataclass(frozen=True)
class Normal:
    """W normal with standard deviation ``scale``, b = 0."""

    scale: float

    def __call__(self, rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw W."""
        return _normal(rng, self.scale, n_in, n_out)


@dataclass(frozen=True)
class WithNormalBias:
    """W as another rule draws it, b normal with standard deviation ``scale``."""

    weights: Initializer
    scale: float

    def __call__(self, rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw W, then b."""
        W, _ = self.weights(rng, n_in, n_out)
        return W, rng.normal(0, self.scale, n_out)


def zeros(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """W = 0, b = 0: nothing is drawn. For the last layer alone, as units that begin alike stay alike."""
    del rng
    return np.zeros((n_in, n_out)), np.zeros(n_out)


def _uniform(rng: np.random.Generator, bound: float, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    return rng.uniform(-bound, bound, (n_in, n_out)), np.zeros(n_out)


def _normal(rng: np.random.Generator, scale: float, n_in: int, n_out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    return rng.normal(0, scale, (n_in, n_out)), np.zeros(n_out)


InitializerName = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "fan_out_normal"
]
INITIALIZERS: dict[InitializerName, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_normal": lecun_normal,
    "fan_out_normal": fan_out_normal,
}
