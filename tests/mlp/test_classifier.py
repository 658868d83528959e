"""The classifier: scikit-learn's to the digit where it is scikit-learn's, and what it has beyond."""

import copy
import inspect
import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.pipeline import Pipeline
from sklearn.utils import compute_sample_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipeline import MLPClassifier, load_model, save_model
from pipeline.images.deform import Deform
from pipeline.network import (
    Adversarial,
    Cosine,
    CosineCycles,
    Dropout,
    Exponential,
    ExponentialAverage,
    LastEpochs,
    Network,
    OneCycle,
    RateFactors,
    Schedule,
    Step,
    VirtualAdversarial,
)
from pipeline.network.array_rows import ArrayRows
from pipeline.network.sparse import SparseRows
from pipeline.network.training import DivergenceError
from pipeline.parameters import ParameterError, parameters_of, read_parameters, read_yaml

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 60
rng = np.random.default_rng(0)
DIGITS = rng.integers(3, size=N)
X = rng.normal(size=(N, 5)) + DIGITS[:, np.newaxis]
WEIGHT = rng.random(N) + 0.1
TARGETS = {
    "binary": DIGITS > 0,
    "multiclass": DIGITS,
    "multilabel": np.stack([DIGITS > 0, DIGITS == 1, X[:, 0] > 1], axis=1).astype(int),
}
STOCHASTIC = ["sgd", "adam", "rmsprop", "adagrad", "adamw"]


def small(**parameters):
    """Return a classifier that is quick to train."""
    return MLPClassifier(**{"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0, **parameters})


def params(model):
    """Return all that the network has learned as bytes."""
    return model.network_.snapshot().tobytes()


# ---------------------------------------------------------------- scikit-learn's estimator


def test_the_first_parameters_are_scikit_learns():
    """Names, order, kinds and defaults of its 23 come first; all others are keywords."""
    ours = list(inspect.signature(MLPClassifier).parameters.values())
    theirs = list(inspect.signature(Theirs).parameters.values())
    assert len(theirs) == 23
    for one, other in zip(ours, theirs, strict=False):
        assert (one.name, one.kind, one.default) == (other.name, other.kind, other.default)
    assert all(one.kind is one.KEYWORD_ONLY for one in ours[len(theirs) :])


CHECKED = [
    MLPClassifier(max_iter=20, random_state=0),
    MLPClassifier(solver="sgd", learning_rate_init=0.1, max_iter=30, random_state=0),
    MLPClassifier(solver="rmsprop", max_iter=20, random_state=0),
    MLPClassifier(solver="lbfgs", max_iter=50, random_state=0),
    MLPClassifier(batch_size="full", shuffle=False, learning_rate_init=0.02, max_iter=20, random_state=0),
    MLPClassifier(solver="adamw", dropout=0.1, learning_rate="cosine", max_iter=40, random_state=0),
    MLPClassifier(batch_size=5, max_iter=10, random_state=0),
    MLPClassifier(
        batch_norm=True,
        noise=0.1,
        label_smoothing=0.05,
        averaging=LastEpochs(5),
        max_norm=3,
        max_iter=40,
        learning_rate_init=0.01,
        random_state=0,
    ),
    MLPClassifier(adversary=Adversarial(0.05), max_iter=30, random_state=0),
]
UNEQUAL_BATCHES = "rows given twice, and rows of weight 0 left out, are not batched (or dropped) as weighted ones are"


def failing(estimator):
    """Return the checks that cannot hold: only a batch of all rows is the same for weights as for repetitions."""
    if estimator.batch_size != 5 and not estimator.dropout and not estimator.batch_norm:
        return {}
    return {f"check_sample_weight_equivalence_on_{kind}_data": UNEQUAL_BATCHES for kind in ("dense", "sparse")}


@parametrize_with_checks(CHECKED, expected_failed_checks=failing)
def test_scikit_learns_checks(estimator, check):
    """It is an estimator as scikit-learn defines one."""
    check(estimator)


class FromTheirStart(MLPClassifier):
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
    "adam with its own means": {"solver": "adam", "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4},
    "sgd": {"solver": "sgd", "momentum": 0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd", "momentum": 0.5},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 1},
    "mini-batches": {"solver": "adam", "batch_size": 7},
    "stopping": {"solver": "adam", "tol": 0.03, "n_iter_no_change": 2},
    "penalty": {"solver": "adam", "alpha": 2.0},
    "two layers": {"solver": "adam", "hidden_layer_sizes": (6, 4), "activation": "tanh"},
    "logistic": {"solver": "adam", "activation": "logistic"},
    "identity": {"solver": "sgd", "activation": "identity"},
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SAME)
def test_ten_epochs_are_scikit_learns(name, target, weighted):
    """From the same weights, loss curve and weights agree with scikit-learn's to 1e-9."""
    options = {"hidden_layer_sizes": (6,), "max_iter": 10, "learning_rate_init": 0.02, "random_state": 0}
    options |= {"shuffle": False, **SAME[name]}
    weight = WEIGHT if weighted else None
    ours = FromTheirStart(**options).fit(X, TARGETS[target], weight)
    theirs = Theirs(**options).fit(X, TARGETS[target], weight)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    for one, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert_allclose(one, other, rtol=1e-6, atol=1e-12)
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert_array_equal(ours.classes_, theirs.classes_)
    assert_allclose([ours.loss_, ours.best_loss_], [theirs.loss_, theirs.best_loss_], rtol=1e-9)
    assert ours.validation_scores_ is theirs.validation_scores_ is None
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
    assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-6)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.score(X, TARGETS[target]) == theirs.score(X, TARGETS[target])


@pytest.mark.parametrize("target", TARGETS)
def test_lbfgs_is_scikit_learns(target):
    """From the same weights, SciPy walks the same way, however the parameters are packed."""
    options = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "max_iter": 8, "alpha": 0.5, "random_state": 0}
    ours = FromTheirStart(**options).fit(X, TARGETS[target], WEIGHT)
    theirs = Theirs(**options).fit(X, TARGETS[target], WEIGHT)
    assert ours.n_iter_ == theirs.n_iter_ == 8
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-5)


def test_single_precision_is_near_scikit_learns():
    """In float32 both come to the same to its precision, and stay in it."""
    options = {"hidden_layer_sizes": (6,), "max_iter": 10, "learning_rate_init": 0.02, "shuffle": False}
    single = X.astype(np.float32)
    ours = FromTheirStart(random_state=0, **options).fit(single, DIGITS)
    theirs = Theirs(random_state=0, **options).fit(single, DIGITS)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-5)
    assert {array.dtype for array in (*ours.coefs_, *ours.intercepts_, ours.predict_proba(single))} == {single.dtype}


@pytest.mark.parametrize(
    ("given", "kept"), [(np.float32, np.float32), (np.float64, np.float64), (np.uint8, np.float64), (int, np.float64)]
)
def test_precision_is_that_of_the_samples(given, kept):
    """float32 is worked on in float32, anything else in float64."""
    model = small().fit(np.abs(X).astype(given), DIGITS)
    assert model.network_.dtype == kept
    assert model.predict_proba(np.abs(X).astype(given)).dtype == kept


def test_weights_are_views_of_the_network():
    """`coefs_` and `intercepts_` can be read and written in place, and are not there before `fit`."""
    model = small()
    assert not hasattr(model, "coefs_")
    assert not hasattr(model, "intercepts_")
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.fit(X, DIGITS)
    model.coefs_[0][:] = 0
    model.intercepts_[0][:] = -1
    assert not model.network_.params[:30].any()
    assert (model.predict_proba(X) == model.predict_proba(X)[0]).all()


# ---------------------------------------------------------------- targets and samples


@pytest.mark.parametrize("labels", [["no", "yes"], ["a", "b", "c"], [-1, 7], [2.0, 3.0, 5.0], [False, True]])
def test_labels_of_any_kind(labels):
    """What was learned is what is predicted, in scikit-learn's order of classes."""
    y = np.array(labels)[DIGITS % len(labels)]
    model = small(max_iter=60, learning_rate_init=0.05).fit(X, y)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(X)) <= set(labels)
    assert model.score(X, y) > 0.8
    assert model.predict_proba(X).shape == (N, len(labels))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("label", [3, "a", True])
def test_one_class_alone_is_certain(label, solver):
    """It has the one column of probabilities, all 1, and is what is predicted."""
    X = np.random.default_rng(0).random((20, 3), dtype=np.float32)
    model = MLPClassifier((4,), solver=solver, max_iter=3, tol=0, random_state=0).fit(X, [label] * 20)
    P = model.predict_proba(X)
    assert (P.shape, P.dtype, set(P.ravel())) == ((20, 1), np.float32, {1})
    assert not model.predict_log_proba(X).any()
    assert set(model.predict(X)) == {label}


def test_probabilities_belong_to_classes():
    """They sum to 1, and the likeliest is predicted; labels of several at once are each on a side of a half."""
    model = small().fit(X, DIGITS)
    P = model.predict_proba(X)
    assert_allclose(P.sum(axis=1), 1)
    assert_array_equal(model.predict(X), model.classes_[P.argmax(axis=1)])
    several = small().fit(X, TARGETS["multilabel"])
    assert_array_equal(several.predict(X), several.predict_proba(X) > 0.5)


def test_sparse_labels_of_several_at_once():
    """An indicator matrix may be sparse, and so is the prediction then, as scikit-learn's."""
    Y = TARGETS["multilabel"]
    model = small().fit(X, scipy.sparse.csr_array(Y))
    assert params(model) == params(small().fit(X, Y))
    predicted = model.predict(X)
    assert scipy.sparse.issparse(predicted)
    assert_array_equal(predicted.toarray(), small().fit(X, Y).predict(X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_array, scipy.sparse.csr_matrix])
def test_sparse_samples_train_as_dense_ones(kind, solver):
    """Byte for byte, with batches, validation rows and prediction in pieces."""
    options = {"solver": solver, "batch_size": 7, "early_stopping": solver == "adam"}
    dense = np.where(X > 0, X, 0)
    sparse, plain = small(**options).fit(kind(dense), DIGITS), small(**options).fit(dense, DIGITS)
    assert params(sparse) == params(plain)
    assert_array_equal(sparse.predict_proba(kind(dense)), plain.predict_proba(dense))


