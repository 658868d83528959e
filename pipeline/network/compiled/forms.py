"""Single layers, losses and hooks as compiled loops, for passes that a ``Program`` does not make.

Each has the interface of the plain one, on views of the same parameters and the same state. So a pass is made of them
where there are any, and of plain layers, such as one of one's own, between. A bias is added by the layer above, in the
loop that reads the affine layer's output anyway.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.network import layers as plain
from pipeline.network.compiled import activations, gemm, losses, parameters
from pipeline.network.compiled import inputs as input_loops
from pipeline.network.compiled import layers as layer_loops
from pipeline.network.compiled.program import ACTIVATIONS, DTYPES, LOSSES, compile_network, loss_constants
from pipeline.network.layers import ALL, Cache, Layer
from pipeline.network.layers.affine import product
from pipeline.network.losses import Loss
from pipeline.network.network import Network
from pipeline.network.parallel.adversarial_pass import AdversarialPass
from pipeline.network.regularizers import LabelSmoothing, MaxNorm
from pipeline.network.scores import Score
from pipeline.network.shards import Hook, ParameterShard
from pipeline.network.sparse import SparseRows
from pipeline.network.weight_averaging import RunningAverage

Array = NDArray[Any]


class CompiledAffine(plain.Affine):
    """Y = X W + b; without b where the layer above adds it."""

    leaves_bias = False

    def forward(self, X: Array | SparseRows, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return X W + b, of sparse rows by what is not 0 alone."""
        if cache is not None:
            cache.X = X
        if isinstance(X, SparseRows) and X.csr is not None:
            Y = np.empty((len(X), self.W.shape[1]), self.W.dtype) if out is None else out
            input_loops.sparse_times(*X.csr, self.W, Y)
        else:
            Y = product(X, self.W, out)
        if self.bias and not self.leaves_bias:
            activations.forward(activations.IDENTITY, Y, self.b)
        return Y

    def backward_parameters(
        self, X: Array | SparseRows, dY: Array, inputs: slice = ALL, *, dW: Array, db: Array | None
    ) -> None:
        """Leave X^T dY in ``dW``, for all inputs or some, and the sum of dY over the samples in ``db``."""
        if isinstance(X, SparseRows) and X.csr is not None:
            input_loops.sparse_transposed_times(*X.csr, dY, inputs.start or 0, dW)
        elif isinstance(X, np.ndarray) and X.dtype == dW.dtype == dY.dtype and _has_rows(X) and _has_rows(dY):
            gemm.transposed_times(X[:, inputs], dY, dW)
        else:
            super().backward_parameters(X, dY, inputs, dW=dW, db=None)
        if db is not None:
            layer_loops.column_sums(dY, db)


class AddsBias(Layer):
    """A layer that adds the bias of the affine layer below, which has left it out."""

    added: Array | None = None

    def shard(self, units: slice) -> Self:
        """Return the layer for some of its units, on views of its parameters and its state."""
        shard = super().shard(units)
        shard.added = None if self.added is None else self.added[units]
        return shard

    def bias(self, X: Array) -> Array:
        """Return what is added, or zeros."""
        return np.zeros(X.shape[1], X.dtype) if self.added is None else self.added


class CompiledActivation(AddsBias):
    """Y = f(X + b), whose derivative follows from Y alone."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return f(X + b)."""
        Y = _writable(X, out)
        activations.forward(self.kind, Y, self.bias(Y))
        if cache is not None:
            cache.Y = Y
        return Y

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Return dX = f'(X) dY."""
        dX = _writable(dY, out)
        activations.backward(self.kind, dX, cache.Y)
        return dX


class CompiledFromInput(AddsBias):
    """Y = f(X + b), whose derivative follows from X + b, as those of GELU and Mish do."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return f(X + b)."""
        cache = Cache() if cache is None else cache
        shifted = cache.array("X", X.shape, X.dtype)
        shifted[:] = X
        Y = np.empty_like(shifted) if out is None else out
        activations.forward_beside(self.kind, shifted, self.bias(X), Y)
        return Y

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Multiply by the derivative."""
        dX = _writable(dY, out)
        activations.backward(self.kind, dX, cache.X)
        return dX


class CompiledDropout(plain.Dropout):
    """Y = X M / (1 - rate), M being made of uniform numbers where it is used."""

    def draw(self, X: Array, cache: Cache, rng: np.random.Generator) -> None:
        """Leave the numbers."""
        rng.random(out=cache.array("U", X.shape, np.float32), dtype=np.float32)

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Drop units in training; return X otherwise."""
        return X if cache is None else self.backward(X, cache, out=out)

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Pass on the gradient of the units that were kept."""
        dX = _writable(dY, out)
        layer_loops.dropout_gradient(dX, cache.U, self.rate)
        return dX


class CompiledScale(plain.Scale):
    """Y = X s, unit by unit."""

    def backward_parameters(self, X: Array, dY: Array, *, ds: Array) -> None:
        """Leave the sum of X dY over the samples in ``ds``."""
        if X.dtype == dY.dtype == ds.dtype and _has_rows(X) and _has_rows(dY):
            layer_loops.scale_gradient(X, dY, ds)
        else:
            super().backward_parameters(X, dY, ds=ds)


class CompiledBatchNorm(AddsBias, plain.BatchNorm):
    """Y = gamma X^ + beta. A bias is in the mean alone: X^ is the same with it and without."""

    def forward(self, X: Array, *, out: Array | None = None, cache: Cache | None = None) -> Array:
        """Return gamma X^ + beta, by the batch's own mean and variance in training."""
        if cache is None or len(X) == 1:
            return super().forward(X + self.bias(X), out=out, cache=cache)
        X = X if _has_rows(X) else np.ascontiguousarray(X)
        Y = np.empty(X.shape, X.dtype) if out is None else out
        mean, variance, inverse_std = (
            cache.array(name, self.gamma.shape, self.gamma.dtype) for name in ("mean", "variance", "inverse_std")
        )
        centred = cache.array("centred", X.shape, X.dtype)
        layer_loops.batch_norm_forward(X, self.gamma, self.beta, self.epsilon, mean, variance, inverse_std, centred, Y)
        mean += self.bias(X)
        return Y

    def backward(self, dY: Array, cache: Cache, *, out: Array | None = None) -> Array:
        """Leave dgamma and dbeta, and return dX, which is computed from them."""
        if len(dY) == 1:
            return super().backward(dY, cache, out=out)
        dX = _writable(dY, out)
        layer_loops.batch_norm_backward(dX, cache.centred, cache.inverse_std, self.gamma, self.dgamma, self.dbeta)
        return dX


