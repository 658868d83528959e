"""What dropout promises for itself."""

import numpy as np
import pytest

from pipeline.network.layers import Dropout


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    """Units are 0 with the rate's probability, the others are scaled up, and gradients pass where units did."""
    layer = Dropout(rate)
    layer.rng = np.random.default_rng(0)
    Y = layer.forward(np.ones((400, 100)), training=True)
    assert set(np.unique(Y)) == {0, 1 / (1 - rate)}
    assert abs((Y == 0).mean() - rate) < 0.01
    assert abs(Y.mean() - 1) < 0.02
    assert np.array_equal(layer.backward(np.ones_like(Y)), Y)


def test_dropout_drops_anew_every_time():
    """Two batches lose different units; prediction loses none and draws nothing."""
    layer, X = Dropout(0.4), np.ones((50, 20))
    layer.rng = np.random.default_rng(2)
    assert layer.forward(X) is X
    assert not np.array_equal(layer.forward(X, training=True), layer.forward(X, training=True))


def test_dropout_wants_a_generator():
    """Alone, outside of a network, it says what is missing."""
    with pytest.raises(ValueError, match="put it into a Network first"):
        Dropout(0.5).forward(np.ones((1, 1)), training=True)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, np.nan])
def test_dropout_wants_a_share(rate):
    """To drop all units, or more, is refused at once."""
    with pytest.raises(ValueError, match="rate must be a number >= 0 and < 1"):
        Dropout(rate)
