"""Losses as loops, beside the plain ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network import (
    AbsoluteError,
    Huber,
    LabelSmoothing,
    Pinball,
    PoissonDeviance,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from pipeline.network.compiled import losses
from pipeline.network.compiled.program import LOSSES, loss_constants
from pipeline.network.losses import RegressionLoss, total_weight

MEMBERS = {
    "softmax": SoftmaxCrossEntropy(),
    "smoothed softmax": LabelSmoothing(SoftmaxCrossEntropy(), 0.1),
    "sigmoid": SigmoidCrossEntropy(),
    "smoothed sigmoid": LabelSmoothing(SigmoidCrossEntropy(), 0.1),
    "squared": SquaredError(),
    "poisson": PoissonDeviance(),
    "absolute": AbsoluteError(),
    "huber": Huber(0.7),
    "quantile": Pinball(0.3),
    "several quantiles": Pinball(np.linspace(0.1, 0.9, 5)),
}


def batch(dtype, n, n_out, loss):
    """Return outputs, a bias, targets and weights; some outputs are very large, or just the targets."""
    rng = np.random.default_rng(0)
    Z = (4 * rng.normal(size=(n, n_out))).astype(dtype)
    b = rng.normal(size=n_out).astype(dtype)
    largest = 80 if loss.activation == "exp" else 700
    if Z.size > 12:
        Z.flat[:4] = largest, -700, 50, -50
    if loss.activation == "softmax":
        Y = np.eye(n_out)[rng.integers(n_out, size=n)]
    elif loss.activation == "logistic":
        Y = (rng.random((n, n_out)) > 0.5).astype(float)
    elif loss.activation == "exp":
        Y = rng.poisson(2, size=(n, n_out))
    else:
        Y = np.where(rng.random((n, n_out)) < 0.1, Z + b, 4 * rng.normal(size=(n, n_out)))
    return Z, b, Y.reshape(n, n_out).astype(dtype), rng.random(n).astype(dtype)


def kind_of(loss):
    """Return a loss's code."""
    return LOSSES[type(loss.unsmoothed)]


def summed(loss, P, Y, weight):
    """Return the sum of the losses as the loop that there is for the loss has it."""
    if isinstance(loss, RegressionLoss):
        return losses.sum_regression_losses(kind_of(loss), P, Y, weight, loss_constants(loss))
    value, n_correct = losses.sum_losses(kind_of(loss), P, Y, weight, loss_constants(loss)[0])
    assert np.isnan(P).any() or n_correct == np.count_nonzero(loss.correct(P, Y))
    return value


def test_every_loss_has_a_loop():
    """None is missing among those that are compared here."""
    assert {type(loss.unsmoothed) for loss in MEMBERS.values()} == set(LOSSES)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(50, 10), (1, 5), (7, 1)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", MEMBERS)
def test_predictions_gradient_and_loss_are_the_plain_ones(name, weighted, shape, dtype):
    """All that a loss gives is that of the plain one, to rounding."""
    plain = MEMBERS[name]
    if name == "several quantiles" and shape[1] == 1:
        shape = 7, 5
    Z, b, Y, weight = batch(dtype, *shape, plain)
    weight = weight if weighted else None
    total = total_weight(weight, len(Y))
    P_plain = plain.predictions(Z + b)
    dZ_plain = plain.gradient(P_plain, Y, weight, total=total)
    P, dZ, given = np.empty_like(Z), Z.copy(), np.empty(0, dtype) if weight is None else weight
    constants = loss_constants(plain)
    losses.forward_backward(kind_of(plain), dZ, b, Y, given, float(total), constants, P, dZ)
    eps = np.finfo(dtype).eps
    assert_allclose(P, P_plain, rtol=300 * eps, atol=4 * eps)
    assert_allclose(dZ, dZ_plain, rtol=300 * eps, atol=8 * eps)
    counted = np.ones(len(Y), dtype) if weight is None else weight
    value = summed(plain, P_plain, Y, counted)
    assert_allclose(value, np.dot(plain.sample_losses(P_plain, Y).astype(float), counted), rtol=200 * eps)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_no_number_is_seen(name, bad):
    """A NaN or infinite output makes the loss NaN or infinite, or the gradient, as in NumPy."""
    loss = MEMBERS[name]
    Z, b, Y, _ = batch(np.float32, 5, 5, loss)
    Z[0], Y[0] = Z[4], Y[4]  # none that is very large
    Z[2, 1] = bad
    P, dZ, none = np.empty_like(Z), Z.copy(), np.empty(0, np.float32)
    losses.forward_backward(kind_of(loss), dZ, b, Y, none, 5.0, loss_constants(loss), P, dZ)
    with np.errstate(invalid="ignore"):
        expected = loss.predictions(Z + b)
        slopes = loss.gradient(expected, Y)
        value = summed(loss, P, Y, np.ones(5, np.float32))
        assert np.isfinite(value) == np.isfinite(loss.value(expected, Y))
    assert np.array_equal(np.isnan(P), np.isnan(expected))
    assert np.array_equal(np.isnan(dZ), np.isnan(slopes))
    assert np.isfinite(P[[0, 1, 3, 4]]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poisson_loops_tell_of_what_is_beyond_their_numbers(dtype):
    """As in NumPy, an output whose exp overflows is an infinite loss, and one whose exp underflows a large one."""
    loss, largest = PoissonDeviance(), {np.float32: 88, np.float64: 709}[dtype]
    Y, none, b = np.array([[3.0]], dtype), np.empty(0, dtype), np.zeros(1, dtype)
    for z in (largest + 1, 1e9, -2 * largest, -1e9):
        P = np.empty((1, 1), dtype)
        dZ = np.array([[z]], dtype)
        losses.forward_backward(losses.POISSON, dZ, b, Y, none, 1.0, loss_constants(loss), P, dZ)
        value = summed(loss, P, Y, np.ones(1, dtype))
        assert value == np.inf if z > 0 else largest < value < np.inf
        assert dZ[0, 0] == (np.inf if z > 0 else -3)
