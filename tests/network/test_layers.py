"""Contracts of every layer at once, and what each promises for itself."""

import numpy as np
import pytest

from pipeline.network import (
    ACTIVATIONS,
    GELU,
    Affine,
    BatchNorm,
    Dropout,
    GaussianNoise,
    Layer,
    ReLU,
    Scale,
)
from pipeline.network.layers import Activation, Cache

N, WIDTH = 5, 4
LAYERS = {
    "affine": lambda: Affine(WIDTH, 3),
    "affine without biases": lambda: Affine(WIDTH, 3, bias=False),
    "dropout": lambda: Dropout(0.4),
    "noise": lambda: GaussianNoise(0.3),
    "batch normalisation": lambda: BatchNorm(WIDTH),
    "scale": lambda: Scale(WIDTH),
    **ACTIVATIONS,
}
ELEMENTWISE = [name for name, make in LAYERS.items() if make().elementwise]


def made(name, dtype=np.float64):
    """Return a layer with parameters of its own."""
    layer = LAYERS[name]()
    shapes = layer.parameter_shapes()
    layer.bind({n: np.zeros(s, dtype) for n, s in shapes.items()}, {n: np.zeros(s, dtype) for n, s in shapes.items()})
    layer.initialize(np.random.default_rng(1))
    return layer


def inputs(dtype=np.float64):
    """Return a batch that no kink of an activation is near."""
    X = np.random.default_rng(0).normal(size=(N, WIDTH))
    return (X + np.sign(X) * 0.1).astype(dtype)


def forward(layer, X, cache=None, **options):
    """Go forward in training with a generator at its beginning, so that dropout drops the same units every time."""
    cache = Cache() if cache is None else cache
    layer.draw(X, cache, np.random.default_rng(2))
    return layer.forward(X, cache=cache, **options)


def slopes(function, values, dY, step=1e-6):
    """Return the gradient of sum(dY * function()) for an array that function reads, by central differences."""
    gradient = np.empty_like(values)
    for index in np.ndindex(values.shape):
        kept = values[index]
        values[index] = kept + step
        above = (dY * function()).sum()
        values[index] = kept - step
        gradient[index] = (above - (dY * function()).sum()) / (2 * step)
        values[index] = kept
    return gradient


@pytest.mark.parametrize("name", LAYERS)
def test_backward_is_the_derivative_of_forward(name):
    """dX, dW and db agree with central differences."""
    layer, X, cache = made(name), inputs(), Cache()
    Y = forward(layer, X, cache)
    dY = np.random.default_rng(3).normal(size=Y.shape)
    dX = layer.backward(dY, cache)
    got = {"X": dX, **{parameter: getattr(layer, f"d{parameter}").copy() for parameter in layer.parameter_shapes()}}
    for parameter, gradient in got.items():
        values = X if parameter == "X" else getattr(layer, parameter)
        wanted = slopes(lambda: forward(layer, X), values, dY)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_the_type_of_numbers_stays(name, dtype):
    """float32 in, float32 out, in both directions and in the gradients; float64 likewise."""
    layer, X, cache = made(name, dtype), inputs(dtype), Cache()
    Y = forward(layer, X, cache)
    dX = layer.backward(np.ones_like(Y), cache)
    gradients = [getattr(layer, f"d{parameter}") for parameter in layer.parameter_shapes()]
    assert {array.dtype for array in (Y, dX, *gradients)} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", LAYERS)
def test_nothing_is_written_over_without_out(name):
    """Neither the input nor the gradient from above changes."""
    layer, X, cache = made(name), inputs(), Cache()
    layer.forward(X)
    Y = forward(layer, X, cache)
    assert np.array_equal(X, inputs())
    kept, dY = Y.copy(), np.ones_like(Y)
    layer.backward(dY, cache)
    assert (dY == 1).all()
    assert np.array_equal(Y, kept)


