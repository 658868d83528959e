"""Layers put together: buffers, gradients of the whole, predictions, and what a copy holds."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.network import (
    ACTIVATIONS,
    LOSSES,
    Affine,
    BatchNorm,
    Dropout,
    GaussianNoise,
    Layer,
    Network,
    ReLU,
    SigmoidCrossEntropy,
    Tanh,
)
from pipeline.network.shards import layout

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 5))
TARGETS = {"softmax": np.eye(3)[rng.integers(3, size=7)], "logistic": rng.integers(2, size=(7, 3)).astype(float)}
WEIGHT = np.array([1, 2, 0.5, 0, 1, 3, 1])
TWICE = Affine(5, 5)


def stacked(*, activation="tanh", output="softmax", dropout=(), bias=True, dtype=np.float64):
    """Return a network of two hidden layers; ``dropout`` says before which affine layers units are dropped."""
    widths, layers = [5, 6, 4, 3], []
    for index in range(3):
        layers += [Dropout(0.3)] if index in dropout else []
        layers += [Affine(widths[index], widths[index + 1], bias=bias), ACTIVATIONS[activation]()]
    return Network(layers[:-1], LOSSES[output](), dtype=dtype, random_state=1)


class Scale(Layer):
    """Y = g X, elementwise: a user's own layer, with parameters."""

    def __init__(self, width):
        self.width = width

    def parameter_shapes(self):
        return {"g": (self.width,)}

    def initialize(self, rng):
        self.g[:] = rng.uniform(0.5, 1.5, self.width)

    def forward(self, X, *, out=None, cache=None):
        if cache is not None:
            cache.X = X.copy()
        return np.multiply(X, self.g, out=out)

    def backward(self, dY, cache, *, out=None):
        self.dg[:] = (cache.X * dY).sum(axis=0)
        return np.multiply(dY, self.g, out=out)


def rows(network, n):
    """Return loss and gradient of the first ``n`` samples."""
    loss = network.gradient(X[:n].astype(network.dtype), TARGETS["softmax"][:n].astype(network.dtype))
    return loss, network.grads.copy()


def slopes(network, loss, step=1e-5):
    """Return the gradient of a function of the network by central differences."""
    found = np.empty_like(network.params)
    for index, kept in enumerate(network.params.copy()):
        network.params[index] = kept + step
        above = loss()
        network.params[index] = kept - step
        found[index] = (above - loss()) / (2 * step)
        network.params[index] = kept
    return found


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dropout", [(), (0,), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("output", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_agree_with_central_differences(activation, output, weight, dropout, bias):
    """For every activation and output, weighted or not, dropout anywhere, biases or none: within 1e-9 on average."""
    network, Y = stacked(activation=activation, output=output, dropout=dropout, bias=bias), TARGETS[output]
    drawn = network.rng.bit_generator.state

    def loss():
        network.rng.bit_generator.state = drawn
        return network.gradient(X, Y, weight)

    network.gradient(X, Y, weight)
    got = network.grads.copy()
    assert np.abs(got - slopes(network, loss)).mean() < 1e-9
    assert np.abs(got).mean() > 1e-4


