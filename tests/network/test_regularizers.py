"""The penalty on the weights, the limit on their norm, and smoothed labels around both losses."""

import numpy as np
import pytest

from pipeline.network import L2, LOSSES, Affine, LabelSmoothing, MaxNorm, Network, ReLU, Sigmoid
from pipeline.network.gradient_check import numerical_gradient
from pipeline.network.shards import ParameterShard


@pytest.fixture
def network():
    """Return a small network whose biases are not 0."""
    made = Network([Affine(3, 4), ReLU(), Affine(4, 2)], dtype=np.float64, random_state=0)
    made.params += 0.5
    return made


def shard(network, start, stop):
    """Return a shard of the parameters."""
    return ParameterShard.cut(network.layers, network.params, network.grads, slice(start, stop))


def add(penalty, network, n):
    """Add the penalty of all weights, and return it."""
    return penalty.after_gradient(shard(network, 0, len(network.params)), n)


def test_the_penalty_is_half_the_sum_of_squares(network):
    """alpha / 2n times the squares of all weights, and of no bias."""
    squares = sum((layer.W**2).sum() for layer in network.affine_layers)
    assert add(L2(0.3), network, 5) == pytest.approx(0.3 / 2 * squares / 5)


def test_the_penaltys_gradient_is_its_derivative(network):
    """Added to what is there, it agrees with central differences; biases get nothing."""
    penalty, step = L2(0.3), 1e-6
    network.grads[:] = 1
    add(penalty, network, 5)
    gradient = network.grads.copy()
    for i in range(network.params.size):
        kept = network.params[i]
        network.params[i] = kept + step
        above = add(penalty, network, 5)
        network.params[i] = kept - step
        slope = (above - add(penalty, network, 5)) / (2 * step)
        network.params[i] = kept
        assert gradient[i] == pytest.approx(1 + slope)
    assert all((layer.db == 1).all() for layer in network.affine_layers)


def test_the_penalty_of_rows_adds_up(network):
    """The terms and gradients of some rows and of the others are those of all."""
    network.grads[:] = 0
    spans = (0, 8), (8, len(network.params))  # two rows of the first W, and all the others
    parts = sum(L2(0.3).after_gradient(shard(network, *span), 5) for span in spans)
    halves = network.grads.copy()
    network.grads[:] = 0
    assert parts == pytest.approx(add(L2(0.3), network, 5))
    assert np.array_equal(halves, network.grads)


def test_the_penalty_stays_in_single_precision():
    """In float32 the gradient is float32, and the weights are only read."""
    network = Network([Affine(3, 2)], random_state=0)
    before = network.params.copy()
    add(L2(0.3), network, 5)
    assert network.grads.dtype == np.float32
    assert np.array_equal(network.params, before)


def test_blocks_of_the_penalty_change_nothing(network, monkeypatch):
    """However many weights are worked on at once, value and gradient are the same bytes."""
    whole = add(L2(0.3), network, 5), network.grads.tobytes()
    network.grads[:] = 0
    monkeypatch.setattr("pipeline.network.regularizers.BLOCK", 5)
    assert (add(L2(0.3), network, 5), network.grads.tobytes()) == whole


FACTORS = np.array([0.1, 1, 2, 5, 20, 0])


def layer_of_lengths(dtype=np.float64):
    """Return a layer whose columns are of very different length."""
    layer = Network([Affine(8, len(FACTORS))], dtype=dtype, random_state=0).affine_layers[0]
    layer.W *= (FACTORS / np.linalg.norm(layer.W, axis=0)).astype(dtype)
    return layer


def projected(W, limit):
    """Return the formula, column by column."""
    return np.column_stack([w * min(1, limit / max(np.linalg.norm(w), 1e-300)) for w in W.T])


