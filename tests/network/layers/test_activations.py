"""What each activation function promises for itself."""

import numpy as np
import pytest

from pipeline.network.layers import ACTIVATIONS, ELU, GELU, SELU, Cache, Identity, LeakyReLU, Mish, ReLU, Sigmoid, Tanh


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_bear_the_largest_numbers(name, dtype):
    """Where the input is as large as the type holds, the output is no NaN."""
    limit = np.finfo(dtype).max / 4
    X = np.array([[-limit, -1, 0, 1, limit]], dtype)
    layer, cache = ACTIVATIONS[name](), Cache()
    Y = layer.forward(X, cache=cache)
    assert np.isfinite(Y).all()
    assert np.isfinite(layer.backward(np.ones_like(X), cache)).all()


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (Identity(), [-2, 0, 2]),
        (ReLU(), [0, 0, 2]),
        (LeakyReLU(), [-0.02, 0, 2]),
        (ELU(), [np.exp(-2) - 1, 0, 2]),
        (SELU(), [1.7580993 * (np.exp(-2) - 1), 0, 2.1014]),
        (Sigmoid(), [1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-2))]),
        (Tanh(), [-np.tanh(2), 0, np.tanh(2)]),
        (GELU(), [-0.0454, 0, 1.9546]),
        (Mish(), [-2 * np.tanh(np.log1p(np.exp(-2))), 0, 2 * np.tanh(np.log1p(np.exp(2)))]),
    ],
)
def test_activations_are_their_formulas(layer, wanted):
    """Values worked out by hand; GELU's from its paper's formula, to four digits."""
    np.testing.assert_allclose(layer.forward(np.array([[-2.0, 0, 2]]))[0], wanted, atol=1e-4 / 2)


def test_gelu_is_near_the_one_with_the_normal_distribution():
    """The form with tanh is within 1e-3 of x Phi(x)."""
    from scipy.special import ndtr

    X = np.linspace(-5, 5, 101)[np.newaxis]
    np.testing.assert_allclose(GELU().forward(X), X * ndtr(X), atol=1e-3)


def test_selu_keeps_mean_and_variance():
    """Numbers with mean 0 and variance 1 come out so, which is what its two constants are made for."""
    Y = SELU().forward(np.random.default_rng(0).normal(size=(1, 1_000_000)))
    assert abs(Y.mean()) < 0.005
    assert abs(Y.var() - 1) < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mish_is_exact_in_the_tails(dtype):
    """By the formula in more digits: X exp(X) far below 0, X far above, with a slope of 1."""
    X = np.array([[-80, -40, 30, 80, 1e30]], dtype)
    cache = Cache()
    Y, slope = Mish().forward(X, cache=cache), Mish().backward(np.ones_like(X), cache)
    E = np.exp(X[0, :2].astype(np.longdouble))
    np.testing.assert_allclose(Y[0], [*(X[0, :2] * E), 30, 80, X[0, 4]], rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(slope[0], [*((1 + X[0, :2]) * E), 1, 1, 1], rtol=8 * np.finfo(dtype).eps)


def test_relu_passes_nothing_back_at_zero():
    """At the kink the slope is that of the left side, as scikit-learn has it."""
    layer, cache = ReLU(), Cache()
    layer.forward(np.array([[-1.0, 0, 1]]), cache=cache)
    assert layer.backward(np.ones((1, 3)), cache).tolist() == [[0, 0, 1]]
