"""Batch normalisation: its formula, its gradient, its state, and its parts."""

import copy
import pickle

import numpy as np
import pytest

from pipeline.network import Affine, BatchNorm, Network, ReLU, SigmoidCrossEntropy, SoftmaxCrossEntropy, Tanh
from pipeline.network.gradient_check import numerical_gradient

N, WIDTH = 7, 6


def made(dtype=np.float64, **options):
    """Return a layer whose parameters are neither 0 nor 1."""
    layer = BatchNorm(WIDTH, **options)
    layer.bind(*({name: np.zeros(WIDTH, dtype) for name in ("gamma", "beta")} for _ in range(2)))
    layer.initialize(np.random.default_rng(0))
    layer.gamma[:], layer.beta[:] = np.linspace(0.5, 2, WIDTH), np.linspace(-1, 1, WIDTH)
    return layer


def batch(seed=0, n=N, dtype=np.float64):
    """Return a batch far from mean 0 and variance 1."""
    return (np.random.default_rng(seed).normal(size=(n, WIDTH)) * np.arange(1, WIDTH + 1) + 3).astype(dtype)


def normalized(layer, X, mean, variance):
    """Return the formula."""
    return layer.gamma * (X - mean) / np.sqrt(variance + layer.epsilon) + layer.beta


def test_training_is_the_formula():
    """The mean and the variance are those of the batch, the variance divided by n."""
    layer, X = made(), batch()
    np.testing.assert_allclose(layer.forward(X, training=True), normalized(layer, X, X.mean(axis=0), X.var(axis=0)))


def test_prediction_is_the_formula_of_the_running_statistics():
    """Means of the batches so far, each counting 1 - rho, the variance divided by n - 1; and prediction moves none."""
    layer, mean, variance = made(rho=0.75), 0, 1
    for seed in range(3):
        X = batch(seed)
        layer.forward(X, training=True)
        mean, variance = 0.75 * mean + 0.25 * X.mean(axis=0), 0.75 * variance + 0.25 * X.var(axis=0, ddof=1)
    before, X = dict(vars(layer)), batch(9)
    for _ in range(2):
        np.testing.assert_allclose(layer.forward(X), normalized(layer, X, mean, variance))
    assert vars(layer) == before


def test_backward_is_the_derivative_of_forward():
    """dX, dgamma and dbeta agree with central differences, through the batch's mean and variance."""
    layer, X = made(), batch()
    layer.forward(X, training=True)
    dY, step = np.random.default_rng(1).normal(size=X.shape), 1e-6
    dX = layer.backward(dY)
    got = [dX, layer.dgamma.copy(), layer.dbeta.copy()]
    for values, gradient in zip((X, layer.gamma, layer.beta), got, strict=True):
        wanted = np.empty_like(values)
        for index in np.ndindex(values.shape):
            kept, sums = values[index], []
            for values[index] in (kept + step, kept - step):
                sums.append((dY * layer.forward(X, training=True)).sum())
            values[index] = kept
            wanted[index] = (sums[0] - sums[1]) / (2 * step)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy, SigmoidCrossEntropy])
@pytest.mark.parametrize("activation", [ReLU, Tanh])
def test_a_network_with_it_has_the_right_gradient(loss, activation):
    """All parameters, gamma and beta among them, agree with central differences, before a layer and after one."""
    layers = [BatchNorm(4), Affine(4, 5, bias=False), BatchNorm(5), activation(), Affine(5, 3)]
    network = Network(layers, loss(), dtype=np.float64, random_state=0)
    X, Y = np.random.default_rng(0).random((6, 4)), np.eye(3)[[0, 1, 2, 2, 1, 0]]
    network.params += np.random.default_rng(1).normal(size=network.params.size) * 0.1
    network.gradient(X, Y)
    got = network.grads.copy()
    np.testing.assert_allclose(got, numerical_gradient(network, network.params, X, Y), rtol=0, atol=1e-8)


def test_parameters_alone():
    """Without dX, the gradients of gamma and beta are the same."""
    layer, dY = made(), batch(1)
    layer.forward(batch(), training=True)
    layer.backward_input(dY)
    wanted = layer.dgamma.copy(), layer.dbeta.copy()
    layer.dgamma[:], layer.dbeta[:] = np.nan, np.nan
    layer.backward_parameters(dY)
    assert np.array_equal((layer.dgamma, layer.dbeta), wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, N])
