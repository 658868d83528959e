"""Gradients by numerical differentiation, and what they compute."""

import numpy as np
import pytest

from pipeline.network import (
    ACTIVATIONS,
    LOSSES,
    REGRESSION_LOSSES,
    SGD,
    Affine,
    BatchNorm,
    Dropout,
    GaussianNoise,
    Huber,
    LabelSmoothing,
    Network,
    Pinball,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
)
from pipeline.network.compiled.engines import ENGINES, backpropagate
from pipeline.network.gradient_check import (
    check_gradients,
    differentiate,
    n_checked,
    numerical_gradient,
    train_numerically,
)
from pipeline.network.shards import ParameterShard

X = np.random.default_rng(0).random((3, 4))
Y = np.eye(2)[[0, 1, 1]]


def small(activation=Sigmoid, *, dtype=np.float64, layers=()):
    """Return a small network."""
    return Network([*layers, Affine(4, 3), activation(), Affine(3, 2)], dtype=dtype, random_state=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_parameter_is_compared(activation):
    """One difference for each W and b, with its shape, and all within 1e-9."""
    differences = check_gradients(small(ACTIVATIONS[activation]), X, Y)
    assert [(one.name, one.shape) for one in differences] == [
        ("W1", (4, 3)),
        ("b1", (3,)),
        ("W2", (3, 2)),
        ("b2", (2,)),
    ]
    assert all(0 <= one.mean <= one.largest < 1e-9 for one in differences)


ENGINE = pytest.mark.parametrize("engine", ENGINES)


@ENGINE
@pytest.mark.parametrize("n", [3, 12], ids=["few samples", "more"])
@pytest.mark.parametrize("layers", [[], [GaussianNoise(0.3), Dropout(0.5)], [BatchNorm(4)]], ids=str)
def test_what_each_engine_trains_by_is_compared(layers, n, engine):
    """Its gradient is that of central differences, for layers with a compiled form and without."""
    needs(engine)
    rng = np.random.default_rng(1)
    some, targets = rng.random((n, 4)), np.eye(2)[rng.integers(2, size=n)]
    for activation in ACTIVATIONS.values():
        network = Network(
            [*layers, Affine(4, 3), activation(), Affine(3, 5), activation(), Affine(5, 2)],
            LabelSmoothing(SoftmaxCrossEntropy(), 0.1),
            dtype=np.float64,
            random_state=2,
        )
        network.params[:] = 0.5 * rng.normal(size=network.params.size)  # so that no unit is at a kink
        before = network.snapshot()
        differences = check_gradients(network, some, targets, engine=engine)
        assert max(one.mean for one in differences) < 1e-9
        assert np.array_equal(network.snapshot(), before)


@ENGINE
def test_the_gradient_of_an_engine_is_that_of_the_network(engine):
    """What an updater goes by is what ``gradient`` leaves; no parameter moves."""
    needs(engine)
    network = small(Tanh)
    network.gradient(X, Y)
    expected, before = network.grads.copy(), network.params.copy()
    network.grads[:] = np.nan
    backpropagate(network, X.tolist(), Y.tolist(), engine)
    np.testing.assert_allclose(network.grads, expected, rtol=1e-12, atol=1e-15)
    assert np.array_equal(network.params, before)


def test_a_compiled_backward_pass_that_is_wrong_is_found(monkeypatch):
    """The check is of the loops that train: a mistake in them shows with engine numba, and with numpy there is none."""
    needs("numba")
    from pipeline.network.compiled import loops

    right = loops.forward_backward

    def wrong(program, rates, params, space, capacity, *rest):
        right(program, rates, params, space, capacity, *rest)
        first = program[0]  # whose dY is doubled
        space[capacity * first[loops.DY] :][: capacity * first[loops.N_OUT]] *= 2

    monkeypatch.setattr(loops, "forward_backward", wrong)
    largest = {one.name: one.largest for one in check_gradients(small(), X, Y, engine="numba")}
    assert min(largest["W1"], largest["b1"]) > 1e-3
    assert max(largest["W2"], largest["b2"]) < 1e-9
    assert max(one.largest for one in check_gradients(small(), X, Y)) < 1e-9


def test_a_compiled_gradient_that_is_wrong_is_found(monkeypatch):
    """So is one in the last product, of the weights."""
    needs("numba")
    from pipeline.network.compiled import loops

    right = loops.gradient

    def wrong(program, parts, params, grads, *rest):
        penalty = right(program, parts, params, grads, *rest)
        grads[:12] *= 1.001
        return penalty

    monkeypatch.setattr(loops, "gradient", wrong)
    largest = {one.name: one.largest for one in check_gradients(small(), X, Y, engine="numba")}
    assert [name for name, difference in largest.items() if difference > 1e-7] == ["W1"]


def needs(engine):
    """Leave a test out where its engine is not installed."""
    if engine == "numba":
        pytest.importorskip("numba", reason="compiled loops need the extra fast")


def test_dropout_drops_the_same_units_in_both():
    """What a layer draws is drawn alike for every difference, and the generator ends where it began."""
    network = small(layers=[Dropout(0.5)])
    drawn = network.rng.bit_generator.state
    assert max(one.largest for one in check_gradients(network, X, Y)) < 1e-9
    network.rng.bit_generator.state = drawn


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("loss", [*(make() for make in REGRESSION_LOSSES.values()), Huber(0.1)], ids=repr)
def test_every_loss_of_numbers_passes(loss, n_targets, engine):
    """Of several targets too, of which scikit-learn's squared error is the mean, and its gradient that of the sum."""
    needs(engine)
    network = Network([Affine(4, 5), Tanh(), Affine(5, n_targets)], loss, dtype=np.float64, random_state=0)
    targets = np.random.default_rng(1).poisson(2, size=(len(X), n_targets)) + 0.5
    assert max(one.largest for one in check_gradients(network, X, targets, engine=engine)) < 1e-8


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_several_quantiles_pass(engine):
    """Of two targets at once."""
    needs(engine)
    network = Network([Affine(4, 5), Tanh(), Affine(5, 6)], Pinball((0.1, 0.5, 0.8)), dtype=np.float64, random_state=0)
    targets = np.repeat(np.random.default_rng(1).normal(size=(len(X), 2)), 3, axis=1)
    assert max(one.largest for one in check_gradients(network, X, targets, engine=engine)) < 1e-8


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bias", [True, False])
def test_unit_by_unit_is_the_plain_way(loss, bias):
    """Computing again only what a unit moves gives the gradient of moving every parameter in the whole network."""
    layers = [Dropout(0.2), Affine(4, 5, bias=bias), Tanh(), Dropout(0.5), Affine(5, 3), Sigmoid(), Affine(3, 2)]
    network = Network(layers, LOSSES[loss](), dtype=np.float64, random_state=0)
    drawn = network.rng.bit_generator.state
    plain = numerical_gradient(network, network.params, X, Y)
    network.rng.bit_generator.state = drawn
    done = []
    differentiate(network, X, Y, advance=done.append)
    np.testing.assert_allclose(network.grads, plain, rtol=0, atol=1e-9)
    assert sum(done) == network.params.size


def test_a_kink_is_no_mistake():
    """A ReLU whose input is so near 0 that the step reaches over it is looked at with a smaller step."""
    network = small(ReLU)
    hidden = network.affine_layers[0]
    hidden.b[0] = 2e-6 - X[0] @ hidden.W[:, 0]
    plain = numerical_gradient(network, network.params, X, Y)
    network.gradient(X, Y)
    assert np.abs(plain - network.grads).max() > 1e-4
    assert max(one.largest for one in check_gradients(network, X, Y)) < 1e-7


class WrongReLU(ReLU):
    """A mistake that is often made: the slope of the input to come, not of the output."""

    def backward(self, dY, cache, *, out=None):
        return np.multiply(dY, 0.9 * (cache.Y > 0), out=out)


def test_a_mistake_is_found():
    """A wrong slope shows in the layers before it, and not in the one after it."""
    found = {one.name: one.largest for one in check_gradients(small(WrongReLU), X, Y)}
    assert min(found["W1"], found["b1"]) > 1e-4
    assert max(found["W2"], found["b2"]) < 1e-9


def wide():
    """Return a network with many dead weights, and what its loss is of: half of the pixels are black."""
    X = np.random.default_rng(1).random((3, 40)) * (np.arange(40) % 2)
    return Network([Affine(40, 30), ReLU(), Affine(30, 2)], dtype=np.float64, random_state=0), X


def test_a_sample_says_how_much_it_is_of():
    """No more than so many of each array, all of a small one; the same again by the same seed."""
    network, X = wide()
    before, done = network.params.copy(), []
    differences = check_gradients(network, X, Y, n_of_each=16, advance=done.append)
    assert [(one.name, one.n_checked) for one in differences] == [("W1", 16), ("b1", 16), ("W2", 16), ("b2", 2)]
    assert sum(done) == n_checked(network, 16) == 50
    assert n_checked(network, None) == network.params.size
    assert max(one.largest for one in differences) < 1e-9
    assert np.array_equal(network.params, before)
    assert check_gradients(wide()[0], X, Y, n_of_each=16) == differences
    assert check_gradients(wide()[0], X, Y, n_of_each=16, random_state=1) != differences
    assert check_gradients(wide()[0], X, Y, n_of_each=10**6) == check_gradients(wide()[0], X, Y)


def wrong_gradient(monkeypatch, change):
    """Have the first layer's weights get a gradient that was changed."""
    right = ParameterShard.gradient

    def wrong(self, X, buffers):
        right(self, X, buffers)
        change(self.parts[0].dW)

    monkeypatch.setattr(ParameterShard, "gradient", wrong)


def test_a_sample_is_of_weights_that_move_the_loss(monkeypatch):
    """Three of four have a gradient, though most weights of the layer, of black pixels, have none."""
    network, X = wide()
    network.gradient(X, Y)
    right = network.affine_layers[0].dW.copy()
    assert (right != 0).mean() < 0.5
    wrong_gradient(monkeypatch, lambda dW: np.add(dW, 1, out=dW, where=right != 0))
    first = check_gradients(network, X, Y, n_of_each=16)[0]
    assert 12 / 16 - 1e-6 < first.mean < 1


def test_a_gradient_that_is_wrongly_zero_is_found_in_a_sample(monkeypatch):
    """Where backpropagation gives 0, some are looked at as well."""
    network, X = wide()
    wrong_gradient(monkeypatch, lambda dW: dW[:, :].fill(0))
    assert check_gradients(network, X, Y, n_of_each=16)[0].largest > 1e-4

    def all_but_one_unit(dW):
        dW[:, 1:] = 0

    wrong_gradient(monkeypatch, all_but_one_unit)
    assert check_gradients(network, X, Y, n_of_each=32)[0].largest > 1e-4


def test_a_sample_finds_a_mistake():
    """A wrong slope shows in a part of the weights as in all."""
    network = Network([Affine(4, 30), WrongReLU(), Affine(30, 2)], dtype=np.float64, random_state=0)
    found = {one.name: one.mean for one in check_gradients(network, X, Y, n_of_each=16)}
    assert min(found["W1"], found["b1"]) > 1e-6
    assert max(found["W2"], found["b2"]) < 1e-9


def test_parameters_are_put_back():
    """After the check the network is as it was."""
    network = small()
    before = network.params.copy()
    check_gradients(network, X, Y)
    assert np.array_equal(network.params, before)


def test_running_statistics_are_put_back():
    """To look at a loss is no training: what batch normalisation has seen so far stays."""
    network = Network([Affine(4, 6), BatchNorm(6), ReLU(), Affine(6, 3)], dtype=np.float64, random_state=0)
    before = network.snapshot()
    numerical_gradient(network, network.params, np.ones((3, 4)) * [[1], [2], [5]], np.eye(3))
    assert np.array_equal(network.snapshot(), before)


def test_a_view_has_the_gradient_of_its_part():
    """Some parameters alone can be differentiated."""
    network = small()
    part = network.affine_layers[1].b
    gradient = numerical_gradient(network, part, X, Y)
    assert gradient.shape == (2,)
    assert np.array_equal(gradient, numerical_gradient(network, network.params, X, Y)[-2:])


def test_single_precision_is_refused():
    """In float32 a difference of losses says nothing."""
    with pytest.raises(ValueError, match="checked in float64; the network is in float32"):
        check_gradients(small(dtype=np.float32), X, Y)


def test_training_by_differences_is_training_by_backpropagation():
    """Update by update the losses fall, and are those of the other way."""
    numerically, plain, optimizer = small(), small(), SGD()
    losses = train_numerically(numerically, SGD(), X, Y, learning_rate=0.5, n_updates=10)
    optimizer.start(plain.params)
    wanted = []
    for _ in range(10):
        wanted.append(plain.gradient(X, Y))
        optimizer.step(plain.params, plain.grads, 0.5)
    np.testing.assert_allclose(losses, wanted, rtol=1e-8)
    assert (np.diff(losses) < 0).all()


def test_regularisers_are_checked_too():
    """Gamma and beta stand among the differences, noise is drawn alike for every look, and running means stay."""
    hidden = [Affine(4, 6, bias=False), BatchNorm(6), GaussianNoise(0.2), Sigmoid(), Dropout(0.3)]
    network = Network(
        [*hidden, Affine(6, 2)], LabelSmoothing(SoftmaxCrossEntropy(), 0.1), dtype=np.float64, random_state=0
    )
    before = network.snapshot()
    found = check_gradients(network, X, Y)
    assert [difference.name for difference in found] == ["W1", "gamma2", "beta2", "W3", "b3"]
    assert max(difference.largest for difference in found) < 1e-8
    assert np.array_equal(network.snapshot(), before)
    network.gradient(X, Y)
    network.grads *= 1.01
    assert np.abs(network.layers[1].dgamma).max() > 1e-4