class CompiledLoss(Loss):
    """A loss whose predictions and gradient, and whose sum over an epoch's predictions, are loops."""

    def __init__(self, loss: Loss) -> None:
        self.loss, self.constants = loss, loss_constants(loss)
        self.kind = LOSSES[type(loss.unsmoothed)]

    @property
    def unsmoothed(self) -> Loss:
        """The loss without label smoothing."""
        return CompiledLoss(self.loss.unsmoothed)

    def new_score(self) -> Score:
        """Return what the score of predictions is computed by."""
        return self.loss.new_score()

    def forward_backward(self, Z: Array, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Leave the predictions in ``P``, and dZ, the gradient of the loss, in the place of Z."""
        none, no_bias = np.empty(0, Z.dtype), np.zeros(Z.shape[1], Z.dtype)
        counted = none if weight is None else weight
        losses.forward_backward(self.kind, Z, no_bias, Y, counted, float(total), self.constants, P, Z)


class CompiledMaxNorm(MaxNorm):
    """A limit of the weights that come into one unit."""

    def apply(self, layer: plain.Affine, units: slice = ALL) -> None:
        """Scale the columns of some units that are too long, in place; nothing else is written."""
        parameters.max_norm(layer.W[:, units], self.limit)


class CompiledAverage(Hook):
    """A running average that takes in a shard in one loop."""

    def __init__(self, average: RunningAverage) -> None:
        self.average = average

    def after_update(self, shard: ParameterShard) -> None:
        """Take in a shard of the parameters."""
        decay = self.average.decay
        if decay is not None:
            parameters.add_to_average(self.average.total[shard.span], shard.params[shard.span], decay)


class CompiledAdversarialPass(AdversarialPass):
    """Passes of a thread's samples, unperturbed and perturbed."""

    perturb = staticmethod(input_loops.perturb)


def compile_layers(layers: Sequence[Layer], dtype: np.dtype[Any]) -> list[Layer]:
    """Return a network's layers in their compiled forms; those that have none as they are."""
    if dtype.char not in DTYPES:
        return list(layers)
    forms = [_compile_layer(layer) for layer in layers]
    for below, above in pairwise(forms):
        if isinstance(below, CompiledAffine) and below.bias and isinstance(above, AddsBias):
            below.leaves_bias, above.added = True, below.b
    return forms


def compile_loss(loss: Loss, dtype: np.dtype[Any]) -> Loss:
    """Return a loss in its compiled form; as it is, where it has none."""
    inner = loss.unsmoothed if type(loss) is LabelSmoothing else loss
    return CompiledLoss(loss) if type(inner) in LOSSES and dtype.char in DTYPES else loss


def compile_hook(hook: Hook, dtype: np.dtype[Any]) -> Hook:
    """Return a hook in its compiled form; as it is, where it has none."""
    if type(hook) is MaxNorm and dtype.char in DTYPES:
        return CompiledMaxNorm(hook.limit)
    return CompiledAverage(hook) if type(hook) is RunningAverage and dtype.char in DTYPES else hook


def without_compiled_form(network: Network) -> list[str]:
    """Return which kinds of a network's layers, and of loss, are plain in a pass, and which type makes them all so."""
    if compile_network(network) is not None:
        return []
    if network.dtype.char not in DTYPES:
        return [str(network.dtype)]
    pairs = [(one, _compile_layer(one)) for one in network.layers]
    pairs_of_loss = [(network.loss, compile_loss(network.loss, network.dtype))]
    return list(dict.fromkeys(type(one).__name__ for one, form in [*pairs, *pairs_of_loss] if form is one))


def _compile_layer(layer: Layer) -> Layer:
    kind = type(layer)
    if kind in ACTIVATIONS and not vars(layer):  # an attribute, such as another slope, makes it another function
        code = ACTIVATIONS[kind]
        return CompiledFromInput(code) if code >= activations.FROM_INPUT else CompiledActivation(code)
    if kind not in _FORMS:
        return layer
    form = object.__new__(_FORMS[kind])
    vars(form).update(vars(layer))
    return form


def _has_rows(X: Array) -> bool:
    """Return whether the elements of a row lie side by side."""
    return X.strides[1] == X.itemsize


def _writable(X: Array, out: Array | None) -> Array:
    """Return an array with the values of X that may be written over: ``out``, which may be where X lies already."""
    if out is None:
        return X.copy()
    if out.__array_interface__["data"][0] != X.__array_interface__["data"][0]:
        out[:] = X
    return out


_FORMS: dict[type, type[Layer]] = {
    plain.Affine: CompiledAffine,
    plain.Dropout: CompiledDropout,
    plain.BatchNorm: CompiledBatchNorm,
    plain.Scale: CompiledScale,
}