def test_the_type_of_numbers_stays(dtype, n):
    """float32 in, float32 out, in both directions, the gradients and the state; float64 likewise."""
    layer, X = made(dtype), batch(n=n, dtype=dtype)
    Y = layer.forward(X, training=True)
    arrays = [Y, layer.backward(np.ones_like(Y)), layer.forward(X), layer.centred, layer.inverse_std]
    assert {array.dtype for array in (*arrays, layer.dgamma, layer.mean, layer.variance)} == {np.dtype(dtype)}


def test_nothing_is_written_over_without_out():
    """Neither the input nor the gradient from above changes, and backward may be asked twice."""
    layer, X, dY = made(), batch(), batch(1)
    Y = layer.forward(X, training=True)
    kept = Y.copy()
    assert np.array_equal(layer.backward(dY), layer.backward(dY))
    assert np.array_equal(X, batch())
    assert np.array_equal(dY, batch(1))
    assert np.array_equal(Y, kept)


@pytest.mark.parametrize("training", [False, True])
def test_it_works_in_place_on_columns_of_a_wider_array(training):
    """Written over a slice, both directions give the same numbers, and the other columns stay."""
    layer, wide, wide_back = made(), np.full((N, 3 * WIDTH), 7.0), np.full((N, 3 * WIDTH), 7.0)
    mine = slice(WIDTH, 2 * WIDTH)
    wide[:, mine], wide_back[:, mine] = batch(), batch(1)
    Y = layer.forward(batch(), training=training)
    assert layer.forward(wide[:, mine], out=wide[:, mine], training=training) is not wide
    np.testing.assert_allclose(wide[:, mine], Y, rtol=1e-12)
    if training:
        dX = layer.backward(batch(1))
        layer.backward(wide_back[:, mine], out=wide_back[:, mine])
        np.testing.assert_allclose(wide_back[:, mine], dX, rtol=1e-12)
    for array in (wide, wide_back):
        array[:, mine] = 7
        assert (array == 7).all()


@pytest.mark.parametrize("n", [1, N])
def test_parts_are_the_whole(n):
    """Two layers for some of the units each leave what one does, in its own parameters' gradients and state."""
    whole, cut, X, dY = made(), made(), batch(n=n), batch(1, n)
    shares = [slice(0, 2), slice(2, WIDTH)]
    parts = [cut.shard(outputs=units) for units in shares]
    for layer in (whole, *parts):
        layer.begin_recompute()
    Y = np.hstack([part.forward(X[:, units], training=True) for part, units in zip(parts, shares, strict=True)])
    dX = np.hstack([part.backward(dY[:, units]) for part, units in zip(parts, shares, strict=True)])
    np.testing.assert_allclose(Y, whole.forward(X, training=True), rtol=1e-12)
    np.testing.assert_allclose(dX, whole.backward(dY), rtol=1e-10, atol=1e-12)
    for name in ("dgamma", "dbeta", "mean", "variance"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), rtol=1e-10)
    assert [part.n_units for part in parts] == [2, WIDTH - 2]


@pytest.mark.parametrize("units", [slice(None), slice(1, 4)])
def test_a_shadow_leaves_no_trace(units):
    """It normalises by its own batch, with the layer's parameters as they are now, and moves no running statistics."""
    layer, X = made().shard(outputs=units), batch()[:, units]
    layer.forward(X, training=True)
    replica, dY = layer.replica(), batch(1)[:, units]
    layer.gamma += 1
    kept = {name: value.copy() for name, value in vars(layer).items() if isinstance(value, np.ndarray)}
    Y, dX = replica.forward(2 * X, training=True), replica.backward(dY)
    for name, value in kept.items():
        assert np.array_equal(getattr(layer, name), value), name
    np.testing.assert_allclose(Y, layer.forward(2 * X, training=True))
    np.testing.assert_allclose(dX, layer.backward(dY))
    np.testing.assert_allclose((replica.dgamma, replica.dbeta), (layer.dgamma, layer.dbeta))
    assert not np.array_equal(layer.mean, kept["mean"])


def test_a_shadow_of_one_sample_is_normalized_as_the_layer_is():
    """By the running statistics as they are now."""
    layer = made()
    replica = layer.replica()
    layer.forward(batch(), training=True)
    assert np.array_equal(replica.forward(batch(5, 1), training=True), layer.forward(batch(5, 1), training=True))


def test_a_batch_of_one_is_normalized_as_in_prediction():
    """It has no variance: the running statistics serve, and stay; its gradient takes them for fixed."""
    layer = made()
    for seed in range(3):
        layer.forward(batch(seed), training=True)
    kept, X, dY = (layer.mean.copy(), layer.variance.copy()), batch(5, 1), batch(6, 1)
    np.testing.assert_allclose(layer.forward(X, training=True), layer.forward(X), rtol=1e-12)
    assert np.array_equal((layer.mean, layer.variance), kept)
    dX = layer.backward(dY)
    step = 1e-3
    np.testing.assert_allclose(dX * step, layer.forward(X + dY * step) - layer.forward(X), rtol=1e-9)
    np.testing.assert_allclose(layer.dbeta, dY[0])


