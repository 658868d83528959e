"""Label smoothing around both losses: the formula, the contract of a loss, and what stays."""

import copy
import pickle

import numpy as np
import pytest

from pipeline.network import LOSSES, Affine, LabelSmoothing, Network, Sigmoid
from pipeline.network.gradient_check import numerical_gradient

EPSILON = 0.2
Z = np.random.default_rng(0).normal(size=(6, 3))
TARGETS = {"softmax": np.eye(3)[[0, 1, 2, 2, 1, 0]], "logistic": np.array([[1.0, 0, 1], [0, 0, 0]] * 3)}
CLASSES = {"softmax": 3, "logistic": 2}
WEIGHTS = {"none": None, "some": np.array([0.5, 1, 2, 0, 3, 0.25])}


def smoothed(name):
    """Return the formula: an epsilon of every target goes to all classes alike."""
    return (1 - EPSILON) * TARGETS[name] + EPSILON / CLASSES[name]


def made(name, epsilon=EPSILON):
    """Return a wrapped loss."""
    return LabelSmoothing(LOSSES[name](), epsilon)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", LOSSES)
def test_it_is_the_loss_of_smoothed_targets(name, weight):
    """Loss, gradient and costs are those of the plain loss, asked with the smoothed targets."""
    plain, loss, Y, w = LOSSES[name](), made(name), TARGETS[name], WEIGHTS[weight]
    assert loss.forward(Z, Y, w) == pytest.approx(plain.forward(Z, smoothed(name), w))
    P = loss.P.copy()
    assert np.array_equal(P, plain.P)
    np.testing.assert_allclose(loss.costs(P, Y), plain.costs(P, smoothed(name)))
    assert loss.value(P, Y, w) == pytest.approx(plain.value(P, smoothed(name), w))
    np.testing.assert_allclose(
        loss.gradient(P, Y, w, total=9), plain.gradient(P, smoothed(name), w, total=9), atol=1e-15
    )
    np.testing.assert_allclose(loss.backward(), plain.backward(), atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_a_network_with_it_has_the_right_gradient(name):
    """All parameters agree with central differences."""
    network = Network([Affine(4, 5), Sigmoid(), Affine(5, 3)], made(name), dtype=np.float64, random_state=0)
    X = np.random.default_rng(0).random((6, 4))
    network.gradient(X, TARGETS[name])
    got = network.grads.copy()
    np.testing.assert_allclose(got, numerical_gradient(network, network.params, X, TARGETS[name]), rtol=0, atol=1e-9)


def test_one_output_is_of_two_classes():
    """A single yes or no is drawn towards a half, not towards yes."""
    loss = made("logistic")
    np.testing.assert_allclose(loss.smooth(np.array([[0.0], [1.0]])), [[0.1], [0.9]])


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_right_stays(name):
    """Probabilities, hits and the output's activation are those of the loss that is wrapped, and Y is only read."""
    plain, loss, Y = LOSSES[name](), made(name), TARGETS[name].copy()
    P = loss.probabilities(Z)
    assert np.array_equal(P, plain.probabilities(Z))
    room = np.empty_like(Z)
    assert loss.probabilities(Z, out=room) is room
    assert np.array_equal(loss.hits(P, Y), plain.hits(P, Y))
    assert loss.activation == name
    assert loss.plain is loss.loss
    loss.forward(Z, Y)
    loss.backward()
    assert np.array_equal(Y, TARGETS[name])


@pytest.mark.parametrize("name", LOSSES)
def test_none_is_the_plain_loss(name):
    """With an epsilon of 0 nothing changes, to the last bit."""
    plain, loss, Y = LOSSES[name](), made(name, 0), TARGETS[name]
    assert loss.forward(Z, Y) == plain.forward(Z, Y)
    assert np.array_equal(loss.backward(), plain.backward())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_the_type_of_numbers_stays(name, dtype):
    """float32 in, float32 out; the worst mistake costs a finite sum."""
    loss, Y = made(name), TARGETS[name].astype(dtype)
    assert np.isfinite(loss.forward((Z * 1e6).astype(dtype), Y))
    assert {array.dtype for array in (loss.P, loss.smooth(Y), loss.costs(loss.P, Y), loss.backward())} == {
        np.dtype(dtype)
    }


@pytest.mark.parametrize("name", LOSSES)
def test_copies_share_nothing_of_a_batch(name):
    """Two copies, as threads have them, keep each its own batch; a pickled or a bare one keeps none."""
    loss = made(name)
    one, other = loss.bare(), loss.bare()
    one.forward(Z, TARGETS[name])
    other.forward(-Z, TARGETS[name])
    assert np.array_equal(one.P, loss.probabilities(Z))
    for twin in (one.bare(), pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):  # noqa: S301 - our own bytes
        assert twin.forward(Z, TARGETS[name]) == loss.value(loss.probabilities(Z), TARGETS[name])
    assert not any(isinstance(value, np.ndarray) for value in vars(one.loss).values())


@pytest.mark.parametrize("epsilon", [-0.1, 1, np.nan])
def test_what_is_out_of_range_is_refused(epsilon):
    """The message names the parameter, what it may be and what it was."""
    with pytest.raises(ValueError, match="epsilon must be a number >= 0 and < 1"):
        made("softmax", epsilon)


def test_it_shows_what_it_is():
    """Its text is the call that makes it."""
    assert repr(made("softmax")) == "LabelSmoothing(SoftmaxCrossEntropy(), 0.2)"
