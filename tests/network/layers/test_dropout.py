"""What dropout promises for itself."""

import numpy as np
import pytest

from pipeline.network.layers import Cache, Dropout


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    """Units are 0 with the rate's probability, the others are scaled up, and gradients pass where units did."""
    layer, cache, X = Dropout(rate), Cache(), np.ones((400, 100))
    layer.draw(X, cache, np.random.default_rng(0))
    Y = layer.forward(X, cache=cache)
    assert set(np.unique(Y)) == {0, 1 / (1 - rate)}
    assert abs((Y == 0).mean() - rate) < 0.01
    assert abs(Y.mean() - 1) < 0.02
    assert np.array_equal(layer.backward(np.ones_like(Y), cache), Y)


def test_dropout_drops_anew_every_time():
    """Two draws lose different units, one draw the same every time; prediction loses none and draws nothing."""
    layer, cache, X, rng = Dropout(0.4), Cache(), np.ones((50, 20)), np.random.default_rng(2)
    assert layer.forward(X) is X
    layer.draw(X, cache, rng)
    first = layer.forward(X, cache=cache)
    assert np.array_equal(layer.forward(X, cache=cache), first)
    layer.draw(X, cache, rng)
    assert not np.array_equal(layer.forward(X, cache=cache), first)


def test_dropout_wants_a_draw():
    """Without random numbers in the cache, it says what is missing."""
    with pytest.raises(AttributeError, match=r"the cache has no 'mask': .* draw before both"):
        Dropout(0.5).forward(np.ones((1, 1)), cache=Cache())


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, np.nan])
def test_dropout_wants_a_share(rate):
    """To drop all units, or more, is refused at once."""
    with pytest.raises(ValueError, match="rate must be a number >= 0 and < 1"):
        Dropout(rate)
