"""Shards of the parameters: what lies in them, and their gradient."""

import numpy as np
import pytest

from pipeline.network import Affine, BatchNorm, Network, Tanh
from pipeline.network.buffers import Buffers
from pipeline.network.pass_ import Pass
from pipeline.network.shards import Hook, ParameterShard, layout


def network():
    """Return a network with parameters beside the affine ones, and one layer without a bias."""
    layers = [Affine(4, 3, bias=False), BatchNorm(3), Tanh(), Affine(3, 2)]
    return Network(layers, dtype=np.float64, random_state=0)


def test_every_affine_layer_has_its_place():
    """The index of the layer, and where its W begins; what lies between is counted."""
    net = network()
    first, second = net.affine_layers
    assert list(layout(net.layers)) == [(0, first, 0), (3, second, 4 * 3 + 2 * 3)]


@pytest.mark.parametrize("cut", [0, 6, 12, 18, 22, 26])
def test_two_shards_have_all_between_them(cut):
    """Each row of W and each bias is in one of the two; their gradients together are that of the network."""
    net = network()
    X, Y = np.random.default_rng(1).random((5, 4)), np.eye(2)[[0, 1, 1, 0, 1]]
    net.gradient(X, Y)
    expected, grads = net.grads.copy(), np.full_like(net.grads, np.nan)
    buffers = Buffers(net.layers, net.dtype).batch(5)
    Pass(net.layers, buffers, net.rng).forward_backward(net.loss, X, np.empty((5, 2)), Y, None, 5)
    for span in (slice(0, cut), slice(cut, 26)):
        ParameterShard.cut(net.layers, net.params, grads, span).gradient(X, buffers)
    affine = np.r_[0:12, 18:26]
    np.testing.assert_allclose(grads[affine], expected[affine], rtol=1e-12)
    assert np.isnan(grads[12:18]).all()  # which a pass leaves in the layer


def test_a_bias_belongs_to_the_shard_of_the_last_row():
    """So it is updated once, and by a thread that has some of its layer."""
    net = network()
    first, second = (
        ParameterShard.cut(net.layers, net.params, net.grads, span) for span in (slice(0, 22), slice(22, 26))
    )
    assert [(part.place, part.inputs, part.db is None) for part in first.parts] == [
        (0, slice(0, 4), True),
        (3, slice(0, 2), True),
    ]
    assert [(part.place, part.inputs, part.db is None) for part in second.parts] == [(3, slice(2, 3), False)]


def test_a_hook_does_nothing_of_itself():
    """It adds no penalty, and no parameter or gradient changes."""
    net = network()
    shard = ParameterShard.cut(net.layers, net.params, net.grads, slice(0, len(net.params)))
    before, hook = net.params.copy(), Hook()
    hook.begin_update()
    assert hook.after_gradient(shard, 5.0) == 0
    hook.after_update(shard)
    assert np.array_equal(net.params, before)
    assert not net.grads.any()
    assert not hook.reads_others
