"""The regressor: scikit-learn's to the digit where it is scikit-learn's, and what it has beyond."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import scipy.sparse
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neural_network import MLPRegressor as Theirs
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipeline import Deform, MLPClassifier, MLPRegressor
from pipeline.callbacks import OnEpoch
from pipeline.network import Adversarial, ExponentialAverage, LastEpochs, VirtualAdversarial
from pipeline.network.training import DivergenceError
from pipeline.parameters import ParameterError, parameters_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 60
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 5))
WEIGHT = rng.random(N) + 0.1
ONE = X[:, 0] + np.sin(2 * X[:, 1])
TARGETS = {"one": ONE, "several": np.stack([ONE, X[:, 2] * X[:, 3]], axis=1)}
COUNTS = {"one": rng.poisson(np.exp(X[:, 0])), "several": rng.poisson(np.exp(X[:, :2]))}
LOSSES = ("squared_error", "poisson", "absolute_error", "huber", "quantile")


def targets(loss, target):
    """Return targets that a loss is meant for."""
    return (COUNTS if loss == "poisson" else TARGETS)[target]


def small(**parameters):
    """Return a regressor that is quick to train."""
    return MLPRegressor(**{"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0, **parameters})


# ---------------------------------------------------------------- scikit-learn's estimator


def test_the_first_parameters_are_scikit_learns():
    """Names, order, kinds and defaults of its 24 come first; all others are keywords."""
    ours = list(inspect.signature(MLPRegressor).parameters.values())
    theirs = list(inspect.signature(Theirs).parameters.values())
    assert len(theirs) == 24
    for one, other in zip(ours, theirs, strict=False):
        assert (one.name, one.kind, one.default) == (other.name, other.kind, other.default)
    assert all(one.kind is one.KEYWORD_ONLY for one in ours[len(theirs) :])


CHECKED = [
    MLPRegressor(max_iter=40, learning_rate_init=0.02, random_state=0),
    MLPRegressor(solver="sgd", learning_rate_init=0.002, max_iter=100, random_state=0),
    MLPRegressor(solver="lbfgs", max_iter=50, random_state=0),
    MLPRegressor("huber", delta=0.5, learning_rate_init=0.02, max_iter=60, random_state=0),
    MLPRegressor("absolute_error", learning_rate_init=0.02, max_iter=60, random_state=0),
    MLPRegressor("quantile", quantile=0.4, learning_rate_init=0.02, max_iter=60, random_state=0),
    MLPRegressor("poisson", learning_rate_init=0.02, max_iter=60, random_state=0),
    MLPRegressor(batch_size=5, max_iter=20, random_state=0),
    MLPRegressor(
        batch_norm=True,
        noise=0.1,
        averaging=LastEpochs(5),
        max_norm=3,
        max_iter=60,
        learning_rate_init=0.02,
        random_state=0,
    ),
    MLPRegressor(adversary=Adversarial(0.02), max_iter=60, learning_rate_init=0.02, random_state=0),
]
UNEQUAL_BATCHES = "rows given twice, and rows of weight 0 left out, are not batched as weighted ones are"


def failing(estimator):
    """Return the checks that cannot hold: only a batch of all rows is the same for weights as for repetitions."""
    if estimator.loss == "poisson":
        return {"check_regressor_multioutput": "it has negative targets, whatever the tags say"}
    if estimator.batch_size != 5 and not estimator.batch_norm:
        return {}
    return {f"check_sample_weight_equivalence_on_{kind}_data": UNEQUAL_BATCHES for kind in ("dense", "sparse")}


@pytest.mark.filterwarnings("ignore:.*a network learns targets best:UserWarning")
@parametrize_with_checks(CHECKED, expected_failed_checks=failing)
def test_scikit_learns_checks(estimator, check):
    """It is an estimator as scikit-learn defines one, with every loss and several targets."""
    check(estimator)


class FromTheirStart(MLPRegressor):
    """Begins with the weights that scikit-learn begins with for seed 0."""

    def _begin(self, samples):
        super()._begin(samples)
        legacy, gain = np.random.RandomState(0), 2 if self.activation == "logistic" else 6
        for layer in self.network_.affine_layers:
            bound = np.sqrt(gain / (layer.n_in + layer.n_out))
            layer.W[:] = legacy.uniform(-bound, bound, layer.W.shape)
            layer.b[:] = legacy.uniform(-bound, bound, layer.b.shape)


SAME = {
    "adam": {"solver": "adam"},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 1},
    "mini-batches": {"solver": "adam", "batch_size": 7},
    "penalty": {"solver": "adam", "alpha": 2.0},
    "two layers": {"solver": "adam", "hidden_layer_sizes": (6, 4), "activation": "tanh"},
    "lbfgs": {"solver": "lbfgs", "alpha": 0.5},
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("name", SAME)
def test_ten_epochs_are_scikit_learns(name, loss, target, weighted):
    """From the same weights, loss curve and weights agree with scikit-learn's."""
    options = {"hidden_layer_sizes": (6,), "max_iter": 10, "learning_rate_init": 0.02, "random_state": 0}
    options |= {"shuffle": False, **SAME[name]}
    weight, y = WEIGHT if weighted else None, targets(loss, target)
    ours = FromTheirStart(loss, **options).fit(X, y, weight)
    theirs = Theirs(loss, **options).fit(X, y, weight)
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)
    for one, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert_allclose(one, other, rtol=1e-6, atol=1e-9)
    for attribute in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert ours.predict(X).shape == theirs.predict(X).shape == y.shape
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6, atol=1e-9)
    assert_allclose(ours.score(X, y), theirs.score(X, y), rtol=1e-9)


