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
    Network,
    ReLU,
)
from pipeline.network.layers import Activation

N, WIDTH = 5, 4
LAYERS = {
    "affine": lambda: Affine(WIDTH, 3),
    "affine without biases": lambda: Affine(WIDTH, 3, bias=False),
    "dropout": lambda: Dropout(0.4),
    "noise": lambda: GaussianNoise(0.3),
    "batch normalisation": lambda: BatchNorm(WIDTH),
    **ACTIVATIONS,
}
ELEMENTWISE = [name for name, make in LAYERS.items() if make().elementwise]


def made(name, dtype=np.float64):
    """Return a layer with parameters of its own, and a generator at its beginning."""
    layer = LAYERS[name]()
    shapes = layer.parameter_shapes()
    layer.bind({n: np.zeros(s, dtype) for n, s in shapes.items()}, {n: np.zeros(s, dtype) for n, s in shapes.items()})
    layer.initialize(np.random.default_rng(1))
    layer.rng = np.random.default_rng(2)
    return layer


def inputs(dtype=np.float64):
    """Return a batch that no kink of an activation is near."""
    X = np.random.default_rng(0).normal(size=(N, WIDTH))
    return (X + np.sign(X) * 0.1).astype(dtype)


def forward(layer, X, **options):
    """Go forward with the generator at its beginning, so that dropout drops the same units every time."""
    layer.rng = np.random.default_rng(2)
    return layer.forward(X, **options)


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
    layer, X = made(name), inputs()
    Y = forward(layer, X, training=True)
    dY = np.random.default_rng(3).normal(size=Y.shape)
    dX = layer.backward(dY)
    got = {"X": dX, **{parameter: getattr(layer, f"d{parameter}").copy() for parameter in layer.parameter_shapes()}}
    for parameter, gradient in got.items():
        values = X if parameter == "X" else getattr(layer, parameter)
        wanted = slopes(lambda: forward(layer, X, training=True), values, dY)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_the_type_of_numbers_stays(name, dtype):
    """float32 in, float32 out, in both directions and in the gradients; float64 likewise."""
    layer, X = made(name, dtype), inputs(dtype)
    Y = forward(layer, X, training=True)
    dX = layer.backward(np.ones_like(Y))
    gradients = [getattr(layer, f"d{parameter}") for parameter in layer.parameter_shapes()]
    assert {array.dtype for array in (Y, dX, *gradients)} == {np.dtype(dtype)}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_nothing_is_written_over_without_out(name, training):
    """Neither the input nor the gradient from above changes."""
    layer, X = made(name), inputs()
    Y = forward(layer, X, training=training)
    assert np.array_equal(X, inputs())
    if training:
        kept, dY = Y.copy(), np.ones_like(Y)
        layer.backward(dY)
        assert (dY == 1).all()
        assert np.array_equal(Y, kept)


@pytest.mark.parametrize("name", LAYERS)
def test_a_result_goes_where_it_is_asked_to(name):
    """With ``out``, both directions write there, and the numbers are those without it."""
    layer, X = made(name), inputs()
    Y = forward(layer, X, training=True).copy()
    dY = np.random.default_rng(3).normal(size=Y.shape)
    dX = layer.backward(dY)
    buffer, room_back = np.full_like(Y, np.nan), np.full_like(X, np.nan)
    assert forward(layer, X, out=buffer, training=True) is buffer
    assert layer.backward(dY, out=room_back) is room_back
    assert np.array_equal(buffer, Y)
    assert np.array_equal(room_back, dX)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_layer_may_write_over_what_it_takes(name):
    """Worked in place, forward and backward give the same numbers."""
    layer, X = made(name), inputs()
    Y = forward(layer, X, training=True).copy()
    dY = np.random.default_rng(3).normal(size=Y.shape)
    dX = layer.backward(dY)
    in_place = inputs()
    forward(layer, in_place, out=in_place, training=True)
    assert np.array_equal(in_place, Y)
    layer.backward(dY, out=dY)
    assert np.array_equal(dY, dX)


@pytest.mark.parametrize("name", LAYERS)
def test_prediction_keeps_nothing(name):
    """Without ``training`` a layer is left as it was, so that threads can share it."""
    layer = made(name)
    before = dict(vars(layer))
    layer.forward(inputs())
    assert vars(layer) == before


@pytest.mark.parametrize("name", LAYERS)
def test_a_shadow_is_the_layer_with_gradients_of_its_own(name):
    """It goes forward and back as the layer does, whose batch, state and gradients all stay as they are."""
    layer, X = made(name), inputs()
    dY = np.random.default_rng(3).normal(size=forward(layer, X, training=True).shape)
    layer.backward(dY)
    replica, kept = layer.replica(), dict(vars(layer))
    copies = {key: value.copy() for key, value in kept.items() if isinstance(value, np.ndarray)}
    Y, dX = forward(replica, 2 * X, training=True), replica.backward(dY)
    assert {key: id(value) for key, value in vars(layer).items()} == {key: id(value) for key, value in kept.items()}
    assert all(np.array_equal(value, getattr(layer, key)) for key, value in copies.items())
    np.testing.assert_allclose(Y, forward(layer, 2 * X, training=True))
    np.testing.assert_allclose(dX, layer.backward(dY))
    for parameter in layer.parameter_shapes():
        assert np.shares_memory(getattr(replica, parameter), getattr(layer, parameter))
        np.testing.assert_allclose(getattr(replica, f"d{parameter}"), getattr(layer, f"d{parameter}"))


@pytest.mark.parametrize("name", LAYERS)
def test_prediction_equals_training_but_for_regularisers(name):
    """What a layer computes does not depend on what it keeps, unless that is its purpose."""
    layer, X = made(name), inputs()
    same = np.array_equal(layer.forward(X), forward(layer, X, training=True))
    assert same == (name not in {"dropout", "noise", "batch normalisation"})


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: Affine(3, 2).forward(np.ones((1, 3))), "W"),
        (lambda: ReLU().backward(np.ones((1, 3))), "Y"),
        (lambda: Network([Affine(3, 2)]).backward(np.ones((1, 2), np.float32)), "X"),
    ],
)
def test_what_is_missing_is_said_to_come(call, name):
    """A layer without a network, or a backward before its forward, is an error that tells what to do."""
    with pytest.raises(AttributeError, match=f"no attribute '{name}': parameters come with a Network, and what"):
        call()


def test_layers_show_what_they_are():
    """Their text is the call that makes them."""
    shown = [Affine(3, 2), Affine(3, 2, bias=False), Dropout(0.2), ReLU(), GELU()]
    assert [repr(layer) for layer in shown] == [
        "Affine(3, 2)",
        "Affine(3, 2, bias=False)",
        "Dropout(0.2)",
        "ReLU()",
        "GELU()",
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
        kind().backward(np.ones((1, 1)))
