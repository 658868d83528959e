"""Tests of how fits are divided among threads."""

import numpy as np
import pytest

from pipeline.together.plan import by_turns, cut

SEARCH = {(50,): 39250.0, (100,): 78500.0, (100, 50): 83450.0}
"""What a network of each shape costs in the search of ``python -m benchmarks search``."""


@pytest.mark.parametrize("n_pieces", [1, 2, 3, 4])
def test_pieces_cost_the_same(n_pieces):
    """Four networks of each of three shapes make pieces of which none costs 6% more than the mean."""
    costs = [cost for cost in SEARCH.values() for _ in range(4)]
    pieces = cut(costs, costs, sum(costs) / n_pieces, 16)
    loads = [sum(costs[k] for k in piece) for piece in pieces]
    assert len(pieces) == n_pieces
    assert max(loads) <= 1.06 * sum(loads) / n_pieces
    assert sorted(k for piece in pieces for k in piece) == list(range(12))


def test_one_kind_stays_in_one_piece():
    """Two pieces of three kinds cut the smallest of them alone; within a piece a kind is side by side."""
    kinds = [kind for _ in range(4) for kind in SEARCH]
    pieces = cut([SEARCH[kind] for kind in kinds], kinds, 2.0 * sum(SEARCH.values()), 16)
    of = [[kinds[k] for k in piece] for piece in pieces]
    assert of == [[(100, 50)] * 4 + [(50,)] * 2, [(100,)] * 4 + [(50,)] * 2]


def test_a_kind_is_cut_where_balance_needs_it():
    """Fits of one kind alone are cut as well."""
    assert [len(piece) for piece in cut([2.0] * 8, "a" * 8, 6.0, 16)] == [3, 3, 2]


def test_pieces_are_bounded():
    """No piece has more fits than it may, and a fit that costs more than a piece is one by itself."""
    assert [len(piece) for piece in cut([1.0] * 8, "a" * 8, float("inf"), 3)] == [3, 3, 2]
    assert cut([9.0, 1.0, 1.0], "abb", 2.0, 16)[0] == [0]
    assert cut([9.0], "a", 0.1, 16) == [[0]]


def test_no_piece_is_empty():
    """Where the cheap ones of a kind go into one piece, there may be fewer pieces than the limit asks for."""
    assert cut([4.0, 1.0, 4.0, 1.0, 4.0, 1.0], "aaaaaa", 3.0, 16) == [[0], [2], [4], [1, 3, 5]]


def test_every_fit_is_in_one_piece():
    """However costs, kinds and bounds are drawn, each fit is in one piece, and none is empty or too large."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, most = rng.integers(1, 30), rng.integers(1, 9)
        costs = rng.choice([1.0, 2.0, 5.0, 40.0], size=n) * rng.random(n).round(1).clip(0.1)
        pieces = cut(costs.tolist(), rng.integers(4, size=n).tolist(), rng.random() * costs.sum(), int(most))
        assert sorted(k for piece in pieces for k in piece) == list(range(n))
        assert all(0 < len(piece) <= most for piece in pieces)


def test_turns():
    """Groups that are begun come to their end before others begin."""
    assert by_turns([[1, 2, 3], [4], [], [5, 6]], 2) == [1, 4, 2, 3, 5, 6]
    assert by_turns([], 2) == []