def test_single_precision_is_near_scikit_learns():
    """In float32 both come to the same to its precision, and stay in it."""
    options = {"hidden_layer_sizes": (6,), "max_iter": 10, "learning_rate_init": 0.02, "shuffle": False}
    single = X.astype(np.float32)
    ours = FromTheirStart(random_state=0, **options).fit(single, ONE)
    theirs = Theirs(random_state=0, **options).fit(single, ONE)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-5)
    assert {array.dtype for array in (*ours.coefs_, *ours.intercepts_, ours.predict(single))} == {single.dtype}


# ---------------------------------------------------------------- losses and targets


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_is_learned(loss, target, engine):
    """In the shape of the targets, by both engines, with the score of an epoch that the estimator has as well."""
    y = targets(loss, target)
    model = MLPRegressor(
        loss, (20,), engine=engine, max_iter=150, learning_rate_init=0.02, n_iter_no_change=np.inf, random_state=0
    ).fit(X, y, X_val=X, y_val=y)
    assert model.engine_ == engine
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > (0.7 if loss == "quantile" else 0.8)  # D^2 is nearer to 0 than R^2
    assert model.history_["validation_score"][-1] == pytest.approx(model.score(X, y))
    assert model.history_["score"][-1] == pytest.approx(model.score(X, y), abs=0.05)
    assert model.out_activation_ == ("exp" if loss == "poisson" else "identity")


def test_losses_aim_at_what_they_say():
    """Without a feature that tells anything, at mean, median, quantiles, and what Huber's is least for."""
    y = np.r_[np.zeros(60), np.ones(25), np.full(15, 10.0)]
    nothing = np.zeros((100, 1))
    options = {"hidden_layer_sizes": (), "learning_rate": "cosine", "learning_rate_init": 0.5, "max_iter": 600}
    options |= {"tol": 0, "random_state": 0, "n_iter_no_change": np.inf}

    def constant(loss, **parameters):
        return MLPRegressor(loss, **options, **parameters).fit(nothing, y).predict(nothing[:1])[0]

    assert constant("squared_error") == pytest.approx(y.mean(), abs=1e-3)
    assert constant("poisson") == pytest.approx(y.mean(), abs=1e-2)
    assert constant("absolute_error") == pytest.approx(0, abs=0.05)
    assert constant("quantile", quantile=0.9) == pytest.approx(10, abs=0.1)
    assert_allclose(constant("quantile", quantile=(0.1, 0.7)), [0, 1], atol=0.1)
    # Huber's derivative is 0 there: 60 c + 25 (c - 1) - 15 = 0.
    assert constant("huber") == pytest.approx(40 / 85, abs=1e-3)


