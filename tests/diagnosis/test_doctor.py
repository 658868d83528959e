"""The doctor on whole trainings: networks broken on purpose, all that are shipped, and what it must not touch."""

import json
import warnings
from contextlib import suppress

import numpy as np
import pytest
from recipe_samples import RECIPES, ROOT
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, make_friedman1
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipeline import Deform, ExponentialAverage, MLPClassifier, MLPRegressor, Normalize, Train, TrainingDoctor
from pipeline.cli.params_file import read_document
from pipeline.network import Adversarial, VirtualAdversarial
from pipeline.network.compiled.engines import has_numba
from pipeline.network.training import DivergenceError
from pipeline.parameters import parameter_values, read_parameters
from pipeline.recipes.mixed import MixedEnsemble

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

images, labels = load_digits(return_X_y=True)
images = (images / 16).astype(np.float32)
X, y, X_val, y_val = images[:1400], labels[:1400], images[1400:], labels[1400:]
shuffled = np.random.default_rng(0).permutation(y)


def model(**parameters):
    """Return a classifier that learns the digits within its epochs, unless it is told otherwise."""
    given = {"hidden_layer_sizes": (64, 32), "batch_size": 32, "max_iter": 10, "random_state": 0, "diagnose": True}
    return MLPClassifier(**{**given, **parameters})


def dead():
    """Return a classifier whose biases leave no unit of its second layer active."""
    broken = model(max_iter=1, warm_start=True, diagnose=False).fit(X, y)
    broken.intercepts_[1][:] = -10
    return broken.set_params(max_iter=10, diagnose=True)


