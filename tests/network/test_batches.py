"""Samples, and the mini-batches that are drawn from them."""

from itertools import chain

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.network.batches import CHUNK, MAX_ELEMENTS, Samples, Sampling, chunk_size, take_rows

N = 23


def samples(*, weighted=False):
    """Return samples of three classes."""
    rng = np.random.default_rng(0)
    weight = rng.random(N) if weighted else None
    return Samples(rng.normal(size=(N, 4)), np.eye(3)[rng.integers(3, size=N)], weight)


def drawn(sampling, n=N, seed=0):
    """Return the rows of an epoch's batches as lists."""
    rows = sampling.rows(n, np.random.default_rng(seed))
    return [list(range(*batch.indices(n))) if isinstance(batch, slice) else batch.tolist() for batch in rows]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 5, 22, 23, 40])
def test_an_epoch_sees_every_sample_once(batch_size, shuffle):
    """Batches have their size, the last what is left, and together they are all rows."""
    batches = drawn(Sampling(batch_size, shuffle=shuffle))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert sorted(chain(*batches)) == list(range(N))


def test_shuffling_draws_the_order_anew():
    """The generator decides on the order; without shuffling, rows come as they stand."""
    assert drawn(Sampling(5)) == drawn(Sampling(5))
    assert drawn(Sampling(5)) != drawn(Sampling(5), seed=1)
    assert drawn(Sampling(5, shuffle=False))[1] == [5, 6, 7, 8, 9]


def test_replacement_draws_every_batch_from_all():
    """Batches are full, and a sample may come twice in an epoch while another never comes."""
    batches = drawn(Sampling(5, replacement=True))
    assert [len(batch) for batch in batches] == [5] * 5
    assert len(set(chain(*batches))) < N
    assert all(0 <= row < N for row in chain(*batches))


@pytest.mark.parametrize("rows", [np.array([3, 1, 1]), slice(2, 6)])
def test_rows_are_gathered(rows):
    """Rows of a dense array come in the order asked for; a slice is not copied."""
    X = np.arange(20.0).reshape(10, 2)
    found = take_rows(X, rows, np.empty((3, 2)))
    assert_array_equal(found, X[rows])
    assert np.shares_memory(found, X) == isinstance(rows, slice)


def test_a_batch_has_what_belongs_together():
    """Inputs, targets and weights of the same rows, in buffers that are used again."""
    data = samples(weighted=True)
    for rows in (np.array([4, 2]), np.array([7, 7, 1]), slice(20, 30)):
        X, Y, weight = data.batch(rows)
        assert_array_equal(X, data.X[rows])
        assert_array_equal(Y, data.Y[rows])
        assert_array_equal(weight, data.sample_weight[rows])
    assert samples().batch(slice(0, 2))[2] is None


def test_some_samples_are_a_copy():
    """A part has its rows, and does not change with the whole."""
    data = samples(weighted=True)
    part = data.subset(np.array([2, 5]))
    wanted = data.X[[2, 5]].copy()
    data.X[:] = 0
    assert len(part) == 2
    assert_array_equal(part.X, wanted)
    assert_array_equal(part.sample_weight, data.sample_weight[[2, 5]])


@pytest.mark.parametrize(
    ("width", "samples"),
    [(1, CHUNK), (MAX_ELEMENTS // CHUNK, CHUNK), (200_000, 83), (MAX_ELEMENTS, 1), (MAX_ELEMENTS + 1, 1)],
)
def test_a_piece_has_so_many_numbers_at_the_most(width, samples):
    """Narrow samples go by thousands, wide ones by as many as make the same memory, and the widest one by one."""
    assert chunk_size(width) == samples
