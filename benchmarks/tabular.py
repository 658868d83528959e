"""How well ``make_tabular`` predicts, beside scikit-learn's network, trees and linear models, on tables that it has.

5 times 2-fold cross-validation (Dietterich 1998, Neural Computation 10), all with their defaults, and the combined F
test of Alpaydin 1999, Neural Computation 11, for whether two differ by more than chance. Nothing of ours was chosen on
these tables: the settings are RealMLP's, and what they leave open was chosen on other tables that generators make.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import f as f_distribution
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.houses import houses
from benchmarks.options import Options, say
from pipeline import make_tabular

MINUTES = 5
REPEATS, N_HOUSES, N_MEMBERS = 5, 2_000, 4
ONE, MEMBERS = "make_tabular", f"make_tabular, {N_MEMBERS} members"
SCALED, PLAIN = "scikit-learn's MLP, scaled", "scikit-learn's MLP"
TREES, LINEAR = "histogram gradient boosting", "logistic or ridge regression"
_Data = tuple[NDArray[Any], NDArray[Any]]

TABLES: dict[str, tuple[str, Callable[[], _Data]]] = {
    "breast cancer": ("classification", lambda: load_breast_cancer(return_X_y=True)),
    "wine": ("classification", lambda: load_wine(return_X_y=True)),
    "digits": ("classification", lambda: load_digits(return_X_y=True)),
    "diabetes": ("regression", lambda: load_diabetes(return_X_y=True)),
    "houses of a generator": ("regression", lambda: houses(N_HOUSES, seed=0)),
}
"""The task of each, and what loads it."""
SIDES = (ONE, MEMBERS, SCALED, PLAIN, TREES, LINEAR)


def run(options: Options) -> dict[str, Any]:
    """Cross-validate every side on every table, two fits at a time."""
    repeats = options.turns(REPEATS)
    names = ["wine", "diabetes"] if options.quick else list(TABLES)
    changes = {"max_iter": 2} if options.quick else {}
    found = []
    for name in names:
        say(f"tabular: {name}")
        task, load = TABLES[name]
        X, y = load()
        jobs = [(side, *split) for side in SIDES for split in splits(task, X, y, repeats)]
        scores = Parallel(n_jobs=2)(
            delayed(score)(task, side, seed, changes, (X[train], y[train]), (X[test], y[test]))
            for side, seed, train, test in jobs
        )
        by_side = np.reshape(scores, (len(SIDES), repeats, 2))
        found.append(
            {
                "what": name,
                "task": task,
                "shape": list(X.shape),
                "scores": {side: one.ravel().round(5).tolist() for side, one in zip(SIDES, by_side, strict=True)},
                "p": {side: round(p_value(by_side[SIDES.index(side)] - by_side[2]), 4) for side in (ONE, MEMBERS)},
            }
        )
    return {"repeats": repeats, "tables": found}


def splits(task: str, X: Any, y: Any, repeats: int) -> list[tuple[int, Any, Any]]:
    """Return the number of the repeat, and the rows to train and to test on, of every fold."""
    kind = StratifiedKFold if task == "classification" else KFold
    folds = [(seed, kind(2, shuffle=True, random_state=seed)) for seed in range(repeats)]
    return [(seed, train, test) for seed, fold in folds for train, test in fold.split(X, y)]


def model(task: str, side: str, seed: int, changes: dict[str, Any]) -> Any:
    """Return what a side takes for a task; ours with some parameters changed."""
    ours = {"random_state": seed, "n_threads": 1, **changes}
    classifies = task == "classification"
    if side in (ONE, MEMBERS):
        return make_tabular("classification" if classifies else "regression", **ours, n_members=_MEMBERS[side])
    network, trees, linear = (
        (MLPClassifier, HistGradientBoostingClassifier, LogisticRegression())
        if classifies
        else (MLPRegressor, HistGradientBoostingRegressor, Ridge())
    )
    if side == TREES:
        return trees(random_state=seed)
    if side == LINEAR:
        return make_pipeline(StandardScaler(), linear)
    plain = network(random_state=seed)
    if side == PLAIN:
        return plain
    scaled = make_pipeline(StandardScaler(), plain)
    return scaled if classifies else TransformedTargetRegressor(scaled, transformer=StandardScaler())


_MEMBERS = {ONE: 1, MEMBERS: N_MEMBERS}


def score(task: str, side: str, seed: int, changes: dict[str, Any], train: _Data, test: _Data) -> float:
    """Return the accuracy, or for numbers R squared, on rows that were not trained on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(model(task, side, seed, changes).fit(*train).score(*test))


def p_value(differences: Sequence[Sequence[float]] | NDArray[np.float64]) -> float:
    """Return how probable differences at least as large are, (n_repeats, 2), of two that are equally good.

    f = (sum of all squared differences) / (2 sum of the variances of each repeat), by the distribution F(2n, n) for n
    repeats: Alpaydin 1999.

    Examples
    --------
    >>> p_value([[0.02, 0.01], [0.03, 0.02], [0.02, 0.02], [0.01, 0.02], [0.02, 0.01]]) < 0.05
    True
    >>> p_value([[0.02, -0.01], [-0.03, 0.01], [0.02, -0.02], [0.01, -0.02], [0.02, -0.01]]) > 0.5
    True
    """
    by_repeat = np.asarray(differences, dtype=float)
    n = len(by_repeat)
    variances = np.square(by_repeat - by_repeat.mean(axis=1, keepdims=True)).sum()
    total = np.square(by_repeat).sum()
    if variances == 0:
        return float(total == 0)
    return float(f_distribution.sf(total / (2 * variances), 2 * n, n))
