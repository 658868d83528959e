"""How the work of an update is cut."""

from itertools import pairwise

import numpy as np
import pytest

from pipeline.network import Affine, Network, ReLU
from pipeline.network.parallel.sharding import cut_parameters


def network(*, biases=True):
    """Return a network of three affine layers."""
    hidden = [Affine(7, 6, biases=biases), ReLU(), Affine(6, 5, biases=biases), ReLU()]
    return Network([*hidden, Affine(5, 3, biases=biases)], dtype=np.float64, random_state=0)


@pytest.mark.parametrize("n_shares", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("biases", [True, False])
def test_shares_hold_every_parameter_once(n_shares, biases):
    """The stretches lie end to end, and the parts name every row of every W, and every b, exactly once."""
    net = network(biases=biases)
    shares = cut_parameters(net, n_shares)
    assert shares[0].stretch.start == 0
    assert shares[-1].stretch.stop == len(net.params)
    assert all(one.stretch.stop == other.stretch.start for one, other in pairwise(shares))
    net.grads[:] = 0
    for share in shares:
        before = net.grads.copy()
        for index, rows, with_biases in share.parts:
            net.layers[index].dW[rows] += 1
            if biases and with_biases:
                net.layers[index].db += 1
        assert set(np.flatnonzero(net.grads != before)) == set(range(share.stretch.start, share.stretch.stop))
    assert (net.grads == 1).all()


def test_shares_are_of_about_the_same_size():
    """For a network of some size, two shares differ by less than a hundredth."""
    first, second = cut_parameters(Network([Affine(784, 512), ReLU(), Affine(512, 10)]), 2)
    sizes = [share.stretch.stop - share.stretch.start for share in (first, second)]
    assert abs(sizes[0] - sizes[1]) < 0.01 * sum(sizes)