WORDS = scipy.sparse.random(90, 2000, 0.02, "csr", dtype=np.float64, random_state=0)
TOPICS = np.asarray(WORDS[:, :1000].sum(axis=1) > WORDS[:, 1000:].sum(axis=1)).ravel() + (np.arange(90) % 9 == 0)
MOSTLY_ZERO = {
    "adam": {},
    "sgd without biases": {"solver": "sgd", "bias": False},
    "lbfgs": {"solver": "lbfgs"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "all at once": {"batch_size": "full"},
    "early stopping": {"early_stopping": True, "class_weight": "balanced"},
    "batch norm": {"batch_norm": True, "recompute_statistics": True, "averaging": LastEpochs(2)},
    "dropout": {"dropout": 0.2, "noise": 0.1, "max_norm": 1.0},
    "replacement": {"replacement": True},
    "threads share samples": {"n_threads": 3},
    "threads share units": {"n_threads": 3, "batch_norm": True, "bias": False},
    "dropout of the input": {"dropout": (0.2, 0.0), "batch_norm": True, "recompute_statistics": True},
    "noise on the input": {"noise": (0.2, 0.0)},
    "adversary": {"adversary": Adversarial(0.5)},
    "augmentation": {"augmentation": Deform(translation=1, shape=(40, 50))},
}
NEEDS_WHOLE_ROWS = {"dropout of the input", "noise on the input", "adversary", "augmentation"}


@pytest.fixture
def threads_pay(monkeypatch):
    """Have threads share even the smallest update."""
    monkeypatch.setattr("pipeline.mlp.builder.WORTH_SHARING", 0)


@pytest.mark.usefixtures("threads_pay")
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
@pytest.mark.parametrize("options", MOSTLY_ZERO.values(), ids=MOSTLY_ZERO)
def test_samples_of_zeros_mostly_train_as_dense_ones(options, kind):
    """Whatever else is asked for, and whether validation data are sparse or dense: the same numbers, but for rounding.

    An epoch of ``partial_fit`` goes on with the other kind.
    """
    options = {"batch_size": 20, "n_threads": 1, **options}
    dense, X_val = WORDS.toarray(), WORDS[:30] * 0.5
    validation = {} if "early_stopping" in options else {"X_val": X_val, "y_val": TOPICS[:30]}
    plain, sparse = small(**options), small(**options)
    sparse.fit(kind(WORDS), TOPICS, **validation)
    plain.fit(dense, TOPICS, **{**validation, **({"X_val": X_val.toarray()} if validation else {})})
    assert_allclose(sparse.loss_curve_, plain.loss_curve_, rtol=1e-9)
    if validation:
        assert_allclose(sparse.history_["validation_loss"], plain.history_["validation_loss"], rtol=1e-9)
    for _ in range(options.get("solver") != "lbfgs" and "early_stopping" not in options):
        sparse.partial_fit(dense, TOPICS)
        plain.partial_fit(kind(WORDS), TOPICS)
    assert_allclose(sparse.network_.snapshot(), plain.network_.snapshot(), rtol=1e-7, atol=1e-9)
    assert_allclose(sparse.predict_proba(kind(WORDS)), plain.predict_proba(dense), rtol=1e-7)


@pytest.mark.usefixtures("threads_pay")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("name", [name for name in MOSTLY_ZERO if name not in NEEDS_WHOLE_ROWS])
def test_samples_of_zeros_mostly_are_never_made_dense(name, dtype, monkeypatch):
    """Where the first layer may have them as they are, no batch, piece or validation row is made dense."""
    words = (WORDS * 255).astype(dtype)
    for makes_dense in (
        "pipeline.mlp.validation.take_sparse",
        "pipeline.mlp.validation.dense",
        "pipeline.mlp.base.dense",
    ):
        monkeypatch.setattr(makes_dense, None)
    options = {"batch_size": 20, "pixel_scale": 1 / 255, **MOSTLY_ZERO[name]}
    assert small(**options).fit(words, TOPICS).predict_proba(words).shape == (90, 2)


def test_sparse_samples_take_no_more_memory_than_scikit_learns():
    """Of 20,000 features, with 10 numbers a row, neither ``fit`` nor ``predict_proba`` allocates more at its peak."""
    X = scipy.sparse.random(400, 20_000, 10 / 20_000, "csr", dtype=np.float32, random_state=0)
    labels = np.arange(400) % 3

    def peaks(kind):
        tracemalloc.start()
        model = kind(max_iter=1, random_state=0).fit(X, labels)
        fitted, before = tracemalloc.get_traced_memory()[1], tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        model.predict_proba(X)
        predicted = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        return fitted, predicted

    ours, theirs = peaks(MLPClassifier), peaks(Theirs)
    assert ours[0] <= theirs[0]
    assert ours[1] <= theirs[1] + 2**16  # the check of what is given


def test_a_model_keeps_no_sparse_sample():
    """What the first layer was last given is no part of a copy."""
    model = small().fit(WORDS, TOPICS)
    network = copy.deepcopy(model.network_)
    assert not [value for value in vars(network.layers[0]).values() if isinstance(value, SparseRows)]
    assert_array_equal(network.params, model.network_.params)


@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
def test_pieces_are_bounded_by_their_numbers(container, dtype, monkeypatch):
    """However wide samples are, no more of their numbers are copied at once than memory has room for."""
    rows = container((WORDS[:, :200].toarray() * 255).astype(dtype))
    options = {"pixel_scale": 1 / 255, "dropout": (0.1, 0.1)}
    whole = small(**options).fit(rows, TOPICS, X_val=rows, y_val=TOPICS)
    monkeypatch.setattr("pipeline.network.batches.MAX_ELEMENTS", 1000)
    taken = []
    forward = Network.predict
    monkeypatch.setattr(Network, "predict", lambda self, X: taken.append(len(X)) or forward(self, X))
    monkeypatch.setattr("pipeline.mlp.validation.SPARSE", 0)  # so that even these are made dense
    pieces = small(**options).fit(rows, TOPICS, X_val=rows, y_val=TOPICS)
    assert_allclose(pieces.predict_proba(rows), whole.predict_proba(rows))
    assert_allclose(pieces.history_["validation_loss"], whole.history_["validation_loss"])
    copied = container is not np.asarray or dtype == np.uint8
    assert set(taken) == ({5} if copied else {90})


def test_one_dimension_too_many_is_a_warning():
    """A column of labels is taken as labels, with scikit-learn's warning."""
    with pytest.warns(UserWarning, match="column-vector y"):
        column = small().fit(X, DIGITS[:, np.newaxis])
    assert params(column) == params(small().fit(X, DIGITS))


@pytest.mark.parametrize("order", ["C", "F"])
def test_samples_are_only_read(order):
    """Neither X nor y nor weights change; memory-mapped and read-only ones will do, in any order."""
    frozen, labels, weight = np.array(X, order=order), DIGITS.copy(), WEIGHT.copy()
    for array in (frozen, labels, weight):
        array.flags.writeable = False
    for solver in ("adam", "lbfgs"):
        model = small(solver=solver).fit(frozen, labels, weight)
        model.predict_proba(frozen)
        assert params(model) == params(small(solver=solver).fit(X, DIGITS, WEIGHT))
    assert_array_equal(frozen, X)


def test_a_memory_mapped_file_can_be_learned_from(tmp_path):
    """As workers of a search get it: read-only, from a file."""
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = small(batch_size=7).fit(mapped, DIGITS)
    assert params(model) == params(small(batch_size=7).fit(X, DIGITS))
    assert_array_equal(model.predict(mapped), model.predict(X))


def test_threads_may_predict_at_once():
    """One model serves many threads."""
    model = small(hidden_layer_sizes=(20, 20), activation="gelu").fit(X, DIGITS)
    batches = [np.random.default_rng(seed).normal(size=(300, 5)) for seed in range(24)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(model.predict_proba, batches))
    assert all(np.array_equal(P, model.predict_proba(batch)) for P, batch in zip(found, batches, strict=True))


def test_prediction_of_many_goes_in_pieces():
    """More rows than a piece have the probabilities that they have alone."""
    model, many = small().fit(X, DIGITS), np.tile(X, (150, 1))
    assert_allclose(model.predict_proba(many), np.tile(model.predict_proba(X), (150, 1)), rtol=1e-12)


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize("options", [{"solver": "lbfgs", "max_iter": 20}, {"batch_size": "full", "shuffle": False}])
def test_a_weight_is_a_repetition(options):
    """With all samples in one batch, weights 0, 1, 2 train as leaving out and giving twice."""
    weight = np.arange(N) % 3
    rows = np.repeat(np.arange(N), weight)
    weighted = small(alpha=0.5, **options).fit(X, DIGITS, weight)
    repeated = small(alpha=0.5, **options).fit(X[rows], DIGITS[rows])
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weights_are_weights_of_samples(solver):
    """`balanced`, or a number for each class, counts as the same weights given sample by sample, times their own."""
    y = np.where(DIGITS == 0, 0, 1)
    shares = N / (2 * np.bincount(y))
    balanced = small(solver=solver, class_weight="balanced").fit(X, y, WEIGHT)
    assert params(balanced) == params(small(solver=solver).fit(X, y, shares[y] * WEIGHT))
    given = small(solver=solver, class_weight={0: 3.0}).fit(X, y)
    assert params(given) == params(small(solver=solver).fit(X, y, np.where(y == 0, 3.0, 1.0)))


def balance(labels):
    """Return what `balanced` gives each class of these labels."""
    return len(labels) / (3 * np.bincount(labels))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("weights", [{2: 5.0}, {0: 0.5, 1: 1.0, 2: 5.0}, "balanced"])
def test_validation_data_may_lack_a_class_that_has_a_weight(weights, early_stopping):
    """Their samples count by the weights of the training labels, whatever their own balance is."""
    seen, wanted = X[DIGITS < 2], DIGITS[DIGITS < 2]
    by_class = balance(DIGITS) if weights == "balanced" else np.array([weights.get(label, 1.0) for label in range(3)])
    options = {"X_val": seen, "y_val": wanted}
    model = small(class_weight=weights, early_stopping=early_stopping).fit(X, DIGITS, **options)
    spelt = small(early_stopping=early_stopping).fit(
        X, DIGITS, by_class[DIGITS], **options, sample_weight_val=by_class[wanted]
    )
    assert params(model) == params(spelt)
    assert model.history_["validation_loss"] == spelt.history_["validation_loss"]
    assert model.history_["validation_score"] == spelt.history_["validation_score"]


def test_a_batch_may_lack_a_class_that_has_a_weight():
    """`partial_fit` knows all classes from its first call, and a batch of others is weighted as ever."""
    model, spelt = small(class_weight={2: 5.0}), small()
    for rows in (DIGITS < 2, DIGITS > 0):
        model.partial_fit(X[rows], DIGITS[rows], classes=[0, 1, 2])
        spelt.partial_fit(X[rows], DIGITS[rows], np.array([1.0, 1.0, 5.0])[DIGITS[rows]], classes=[0, 1, 2])
    assert params(model) == params(spelt)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("weights", ["balanced", [{1: 3.0}, {0: 0.5}, {0: 1.0, 1: 2.0}]], ids=["balanced", "dicts"])
def test_several_labels_have_weights_as_in_scikit_learn(weights, kind):
    """The product over the labels of a sample, in validation data by the balance of training, too."""
    Y = TARGETS["multilabel"]
    by_sample = compute_sample_weight(weights, Y)
    model = small(class_weight=weights).fit(X, kind(Y), X_val=X[:9], y_val=kind(Y[:9]))
    spelt = small().fit(X, Y, by_sample, X_val=X[:9], y_val=Y[:9], sample_weight_val=by_sample[:9])
    assert params(model) == params(spelt)
    assert model.history_["validation_loss"] == spelt.history_["validation_loss"]


def test_class_weights_may_change_on_the_way():
    """What `set_params` says holds for the next call, and what it takes back no longer does."""
    model = small(class_weight={0: 3.0}, warm_start=True).fit(X, DIGITS)
    spelt = small(warm_start=True).fit(X, DIGITS, np.where(DIGITS == 0, 3.0, 1.0))
    assert params(model.set_params(class_weight=None).fit(X, DIGITS)) == params(spelt.fit(X, DIGITS))


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_weight_for_no_class_is_refused(call):
    """What is misspelt is an error in scikit-learn's words, at the first call."""
    options = {"classes": [0, 1, 2]} if call == "partial_fit" else {}
    with pytest.raises(ParameterError, match=r"The classes, \[0, 1, 2\], are not in class_weight"):
        getattr(small(class_weight={"0": 2.0}), call)(X, DIGITS, **options)


def test_class_weights_of_words():
    """Classes are named by their labels."""
    words = np.array(["a", "b", "c"])[DIGITS]
    named = small(class_weight={"a": 2, "b": 1, "c": 1}).fit(X, words)
    assert params(named) == params(small(class_weight={0: 2, 1: 1, 2: 1}).fit(X, DIGITS))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(N - 1), r"sample_weight.shape == \(59,\), expected \(60,\)"),
        (np.zeros(N), "Sample weights must contain at least one non-zero number"),
        (np.full(N, np.nan), "sample_weight contains NaN"),
    ],
)
def test_weights_are_checked(weight, message):
    """Too few, all 0, or no numbers."""
    with pytest.raises(ValueError, match=message):
        small().fit(X, DIGITS, weight)


