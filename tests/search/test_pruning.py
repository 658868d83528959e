from dataclasses import replace

import pytest

from pipeline.search.methods import Trial
from pipeline.search.pruning import AT_ONCE, Pruning, search_optuna
from pipeline.search.space import Choice, read_space

SPACE = read_space(
    {
        "train.alpha": {"low": 0.0, "high": 1.0},
        "train.max_iter": {"low": 2, "high": 9},
        "train.hidden_layer_sizes": [[8], [8, 4]],
    }
)
GOOD, BAD = (0.6, 0.8, 0.9), (0.1, 0.2, 0.3)
EPOCHS = 12


class Evaluate:
    """Finds that large values are good, after as many epochs as pruning lets them have."""

    def __init__(self):
        self.batches = []

    def __call__(self, trials):
        self.batches.append(trials)
        return [replace(trial, result=self.result(trial)) for trial in trials]

    def result(self, trial: Trial):
        """Return what a trial comes to."""
        accuracy, watch, curve = trial.values["train.alpha"], trial.pruning and trial.pruning.begin(), []
        for epoch in range(1, EPOCHS + 1):
            curve.append(accuracy * epoch / EPOCHS)
            if watch and epoch < EPOCHS and watch(epoch, curve[-1]):
                return {"state": "pruned", "accuracy": None, "curve": curve, "epochs": epoch}
        return {"state": "complete", "accuracy": accuracy, "curve": curve, "epochs": EPOCHS}


def test_a_candidate_like_the_best_goes_on():
    """After every epoch; without earlier candidates there is nothing to stop one by."""
    for curves in [(), (GOOD, BAD, BAD)]:
        watch = Pruning(3, curves).begin()
        assert not any(watch(epoch, accuracy) for epoch, accuracy in enumerate(GOOD, start=1))


def test_a_candidate_that_is_worse_than_others_is_stopped():
    """By the accuracy that others had after as many epochs."""
    watch = Pruning(3, (GOOD, GOOD, GOOD)).begin()
    assert any(watch(epoch, accuracy) for epoch, accuracy in enumerate(BAD, start=1))


@pytest.mark.parametrize(("max_iter", "checked"), [(40, [*range(3, 41, 3)]), (12, [*range(1, 13)]), (2, [1, 2])])
def test_candidates_are_compared_after_every_twelfth_of_all_epochs(max_iter, checked):
    """However many there are; one that falls behind in another epoch is not stopped in it."""
    rising, stopped = tuple(epoch / max_iter for epoch in range(1, max_iter + 1)), []
    for last in range(1, max_iter + 1):
        watch = Pruning(max_iter, (rising, rising)).begin()
        assert not any(watch(epoch, epoch / max_iter) for epoch in range(1, last))
        if watch(last, (last - 1) / max_iter):
            stopped.append(last)
    assert stopped == checked


def test_a_dip_does_not_stop_a_candidate():
    """Its best epoch so far is what counts."""
    curves = ((0.8, 0.85, 0.9), (0.7, 0.8, 0.85))
    dipped, worse = (Pruning(3, curves).begin() for _ in range(2))
    assert [dipped(epoch, accuracy) for epoch, accuracy in enumerate((0.95, 0.2, 0.2), start=1)] == [False] * 3
    assert worse(1, 0.71)


def test_optuna_chooses_by_what_it_has_heard():
    """Later candidates lie where earlier ones were good, and several are chosen at once."""
    evaluate = Evaluate()
    trials = search_optuna(SPACE, 30, 0, evaluate)
    assert [len(batch) for batch in evaluate.batches] == [2, 2, *[AT_ONCE] * 6, 2]
    values = [trial.values["train.alpha"] for trial in trials]
    assert sum(values[-10:]) > sum(values[:10]) + 1
    assert [trial.number for trial in trials] == list(range(30))


def test_values_are_those_of_the_space():
    """Integers are whole, floats have three digits, and choices are themselves."""
    for trial in search_optuna(SPACE, 12, 1, Evaluate(), max_iter=EPOCHS):
        assert isinstance(trial.values["train.max_iter"], int)
        assert float(f"{trial.values['train.alpha']:.3g}") == trial.values["train.alpha"]
        assert trial.values["train.hidden_layer_sizes"] in ([8], [8, 4])
        assert list(trial.values) == list(SPACE)


@pytest.mark.parametrize("seed", range(3))
def test_pruning_saves_epochs_and_loses_nothing(seed):
    """Of curves that never cross, the very best candidate is found, though ever better ones are drawn and go on."""
    pruned, whole = (search_optuna(SPACE, 30, seed, Evaluate(), max_iter=max_iter) for max_iter in (EPOCHS, None))
    epochs = [sum(trial.result["epochs"] for trial in trials) for trials in (pruned, whole)]
    best = [max(trial.result["accuracy"] or 0 for trial in trials) for trials in (pruned, whole)]
    assert epochs[0] < 0.75 * epochs[1]
    assert best[0] == best[1]


def test_the_same_seed_chooses_the_same():
    """Another seed does not."""
    one, again, other = (
        [trial.values for trial in search_optuna(SPACE, 8, seed, Evaluate(), max_iter=EPOCHS)] for seed in (0, 0, 1)
    )
    assert one == again != other


def test_a_candidate_that_failed_is_no_example():
    """Nothing is stopped by its curve, and others are still chosen."""

    def fail(trials):
        return [
            replace(trial, result={"state": "failed", "accuracy": None, "curve": [0.9], "epochs": 1})
            for trial in trials
        ]

    assert len(search_optuna({"train.batch_norm": Choice((True, False))}, 6, 0, fail, max_iter=EPOCHS)) == 6