@pytest.mark.parametrize("target", TARGETS)
def test_several_quantiles_are_on_an_axis_of_their_own(target):
    """At the end, in the order given; a single one keeps the shape of y, and one in a tuple has its axis."""
    y = TARGETS[target]
    for quantile, shape in ((0.3, ()), ((0.3,), (1,)), ((0.9, 0.1, 0.5), (3,)), ([0.1, 0.9], (2,))):
        model = small(loss="quantile", quantile=quantile, max_iter=30).fit(X, y)
        assert model.predict(X).shape == y.shape + shape
        assert model.n_outputs_ == model.network_.n_out == y.size // N * np.size(quantile)
    several = MLPRegressor(
        "quantile", (20,), quantile=(0.1, 0.5, 0.9), max_iter=200, learning_rate_init=0.02, alpha=1, random_state=0
    ).fit(X, y)
    low, middle, high = np.moveaxis(several.predict(X), -1, 0)
    assert (low < high).mean() > 0.9
    assert (y < low).mean() < (y < middle).mean() < (y < high).mean()
    columns = y.reshape(N, -1)
    scores = [
        d2_pinball_score(columns, P.reshape(N, -1), alpha=alpha, sample_weight=WEIGHT)
        for P, alpha in zip((low, middle, high), (0.1, 0.5, 0.9), strict=True)
    ]
    assert several.score(X, y, WEIGHT) == pytest.approx(np.mean(scores))


def test_quantiles_are_not_sorted():
    """What the network says is what is predicted, crossing or not."""
    model = small(loss="quantile", quantile=(0.1, 0.9), max_iter=1).fit(X, ONE)
    model.intercepts_[-1][:] = [100, -100]
    low, high = model.predict(X).T
    assert (low > high).all()


@pytest.mark.parametrize("n_columns", [1, 2])
def test_two_dimensions_are_kept_but_for_one_column(n_columns):
    """As in scikit-learn: a column vector is told of, and predicted in one dimension."""
    y = ONE[:, np.newaxis].repeat(n_columns, axis=1)
    if n_columns > 1:
        assert small().fit(X, y).predict(X).shape == y.shape
        return
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        assert small().fit(X, y).predict(X).shape == (N,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.where(np.arange(N) == 3, np.nan, ONE), "Input y contains NaN"),
        (np.where(np.arange(N) == 3, np.inf, ONE), "Input y contains infinity"),
        (np.array(["a"] * N), r"y must be numbers; got <U1 such as \['a'\]"),
        (np.array(["a"] * N, object), "y must be numbers: could not convert string to float: 'a'"),
        (np.array([None] * N), "Input y contains NaN: a target must be known for every sample"),
        ([10**400] * N, "y must be numbers: int too large to convert to float"),
        (np.array(["2020-01-01"] * N, "M8[D]"), r"y must be numbers; got datetime64\[D\]"),
        (ONE + 1j, "Complex data not supported"),
        (ONE[:-1], "inconsistent numbers of samples"),
        (np.zeros((N, 2, 2)), "dim 3"),
        (None, "requires y to be passed"),
        (np.zeros((N, 0)), "0 feature|y has no column"),
    ],
    ids=str,
)
def test_targets_that_cannot_be_are_refused(y, message):
    """One clear error, which says what is the matter."""
    with pytest.raises(ValueError, match=message):
        small().fit(X, y)


def test_sparse_targets_are_refused():
    """scikit-learn's multilabel targets alone may be sparse."""
    with pytest.raises(TypeError, match=r"y must be a dense array of numbers; got a sparse one, which y\.toarray"):
        small().fit(X, scipy.sparse.csr_array(TARGETS["several"]))


def test_targets_beyond_the_precision_are_refused():
    """A float64 that float32 has not would be infinite."""
    with pytest.raises(ValueError, match=r"y must be numbers that float32 has, the precision of X; got up to 1e\+300"):
        small().fit(X.astype(np.float32), 1e300 * np.sign(ONE))


@pytest.mark.parametrize("call", ["fit", "partial_fit", "validation"])
def test_negative_targets_are_none_of_poissons(call):
    """In training as in validation data."""
    model, y = small(loss="poisson"), COUNTS["one"]
    less = y - 1 - y.min()
    calls = {
        "fit": lambda: model.fit(X, less),
        "partial_fit": lambda: model.partial_fit(X, less),
        "validation": lambda: model.fit(X, y, X_val=X, y_val=less),
    }
    with pytest.raises(ValueError, match=r"must be >= 0 for loss='poisson'; its least number is -1"):
        calls[call]()