BROKEN = {
    "rate too high, relu": (lambda: model(learning_rate_init=1.0), X, y, "learning_rate_too_high"),
    "rate too high, sgd": (lambda: model(solver="sgd", learning_rate_init=10.0), X, y, "learning_rate_too_high"),
    "rate too high, sigmoid": (
        lambda: model(solver="sgd", activation="logistic", learning_rate_init=5.0), X, y, "learning_rate_too_high"
    ),
    "rate too high, no hidden layer": (
        lambda: model(hidden_layer_sizes=(), learning_rate_init=1000.0), X, y, "learning_rate_too_high"
    ),
    "rate too low, adam": (lambda: model(learning_rate_init=1e-6), X, y, "learning_rate_too_low"),
    "rate too low, sgd": (lambda: model(solver="sgd", learning_rate_init=1e-5), X, y, "learning_rate_too_low"),
    "dead relu by biases": (dead, X, y, "dead_units"),
    "saturated sigmoid by unscaled input": (lambda: model(activation="logistic"), X * 255, y, "saturated_units"),
    "saturated tanh by unscaled input": (lambda: model(activation="tanh"), X * 255, y, "saturated_units"),
    "unscaled input to relu": (model, X * 255, y, "first_loss_too_high"),
    "shuffled labels": (lambda: model(hidden_layer_sizes=(256,)), X, shuffled, "labels_do_not_fit"),
    "gradient that vanishes in twenty layers": (
        lambda: model(hidden_layer_sizes=(32,) * 20, activation="logistic"), X, y, "vanishing_gradient"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_network_broken_on_purpose_gets_the_right_finding(case):
    """It alone, in a sentence that says what to try by the name of a parameter or a thing to look at."""
    make, samples, targets, symptom = BROKEN[case]
    diagnosis = make().fit(samples, targets, X_val=X_val, y_val=y_val).diagnosis_
    assert [finding.symptom for finding in diagnosis.findings] == [symptom]
    assert ". Try: " in str(diagnosis)
    assert repr(diagnosis).endswith(f": {symptom})")


def test_the_place_is_named():
    """A finding has the layer, counted from 1, and the epoch, which is 0 before training."""
    diagnosis = model(activation="logistic").fit(X * 255, y).diagnosis_
    [finding] = diagnosis.findings
    assert (finding.layer, finding.epoch) == (1, 0)
    assert "hidden layer 1 (64 Sigmoid)" in finding.what
    [finding] = dead().fit(X, y).diagnosis_.findings
    assert (finding.layer, finding.epoch) == (2, 1)


def test_labels_without_validation_are_suspected_once_training_stays_at_chance():
    """Many updates with a loss at chance say so, where nothing else explains it and a few samples can be learned."""
    trained = model(hidden_layer_sizes=(4,), max_iter=30, learning_rate_init=0.003).fit(X, shuffled)
    assert [finding.symptom for finding in trained.diagnosis_.findings] == ["labels_do_not_fit"]


def test_divergence_leaves_the_diagnosis():
    """It is there after the error, says in which epoch, and stands in a note of the error."""
    diverging = model(solver="sgd", learning_rate_init=1e6, activation="identity")
    with pytest.raises(DivergenceError, match="diverged in epoch 1") as caught:
        diverging.fit(X, y)
    [finding] = diverging.diagnosis_.findings
    assert (finding.symptom, finding.epoch) == ("learning_rate_too_high", 1)
    assert "learning_rate_init=100000" in finding.remedy
    assert caught.value.__notes__ == [str(finding)]


def test_divergence_on_unscaled_input_is_told_from_its_cause():
    """Pixels on 0 to 255 are to be scaled before the rate is looked at."""
    diverging = model(solver="sgd", learning_rate_init=1.0, activation="identity")
    with pytest.raises(DivergenceError):
        diverging.fit(X * 255, y)
    symptoms = [finding.symptom for finding in diverging.diagnosis_.findings]
    assert symptoms == ["learning_rate_too_high", "first_loss_too_high"]
    assert diverging.diagnosis_.findings[0].remedy.startswith("inputs of size 1")


def shipped():
    """Return the parameters of every network that is shipped, by the recipe's name, each once."""
    trains = {name: one.stages(0)["train"] for name, one in RECIPES.items() if not isinstance(one, MixedEnsemble)}
    found = {name: parameter_values(MLPClassifier, train) for name, train in trains.items()}
    found["params.yaml"] = read_parameters(Train, read_document(ROOT / "params.yaml")["train"], "params.yaml")
    once = {repr({k: v for k, v in one.items() if k not in _SHORTENED}): name for name, one in found.items()}
    return {name: found[name] for name in once.values()}


_SHORTENED = {"max_iter", "max_updates", "random_state", "n_threads", "diagnose"}
SHIPPED = shipped()
_N_SAMPLES, _N_EPOCHS = 1000, 5


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_gets_no_finding(name):
    """Sound networks of every kind, of few images and epochs, have nothing said of them."""
    parameters = SHIPPED[name] | {"max_iter": _N_EPOCHS, "max_updates": None, "n_threads": 1, "diagnose": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = MLPClassifier(**parameters).fit(X[:_N_SAMPLES], y[:_N_SAMPLES], X_val=X_val, y_val=y_val)
    assert str(trained.diagnosis_) == "Nothing wrong was found."
    assert len(trained.diagnosis_.epochs) == 1 + trained.n_iter_
    assert trained.diagnosis_.by_heart.learned


KINDS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "one sample at a time": {"solver": "sgd", "batch_size": 1, "learning_rate_init": 0.01, "max_iter": 3},
    "full batch": {"batch_size": "full", "learning_rate_init": 0.01, "max_iter": 40},
    "lbfgs": {"solver": "lbfgs"},
    "sigmoid": {"activation": "logistic", "learning_rate_init": 0.01},
    "tanh": {"activation": "tanh"},
    "gelu, elu": {"activation": ("gelu", "elu")},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "dropout and noise": {"dropout": (0.1, 0.3, 0.3), "noise": 0.1},
    "batch norm": {"batch_norm": True, "recompute_statistics": True},
    "adversary": {"adversary": Adversarial(0.05), "label_smoothing": 0.1},
    "virtual adversary": {"adversary": VirtualAdversarial(0.5), "batch_norm": True},
    "average": {"averaging": ExponentialAverage(0.9)},
    "augmentation": {"augmentation": Deform(rotation=5), "max_norm": 3.0},
    "early stopping": {"early_stopping": True},
    "balanced classes": {"class_weight": "balanced", "learning_rate": "cosine"},
}
ENGINES = ["numpy", pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="numba is an extra"))]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_weights_have_the_same_bytes_with_it_and_without(kind, engine):
    """Whatever trains: no random number is taken, and neither gradients nor batch statistics are touched."""
    plain, examined = (
        model(**KINDS[kind], engine=engine, diagnose=diagnose).fit(X[:600], y[:600]) for diagnose in (False, True)
    )
    assert plain.network_.snapshot().tobytes() == examined.network_.snapshot().tobytes()
    assert plain.network_.rng.bit_generator.state == examined.network_.rng.bit_generator.state
    assert plain.loss_curve_ == examined.loss_curve_
    assert not hasattr(plain, "diagnosis_")


