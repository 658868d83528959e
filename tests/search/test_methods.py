from dataclasses import replace

from pipeline.search.methods import Resource, search_grid, search_halving, search_random
from pipeline.search.space import draw, read_space

SPACE = read_space({"train.alpha": {"low": 0.0, "high": 1.0}})


class Evaluate:
    """Finds that large values are good, and remembers what it was asked for."""

    def __init__(self):
        self.batches = []

    def __call__(self, trials):
        self.batches.append([(trial.number, trial.given) for trial in trials])
        return [
            replace(trial, result={"state": "complete", "accuracy": trial.values["train.alpha"]}) for trial in trials
        ]


def test_random_search_asks_for_all_at_once():
    """Candidates are those that the seed draws."""
    evaluate = Evaluate()
    trials = search_random(SPACE, 4, 0, evaluate)
    assert [trial.values for trial in trials] == draw(SPACE, 4, 0)
    assert len(evaluate.batches) == 1


def test_grid_search_asks_for_the_grid():
    """Whatever number of candidates is asked for elsewhere."""
    assert [trial.values["train.alpha"] for trial in search_grid(SPACE, Evaluate())] == [0.0, 0.5, 1.0]


def test_halving_gives_the_best_third_three_times_as_many_epochs():
    """The rungs are scikit-learn's, and the best candidate has most epochs."""
    evaluate = Evaluate()
    trials = search_halving(SPACE, 9, 0, Resource("max_iter", 12), evaluate)
    values = [one["train.alpha"] for one in draw(SPACE, 9, 0)]
    order = sorted(range(9), key=lambda number: -values[number])
    assert [{epochs for _, epochs in batch} for batch in evaluate.batches] == [{1}, {3}, {9}]
    assert [{number for number, _ in batch} for batch in evaluate.batches] == [
        set(range(9)),
        set(order[:3]),
        set(order[:1]),
    ]
    assert [trial.max_iter for trial in trials] == [
        9 if number == order[0] else 3 if number in order[:3] else 1 for number in range(9)
    ]


def test_a_single_candidate_is_not_halved():
    """It is evaluated as it is."""
    evaluate = Evaluate()
    search_halving(SPACE, 1, 0, Resource("max_iter", 12), evaluate)
    assert evaluate.batches == [[(0, 0)]]


def test_halving_gives_out_samples_as_it_does_epochs():
    """The best candidate learns from nearly all rows, and epochs stay as they are."""
    evaluate = Evaluate()
    trials = search_halving(SPACE, 9, 0, Resource("n_samples", 1000, least=20), evaluate)
    assert [{given for _, given in batch} for batch in evaluate.batches] == [{111}, {333}, {999}]
    assert [len(batch) for batch in evaluate.batches] == [9, 3, 1]
    assert sorted(trial.n_samples for trial in trials) == [111] * 6 + [333] * 2 + [999]
    assert {trial.max_iter for trial in trials} == {None}


def test_no_candidate_has_less_than_the_least():
    """There are then fewer rungs, or none where there is not as much as that."""
    evaluate = Evaluate()
    search_halving(SPACE, 9, 0, Resource("n_samples", 100, least=20), evaluate)
    assert [{given for _, given in batch} for batch in evaluate.batches] == [{20}, {60}]
    evaluate = Evaluate()
    search_halving(SPACE, 9, 0, Resource("n_samples", 19, least=20), evaluate)
    assert evaluate.batches == [[(number, 0) for number in range(9)]]
