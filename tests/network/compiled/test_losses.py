"""Losses as loops, beside the plain ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from pipeline.network import LabelSmoothing, SigmoidCrossEntropy, SoftmaxCrossEntropy
from pipeline.network.compiled import losses
from pipeline.network.losses import total_weight

LOSSES = {SoftmaxCrossEntropy: losses.SOFTMAX, SigmoidCrossEntropy: losses.SIGMOID}


def batch(dtype, n, n_out, loss):
    """Return outputs, a bias, targets and weights."""
    rng = np.random.default_rng(0)
    Z = (4 * rng.normal(size=(n, n_out))).astype(dtype)
    if Z.size > 12:
        Z.flat[:4] = 700, -700, 50, -50
    if loss is SoftmaxCrossEntropy:
        Y = np.eye(n_out)[rng.integers(n_out, size=n)]
    else:
        Y = (rng.random((n, n_out)) > 0.5).astype(float)
    return Z, rng.normal(size=n_out).astype(dtype), Y.reshape(n, n_out).astype(dtype), rng.random(n).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(50, 10), (1, 3), (7, 1)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_predictions_gradient_and_loss_are_the_plain_ones(loss, smoothing, weighted, shape, dtype):
    """All that a loss gives is that of the plain one, to rounding."""
    Z, b, Y, weight = batch(dtype, *shape, loss)
    weight = weight if weighted else None
    plain = LabelSmoothing(loss(), smoothing) if smoothing else loss()
    total = total_weight(weight, len(Y))
    P_plain = plain.predictions(Z + b)
    dZ_plain = plain.gradient(P_plain, Y, weight, total=total)
    P, dZ, given = np.empty_like(Z), Z.copy(), np.empty(0, dtype) if weight is None else weight
    losses.forward_backward(LOSSES[loss], dZ, b, Y, given, float(total), smoothing, P, dZ)
    eps = np.finfo(dtype).eps
    assert_allclose(P, P_plain, rtol=300 * eps, atol=4 * eps)
    assert_allclose(dZ, dZ_plain, rtol=300 * eps, atol=8 * eps)
    counted = np.ones(len(Y), dtype) if weight is None else weight
    value, n_correct = losses.sum_losses(LOSSES[loss], P_plain, Y, counted, smoothing)
    assert n_correct == np.count_nonzero(plain.correct(P_plain, Y))
    assert_allclose(value, np.dot(plain.sample_losses(P_plain, Y).astype(float), counted), rtol=200 * eps)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_no_number_is_seen(loss, bad):
    """A NaN or infinite output makes the loss NaN, or the gradient, as in NumPy."""
    Z, b, Y, _ = batch(np.float32, 5, 3, loss)
    Z[2, 1] = bad
    P, none = np.empty_like(Z), np.empty(0, np.float32)
    losses.forward_backward(LOSSES[loss], Z.copy(), b, Y, none, 5.0, 0.0, P, Z)
    with np.errstate(invalid="ignore"):
        expected = loss().predictions(batch(np.float32, 5, 3, loss)[0] * 0 + [[0, bad, 0]])[0]
    assert np.isnan(P[2]).any() == np.isnan(expected).any()
    assert np.isfinite(P[[0, 1, 3, 4]]).all()
    value, _ = losses.sum_losses(LOSSES[loss], P, Y, np.ones(5, np.float32), 0.0)
    assert np.isnan(value) == np.isnan(expected).any()
