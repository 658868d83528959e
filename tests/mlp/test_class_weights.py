"""Weights of classes: learned once, from the training labels, and given to samples that may lack a class."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.utils import compute_sample_weight

from pipeline.mlp.class_weights import ClassWeights, by_label
from pipeline.parameters import ParameterError

rng = np.random.default_rng(0)
CODES = rng.choice(3, size=50, p=[0.6, 0.3, 0.1])
DAYS = np.array(["2020-01-01", "2021-05-06", "2022-07-08"], "M8[D]")
CLASSES = {
    "int": np.array([3, 5, 8]),
    "float": np.array([0.0, 1.0, 2.0]),
    "str": np.array(["a", "b", "c"]),
    "digits in text": np.array(["0", "1", "9"]),
    "days": DAYS,
    "seconds": DAYS.astype("M8[s]"),
    "nanoseconds": DAYS.astype("M8[ns]"),
}
SEVERAL = np.stack([CODES > 0, CODES == 1, rng.random(50) > 0.9], axis=1).astype(int)


@pytest.mark.parametrize("kind", ["int", "float", "str"])
@pytest.mark.parametrize("weights", ["balanced", [2.0, 1.0, 0.5]])
def test_weights_are_scikit_learns(kind, weights):
    """Of labels that scikit-learn's function copes with, each sample has the weight that it gives."""
    classes = CLASSES[kind]
    given = weights if weights == "balanced" else dict(zip(classes.tolist(), weights, strict=True))
    found = ClassWeights.learn(given, classes, CODES).of(CODES)
    assert_allclose(found, compute_sample_weight(given, classes[CODES]), rtol=1e-15)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_class_that_is_left_out_counts_one(kind):
    """A key is the label, NumPy's or Python's own, a day for whatever unit of time the labels have."""
    classes = CLASSES[kind]
    key = DAYS[2] if classes.dtype.kind == "M" else classes[2]
    for one in (key, key.item()):
        assert ClassWeights.learn({one: 5.0}, classes, CODES).tables[0].tolist() == [1, 1, 5]


@pytest.mark.parametrize("weights", ["balanced", [{0: 1.0, 1: 4.0}, {1: 2.0}, {0: 0.5}]])
def test_weights_of_several_labels_are_scikit_learns(weights):
    """A sample's weight is the product over its labels."""
    found = ClassWeights.learn(weights, np.arange(3), SEVERAL).of(SEVERAL)
    assert_allclose(found, compute_sample_weight(weights, SEVERAL), rtol=1e-15)


def test_other_samples_are_weighted_by_the_training_balance():
    """However many of each class there are among them, and whichever are not."""
    weights = ClassWeights.learn("balanced", np.arange(3), CODES)
    shares = 50 / (3 * np.bincount(CODES))
    assert_allclose(weights.of(np.array([2, 2, 0])), shares[[2, 2, 0]])


def test_what_training_never_saw_counts_for_nothing():
    """A label that no training sample has, of several at once, has no balance; scikit-learn gives it 0 as well."""
    weights = ClassWeights.learn("balanced", np.arange(2), np.array([[1, 0], [0, 0]]))
    assert weights.of(np.array([[1, 0], [1, 1]])).tolist() == [1, 0]


@pytest.mark.parametrize("weights", [{77: 2.0}, {0: 1.0, 77: 2.0}, {"0": 2.0}])
def test_a_key_that_is_no_class_is_refused(weights):
    """In scikit-learn's words, and with the key that is wrong."""
    with pytest.raises(ValueError, match=r"The classes, \[.*\], are not in class_weight"):
        compute_sample_weight(weights, CODES)
    with pytest.raises(ParameterError, match=r"The classes, \[.*\], are not in class_weight, .* no class: \[.*7.*|'0'"):
        ClassWeights.learn(weights, np.arange(3), CODES)


@pytest.mark.parametrize(
    ("weights", "codes", "message"),
    [
        ({0: 1.0}, SEVERAL, "class_weight should be a list of dicts, or the string 'balanced'"),
        ([{0: 1.0}], SEVERAL, r"number of elements in class_weight should match number of outputs. Got 1 .* having 3"),
        ([{0: 1.0}], CODES, "class_weight should be a dict or 'balanced' where there is one output"),
    ],
)
def test_a_shape_that_does_not_suit_is_refused(weights, codes, message):
    """One dict is for one label each, a list of them for several at once."""
    with pytest.raises(ParameterError, match=message):
        ClassWeights.learn(weights, np.arange(3), codes)


NAMES = ("1.5", "2", "10", "cat", "null", "true")


@pytest.mark.parametrize(
    ("given", "names", "expected"),
    [
        ({"cat": 2, "2": 3}, NAMES, {3: 2, 1: 3}),
        ({10: 3, 1.5: 4}, NAMES, {2: 3, 0: 4}),
        ({None: 2, True: 5}, NAMES, {4: 2, 5: 5}),
        ({3: 2, "7": 4}, None, {3: 2, 7: 4}),
        ("balanced", NAMES, "balanced"),
        (None, NAMES, None),
    ],
)
def test_weights_go_by_names(given, names, expected):
    """A name that YAML takes for a number, or for nothing, is a name; what is no dict stays."""
    assert by_label(given, names) == expected


@pytest.mark.parametrize(
    ("given", "names", "words"),
    [
        ({"caat": 2}, NAMES, "class_weight: there is no class 'caat'; there are 1.5, 2, 10, .*; did you mean cat?"),
        ({3: 2}, NAMES, "class_weight: there is no class '3'"),
        ({10: 2, "10": 3}, NAMES, "class_weight has two weights for the class '10'"),
        ({"dog": 2}, None, "class_weight: its keys must be labels, which are integers from 0; got 'dog'"),
        ({True: 2}, None, "got 'true'"),
    ],
)
def test_names_that_are_no_classes(given, names, words):
    """They are told with those that there are."""
    with pytest.raises(ParameterError, match=words):
        by_label(given, names)
