"""What a search has found: candidates in order, a table of them, and which parameters mattered."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from pipeline.search.evaluation import COMPLETE
from pipeline.search.methods import Trial, score_of
from pipeline.search.space import Choice, Space
from pipeline.strict_json import to_json

_FIGURES = ("state", "epochs", "accuracy", "log_loss", "reason")
_FEWEST = 5
"""Finished candidates from which on it is worth asking what mattered."""


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Return trials with the best first.

    Of those that were given most by successive halving the most accurate, of these the one of the smaller log loss, of
    these the first. What was pruned or failed comes last.
    """
    return sorted(trials, key=_order)


def _order(trial: Trial) -> tuple[Any, ...]:
    """Return what trials are sorted by."""
    result = trial.result
    log_loss = result.get("log_loss")
    unfinished = result.get("state") != COMPLETE
    return (
        unfinished,
        -trial.given,
        -score_of(trial),
        float("inf") if log_loss is None else log_loss,
        -result.get("epochs", 0),
        trial.number,
    )


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the best trial that was finished; None where there is none."""
    first = next(iter(ranked(trials)), None)
    return first if first is not None and first.result.get("state") == COMPLETE else None


def to_csv(trials: Sequence[Trial], space: Space) -> str:
    """Return the table: a line for each candidate, the best first."""
    names, gives = list(space), gives_samples(trials)
    rows = [["rank", "number", *names, *(["n_samples"] if gives else []), *_FIGURES]]
    for rank, trial in enumerate(ranked(trials), start=1):
        result = trial.result
        figures = [_cell(result.get(name)) for name in _FIGURES]
        figures = [_cell(trial.n_samples), *figures] if gives else figures
        rows.append([str(rank), str(trial.number), *(_cell(trial.values[name]) for name in names), *figures])
    return _to_csv(rows)


def gives_samples(trials: Sequence[Trial]) -> bool:
    """Tell whether candidates learned from parts of the rows, which tables then show."""
    return any(trial.n_samples is not None for trial in trials)


def seconds_to_csv(trials: Sequence[Trial]) -> str:
    """Return how long each candidate took, which no other table has, since it differs from run to run."""
    rows = [[str(trial.number), f"{trial.result.get('seconds', 0):.3f}"] for trial in trials]
    return _to_csv([["number", "seconds"], *rows])


def _to_csv(rows: Sequence[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _cell(value: Any) -> str:
    """Return a value as YAML has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value)


def importances(trials: Sequence[Trial], space: Space) -> dict[str, float]:
    """Return how much each parameter mattered: the part of the variance of accuracy that it explains.

    A random forest learns the accuracy from the parameters, and is asked with one of them shuffled (permutation
    importance); the parts sum to 1. With few candidates that is a hint, no more.

    Returns
    -------
    dict of float
        By name, the most important first; empty where there are too few finished candidates, or all are alike.
    """
    finished = [trial for trial in trials if trial.result.get("accuracy") is not None]
    scores = np.array([score_of(trial) for trial in finished])
    names = [name for name, one in space.items() if len(one.extremes) > 1]
    if len(finished) < _FEWEST or not names or np.ptp(scores) == 0:
        return {}
    X = encode(finished, space, names)
    forest = RandomForestRegressor(200, random_state=0, n_jobs=1).fit(X, scores)
    found = np.maximum(
        permutation_importance(forest, X, scores, n_repeats=20, random_state=0, n_jobs=1).importances_mean, 0
    )
    total = float(found.sum())
    parts = {name: round(float(one) / total, 4) if total else 0.0 for name, one in zip(names, found, strict=True)}
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def encode(trials: Sequence[Trial], space: Space, names: Sequence[str]) -> NDArray[np.float64]:
    """Return values as numbers: of choices their places, of ranges the values, or their logarithms."""
    columns = [[_number(space[name], trial.values[name]) for trial in trials] for name in names]
    return np.array(columns, float).T


def _number(one: Any, value: Any) -> float:
    if isinstance(one, Choice):
        return float(one.values.index(value))
    return float(np.log(value)) if one.log else float(value)