def test_what_cannot_go_on_is_refused():
    """Training goes on with as many targets and quantiles as it began with."""
    model = small(warm_start=True).fit(X, ONE)
    with pytest.raises(ValueError, match="y has 2 targets; training goes on with 1"):
        model.fit(X, TARGETS["several"])
    with pytest.raises(ValueError, match="y has 2 targets; training goes on with 1"):
        model.partial_fit(X, TARGETS["several"])
    model = small(warm_start=True, loss="quantile", quantile=(0.1, 0.9)).fit(X, ONE)
    with pytest.raises(
        ValueError, match=r"a tuple of 3 quantiles of each target is asked for; training goes on with a tuple of 2"
    ):
        model.set_params(quantile=(0.1, 0.5, 0.9)).fit(X, ONE)
    model = small(warm_start=True, loss="quantile").fit(X, ONE)
    with pytest.raises(ValueError, match=r"a tuple of 1 quantiles of each .*; training goes on with one number"):
        model.set_params(quantile=(0.5,)).fit(X, ONE)
    with pytest.raises(ValueError, match="y_val has 2 targets; y has 1"):
        small().fit(X, ONE, X_val=X, y_val=TARGETS["several"])
    with pytest.raises(ValueError, match="must have at least two samples: the score of fewer is no number"):
        small().fit(X, ONE, X_val=X[:1], y_val=ONE[:1])


def test_the_loss_may_change_on_the_way():
    """From the same weights, with the output's activation that it has; the prediction follows."""
    model = small(warm_start=True).fit(X, COUNTS["one"])
    model.set_params(loss="poisson").fit(X, COUNTS["one"])
    assert model.out_activation_ == model.network_.loss.activation == "exp"
    assert (model.predict(X) > 0).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": "hinge"}, "loss must be"),
        ({"quantile": 0.0}, "quantile must be"),
        ({"quantile": 1.0}, "quantile must be"),
        ({"quantile": (0.5, 2)}, "quantile must be"),
        ({"loss": "quantile", "quantile": ()}, "quantile must be"),
        ({"delta": 0}, "delta must be"),
        ({"delta": np.inf, "loss": "huber"}, "delta must be"),
        ({"solver": "newton"}, "solver must be"),
    ],
)
def test_parameters_are_checked_in_fit(parameters, message):
    """The constructor stores them; `fit` names what is not allowed, and what is."""
    model = small(**parameters)
    with pytest.raises(ParameterError, match=message):
        model.fit(X, ONE)


# ---------------------------------------------------------------- training