# ---------------------------------------------------------------- what is new


# For each new parameter, in which configuration which value shows.
NEW = {
    "rho": ({"solver": "rmsprop"}, 0.5),
    "weight_decay": ({"solver": "adamw"}, 0.5),
    "class_weight": ({}, "balanced"),
    "monitor": ({"learning_rate_init": 5.0, "max_iter": 10}, "loss"),
    "dropout": ({}, 0.5),
    "weight_init": ({}, "he_normal"),
    "bias": ({}, False),
    "replacement": ({"batch_size": 7}, True),
    "max_updates": ({"batch_size": 7}, 2),
    "batch_norm": ({}, True),
    "recompute_statistics": ({"batch_norm": True}, True),
    "noise": ({}, 0.5),
    "max_norm": ({}, 0.5),
    "label_smoothing": ({}, 0.2),
    "averaging": ({}, LastEpochs(3)),
    "augmentation": ({}, Deform(translation=1, shape=(1, 5))),
    "adversary": ({}, VirtualAdversarial(0.5)),
    "feature_scale": ({}, True),
    "rate_factors": ({}, RateFactors("1/sqrt(n_in)", bias=0.1)),
    "bias_init": ({}, 1.0),
    "zero_output": ({}, True),
    "best_epoch": ({"monitor": "score", "learning_rate_init": 1e-9, "tol": 0}, "last"),
}


@pytest.mark.parametrize("name", NEW)
def test_a_new_parameter_changes_something(name):
    """Each is heard of in training; that its default changes nothing, the comparison with scikit-learn's shows."""
    options, value = NEW[name]
    assert params(small(**options).fit(X, DIGITS)) != params(small(**options, **{name: value}).fit(X, DIGITS))


def test_no_new_parameter_is_forgotten():
    """All that come after scikit-learn's are tried; what is not new to the weights is how fast, and what is told."""
    assert [*NEW, "pixel_scale", "n_threads", "engine", "diagnose"] == list(parameters_of(MLPClassifier))[23:]


PIXELS = np.random.default_rng(5).integers(256, size=(60, 9), dtype=np.uint8)
SCALED = PIXELS * np.float32(1 / 255)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_pixels_stay_small_and_give_the_same_bytes(solver, shuffle):
    """uint8 with pixel_scale trains, watches and predicts to the byte as float32 that was scaled before."""
    y = PIXELS[:, 0] // 90
    small_model = small(solver=solver, shuffle=shuffle, pixel_scale=1 / 255, batch_size=16)
    large_model = small(solver=solver, shuffle=shuffle, batch_size=16)
    small_model.fit(PIXELS, y, X_val=PIXELS[:20], y_val=y[:20])
    large_model.fit(SCALED, y, X_val=SCALED[:20], y_val=y[:20])
    assert small_model.network_.dtype == np.float32
    assert small_model.network_.params.tobytes() == large_model.network_.params.tobytes()
    assert small_model.history_["validation_loss"] == large_model.history_["validation_loss"]
    assert np.array_equal(small_model.predict_proba(PIXELS), large_model.predict_proba(SCALED))
    assert np.array_equal(small_model.predict_proba(SCALED), large_model.predict_proba(SCALED))


@pytest.mark.parametrize(
    "kept",
    [np.int16, np.int32, np.int64, np.uint16, np.uint64, np.ndarray.tolist, scipy.sparse.csr_array],
    ids=str,
)
def test_whole_numbers_of_any_type_are_pixels(kept):
    """With pixel_scale the same values give the same bytes in fit, in partial_fit and in prediction."""
    y = PIXELS[:, 0] // 90
    X = PIXELS.astype(kept) if isinstance(kept, type) and issubclass(kept, np.integer) else kept(PIXELS.astype(int))
    plain, other = (small(pixel_scale=1 / 255, batch_size=16) for _ in range(2))
    plain.fit(PIXELS, y, X_val=PIXELS[:20], y_val=y[:20])
    other.fit(X, y, X_val=X[:20], y_val=y[:20])
    assert params(other) == params(plain)
    assert np.array_equal(other.predict_proba(X), plain.predict_proba(PIXELS))
    assert params(other.partial_fit(X, y)) == params(plain.partial_fit(PIXELS, y))


def test_whole_numbers_beyond_255_are_scaled_as_well():
    """So are negative ones: whatever the range, an integer is multiplied by pixel_scale, in float32."""
    X = np.random.default_rng(5).integers(-300, 4096, size=(60, 9))
    y = (X[:, 0] > 2000).astype(int)
    scaled = X.astype(np.float32) * np.float32(1 / 4095)
    whole, floats = (small(pixel_scale=1 / 4095).fit(kept, y) for kept in (X, scaled))
    assert params(whole) == params(floats)
    assert np.array_equal(whole.predict_proba(X), floats.predict_proba(scaled))
    assert np.array_equal(whole.predict_proba(PIXELS), whole.predict_proba(PIXELS.astype(int)))


@pytest.mark.parametrize(("background", "prepared"), [(0, 1), (-0.42, 1), (255, 1 / 255)])
def test_images_are_deformed_before_their_own_background(tmp_path, background, prepared):
    """Where Deform leaves it open, what comes in from outside is what the border of the training images is."""
    images = np.full((60, 5, 5), background, np.uint8 if background == 255 else np.float32)
    images[:, 1:4, 1:4] = 7 * np.random.default_rng(0).random((60, 3, 3))
    X, y = images.reshape(60, 25), np.arange(60) % 3
    scale = prepared if background == 255 else None
    left_open, told = (
        small(augmentation=Deform(translation=2, **given), pixel_scale=scale).fit(X, y)
        for given in ({}, {"background": float(np.float32(background) * np.float32(prepared))})
    )
    assert left_open.background_ == pytest.approx(background * prepared)
    assert params(left_open) == params(told)
    save_model(tmp_path / "model.npz", left_open, resume=True)
    loaded = load_model(tmp_path / "model.npz")["train"]
    assert loaded.background_ == left_open.background_
    assert params(loaded.set_params(warm_start=True).fit(X, y)) == params(
        left_open.set_params(warm_start=True).fit(X, y)
    )


@pytest.mark.parametrize("batch_size", [16, "full"])
@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_pixels_give_the_same_bytes(container, batch_size):
    """However pixels are kept, the network sees the same numbers."""
    y = PIXELS[:, 0] // 90
    plain, sparse = (
        small(pixel_scale=1 / 255, batch_size=batch_size).fit(kept, y) for kept in (PIXELS, container(PIXELS))
    )
    assert params(sparse) == params(plain)
    assert np.array_equal(sparse.predict_proba(container(PIXELS)), plain.predict_proba(PIXELS))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("adversary", [Adversarial(0.3), VirtualAdversarial(0.3)])
def test_moved_samples_may_be_kept_in_any_way(adversary, shuffle):
    """uint8, sparse or scaled before: what is moved is what the network sees, and the samples themselves stay."""
    y, kept = PIXELS[:, 0] // 90, PIXELS.copy()
    models = [
        small(adversary=adversary, shuffle=shuffle, pixel_scale=1 / 255, batch_size=16).fit(X, y)
        for X in (SCALED, kept, scipy.sparse.csr_array(PIXELS), scipy.sparse.csc_array(SCALED))
    ]
    assert len({params(model) for model in models}) == 1
    assert np.array_equal(kept, PIXELS)
    assert params(models[0]) != params(small(shuffle=shuffle, batch_size=16).fit(SCALED, y))


