"""What is given, checked and made ready for the network."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator

from pipeline.mlp.validation import (
    LabelValidator,
    as_generator,
    checked_samples,
    checked_samples_and_labels,
    checked_weight,
    dense,
    sparse_taker,
    taker,
)
from pipeline.network.array_rows import ArrayRows

X = np.arange(12.0).reshape(4, 3)
FLOATS = [np.float64, np.float32]


def test_seeds_of_every_kind():
    """An int draws the same each time, a Generator is itself, a RandomState hands over one integer."""
    assert as_generator(3).random() == as_generator(3).random()
    generator = np.random.default_rng(0)
    assert as_generator(generator) is generator
    used, twin = np.random.RandomState(0), np.random.RandomState(0)
    assert as_generator(used).random() == np.random.default_rng(twin.randint(2**31)).random()
    assert used.randint(100) == twin.randint(100)
    assert as_generator(None).random() != as_generator(None).random()


@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_samples_can_be_taken_row_by_row(container):
    """Dense or sparse, rows come as dense batches of the same numbers, in the buffer where there is one."""
    estimator = BaseEstimator()
    rows = checked_samples(estimator, container(X), dtype=FLOATS, reset=True)
    take, out = taker(rows), np.full((2, 3), np.nan)
    for chosen in (np.array([2, 0]), slice(1, 3)):
        assert np.array_equal(take(rows, chosen, out), X[chosen])
    take(rows, np.array([3, 1]), out)
    assert np.array_equal(out, X[[3, 1]])
    assert np.array_equal(dense(rows[1:3]), X[1:3])
    assert estimator.n_features_in_ == 3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (X[:, :2], "X has 2 features, but BaseEstimator is expecting 3"),
        (X[0], "Expected 2D array"),
        (np.full((2, 3), np.inf), "contains infinity"),
        (np.empty((0, 3)), "0 sample"),
    ],
)
def test_samples_are_checked_as_scikit_learn_does(bad, message):
    """Other features, too few dimensions, no numbers, no rows."""
    estimator = BaseEstimator()
    checked_samples(estimator, X, dtype=FLOATS, reset=True)
    with pytest.raises(ValueError, match=message):
        checked_samples(estimator, bad, dtype=FLOATS)


def test_labels_belong_to_their_samples():
    """As many as rows; a column is labels with a warning; several columns stay."""
    estimator = BaseEstimator()
    with pytest.warns(UserWarning, match="column-vector"):
        _, labels = checked_samples_and_labels(estimator, X, [[1], [0], [1], [0]], dtype=FLOATS, reset=True)
    assert labels.tolist() == [1, 0, 1, 0]
    _, several = checked_samples_and_labels(estimator, X, np.eye(4), dtype=FLOATS, reset=True)
    assert several.shape == (4, 4)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        checked_samples_and_labels(estimator, X, [1, 0], dtype=FLOATS, reset=True)


@pytest.mark.parametrize("dtype", FLOATS)
def test_weights_have_the_networks_precision(dtype):
    """One for each sample; a number is everybody's; negative ones are scikit-learn's to allow."""
    weight = checked_weight([1, 2, 0, 4], 4, dtype)
    assert (weight.dtype, weight.tolist()) == (dtype, [1, 2, 0, 4])
    assert checked_weight(2, 4, dtype).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], r"sample_weight.shape == \(2,\), expected \(4,\)!"),
        (np.ones((4, 1)), r"sample_weight.shape == \(4, 1\)"),
        (np.zeros(4), "at least one non-zero number"),
        ([1, 2, np.nan, 4], "NaN"),
        (list("abcd"), "could not convert|dtype"),
    ],
)
def test_weights_that_cannot_be_are_refused(weight, message):
    """Of another shape, all 0, or no numbers."""
    with pytest.raises(ValueError, match=message):
        checked_weight(weight, 4, np.float64)


@pytest.mark.parametrize("rows", [slice(2, 6), slice(0, 8), np.array([7, 0, 7])])
def test_sparse_rows_multiply_as_dense_ones(rows):
    """Any rows, numbers in any order or given twice, some units of a wider layer, some inputs: the same products."""
    rng = np.random.default_rng(0)
    data, indices = rng.normal(size=24), rng.integers(50, size=24)
    X = scipy.sparse.csr_array((data, indices, np.arange(0, 25, 3)), shape=(8, 50))
    batch, plain, W = sparse_taker(X)(X, rows), X.toarray()[rows], rng.normal(size=(50, 6))
    dY = rng.normal(size=(len(plain), 6))
    assert (len(batch), batch.shape) == (len(plain), plain.shape)
    for units in (slice(0, 6), slice(2, 5)):
        out = np.full(dY[:, units].shape, np.nan)
        assert batch.times(W[:, units], out=out) is out
        np.testing.assert_allclose(out, plain @ W[:, units])
        np.testing.assert_allclose(batch[1:3].times(W[:, units]), plain[1:3] @ W[:, units])
    for inputs in (slice(None), slice(10, 30), slice(30, 30)):
        out = np.full(W[inputs].shape, np.nan)
        batch.transposed_times(dY, inputs, out=out)
        np.testing.assert_allclose(out, plain[:, inputs].T @ dY)


@pytest.mark.parametrize(("stored", "as_it_is"), [(0, True), (12, True), (13, False)])
def test_what_is_mostly_zero_is_multiplied_as_it_is(stored, as_it_is):
    """Up to an eighth of the numbers, where SciPy's product is faster than to make rows dense; dense ones never."""
    X = np.zeros((4, 24))
    X.flat[:stored] = 1
    assert (sparse_taker(scipy.sparse.csr_array(X)) is not None) == as_it_is
    assert sparse_taker(X) is None


