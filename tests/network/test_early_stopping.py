"""When training stops before its last epoch."""

import numpy as np
import pytest

from pipeline.network.early_stopping import EarlyStopping


@pytest.mark.parametrize(
    ("monitor", "figures", "best"),
    [
        ("loss", [5, 3, 2.95, 2.9, 2.5], [1, 1, 1, 1, 1]),
        ("validation_score", [0.5, 0.8, 0.7, 0.8, 1], [1, 1, 0, 0, 1]),
    ],
)
def test_a_figure_gets_better_downwards_or_upwards(monitor, figures, best):
    """Losses fall and scores rise; what is better by less than tol is the best, but stalls."""
    stopping = EarlyStopping(monitor, tol=0.1, patience=1)
    assert [stopping.update(figure) for figure in figures] == [bool(one) for one in best]
    assert stopping.best == figures[-1]
    assert stopping.stalled == 0


@pytest.mark.parametrize("monitor", ["validation_loss", "validation_score"])
def test_what_is_no_number_is_never_the_best(monitor):
    """Validation data may overflow where training data do not; the epochs after it are compared among themselves."""
    stopping = EarlyStopping(monitor)
    assert [stopping.update(figure) for figure in (np.nan, 0.5, np.nan, 0.5)] == [False, True, False, False]
    assert (stopping.best, stopping.stalled) == (0.5, 2)


def test_patience_is_counted_in_epochs():
    """After more than `patience` epochs without getting better, it is time; inf never is."""
    for patience, should_stop in ((2, [False, False, False, True]), (np.inf, [False] * 4)):
        stopping, found = EarlyStopping("loss", 0.1, patience), []
        for figure in (1, 1, 1, 1):
            stopping.update(figure)
            found.append(stopping.should_stop)
        assert found == should_stop


@pytest.mark.parametrize(("monitor", "worse"), [("loss", 0.6), ("validation_score", 0.4)])
def test_the_last_of_equals_may_be_the_best(monitor, worse):
    """One as good as the best then counts as it, but not as an improvement that is waited for; no NaN does."""
    figures = [np.nan, 0.5, 0.5, worse, np.nan, 0.5]
    for of_equals, best in (("first", [0, 1, 0, 0, 0, 0]), ("last", [0, 1, 1, 0, 0, 1])):
        stopping = EarlyStopping(monitor, tol=0.1, of_equals=of_equals)
        assert [stopping.update(figure) for figure in figures] == [bool(one) for one in best]
        assert (stopping.best, stopping.stalled) == (0.5, 4)