def test_parameters_of_an_adversary_can_be_searched():
    """A grid reaches its parts, and leaves the one that was given as it was."""
    given = Adversarial(0.1)
    grid = {"adversary__epsilon": [0.0, 0.5], "adversary__weight": [1.0]}
    search = GridSearchCV(small(adversary=given), grid, cv=2).fit(X, DIGITS)
    assert search.best_estimator_.adversary.epsilon in {0.0, 0.5}
    assert given == Adversarial(0.1)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("first", "then"), [(SCALED.astype(np.float64), PIXELS), (PIXELS, SCALED.astype(np.float64))])
def test_pixels_and_numbers_may_take_turns(first, then, shuffle):
    """The precision that training begins with stays, whatever comes later."""
    y = PIXELS[:, 0] // 90
    model = small(pixel_scale=1 / 255, shuffle=shuffle, batch_size=16).partial_fit(first, y, classes=[0, 1, 2])
    begun = model.network_.dtype
    assert model.partial_fit(then, y).network_.dtype == begun == (np.float32 if first is PIXELS else np.float64)
    again = small(pixel_scale=1 / 255, shuffle=shuffle, batch_size=16).partial_fit(first, y, classes=[0, 1, 2])
    assert_allclose(model.coefs_[0], again.partial_fit(first, y).coefs_[0], rtol=1e-4, atol=1e-6)


