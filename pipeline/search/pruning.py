"""Optuna's way to search: what went well is drawn from, and what goes badly is stopped at the end of an epoch.

Optuna's sampler chooses a few candidates at a time, and its pruner looks at all that were finished before: so a search
comes to the same wherever its candidates run, and the same again where it goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

from pipeline.search.evaluation import FAILED, PRUNED, Watch
from pipeline.search.methods import EvaluateBatch, Trial
from pipeline.search.space import Candidate, Choice, Space

NO_OPTUNA = "--method optuna needs the extra `search`: `pip install 'digits-pipeline[search]'`"

AT_ONCE = 4
"""Candidates that are chosen before anything is heard of them."""

FIRST_AT_ONCE = 2
"""The same, until there are as many as `AT_ONCE`: none of the first can be stopped, for there is nothing to go by."""

N_STARTUP = 5
"""Candidates that are drawn at random, at the least, before there is anything to go by."""

CHECK = 1 / 12
"""The part of all epochs after which candidates are compared, again and again."""


def import_optuna() -> ModuleType:
    """Import Optuna, and have it print warnings alone.

    Raises
    ------
    ModuleNotFoundError
        Naming the extra, where it is not installed.
    """
    try:
        import optuna  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NO_OPTUNA) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@dataclass(frozen=True)
class Pruning:
    """Tells after each epoch whether to go on, by Optuna's pruner and what became of earlier candidates.

    Parameters
    ----------
    max_iter : int
        The epochs of a whole training, of which the pruner looks after every twelfth.
    curves : tuple of tuple of float
        The accuracy after each epoch of earlier candidates, stopped ones as well, in their order.
    """

    max_iter: int
    curves: tuple[tuple[float, ...], ...] = ()

    def begin(self) -> Watch:
        """Return what hears of the epochs of one candidate, and tells whether to stop."""
        optuna = import_optuna()
        study = optuna.create_study(direction="maximize", pruner=_pruner(optuna, self.max_iter))
        for curve in self.curves:
            values = dict(enumerate(curve, start=1))
            study.add_trial(optuna.trial.create_trial(value=curve[-1], intermediate_values=values))
        return partial(_is_hopeless, study.ask())

    def describe(self) -> list[list[float]]:
        """Return all that its answers depend on but for the rule, in JSON's own types."""
        return [list(curve) for curve in self.curves]


def rule(max_iter: int) -> str:
    """Return the pruner as words, which tell searches of different rules apart.

    Examples
    --------
    >>> rule(24)
    'median, every 2 epochs'
    """
    return f"median, every {_interval(max_iter)} epochs"


def _is_hopeless(trial: Any, epoch: int, accuracy: float) -> bool:
    """Report an epoch, counted from 1, and return what Optuna says."""
    trial.report(accuracy, epoch)
    return bool(trial.should_prune())


def _pruner(optuna: ModuleType, max_iter: int) -> Any:
    """Return Optuna's pruner: a candidate goes on while its best epoch is as good as the median of others by then."""
    interval = _interval(max_iter)
    return optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=interval, interval_steps=interval)


def _interval(max_iter: int) -> int:
    """Return how many epochs lie between two comparisons."""
    return max(1, round(max_iter * CHECK))


def search_optuna(
    space: Space, n_candidates: int, seed: int, evaluate: EvaluateBatch, *, max_iter: int | None = None
) -> list[Trial]:
    """Evaluate candidates that Optuna's sampler (TPE) chooses by what the others came to.

    Parameters
    ----------
    space, n_candidates, seed, evaluate
        As the other methods take them.
    max_iter : int or None, default=None
        The epochs of a whole training, of which candidates are stopped that are worse than others were after as many;
        None stops none.

    Returns
    -------
    list of Trial
        With their results.
    """
    optuna = import_optuna()
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(N_STARTUP, len(space)), multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    done: list[Trial] = []
    while len(done) < n_candidates:
        pruning = None if max_iter is None else Pruning(max_iter, _curves(done))
        asked = [study.ask(_distributions(optuna, space)) for _ in range(_n_at_once(len(done), n_candidates))]
        trials = [
            Trial(len(done) + number, _candidate(space, one.params), pruning=pruning)
            for number, one in enumerate(asked)
        ]
        for one, trial in zip(asked, evaluate(trials), strict=True):
            done.append(replace(trial, pruning=None))
            _tell(optuna, study, one, trial.result)
    return done


def _n_at_once(n_done: int, n_candidates: int) -> int:
    """Return how many candidates are chosen next."""
    return min(FIRST_AT_ONCE if n_done < AT_ONCE else AT_ONCE, n_candidates - n_done)


def _curves(trials: Sequence[Trial]) -> tuple[tuple[float, ...], ...]:
    """Return the curves of what was finished or stopped."""
    return tuple(tuple(one.result["curve"]) for one in trials if one.result["state"] != FAILED)


def _tell(optuna: ModuleType, study: Any, asked: Any, result: Mapping[str, Any]) -> None:
    """Tell Optuna what a candidate came to."""
    states = {PRUNED: optuna.trial.TrialState.PRUNED, FAILED: optuna.trial.TrialState.FAIL}
    for epoch, accuracy in enumerate(result["curve"], start=1):
        asked.report(accuracy, epoch)
    if result["state"] in states:
        study.tell(asked, state=states[result["state"]])
    else:
        study.tell(asked, result["accuracy"])


def _distributions(optuna: ModuleType, space: Space) -> dict[str, Any]:
    """Return the space as Optuna has it: of choices, their places."""
    made = optuna.distributions
    return {
        name: made.CategoricalDistribution(range(len(one.values)))
        if isinstance(one, Choice)
        else (made.IntDistribution if one.whole else made.FloatDistribution)(one.low, one.high, log=one.log)
        for name, one in space.items()
    }


def _candidate(space: Space, params: Mapping[str, Any]) -> Candidate:
    """Return a candidate of what Optuna has chosen."""
    return {
        name: one.values[params[name]] if isinstance(one, Choice) else one.rounded(params[name])
        for name, one in space.items()
    }
