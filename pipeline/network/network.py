"""A network: layers one after the other, and a loss at the end.

It owns one flat buffer of parameters and one of gradients, in the order of the layers; a layer's ``W`` and ``dW`` are
views of them. So an operation on all parameters alike is one line over one array.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.batches import chunk_size
from pipeline.network.layers import Affine, Layer
from pipeline.network.losses import Loss, SoftmaxCrossEntropy
from pipeline.network.sparse import SparseRows

Array = NDArray[Any]


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
        Where the widths of two affine layers in a row do not fit, there is no affine layer at the end, or one layer
        occurs twice.
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
        return f"Network({', '.join(map(repr, self.layers))}, {type(self.loss).__name__})"

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

    def accepts_sparse(self, *, training: bool) -> bool:
        """Return whether an affine layer takes X first, in training or prediction, so that it may be ``SparseRows``."""
        before = self.layers[: self.layers.index(self.affine_layers[0])]
        return all(layer.training_only and not training for layer in before)

    def chunk_size(self, *, copied: bool) -> int:
        """Return how many samples may go forward at once, so that no array grows too large for memory.

        ``copied`` says whether their inputs are copied for that, and count as well.
        """
        return chunk_size(max(self.plan.widest, self.n_in) if copied else self.plan.widest)

    def forward(self, X: Array | SparseRows, *, training: bool = False) -> Array:
        """Return Z, the last layer's output, (n_samples, n_out), for X (n_samples, n_in).

        In training, the layers store what ``backward`` needs, and Z lies in a buffer that the next call writes over.
        """
        A: Any = X
        for index, layer in enumerate(self.layers):
            over = A if layer.elementwise and A is not X else None
            out = self._buffer(self.plan.forward[index], len(X)) if training else over
            A = layer.forward(A, out=out, training=training)
        Z: Array = A
        return Z

    def backward(self, dZ: Array) -> None:
        """Leave the gradient of the loss in ``grads``, for dZ of the shape of Z; dZ is written over."""
        gradient = dZ
        for index in reversed(range(self.plan.first, len(self.layers))):
            layer = self.layers[index]
            if isinstance(layer, Affine):
                layer.backward_parameters(layer.X, gradient)
            if index > self.plan.first or not isinstance(layer, Affine):  # the gradient of the input is not needed
                gradient = layer.backward_input(gradient, out=self._buffer(self.plan.backward[index], len(gradient)))

    def gradient(self, X: Array | SparseRows, Y: Array, sample_weight: Array | None = None) -> float:
        """Leave the gradient of the loss in ``grads``, and return the loss.

        Parameters
        ----------
        X : array-like or SparseRows of shape (n_samples, n_in)
            A batch of inputs.
        Y : array-like of shape (n_samples, n_out)
            Their targets, one-hot.
        sample_weight : ndarray of shape (n_samples,), optional
            The samples' weights.

        Raises
        ------
        ValueError
            For inputs or targets of another shape.
        """
        X, Y = self._batch(X, Y)
        Z = self.forward(X, training=True)
        loss = self.loss.forward(Z, Y, sample_weight, out=Z)
        self.backward(self.loss.backward())
        return loss

    def predict_proba(self, X: Array | SparseRows) -> Array:
        """Return P, (n_samples, n_out), the output's activation, for X (n_samples, n_in)."""
        Z = self.forward(X)
        return self.loss.probabilities(Z, out=Z)

    def evaluate(self, X: Array | SparseRows, Y: Array, sample_weight: Array | None = None) -> float:
        """Return the loss of a batch as ``gradient`` takes it, and change nothing."""
        X, Y = self._batch(X, Y)
        return self.loss.value(self.predict_proba(X), Y, sample_weight)

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

        The layers that mix samples treat each batch as in training, and all others as in prediction.
        """
        mixing: list[Any] = [layer for layer in self.layers if layer.mixes_samples]
        for layer in mixing:
            layer.begin_recompute()
        for X in batches if mixing else ():
            A: Any = X
            for layer in self.layers:
                A = layer.forward(A, training=layer.mixes_samples)
        for layer in mixing:
            layer.end_recompute()

    def _states(self) -> Iterator[Array]:
        """Yield the arrays of the layers' state."""
        for layer in self.layers:
            for name in layer.state_names:
                yield getattr(layer, name)

    def replica(self) -> "Network":
        """Return a network on the same parameters, with gradients of its own."""
        replica = deepcopy(self)
        replica.params = self.params
        replica._bind()  # noqa: SLF001 - one of its own kind
        return replica

    def layout(self) -> Iterator[tuple[int, Affine, int]]:
        """Yield index, layer, and place in the flat buffers, of every affine layer."""
        start = 0
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Affine):
                yield index, layer, start
            start += layer.n_parameters

    def shard(self, units: Sequence[slice]) -> list[Layer]:
        """Return layers for some units of each, whose parameters are views of the network's."""
        return [layer.shard(outputs=some) for layer, some in zip(self.layers, units, strict=True)]

    def _check_layers(self) -> None:
        """Raise unless no layer occurs twice, the affine ones fit together, and one of them is the last."""
        no_layers = [layer for layer in self.layers if not isinstance(layer, Layer)]
        if no_layers or not isinstance(self.loss, Loss):
            raise TypeError(
                f"a network is made of layers, such as ReLU(), and a Loss; got {[*no_layers, self.loss][0]!r}"
            )
        if len(set(map(id, self.layers))) < len(self.layers):
            raise ValueError(f"a layer stores its last batch, and cannot occur twice: {self.layers}")
        if not self.layers or not isinstance(self.layers[-1], Affine):
            raise ValueError(f"the last layer must be an Affine; got {self.layers}")
        for before, after in pairwise(self.affine_layers):
            if before.n_out != after.n_in:
                raise ValueError(
                    f"{after} cannot follow {before}: it takes {after.n_in} inputs, and gets {before.n_out}"
                )

    def _batch(self, X: Array | SparseRows, Y: Array) -> tuple[Array | SparseRows, Array]:
        """Return a batch in the network's precision; targets of another shape would be broadcast silently."""
        X, Y = X if isinstance(X, SparseRows) else np.asarray(X, self.dtype), np.asarray(Y, self.dtype)
        if X.ndim != 2 or X.shape[1] != self.n_in or Y.shape != (len(X), self.n_out):
            raise ValueError(
                f"a batch is X of shape (n_samples, {self.n_in}), and one-hot Y of shape (n_samples, {self.n_out}); "
                f"got {X.shape} and {Y.shape}"
            )
        return X, Y

    def _buffer(self, name: str, n_samples: int) -> Array:
        """Return a buffer for a layer's result."""
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < n_samples:
            buffer = self._buffers[name] = np.empty((n_samples, self.plan.widths[name]), self.dtype)
        return buffer if len(buffer) == n_samples else buffer[:n_samples]

    def _allocate(self) -> None:
        """Make the parameters, the gradients and the plan; buffers for batches are made when a batch comes."""
        size = sum(layer.n_parameters for layer in self.layers)
        self.params, self.grads = np.zeros(size, self.dtype), np.zeros(size, self.dtype)
        self.plan = BufferPlan(self.layers)
        self._buffers: dict[str, Array] = {}
        self._bind()

    def _bind(self) -> None:
        """Give every layer its views of the buffers, and the generator."""
        start = 0
        for layer in self.layers:
            params, grads = {}, {}
            for name, shape in layer.parameter_shapes().items():
                stop = start + math.prod(shape)
                params[name] = self.params[start:stop].reshape(shape)
                grads[name] = self.grads[start:stop].reshape(shape)
                start = stop
            layer.bind(params, grads)
            layer.rng = self.rng

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be made again: the buffers for batches, and the layers' views."""
        return {
            "layers": [layer.unbound() for layer in self.layers],
            "loss": self.loss.unbound(),
            "dtype": self.dtype,
            "rng": self.rng,
            "values": self.params,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up the layers, make the buffers, and fill in the parameters."""
        self.layers, self.loss, self.dtype, self.rng = (state[key] for key in ("layers", "loss", "dtype", "rng"))
        self._allocate()
        self.params[:] = state["values"]


class BufferPlan:
    """Where each layer of a network writes its result in training: into a buffer of its own, or over its input.

    Parameters
    ----------
    layers : list of Layer
        The layers, from the input to the output.

    Attributes
    ----------
    first : int
        The first layer with parameters; no gradient goes further back.
    forward, backward : list of str
        The name of the buffer of each layer's Y, and of its dX.
    inputs, outputs : list of str
        The name of the buffer in which each layer finds its X (``"X"``, the batch itself), and its dY.
    widths : dict of str to int
        The width of each buffer.
    input_gradient : str or None
        The buffer of the gradient by the inputs, which only an adversary needs, where the first layer is affine.
    widest : int
        The width of the widest affine layer's output.
    """

    def __init__(self, layers: list[Layer]) -> None:
        self.first = next(index for index, layer in enumerate(layers) if layer.n_parameters)
        self.widths: dict[str, int] = {}
        self.forward: list[str] = []
        name, free = "X", False
        width = next(layer.n_in for layer in layers if isinstance(layer, Affine))
        for index, layer in enumerate(layers):
            width = layer.n_out if isinstance(layer, Affine) else width
            if not (layer.elementwise and free):
                name = f"Y{index}"
                self.widths[name] = width
            free = not layer.needs_output
            self.forward.append(name)
        self.inputs = ["X", *self.forward[:-1]]
        self.backward = list(self.forward)
        for index in reversed(range(len(layers))):
            layer = layers[index]
            if isinstance(layer, Affine):
                name = f"dX{index}"
                self.widths[name] = layer.n_in
            self.backward[index] = name
        self.outputs = [*self.backward[1:], self.forward[-1]]
        self.input_gradient = self.backward[self.first] if isinstance(layers[self.first], Affine) else None
        self.widest = max(layer.n_out for layer in layers if isinstance(layer, Affine))
