"""A network: layers one after the other, and a loss at the end.

It owns one flat buffer of parameters and one of gradients, in the order of the layers; what a layer calls ``W`` and
``dW`` are views of them. So whatever treats all parameters alike is one line over one array.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.network.layers import Affine, Layer
from pipeline.network.losses import Loss, SoftmaxCrossEntropy

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
        Where the widths of two affine layers in a row do not fit, or there is no affine layer at the end.

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
        self._check_widths()
        self._allocate()
        for layer in self.layers:
            layer.initialize(self.rng)

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self.layers))}, {type(self.loss).__name__})"

    @property
    def affine_layers(self) -> list[Affine]:
        """The layers that hold weights, from the input to the output."""
        return [layer for layer in self.layers if isinstance(layer, Affine)]

    def forward(self, X: Array, *, training: bool = False) -> Array:
        """Return Z, the last layer's output, (n_samples, n_out), for X (n_samples, n_in).

        In training, the layers keep what ``backward`` needs, and Z lies in a buffer that the next call writes over.
        """
        A = X
        for index, layer in enumerate(self.layers):
            room = self._room("forward", index, A, X) if training else None if A is X else self._in_place(layer, A)
            A = layer.forward(A, out=room, training=training)
        return A

    def backward(self, dZ: Array) -> None:
        """Leave the gradient of the loss in ``grads``, for dZ of the shape of Z; dZ is written over."""
        gradient = dZ
        for index in reversed(range(self._first, len(self.layers))):
            layer = self.layers[index]
            if index == self._first and isinstance(layer, Affine):
                layer.backward_parameters(gradient)  # nobody asks for the gradient of the input
            else:
                gradient = layer.backward(gradient, out=self._room("backward", index, gradient, None))

    def gradient(self, X: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Leave the gradient of the loss in ``grads``, and return the loss.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_in)
            A batch of inputs, of the network's dtype.
        Y : ndarray of shape (n_samples, n_out)
            Their targets, one-hot.
        sample_weight : ndarray of shape (n_samples,), optional
            How much each counts.
        """
        Z = self.forward(X, training=True)
        loss = self.loss.forward(Z, Y, sample_weight, out=Z)
        self.backward(self.loss.backward())
        return loss

    def predict_proba(self, X: Array) -> Array:
        """Return P, (n_samples, n_out), the output's activation; X may be a batch or a single row of a batch."""
        Z = self.forward(X)
        return self.loss.probabilities(Z, out=Z)

    def evaluate(self, X: Array, Y: Array, sample_weight: Array | None = None) -> float:
        """Return the loss, and change nothing."""
        return self.loss.value(self.predict_proba(X), Y, sample_weight)

    def named_parameters(self) -> Iterator[tuple[str, Array, Array]]:
        """Yield name, values and gradients of every parameter: ``("W1", W, dW)``, the layers counted from 1."""
        for number, layer in enumerate((layer for layer in self.layers if layer.parameter_shapes()), start=1):
            for name in layer.parameter_shapes():
                yield f"{name}{number}", getattr(layer, name), getattr(layer, f"d{name}")

    def _check_widths(self) -> None:
        """Raise unless the affine layers fit together, and one of them is the last layer."""
        if not self.layers or not isinstance(self.layers[-1], Affine):
            raise ValueError(f"the last layer must be an Affine; got {self.layers}")
        for before, after in pairwise(self.affine_layers):
            if before.n_out != after.n_in:
                raise ValueError(
                    f"{after} cannot follow {before}: it takes {after.n_in} inputs, and gets {before.n_out}"
                )

    def _allocate(self) -> None:
        """Make the two buffers and hand every layer its views; a buffer for batches is made when one comes."""
        shapes = [layer.parameter_shapes() for layer in self.layers]
        size = sum(int(np.prod(shape)) for of_layer in shapes for shape in of_layer.values())
        self.params, self.grads = np.zeros(size, self.dtype), np.zeros(size, self.dtype)
        self._first = next(i for i, of_layer in enumerate(shapes) if of_layer)
        self._rooms: dict[tuple[str, int], Array] = {}
        self._bind()

    def _bind(self) -> None:
        """Hand every layer its views of the buffers, and the generator."""
        start = 0
        for layer in self.layers:
            params, grads = {}, {}
            for name, shape in layer.parameter_shapes().items():
                stop = start + int(np.prod(shape))
                params[name] = self.params[start:stop].reshape(shape)
                grads[name] = self.grads[start:stop].reshape(shape)
                start = stop
            layer.bind(params, grads)
            layer.rng = self.rng

    def _room(self, direction: str, index: int, A: Array, X: Array | None) -> Array:
        """Return where a layer's result goes: over what it takes if nobody needs that, or into a buffer of its own."""
        layer = self.layers[index]
        needed = direction == "forward" and (A is X or self.layers[index - 1].keeps_output)
        if layer.elementwise and not needed:
            return A
        width = A.shape[1]
        if isinstance(layer, Affine):
            width = layer.n_out if direction == "forward" else layer.n_in
        room = self._rooms.get((direction, index))
        if room is None or len(room) < len(A):
            room = self._rooms[direction, index] = np.empty((len(A), width), self.dtype)
        return room[: len(A)]

    @staticmethod
    def _in_place(layer: Layer, A: Array) -> Array | None:
        """Return what a layer may write over when nothing is kept."""
        return A if layer.elementwise else None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be made again: the buffers for batches, and the layers' views."""
        return {
            "layers": [_without_arrays(layer) for layer in self.layers],
            "loss": type(self.loss)(),
            "dtype": self.dtype,
            "rng": self.rng,
            "values": self.params,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up the layers, make the buffers, and fill in the parameters."""
        self.layers, self.loss, self.dtype, self.rng = (state[key] for key in ("layers", "loss", "dtype", "rng"))
        self._allocate()
        self.params[:] = state["values"]


def _without_arrays(layer: Layer) -> Layer:
    """Return a copy of a layer with its configuration alone: neither views, nor a batch, nor the generator."""
    bare = object.__new__(type(layer))
    bare.__dict__.update({k: v for k, v in vars(layer).items() if not isinstance(v, np.ndarray | np.random.Generator)})
    return bare
