"""How fits are divided among threads: which are one piece of work, and in which order the pieces are done."""

import math
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any, TypeVar

T = TypeVar("T")

SLACK = 0.05
"""The part of its cost that a piece may have beyond the limit, or beyond the others to keep fits of one kind in one."""


def cut(costs: Sequence[float], kinds: Sequence[Hashable], limit: float, most: int) -> list[list[int]]:
    """Divide fits into pieces that cost about the same.

    The dearest come first, each to the piece that is cheapest by then, or to one that has its kind already.

    Parameters
    ----------
    costs : sequence of float, > 0
        What each fit costs.
    kinds : sequence of hashable
        What fits have in common that gain most from being in one piece; they are side by side in it.
    limit : float, > 0
        What a piece may cost about, unless a single fit costs more.
    most : int
        Fits in a piece at the most.

    Returns
    -------
    list of list of int
        The numbers of the fits in each piece.

    Examples
    --------
    >>> cut([3.0, 1.0, 3.0, 1.0, 2.0, 2.0], "abacdd", limit=6.0, most=16)
    [[0, 2], [4, 5, 1, 3]]
    """
    total = sum(costs)
    n_pieces = min(len(costs), max(-(-len(costs) // most), math.ceil(total / limit / (1 + SLACK))))
    pieces: list[list[int]] = [[] for _ in range(n_pieces)]
    loads, enough = [0.0] * n_pieces, (1 + SLACK) * total / n_pieces
    first = {kind: k for k, kind in reversed(list(enumerate(kinds)))}
    for k in sorted(range(len(costs)), key=lambda k: (-costs[k], first[kinds[k]])):
        free = [p for p in range(n_pieces) if len(pieces[p]) < most]
        alike = [p for p in free if first[kinds[k]] in [first[kinds[j]] for j in pieces[p]]]
        cheapest = min([p for p in alike if loads[p] + costs[k] <= enough] or free, key=lambda p: loads[p])
        pieces[cheapest].append(k)
        loads[cheapest] += costs[k]
    return [piece for piece in pieces if piece]


def by_turns(groups: Iterable[Iterable[T]], at_once: int) -> list[T]:
    """Return the members of groups in the order that some groups at a time come to their end, each with its turn.

    Examples
    --------
    >>> by_turns(["abc", "de", "fg"], at_once=2)
    ['a', 'd', 'b', 'e', 'c', 'f', 'g']
    """
    every, nothing = list(groups), object()
    some = [every[start : start + at_once] for start in range(0, len(every), at_once)]
    turns: Iterable[Any] = chain.from_iterable(
        chain.from_iterable(zip_longest(*each, fillvalue=nothing) for each in some)
    )
    return [one for one in turns if one is not nothing]
