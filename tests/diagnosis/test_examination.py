"""Measures of a network against what they are by definition, and a network that stays as it is."""

import numpy as np
import pytest

from pipeline.diagnosis.examination import (
    Examination,
    Probe,
    activation_measures,
    equally_spaced,
    histogram,
)
from pipeline.network import (
    ACTIVATIONS,
    Affine,
    BatchNorm,
    Cache,
    Dropout,
    GaussianNoise,
    LabelSmoothing,
    Network,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
)
from pipeline.network.batches import Samples

rng = np.random.default_rng(0)
X = rng.normal(size=(600, 6)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[rng.integers(3, size=600)]


def network(*layers, **options):
    """Return a network from 6 inputs to 3 outputs; without layers, one with a hidden layer of 8 ReLU."""
    inside = layers or (Affine(6, 8), ReLU(), Affine(8, 3))
    return Network(list(inside), random_state=0, **options)


def examination(net):
    """Return an examination on some of the samples."""
    return Examination(net, Probe.take(Samples(X, Y), net))


def test_the_probe_is_rows_at_equal_distances():
    """At most 256, from the first on, the same ones always; all of them where there are fewer."""
    probe = Probe.take(Samples(X, Y), network())
    rows = equally_spaced(600, 256)
    assert len(set(rows)) == 256
    assert np.array_equal(probe.X, X[rows])
    assert np.array_equal(probe.Y, Y[rows])
    assert np.array_equal(Probe.take(Samples(X[:10], Y[:10]), network()).X, X[:10])
    assert len(probe.first(20).X) == 20
    assert len(probe.first(1000).X) == 256


def test_gradients_and_loss_are_those_of_the_network():
    """Its own gradient on the probe, without dropout, noise and smoothing; and its own loss."""
    inside = (Dropout(0.5), Affine(6, 8), BatchNorm(8), GaussianNoise(1.0), ReLU(), Affine(8, 3))
    net = network(*inside, loss=LabelSmoothing(SoftmaxCrossEntropy(), 0.2))
    record = examination(net).measure(0)
    plain = network(*(layer for layer in inside if not layer.training_only))
    plain.params[:] = net.params
    probe = Probe.take(Samples(X, Y), net)
    assert record.loss == pytest.approx(plain.gradient(probe.X, probe.Y), rel=1e-5)
    for layer, affine in zip(record.layers, plain.affine_layers, strict=True):
        assert layer.gradient == pytest.approx(np.linalg.norm(affine.dW), rel=1e-5)
        assert layer.weight == pytest.approx(np.linalg.norm(affine.W), rel=1e-5)
        assert layer.n_units == affine.n_out


def test_updates_and_distances_are_relative_to_the_weights():
    """Of the last update, and of all since the examination began; biases do not count."""
    net = network()
    examined, first = examination(net), net.params.copy()
    net.params *= 1.5
    before = net.params.copy()
    net.params *= 2
    net.affine_layers[0].b[:] = 100
    record = examined.measure(1, before, 0.1, 0.75)
    assert [layer.update for layer in record.layers] == pytest.approx([0.5, 0.5])
    assert [layer.distance for layer in record.layers] == pytest.approx([2, 2])
    assert (record.epoch, record.learning_rate, record.validation_score) == (1, 0.1, 0.75)
    assert examined.measure(1).layers[0].update is None
    net.params[:] = first
    assert examined.measure(2).layers[1].distance == 0


def test_a_network_is_left_as_it_is():
    """Parameters, batch statistics, gradients and the state of the generator, also where a replica learns by heart."""
    net = network(Affine(6, 8), BatchNorm(8), ReLU(), Dropout(0.5), Affine(8, 3))
    net.gradient(X, Y)
    before = net.snapshot(), net.grads.copy(), net.rng.bit_generator.state
    examined = examination(net)
    examined.learn_by_heart()
    examined.measure(0)
    assert np.array_equal(net.snapshot(), before[0])
    assert np.array_equal(net.grads, before[1])
    assert net.rng.bit_generator.state == before[2]


def test_a_measure_after_learning_by_heart_is_of_the_network_itself():
    """What the replica has learned is forgotten again."""
    examined = examination(network())
    examined.learn_by_heart()
    assert examined.measure(0) == examination(network()).measure(0)


def test_dead_units_are_counted():
    """Those of ReLU, ELU and GELU that pass nothing on for any sample; a leaky one passes on a hundredth."""
    Z = np.linspace(-3, 3, 40, dtype=np.float32)[:, np.newaxis] + np.array([0, 2, -100, -100], np.float32)
    for name, dead in {"relu": 0.5, "elu": 0.5, "gelu": 0.5, "leaky_relu": 0, "identity": 0}.items():
        layer, cache = ACTIVATIONS[name](), Cache()
        measures = activation_measures(layer, cache, layer.forward(Z, cache=cache))
        assert (measures["dead"], measures["saturated"]) == (dead, None)


@pytest.mark.parametrize(("layer", "flat"), [(Sigmoid(), 4.4), (Tanh(), 2.2)])
def test_saturated_outputs_are_counted(layer, flat):
    """Those where the slope is below a twentieth of its largest, at either end."""
    Z, cache = np.array([[0, flat, -flat, flat - 0.1, -50]], np.float32), Cache()
    measures = activation_measures(layer, cache, layer.forward(Z, cache=cache))
    assert measures["saturated"] == pytest.approx(3 / 5)
    assert measures["dead"] is None


def test_each_layer_has_the_activation_after_it():
    """The output has none."""
    record = examination(network(Affine(6, 5), Tanh(), Affine(5, 4), ReLU(), Affine(4, 3))).measure(0)
    assert [layer.activation for layer in record.layers] == ["Tanh", "ReLU", None]
    assert [layer.histogram is None for layer in record.layers] == [False, False, True]
    assert sum(record.layers[0].histogram.counts) == 256 * 5


def test_a_histogram_counts_all_values():
    """Also where they are all the same; where some are not finite there is none."""
    assert histogram(np.array([0.0, 0.0, 1.0])).counts == (2, *[0] * 18, 1)
    assert sum(histogram(np.ones((2, 3))).counts) == 6
    assert histogram(np.array([0.0, np.nan])) is None


def test_twenty_samples_are_learned_by_heart_by_a_sound_network_only():
    """One with a gradient of 0 everywhere does not, and is given up after 200 updates."""
    sound = examination(network(Affine(6, 64), ReLU(), Affine(64, 3))).learn_by_heart()
    assert sound.learned
    assert sound.n_samples == 20
    assert sound.n_updates < 200
    net = network()
    net.affine_layers[0].b[:] = -100
    dead = examination(net).learn_by_heart()
    assert not dead.learned
    assert dead.n_updates == 200


def test_a_network_that_has_diverged_is_measured_as_well():
    """Its loss is no number, and no warning is raised."""
    net = network()
    net.params[:] = np.nan
    record = examination(net).measure(1)
    assert np.isnan(record.loss)
    assert record.layers[0].histogram is None
