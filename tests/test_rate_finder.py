"""Finding a learning rate: what is suggested, what stays untouched, and what is said where there is none."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning

from pipeline import Deform, MLPClassifier, MLPRegressor, Train, find_learning_rate
from pipeline.network.compiled.engines import has_numba
from pipeline.network.training import DivergenceError
from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.rate_finder.finder import LARGEST, N_RATES, SMALLEST
from pipeline.rate_finder.suggestion import has_diverged, smooth, suggest

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


def model(**parameters):
    """Return a small network whose engine does not depend on what is installed."""
    given = {"hidden_layer_sizes": (32,), "batch_size": 32, "random_state": 0, "engine": "numpy", "n_threads": 1}
    return MLPClassifier(**given | parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd"},
        {"solver": "sgd", "activation": "logistic"},
        {"solver": "adam", "batch_norm": True},
        {"solver": "rmsprop"},
        {"solver": "adagrad"},
        {"solver": "adamw", "activation": "tanh", "dropout": 0.2},
    ],
    ids=str,
)
def test_the_suggestion_learns_as_well_as_the_best_of_a_grid(parameters):
    """In a short training it comes to at least 95 % of the accuracy that the best of seven rates does."""
    train, test = slice(1300), slice(1300, None)

    def accuracy(rate):
        one = model(**parameters, learning_rate_init=rate, max_iter=8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return one.fit(X[train], y[train]).score(X[test], y[test])

    suggestion = find_learning_rate(model(**parameters), X[train], y[train]).suggestion
    assert accuracy(suggestion) >= 0.95 * max(map(accuracy, np.geomspace(1e-4, 1, 7)))


def test_the_curve_belongs_together():
    """Rates rise exponentially from the smallest, losses and the smoothed curve are as long, and it ends diverged."""
    found = find_learning_rate(model(), X, y)
    assert found.rates.shape == found.losses.shape == found.smoothed.shape
    assert np.array_equal(found.rates, np.geomspace(SMALLEST, LARGEST, N_RATES)[: len(found.rates)])
    assert len(found.rates) < N_RATES
    assert np.isfinite(found.losses).all()
    assert has_diverged(found.losses)
    assert not has_diverged(found.losses[:-1])
    assert found.suggestion == suggest(found.rates, smooth(found.losses))
    assert repr(found).startswith(f"<LearningRateSweep: suggestion={found.suggestion:.2g}, ")


def test_the_model_stays_as_it_is():
    """Neither an unfitted model, nor a fitted one, nor its generator is touched."""
    fresh = model(random_state=np.random.default_rng(3))
    find_learning_rate(fresh, X, y)
    assert not hasattr(fresh, "network_")
    assert fresh.random_state.integers(1000) == np.random.default_rng(3).integers(1000)
    fitted = model(max_updates=5).fit(X, y)
    before = fitted.network_.params.copy()
    find_learning_rate(fitted, X, y)
    assert np.array_equal(fitted.network_.params, before)
    assert fitted.n_iter_ == 1


def test_the_random_state_decides_what_comes_out():
    """The same seed gives the same curve, another one another; learning rate and schedule do not matter."""
    one = find_learning_rate(model(dropout=0.2), X, y)
    same = find_learning_rate(model(dropout=0.2, learning_rate_init=5.0, learning_rate="cosine", max_iter=3), X, y)
    other = find_learning_rate(model(dropout=0.2, random_state=1), X, y)
    assert np.array_equal(one.losses, same.losses)
    assert not np.array_equal(one.losses[:50], other.losses[:50])


@pytest.mark.parametrize(
    ("parameters", "first"),
    [
        ({"alpha": 1000.0}, (3, np.inf)),  # the penalty is a part of the loss
        ({"augmentation": Deform(rotation=20)}, (2, 3)),
        ({"batch_size": 1, "pixel_scale": 1 / 255}, (2, 3)),
        ({"batch_size": "full"}, (2, 3)),
        ({"n_threads": 2, "hidden_layer_sizes": (400,), "batch_size": 512}, (2, 3)),
    ],
    ids=str,
)
def test_the_network_learns_as_the_model_says(parameters, first):
    """Penalty, augmentation, batches of any size and threads are those of the model."""
    found = find_learning_rate(model(**parameters), X, y)
    assert first[0] < found.losses[0] < first[1]
    assert SMALLEST < found.suggestion < LARGEST


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_compiled_loops_come_to_the_same_curve():
    """Either engine tells the same losses, but for their last bits, and NumPy's shape of the curve."""
    plain, compiled = (find_learning_rate(model(engine=engine), X, y) for engine in ("numpy", "numba"))
    assert np.allclose(plain.losses[:60], compiled.losses[:60], rtol=1e-4)