@pytest.mark.parametrize("limit", [0.01, 1.5, 3, 100])
def test_max_norm_is_its_formula(limit):
    """Columns that are too long get the limit's length and keep their direction."""
    layer = layer_of_lengths()
    wanted = projected(layer.W, limit)
    MaxNorm(limit).apply(layer)
    np.testing.assert_allclose(layer.W, wanted, rtol=1e-12)
    assert np.linalg.norm(layer.W, axis=0).max() <= limit * (1 + 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_within_the_limit_stay_to_the_last_bit(dtype):
    """However often it is applied; and so do the biases."""
    layer = layer_of_lengths(dtype)
    before, b = layer.W.copy(), layer.b.copy()
    for _ in range(3):
        MaxNorm(3.3).apply(layer)
    short = FACTORS < 3
    assert np.array_equal(layer.W[:, short], before[:, short])
    assert not np.array_equal(layer.W[:, ~short], before[:, ~short])
    assert np.array_equal(layer.b, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_units_in_shares_are_all_units(dtype):
    """Some units, then the others, give what all at once do; a share may be empty."""
    whole, cut = layer_of_lengths(dtype), layer_of_lengths(dtype)
    MaxNorm(1.5).apply(whole)
    for units in (slice(0, 4), slice(4, 4), slice(4, None)):
        before = cut.W.copy()
        MaxNorm(1.5).apply(cut, units)
        others = np.ones(len(FACTORS), bool)
        others[units] = False
        assert np.array_equal(cut.W[:, others], before[:, others])
    np.testing.assert_allclose(cut.W, whole.W, rtol=1e-6)


def test_where_nothing_is_too_long_nothing_is_written():
    """Weights that cannot be written are no obstacle then, and an error otherwise."""
    layer = layer_of_lengths()
    layer.W.flags.writeable = False
    MaxNorm(100).apply(layer)
    with pytest.raises(ValueError, match="read-only"):
        MaxNorm(1).apply(layer)


def test_max_norm_writes_into_the_network():
    """The projected weights are the network's parameters."""
    network = Network([Affine(3, 2)], random_state=0)
    network.params[:] = 5
    MaxNorm(1).apply(network.affine_layers[0])
    np.testing.assert_allclose(network.params, [*[3**-0.5] * 6, 5, 5], rtol=1e-6)
    assert network.params.dtype == np.float32


@pytest.mark.parametrize("limit", [0, -1, np.nan])
def test_max_norm_refuses_what_is_out_of_range(limit):
    """The message names the parameter."""
    with pytest.raises(ValueError, match="limit must be a number > 0"):
        MaxNorm(limit)


def test_max_norm_shows_what_it_is():
    """Its text is the call that makes it."""
    assert repr(MaxNorm(3)) == "MaxNorm(3)"


EPSILON = 0.2
Z = np.random.default_rng(0).normal(size=(6, 3))
TARGETS = {"softmax": np.eye(3)[[0, 1, 2, 2, 1, 0]], "logistic": np.array([[1.0, 0, 1], [0, 0, 0]] * 3)}
CLASSES = {"softmax": 3, "logistic": 2}
WEIGHTS = {"none": None, "some": np.array([0.5, 1, 2, 0, 3, 0.25])}


def smoothed(name):
    """Return the formula: an epsilon of every target goes to all classes alike."""
    return (1 - EPSILON) * TARGETS[name] + EPSILON / CLASSES[name]


def smoothing(name, epsilon=EPSILON):
    """Return a wrapped loss."""
    return LabelSmoothing(LOSSES[name](), epsilon)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", LOSSES)
def test_smoothing_is_the_loss_of_smoothed_targets(name, weight):
    """Loss, gradient and each sample's loss are those of the plain loss for the smoothed targets."""
    plain, loss, Y, w = LOSSES[name](), smoothing(name), TARGETS[name], WEIGHTS[weight]
    P = loss.predictions(Z)
    assert np.array_equal(P, plain.predictions(Z))
    np.testing.assert_allclose(loss.sample_losses(P, Y), plain.sample_losses(P, smoothed(name)))
    assert loss.value(P, Y, w) == pytest.approx(plain.value(P, smoothed(name), w))
    np.testing.assert_allclose(
        loss.gradient(P, Y, w, total=9), plain.gradient(P, smoothed(name), w, total=9), atol=1e-15
    )


@pytest.mark.parametrize("name", LOSSES)
def test_a_network_with_smoothing_has_the_right_gradient(name):
    """All parameters agree with central differences."""
    network = Network([Affine(4, 5), Sigmoid(), Affine(5, 3)], smoothing(name), dtype=np.float64, random_state=0)
    X = np.random.default_rng(0).random((6, 4))
    network.gradient(X, TARGETS[name])
    got = network.grads.copy()
    np.testing.assert_allclose(got, numerical_gradient(network, network.params, X, TARGETS[name]), rtol=0, atol=1e-9)


def test_one_output_is_of_two_classes():
    """A single yes or no is drawn towards a half, not towards yes."""
    loss = smoothing("logistic")
    np.testing.assert_allclose(loss.smooth(np.array([[0.0], [1.0]])), [[0.1], [0.9]])


@pytest.mark.parametrize("name", LOSSES)
def test_smoothing_leaves_what_is_right(name):
    """Probabilities, what is correct and the activation are those of the wrapped loss, and Y is only read."""
    plain, loss, Y = LOSSES[name](), smoothing(name), TARGETS[name].copy()
    P = loss.predictions(Z)
    assert np.array_equal(P, plain.predictions(Z))
    buffer = np.empty_like(Z)
    assert loss.predictions(Z, out=buffer) is buffer
    assert np.array_equal(loss.correct(P, Y), plain.correct(P, Y))
    assert loss.activation == name
    assert loss.unsmoothed is loss.loss
    loss.gradient(P, Y)
    assert np.array_equal(Y, TARGETS[name])


@pytest.mark.parametrize("name", LOSSES)
def test_no_smoothing_is_the_plain_loss(name):
    """With an epsilon of 0 nothing changes, to the last bit."""
    plain, loss, Y = LOSSES[name](), smoothing(name, 0), TARGETS[name]
    P = plain.predictions(Z)
    assert loss.value(P, Y) == plain.value(P, Y)
    assert np.array_equal(loss.gradient(P, Y), plain.gradient(P, Y))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_smoothing_keeps_the_type_of_numbers(name, dtype):
    """float32 in, float32 out; the worst mistake costs a finite sum."""
    loss, Y = smoothing(name), TARGETS[name].astype(dtype)
    P = loss.predictions((Z * 1e6).astype(dtype))
    assert np.isfinite(loss.value(P, Y))
    arrays = P, loss.smooth(Y), loss.sample_losses(P, Y), loss.gradient(P, Y)
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_no_memory(name):
    """Whatever batch it has seen, it is as it was, so that threads may share it."""
    loss = smoothing(name)
    before = dict(vars(loss)), dict(vars(loss.loss))
    loss.forward_backward(Z.copy(), np.empty_like(Z), TARGETS[name], None, len(Z))
    loss.value(loss.predictions(Z), TARGETS[name])
    assert (vars(loss), vars(loss.loss)) == before


@pytest.mark.parametrize("epsilon", [-0.1, 1, np.nan])
def test_smoothing_refuses_what_is_out_of_range(epsilon):
    """The message names the parameter, what it may be and what it was."""
    with pytest.raises(ValueError, match="epsilon must be a number >= 0 and < 1"):
        smoothing("softmax", epsilon)


def test_smoothing_shows_what_it_is():
    """Its text is the call that makes it."""
    assert repr(smoothing("softmax")) == "LabelSmoothing(SoftmaxCrossEntropy(), 0.2)"
