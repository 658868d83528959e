"""Adversarial training: small perturbations of the inputs, each where the loss grows fastest.

An ``Adversary`` is a rule, which treats every sample by itself. An ``AdversarialPass`` makes the passes for it: probes,
where it looks for its direction by power iteration, and one with the perturbed inputs.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.network.configurable import Configurable
from pipeline.network.layers import Layer
from pipeline.network.layers.noise import fill_normal

Array = NDArray[Any]


class Adversary(Configurable, ABC):
    """A rule by which inputs are perturbed: X' = X + epsilon D, every row of D having the Euclidean length 1.

    What is made small is L(X, Y) + weight L(X', T), X' and T being constants. D is the direction in which a loss grows
    fastest.

    ``n_probes`` is how many passes with perturbed inputs it takes to find D: none, where the gradient of L(X, Y) gives
    it.
    """

    epsilon: float
    weight: float
    xi: float
    n_probes: int

    @abstractmethod
    def __init__(self) -> None:
        """Take the parameters of the rule; there is no rule without a kind."""

    def check(self, layers: Sequence[Layer]) -> None:
        """Raise a ValueError where predictions are compared, and a layer is stochastic: no two are of one network."""
        drawing = [layer for layer in layers if layer.stochastic]
        if self.n_probes and drawing:
            raise ValueError(f"{self!r} compares answers of one network, and {drawing[0]!r} draws another each time")


class Adversarial(Adversary):
    """D = G / |G|, G = dL(X, Y) / dX, row by row; T = Y.

    Goodfellow, Shlens and Szegedy 2015, arXiv 1412.6572, there with the sign of G in the place of its direction; with
    the direction Miyato et al. 2016, arXiv 1507.00677.

    Parameters
    ----------
    epsilon : float, default=1.0
        Length of the perturbation, Euclidean distance in the units of the input.
    weight : float, default=1.0
        Weight of the loss of the perturbed inputs, beside that of the unperturbed ones.
    """

    n_probes: ClassVar[int] = 0  # type: ignore[misc]  # no probe, whatever the parameters

    def __init__(
        self, epsilon: Annotated[float, ">= 0", "< inf"] = 1.0, weight: Annotated[float, "> 0", "< inf"] = 1.0
    ) -> None:
        self.epsilon = epsilon
        self.weight = weight


class VirtualAdversarial(Adversary):
    """D = G / |G|, G = dL(X + xi D0, P) / dX, row by row; T = P, what the network itself predicts at X.

    D0 is drawn uniformly from all directions, and D takes its place for every further probe. Labels have no part in
    this. L(X', P) is the Kullback-Leibler divergence of P from the prediction at X', but for a constant. So it is where
    numbers are predicted: of normal distributions with variance 1 for the squared error, of Poisson distributions for
    their deviance. Any other loss of numbers says by itself how far the prediction has moved.

    Miyato et al. 2016, arXiv 1507.00677. The predictions at X, X + xi D and X' must be those of one and the same
    network: none of its layers may be stochastic.

    Parameters
    ----------
    epsilon : float, default=2.0
        Length of the perturbation, Euclidean distance in the units of the input.
    weight : float, default=1.0
        Weight of the divergence, beside the loss of the unperturbed inputs.
    xi : float, default=0.1
        Length of a probe's perturbation.
    n_probes : int, default=1
        Power iterations.
    """

    def __init__(
        self,
        epsilon: Annotated[float, ">= 0", "< inf"] = 2.0,
        weight: Annotated[float, "> 0", "< inf"] = 1.0,
        xi: Annotated[float, "> 0", "< inf"] = 0.1,
        n_probes: Annotated[int, ">= 1"] = 1,
    ) -> None:
        self.epsilon = epsilon
        self.weight = weight
        self.xi = xi
        self.n_probes = n_probes


def random_directions(rng: np.random.Generator, out: Array) -> None:
    """Leave a random direction in every row of ``out``, uniform since the numbers are normal; its length is not 1."""
    buffer = np.empty((3, -(-out.size // 2)), out.dtype)
    out[:] = fill_normal(rng, buffer, 1.0)[: out.size].reshape(out.shape)


def perturb(X: Array, G: Array, length: float, out: Array) -> None:
    """Leave X + length G / |G| in ``out``, row by row; a row whose gradient is 0 stays as it is.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_in)
        The inputs.
    G : ndarray of shape (n_samples, n_in)
        The gradient by them; written over.
    length : float
        Length of the perturbation.
    out : ndarray of shape (n_samples, n_in)
        The result.

    Examples
    --------
    >>> out = np.empty((2, 2))
    >>> perturb(np.ones((2, 2)), np.array([[3.0, -4.0], [0.0, 0.0]]), 10.0, out)
    >>> out
    array([[ 7., -7.],
           [ 1.,  1.]])
    """
    largest = np.maximum.reduce(np.abs(G), axis=1, keepdims=True)  # so that no square is too small for its type
    G /= np.where(largest == 0, 1, largest)
    squares = np.einsum("ij,ij->i", G, G)
    G *= (length / np.sqrt(np.where(squares == 0, 1, squares))).astype(G.dtype)[:, np.newaxis]
    np.add(X, G, out=out)