def test_pixels_without_a_scale_are_numbers_like_any():
    """By default uint8 is read as float64, as scikit-learn does."""
    assert small().fit(PIXELS, PIXELS[:, 0] // 90).network_.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_prediction_checks_what_is_not_plainly_right(dtype):
    """The short way past scikit-learn's checks is for finite arrays of the right type and width alone."""
    model = small().fit(SCALED.astype(dtype), PIXELS[:, 0] // 90)
    wanted = model.predict_proba(SCALED.astype(np.float64))
    assert_allclose(model.predict_proba(SCALED.astype(dtype)), wanted, rtol=1e-5)
    assert_allclose(model.predict_proba(SCALED.tolist()), wanted, rtol=1e-5)
    assert_allclose(model.predict_proba(np.asfortranarray(SCALED.astype(dtype))), wanted, rtol=1e-4)
    assert np.isfinite(model.predict_proba(np.full((1, 9), np.finfo(dtype).max / 2, dtype))).all()
    for wrong, message in [(np.nan, "NaN"), (np.inf, "infinity")]:
        with pytest.raises(ValueError, match=message):
            model.predict(np.full((1, 9), wrong, dtype))
    for shape, message in [((1, 8), "9 features"), ((0, 9), "minimum of 1"), ((9,), "Expected 2D")]:
        with pytest.raises(ValueError, match=message):
            model.predict(np.zeros(shape, dtype))


def test_weights_can_be_put_in_place():
    """What is assigned to `coefs_` and `intercepts_`, whole or one by one, is what the network predicts with."""
    model, other = small().fit(X, DIGITS), small(random_state=1).fit(X, DIGITS)
    model.coefs_ = [W.copy() for W in other.coefs_]
    for place, b in enumerate(other.intercepts_):
        model.intercepts_[place] = b
    assert np.array_equal(model.predict_proba(X), other.predict_proba(X))
    with pytest.raises(ValueError, match="shape"):
        model.coefs_[0] = np.zeros((2, 2))
    with pytest.raises(ValueError, match="zip"):
        model.coefs_ = other.coefs_[:1]
    with pytest.raises(ValueError, match="read-only"):
        small(bias=False).fit(X, DIGITS).intercepts_[0] = 1


def test_activations_one_by_one():
    """Each hidden layer has the activation that its place in the tuple says."""
    model = small(hidden_layer_sizes=(4, 3, 2), activation=("elu", "tanh", "leaky_relu")).fit(X, DIGITS)
    assert [repr(layer) for layer in model.network_.layers if not layer.parameter_shapes()] == [
        "ELU()",
        "Tanh()",
        "LeakyReLU()",
    ]


@pytest.mark.parametrize(
    ("dropout", "rates"), [(0.5, [0.5, 0.5]), ((0.2, 0.0, 0.4), [0.2, 0.4]), (0.0, []), ((0, 0.1, 0.1), [0.1, 0.1])]
)
def test_dropout_of_all_layers_or_one_by_one(dropout, rates):
    """One rate is of the hidden layers; of a tuple the first is the input's."""
    model = small(hidden_layer_sizes=(4, 3), dropout=dropout).fit(X, DIGITS)
    assert [layer.rate for layer in model.network_.layers if isinstance(layer, Dropout)] == rates
    assert_array_equal(model.predict_proba(X), model.predict_proba(X))


def test_without_biases_there_are_none():
    """The network has weights alone; scikit-learn's attribute shows zeros."""
    model = small(bias=False).fit(X, DIGITS)
    assert model.network_.params.size == 5 * 6 + 6 * 3
    assert [b.tolist() for b in model.intercepts_] == [[0] * 6, [0] * 3]


@pytest.mark.parametrize(
    ("old", "new", "value"), [("biases", "bias", False), ("re_estimate", "recompute_statistics", True)]
)
def test_old_names_of_parameters_work_for_a_release(old, new, value):
    """In the constructor, ``set_params`` and as attributes, with a warning; clones and grids have the new names."""
    with pytest.warns(FutureWarning, match=f"MLPClassifier: {old} is called {new} now"):
        model = MLPClassifier(**{old: value})
    assert clone(model).get_params()[new] is value
    assert old not in model.get_params()
    with pytest.warns(FutureWarning, match=old):
        Pipeline([("train", model)]).set_params(**{f"train__{old}": not value})
    with pytest.warns(FutureWarning, match=old):
        assert getattr(model, old) is getattr(model, new) is not value
    search = GridSearchCV(small(batch_norm=True), {new: [True, False]}, cv=2).fit(X, DIGITS)
    assert search.best_params_.keys() == {new}


@pytest.mark.parametrize(("weight_init", "deviation"), [(0.01, 0.01), ("he_normal", np.sqrt(2 / 5))])
def test_first_weights_can_be_chosen(weight_init, deviation):
    """By name, or as normal numbers of a deviation."""
    model = small(hidden_layer_sizes=(800,), weight_init=weight_init, learning_rate_init=1e-12, max_iter=1)
    assert model.fit(X, DIGITS).coefs_[0].std() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize(
    ("options", "updates"),
    [
        ({"batch_size": "full"}, [1, 2, 3]),
        ({"batch_size": 1}, [60, 120, 180]),
        ({"batch_size": 7}, [9, 18, 27]),
        ({"batch_size": 7, "replacement": True}, [9, 18, 27]),
        ({"batch_size": 7, "max_updates": 20}, [9, 18, 20]),
    ],
)
def test_updates_are_counted_in_batches(options, updates):
    """A batch is an update: all samples, one, seven; and `max_updates` is the last."""
    for epochs, wanted in enumerate(updates, start=1):
        assert small(**{**options, "max_iter": epochs}).fit(X, DIGITS)._trainer.updates == wanted


def test_enough_updates_are_no_failure_to_converge():
    """Ending by `max_updates` is what was asked for, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert small(max_iter=50, max_updates=4).fit(X, DIGITS).n_iter_ == 4


@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize(
    "learning_rate", ["cosine", "one_cycle", "cosine_cycles", "step", "exponential", Cosine(2, warmup=1), Step(1)]
)
def test_schedules_are_for_every_solver(solver, learning_rate):
    """The rates of the epochs are the schedule's, and one that ends is no failure to converge."""
    with warnings.catch_warnings():
        ends = ("cosine", "one_cycle", "cosine_cycles", Cosine(2, warmup=1))
        warnings.simplefilter("error" if learning_rate in ends else "ignore")
        model = small(solver=solver, learning_rate=learning_rate, max_iter=6, batch_size=7).fit(X, DIGITS)
    schedule = learning_rate if isinstance(learning_rate, Schedule) else model._trainer.schedule
    length = getattr(schedule, "epochs", None) or 6
    wanted = [0.001 * schedule.factor(epoch + 8 / 9, length, 0) for epoch in range(length)]
    assert model.history_["learning_rate"] == pytest.approx(wanted)


ENDING = {
    "cosine": "cosine",
    "one_cycle": "one_cycle",
    "a floor": Cosine(final=0.1),
    "a warm-up": Cosine(warmup=1),
    "a warm-up as long": Cosine(warmup=4),
    "a rise as long": OneCycle(warmup=4),
    "several waves": CosineCycles(cycles=2),
}


def rates(model):
    """Return the learning rate of every epoch."""
    return model.history_["learning_rate"]


@pytest.mark.parametrize("schedule", ENDING)
def test_a_schedule_that_is_over_begins_anew(schedule):
    """`fit` under `warm_start` goes through it again, over as many epochs as it is asked for then."""
    model = small(learning_rate=ENDING[schedule], warm_start=True, batch_size=7, max_iter=4).fit(X, DIGITS)
    first = rates(model)
    assert max(first) > 0
    assert rates(model.fit(X, DIGITS)) == first * 2
    alone = small(learning_rate=ENDING[schedule], batch_size=7, max_iter=9).fit(X, DIGITS)
    assert rates(model.set_params(max_iter=9).fit(X, DIGITS)) == first * 2 + rates(alone)


def test_an_epoch_between_two_waves_is_no_rate_that_has_vanished():
    """With one batch an epoch there are some whose rate is 0, and after them it rises again."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(learning_rate="cosine_cycles", batch_size="full", max_iter=15).fit(X, DIGITS)
    assert np.flatnonzero(np.array(rates(model)) < 1e-15).tolist() == [0, 1, 3, 7]


@pytest.mark.parametrize("schedule", ENDING)
def test_partial_fit_goes_through_a_schedule_again_and_again(schedule):
    """Every `max_iter` calls it begins anew, since there is no telling how many calls there will be."""
    whole = small(learning_rate=ENDING[schedule], batch_size=7, max_iter=4).fit(X, DIGITS)
    model = small(learning_rate=ENDING[schedule], batch_size=7, max_iter=4)
    for _ in range(8):
        model.partial_fit(X, DIGITS, classes=[0, 1, 2])
    assert rates(model) == rates(whole) * 2


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", Cosine(warmup=5)])
def test_many_calls_of_partial_fit_learn_as_much_as_at_a_constant_rate(schedule):
    """Sixty calls with a schedule of five end where a constant rate ends, and do not stop learning after five."""
    samples, labels = load_digits(return_X_y=True)
    model, constant = (MLPClassifier(learning_rate=rate, max_iter=5, random_state=0) for rate in (schedule, "constant"))
    for _ in range(60):
        for one in (model, constant):
            one.partial_fit(samples / 16, labels, classes=range(10))
    assert model.score(samples / 16, labels) > constant.score(samples / 16, labels) - 0.02


@pytest.mark.parametrize("through_a_file", [False, True])
def test_an_interrupted_schedule_is_gone_on_with(through_a_file, tmp_path):
    """Its length is that of its beginning, whatever `max_iter` is now, and `fit` stops where it ends."""
    whole = small(learning_rate="cosine", batch_size=7, max_iter=8).fit(X, DIGITS)
    model = small(learning_rate="cosine", batch_size=7, max_iter=8, max_updates=20, warm_start=True).fit(X, DIGITS)
    assert model.n_iter_ == 3
    model.set_params(max_updates=None, max_iter=50)
    if through_a_file:
        save_model(tmp_path / "model.npz", model, resume=True)
        model = load_model(tmp_path / "model.npz")["train"]
    assert model.fit(X, DIGITS).n_iter_ == 5
    assert rates(model)[3:] == rates(whole)[3:]
    assert rates(model.set_params(max_iter=8).fit(X, DIGITS))[8:] == rates(whole)


@pytest.mark.parametrize("resume", [False, True])
def test_a_schedule_that_was_over_when_saved_begins_anew(resume, tmp_path):
    """A model from a file learns on at the rates that one has that was never saved."""
    model = small(learning_rate="one_cycle", batch_size=7, warm_start=True, max_iter=4).fit(X, DIGITS)
    save_model(tmp_path / "model.npz", model, resume=resume)
    loaded = load_model(tmp_path / "model.npz")["train"]
    for one in (model, loaded):
        one.set_params(max_iter=6).fit(X, DIGITS).partial_fit(X, DIGITS)
    assert rates(loaded) == rates(model)
    if resume:
        assert params(loaded) == params(model)


def test_a_schedule_with_epochs_of_its_own_ends_the_fit():
    """Where it is over nothing is left to do; a fit that is over before it has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert small(learning_rate=Cosine(4), max_iter=50).fit(X, DIGITS).n_iter_ == 4
        assert small(learning_rate=OneCycle(2.5), max_iter=50).fit(X, DIGITS).n_iter_ == 3
    with pytest.warns(ConvergenceWarning):
        small(learning_rate=Cosine(4), max_iter=3).fit(X, DIGITS)


@pytest.mark.parametrize("then", ["cosine", OneCycle(), Step(2)])
@pytest.mark.parametrize("first", ["constant", "exponential", Cosine(epochs=50)])
def test_an_exchanged_schedule_begins_when_it_is_set(first, then):
    """What `set_params` brings does not begin where another had come to; a parameter of the same one counts too."""
    model = small(learning_rate=first, batch_size=7, max_iter=6, warm_start=True).fit(X, DIGITS)
    wanted = rates(small(learning_rate=then, batch_size=7, max_iter=6).fit(X, DIGITS))
    assert rates(model.set_params(learning_rate=then).fit(X, DIGITS))[6:] == wanted


def test_a_changed_parameter_of_a_schedule_begins_it_anew():
    """A longer wave is another wave."""
    model = small(learning_rate=Cosine(epochs=20), batch_size=7, max_iter=6, warm_start=True).fit(X, DIGITS)
    model.learning_rate.set_params(epochs=6)
    wanted = rates(small(learning_rate=Cosine(epochs=6), batch_size=7, max_iter=6).fit(X, DIGITS))
    assert rates(model.fit(X, DIGITS))[6:] == wanted


def test_adaptive_begins_anew_after_its_end():
    """A rate that was divided until it was too small is not what the next `fit` is left with."""
    model = small(solver="sgd", learning_rate="adaptive", tol=10, n_iter_no_change=1, warm_start=True, max_iter=50)
    n = model.fit(X, DIGITS).n_iter_
    assert rates(model)[-1] <= 1e-6
    assert rates(model.fit(X, DIGITS)) == pytest.approx(rates(model)[:n] * 2)


def test_a_restart_is_waited_for():
    """The first figures after a restart are worse than the last before it, and patience begins with them."""
    options = {"learning_rate": "cosine", "learning_rate_init": 0.5, "warm_start": True, "batch_size": 7}
    model = small(**options, max_iter=12, n_iter_no_change=5, tol=0).fit(X, DIGITS)
    model._trainer.stopping.best = -1.0  # what no figure after it is better than
    assert model.fit(X, DIGITS).n_iter_ == 12


@pytest.mark.parametrize("schedule", [Exponential(0.01), Step(1, 0.01), Step(1, 0.01, warmup=1)])
def test_a_rate_that_has_vanished_is_told_once(schedule):
    """A schedule without an end may fall until nothing is learned: one warning, at the line that called."""
    model = small(learning_rate=schedule, max_iter=10, warm_start=True, batch_size="full", n_iter_no_change=99)
    with pytest.warns(UserWarning, match=r"learning rate is down to .*, too small to learn with, by") as caught:
        model.fit(X, DIGITS)
    assert [one.filename for one in caught if "down to" in str(one.message)] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, DIGITS)
        model.partial_fit(X, DIGITS)
        model.set_params(learning_rate="constant").fit(X, DIGITS)


def test_a_warm_up_that_never_leaves_zero_is_told():
    """An epoch of one update is at the warm-up's beginning alone; where there is no other, nothing is learned."""
    with pytest.warns(UserWarning, match="learning rate is down to 0, too small") as caught:
        small(learning_rate=Cosine(warmup=1), max_iter=1).partial_fit(X, DIGITS, classes=[0, 1, 2])
    assert [one.filename for one in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(learning_rate=Cosine(warmup=1), max_iter=2, batch_size="full").fit(X, DIGITS)


@pytest.mark.parametrize("solver", ["adam", "rmsprop"])
@pytest.mark.parametrize("word", ["invscaling", "adaptive"])
def test_scikit_learns_words_are_for_sgd_alone(solver, word):
    """For another solver they change nothing."""
    options = {"solver": solver, "max_iter": 30, "tol": 1.0, "n_iter_no_change": 2}
    assert params(small(learning_rate=word, **options).fit(X, DIGITS)) == params(small(**options).fit(X, DIGITS))


def test_invscaling_and_adaptive_move_the_rate():
    """One by the samples seen before an epoch, the other by a fifth at every standstill until 1e-6."""
    falling = small(solver="sgd", learning_rate="invscaling", power_t=0.25, batch_size=7).fit(X, DIGITS)
    assert falling.history_["learning_rate"] == pytest.approx([0.001 / (N * epoch + 1) ** 0.25 for epoch in range(3)])
    patient = small(solver="sgd", learning_rate="adaptive", tol=10.0, n_iter_no_change=1, max_iter=99).fit(X, DIGITS)
    rates = patient.history_["learning_rate"]
    assert patient.n_iter_ < 99
    assert sorted({round(np.log(0.001 / rate) / np.log(5), 6) for rate in rates}) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("patience", [1, 4, 9])
def test_patience_is_counted_in_epochs(patience):
    """With a tolerance that is never met, training ends after patience and two epochs; inf never ends it."""
    assert small(tol=1e9, n_iter_no_change=patience, max_iter=50).fit(X, DIGITS).n_iter_ == patience + 2
    assert small(tol=1e9, n_iter_no_change=np.inf, max_iter=50).fit(X, DIGITS).n_iter_ == 50


# ---------------------------------------------------------------- history and validation


def test_history_tells_every_epoch():
    """A list for each figure; scikit-learn's attributes say the same."""
    model = small(max_iter=4).fit(X, DIGITS, X_val=X[:20], y_val=DIGITS[:20])
    assert list(model.history_) == ["loss", "score", "validation_loss", "validation_score", "learning_rate", "seconds"]
    assert {len(figures) for figures in model.history_.values()} == {4}
    assert model.loss_curve_ == model.history_["loss"]
    assert (model.loss_, model.best_loss_) == (model.loss_curve_[-1], min(model.loss_curve_))
    assert all(seconds > 0 for seconds in model.history_["seconds"])
    P = model.predict_proba(X[:20])
    assert model.history_["validation_loss"][-1] == pytest.approx(log_loss(DIGITS[:20], P, labels=[0, 1, 2]))
    assert model.history_["validation_score"][-1] == pytest.approx(model.score(X[:20], DIGITS[:20]))


def test_without_validation_there_are_none():
    """The figures of validation are None, and watching data changes no weight."""
    plain = small().fit(X, DIGITS)
    assert plain.history_["validation_loss"] == plain.history_["validation_score"] == [None] * 3
    assert params(small().fit(X, DIGITS, X_val=X, y_val=DIGITS)) == params(plain)


@pytest.mark.parametrize("target", TARGETS)
def test_early_stopping_keeps_the_best_epoch(target):
    """It stops by the validation score, keeps that epoch's weights, and says so as scikit-learn does."""
    y = TARGETS[target]
    model = small(early_stopping=True, validation_fraction=0.3, n_iter_no_change=3, max_iter=99).fit(X, y)
    assert model.n_iter_ == len(model.validation_scores_) < 99
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    assert model.t_ == model.n_iter_ * 42


def test_early_stopping_takes_the_validation_data_given():
    """Then nothing is set aside, and the best epoch is that of the data given."""
    options = {"early_stopping": True, "learning_rate_init": 0.3, "batch_size": 7, "max_iter": 15}
    model = small(**options).fit(X, DIGITS, X_val=X[:9], y_val=DIGITS[:9], sample_weight_val=WEIGHT[:9])
    assert model.t_ == model.n_iter_ * N
    assert model.best_validation_score_ == pytest.approx(model.score(X[:9], DIGITS[:9], WEIGHT[:9]))


@pytest.mark.parametrize("monitor", ["loss", "score", "validation_loss", "validation_score"])
def test_any_figure_can_be_monitored(monitor):
    """Training ends with the best epoch's weights: before its last update for what is measured on the way."""
    options = {"monitor": monitor, "learning_rate_init": 0.5, "batch_size": 7, "n_iter_no_change": 99}
    held = {"X_val": X[:20], "y_val": DIGITS[:20]}
    model = small(max_iter=12, **options).fit(X, DIGITS, **held)
    figures = np.array(model.history_[monitor]) * (1 if monitor.endswith("score") else -1)
    best = int(figures.argmax()) + 1
    assert best < 12
    updates = 9 * best - (not monitor.startswith("validation"))
    assert params(model) == params(
        small(max_iter=12, max_updates=updates, **{**options, "monitor": "auto"}).fit(X, DIGITS, **held)
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X}, "X_val and y_val go together"),
        ({"y_val": DIGITS}, "X_val and y_val go together"),
        ({"sample_weight_val": WEIGHT}, "sample_weight_val was given without X_val and y_val"),
        ({"X_val": X, "y_val": DIGITS + 1}, r"y_val has labels that y has not: \[3\]; y has \[0 1 2\]"),
        ({"X_val": X[:, :2], "y_val": DIGITS}, "X has 2 features, but MLPClassifier is expecting 5"),
        ({"X_val": X, "y_val": DIGITS[:9]}, "inconsistent numbers of samples"),
        ({"X_val": X, "y_val": DIGITS, "sample_weight_val": WEIGHT[:9]}, "sample_weight.shape"),
    ],
)
def test_validation_data_are_checked(given, message):
    """What is missing, or does not fit the samples, is named."""
    with pytest.raises(ValueError, match=message):
        small().fit(X, DIGITS, **given)


