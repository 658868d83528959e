"""Gaussian noise: how it is distributed, and that it passes gradients on."""

import numpy as np
import pytest
from scipy.stats import kstest

from pipeline.network import Affine, GaussianNoise, Network, Sigmoid, SigmoidCrossEntropy, SoftmaxCrossEntropy
from pipeline.network.gradient_check import numerical_gradient
from pipeline.network.layers import Cache
from pipeline.network.layers.noise import fill_normal

DTYPES = [np.float32, np.float64]


def noisy(X, std=0.5, rng=None, **options):
    """Return a batch with noise, by a generator at its beginning or another."""
    layer, cache = GaussianNoise(std), Cache()
    layer.draw(X, cache, rng or np.random.default_rng(2))
    return layer.forward(X, cache=cache, **options)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_formula(dtype):
    """Box and Muller's, number by number, with the uniform numbers that the generator gives."""
    buffer = np.empty((3, 50), dtype)
    fill_normal(np.random.default_rng(0), buffer, 0.5)
    u, v = np.random.default_rng(0).random((2, 50), dtype).astype(np.float64)
    radius = 0.5 * np.sqrt(-2 * np.log(1 - u))
    wanted = [radius * np.sin(2 * np.pi * v), radius * np.cos(2 * np.pi * v)]
    np.testing.assert_allclose(buffer[1:], wanted, atol=1e-6 if dtype is np.float32 else 1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_distribution_is_normal(dtype):
    """200,000 numbers pass Kolmogorov and Smirnov's test, and neighbours and halves are uncorrelated."""
    Y = noisy(np.full((400, 500), 3, dtype), std=2)
    N = (Y.ravel().astype(np.float64) - 3) / 2
    assert kstest(N, "norm").pvalue > 0.01
    assert abs((N**4).mean() - 3) < 0.05
    half = N.size // 2
    for one, other in ((N[:-1], N[1:]), (N[:half], N[half:]), (N[:half] ** 2, N[half:] ** 2)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.01


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_and_least_draws_are_borne(dtype):
    """Where the generator gives its least number, or its largest, what is made of it is finite."""

    class Extreme:
        def random(self, out, dtype):
            out[0] = [0, 1 - np.finfo(dtype).epsneg]
            out[1] = [1 - np.finfo(dtype).epsneg, 0]

    buffer = np.empty((3, 2), dtype)
    fill_normal(Extreme(), buffer, 1)
    assert np.isfinite(buffer).all()
    assert 5 < np.abs(buffer[1:]).max() < 9


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (6, 4), (0, 4)])
def test_the_type_of_numbers_stays(shape, dtype):
    """float32 in, float32 out, in both directions, for an odd number of numbers as well; and every one has moved."""
    X = np.ones(shape, dtype)
    Y = noisy(X)
    assert Y.shape == shape
    assert Y.dtype == GaussianNoise(0.5).backward(Y, Cache()).dtype == dtype
    assert (Y != 1).all()
    assert (X == 1).all()


def test_backward_hands_on_the_gradient():
    """dX is dY, a new array, or where it is asked to."""
    layer, cache, dY, buffer = GaussianNoise(0.5), Cache(), np.arange(6.0).reshape(2, 3), np.empty((2, 3))
    dX = layer.backward(dY, cache)
    assert np.array_equal(dX, dY)
    assert not np.may_share_memory(dX, dY)
    assert layer.backward(dY, cache, out=buffer) is buffer
    assert np.array_equal(buffer, dY)


def test_it_works_in_place_on_columns_of_a_wider_array():
    """Written over a slice, the numbers are the same, and the other columns stay."""
    X, wide = np.random.default_rng(0).random((5, 3)), np.full((5, 9), 7.0)
    wide[:, 3:6] = X
    noisy(wide[:, 3:6], out=wide[:, 3:6])
    assert np.array_equal(wide[:, 3:6], noisy(X))
    assert (np.delete(wide, [3, 4, 5], axis=1) == 7).all()


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy, SigmoidCrossEntropy])
def test_a_network_with_it_has_the_right_gradient(loss):
    """With the same noise every time, backpropagation agrees with central differences."""
    layers = [GaussianNoise(0.3), Affine(4, 5), GaussianNoise(0.2), Sigmoid(), GaussianNoise(0.1), Affine(5, 3)]
    network = Network(layers, loss(), dtype=np.float64, random_state=0)
    X, Y = np.random.default_rng(0).random((6, 4)), np.eye(3)[[0, 1, 2, 2, 1, 0]]
    drawn = network.rng.bit_generator.state
    network.gradient(X, Y)
    got = network.grads.copy()
    network.rng.bit_generator.state = drawn
    np.testing.assert_allclose(got, numerical_gradient(network, network.params, X, Y), rtol=0, atol=1e-9)


def test_noise_is_drawn_anew_and_by_seed():
    """Two draws give different noise, two generators at their beginning the same, whatever sizes went before."""
    X, rng, layer, cache = np.ones((4, 3)), np.random.default_rng(2), GaussianNoise(0.5), Cache()
    first, second = noisy(X, rng=rng), noisy(X, rng=rng)
    assert not np.array_equal(first, second)
    for shape in ((2, 2), (9, 9)):
        layer.draw(np.ones(shape), cache, rng)
        assert layer.forward(np.ones(shape), cache=cache).shape == shape
    layer.draw(X, cache, np.random.default_rng(2))
    assert np.array_equal(layer.forward(X, cache=cache), first)


def test_prediction_adds_nothing():
    """X is handed on."""
    X = np.ones((2, 3))
    assert GaussianNoise(1).forward(X) is X


def test_no_noise_is_no_change():
    """With a standard deviation of 0, Y is X."""
    assert (noisy(np.ones((4, 3)), std=0) == 1).all()


def test_it_wants_a_draw():
    """Without random numbers in the cache, it says what is missing."""
    with pytest.raises(AttributeError, match=r"the cache has no 'noise': .* draw before both"):
        GaussianNoise(1).forward(np.ones((1, 1)), cache=Cache())


@pytest.mark.parametrize("std", [-0.1, np.nan, np.inf])
def test_what_is_out_of_range_is_refused(std):
    """The message names the parameter."""
    with pytest.raises(ValueError, match="std must be a finite number >= 0"):
        GaussianNoise(std)


def test_it_shows_what_it_is():
    """Its text is the call that makes it, and it says that it draws."""
    assert repr(GaussianNoise(0.3)) == "GaussianNoise(0.3)"
    assert GaussianNoise.stochastic
