"""How far chance alone goes: the range of an accuracy, and of the difference between two."""

import math
from math import comb

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length


def proportion_interval(n_right: int, n: int) -> tuple[float, float]:
    """Return between what an accuracy lies with a confidence of 95 %, by Wilson's score interval.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22.

    Examples
    --------
    >>> low, high = proportion_interval(50, 100)
    >>> round(low, 4), round(high, 4)
    (0.4038, 0.5962)
    """
    z = 1.959963984540054  # the normal distribution's quantile of 0.975
    p, spread = n_right / n, z**2 / n
    centre, half = p + spread / 2, z * math.sqrt((p * (1 - p) + spread / 4) / n)
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def mcnemar(y_true: ArrayLike, one: ArrayLike, other: ArrayLike) -> float:
    """Return how likely two classifiers that are equally good differ on the same rows by as much as these two do.

    Only rows count that one alone gets wrong. Were both equally good, each such row would be either's with the
    probability 1/2: with k the smaller and n the number of both, ``p = min(1, 2 sum_{i <= k} C(n, i) / 2^n)``, exactly.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    one, other : array-like of shape (n_samples,)
        What each of the two has predicted.

    Returns
    -------
    float
        The p-value, 0..1; 1 where both are wrong on the same rows.

    References
    ----------
    McNemar (1947), Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12. Dietterich (1998), Approximate statistical tests for comparing supervised classification learning
    algorithms, Neural Computation 10.

    Examples
    --------
    >>> mcnemar([0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1])
    0.125
    """
    check_consistent_length(y_true, one, other)
    true = np.asarray(y_true)
    wrong, wrong_too = np.asarray(one) != true, np.asarray(other) != true
    return sign_test(int(np.sum(wrong & ~wrong_too)), int(np.sum(wrong_too & ~wrong)))


def sign_test(n_one: int, n_other: int) -> float:
    """Return McNemar's p-value from how many rows each of the two alone gets wrong; see `mcnemar`.

    Examples
    --------
    >>> sign_test(0, 4), sign_test(3, 3)
    (0.125, 1.0)
    """
    n, k = n_one + n_other, min(n_one, n_other)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
