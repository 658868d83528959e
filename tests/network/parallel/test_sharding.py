"""How the work of an update is cut."""

from itertools import pairwise

import numpy as np
import pytest

from pipeline.network import Affine, Network, ReLU
from pipeline.network.parallel.sharding import shard_parameters


def network(*, bias=True):
    """Return a network of three affine layers."""
    hidden = [Affine(7, 6, bias=bias), ReLU(), Affine(6, 5, bias=bias), ReLU()]
    return Network([*hidden, Affine(5, 3, bias=bias)], dtype=np.float64, random_state=0)


@pytest.mark.parametrize("n_shards", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("bias", [True, False])
def test_shares_hold_every_parameter_once(n_shards, bias):
    """The spans lie end to end, and the parts name every row of every W, and every b, exactly once."""
    net = network(bias=bias)
    shares = shard_parameters(net, n_shards)
    assert shares[0].span.start == 0
    assert shares[-1].span.stop == len(net.params)
    assert all(one.span.stop == other.span.start for one, other in pairwise(shares))
    net.grads[:] = 0
    for share in shares:
        before = net.grads.copy()
        for part in share.parts:
            part.dW[:] += 1
            assert np.shares_memory(part.dW, net.layers[part.place].dW[part.inputs])
            if part.db is not None:
                part.db[:] += 1
        assert set(np.flatnonzero(net.grads != before)) == set(range(share.span.start, share.span.stop))
    assert (net.grads == 1).all()


def test_shares_are_of_about_the_same_size():
    """For a network of some size, two shares differ by less than a hundredth."""
    first, second = shard_parameters(Network([Affine(784, 512), ReLU(), Affine(512, 10)]), 2)
    sizes = [share.span.stop - share.span.start for share in (first, second)]
    assert abs(sizes[0] - sizes[1]) < 0.01 * sum(sizes)
