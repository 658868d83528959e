"""scikit-learn's own tests of its classifier, with ours in its place."""

import importlib
import inspect
import itertools

import pytest
import sklearn.neural_network

from pipeline import MLPClassifier

with pytest.MonkeyPatch.context() as patch:
    patch.setattr(sklearn.neural_network, "MLPClassifier", MLPClassifier)
    theirs = importlib.import_module("sklearn.neural_network.tests.test_mlp")

THEIR_TESTS = {name: test for name, test in vars(theirs).items() if name.startswith("test_")}
# The tests that are left out, each with what it needs that is private, is not here, or is said in other words.
LEFT_OUT = {
    "test_fit": "._coef_grads",  # test_training.py works an update out
    "test_gradient": "._loss_grad_lbfgs",  # test_network.py checks gradients
    "test_learning_rate_warmstart": "._optimizer",  # test_classifier.py reads the rates in history_
    "test_adaptive_learning_rate": "._optimizer",  # the same
    "test_n_iter_no_change": "._no_improvement_count",  # test_classifier.py counts epochs
    "test_n_iter_no_change_inf": "._no_improvement_count",  # the same
    "test_early_stopping_stratified": "The least populated classes",  # test_classifier.py has ours
    "test_lbfgs_regression": "MLPRegressor",
    "test_lbfgs_regression_maxfun": "MLPRegressor",
    "test_multioutput_regression": "MLPRegressor",
    "test_partial_fit_regression": "MLPRegressor",
    "test_nonfinite_params": "MLPRegressor",
    "test_shuffle": "MLPRegressor",
    "test_mlp_regressor_dtypes_casting": "MLPRegressor",
    "test_mlp_loading_from_joblib_partial_fit": "MLPRegressor",
    "test_mlp_diverging_loss": "MLPRegressor",
    "test_mlp_sample_weight_with_early_stopping": "MLPRegressor",
    "test_mlp_vs_poisson_glm_equivalent": "MLPRegressor",
    "test_minimum_input_sample_size": "MLPRegressor",
}


def argument_sets(test):
    """Return the arguments that a test is parametrised with, those with their regressor left out."""
    marks = [mark.args for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    choices = []
    for names, values in marks:
        words = [word.strip() for word in names.split(",")]
        choices.append([dict(zip(words, value if len(words) > 1 else [value], strict=True)) for value in values])
    sets = [{name: value for part in parts for name, value in part.items()} for parts in itertools.product(*choices)]
    return [one for one in sets if not any(value is theirs.MLPRegressor for value in one.values())]


CASES = [
    pytest.param(test, arguments, id=f"{name}-{number}")
    for name, test in THEIR_TESTS.items()
    if name not in LEFT_OUT
    for number, arguments in enumerate(argument_sets(test))
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("test", "arguments"), CASES)
def test_what_scikit_learn_holds_of_its_own(request, test, arguments):
    """Every test of theirs that uses the public interface passes with our class."""
    fixtures = [name for name in inspect.signature(test).parameters if name not in arguments]
    test(**arguments, **{name: request.getfixturevalue(name) for name in fixtures})


def test_it_is_our_class_that_is_tested():
    """The tests were read with our class in the place of theirs, and there are many."""
    assert theirs.MLPClassifier is MLPClassifier
    assert len(CASES) > 25


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_left_out_for_its_reason(name):
    """The test is there, and needs what the table says; one of the regressor's has nothing to do with ours."""
    source = inspect.getsource(THEIR_TESTS[name])
    assert LEFT_OUT[name] in source
    assert LEFT_OUT[name] != "MLPRegressor" or "MLPClassifier" not in source
