"""scikit-learn's own tests of its regressor, with ours in its place."""

import importlib.util
import inspect
import itertools

import pytest
import sklearn.neural_network

from pipeline import MLPRegressor

SPEC = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
theirs = importlib.util.module_from_spec(SPEC)  # a copy of its own, since the classifier has its own as well
with pytest.MonkeyPatch.context() as patch:
    patch.setattr(sklearn.neural_network, "MLPRegressor", MLPRegressor)
    SPEC.loader.exec_module(theirs)

THEIR_TESTS = {
    name: test
    for name, test in vars(theirs).items()
    if name.startswith("test_") and "MLPRegressor" in inspect.getsource(test)
}
# The tests that are left out, each with what it says that is not so here.
LEFT_OUT = {
    "test_lbfgs_regression_maxfun": "max_fun = 10",  # from other first weights, L-BFGS has converged after 8
    "test_mlp_diverging_loss": "mlp.validation_scores_[-1]",  # divergence is an error, and the best weights are kept
}


def argument_sets(test):
    """Return the arguments that a test is parametrised with, those with their classifier left out."""
    marks = [mark.args for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    choices = []
    for names, values in marks:
        words = [word.strip() for word in names.split(",")]
        choices.append([dict(zip(words, value if len(words) > 1 else [value], strict=True)) for value in values])
    sets = [{name: value for part in parts for name, value in part.items()} for parts in itertools.product(*choices)]
    return [one for one in sets if not any(value is theirs.MLPClassifier for value in one.values())]


SEED = 0
"""What their own runs draw, for tests with any seed."""

CASES = [
    pytest.param(test, arguments, id=f"{name}-{number}")
    for name, test in THEIR_TESTS.items()
    if name not in LEFT_OUT
    for number, arguments in enumerate(argument_sets(test))
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*a network learns targets best:UserWarning")
@pytest.mark.parametrize(("test", "arguments"), CASES)
def test_what_scikit_learn_holds_of_its_own(request, test, arguments):
    """Every test of theirs that uses the public interface passes with our class."""
    fixtures = [name for name in inspect.signature(test).parameters if name not in arguments]
    given = {name: SEED if name == "global_random_seed" else request.getfixturevalue(name) for name in fixtures}
    test(**arguments, **given)


def test_it_is_our_class_that_is_tested():
    """The tests were read with our class in the place of theirs, and there are many."""
    assert theirs.MLPRegressor is MLPRegressor
    assert len(CASES) >= 20


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_left_out_for_its_reason(name):
    """The test is there, and says what the table says."""
    assert LEFT_OUT[name] in inspect.getsource(THEIR_TESTS[name])
