"""How candidates are chosen: at random, all of a grid, or by successive halving. Each is scikit-learn's.

A method is handed what evaluates a batch, and returns what became of all candidates. It draws from its seed alone, so
that a search that is repeated asks for the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, PredefinedSplit

from pipeline.search.space import Candidate, Space, all_of, draw

EPOCHS = "train.max_iter"
"""What successive halving gives more and more of."""

FACTOR = 3
"""One of so many goes on, and has so many times the epochs."""


@dataclass(frozen=True)
class Trial:
    """A candidate and what it came to.

    Parameters
    ----------
    number : int
        Its own, from 0 on.
    values : dict
        The candidate.
    max_iter : int or None, default=None
        The epochs that successive halving gives it; None where the file of parameters says how many.
    pruning : object or None, default=None
        What tells whether to go on after each epoch.
    result : dict
        What ``evaluate`` returned; empty before.
    """

    number: int
    values: Candidate
    max_iter: int | None = None
    pruning: Any = None
    result: dict[str, Any] = field(default_factory=dict)


EvaluateBatch = Callable[[Sequence[Trial]], list[Trial]]
"""Evaluates trials at once, and returns them in their order with their results."""


def search_random(space: Space, n_candidates: int, seed: int, evaluate: EvaluateBatch) -> list[Trial]:
    """Evaluate candidates that are drawn from a space."""
    return evaluate([Trial(number, values) for number, values in enumerate(draw(space, n_candidates, seed))])


def search_grid(space: Space, evaluate: EvaluateBatch) -> list[Trial]:
    """Evaluate every candidate of a grid."""
    return evaluate([Trial(number, values) for number, values in enumerate(all_of(space))])


def search_halving(space: Space, n_candidates: int, seed: int, max_iter: int, evaluate: EvaluateBatch) -> list[Trial]:
    """Train drawn candidates for few epochs, and the best third for three times as many, until one is left.

    Parameters
    ----------
    space, n_candidates, seed, evaluate
        As the other methods take them.
    max_iter : int
        The epochs that no candidate has more of.

    Returns
    -------
    list of Trial
        Each candidate as it was evaluated last.
    """
    trials = [Trial(number, values) for number, values in enumerate(draw(space, n_candidates, seed))]
    if len(trials) < 2 or max_iter < 2:
        return evaluate(trials)
    lookup = _Lookup()
    halving = _Halving(
        lookup,
        {"number": [trial.number for trial in trials]},
        resource="max_iter",
        max_resources=max_iter,
        factor=FACTOR,
        min_resources="exhaust",
        cv=PredefinedSplit([-1, 0]),
        n_jobs=1,  # it only looks up, and shall not do so on the workers
        refit=False,
        random_state=seed,
    )

    def evaluate_rung(candidates: Sequence[dict[str, int]]) -> None:
        asked = [replace(trials[one["number"]], max_iter=one["max_iter"], result={}) for one in candidates]
        for trial in evaluate(asked):
            trials[trial.number] = trial
            lookup.scores[trial.number, trial.max_iter] = score_of(trial)

    halving.evaluate_rung = evaluate_rung
    halving.fit([[0], [0]], [0, 0])
    return trials


def score_of(trial: Trial) -> float:
    """Return the accuracy of a trial; one that has none is worse than any."""
    accuracy = trial.result.get("accuracy")
    return -1.0 if accuracy is None else float(accuracy)


class _Lookup(BaseEstimator):
    """What scikit-learn takes for the estimator: it looks up what workers have found."""

    def __init__(self, number: int = 0, max_iter: int = 1, scores: dict[Any, float] | None = None) -> None:
        self.number = number
        self.max_iter = max_iter
        self.scores: Any = _Scores() if scores is None else scores

    def fit(self, X: Any, y: Any = None) -> "_Lookup":
        """Learn nothing."""
        del X, y
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Return what was found."""
        del X, y
        return float(self.scores[self.number, self.max_iter])


class _Scores(dict[Any, float]):
    """Scores that clones of the estimator share."""

    def __deepcopy__(self, _: Any) -> "_Scores":
        return self


class _Halving(HalvingGridSearchCV):
    """scikit-learn's successive halving, with all candidates of a rung evaluated at once, elsewhere."""

    evaluate_rung: Callable[[Sequence[dict[str, int]]], None]

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        # scikit-learn reads the signature, and hands over the context where it finds a place for it
        extra = {} if callback_ctx is None else {"callback_ctx": callback_ctx}

        def evaluated(candidates: Sequence[dict[str, int]], *args: Any, **kwargs: Any) -> Any:
            self.evaluate_rung(candidates)
            return evaluate_candidates(candidates, *args, **kwargs)

        super()._run_search(evaluated, **extra)
