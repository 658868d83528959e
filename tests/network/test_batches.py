"""Samples, and the mini-batches that are drawn from them."""

import tracemalloc
from itertools import chain

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.network import batches
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
    found = drawn(Sampling(batch_size, shuffle=shuffle))
    assert [len(batch) for batch in found[:-1]] == [batch_size] * (len(found) - 1)
    assert sorted(chain(*found)) == list(range(N))


def test_shuffling_draws_the_order_anew():
    """The generator decides on the order; without shuffling, rows come as they stand."""
    assert drawn(Sampling(5)) == drawn(Sampling(5))
    assert drawn(Sampling(5)) != drawn(Sampling(5), seed=1)
    assert drawn(Sampling(5, shuffle=False))[1] == [5, 6, 7, 8, 9]


def test_replacement_draws_every_batch_from_all():
    """Batches are full, and a sample may come twice in an epoch while another never comes."""
    found = drawn(Sampling(5, replacement=True))
    assert [len(batch) for batch in found] == [5] * 5
    assert len(set(chain(*found))) < N
    assert all(0 <= row < N for row in chain(*found))


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


@pytest.mark.parametrize("rows", [np.array([5, 2, 9, 2]), slice(3, 11)], ids=["numbers", "slice"])
def test_a_part_has_its_rows_and_no_copy_of_the_inputs(rows):
    """A part, and a part of a part, hand over their own rows in every way, from the memory of the whole."""
    data = samples(weighted=True)
    for part, own in [(data.subset(rows), np.arange(N)[rows])] + [
        (data.subset(rows).subset(some), np.arange(N)[rows][some]) for some in (np.array([3, 0]), slice(1, 3))
    ]:
        assert np.shares_memory(part.X, data.X)
        assert len(part) == len(own)
        for some in (np.array([1, 0]), slice(0, 2)):
            X, Y, weight = part.batch(some)
            assert_array_equal(X, data.X[own[some]])
            assert_array_equal(Y, data.Y[own[some]])
            assert_array_equal(weight, data.sample_weight[own[some]])
            assert_array_equal(part.X[part.numbers(some)], data.X[own[some]])
            gathered, targets = np.empty((2, 4)), np.empty((2, 3))
            part.gather(np.arange(2)[some], gathered)
            part.targets(some, targets)
            assert_array_equal(gathered, data.X[own[np.arange(2)[some]]])
            assert_array_equal(targets, data.Y[own[some]])


def test_a_part_copies_what_it_gathers():
    """A slice of a part that is not a slice itself is gathered, which counts where chunks are to fit in memory."""
    data = samples()
    assert not data.copies(sparse=False)
    assert not data.subset(slice(2, 5)).copies(sparse=False)
    assert data.subset(np.array([2, 5])).copies(sparse=False)


def in_blocks(monkeypatch, *, whole=60, block=12, window=40):
    """Have few samples, of four numbers, shuffled as those of a large file are: blocks of 3, windows of 9."""
    monkeypatch.setattr(batches, "MAX_SHUFFLED", whole)
    monkeypatch.setattr(batches, "BLOCK", block)
    monkeypatch.setattr(batches, "WINDOW", window)


def test_few_numbers_are_shuffled_as_one(monkeypatch):
    """Up to a bound the order is the generator's permutation, whatever the width."""
    in_blocks(monkeypatch, whole=4 * N)
    rows = list(Sampling(N - 1).rows(N, np.random.default_rng(3), 4))
    assert_array_equal(np.concatenate(rows), np.random.default_rng(3).permutation(N))


@pytest.mark.parametrize("batch_size", [1, 4, 9, 22])
def test_many_numbers_are_shuffled_in_blocks(monkeypatch, batch_size):
    """Every sample comes once, in batches of one size, from a few blocks at a time that were read before in order."""
    in_blocks(monkeypatch)
    read = []

    def epoch(seed):
        return list(Sampling(batch_size).rows(N, np.random.default_rng(seed), 4, read.append))

    drawn_now = epoch(0)
    order = np.concatenate(drawn_now)
    assert [len(batch) for batch in drawn_now[:-1]] == [batch_size] * (len(drawn_now) - 1)
    assert sorted(order) == list(range(N))
    assert sorted(np.concatenate(read)) == list(range(N))
    start = 0
    for window in read:
        assert list(window) == sorted(window)
        assert len(set(window // 3)) <= 3
        assert set(order[start : start + len(window)]) == set(window)
        assert not np.array_equal(order[start : start + len(window)], window)
        start += len(window)
    assert_array_equal(np.concatenate(epoch(0)), order)
    assert not np.array_equal(np.concatenate(epoch(1)), order)


def test_samples_of_a_map_are_read_ahead(tmp_path):
    """What is said to come is read, and no more memory is taken than a number for each row."""
    path = tmp_path / "X.npy"
    np.save(path, np.zeros((50, 2000), np.float32))
    X = np.load(path, mmap_mode="r")
    mapped = Samples(X, np.zeros((50, 2), np.float32), index=np.arange(49, -1, -1))
    tracemalloc.start()
    try:
        mapped.read_ahead(np.arange(50))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 50


@pytest.mark.parametrize(
    ("width", "samples"),
    [(1, CHUNK), (MAX_ELEMENTS // CHUNK, CHUNK), (200_000, 83), (MAX_ELEMENTS, 1), (MAX_ELEMENTS + 1, 1)],
)
def test_a_piece_has_so_many_numbers_at_the_most(width, samples):
    """Narrow samples go by thousands, wide ones by as many as make the same memory, and the widest one by one."""
    assert chunk_size(width) == samples
