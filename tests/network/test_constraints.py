"""The limit on the weights that come into a unit."""

import numpy as np
import pytest

from pipeline.network import Affine, MaxNorm, Network

FACTORS = np.array([0.1, 1, 2, 5, 20, 0])


def made(dtype=np.float64):
    """Return a layer whose columns are of very different length."""
    layer = Network([Affine(8, len(FACTORS))], dtype=dtype, random_state=0).affine_layers[0]
    layer.W *= (FACTORS / np.linalg.norm(layer.W, axis=0)).astype(dtype)
    return layer


def projected(W, limit):
    """Return the formula, column by column."""
    return np.column_stack([w * min(1, limit / max(np.linalg.norm(w), 1e-300)) for w in W.T])


@pytest.mark.parametrize("limit", [0.01, 1.5, 3, 100])
def test_it_is_the_formula(limit):
    """Columns that are too long get the limit's length and keep their direction."""
    layer = made()
    wanted = projected(layer.W, limit)
    MaxNorm(limit).apply(layer)
    np.testing.assert_allclose(layer.W, wanted, rtol=1e-12)
    assert np.linalg.norm(layer.W, axis=0).max() <= limit * (1 + 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_within_the_limit_stay_to_the_last_bit(dtype):
    """However often it is applied; and so do the biases."""
    layer = made(dtype)
    before, b = layer.W.copy(), layer.b.copy()
    for _ in range(3):
        MaxNorm(3.3).apply(layer)
    short = FACTORS < 3
    assert np.array_equal(layer.W[:, short], before[:, short])
    assert not np.array_equal(layer.W[:, ~short], before[:, ~short])
    assert np.array_equal(layer.b, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_units_in_shares_are_all_units(dtype):
    """Some units, then the others, give what all at once do; a share may be empty."""
    whole, cut = made(dtype), made(dtype)
    MaxNorm(1.5).apply(whole)
    for units in (slice(0, 4), slice(4, 4), slice(4, None)):
        before = cut.W.copy()
        MaxNorm(1.5).apply(cut, units)
        others = np.ones(len(FACTORS), bool)
        others[units] = False
        assert np.array_equal(cut.W[:, others], before[:, others])
    np.testing.assert_allclose(cut.W, whole.W, rtol=1e-6)


def test_where_nothing_is_too_long_nothing_is_written():
    """Weights that cannot be written are no obstacle then, and an error otherwise."""
    layer = made()
    layer.W.flags.writeable = False
    MaxNorm(100).apply(layer)
    with pytest.raises(ValueError, match="read-only"):
        MaxNorm(1).apply(layer)


def test_it_writes_into_the_network():
    """The projected weights are the network's parameters."""
    network = Network([Affine(3, 2)], random_state=0)
    network.params[:] = 5
    MaxNorm(1).apply(network.affine_layers[0])
    np.testing.assert_allclose(network.params, [*[3**-0.5] * 6, 5, 5], rtol=1e-6)
    assert network.params.dtype == np.float32


@pytest.mark.parametrize("limit", [0, -1, np.nan])
def test_what_is_out_of_range_is_refused(limit):
    """The message names the parameter."""
    with pytest.raises(ValueError, match="limit must be a number > 0"):
        MaxNorm(limit)


def test_it_shows_what_it_is():
    """Its text is the call that makes it."""
    assert repr(MaxNorm(3)) == "MaxNorm(3)"
