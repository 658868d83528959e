from itertools import pairwise

import numpy as np
import pytest

from pipeline.search.samples import stratified_part

Y = np.repeat([0, 1, 2], [600, 390, 10])
ROWS = np.arange(5, 1000)


@pytest.mark.parametrize("n_samples", [6, 100, 500, 995])
def test_every_class_has_its_fraction(n_samples):
    """To a row, and at the least one row of each; none is there twice, and all keep their order."""
    part = stratified_part(ROWS, Y, n_samples, seed=0)
    counts = np.bincount(Y[part], minlength=3)
    expected = np.bincount(Y[ROWS]) * n_samples / len(ROWS)
    assert np.abs(counts - expected).max() <= 1.5
    assert counts.min() >= 1
    assert len(part) == n_samples
    assert (np.diff(part) > 0).all()
    assert np.isin(part, ROWS).all()


def test_smaller_parts_lie_within_larger_ones():
    """So that more rows are rows in addition."""
    parts = [set(stratified_part(ROWS, Y, n, seed=3).tolist()) for n in (6, 18, 54, 162, 486)]
    assert all(small < large for small, large in pairwise(parts))


def test_the_seed_draws():
    """The same rows again by the same seed, others by another; all of them are all of them."""
    one, again, other = (stratified_part(ROWS, Y, 50, seed).tolist() for seed in (0, 0, 1))
    assert one == again != other
    assert stratified_part(ROWS, Y, len(ROWS), 0).tolist() == ROWS.tolist()