@pytest.mark.parametrize("name", LAYERS)
def test_a_result_goes_where_it_is_asked_to(name):
    """With ``out``, both directions write there, and the numbers are those without it."""
    layer, X, cache = made(name), inputs(), Cache()
    Y = forward(layer, X, cache).copy()
    dY = np.random.default_rng(3).normal(size=Y.shape)
    dX = layer.backward(dY, cache)
    buffer, buffer_back = np.full_like(Y, np.nan), np.full_like(X, np.nan)
    assert forward(layer, X, cache, out=buffer) is buffer
    assert layer.backward(dY, cache, out=buffer_back) is buffer_back
    assert np.array_equal(buffer, Y)
    assert np.array_equal(buffer_back, dX)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_layer_may_write_over_what_it_takes(name):
    """Worked in place, forward and backward give the same numbers."""
    layer, X, cache = made(name), inputs(), Cache()
    Y = forward(layer, X, cache).copy()
    dY = np.random.default_rng(3).normal(size=Y.shape)
    dX = layer.backward(dY, cache)
    in_place = inputs()
    forward(layer, in_place, cache, out=in_place)
    assert np.array_equal(in_place, Y)
    layer.backward(dY, cache, out=dY)
    assert np.array_equal(dY, dX)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_has_no_memory(name):
    """In prediction and in training it is left as it was, so that threads can share it, but for its gradients."""
    layer, cache = made(name), Cache()
    before = {key: id(value) for key, value in vars(layer).items()}
    values = {key: np.copy(value) for key, value in vars(layer).items() if not key.startswith("d")}
    layer.forward(inputs())
    layer.backward(forward(layer, inputs(), cache), cache)
    assert {key: id(value) for key, value in vars(layer).items()} == before
    assert all(np.array_equal(getattr(layer, key), value) for key, value in values.items())


@pytest.mark.parametrize("name", LAYERS)
def test_passes_through_a_layer_do_not_meddle(name):
    """With a cache each, one goes back by its own batch, though another has gone forward in between."""
    layer, X, first, second = made(name), inputs(), Cache(), Cache()
    dY = np.random.default_rng(3).normal(size=forward(layer, X, first).shape)
    dX = layer.backward(dY, first)
    gradients = [getattr(layer, f"d{parameter}").copy() for parameter in layer.parameter_shapes()]
    forward(layer, 2 * X, second)
    layer.backward(dY, second)
    assert np.array_equal(layer.backward(dY, first), dX)
    for parameter, gradient in zip(layer.parameter_shapes(), gradients, strict=True):
        assert np.array_equal(getattr(layer, f"d{parameter}"), gradient)


@pytest.mark.parametrize("name", LAYERS)
def test_prediction_equals_training_but_for_regularisers(name):
    """What a layer computes does not depend on what it stores, unless that is its purpose."""
    layer, X = made(name), inputs()
    same = np.array_equal(layer.forward(X), forward(layer, X))
    assert same == (name not in {"dropout", "noise", "batch normalisation"})


def test_parameters_come_with_a_network():
    """A layer without one is an error that tells what to do."""
    with pytest.raises(AttributeError, match="no attribute 'W': parameters come with a Network"):
        Affine(3, 2).forward(np.ones((1, 3)))


@pytest.mark.parametrize(("layer", "name"), [(ReLU(), "Y"), (Affine(3, 3), "X"), (BatchNorm(3), "centred")])
def test_forward_comes_before_backward(layer, name):
    """A cache that has not been forward is an error that tells what to do."""
    with pytest.raises(AttributeError, match=rf"the cache has no '{name}': forward\(X, cache=cache\) comes before"):
        layer.backward(np.ones((1, 3)), Cache())


def test_a_cache_makes_an_array_once():
    """The same for the same shape and type, another for others."""
    cache = Cache()
    first = cache.array("scratch", (2, 3), np.float32)
    assert cache.array("scratch", (2, 3), np.float32) is first is cache.scratch
    assert cache.array("scratch", (1, 3), np.float32).shape == (1, 3)
    assert cache.array("scratch", (1, 3), np.float64).dtype == np.float64


def test_layers_show_what_they_are():
    """Their text is the call that makes them."""
    shown = [Affine(3, 2), Affine(3, 2, bias=False), Dropout(0.2), ReLU(), GELU(), Scale(3)]
    assert [repr(layer) for layer in shown] == [
        "Affine(3, 2)",
        "Affine(3, 2, bias=False)",
        "Dropout(0.2)",
        "ReLU()",
        "GELU()",
        "Scale(3)",
    ]


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: Affine(3, 2, biases=False), "Affine(3, 2, bias=False)"),
        (lambda: GaussianNoise(sd=2), "GaussianNoise(2)"),
    ],
)
def test_old_names_of_parameters_work_for_a_release(make, wanted):
    """They mean what the new ones do, and say that they will go."""
    with pytest.warns(FutureWarning, match="is called (bias|std) now"):
        assert repr(make()) == wanted


@pytest.mark.parametrize("kind", [Layer, Activation])
def test_a_layer_must_be_filled_in(kind):
    """The bases compute nothing by themselves."""
    with pytest.raises(NotImplementedError):
        kind().forward(np.ones((1, 1)))
    with pytest.raises(NotImplementedError):
        kind().backward(np.ones((1, 1)), Cache(Y=np.ones((1, 1))))