def test_layers_see_the_networks_buffers():
    """What a layer calls W and dW are views, in the order of the layers, and fill the buffers without a gap."""
    network = stacked()
    named = list(network.named_parameters())
    assert [name for name, _, _ in named] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    network.params[:] = np.arange(network.params.size)
    network.grads[:] = -network.params
    assert np.array_equal(np.concatenate([values.ravel() for _, values, _ in named]), network.params)
    assert np.array_equal(np.concatenate([gradient.ravel() for _, _, gradient in named]), network.grads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_precision_throughout(dtype):
    """Parameters, gradients and predictions have the network's type."""
    network = stacked(dtype=dtype)
    rows(network, 7)
    P = network.predict(X.astype(dtype))
    assert {network.params.dtype, network.grads.dtype, P.dtype} == {np.dtype(dtype)}


def test_precisions_start_alike():
    """float32 begins from float64's weights, rounded."""
    assert np.array_equal(stacked(dtype=np.float32).params, stacked().params.astype(np.float32))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_batches_of_any_size_leave_nothing_behind(activation):
    """After larger and smaller batches, a batch has the loss and the gradient that it has in a new network."""
    used = stacked(activation=activation)
    for n in (3, 7, 1, 5):
        loss, gradient = rows(used, n)
        fresh_loss, fresh_gradient = rows(stacked(activation=activation), n)
        assert loss == fresh_loss
        assert np.array_equal(gradient, fresh_gradient)


def test_inputs_and_targets_are_only_read():
    """Training and prediction leave X and Y as they were; both may be read-only."""
    frozen, Y = X.copy(), TARGETS["softmax"].copy()
    frozen.flags.writeable = Y.flags.writeable = False
    for dropout in ((), (0,)):
        network = stacked(dropout=dropout)
        network.gradient(frozen, Y)
        network.predict(frozen)
    assert np.array_equal(frozen, X)


def test_evaluating_is_predicting_and_costing():
    """`evaluate` is the loss of `predict`, changes no gradient and draws nothing."""
    network, Y = stacked(dropout=(0, 1)), TARGETS["softmax"]
    network.grads[:] = 5
    drawn = network.rng.bit_generator.state
    wanted = -(WEIGHT * np.log(network.predict(X)[Y == 1])).sum() / WEIGHT.sum()
    assert network.evaluate(X, Y, WEIGHT) == pytest.approx(wanted)
    assert (network.grads == 5).all()
    assert network.rng.bit_generator.state == drawn


def test_no_hidden_layer_is_a_network_too():
    """An affine layer alone is logistic regression, whose gradient is X^T (P - Y) / n."""
    network, Y = Network([Affine(5, 3)], dtype=np.float64, random_state=0), TARGETS["softmax"]
    network.gradient(X, Y)
    np.testing.assert_allclose(network.affine_layers[0].dW, X.T @ (network.predict(X) - Y) / 7)


@pytest.mark.parametrize(
    "layers",
    [
        [Affine(5, 4), ReLU(), Tanh(), Affine(4, 3)],
        [Affine(5, 4), Dropout(0.3), ReLU(), Dropout(0.2), Affine(4, 3)],
        [Tanh(), Affine(5, 4), Affine(4, 3)],
        [Dropout(0.2), ReLU(), Affine(5, 3)],
        [Affine(5, 4), Scale(4), Tanh(), Scale(4), Affine(4, 3)],
        [Dropout(0.2), Scale(5), Affine(5, 4), Tanh(), Affine(4, 3)],
    ],
    ids=str,
)
def test_bricks_go_together_in_any_order(layers):
    """Whatever stands beside what, no layer writes over what another needs."""
    network = Network(layers, dtype=np.float64, random_state=0)
    drawn = network.rng.bit_generator.state

    def loss():
        network.rng.bit_generator.state = drawn
        return network.gradient(X, TARGETS["softmax"])

    network.gradient(X, TARGETS["softmax"])
    got = network.grads.copy()
    assert np.abs(got - slopes(network, loss)).max() < 1e-8


def test_a_layer_without_parameters_may_occur_twice():
    """It has no memory: its two places have the gradient of two layers."""
    activation = Tanh()
    once, twice = (
        Network([Affine(5, 4), *pair[:1], Affine(4, 4), *pair[1:], Affine(4, 3)], dtype=np.float64, random_state=0)
        for pair in ((Tanh(), Tanh()), (activation, activation))
    )
    assert once.gradient(X, TARGETS["softmax"]) == twice.gradient(X, TARGETS["softmax"])
    assert np.array_equal(once.grads, twice.grads)


def test_threads_may_predict_at_once():
    """Prediction keeps nothing in the network, so eight threads get what one gets."""
    network = stacked(activation="gelu", dropout=(0, 1))
    batches = [np.random.default_rng(seed).normal(size=(200, 5)) for seed in range(32)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(network.predict, batches))
    assert all(np.array_equal(P, network.predict(batch)) for P, batch in zip(found, batches, strict=True))


@pytest.mark.parametrize("replica", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])  # noqa: S301 - our own bytes
def test_a_copy_goes_its_own_way(replica):
    """It has the parameters, the views and the generator, and shares none of them."""
    network = stacked(dropout=(1,))
    rows(network, 7)
    other = replica(network)
    assert np.array_equal(other.params, network.params)
    assert rows(other, 7)[0] == rows(network, 7)[0]
    other.affine_layers[0].W[:] = 0
    assert (other.params[:30] == 0).all()
    assert not (network.params[:30] == 0).any()


def test_a_pickle_holds_the_parameters_once():
    """Neither gradients nor batches are kept: a pickle is little more than the parameters."""
    network = Network([Affine(100, 100), ReLU(), Affine(100, 10)], random_state=0)
    network.gradient(np.ones((500, 100), np.float32), np.ones((500, 10), np.float32))
    assert len(pickle.dumps(network)) < network.params.nbytes + 3000


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], r"the last layer must be an Affine; got \[\]"),
        ([Affine(5, 3), ReLU()], "the last layer must be an Affine"),
        ([Affine(5, 4), ReLU(), Affine(3, 2)], r"Affine\(3, 2\) cannot follow Affine\(5, 4\): it takes 3 inputs"),
        ([TWICE, ReLU(), TWICE, Affine(5, 3)], "a layer with parameters cannot occur twice"),
        ([Affine(5, 4), ReLU, Affine(4, 2)], r"a network is made of layers, such as ReLU\(\), and a Loss; got <class"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, message):
    """Widths must agree, parameters stand in one place, and an affine layer stands last."""
    with pytest.raises((ValueError, TypeError), match=message):
        Network(layers)


