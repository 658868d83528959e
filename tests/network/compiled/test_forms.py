"""Single layers, losses and hooks in their compiled forms, beside the plain ones."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.mlp.validation import SparseBatch
from pipeline.network import (
    ACTIVATIONS,
    REGRESSION_LOSSES,
    Affine,
    BatchNorm,
    Dropout,
    GaussianNoise,
    Huber,
    LeakyReLU,
    MaxNorm,
    Network,
    Pinball,
    Scale,
    SigmoidCrossEntropy,
)
from pipeline.network.compiled.forms import compile_hook, compile_layers, compile_loss, without_compiled_form
from pipeline.network.layers import Cache
from pipeline.network.losses import SoftmaxCrossEntropy
from pipeline.network.regularizers import LabelSmoothing

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
LAYERS = [
    *ACTIVATIONS.values(),
    lambda: Dropout(0.3),
    lambda: GaussianNoise(0.2),
    lambda: BatchNorm(6),
    lambda: Scale(6),
]
WIDTH = 6


def tolerance(dtype):
    """Return what rounding may come to."""
    return {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-12}


def bound(make, dtype, *, bias):
    """Return an affine layer and another, with parameters that are neither 0 nor 1."""
    network = Network([Affine(4, WIDTH, bias=bias), make(), Affine(WIDTH, 2)], dtype=dtype, random_state=0)
    network.params[:] = np.random.default_rng(1).normal(size=network.params.size)
    return network.layers[:2]


def passed(layers, X, dY, out):
    """Return output, gradient by the affine layer's output, and other gradients, of a pass in an array."""
    affine, layer = layers
    caches, out, grad = [Cache(), Cache()], out.copy(), out.copy()
    parts = [each[:, 3 : 3 + WIDTH] for each in (out, grad)]  # columns of a wider array
    Z = affine.forward(X, out=parts[0], cache=caches[0])
    if layer.stochastic:
        layer.draw(Z, caches[1], np.random.default_rng(2))
    Y = layer.forward(Z, out=parts[0], cache=caches[1]).copy()
    parts[1][:] = dY
    dZ = layer.backward(parts[1], caches[1], out=parts[1]).copy()
    if layer.state_names:
        layer.update_statistics(caches[1])
    own = [getattr(layer, f"d{name}").copy() for name in layer.parameter_shapes()]
    assert np.isnan(np.delete(out, np.s_[3 : 3 + WIDTH], axis=1)).all()
    return [Y, dZ, *own, *(getattr(layer, name).copy() for name in layer.state_names)]


@DTYPES
@pytest.mark.parametrize("n", [1, 2, 9])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("make", LAYERS)
def test_every_form_is_the_plain_layer(make, bias, n, dtype):
    """Output and gradients are the same in columns of a wider array, and what lies beside these is not touched."""
    rng = np.random.default_rng(3)
    X, dY = rng.normal(size=(n, 4)).astype(dtype), rng.normal(size=(n, WIDTH)).astype(dtype)
    out = np.full((n, WIDTH + 5), np.nan, dtype)
    expected = passed(bound(make, dtype, bias=bias), X, dY, out)
    compiled = compile_layers(bound(make, dtype, bias=bias), np.dtype(dtype))
    for ours, plain in zip(passed(compiled, X, dY, out), expected, strict=True):
        assert ours.dtype == dtype
        assert_allclose(ours, plain, **tolerance(dtype))


@DTYPES
@pytest.mark.parametrize("make", LAYERS)
def test_a_shard_of_a_form_is_the_form_of_these_units(make, dtype):
    """Columns, parameters, bias and running statistics are those of the units."""
    layers = compile_layers(bound(make, dtype, bias=True), np.dtype(dtype))
    X, units = np.random.default_rng(3).normal(size=(5, 4)).astype(dtype), slice(2, 5)
    results = []
    for affine, layer in (layers, [layer.shard(units) for layer in layers]):
        cache, Z = Cache(), affine.forward(X)
        if layer.stochastic:
            continue
        results.append(layer.forward(Z, out=Z, cache=cache))
    if results:
        assert_allclose(results[1], results[0][:, units], **tolerance(dtype))


@pytest.mark.parametrize("make", LAYERS)
def test_an_array_that_is_not_given_away_is_not_written_over(make):
    """Without ``out`` a form makes a new array, and with another one it leaves the first as it is."""
    layer = compile_layers(bound(make, np.float64, bias=False), np.dtype(float))[1]
    X = np.asfortranarray(np.random.default_rng(0).normal(size=(5, WIDTH)))
    before, cache = X.copy(), Cache()
    layer.draw(X, cache, np.random.default_rng(0))
    first = layer.forward(X, cache=cache)
    second = layer.forward(X, out=np.empty((5, WIDTH)), cache=cache)
    assert_array_equal(first, second)
    dX = layer.backward(X, cache)
    assert dX is not X
    assert_array_equal(X, before)