@pytest.mark.parametrize("kind", KINDS)
def test_sound_networks_of_every_kind_get_no_finding(kind):
    """Nor do they of any solver, activation or regularization."""
    assert str(model(**KINDS[kind]).fit(X, y).diagnosis_) == "Nothing wrong was found."


def test_two_runs_measure_the_same():
    """The same data and parameters come to the same bytes, which are strict JSON."""
    first, second = (json.dumps(model(max_iter=2).fit(X, y).diagnosis_.to_dict(), allow_nan=False) for _ in range(2))
    assert first == second


def test_the_callback_has_training_examined_as_well():
    """``TrainingDoctor`` takes the diagnosis that ``diagnose=True`` would have made, in a pipeline too."""
    doctor = TrainingDoctor()
    alone = model(diagnose=False).set_callbacks(doctor).fit(X, y)
    assert doctor.diagnosis_ is alone.diagnosis_
    assert doctor.diagnosis_.to_dict() == model().fit(X, y).diagnosis_.to_dict()
    inside = TrainingDoctor()
    make_pipeline(Normalize(), model(diagnose=False).set_callbacks(inside)).fit(images, labels)
    assert str(inside.diagnosis_) == "Nothing wrong was found."


def test_the_callback_has_a_diagnosis_where_training_diverged():
    """It is taken when the callback is torn down."""
    doctor = TrainingDoctor()
    diverging = model(solver="sgd", learning_rate_init=1e6, activation="identity", diagnose=False)
    with pytest.raises(DivergenceError):
        diverging.set_callbacks(doctor).fit(X, y)
    assert doctor.diagnosis_.diverged_in == 1


def test_the_callback_names_an_estimator_that_it_cannot_examine():
    """Another estimator with callbacks is refused by name."""
    with pytest.raises(TypeError, match="MLPClassifier or an MLPRegressor; got LogisticRegression"):
        TrainingDoctor().setup(LogisticRegression(), None)


def test_a_resumed_training_is_examined_from_where_it_is():
    """Epochs are those of the history; a trained network has its first loss and its memory tested no more."""
    resumed = model(max_iter=2, warm_start=True).fit(X, y)
    resumed.fit(X, y)
    assert [record.epoch for record in resumed.diagnosis_.epochs] == [2, 3, 4]
    assert resumed.diagnosis_.by_heart is None
    resumed.partial_fit(X, y)
    assert [record.epoch for record in resumed.diagnosis_.epochs] == [4, 5]
    resumed.set_params(diagnose=False).fit(X, y)
    assert not hasattr(resumed, "diagnosis_")