@pytest.mark.parametrize("monitor", ["validation_loss", "validation_score"])
def test_monitoring_validation_wants_validation(monitor):
    """Without validation data the error says how to give some."""
    with pytest.raises(ValueError, match=f"monitor='{monitor}' needs validation data: give X_val and y_val"):
        small(monitor=monitor).fit(X, DIGITS)


def test_a_search_hands_validation_data_through():
    """Of another length than the samples, they arrive whole in every fit of a search."""
    search = GridSearchCV(small(), {"alpha": [0, 1]}, cv=2, error_score="raise")
    search.fit(X, DIGITS, X_val=X[:20], y_val=DIGITS[:20])
    assert None not in search.best_estimator_.history_["validation_loss"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_validation_data_that_a_search_has_sliced_are_refused(n_jobs):
    """Of the length of the samples, a search would slice them as it slices those: one clear line instead."""
    search = GridSearchCV(small(), {"alpha": [0, 1]}, cv=2, error_score="raise", n_jobs=n_jobs)
    with pytest.raises(ValueError, match="inside a search or a cross-validation: it was sliced"):
        search.fit(X, DIGITS, X_val=X, y_val=DIGITS)
    with pytest.raises(ValueError, match="it was sliced"):
        cross_val_score(small(), X, DIGITS, params={"X_val": X, "y_val": DIGITS}, error_score="raise")


# ---------------------------------------------------------------- going on

GOING_ON = {
    **{solver: {"solver": solver} for solver in STOCHASTIC},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "monitor": {"monitor": "loss", "learning_rate_init": 0.3},
    "dropout": {"dropout": 0.3, "hidden_layer_sizes": (6, 5)},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "a schedule": {"learning_rate": Cosine(epochs=8, warmup=2)},
    "replacement": {"replacement": True},
    "in order": {"shuffle": False},
    "averages of all": {"batch_size": "full", "solver": "adamw"},
    "class weights": {"class_weight": {0: 1.0, 1: 2.5, 2: 0.5}, "alpha": 0.5},
    "batch normalisation": {"batch_norm": True, "recompute_statistics": True},
    "noise": {"noise": (0.1, 0.2), "hidden_layer_sizes": 6},
    "max-norm": {"max_norm": 0.8},
    "label smoothing": {"label_smoothing": 0.1},
    "an average": {"averaging": ExponentialAverage(0.9), "batch_norm": True},
    "deformed": {"augmentation": Deform(translation=1, shape=(1, 5)), "shuffle": False},
    "rate factors": {
        "feature_scale": True,
        "rate_factors": RateFactors("1/sqrt(n_in)", bias=0.1, feature_scale=6.0),
        "bias_init": 1.0,
        "zero_output": True,
        "activation": "selu",
    },
    "an adversary": {"adversary": Adversarial(0.5), "dropout": 0.2, "label_smoothing": 0.1},
    "a virtual adversary": {
        "adversary": VirtualAdversarial(0.5, n_probes=2),
        "batch_norm": True,
        "augmentation": Deform(translation=1, shape=(1, 5)),
    },
}


def figures(model):
    """Return all that training came to, less the seconds."""
    history = {name: values for name, values in model.history_.items() if name != "seconds"}
    return params(model), history, model.t_, model.best_loss_, model.validation_scores_


def going_on(name, **parameters):
    """Return a classifier that goes on."""
    return small(**{"batch_size": 7, "warm_start": True, **GOING_ON[name], **parameters})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", GOING_ON)
def test_three_epochs_and_five_are_eight(name, dtype):
    """`warm_start` goes on with all that training is in the middle of: byte for byte as if it had never stopped."""
    samples = X.astype(dtype)
    whole = going_on(name, max_iter=8).fit(samples, DIGITS, WEIGHT)
    parts = going_on(name, max_iter=3).fit(samples, DIGITS, WEIGHT)
    assert figures(parts) != figures(whole)
    parts = pickle.loads(pickle.dumps(parts))  # noqa: S301 - our own bytes
    parts.set_params(max_iter=5).fit(samples, DIGITS, WEIGHT)
    assert figures(parts) == figures(whole)
    assert parts.n_iter_ == 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [name for name in GOING_ON if name not in {"early stopping", "monitor"}])
def test_calls_of_partial_fit_are_epochs_of_fit(name, dtype):
    """Eight calls over all samples equal eight epochs, mixed with `fit` as one likes."""
    samples = X.astype(dtype)
    whole = going_on(name, max_iter=8, n_iter_no_change=99, tol=0).fit(samples, DIGITS, WEIGHT)
    parts = going_on(name, max_iter=3, n_iter_no_change=99, tol=0)
    for _ in range(2):
        parts.partial_fit(samples, DIGITS, WEIGHT, classes=[0, 1, 2])
    parts.fit(samples, DIGITS, WEIGHT)
    for _ in range(3):
        parts.partial_fit(samples, DIGITS, WEIGHT)
    assert params(parts) == params(whole)
    assert parts.loss_curve_ == whole.loss_curve_


def test_a_generator_goes_on_as_well():
    """A Generator of the user's is used, not copied: two fits with it differ, and two alike agree."""
    one, other = (small(random_state=np.random.default_rng(3)) for _ in range(2))
    first = params(one.fit(X, DIGITS))
    assert params(other.fit(X, DIGITS)) == first
    assert params(one.fit(X, DIGITS)) != first
    legacy = small(random_state=np.random.RandomState(3))
    assert params(legacy.fit(X, DIGITS)) != params(legacy.fit(X, DIGITS))


def test_without_warm_start_fit_begins_anew():
    """The same call gives the same model."""
    model = small()
    first = params(model.fit(X, DIGITS))
    assert params(model.fit(X, DIGITS)) == first
    assert len(model.loss_curve_) == 3


def test_lbfgs_goes_on_from_its_weights():
    """With `warm_start` it begins where it ended, and the history goes on."""
    model = small(solver="lbfgs", warm_start=True, max_iter=5).fit(X, DIGITS)
    loss = model.loss_
    model.fit(X, DIGITS)
    assert model.loss_ < loss
    assert len(model.loss_curve_) == 10


def test_lbfgs_goes_on_as_the_parameters_say_now():
    """A new penalty holds, and other layers are refused, as for any solver."""
    model = small(solver="lbfgs", alpha=0, warm_start=True, max_iter=50).fit(X, DIGITS)
    largest = np.abs(model.coefs_[0]).max()
    model.set_params(alpha=1000.0).fit(X, DIGITS)
    assert np.abs(model.coefs_[0]).max() < largest / 10
    with pytest.raises(ParameterError, match="training goes on with"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X, DIGITS)


def test_any_solver_goes_on_from_what_lbfgs_found():
    """What was set aside before, to bring the best weights back, is not taken up after it."""
    model = small(monitor="loss", warm_start=True).fit(X, DIGITS)
    loss = model.set_params(solver="lbfgs", max_iter=50).fit(X, DIGITS).loss_
    model.set_params(solver="sgd", max_iter=1, learning_rate_init=1e-9).fit(X, DIGITS)
    assert_allclose(model.loss_, loss, rtol=1e-5)


def test_early_stopping_may_be_asked_for_on_the_way():
    """The epochs before it have no score on validation data, and none is made up for them."""
    model = small(warm_start=True).fit(X, DIGITS)
    model.set_params(early_stopping=True).fit(X, DIGITS)
    assert model.history_["validation_score"][:3] == [None] * 3
    assert model.validation_scores_ == model.history_["validation_score"][3:]
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_early_stopping_is_nothing_to_lbfgs():
    """It stops by its own rule, as scikit-learn's does, so that a search may try it among other solvers."""
    model, plain = (small(solver="lbfgs", early_stopping=early).fit(X, DIGITS) for early in (True, False))
    assert params(model) == params(plain)
    assert (model.validation_scores_, model.best_validation_score_) == (None, None)
    assert model.best_loss_ == plain.best_loss_