def test_sparse_pixels_are_scaled():
    """A batch has their scaled values in float32, and they stay as they are."""
    X = scipy.sparse.csr_array(np.array([[0] * 15 + [255], [51] + [0] * 15], np.uint8))
    product = sparse_taker(X, 1 / 255)(X, slice(0, 2)).times(np.ones((16, 1), np.float32))
    assert product.dtype == np.float32
    np.testing.assert_allclose(product[:, 0], [1, 0.2])
    assert X.data.tolist() == [255, 51]


def validator(**options):
    """Return a validator of what a fresh estimator is given."""
    return LabelValidator(BaseEstimator(), **{"pixel_scale": None, "class_weight": None, **options})


def test_one_call_returns_training_samples():
    """Checked, with one-hot targets in the samples' precision, and weights of samples and classes multiplied."""
    inputs = validator(class_weight={"b": 3.0})
    samples = inputs.training(X.astype(np.float32), list("abca"), [1, 2, 1, 1])
    assert samples.X.dtype == samples.Y.dtype == samples.sample_weight.dtype == np.float32
    assert samples.Y.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert samples.sample_weight.tolist() == [1, 6, 1, 1]
    assert (inputs.estimator.n_features_in_, inputs.targets.classes.tolist()) == (3, list("abc"))


def test_validation_samples_are_like_the_training_samples():
    """In their precision, with their classes and the weights of these; labels that they lack are refused."""
    inputs = validator(class_weight={"a": 0.5})
    inputs.training(X.astype(np.float32), list("abca"))
    assert inputs.validation(4, None, None, None) is None
    samples = inputs.validation(4, X[:2], list("ca"), None)
    assert (samples.X.dtype, samples.Y.tolist()) == (np.float32, [[0, 0, 1], [1, 0, 0]])
    assert samples.sample_weight.tolist() == [1, 0.5]
    with pytest.raises(ValueError, match="y_val has labels that y has not"):
        inputs.validation(4, X[:2], list("cd"), None)


def test_training_goes_on_with_what_it_began_with():
    """Labels and precision are those of before, and the features are checked."""
    first = validator()
    first.training(X, [0, 1, 2, 0])
    later = LabelValidator(
        first.estimator, pixel_scale=None, class_weight=None, targets=first.targets, dtype=np.float32
    )
    assert later.training(X, [0, 0, 0, 1]).Y.dtype == np.float32
    with pytest.raises(ValueError, match="`y` has classes not in"):
        later.training(X, [0, 1, 2, 3])
    with pytest.raises(ValueError, match="X has 2 features"):
        later.training(X[:, :2], [0, 1, 2, 0])


@pytest.mark.parametrize("scale", [None, 1 / 255])
def test_rows_that_are_not_copied_are_samples(scale):
    """They have the features and the type of what they hand over, and the samples have the array itself."""
    values = np.arange(30).reshape(10, 3).astype(np.uint8 if scale else np.float32)
    estimator, rows = BaseEstimator(), ArrayRows(values, np.array([7, 0, 3, 2]), scale)
    inputs = LabelValidator(estimator, pixel_scale=None)
    data = inputs.training(rows, np.array([3, 1, 2, 3]))
    assert data.X is values
    assert (estimator.n_features_in_, len(data), data.Y.dtype) == (3, 4, np.float32)
    assert np.array_equal(data.inputs(slice(1, 3)), np.asarray(rows)[1:3])
    assert np.array_equal(data.inputs(np.array([3, 0])), np.asarray(rows)[[3, 0]])


@pytest.mark.parametrize(
    ("rows", "y", "message"),
    [
        (ArrayRows(X.astype(np.float32)), [0, 1, 2], "inconsistent numbers of samples"),
        (ArrayRows(np.full((4, 3), np.nan)), [0, 1, 2, 0], "Input X contains NaN"),
        (ArrayRows(X), [0, 1, None, 0], "Input y contains NaN"),
    ],
)
def test_rows_that_are_not_copied_are_checked(rows, y, message):
    """As arrays are."""
    with pytest.raises(ValueError, match=message):
        LabelValidator(BaseEstimator(), pixel_scale=None).training(rows, y)