def test_weights_of_samples_and_several_labels_are_taken():
    """What ``fit`` takes is taken."""
    found = find_learning_rate(model(), X, y, np.where(y == 3, 5.0, 1.0))
    assert not np.array_equal(found.losses[:5], find_learning_rate(model(), X, y).losses[:5])
    assert find_learning_rate(model(), X, np.stack([y == 1, y > 5], axis=1).astype(int)).suggestion > SMALLEST


def test_few_samples_are_gone_through_many_times():
    """Twenty samples are enough for a sweep."""
    assert 1e-4 < find_learning_rate(model(), X[:20], y[:20]).suggestion < 1


def test_a_stage_is_a_model():
    """`Train` is the classifier, and is swept like it."""
    stage = Train(**model().get_params())
    assert np.array_equal(find_learning_rate(stage, X, y).losses, find_learning_rate(model(), X, y).losses)


def test_lbfgs_has_no_learning_rate():
    """The error says why there is nothing to find."""
    with pytest.raises(ParameterError, match=r"solver must be one that makes updates .* got 'lbfgs'"):
        find_learning_rate(model(solver="lbfgs"), X, y)


def test_another_estimator_is_refused():
    """The error names what is expected."""
    with pytest.raises(ParameterError, match="model must be an MLPClassifier or an MLPRegressor; got str"):
        find_learning_rate("adam", X, y)


def test_wrong_parameters_are_told_as_by_fit():
    """A parameter that is not allowed is named."""
    with pytest.raises(ParameterError, match="batch_size"):
        find_learning_rate(model(batch_size=0), X, y)


def test_a_loss_that_is_no_number_from_the_start_is_told():
    """Where the first loss is infinite already, no rate is suggested."""
    with pytest.raises(DivergenceError, match=r"before anything is learned.*no learning rate is found"):
        find_learning_rate(model(weight_init=1e9, hidden_layer_sizes=(32, 32)), X * np.float32(1e30), y)


def test_what_cannot_be_learned_is_said():
    """Where all samples are alike, the loss falls at no rate, and a warning says so."""
    with pytest.warns(UserWarning, match="fell at no learning rate") as caught:
        find_learning_rate(model(bias=False), np.zeros_like(X), y)
    assert caught[0].filename == __file__


def test_progress_hears_of_it():
    """A piece of work begins, moves on by rates, and ends, after an error as well."""

    class Diary(Progress):
        def __init__(self):
            self.heard = []

        def begin(self, what, total, unit):
            self.heard.append((what, total, unit))

        def advance(self, step=1, **figures):
            assert not figures  # which would be two hundred lines in a log
            self.heard.append(step)

        def end(self):
            self.heard.append("end")

    found = find_learning_rate(model(), X, y, progress=(diary := Diary()))
    assert diary.heard[0] == ("find-rate", N_RATES, "rates")
    assert len(found.rates) <= diary.heard.count(1) <= len(found.rates) + 1
    assert diary.heard[-1] == "end"


def test_smoothing_does_not_lag():
    """A step stays where it is, one batch that is far off hardly counts, and there is no bend at the ends."""
    step = smooth(np.repeat([2.0, 0.5], 50))
    assert step[49] > 1 > step[50]
    assert step[:30] == pytest.approx(2, rel=0.02)
    losses = np.ones(101)
    losses[50] = 100
    assert smooth(losses).max() < 2
    assert smooth(np.full(30, 0.7)) == pytest.approx(0.7)


def test_the_first_losses_do_not_end_a_sweep():
    """A first batch that is lucky is no minimum to measure the others by."""
    assert not has_diverged([0.1] + [2.3] * 9)
    assert has_diverged([2.3] * 30 + [np.inf])


def test_the_picture_is_a_figure():
    """It has the curve and the suggestion."""
    found = find_learning_rate(model(), X, y)
    [axes] = found.plot().axes
    assert axes.get_xscale() == "log"
    assert f"suggestion: {found.suggestion:g}" in axes.get_legend_handles_labels()[1]


def test_a_clone_is_as_good():
    """What decides is in the constructor."""
    assert find_learning_rate(clone(model()), X, y).suggestion == find_learning_rate(model(), X, y).suggestion


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "quantile"])
def test_a_regressor_has_a_rate_as_well(loss):
    """It learns at the suggestion, whatever its loss."""
    X, y = load_diabetes(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    y = np.exp(y).round() if loss == "poisson" else y
    model = MLPRegressor(loss, (32,), learning_rate="cosine", max_iter=30, random_state=0)
    found = find_learning_rate(model, X, y)
    assert 1e-4 < found.suggestion < 1
    assert model.set_params(learning_rate_init=found.suggestion).fit(X, y).score(X, y) > 0.3