SETTINGS = {
    "early stopping": {"early_stopping": True},
    "dropout": {"dropout": 0.2},
    "batch norm": {"batch_norm": True, "recompute_statistics": True},
    "average": {"averaging": ExponentialAverage(0.9)},
    "adversary": {"adversary": Adversarial(0.1)},
    "noise": {"noise": 0.1},
    "augmentation": {"augmentation": Deform(translation=1, shape=(1, 5))},
    "adamw": {"solver": "adamw", "learning_rate": "one_cycle"},
    "rmsprop": {"solver": "rmsprop", "max_norm": 2.0},
    "replacement": {"replacement": True, "max_updates": 7},
    "two threads": {"n_threads": 2, "batch_size": 20},
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", SETTINGS)
def test_both_engines_come_to_the_same(name, loss):
    """With each setting and each loss, but for the last bits; and none of them changes nothing."""
    y = targets(loss, "several")
    options = {"loss": loss, "max_iter": 4, "batch_size": 16, **SETTINGS[name]}
    if loss == "quantile":
        options["quantile"] = (0.2, 0.8)
    plain, compiled = (small(engine=engine, **options).fit(X, y, WEIGHT) for engine in ("numpy", "numba"))
    assert_allclose(plain.predict(X), compiled.predict(X), rtol=1e-6, atol=1e-8)
    assert_allclose(plain.history_["score"], compiled.history_["score"], rtol=1e-6, atol=1e-8)
    assert_allclose(plain.loss_curve_, compiled.loss_curve_, rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_early_stopping_restores_the_best_epoch(loss):
    """By the score on validation data, which is that of the estimator."""
    y = targets(loss, "one")
    model = small(
        loss=loss, early_stopping=True, max_iter=60, learning_rate_init=0.05, n_iter_no_change=3, batch_size=10
    ).fit(X, y, X_val=X[:30], y_val=y[:30])
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X[:30], y[:30]) == pytest.approx(model.best_validation_score_)


def test_validation_scores_are_r2_with_weights():
    """As scikit-learn's metric has it."""
    y = TARGETS["several"]
    model = small().fit(X, y, WEIGHT, X_val=X, y_val=y, sample_weight_val=WEIGHT)
    assert model.history_["validation_score"][-1] == pytest.approx(r2_score(y, model.predict(X), sample_weight=WEIGHT))


@pytest.mark.parametrize("loss", LOSSES)
def test_three_epochs_and_five_are_eight(loss):
    """Under warm start, and by calls of `partial_fit`, training goes on where it was."""
    y = targets(loss, "one")
    whole = small(loss=loss, max_iter=8).fit(X, y)
    parts = small(loss=loss, warm_start=True).fit(X, y).set_params(max_iter=5).fit(X, y)
    steps = small(loss=loss)
    for _ in range(8):
        steps.partial_fit(X, y)
    assert whole.predict(X).tobytes() == parts.predict(X).tobytes() == steps.predict(X).tobytes()


def test_a_weight_is_a_repetition():
    """With batches of all samples."""
    weight = np.arange(N) % 3
    options = {"solver": "lbfgs", "max_iter": 30}
    weighted = small(**options).fit(X, ONE, weight)
    repeated = small(**options).fit(X.repeat(weight, axis=0), ONE.repeat(weight))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_divergence_is_one_clear_error(loss, solver):
    """No warning of NumPy's is heard, and the best weights are kept."""
    model = small(loss=loss, solver=solver, learning_rate_init=1e6, activation="identity", max_iter=50)
    y = 1e200 * np.abs(ONE) if solver == "lbfgs" else COUNTS["one"]
    with pytest.raises(DivergenceError, match="Solver produced non-finite parameter weights"):
        model.fit(1e160 * X if solver == "lbfgs" else X, y)


def test_callbacks_hear_of_every_epoch():
    """With an estimator that predicts as of then."""
    heard = []
    model = small(max_iter=3).set_callbacks(OnEpoch(lambda one: heard.append((len(one.loss_curve_), one.loss_))))
    model.fit(X, ONE)
    assert [n for n, _ in heard] == [1, 2, 3]
    assert [loss for _, loss in heard] == model.loss_curve_


def test_early_stopping_is_not_for_partial_fit():
    """Nor is `partial_fit` there for L-BFGS."""
    with pytest.raises(ValueError, match="does not support early_stopping"):
        small(early_stopping=True).partial_fit(X, ONE)
    assert not hasattr(small(solver="lbfgs"), "partial_fit")


# ---------------------------------------------------------------- scikit-learn's tools


def test_a_search_and_a_cross_validation():
    """Over losses and layers, by R^2 where not said."""
    search = GridSearchCV(small(max_iter=20), {"loss": ["huber", "squared_error"], "hidden_layer_sizes": [(4,), (8,)]})
    search.fit(X, ONE)
    assert search.best_estimator_.score(X, ONE) == search.score(X, ONE)
    assert cross_val_predict(small(), X, TARGETS["several"]).shape == (N, 2)
    assert len(cross_val_score(small(), X, ONE, params={"sample_weight": WEIGHT})) == 5


def test_targets_are_scaled_around_it():
    """By scikit-learn's own means, in a dimension or two, also of several quantiles."""
    scaled = TransformedTargetRegressor(small(max_iter=200, learning_rate_init=0.02), transformer=StandardScaler())
    assert scaled.fit(X, 1e6 + 1e5 * ONE).score(X, 1e6 + 1e5 * ONE) > 0.8
    assert scaled.fit(X, 1e4 * TARGETS["several"]).predict(X).shape == (N, 2)
    quantiles = small(loss="quantile", quantile=(0.1, 0.9), max_iter=100, learning_rate_init=0.02)
    both = TransformedTargetRegressor(quantiles, transformer=StandardScaler()).fit(X, 500 + ONE).predict(X)
    assert both.shape == (N, 2)
    assert abs(both - 500).max() < 10


def test_one_for_each_target():
    """Each target may have a network of its own."""
    assert MultiOutputRegressor(small()).fit(X, TARGETS["several"]).predict(X).shape == (N, 2)
    assert RegressorChain(small()).fit(X, TARGETS["several"]).predict(X).shape == (N, 2)


def test_tables_keep_their_names():
    """The columns of a DataFrame are remembered, and compared."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcde"))
    model = small().fit(table, pandas.Series(ONE, dtype="Float64"))
    assert model.feature_names_in_.tolist() == list("abcde")
    assert_array_equal(model.predict(table), small().fit(X, ONE).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table[list("edcba")])
    assert small().fit(table, pandas.DataFrame(TARGETS["several"])).predict(table).shape == (N, 2)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_samples_train_as_dense_ones(kind):
    """Batch by batch."""
    some = np.where(rng.random(X.shape) < 0.1, X, 0)
    dense, sparse = small().fit(some, ONE), small().fit(kind(some), ONE)
    assert_allclose(dense.predict(some), sparse.predict(kind(some)), rtol=1e-9)


COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),  # noqa: S301 - what the line before it has made
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_predicts_the_same(way):
    """And an unfitted clone does not predict."""
    model = small(loss="quantile", quantile=(0.1, 0.9)).fit(X, ONE)
    assert COPIES[way](model).predict(X).tobytes() == model.predict(X).tobytes()
    with pytest.raises(NotFittedError):
        clone(model).predict(X)
    assert clone(model).get_params() == model.get_params()


def test_pixels_stay_small():
    """uint8 is scaled batch by batch, and comes to what scaled floats come to."""
    pixels = rng.integers(256, size=X.shape).astype(np.uint8)
    whole = small(pixel_scale=1 / 255).fit(pixels, ONE)
    scaled = small().fit(np.multiply(pixels, np.float32(1 / 255), dtype=np.float32), ONE)
    assert_allclose(whole.predict(pixels), scaled.predict(pixels * np.float32(1 / 255)), rtol=1e-5)


# ---------------------------------------------------------------- looking at it


def test_the_summary_says_what_is_predicted():
    """Fitted or planned, with the quantiles of all targets."""
    planned = str(small(loss="quantile", quantile=(0.1, 0.9)).summary(n_features=5, n_targets=2))
    assert "Output      4, identity" in planned
    fitted = small(loss="poisson").fit(X, COUNTS["one"]).summary()
    assert "Output      1, exp" in str(fitted)
    assert fitted.to_dict()["classes"] is None
    with pytest.raises(NotFittedError, match=r"as in summary\(n_features=784, n_targets=10\)"):
        small().summary()
    with pytest.raises(ValueError, match="n_features and n_targets be given together"):
        small().summary(n_features=5)


def test_it_shows_itself_in_a_notebook():
    """scikit-learn's picture of an estimator, fitted or not."""
    model = small(loss="huber")
    assert "MLPRegressor" in model._repr_html_()
    assert "MLPRegressor" in model.fit(X, ONE)._repr_html_()


def test_verbose_prints_what_scikit_learn_prints(capsys):
    """The same lines, from the same weights."""
    options = {"hidden_layer_sizes": (6,), "max_iter": 3, "shuffle": False, "random_state": 0, "verbose": True}
    printed = []
    for kind in (FromTheirStart, Theirs):
        kind(**options).fit(X, ONE)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_what_a_classifier_has_too_is_the_same():
    """The parameters beyond scikit-learn's follow in the classifier's order, with its types and defaults."""
    ours, theirs = parameters_of(MLPRegressor), parameters_of(MLPClassifier)
    own = ["loss", "quantile", "delta"]
    assert [name for name in ours if name not in own] == [
        name for name in theirs if name not in ("class_weight", "label_smoothing")
    ]
    assert list(ours)[24:26] == ["quantile", "delta"]
    for name in set(ours) - set(own):
        assert (ours[name].annotation, ours[name].default) == (theirs[name].annotation, theirs[name].default)
    assert all(ours[name].help for name in own)


def test_weights_are_routed_through_a_search():
    """By scikit-learn's metadata routing, in training and in the score."""
    with sklearn.config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2).fit(X, ONE, sample_weight=WEIGHT)
        assert search.score(X, ONE, sample_weight=WEIGHT) == pytest.approx(
            r2_score(ONE, search.predict(X), sample_weight=WEIGHT)
        )


def test_callbacks_hear_of_a_search():
    """An estimator in a search takes its callbacks along."""
    heard = []
    search = GridSearchCV(small(max_iter=2).set_callbacks(OnEpoch(heard.append)), {"alpha": [0.1, 1.0]}, cv=2)
    search.fit(X, ONE)
    assert len(heard) == 2 * (2 * 2 + 1)
    assert all(isinstance(one, MLPRegressor) for one in heard)


@pytest.mark.parametrize("loss", LOSSES)
def test_virtual_adversaries_compare_what_is_predicted(loss):
    """They change what is learned, whatever the loss."""
    y = targets(loss, "one")
    plain, moved = (small(loss=loss, adversary=adversary).fit(X, y) for adversary in (None, VirtualAdversarial(0.5)))
    assert np.isfinite(moved.predict(X)).all()
    assert not np.array_equal(plain.predict(X), moved.predict(X))