def test_settings_may_change_on_the_way():
    """A new rate, penalty or solver holds from the next call on; other layers are refused."""
    model = small(warm_start=True).fit(X, DIGITS)
    model.set_params(learning_rate_init=0.5, alpha=3.0).fit(X, DIGITS)
    assert model.history_["learning_rate"] == [0.001] * 3 + [0.5] * 3
    model.set_params(solver="rmsprop").partial_fit(X, DIGITS)
    assert set(model._trainer.optimizer.state) == {"v"}
    with pytest.raises(ParameterError, match=r"training goes on with .*Affine\(5, 6\).*; the parameters now ask for"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X, DIGITS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.fit(X, DIGITS + 1), "warm_start can only be used where `y` has the same classes"),
        (lambda model: model.fit(X[:, :3], DIGITS), "X has 3 features, but MLPClassifier is expecting 5"),
        (lambda model: model.partial_fit(X, DIGITS, classes=[0, 1]), "is not the same as on last call to partial_fit"),
        (lambda _: small().partial_fit(X, DIGITS), "classes must be passed on the first call to partial_fit"),
        (lambda _: small().partial_fit(X, DIGITS, classes=[0, 1]), "`y` has classes not in `self.classes_`"),
        (
            lambda _: small(early_stopping=True).partial_fit(X, DIGITS, classes=[0, 1, 2]),
            "partial_fit does not support early_stopping=True",
        ),
        (
            lambda _: small(class_weight="balanced").partial_fit(X, DIGITS, classes=[0, 1, 2]),
            "partial_fit does not support class_weight='balanced'",
        ),
        (lambda _: small(solver="lbfgs").partial_fit, "has no attribute 'partial_fit'"),
    ],
)
def test_what_cannot_go_on_is_refused(call, message):
    """Other labels, other features, a solver that makes no updates: in scikit-learn's words."""
    model = small(warm_start=True).fit(X, DIGITS)
    with pytest.raises((ValueError, AttributeError), match=message):
        call(model)


# ---------------------------------------------------------------- when it goes wrong


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"solver": "newton"}, "solver must be 'lbfgs', 'sgd', 'adam', 'rmsprop', 'adagrad' or 'adamw'; got 'newton'"),
        ({"activation": ("relu", "tanh")}, "activation must be one name, or one for each of the 1 hidden layers"),
        ({"activation": "softplus"}, "activation must be"),
        ({"dropout": 1.0}, "dropout must be a number >= 0 and < 1"),
        ({"dropout": 0.1, "solver": "lbfgs"}, "dropout must be left out for lbfgs"),
        ({"noise": (0.1, 0), "solver": "lbfgs"}, "noise must be left out for lbfgs"),
        ({"batch_norm": True, "solver": "lbfgs"}, "batch_norm must be left out for lbfgs"),
        ({"max_norm": 1.0, "solver": "lbfgs"}, "max_norm must be left out for lbfgs"),
        ({"averaging": LastEpochs(), "solver": "lbfgs"}, "averaging must be left out for lbfgs"),
        ({"augmentation": Deform(), "solver": "lbfgs"}, "augmentation must be left out for lbfgs"),
        ({"adversary": Adversarial(), "solver": "lbfgs"}, "adversary must be left out for lbfgs"),
        ({"rate_factors": RateFactors(), "solver": "lbfgs"}, "rate_factors must be left out for lbfgs"),
        ({"rate_factors": RateFactors("1/n")}, "weights must be '1/sqrt.n_in.', '1/n_in' or a number"),
        ({"bias_init": -1}, "bias_init must be 'auto' or a number >= 0"),
        ({"adversary": VirtualAdversarial(), "dropout": 0.1}, "dropout must be 0 where VirtualAdversarial compares"),
        ({"adversary": VirtualAdversarial(), "noise": (0.1, 0)}, r"noise must be 0 where .* got \(0.1, 0\)"),
        ({"adversary": Adversarial(-1)}, "epsilon must be a number >= 0 and < inf; got -1"),
        ({"adversary": "virtual"}, "adversary must be"),
        ({"averaging": LastEpochs(), "early_stopping": True}, "averaging must be None where the best weights"),
        ({"averaging": LastEpochs(0)}, "epochs must be"),
        ({"augmentation": Deform(rotation=-1)}, "rotation must be"),
        ({"noise": (0.1, 0.1, 0.1)}, "noise must be one rate"),
        ({"dropout": (0.1,)}, "dropout must be one rate for the hidden layers, or one for the input and each"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be a list of integers >= 1"),
        ({"alpha": -1}, "alpha must be a number >= 0; got -1"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"learning_rate": "fast"}, "learning_rate must be"),
        ({"weight_init": 0}, "weight_init must be"),
        ({"weight_init": 1e308}, r"weight_init must be .* <= 1e9; got 1e\+308"),
        ({"noise": 1e308}, r"noise must be .* <= 1e9; got 1e\+308"),
        ({"noise": (0, float("inf"))}, "noise must be"),
        ({"noise": 10**400}, "noise must be .*; got an integer of 401 digits"),
        ({"max_iter": 10**5000}, "max_iter must be .*; got an integer of 5001 digits"),
        ({"learning_rate": Step(every=1e-320)}, "every must be a number >= 1e-9; got 1e-320"),
        ({"max_iter": 0}, "max_iter must be an integer >= 1; got 0"),
        ({"learning_rate_init": float("nan")}, "learning_rate_init must be"),
    ],
)
def test_parameters_are_checked_in_fit(parameters, message):
    """The constructor takes anything; `fit` names the parameter, what is allowed and what was given."""
    model = small(**parameters)
    with pytest.raises(ParameterError, match=message):
        model.fit(X, DIGITS)


def test_a_schedules_parameters_are_checked_as_well():
    """A schedule is part of the configuration."""
    with pytest.raises(ParameterError, match="warmup must be a number >= 0; got -1"):
        small(learning_rate=Cosine(warmup=-1)).fit(X, DIGITS)


@pytest.mark.parametrize("fitted_before", [True, False])
def test_what_was_refused_begins_anew(fitted_before):
    """A `fit` that got no further than its parameters leaves nothing that the next one would go on from."""
    model = small()
    if fitted_before:
        model.fit(X, DIGITS)
    with pytest.raises(ParameterError, match="warmup"):
        model.set_params(learning_rate=Cosine(warmup=-1)).fit(X, DIGITS)
    model.set_params(learning_rate="constant", warm_start=True).fit(X, DIGITS)
    assert params(model) == params(small().fit(X, DIGITS))


@pytest.mark.parametrize("batch_size", [7, "full"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_is_one_clear_error(solver, batch_size):
    """It names the learning rate and the epoch, it is scikit-learn's kind of error, and the best weights are kept."""
    model = small(solver=solver, warm_start=True, batch_size=batch_size).fit(X, DIGITS)
    loss = log_loss(DIGITS, model.predict_proba(X))
    model.set_params(learning_rate_init=1e200)
    with pytest.raises(DivergenceError, match=r"non-finite parameter weights.*learning rate, 1e\+200.*epoch [45]"):
        model.fit(X, DIGITS)
    assert log_loss(DIGITS, model.predict_proba(X)) == pytest.approx(loss, rel=0.1)
    assert model.set_params(learning_rate_init=0.01).fit(X, DIGITS).n_iter_ == 3


def test_lbfgs_diverges_with_the_same_words(monkeypatch):
    """Weights that are no numbers are told as scikit-learn tells them."""
    lost = scipy.optimize.OptimizeResult(x=np.nan, fun=np.nan, nit=1, status=0)
    monkeypatch.setattr(scipy.optimize, "minimize", lambda *_, **__: lost)
    with pytest.raises(DivergenceError, match="Solver produced non-finite parameter weights"):
        small(solver="lbfgs").fit(X, DIGITS)


def test_lbfgs_keeps_the_weights_before_it_diverges():
    """A loss that is no number is an error for it too, without a warning, and the model predicts as it did before."""
    model = small(solver="lbfgs", warm_start=True).fit(X, DIGITS)
    before = params(model)
    with pytest.raises(DivergenceError, match="The loss became nan, and the best weights before it were kept"):
        model.fit(X * 1e300, DIGITS)
    assert params(model) == before


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_not_having_converged_is_a_warning(solver):
    """It is scikit-learn's warning, and points at the line that called `fit`."""
    with pytest.warns(ConvergenceWarning) as caught:
        small(solver=solver).fit(X, DIGITS)
    assert [one.filename for one in caught] == [__file__]


def test_lbfgs_warns_where_it_finds_no_way_down(monkeypatch):
    """SciPy's status is then 2; scikit-learn warns as well."""
    gave_up = scipy.optimize.OptimizeResult(x=np.zeros(57), fun=1.0, nit=2, status=2, message="ABNORMAL")
    monkeypatch.setattr(scipy.optimize, "minimize", lambda *_, **__: gave_up)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 2 iteration.*ABNORMAL"):
        small(solver="lbfgs").fit(X, DIGITS)


def test_partial_fit_warns_of_nothing():
    """One epoch is all that it was asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small().partial_fit(X, DIGITS, classes=[0, 1, 2])


def test_a_batch_larger_than_the_data_is_a_warning():
    """It is clipped, as scikit-learn's."""
    with pytest.warns(UserWarning, match="Got `batch_size` 99, larger than sample size 60: it is clipped"):
        clipped = small(batch_size=99).fit(X, DIGITS)
    assert params(clipped) == params(small(batch_size="full").fit(X, DIGITS))


def test_an_interruption_keeps_what_was_learned():
    """Ctrl-C ends `fit` with scikit-learn's warning, and the model predicts."""
    model = small(max_iter=50)

    class Interrupted(Step):
        def after(self, t, length):
            if t >= 2:
                raise KeyboardInterrupt
            return super().after(t, length)

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.set_params(learning_rate=Interrupted()).fit(X, DIGITS)
    assert (model.n_iter_, len(model.loss_curve_)) == (2, 2)
    assert model.predict(X).shape == (N,)


@pytest.mark.parametrize(
    ("n", "fraction", "message"),
    [
        (5, 0.1, "The validation set is too small: .*holds out 1 of the n_samples=5 by validation_fraction=0.1"),
        (1, 0.1, "holds out 1 of the n_samples=1 by validation_fraction=0.1, and leaves 0 to learn from; expected"),
        (9, 0, "holds out 0 of the n_samples=9 by validation_fraction=0, and leaves 9 to learn from; expected are 2"),
        (3, 0.9, "The training set that is left is too small: .*holds out 3 of the n_samples=3"),
    ],
)
@pytest.mark.parametrize("many", [True, False])
def test_too_few_rows_for_validation(n, fraction, message, many):
    """Fewer than two rows held out, or none left, are refused by the parameter and the rows, for any labels."""
    y = np.arange(n) % 3 if many else np.zeros(n)
    with pytest.raises(ValueError, match=message):
        small(early_stopping=True, validation_fraction=fraction).fit(X[:n], y)


def test_a_class_of_one_row_is_not_held_out():
    """Two classes are held out alike, which one sample cannot be; of more classes each may be on one side."""
    rare = np.array(["a"] * 29 + ["b"])
    with pytest.raises(ValueError, match=r"both classes, by validation_fraction=0.1, and class 'b' has 1 sample"):
        small(early_stopping=True).fit(X[:30], rare)
    small(early_stopping=True).fit(X[:30], np.array(["a"] * 20 + ["b"] * 9 + ["c"]))
    small(early_stopping=True).fit(X[:30], rare, X_val=X[30:40], y_val=rare[-10:])


def test_two_classes_need_a_row_of_either_to_learn_from():
    """The error counts what is left, for two classes and for a fraction that leaves one."""
    with pytest.raises(ValueError, match="leaves 1 to learn from; expected are 2 or more and 2 or more"):
        small(early_stopping=True, validation_fraction=0.7).fit(X[:4], [0, 0, 1, 1])


# ---------------------------------------------------------------- telling


@pytest.mark.parametrize(
    "options",
    [
        {"max_iter": 3},
        {"solver": "sgd", "learning_rate": "adaptive", "max_iter": 30, "tol": 9.0, "n_iter_no_change": 1},
    ],
)
def test_verbose_prints_what_scikit_learn_prints(capsys, options):
    """A line for every epoch, one where the rate is made smaller and one at the end, in the same words."""
    options |= {"hidden_layer_sizes": (6,), "shuffle": False, "verbose": True, "random_state": 0}
    FromTheirStart(**options).fit(X, DIGITS)
    ours = capsys.readouterr().out
    Theirs(**options).fit(X, DIGITS)
    assert ours == capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "Training loss did not improve more than tol=9.000000 for 1 consecutive epochs. Stopping."),
        ({"early_stopping": True}, "Validation score did not improve more than tol=9.000000 for 1 consecutive epochs."),
        ({"early_stopping": True}, "Validation score: 0."),
        ({"solver": "sgd", "learning_rate": "adaptive"}, "Setting learning rate to 0.000200"),
    ],
)
def test_verbose_says_why(capsys, options, line):
    """Why it stopped, what validation gave, where the rate went: as scikit-learn says it."""
    small(tol=9.0, n_iter_no_change=1, max_iter=30, verbose=True, **options).fit(X, DIGITS)
    assert line in capsys.readouterr().out


