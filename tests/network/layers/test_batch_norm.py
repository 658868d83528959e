"""Batch normalisation: its formula, its gradient, its state, and its parts."""

import copy
import pickle

import numpy as np
import pytest

from pipeline.network import Affine, BatchNorm, Network, ReLU, SigmoidCrossEntropy, SoftmaxCrossEntropy, Tanh
from pipeline.network.gradient_check import numerical_gradient
from pipeline.network.layers import Cache

N, WIDTH = 7, 6


def made(dtype=np.float64, **options):
    """Return a layer whose parameters are neither 0 nor 1."""
    layer = BatchNorm(WIDTH, **options)
    layer.bind(*({name: np.zeros(WIDTH, dtype) for name in ("gamma", "beta")} for _ in range(2)))
    layer.initialize(np.random.default_rng(0))
    layer.gamma[:], layer.beta[:] = np.linspace(0.5, 2, WIDTH), np.linspace(-1, 1, WIDTH)
    return layer


def followed(layer, X):
    """Go forward with a batch in training, have the running statistics follow it, and return Y and the cache."""
    cache = Cache()
    Y = layer.forward(X, cache=cache)
    layer.update_statistics(cache)
    return Y, cache


def batch(seed=0, n=N, dtype=np.float64):
    """Return a batch far from mean 0 and variance 1."""
    return (np.random.default_rng(seed).normal(size=(n, WIDTH)) * np.arange(1, WIDTH + 1) + 3).astype(dtype)


def normalized(layer, X, mean, variance):
    """Return the formula."""
    return layer.gamma * (X - mean) / np.sqrt(variance + layer.epsilon) + layer.beta


def test_training_is_the_formula():
    """The mean and the variance are those of the batch, the variance divided by n."""
    layer, X = made(), batch()
    np.testing.assert_allclose(layer.forward(X, cache=Cache()), normalized(layer, X, X.mean(axis=0), X.var(axis=0)))


def test_prediction_is_the_formula_of_the_running_statistics():
    """Means of the batches so far, each counting 1 - rho, the variance divided by n - 1; and prediction moves none."""
    layer, mean, variance = made(rho=0.75), 0, 1
    for seed in range(3):
        X = batch(seed)
        followed(layer, X)
        mean, variance = 0.75 * mean + 0.25 * X.mean(axis=0), 0.75 * variance + 0.25 * X.var(axis=0, ddof=1)
    before, X = dict(vars(layer)), batch(9)
    for _ in range(2):
        np.testing.assert_allclose(layer.forward(X), normalized(layer, X, mean, variance))
    assert vars(layer) == before


def test_backward_is_the_derivative_of_forward():
    """dX, dgamma and dbeta agree with central differences, through the batch's mean and variance."""
    layer, X = made(), batch()
    _, cache = followed(layer, X)
    dY, step = np.random.default_rng(1).normal(size=X.shape), 1e-6
    dX = layer.backward(dY, cache)
    got = [dX, layer.dgamma.copy(), layer.dbeta.copy()]
    for values, gradient in zip((X, layer.gamma, layer.beta), got, strict=True):
        wanted = np.empty_like(values)
        for index in np.ndindex(values.shape):
            kept, sums = values[index], []
            for values[index] in (kept + step, kept - step):
                sums.append((dY * layer.forward(X, cache=Cache())).sum())
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, N])
def test_the_type_of_numbers_stays(dtype, n):
    """float32 in, float32 out, in both directions, the gradients and the state; float64 likewise."""
    layer, X = made(dtype), batch(n=n, dtype=dtype)
    Y, cache = followed(layer, X)
    arrays = [Y, layer.backward(np.ones_like(Y), cache), layer.forward(X), cache.centred, cache.inverse_std]
    assert {array.dtype for array in (*arrays, layer.dgamma, layer.mean, layer.variance)} == {np.dtype(dtype)}


