"""Contracts of both losses, and their values by hand."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from pipeline.network import LOSSES, LabelSmoothing, Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy

Z = np.random.default_rng(0).normal(size=(6, 3))
TARGETS = {"softmax": np.eye(3)[[0, 1, 2, 2, 1, 0]], "logistic": np.array([[1.0, 0, 1], [0, 0, 0]] * 3)}
MEMBERS = {
    **LOSSES,
    "smoothed softmax": lambda: LabelSmoothing(SoftmaxCrossEntropy(), 0.2),
    "smoothed logistic": lambda: LabelSmoothing(SigmoidCrossEntropy(), 0.2),
}
WEIGHTS = {"none": None, "some": np.array([0.5, 1, 2, 0, 3, 0.25])}


def cost(loss, Z, Y, weight=None):
    """Return the loss of outputs Z."""
    return loss.value(loss.predictions(Z), Y, weight)


def gradient(loss, Z, Y, weight=None):
    """Return dZ."""
    return loss.gradient(loss.predictions(Z), Y, weight)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", MEMBERS)
def test_backward_is_the_derivative_of_forward(name, weight):
    """dZ agrees with central differences, weighted or not, of smoothed targets too."""
    loss, Y, w = MEMBERS[name](), TARGETS[name.removeprefix("smoothed ")], WEIGHTS[weight]
    got, wanted, step = gradient(loss, Z, Y, w), np.empty_like(Z), 1e-6
    for index in np.ndindex(Z.shape):
        nudge = np.zeros_like(Z)
        nudge[index] = step
        wanted[index] = (cost(loss, Z + nudge, Y, w) - cost(loss, Z - nudge, Y, w)) / (2 * step)
    np.testing.assert_allclose(got, wanted, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_count_as_repetitions(name):
    """A sample of weight 2 costs and pulls as two samples do, and one of weight 0 as none."""
    Y, w, rows = TARGETS[name], np.array([1.0, 2, 0, 1, 1, 3]), [0, 1, 1, 3, 4, 5, 5, 5]
    loss = LOSSES[name]()
    assert cost(loss, Z, Y, w) == pytest.approx(cost(loss, Z[rows], Y[rows]))
    several, dZ = gradient(loss, Z[rows], Y[rows]), gradient(loss, Z, Y, w)
    np.testing.assert_allclose(dZ[[1, 5]], [2 * several[1], 3 * several[5]])
    assert not dZ[2].any()


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_weight_costs_nothing(name):
    """All weights 0 give a loss and a gradient of 0, and no 0 / 0."""
    loss = LOSSES[name]()
    assert cost(loss, Z, TARGETS[name], np.zeros(6)) == 0
    assert not gradient(loss, Z, TARGETS[name], np.zeros(6)).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_the_largest_outputs_are_borne(name, dtype):
    """Nothing overflows, the worst mistake costs a finite sum, and the type of numbers stays."""
    limit = np.finfo(dtype).max / 4
    loss, worst = LOSSES[name](), np.array([[limit, -limit, 0], [-limit, limit, 0]], dtype)
    Y = np.array([[0, 1, 0], [1, 0, 0]], dtype)
    assert np.isfinite(cost(loss, worst, Y))
    P = loss.predictions(worst)
    assert P.dtype == dtype
    assert np.isfinite(P).all()
    dZ = gradient(loss, worst, Y)
    assert dZ.dtype == dtype
    assert np.isfinite(dZ).all()


@pytest.mark.parametrize("name", LOSSES)
def test_predictions_may_take_the_place_of_outputs(name):
    """Written over Z, they are the same."""
    loss, buffer = LOSSES[name](), Z.copy()
    P = loss.predictions(Z)
    assert loss.predictions(buffer, out=buffer) is buffer
    assert np.array_equal(buffer, P)
    assert np.array_equal(Z, np.random.default_rng(0).normal(size=(6, 3)))


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", MEMBERS)
def test_forward_and_backward_in_one(name, weight):
    """It leaves the predictions, and the gradient in the place of Z, to the last bit."""
    loss, Y, w = MEMBERS[name](), TARGETS[name.removeprefix("smoothed ")], WEIGHTS[weight]
    buffer, P = Z.copy(), np.empty_like(Z)
    loss.forward_backward(buffer, P, Y, w, len(Y) if w is None else w.sum())
    assert np.array_equal(P, loss.predictions(Z))
    assert np.array_equal(buffer, gradient(loss, Z, Y, w))


def test_softmax_by_hand():
    """Odds of 1 to 3 are a quarter and three quarters; a certain prediction is 1."""
    loss = SoftmaxCrossEntropy()
    P = loss.predictions(np.array([[0, np.log(3)], [1000.0, 0]]))
    np.testing.assert_allclose(P, [[0.25, 0.75], [1, 0]])
    assert loss.value(P[:1], np.array([[0.0, 1]])) == pytest.approx(-np.log(0.75))


def test_softmax_costs_what_scikit_learn_says():
    """The mean cost is the log loss."""
    loss, Y = SoftmaxCrossEntropy(), TARGETS["softmax"]
    P = loss.predictions(Z)
    wanted = log_loss(Y.argmax(axis=1), P, sample_weight=WEIGHTS["some"])
    assert loss.value(P, Y, WEIGHTS["some"]) == pytest.approx(wanted)


def test_sigmoid_by_hand():
    """Odds of 3 to 1 are three quarters, and the losses of several outputs add up."""
    loss = SigmoidCrossEntropy()
    P = loss.predictions(np.array([[np.log(3), 0]]))
    np.testing.assert_allclose(P, [[0.75, 0.5]])
    assert loss.value(P, np.array([[0.0, 1]])) == pytest.approx(-np.log(0.25) - np.log(0.5))


def test_sigmoid_is_exact_in_both_tails():
    """Far out it neither becomes 0 too early nor warns."""
    P = SigmoidCrossEntropy().predictions(np.array([[-700.0, 700]]))
    np.testing.assert_allclose(P, [[np.exp(-700.0), 1]], rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "P", "Y", "wanted"),
    [
        (SoftmaxCrossEntropy(), [[0.3, 0.7], [0.6, 0.4]], [[0, 1], [0, 1]], [True, False]),
        (SigmoidCrossEntropy(), [[0.7, 0.2], [0.7, 0.6]], [[1, 0], [1, 0]], [True, False]),
        (SigmoidCrossEntropy(), [[0.5], [0.51]], [[0], [1]], [True, True]),
    ],
)
def test_a_hit_is_the_likeliest_class_or_every_label(loss, P, Y, wanted):
    """Among classes the largest counts, among labels each side of a half, and a half itself is no."""
    assert loss.correct(np.array(P), np.array(Y)).tolist() == wanted


def test_a_loss_must_be_filled_in():
    """The base computes nothing by itself."""
    for method in (lambda: Loss().predictions(Z), lambda: Loss().sample_losses(Z, Z), lambda: Loss().correct(Z, Z)):
        with pytest.raises(NotImplementedError):
            method()