def test_quiet_is_quiet(capsys):
    """Without `verbose` nothing is printed."""
    small().fit(X, DIGITS).predict(X)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- copies


def dumped(model, tmp_path):
    """Send a model through joblib."""
    joblib.dump(model, tmp_path / "model.joblib")
    return joblib.load(tmp_path / "model.joblib")


COPIES = {
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),  # noqa: S301 - our own bytes
    "joblib": dumped,
    "deepcopy": lambda model, _: copy.deepcopy(model),
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_predicts_and_goes_its_own_way(way, tmp_path):
    """Pickled, dumped or copied, it predicts the same, trains on the same, and shares nothing."""
    model = small(warm_start=True, batch_size=7, dropout=0.2).fit(X, DIGITS)
    twin = COPIES[way](model, tmp_path)
    assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    before = params(model)
    twin.fit(X, DIGITS)
    assert params(model) == before
    assert params(twin) == params(model.fit(X, DIGITS))
    assert twin.coefs_[0].base is not None


def test_a_clone_is_unfitted_and_whole():
    """`clone` has the parameters, a schedule's as well, and nothing learned."""
    model = small(learning_rate=Cosine(5, warmup=1)).fit(X, DIGITS)
    twin = clone(model)
    assert not hasattr(twin, "network_")
    assert twin.get_params() == model.get_params()
    assert twin.learning_rate is not model.learning_rate
    assert params(twin.fit(X, DIGITS)) == params(model)


# ---------------------------------------------------------------- reaching every parameter

YAML = {
    "hidden_layer_sizes": "[64, 32]",
    "activation": "[relu, gelu]",
    "solver": "adamw",
    "alpha": "1e-05",
    "batch_size": "full",
    "learning_rate": "{name: one_cycle, warmup: 2}",
    "learning_rate_init": "0.01",
    "power_t": "0.25",
    "max_iter": "7",
    "shuffle": "false",
    "random_state": "42",
    "tol": "0",
    "verbose": "true",
    "warm_start": "true",
    "momentum": "0.5",
    "nesterovs_momentum": "false",
    "early_stopping": "true",
    "validation_fraction": "0.2",
    "beta_1": "0.8",
    "beta_2": "0.99",
    "epsilon": "1e-07",
    "n_iter_no_change": ".inf",
    "max_fun": "100",
    "rho": "0.8",
    "weight_decay": "0.1",
    "class_weight": "{0: 1, 1: 2.5}",
    "monitor": "validation_loss",
    "dropout": "[0.1, 0.2, 0.3]",
    "weight_init": "0.01",
    "bias": "false",
    "replacement": "true",
    "max_updates": "1000",
    "batch_norm": "true",
    "recompute_statistics": "true",
    "noise": "[0.3, 0.1]",
    "max_norm": "2",
    "label_smoothing": "0.1",
    "averaging": "{name: exponential_average, decay: 0.99}",
    "augmentation": "{name: deform, rotation: 12, shape: [28, 28]}",
    "adversary": "{name: virtual_adversarial, epsilon: 2}",
    "feature_scale": "true",
    "rate_factors": "{name: rate_factors, weights: 1/sqrt(n_in), bias: 0.1, feature_scale: 6}",
    "bias_init": "1",
    "zero_output": "true",
    "best_epoch": "last",
    "pixel_scale": "0.003921568627450980",
    "n_threads": "1",
    "engine": "numpy",
    "diagnose": "true",
}


@pytest.mark.parametrize("name", parameters_of(MLPClassifier))
def test_every_parameter_can_be_written_in_yaml(name):
    """`params.yaml` and the command line, which read alike, reach each of them; the value is the constructor's."""
    [(key, value)] = read_parameters(MLPClassifier, {name: read_yaml(YAML[name])}, "train").items()
    assert key == name
    assert getattr(MLPClassifier(**{name: value}), name) != parameters_of(MLPClassifier)[name].default


def test_a_schedule_is_made_from_its_name():
    """A mapping with a name is a schedule with its parameters; a bare name is one with its defaults."""
    values = read_parameters(MLPClassifier, {"learning_rate": read_yaml("{name: cosine, warmup: 2}")}, "train")
    assert values["learning_rate"] == Cosine(warmup=2)
    with pytest.raises(ParameterError, match="there is no parameter 'warm'; there are epochs, warmup, final"):
        read_parameters(MLPClassifier, {"learning_rate": {"name": "cosine", "warm": 2}}, "train")


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": True}, {"batch_size": 90, "shuffle": False}, {"solver": "lbfgs"}], ids=str
)
@pytest.mark.parametrize("stored_as", [np.uint8, np.float32])
def test_rows_of_an_array_are_learned_from_without_a_copy(engine, options, stored_as):
    """Some rows of an array come to the weights and figures of a copy of them, scaled where they are bytes."""
    pixels = (np.random.default_rng(0).random((120, 16)) * 256).astype(np.uint8)
    y = pixels[:, :2].sum(axis=1, dtype=int) // 128
    rows = np.random.default_rng(1).permutation(120)[:90]
    rest = np.setdiff1d(np.arange(120), rows)
    scaled = pixels * np.float32(1 / 255)
    values, scale = (pixels, 1 / 255) if stored_as == np.uint8 else (scaled, None)
    watched = {} if "early_stopping" in options else {"X_val": scaled[rest], "y_val": y[rest]}
    lazily = {} if "early_stopping" in options else {"X_val": ArrayRows(values, rest, scale), "y_val": y[rest]}
    options = {"hidden_layer_sizes": (5,), "max_iter": 4, "batch_size": 20, "random_state": 0} | options
    if engine == "numba":
        pytest.importorskip("numba", reason="compiled loops need the extra fast")
    copied = MLPClassifier(engine=engine, **options).fit(scaled[rows], y[rows], **watched)
    mapped = MLPClassifier(engine=engine, **options).fit(ArrayRows(values, rows, scale), y[rows], **lazily)
    assert np.array_equal(copied.network_.params, mapped.network_.params)
    for name in ("loss", "score", "validation_loss", "validation_score"):
        assert copied.history_[name] == mapped.history_[name]
    assert copied.input_statistics_ == mapped.input_statistics_


@pytest.mark.parametrize("options", [{}, {"early_stopping": True, "validation_fraction": 0.01}], ids=str)
def test_what_is_mapped_is_not_copied(tmp_path, options):
    """Training on a file of bytes takes a small part of its memory, with early stopping as well."""
    X = np.zeros((4000, 2000), np.uint8)
    X[::2] = 9
    np.save(tmp_path / "X.npy", X)
    mapped, y = np.load(tmp_path / "X.npy", mmap_mode="r"), np.arange(4000) % 2
    model = MLPClassifier((2,), pixel_scale=1 / 255, batch_size=50, max_iter=2, engine="numpy", **options)
    tracemalloc.start()
    try:
        model.fit(mapped, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 2


def test_blocks_are_shuffled_as_well_as_all(monkeypatch):
    """Of digits sorted in their file, small blocks in wide windows lead to the accuracy of shuffling all, to a point.

    Two large blocks at a time do not, which shows that it could be told.
    """
    X, y = load_digits(return_X_y=True)
    train, test = np.split(np.random.default_rng(0).permutation(len(y)), [1400])
    train = train[np.argsort(y[train], kind="stable")]
    X = (X / 16).astype(np.float32)

    def accuracy():
        model = MLPClassifier((32,), batch_size=32, max_iter=12, learning_rate="cosine", engine="numpy")
        model.set_params(learning_rate_init=5e-3)
        scores = [
            clone(model).set_params(random_state=seed).fit(X[train], y[train]).score(X[test], y[test])
            for seed in range(4)
        ]
        return np.mean(scores)

    def shuffle_in(block, window):
        for name, n_images in {"MAX_SHUFFLED": 0, "BLOCK": block, "WINDOW": window}.items():
            monkeypatch.setattr(f"pipeline.network.batches.{name}", 64 * n_images)

    whole = accuracy()
    shuffle_in(block=8, window=400)
    assert accuracy() > whole - 0.01
    shuffle_in(block=30, window=60)
    assert accuracy() < whole - 0.01