def test_nothing_is_written_over_without_out():
    """Neither the input nor the gradient from above changes, and backward may be asked twice."""
    layer, X, dY = made(), batch(), batch(1)
    Y, cache = followed(layer, X)
    kept = Y.copy()
    assert np.array_equal(layer.backward(dY, cache), layer.backward(dY, cache))
    assert np.array_equal(X, batch())
    assert np.array_equal(dY, batch(1))
    assert np.array_equal(Y, kept)


@pytest.mark.parametrize("training", [False, True])
def test_it_works_in_place_on_columns_of_a_wider_array(training):
    """Written over a slice, both directions give the same numbers, and the other columns stay."""
    layer, wide, wide_back = made(), np.full((N, 3 * WIDTH), 7.0), np.full((N, 3 * WIDTH), 7.0)
    mine = slice(WIDTH, 2 * WIDTH)
    wide[:, mine], wide_back[:, mine] = batch(), batch(1)
    cache = Cache() if training else None
    Y = layer.forward(batch(), cache=cache)
    assert layer.forward(wide[:, mine], out=wide[:, mine], cache=cache) is not wide
    np.testing.assert_allclose(wide[:, mine], Y, rtol=1e-12)
    if training:
        dX = layer.backward(batch(1), cache)
        layer.backward(wide_back[:, mine], cache, out=wide_back[:, mine])
        np.testing.assert_allclose(wide_back[:, mine], dX, rtol=1e-12)
    for array in (wide, wide_back):
        array[:, mine] = 7
        assert (array == 7).all()


@pytest.mark.parametrize("n", [1, N])
def test_shards_are_the_whole(n):
    """Two layers for some of the units each leave what one does, in its own parameters' gradients and state."""
    whole, cut, X, dY = made(), made(), batch(n=n), batch(1, n)
    units = [slice(0, 2), slice(2, WIDTH)]
    shards = [cut.shard(some) for some in units]
    done = [followed(shard, X[:, some]) for shard, some in zip(shards, units, strict=True)]
    dX = [shard.backward(dY[:, some], cache) for shard, some, (_, cache) in zip(shards, units, done, strict=True)]
    Y, cache = followed(whole, X)
    np.testing.assert_allclose(np.hstack([part for part, _ in done]), Y, rtol=1e-12)
    np.testing.assert_allclose(np.hstack(dX), whole.backward(dY, cache), rtol=1e-10, atol=1e-12)
    for name in ("dgamma", "dbeta", "mean", "variance"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), rtol=1e-10)


def test_two_passes_stand_side_by_side():
    """Each goes back by its own batch, whatever the other did; statistics follow where they are told to."""
    layer, dY = made(), batch(1)
    before = layer.mean.copy()
    first, second = Cache(), Cache()
    layer.forward(batch(), cache=first)
    dX = layer.backward(dY, first)
    layer.forward(2 * batch(3), cache=second)
    other = layer.backward(dY, second)
    assert np.array_equal(layer.backward(dY, first), dX)
    assert not np.allclose(other, dX)
    assert np.array_equal(layer.mean, before)


def test_a_batch_of_one_is_normalized_as_in_prediction():
    """It has no variance: the running statistics serve, and stay; its gradient takes them for fixed."""
    layer = made()
    for seed in range(3):
        followed(layer, batch(seed))
    kept, X, dY = (layer.mean.copy(), layer.variance.copy()), batch(5, 1), batch(6, 1)
    Y, cache = followed(layer, X)
    np.testing.assert_allclose(Y, layer.forward(X), rtol=1e-12)
    assert np.array_equal((layer.mean, layer.variance), kept)
    dX = layer.backward(dY, cache)
    step = 1e-3
    np.testing.assert_allclose(dX * step, layer.forward(X + dY * step) - layer.forward(X), rtol=1e-9)
    np.testing.assert_allclose(layer.dbeta, dY[0])


