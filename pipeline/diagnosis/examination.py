"""Measures a network on a few samples, forward and backward by its own layers, without touching it.

All is done on a replica: what a network learns with, its generator, gradients and batch statistics, stays as it is, and
no random number is drawn. Layers that act in training alone, dropout and noise, are left out.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.diagnosis.records import ByHeart, EpochRecord, Histogram, LayerRecord
from pipeline.network import Adam, Affine, Cache, Layer, Loss, Network, Sigmoid, Tanh
from pipeline.network.batches import Samples

Array = NDArray[Any]

N_PROBE = 256
"""Samples of the probe at the most: enough to call a unit dead, and half a percent of MNIST."""

N_BY_HEART = 20
"""Samples that a network is to learn by heart: CS231n, "Babysitting the learning process", takes twenty."""

BY_HEART = 0.99
"""Score above which samples are known by heart: R^2, or accuracy, for which none of twenty may be wrong."""

N_UPDATES = 200
"""Updates that it is given for that; a sound network takes ten to fifty."""

RATES = (0.002, 0.01)
"""The rates of Adam that it learns by: one for wide and for deep networks, which learn fast or not at all, and in the
second half one for those of a few units."""

N_BINS = 20
"""Bins of a histogram."""

DEAD = 1e-3
"""Slope of an activation from which on a unit passes something on: below that of leaky ReLU, 0.01."""

FLAT = 0.05
"""Fraction of the steepest slope below which sigmoid and tanh are flat: beyond 0.987, or 0.975."""

STEEPEST: dict[type[Layer], float] = {Sigmoid: 0.25, Tanh: 1.0}


@dataclass(frozen=True)
class Probe:
    """The samples that a network is measured on: rows of its training data at equal distances.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_in)
        Inputs, dense.
    Y : ndarray of shape (n_samples, n_out)
        Targets.
    """

    X: Array
    Y: Array

    @classmethod
    def take(cls, samples: Samples, network: Network) -> "Probe":
        """Take some hundred of the samples, fewer where they are very wide, by a rule without a random number."""
        n = min(N_PROBE, len(samples), network.chunk_size(copied=True))
        rows = equally_spaced(len(samples), n)
        return cls(np.array(samples.subset(rows).inputs(slice(0, n)), network.dtype), samples.Y[rows])

    def first(self, n: int) -> "Probe":
        """Return fewer of them, at equal distances as well."""
        rows = equally_spaced(len(self.X), min(n, len(self.X)))
        return Probe(self.X[rows], self.Y[rows])


def equally_spaced(n_samples: int, n: int) -> NDArray[np.intp]:
    """Return ``n`` row numbers from 0 up to below ``n_samples``.

    Examples
    --------
    >>> equally_spaced(10, 4)
    array([0, 2, 5, 7])
    """
    return np.arange(n, dtype=np.intp) * n_samples // n


class Examination:
    """A replica of a network, which is brought up to date and measured as often as asked for.

    Parameters
    ----------
    network : Network
        What is to be measured; it is read alone.
    probe : Probe
        The samples.

    Attributes
    ----------
    loss : Loss
        The network's, without label smoothing.
    """

    def __init__(self, network: Network, probe: Probe) -> None:
        self.network, self.probe, self.loss = network, probe, network.loss.unsmoothed
        self.replica = deepcopy(network)
        self.first = _weights(self.replica, network.params.copy())

    def measure(
        self,
        epoch: int,
        params_before: Array | None = None,
        learning_rate: float | None = None,
        validation_score: float | None = None,
    ) -> EpochRecord:
        """Measure the network as it is.

        Parameters
        ----------
        epoch : int
            The number of the epoch that is over; 0 before training.
        params_before : ndarray, optional
            Its parameters before the last update.
        learning_rate, validation_score : float, optional
            What else is known of the epoch.
        """
        self.replica.restore(self.network.snapshot())
        layers = trained_layers(self.replica)
        with np.errstate(all="ignore"):  # a network that diverges is measured as well
            P, caches, outputs = forward_backward(layers, self.loss, self.probe)
            loss = self.loss.value(P, self.probe.Y)
            score = score_of(self.loss, P, self.probe.Y)
            records = self._layer_records(layers, caches, outputs, params_before)
        return EpochRecord(epoch, loss, score, learning_rate, validation_score, tuple(records))

    def _layer_records(
        self, layers: Sequence[Layer], caches: Sequence[Cache], outputs: Sequence[Array], params_before: Array | None
    ) -> list[LayerRecord]:
        """Return a record for every affine layer, with what comes after it up to the next."""
        before = None if params_before is None else _weights(self.replica, params_before)
        records: list[LayerRecord] = []
        measured: dict[str, Any] = {}
        number = len(self.first)
        for layer, cache, Y in zip(reversed(layers), reversed(caches), reversed(outputs), strict=True):
            if isinstance(layer, Affine):
                number -= 1
                update = None if before is None else _relative(layer.W - before[number], layer.W)
                distance = _relative(layer.W - self.first[number], self.first[number])
                sizes = layer.n_out, float(np.linalg.norm(layer.W)), float(np.linalg.norm(layer.dW))
                records.insert(0, LayerRecord(*sizes, update, distance, **measured))
                measured = {}
            elif is_activation(layer):
                measured = activation_measures(layer, cache, Y)
        return records

    def learn_by_heart(self) -> ByHeart:
        """Have the replica learn some samples by heart, by Adam and without regularization."""
        some = self.probe.first(N_BY_HEART)
        self.replica.restore(self.network.snapshot())
        layers, optimizer = trained_layers(self.replica), Adam()
        optimizer.start(self.replica.params)
        losses: list[float] = []
        with np.errstate(all="ignore"):
            for n_updates in range(N_UPDATES + 1):
                P, _, _ = forward_backward(layers, self.loss, some)
                losses.append(self.loss.value(P, some.Y))
                if score_of(self.loss, P, some.Y) > BY_HEART:
                    return ByHeart(len(some.X), n_updates, losses[-1], learned=True)
                optimizer.step(self.replica.params, self.replica.grads, RATES[2 * n_updates > N_UPDATES])
        return ByHeart(len(some.X), N_UPDATES, losses[-1], learned=losses[-1] < losses[0] / 2)


def score_of(loss: Loss, P: Array, Y: Array) -> float:
    """Return the score of predictions."""
    score = loss.new_score()
    score.update(P, Y)
    return score.compute()


def trained_layers(network: Network) -> list[Layer]:
    """Return the layers of a network without those that act in training alone, at random."""
    return [layer for layer in network.layers if not layer.training_only]


def is_activation(layer: Layer) -> bool:
    """Tell whether a layer is an activation function."""
    return layer.elementwise and not layer.n_parameters and not layer.training_only


def forward_backward(layers: Sequence[Layer], loss: Loss, probe: Probe) -> tuple[Array, list[Cache], list[Array]]:
    """Go forward and backward as in training, and leave the gradients in the layers' views.

    Returns
    -------
    P : ndarray of shape (n_samples, n_out)
        The predictions.
    caches, outputs : list of Cache, list of ndarray
        What each layer has left, and its output.
    """
    caches, outputs = [Cache() for _ in layers], list[Array]()
    A = probe.X
    for layer, cache in zip(layers, caches, strict=True):
        A = layer.forward(A, cache=cache)
        outputs.append(A)
    P = loss.predictions(A)
    dY = loss.gradient(P, probe.Y)
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dY = layer.backward(dY, cache)
    return P, caches, outputs


def activation_measures(layer: Layer, cache: Cache, Y: Array) -> dict[str, Any]:
    """Return what is recorded of an activation: its name, dead and saturated units, and a histogram."""
    slope = np.abs(layer.backward(np.ones_like(Y), cache))
    steepest = STEEPEST.get(type(layer))
    return {
        "activation": type(layer).__name__,
        "dead": float(np.mean(slope.max(axis=0) < DEAD)) if steepest is None else None,
        "saturated": None if steepest is None else float(np.mean(slope < FLAT * steepest)),
        "histogram": histogram(Y),
    }


def histogram(values: Array) -> Histogram | None:
    """Count values in bins of equal width over their range; None where some are not finite."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low + high):
        return None
    counts, _ = np.histogram(values, N_BINS, (low, high) if low < high else (low - 0.5, low + 0.5))
    return Histogram(low, high, tuple(counts.tolist()))


def _weights(network: Network, params: Array) -> list[Array]:
    """Return W of each affine layer out of flat parameters of such a network, which may have more after them."""
    found, start = list[Array](), 0
    for layer in network.layers:
        if isinstance(layer, Affine):  # W is its first
            found.append(params[start : start + layer.W.size].reshape(layer.W.shape))
        start += layer.n_parameters
    return found


def _relative(change: Array, values: Array) -> float:
    """Return the norm of a change over that of the values; inf where these are 0."""
    norm = float(np.linalg.norm(values))
    return float(np.linalg.norm(change)) / norm if norm else float("inf")
