"""A network: layers one after the other, and a loss at the end.

It owns one flat buffer of parameters and one of gradients, in the order of the layers; a layer's ``W`` and ``dW`` are
views of them. So an operation on all parameters alike is one line over one array.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.batches import Samples, chunk_size
from pipeline.network.layers import Affine, Cache, Layer
from pipeline.network.losses import Loss, SoftmaxCrossEntropy
from pipeline.network.pass_ import BatchGradient
from pipeline.network.shards import ParameterShard
from pipeline.network.sparse import SparseRows

Array = NDArray[Any]

MOST_SHOWN = 50
"""Layers that a network is written with; of more, those in the middle are left out."""


class Network:
    """Layers and a loss.

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the last affine layer; the output's activation belongs to the loss.
    loss : Loss, default=SoftmaxCrossEntropy()
        What training minimizes.
    dtype : dtype, default=float32
        Precision of the parameters and of everything computed from them.
    random_state : None, int or Generator, default=None
        Source of the initial weights, and of stochastic layers' random numbers.

    Attributes
    ----------
    params, grads : ndarray of shape (n_parameters,)
        The two flat buffers.

    Raises
    ------
    ValueError
        Where the widths of two affine layers in a row do not fit, or that of the last one does not fit the loss, there
        is no affine layer at the end, or a layer with parameters occurs twice.
    TypeError
        Where a layer is no ``Layer``, or the loss no ``Loss``.

    Examples
    --------
    >>> from pipeline.network.layers import ReLU
    >>> network = Network([Affine(784, 50), ReLU(), Affine(50, 10)], random_state=0)
    >>> network
    Network(Affine(784, 50), ReLU(), Affine(50, 10), SoftmaxCrossEntropy)
    >>> network.params.size
    39760
    >>> images, one_hot = np.zeros((3, 784), np.float32), np.eye(10, dtype=np.float32)[[5, 0, 4]]
    >>> round(network.gradient(images, one_hot), 4)  # the loss before training; the gradient is in network.grads
    2.3026
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        loss: Loss | None = None,
        *,
        dtype: DTypeLike = np.float32,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.layers = list(layers)
        self.loss = loss or SoftmaxCrossEntropy()
        self.dtype = np.dtype(dtype)
        self.rng = np.random.default_rng(random_state)
        self._check_layers()
        self._allocate()
        for layer in self.layers:
            layer.initialize(self.rng)

    def __repr__(self) -> str:
        layers = [repr(layer) for layer in self.layers]
        if len(layers) > MOST_SHOWN:
            half = MOST_SHOWN // 2
            layers[half:-half] = [f"... {len(layers) - 2 * half} more ..."]
        return f"Network({', '.join(layers)}, {type(self.loss).__name__})"

    @property
    def affine_layers(self) -> list[Affine]:
        """The layers that hold weights, from the input to the output."""
        return [layer for layer in self.layers if isinstance(layer, Affine)]

    @property
    def n_in(self) -> int:
        """Width of the input."""
        return self.affine_layers[0].n_in

    @property
    def n_out(self) -> int:
        """Width of the output."""
        return self.affine_layers[-1].n_out

    @property
    def learns_beside_affine(self) -> bool:
        """Whether another layer than the affine ones has parameters."""
        return any(layer.n_parameters and not isinstance(layer, Affine) for layer in self.layers)

    @property
    def learns_in_passes(self) -> bool:
        """Whether a layer has parameters whose gradient each pass makes, and not a sum over the samples after all."""
        return any(layer.n_parameters and not layer.sums_samples for layer in self.layers)

    def accepts_sparse(self, *, training: bool) -> bool:
        """Return whether an affine layer takes X first, in training or prediction, so that it may be ``SparseRows``."""
        before = self.layers[: self.layers.index(self.affine_layers[0])]
        return all(layer.training_only and not training for layer in before)

    def chunk_size(self, *, copied: bool) -> int:
        """Return how many samples may go forward at once, so that no array grows too large for memory.

        ``copied`` says whether their inputs are copied for that, and count as well.
        """
        widest = max(layer.n_out for layer in self.affine_layers)
        return chunk_size(max(widest, self.n_in) if copied else widest)

    def chunks(
        self, samples: Samples, *, training: bool = False, deformed: bool = False
    ) -> Iterator[tuple[Any, Array, Array | None]]:
        """Yield X, Y and weights of all samples, in chunks that fit in memory."""
        sparse = self.accepts_sparse(training=training) and not deformed
        size = self.chunk_size(copied=deformed or samples.copies(sparse=sparse))
        for start in range(0, len(samples), size):
            yield samples.batch(slice(start, start + size), sparse=sparse)

    def forward(self, X: Array | SparseRows) -> Array:
        """Return Z, the last layer's output, (n_samples, n_out), for X (n_samples, n_in), as in prediction."""
        A: Any = X
        for layer in self.layers:
            A = layer.forward(A, out=A if layer.elementwise and A is not X else None)
        Z: Array = A
        return Z

    def gradient(self, X: Array | SparseRows, Y: Array, sample_weight: Array | None = None) -> float:
        """Leave the gradient of the loss in ``grads``, and return the loss: a pass as in training.

        Parameters
        ----------
        X : array-like or SparseRows of shape (n_samples, n_in)
            A batch of inputs.
        Y : array-like of shape (n_samples, n_out)
            Their targets, one-hot where they are classes.
        sample_weight : ndarray of shape (n_samples,), optional
            The samples' weights.

        Raises
        ------
        ValueError
            For inputs or targets of another shape.
        """
        X, Y = self.as_batch(X, Y)
        return self._gradient.compute(self.loss, X, Y, sample_weight)

    def batch_gradient(self, grads: Array) -> BatchGradient:
        """Return what computes the gradient of one batch after the other, and leaves it in a flat buffer."""
        shard = ParameterShard.cut(self.layers, self.params, grads, slice(0, len(self.params)))
        return BatchGradient(self.layers, shard, self.rng)

    def predict(self, X: Array | SparseRows) -> Array:
        """Return P, (n_samples, n_out), the output's activation: probabilities of classes, or numbers."""
        Z = self.forward(X)
        return self.loss.predictions(Z, out=Z)

    def evaluate(self, X: Array | SparseRows, Y: Array, sample_weight: Array | None = None) -> float:
        """Return the loss of a batch as ``gradient`` takes it, and change nothing."""
        X, Y = self.as_batch(X, Y)
        return self.loss.value(self.predict(X), Y, sample_weight)

    def named_parameters(self) -> Iterator[tuple[str, Array, Array]]:
        """Yield name, values and gradients of every parameter: ``("W1", W, dW)``, the layers counted from 1."""
        for number, layer in enumerate((layer for layer in self.layers if layer.parameter_shapes()), start=1):
            for name in layer.parameter_shapes():
                yield f"{name}{number}", getattr(layer, name), getattr(layer, f"d{name}")

    def snapshot(self, out: Array | None = None) -> Array:
        """Return a copy of all that the network has learned: its parameters, then its layers' state."""
        return np.concatenate([self.params, *(state.ravel() for state in self._states())], out=out)

    def restore(self, snapshot: Array) -> None:
        """Go back to what ``snapshot`` returned.

        Raises
        ------
        ValueError
            Where it is of another length.
        """
        states = list(self._states())
        ends = np.cumsum([len(self.params), *(state.size for state in states)])
        if snapshot.shape != (ends[-1],):
            raise ValueError(f"{self} has a snapshot of shape ({ends[-1]},); got {snapshot.shape}")
        self.params[:] = snapshot[: ends[0]]
        for state, (start, stop) in zip(states, pairwise(ends), strict=True):
            state[:] = snapshot[start:stop].reshape(state.shape)

    def recompute_statistics(self, batches: Iterable[Array | SparseRows]) -> None:
        """Recompute batch normalization's running statistics for the parameters as they are.

        They become the mean over all batches, weighted by their samples. The layers that mix samples treat each batch
        as in training, and all others as in prediction.
        """
        if not any(layer.mixes_samples for layer in self.layers):
            return
        n_seen = 0
        for X in batches:
            n_seen += len(X) if len(X) > 1 else 0  # one sample alone has no statistics
            A: Any = X
            for layer in self.layers:
                cache = Cache() if layer.mixes_samples else None
                A = layer.forward(A, cache=cache)
                if cache is not None:
                    layer.update_statistics(cache, len(X) / n_seen if n_seen else None)

    def _states(self) -> Iterator[Array]:
        """Yield the arrays of the layers' state."""
        for layer in self.layers:
            for name in layer.state_names:
                yield getattr(layer, name)

    def _check_layers(self) -> None:
        """Raise unless no parameters occur twice, the affine ones fit together, and one of them is the last."""
        no_layers = [layer for layer in self.layers if not isinstance(layer, Layer)]
        if no_layers or not isinstance(self.loss, Loss):
            raise TypeError(
                f"a network is made of layers, such as ReLU(), and a Loss; got {[*no_layers, self.loss][0]!r}"
            )
        learning = [id(layer) for layer in self.layers if layer.n_parameters]
        if len(set(learning)) < len(learning):
            raise ValueError(f"a layer with parameters cannot occur twice: {self.layers}")
        if not self.layers or not isinstance(self.layers[-1], Affine):
            raise ValueError(f"the last layer must be an Affine; got {self.layers}")
        self.loss.check_width(self.n_out)
        for before, after in pairwise(self.affine_layers):
            if before.n_out != after.n_in:
                raise ValueError(
                    f"{after} cannot follow {before}: it takes {after.n_in} inputs, and gets {before.n_out}"
                )

    def as_batch(self, X: Array | SparseRows, Y: Array) -> tuple[Array | SparseRows, Array]:
        """Return a batch in the network's precision; targets of another shape would be broadcast silently."""
        X, Y = X if isinstance(X, SparseRows) else np.asarray(X, self.dtype), np.asarray(Y, self.dtype)
        if X.ndim != 2 or X.shape[1] != self.n_in or Y.shape != (len(X), self.n_out):
            raise ValueError(
                f"a batch is X of shape (n_samples, {self.n_in}), and Y of shape (n_samples, {self.n_out}); "
                f"got {X.shape} and {Y.shape}"
            )
        return X, Y

    def _allocate(self) -> None:
        """Make the parameters and the gradients, and give every layer its views; a pass makes its buffers itself."""
        size = sum(layer.n_parameters for layer in self.layers)
        self.params, self.grads = np.zeros(size, self.dtype), np.zeros(size, self.dtype)
        start = 0
        for layer in self.layers:
            params, grads = {}, {}
            for name, shape in layer.parameter_shapes().items():
                stop = start + math.prod(shape)
                params[name] = self.params[start:stop].reshape(shape)
                grads[name] = self.grads[start:stop].reshape(shape)
                start = stop
            layer.bind(params, grads)
        self._gradient = self.batch_gradient(self.grads)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be made again: gradients, views, and what belongs to a batch."""
        layers = [copy(layer) for layer in self.layers]
        return {"layers": layers, "loss": self.loss, "dtype": self.dtype, "rng": self.rng, "values": self.params}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up the layers, make the buffers, and fill in the parameters."""
        self.layers, self.loss, self.dtype, self.rng = (state[key] for key in ("layers", "loss", "dtype", "rng"))
        self._allocate()
        self.params[:] = state["values"]