@DTYPES
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("make", [*ACTIVATIONS.values(), lambda: BatchNorm(6)])
def test_nan_and_infinity_are_not_hidden(make, value, dtype):
    """What is no number comes out where it does in NumPy."""
    layers = bound(make, dtype, bias=False)
    Z = np.random.default_rng(0).normal(size=(4, WIDTH)).astype(dtype)
    Z[2, 3] = value
    with np.errstate(all="ignore"):
        expected = layers[1].forward(Z, cache=Cache())
        ours = compile_layers(layers, np.dtype(dtype))[1].forward(Z, cache=Cache())
    assert_array_equal(np.isnan(ours), np.isnan(expected))
    assert_array_equal(np.isinf(ours), np.isinf(expected))


@DTYPES
@pytest.mark.parametrize("n_threads", [1, 3])
def test_sparse_rows_are_multiplied_without_scipy(n_threads, dtype, monkeypatch):
    """Forward and backward, with a bias, for all inputs and some."""
    rng = np.random.default_rng(0)
    dense = (rng.normal(size=(7, 4)) * (rng.random((7, 4)) < 0.4)).astype(dtype)
    X, dY = SparseBatch(scipy.sparse.csr_array(dense)), rng.normal(size=(7, WIDTH)).astype(dtype)
    plain = bound(ACTIVATIONS["tanh"], dtype, bias=True)[0]
    affine = compile_layers([plain], np.dtype(dtype))[0]
    monkeypatch.delattr(SparseBatch, "times")
    monkeypatch.delattr(SparseBatch, "transposed_times")
    monkeypatch.setattr(SparseBatch, "__abstractmethods__", frozenset())
    assert_allclose(affine.forward(X, cache=Cache()), plain.forward(dense), **tolerance(dtype))
    for k in range(n_threads):
        own = slice(4 * k // n_threads, 4 * (k + 1) // n_threads)
        dW, db = np.full((own.stop - own.start, WIDTH), np.nan, dtype), np.full(WIDTH, np.nan, dtype)
        affine.backward_parameters(X, dY, own, dW=dW, db=db)
        assert_allclose(dW, dense[:, own].T @ dY, **tolerance(dtype))
        assert_allclose(db, dY.sum(axis=0), **tolerance(dtype))


ALL_LOSSES = [
    SoftmaxCrossEntropy(),
    LabelSmoothing(SoftmaxCrossEntropy(), 0.1),
    SigmoidCrossEntropy(),
    *(make() for make in REGRESSION_LOSSES.values()),
    Huber(0.2),
    Pinball((0.1, 0.5, 0.8)),
]


@DTYPES
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("plain", ALL_LOSSES, ids=repr)
def test_a_compiled_loss_is_the_plain_one(plain, weighted, dtype):
    """Predictions and gradient, smoothed, and without the smoothing; and the score is of the same kind."""
    rng = np.random.default_rng(0)
    Z, Y = rng.normal(size=(5, 3)).astype(dtype), np.eye(3, dtype=dtype)[[0, 2, 1, 1, 0]]
    weight = rng.random(5).astype(dtype) if weighted else None
    compiled = compile_loss(plain, np.dtype(dtype))
    assert compiled is not plain
    assert type(compiled.new_score()) is type(plain.new_score())
    for ours, expected in ((compiled, plain), (compiled.unsmoothed, plain.unsmoothed)):
        results = []
        for loss in (ours, expected):
            dZ, P = Z.copy(), np.empty_like(Z)
            loss.forward_backward(dZ, P, Y, weight, 2.5)
            results.append((P, dZ))
        for one, other in zip(*results, strict=True):
            assert_allclose(one, other, **tolerance(dtype))


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=repr)
def test_no_loss_is_without_a_compiled_form(loss):
    """A network of any loss is compiled as a whole."""
    assert without_compiled_form(Network([Affine(2, 3)], loss)) == []


def test_subclasses_keep_their_own_form():
    """They, and another type of number, may have changed anything."""

    class Own(Affine):
        pass

    class OwnLimit(MaxNorm):
        pass

    steep = LeakyReLU()
    steep.slope = 0.3
    float64, layers = np.dtype(float), [Own(2, 2), steep]
    assert compile_layers(layers, float64) == layers
    assert compile_layers(layers := [Affine(2, 2)], np.dtype(np.float16)) == layers
    assert compile_hook(limit := OwnLimit(1), float64) is limit
    assert compile_loss(loss := SoftmaxCrossEntropy(), np.dtype(np.float16)) is loss