@pytest.mark.parametrize("loss", ["softmax", SigmoidCrossEntropy])
def test_a_loss_is_a_brick(loss):
    """Neither its name nor its class."""
    with pytest.raises(TypeError, match=r"made of layers, such as ReLU\(\), and a Loss; got ['<]"):
        Network([Affine(5, 3)], loss)


def test_places_in_the_buffers_are_those_of_the_weights():
    """Layers of a user's own have views of the buffers as well."""
    network = Network([Scale(5), Affine(5, 4), Scale(4), Affine(4, 3)], random_state=0)
    for _, layer, start in layout(network.layers):
        assert np.shares_memory(network.params[start : start + 1], layer.W)


def test_a_batch_of_any_type_is_taken():
    """Lists, and numbers of another precision, are brought to the network's."""
    network = stacked(dtype=np.float32)
    assert network.gradient(X.tolist(), TARGETS["softmax"]) == rows(network, 7)[0]
    assert network.evaluate(X, TARGETS["softmax"].astype(int)) == rows(network, 7)[0]


@pytest.mark.parametrize("Y", [np.zeros(3), np.zeros((3, 1)), np.zeros((1, 3)), np.zeros((2, 3))])
@pytest.mark.parametrize("method", ["gradient", "evaluate"])
def test_targets_of_another_shape_are_refused(method, Y):
    """Labels in place of one-hot rows would be stretched to the shape of the outputs without a word."""
    with pytest.raises(ValueError, match=r"got \(3, 5\) and \("):
        getattr(stacked(), method)(X[:3], Y)


def test_samples_of_another_width_are_refused():
    """The error says what a batch is."""
    with pytest.raises(ValueError, match=r"a batch is X of shape \(n_samples, 5\), and Y of shape"):
        stacked().gradient(X[:, :4], TARGETS["softmax"])


def test_it_shows_its_layers():
    """The text names the layers and the loss."""
    network = Network([Affine(4, 2, bias=False), ReLU(), Affine(2, 1)], SigmoidCrossEntropy())
    assert repr(network) == "Network(Affine(4, 2, bias=False), ReLU(), Affine(2, 1), SigmoidCrossEntropy)"


def normalised():
    """Return a network with batch normalisation and noise."""
    layers = [Affine(4, 5, bias=False), BatchNorm(5), GaussianNoise(0.5), ReLU(), Affine(5, 3)]
    return Network(layers, dtype=np.float64, random_state=0)


def test_a_snapshot_is_all_that_was_learned():
    """Going back to it brings back parameters and running statistics, and one of another network is refused."""
    network, data = normalised(), np.random.default_rng(0).normal(size=(9, 4))
    before, P = network.snapshot(), network.predict(data)
    network.gradient(data, np.eye(3)[np.arange(9) % 3])
    network.params += 1
    assert not np.allclose(network.predict(data), P)
    network.restore(before)
    assert np.array_equal(network.predict(data), P)
    with pytest.raises(ValueError, match="has a snapshot of shape"):
        network.restore(before[1:])


def test_statistics_are_estimated_with_the_weights_as_they_are():
    """They are the mean over the batches, each with its own mean and variance, and no noise is on."""
    network, data = normalised(), np.random.default_rng(0).normal(size=(40, 4))
    Z = data @ network.layers[0].W
    network.recompute_statistics([data[:20], data[20:]])
    layer = network.layers[1]
    np.testing.assert_allclose(layer.mean, Z.mean(axis=0))
    np.testing.assert_allclose(layer.variance, (Z[:20].var(axis=0, ddof=1) + Z[20:].var(axis=0, ddof=1)) / 2)
    plain = Network([Affine(4, 3)], random_state=0)
    plain.recompute_statistics(iter([]))


@pytest.mark.parametrize(
    ("before", "in_training", "else_"),
    [([], True, True), ([Dropout(0.1)], False, True), ([ReLU()], False, False), ([BatchNorm(4)], False, False)],
)
def test_sparse_rows_may_come_to_an_affine_layer_alone(before, in_training, else_):
    """What draws in training only hands them on in prediction; what changes every number needs all of them."""
    network = Network([*before, Affine(4, 2)])
    assert (network.accepts_sparse(training=True), network.accepts_sparse(training=False)) == (in_training, else_)
