from dataclasses import replace

from pipeline.search.methods import Trial
from pipeline.search.space import draw, read_space
from pipeline.search.table import best_of, importances, ranked, seconds_to_csv, to_csv

SPACE = read_space({"train.alpha": {"low": 0.0, "high": 1.0}, "train.hidden_layer_sizes": [[8], [8, 4]]})


def trial(number, accuracy, *, state="complete", log_loss=0.5, max_iter=None, layers=(8,), alpha=0.5):
    """Return a trial with a result."""
    values = {"train.alpha": alpha, "train.hidden_layer_sizes": list(layers)}
    result = {"state": state, "accuracy": accuracy, "log_loss": log_loss, "epochs": 3, "reason": None, "seconds": 1.5}
    return Trial(number, values, max_iter, None, result)


def test_the_best_stands_first():
    """More accurate, then of smaller log loss, then the first; what was not finished comes last."""
    trials = [
        trial(0, None, state="pruned", log_loss=None),
        trial(1, 0.8, log_loss=0.4),
        trial(2, 0.9),
        trial(3, 0.8, log_loss=0.3),
        trial(4, 0.8, log_loss=0.3),
        trial(5, None, state="failed", log_loss=None),
    ]
    assert [one.number for one in ranked(trials)] == [2, 3, 4, 1, 0, 5]
    assert best_of(trials) is trials[2]


def test_of_successive_halving_the_last_rung_decides():
    """A candidate that was left behind early may have been the luckier one."""
    assert best_of([trial(0, 0.9, max_iter=1), trial(1, 0.8, max_iter=3)]).number == 1


def test_without_a_finished_candidate_there_is_no_best():
    """Neither of none, nor of those that failed."""
    assert best_of([]) is None
    assert best_of([trial(0, None, state="failed")]) is None


def test_the_table_has_a_line_for_each():
    """Lists stand in it as in YAML, and what took how long beside it."""
    trials = [trial(0, 0.8, layers=(8, 4)), trial(1, 0.9)]
    assert to_csv(trials, SPACE).splitlines() == [
        "rank,number,train.alpha,train.hidden_layer_sizes,state,epochs,accuracy,log_loss,reason",
        "1,1,0.5,[8],complete,3,0.9,0.5,",
        '2,0,0.5,"[8, 4]",complete,3,0.8,0.5,',
    ]
    assert seconds_to_csv(trials) == "number,seconds\n0,1.500\n1,1.500\n"


def test_the_table_shows_how_many_samples_a_candidate_learned_from():
    """Where successive halving gave them out; more of them stand first, as more epochs do."""
    trials = [replace(trial(0, 0.9), n_samples=100), replace(trial(1, 0.8), n_samples=300)]
    assert best_of(trials) is trials[1]
    assert to_csv(trials, SPACE).splitlines() == [
        "rank,number,train.alpha,train.hidden_layer_sizes,n_samples,state,epochs,accuracy,log_loss,reason",
        "1,1,0.5,[8],300,complete,3,0.8,0.5,",
        "2,0,0.5,[8],100,complete,3,0.9,0.5,",
    ]


def test_what_decides_is_found_to_matter():
    """An accuracy that follows one parameter has nearly all of its importance from there."""
    drawn = draw(SPACE, 30, 0)
    trials = [
        trial(n, one["train.alpha"], alpha=one["train.alpha"], layers=one["train.hidden_layer_sizes"])
        for n, one in enumerate(drawn)
    ]
    found = importances(trials, SPACE)
    assert list(found) == ["train.alpha", "train.hidden_layer_sizes"]
    assert found["train.alpha"] > 0.95
    assert abs(sum(found.values()) - 1) < 0.001


def test_of_few_or_equal_candidates_nothing_is_told():
    """There is nothing to be learned from them."""
    assert importances([trial(0, 0.9), trial(1, 0.8)], SPACE) == {}
    assert importances([trial(number, 0.9) for number in range(9)], SPACE) == {}
