"""Which rows a candidate learns from where it is given fewer than all: successive halving hands out more and more.

Every smaller part lies within every larger one, so that what a candidate gains by more rows is no luck of the draw.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.integer[Any]]


def stratified_part(rows: Rows, y: NDArray[np.integer[Any]], n_samples: int, seed: int) -> Rows:
    """Return rows in which each class has its fraction of all, and at the least one where there are enough.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,)
        The rows to choose from.
    y : ndarray of shape (n_all,)
        The labels of all rows.
    n_samples : int
        How many to choose.
    seed : int
        What they are drawn by.

    Returns
    -------
    ndarray of shape (n_samples,)
        In the order that they have among ``rows``.

    Examples
    --------
    >>> y = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    >>> y[stratified_part(np.arange(9), y, 3, seed=0)]
    array([0, 0, 1])
    """
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    labels = y[rows[shuffled]]
    due = np.empty(len(rows))  # the part of all rows by which a row shall be there
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        due[places] = (np.arange(len(places)) + 0.5) / len(places)
        due[places[0]] = -1 / len(places)  # first the first of each class, the larger classes last
    return rows[np.sort(shuffled[np.argsort(due, kind="stable")[:n_samples]])]