def test_a_step_of_ones_own():
    """Statistics go all the way with a step of 1, and half of it with 1/2, whatever rho says."""
    layer = made(rho=0.9)
    _, cache = followed(layer, batch())
    layer.update_statistics(cache, 1.0)
    np.testing.assert_allclose(layer.mean, batch().mean(axis=0))
    layer.forward(batch(1), cache=cache)
    layer.update_statistics(cache, 0.5)
    np.testing.assert_allclose(layer.mean, (batch().mean(axis=0) + batch(1).mean(axis=0)) / 2)


def test_recomputed_statistics_are_the_mean_of_all_batches():
    """Whatever was there before, every sample counts alike; a batch of one counts nothing; then rho holds again."""
    network = Network([BatchNorm(WIDTH, rho=0.5), Affine(WIDTH, 2)], dtype=np.float64, random_state=0)
    layer, batches = network.layers[0], [batch(3, 1), batch(1, 4), batch(2, 8), batch(3, 1), batch(4, 4)]
    followed(layer, batch())
    network.recompute_statistics(batches)
    counted = [X for X in batches if len(X) > 1]
    sizes = [len(X) for X in counted]
    mean = np.average([X.mean(axis=0) for X in counted], axis=0, weights=sizes)
    np.testing.assert_allclose(layer.mean, mean)
    variance = np.average([X.var(axis=0, ddof=1) for X in counted], axis=0, weights=sizes)
    np.testing.assert_allclose(layer.variance, variance)
    followed(layer, batch())
    np.testing.assert_allclose(layer.mean, (mean + batch().mean(axis=0)) / 2)


def test_batches_of_other_sizes_follow_each_other():
    """A smaller or a larger one after another gives what it gives alone."""
    layer, cache = made(rho=0), Cache()
    for n in (4, 9, 2, 9, 3):
        wanted, fresh = followed(made(rho=0), batch(n=n))
        assert np.array_equal(layer.forward(batch(n=n), cache=cache), wanted)
        assert np.array_equal(layer.backward(batch(1, n), cache), made(rho=0).backward(batch(1, n), fresh))


def test_a_unit_that_never_changes_is_borne():
    """With a variance of 0, Y is beta, and all gradients are finite."""
    layer, X = made(np.float32), np.full((N, WIDTH), 5, np.float32)
    Y, cache = followed(layer, X)
    np.testing.assert_allclose(Y, np.tile(layer.beta, (N, 1)))
    assert np.isfinite(layer.backward(batch(dtype=np.float32), cache)).all()


def test_a_far_mean_costs_no_precision():
    """The variance is of X less its mean: in float32 a spread of 1 around 1000 is measured to four digits."""
    X = (1000 + np.random.default_rng(0).normal(size=(256, WIDTH))).astype(np.float32)
    layer = made(np.float32, rho=0)
    followed(layer, X)
    np.testing.assert_allclose(layer.variance, X.astype(np.float64).var(axis=0, ddof=1), rtol=1e-4)


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])  # noqa: S301 - our own bytes
def test_a_copied_network_predicts_the_same(twin_of):
    """The state goes along, as an array of the copy's own."""
    network = Network([Affine(4, WIDTH), BatchNorm(WIDTH), ReLU(), Affine(WIDTH, 2)], random_state=0)
    X, Y = np.random.default_rng(0).random((5, 4), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1]]
    network.gradient(X, Y)
    replica, P = twin_of(network), network.predict(X)
    assert np.array_equal(replica.predict(X), P)
    replica.gradient(X, Y)
    assert np.array_equal(network.predict(X), P)
    assert not np.array_equal(replica.predict(X), P)


def test_a_copied_layer_has_configuration_and_state_of_its_own():
    """No parameters, which belong to a network; what moves one's running statistics leaves the other's."""
    layer = made(rho=0.5)
    copied = copy.deepcopy(layer)
    followed(layer, batch())
    assert set(vars(copied)) == {"n_units", "rho", "epsilon", "mean", "variance"}
    assert np.array_equal((copied.mean, copied.variance), (np.zeros(WIDTH), np.ones(WIDTH)))
    assert "mean" not in vars(copy.deepcopy(BatchNorm(3)))


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