def test_an_estimate_is_the_mean_of_all_batches():
    """Whatever was there before, every sample counts alike; a batch of one counts nothing; then rho holds again."""
    layer, batches = made(rho=0.5), [batch(1, 4), batch(2, 8), batch(3, 1), batch(4, 4)]
    layer.forward(batch(), training=True)
    layer.begin_recompute()
    for X in batches:
        layer.forward(X, training=True)
    counted = [X for X in batches if len(X) > 1]
    shares = [len(X) for X in counted]
    mean = np.average([X.mean(axis=0) for X in counted], axis=0, weights=shares)
    np.testing.assert_allclose(layer.mean, mean)
    variance = np.average([X.var(axis=0, ddof=1) for X in counted], axis=0, weights=shares)
    np.testing.assert_allclose(layer.variance, variance)
    layer.end_recompute()
    layer.forward(batch(), training=True)
    np.testing.assert_allclose(layer.mean, (mean + batch().mean(axis=0)) / 2)


def test_batches_of_other_sizes_follow_each_other():
    """A smaller or a larger one after another gives what it gives alone."""
    layer = made(rho=0)
    for n in (4, 9, 2, 9, 3):
        fresh = made(rho=0)
        assert np.array_equal(layer.forward(batch(n=n), training=True), fresh.forward(batch(n=n), training=True))
        assert np.array_equal(layer.backward(batch(1, n)), fresh.backward(batch(1, n)))


def test_a_unit_that_never_changes_is_borne():
    """With a variance of 0, Y is beta, and all gradients are finite."""
    layer, X = made(np.float32), np.full((N, WIDTH), 5, np.float32)
    np.testing.assert_allclose(layer.forward(X, training=True), np.tile(layer.beta, (N, 1)))
    assert np.isfinite(layer.backward(batch(dtype=np.float32))).all()


def test_a_far_mean_costs_no_precision():
    """The variance is of X less its mean: in float32 a spread of 1 around 1000 is measured to four digits."""
    X = (1000 + np.random.default_rng(0).normal(size=(256, WIDTH))).astype(np.float32)
    layer = made(np.float32, rho=0)
    layer.forward(X, training=True)
    np.testing.assert_allclose(layer.variance, X.astype(np.float64).var(axis=0, ddof=1), rtol=1e-4)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])  # noqa: S301 - our own bytes
def test_a_copied_network_predicts_the_same(twin_of):
    """The state goes along, as an array of the copy's own."""
    network = Network([Affine(4, WIDTH), BatchNorm(WIDTH), ReLU(), Affine(WIDTH, 2)], random_state=0)
    X, Y = np.random.default_rng(0).random((5, 4), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1]]
    network.gradient(X, Y)
    replica, P = twin_of(network), network.predict_proba(X)
    assert np.array_equal(replica.predict_proba(X), P)
    replica.gradient(X, Y)
    assert np.array_equal(network.predict_proba(X), P)
    assert not np.array_equal(replica.predict_proba(X), P)


def test_an_unbound_copy_has_configuration_and_state_of_its_own():
    """No parameters, no batch; what moves one's running statistics leaves the other's; and none are made up."""
    layer = made(rho=0.5)
    copied = layer.unbound()
    layer.forward(batch(), training=True)
    assert set(vars(copied)) == {"n_units", "rho", "epsilon", "n_seen", "updates_statistics", "mean", "variance"}
    assert np.array_equal((copied.mean, copied.variance), (np.zeros(WIDTH), np.ones(WIDTH)))
    assert "mean" not in vars(BatchNorm(3).unbound())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": 1}, "rho must be a number >= 0 and < 1; got 1"),
        ({"rho": -0.1}, "rho must be"),
        ({"rho": np.nan}, "rho must be"),
        ({"epsilon": 0}, "epsilon must be a number > 0; got 0"),
    ],
)
def test_what_is_out_of_range_is_refused(options, message):
    """The message names the parameter, what it may be and what it was."""
    with pytest.raises(ValueError, match=message):
        BatchNorm(3, **options)


def test_it_shows_what_it_is():
    """Its text is the call that makes it, and it needs all samples of a batch at once."""
    assert repr(BatchNorm(3)) == "BatchNorm(3, rho=0.9, epsilon=1e-05)"
    assert BatchNorm.mixes_samples
