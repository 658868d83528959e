"""How candidates are chosen: at random, all of a grid, or by successive halving. Each is scikit-learn's.

A method is handed what evaluates a batch, and returns what became of all candidates. It draws from its seed alone, so
that a search that is repeated asks for the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, PredefinedSplit

from pipeline.search.space import Candidate, Space, all_of, draw

EPOCHS = "train.max_iter"
"""What successive halving gives more and more of, where it is not rows."""

FACTOR = 3
"""One of so many goes on, and has so many times the resource."""


@dataclass(frozen=True)
class Resource:
    """What successive halving gives candidates more and more of.

    Parameters
    ----------
    name : {"max_iter", "n_samples"}
        Epochs, or rows to learn from.
    most : int
        What no candidate has more of.
    least : int, default=1
        What every candidate has.
    """

    name: Literal["max_iter", "n_samples"]
    most: int
    least: int = 1


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
    n_samples : int or None, default=None
        The rows that successive halving has it learn from; None is all.
    """

    number: int
    values: Candidate
    max_iter: int | None = None
    pruning: Any = None
    result: dict[str, Any] = field(default_factory=dict)
    n_samples: int | None = None

    @property
    def given(self) -> int:
        """What successive halving gives it, of epochs or of rows; 0 without."""
        return self.max_iter or self.n_samples or 0


def with_epochs(trial: Trial) -> Candidate:
    """Return a candidate with the epochs that successive halving gives it.

    Examples
    --------
    >>> with_epochs(Trial(0, {"train.alpha": 0.1}, max_iter=3))
    {'train.alpha': 0.1, 'train.max_iter': 3}
    """
    return trial.values if trial.max_iter is None else trial.values | {EPOCHS: trial.max_iter}


EvaluateBatch = Callable[[Sequence[Trial]], list[Trial]]
"""Evaluates trials at once, and returns them in their order with their results."""


def search_random(space: Space, n_candidates: int, seed: int, evaluate: EvaluateBatch) -> list[Trial]:
    """Evaluate candidates that are drawn from a space."""
    return evaluate([Trial(number, values) for number, values in enumerate(draw(space, n_candidates, seed))])


def search_grid(space: Space, evaluate: EvaluateBatch) -> list[Trial]:
    """Evaluate every candidate of a grid."""
    return evaluate([Trial(number, values) for number, values in enumerate(all_of(space))])


def search_halving(
    space: Space, n_candidates: int, seed: int, resource: Resource, evaluate: EvaluateBatch
) -> list[Trial]:
    """Give drawn candidates little of a resource, and the best third three times as much, until one is left.

    Parameters
    ----------
    space, n_candidates, seed, evaluate
        As the other methods take them.
    resource : Resource
        Epochs, or rows to learn from.

    Returns
    -------
    list of Trial
        Each candidate as it was evaluated last.
    """
    trials = [Trial(number, values) for number, values in enumerate(draw(space, n_candidates, seed))]
    if len(trials) < 2 or resource.most < max(2, resource.least):
        return evaluate(trials)
    lookup = _Lookup()
    halving = _Halving(
        lookup,
        {"number": [trial.number for trial in trials]},
        resource="given",
        max_resources=resource.most,
        factor=FACTOR,
        min_resources=_smallest(resource, len(trials)),
        cv=PredefinedSplit([-1, 0]),
        n_jobs=1,  # it only looks up, and shall not do so on the workers
        refit=False,
        random_state=seed,
    )

    def evaluate_rung(candidates: Sequence[dict[str, int]]) -> None:
        given: Any = [{resource.name: one["given"], "result": {}} for one in candidates]
        asked = [replace(trials[one["number"]], **more) for one, more in zip(candidates, given, strict=True)]
        for trial in evaluate(asked):
            trials[trial.number] = trial
            lookup.scores[trial.number, trial.given] = score_of(trial)

    halving.evaluate_rung = evaluate_rung
    halving.fit([[0], [0]], [0, 0])
    return trials


def _smallest(resource: Resource, n_candidates: int) -> int | str:
    """Return what scikit-learn starts with: as much as leaves one candidate with nearly all, or the least."""
    n_rungs = 0
    while FACTOR ** (n_rungs + 1) <= n_candidates:
        n_rungs += 1
    return "exhaust" if resource.most // FACTOR**n_rungs >= resource.least else resource.least


def score_of(trial: Trial) -> float:
    """Return the accuracy of a trial; one that has none is worse than any."""
    accuracy = trial.result.get("accuracy")
    return -1.0 if accuracy is None else float(accuracy)


class _Lookup(BaseEstimator):
    """What scikit-learn takes for the estimator: it looks up what workers have found."""

    def __init__(self, number: int = 0, given: int = 1, scores: dict[Any, float] | None = None) -> None:
        self.number = number
        self.given = given
        self.scores: Any = _Scores() if scores is None else scores

    def fit(self, X: Any, y: Any = None) -> "_Lookup":
        """Learn nothing."""
        del X, y
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Return what was found."""
        del X, y
        return float(self.scores[self.number, self.given])


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
