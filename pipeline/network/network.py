"""A network: layers one after the other, and a loss at the end.

It owns one flat buffer of parameters and one of gradients, in the order of the layers; what a layer calls ``W`` and
``dW`` are views of them. So whatever treats all parameters alike is one line over one array.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.batches import piece
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
        What is made small.
    dtype : dtype, default=float32
        Precision of the parameters and of everything computed from them.
    random_state : None, int or Generator, default=None
        Where the first weights, and a layer that draws, take their numbers from.

    Attributes
    ----------
    params, grads : ndarray of shape (n_parameters,)
        The two flat buffers.

    Raises
    ------
    ValueError
        Where the widths of two affine layers in a row do not fit, there is no affine layer at the end, or one layer
        stands in two places.
    TypeError
        Where something is no layer, or no loss.

    Examples
    --------
    >>> from pipeline.network.layers import ReLU
    >>> network = Network([Affine(784, 50), ReLU(), Affine(50, 10)], random_state=0)
    >>> network
    Network(Affine(784, 50), ReLU(), Affine(50, 10), SoftmaxCrossEntropy)
    >>> network.params.size
    39760
    >>> images, one_hot = np.zeros((3, 784), np.float32), np.eye(10, dtype=np.float32)[[5, 0, 4]]
    >>> round(network.gradient(images, one_hot), 4)  # the loss of a guess; the gradient is in network.grads
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

    def takes_sparse(self, *, training: bool) -> bool:
        """Return whether X comes to an affine layer first, in training or else, so that it may be ``SparseRows``."""
        before = self.layers[: self.layers.index(self.affine_layers[0])]
        return all(layer.in_training_only and not training for layer in before)

    def piece(self, *, copied: bool) -> int:
        """Return how many samples go forward at once, so that no array grows too large for memory.

        ``copied`` says whether their inputs are copied for that, and count as well.
        """
        return piece(max(self.plan.widest, self.n_in) if copied else self.plan.widest)

    def forward(self, X: Array | SparseRows, *, training: bool = False) -> Array:
        """Return Z, the last layer's output, (n_samples, n_out), for X (n_samples, n_in).

        In training, the layers keep what ``backward`` needs, and Z lies in a room that the next call writes over.
        """
        A: Any = X
        for index, layer in enumerate(self.layers):
            over = A if layer.elementwise and A is not X else None
            out = self._room(self.plan.forward[index], len(X)) if training else over
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
            if index > self.plan.first or not isinstance(layer, Affine):  # nobody asks for the gradient of the input
                gradient = layer.backward_input(gradient, out=self._room(self.plan.backward[index], len(gradient)))

    def gradient(self, X: Array | SparseRows, Y: Array, sample_weight: Array | None = None) -> float:
        """Leave the gradient of the loss in ``grads``, and return the loss.

        Parameters
        ----------
        X : array-like or SparseRows of shape (n_samples, n_in)
            A batch of inputs.
        Y : array-like of shape (n_samples, n_out)
            Their targets, one-hot.
        sample_weight : ndarray of shape (n_samples,), optional
            How much each counts.

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
        """Return a copy of all that the network has learned: its parameters, then what its layers keep beside them."""
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

    def estimate(self, batches: Iterable[Array | SparseRows]) -> None:
        """Find anew what layers keep of the samples they have seen, with the parameters as they are.

        The layers that mix samples treat each batch as in training, and all others as in prediction.
        """
        mixing: list[Any] = [layer for layer in self.layers if layer.mixes_samples]
        for layer in mixing:
            layer.begin_estimate()
        for X in batches if mixing else ():
            A: Any = X
            for layer in self.layers:
                A = layer.forward(A, training=layer.mixes_samples)
        for layer in mixing:
            layer.end_estimate()

    def _states(self) -> Iterator[Array]:
        """Yield the arrays of what layers keep beside their parameters."""
        for layer in self.layers:
            for name in layer.state_names:
                yield getattr(layer, name)

    def twin(self) -> "Network":
        """Return a network on the same parameters, with gradients of its own."""
        twin = deepcopy(self)
        twin.params = self.params
        twin._bind()  # noqa: SLF001 - one of its own kind
        return twin

    def layout(self) -> Iterator[tuple[int, Affine, int]]:
        """Yield index, layer, and place in the flat buffers, of every affine layer."""
        start = 0
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Affine):
                yield index, layer, start
            start += layer.n_parameters

    def parts(self, units: Sequence[slice]) -> list[Layer]:
        """Return the layers for some units of each: bricks of their own, their parameters being views of these."""
        return [layer.part(outputs=some) for layer, some in zip(self.layers, units, strict=True)]

    def _check_layers(self) -> None:
        """Raise unless each layer is one of its own, the affine ones fit together, and one of them is the last."""
        strange = [layer for layer in self.layers if not isinstance(layer, Layer)]
        if strange or not isinstance(self.loss, Loss):
            raise TypeError(
                f"a network is made of layers, such as ReLU(), and a Loss; got {[*strange, self.loss][0]!r}"
            )
        if len(set(map(id, self.layers))) < len(self.layers):
            raise ValueError(f"a layer keeps what it was last given, and cannot stand in two places: {self.layers}")
        if not self.layers or not isinstance(self.layers[-1], Affine):
            raise ValueError(f"the last layer must be an Affine; got {self.layers}")
        for before, after in pairwise(self.affine_layers):
            if before.n_out != after.n_in:
                raise ValueError(
                    f"{after} cannot follow {before}: it takes {after.n_in} inputs, and gets {before.n_out}"
                )

    def _batch(self, X: Array | SparseRows, Y: Array) -> tuple[Array | SparseRows, Array]:
        """Return a batch in the network's precision; targets of another shape would be stretched without a word."""
        X, Y = X if isinstance(X, SparseRows) else np.asarray(X, self.dtype), np.asarray(Y, self.dtype)
        if X.ndim != 2 or X.shape[1] != self.n_in or Y.shape != (len(X), self.n_out):
            raise ValueError(
                f"a batch is X of shape (n_samples, {self.n_in}), and one-hot Y of shape (n_samples, {self.n_out}); "
                f"got {X.shape} and {Y.shape}"
            )
        return X, Y

    def _room(self, name: str, n_samples: int) -> Array:
        """Return room for a layer's result."""
        room = self._rooms.get(name)
        if room is None or len(room) < n_samples:
            room = self._rooms[name] = np.empty((n_samples, self.plan.widths[name]), self.dtype)
        return room if len(room) == n_samples else room[:n_samples]

    def _allocate(self) -> None:
        """Make the two buffers and the plan; a room is made when a batch comes."""
        size = sum(layer.n_parameters for layer in self.layers)
        self.params, self.grads = np.zeros(size, self.dtype), np.zeros(size, self.dtype)
        self.plan = Plan(self.layers)
        self._rooms: dict[str, Array] = {}
        self._bind()

    def _bind(self) -> None:
        """Hand every layer its views of the buffers, and the generator."""
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
            "layers": [layer.bare() for layer in self.layers],
            "loss": self.loss.bare(),
            "dtype": self.dtype,
            "rng": self.rng,
            "values": self.params,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up the layers, make the buffers, and fill in the parameters."""
        self.layers, self.loss, self.dtype, self.rng = (state[key] for key in ("layers", "loss", "dtype", "rng"))
        self._allocate()
        self.params[:] = state["values"]


class Plan:
    """Where each layer of a network writes its result in training: into a room of its own, or over what it takes.

    Parameters
    ----------
    layers : list of Layer
        The layers, from the input to the output.

    Attributes
    ----------
    first : int
        The first layer with parameters; no gradient goes further back.
    forward, backward : list of str
        The name of the room of each layer's Y, and of its dX.
    inputs, outputs : list of str
        The name of the room in which each layer finds its X (``"X"``, the batch itself), and its dY.
    widths : dict of str to int
        The width of each room.
    input_gradient : str or None
        The room of a gradient that only an adversary asks for: that of the first layer's X, where that is affine.
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
            free = not layer.keeps_output
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