@pytest.mark.parametrize(
    ("samples", "targets"),
    [
        (csr_array(np.where(X > 0.9, X, 0)), y),
        ((X * 255).astype(np.uint8), y),
        (X.astype(np.float64), y > 4),
        (X, np.stack([y > 4, y % 2 == 0], axis=1).astype(int)),
        (X, np.zeros(len(y))),
    ],
    ids=["sparse", "bytes", "two classes", "several labels", "one class"],
)
def test_any_samples_and_labels_are_examined(samples, targets):
    """Sparse ones, bytes that are scaled batch by batch, two classes, several labels at once, a single class."""
    trained = model(pixel_scale=1 / 255, max_iter=20).fit(samples, targets)
    assert str(trained.diagnosis_) == "Nothing wrong was found."


def test_a_clone_asks_for_it_again():
    """It is a parameter like others."""
    assert clone(model()).diagnose is True


def test_verbose_says_what_was_found(capsys):
    """After the lines of the epochs, a sentence for each finding."""
    trained = model(learning_rate_init=1.0, max_iter=2, verbose=True).fit(X, y)
    assert capsys.readouterr().out.splitlines()[-1] == str(trained.diagnosis_.findings[0])


# ---------------------------------------------------------------- numbers

NUMBERS, Y = make_friedman1(600, random_state=0)
NUMBERS = (NUMBERS - NUMBERS.mean(axis=0)) / NUMBERS.std(axis=0)
Y = (Y - Y.mean()) / Y.std()
SHUFFLED = np.random.default_rng(0).permutation(Y)


def diagnosed(y, **parameters):
    """Return the diagnosis of a regressor, whose training may diverge."""
    options = {"max_iter": 60, "n_iter_no_change": np.inf, "random_state": 0, "diagnose": True}
    regressor = MLPRegressor(**{**options, **parameters})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(DivergenceError):
            regressor.fit(NUMBERS[:400], y[:400], X_val=NUMBERS[400:], y_val=y[400:])
    return regressor.diagnosis_


@pytest.mark.parametrize(
    ("y", "parameters"),
    [
        (Y, {}),
        (np.stack([Y, NUMBERS[:, 0]], axis=1), {}),
        (Y, {"loss": "absolute_error"}),
        (Y, {"loss": "huber"}),
        (Y, {"loss": "quantile", "quantile": (0.1, 0.9)}),
        (np.exp(Y).round(), {"loss": "poisson"}),
        (Y, {"solver": "lbfgs"}),
    ],
)
def test_a_sound_regression_gets_no_finding(y, parameters):
    """Whatever its loss, with one target or several."""
    diagnosis = diagnosed(y, **parameters)
    assert str(diagnosis) == "Nothing wrong was found."
    assert (diagnosis.n_classes, diagnosis.chance_score) == (0, 0)
    assert diagnosis.epochs[-1].loss < diagnosis.chance_loss


@pytest.mark.parametrize(
    ("y", "parameters", "symptom", "words"),
    [
        (
            100 * Y + 500,
            {},
            "first_loss_too_high",
            "is that of the best constant: predictions were far from the targets",
        ),
        (0.001 * Y, {}, "first_loss_too_high", "Try: targets of mean 0 and standard deviation 1"),
        (Y, {"solver": "sgd", "learning_rate_init": 100.0}, "learning_rate_too_high", "training diverged"),
        (Y, {"learning_rate_init": 3.0}, "learning_rate_too_high", "worse than the best constant"),
        (Y, {"learning_rate_init": 1e-7}, "learning_rate_too_low", "no layer's weights have moved"),
        (SHUFFLED, {"batch_size": 20, "learning_rate_init": 0.003}, "labels_do_not_fit", "beside their targets"),
    ],
)
def test_a_regression_broken_on_purpose_gets_the_right_finding(y, parameters, symptom, words):
    """In words that are about numbers, and not about classes or images."""
    diagnosis = diagnosed(y, **parameters)
    assert [finding.symptom for finding in diagnosis.findings] == [symptom]
    assert words in str(diagnosis)
    assert not any(word in str(diagnosis) for word in ("label", "chance", "images"))
