import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_equal
from scipy.sparse import csr_matrix
from scipy.stats import binomtest
from sklearn import metrics as sk

from pipeline.metrics import (
    all_labels,
    by_class,
    calibration_error,
    confusion,
    mcnemar,
    measure,
    measure_predictions,
    outcomes,
    sign_test,
    summarize,
    top_2_accuracy,
    worst_mistakes,
    wrong_rows,
)

FUNCTIONS = [measure, by_class, confusion, worst_mistakes, wrong_rows]


@pytest.fixture
def prediction():
    """Return labels, probabilities and classes of 200 rows, of which most are guessed right."""
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=200)
    P = rng.dirichlet(np.ones(4), size=200) + 0.7 * np.eye(4)[y]
    return y, P / P.sum(axis=1, keepdims=True), np.arange(4)


def test_scikit_learn_says_the_same(prediction):
    """Every figure that scikit-learn has is scikit-learn's, on the labels themselves."""
    y, P, classes = prediction
    guess = P.argmax(axis=1)
    figures = measure(y, P, classes)
    assert figures["accuracy"] == sk.accuracy_score(y, guess)
    assert figures["error_rate"] == pytest.approx(1 - figures["accuracy"])
    assert figures["log_loss"] == sk.log_loss(y, P)
    assert figures["f1_macro"] == sk.f1_score(y, guess, average="macro")
    assert figures["top_2_accuracy"] == sk.top_k_accuracy_score(y, P, k=2)
    assert np.array_equal(confusion(y, P, classes), sk.confusion_matrix(y, guess))
    assert [score.recall for score in by_class(y, P, classes)] == list(sk.recall_score(y, guess, average=None))


def test_figures_are_plain_floats(prediction):
    """JSON can hold every figure, and there are the six that the workflow promises."""
    figures = measure(*prediction)
    assert {type(figure) for figure in figures.values()} == {float}
    assert list(figures) == ["accuracy", "error_rate", "log_loss", "f1_macro", "top_2_accuracy", "calibration_error"]


def test_labels_may_be_words_in_any_order(prediction):
    """Renaming the classes and shuffling their columns changes no figure and no mistake but its names."""
    y, P, classes = prediction
    names, order = np.array(["b", "d", "a", "c"]), [2, 0, 3, 1]
    assert measure(names[y], P[:, order], names[order]) == pytest.approx(measure(y, P, classes))
    renamed = [
        mistake._replace(true=names[mistake.true], predicted=names[mistake.predicted])
        for mistake in worst_mistakes(y, P, classes)
    ]
    assert worst_mistakes(names[y], P[:, order], names[order]) == renamed


def test_calibration_by_hand():
    """Two bins by hand: three of four right at 0.9, none of one right at 0.6."""
    error = calibration_error([True, True, True, False, False], [0.9, 0.9, 0.9, 0.9, 0.6], n_bins=5)
    assert error == pytest.approx(4 / 5 * (0.9 - 0.75) + 1 / 5 * 0.6)


def test_calibration_bins_are_closed_on_the_right():
    """A confidence on the border of two bins belongs to the lower one; 0 and 1 belong to the outermost."""
    assert calibration_error([True, False], [0.5, 0.51], n_bins=2) == pytest.approx((0.5 + 0.51) / 2)
    assert calibration_error([True, False], [0.5, 0.49], n_bins=2) == pytest.approx((0.5 - 0.49) / 2)
    assert calibration_error([True, False], [1.0, 0.0], n_bins=15) == 0


def test_calibration_of_an_honest_guesser():
    """Who is right as often as it says has an error near 0, and who is always sure has its error rate."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, size=100_000)
    correct = rng.random(100_000) < confidence
    assert calibration_error(correct, confidence) < 0.01
    assert calibration_error(correct, np.ones(100_000)) == pytest.approx(1 - correct.mean())


def test_two_classes():
    """Of two classes both are among the two likeliest, and nothing warns."""
    figures = measure([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [0, 1])
    assert figures["top_2_accuracy"] == 1
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8]).mean())


def test_a_class_without_rows():
    """A class that is nowhere in the truth has its row and column all the same, and support 0."""
    y, P = [0, 2], [[0.8, 0.1, 0.1], [0.1, 0.6, 0.3]]
    assert np.array_equal(confusion(y, P, [0, 1, 2]), [[1, 0, 0], [0, 0, 0], [0, 1, 0]])
    assert by_class(y, P, [0, 1, 2])[1] == (1, 0.0, 0.0, 0.0, 0)
    assert np.isfinite(list(measure(y, P, [0, 1, 2]).values())).all()


def test_a_label_that_is_no_class_is_a_wrong_guess(prediction):
    """What training has not seen costs its rows and no more; of its probability nothing was said."""
    y, P, classes = prediction
    seen, y = measure(y, P, classes), y.copy()
    y[:20] = np.repeat([11, 9], 10)
    guess = P.argmax(axis=1)
    figures = measure(y, P, classes)
    assert np.isnan(figures.pop("log_loss"))
    assert np.isfinite(list(figures.values())).all()
    assert figures["accuracy"] == sk.accuracy_score(y, guess) < seen["accuracy"]
    assert figures["f1_macro"] == sk.f1_score(y, guess, average="macro")
    assert figures["top_2_accuracy"] == pytest.approx(0.9 * sk.top_k_accuracy_score(y[20:], P[20:], k=2))
    assert figures["calibration_error"] == calibration_error(y == guess, P.max(axis=1))
    assert all_labels(y, classes) == [0, 1, 2, 3, 9, 11]
    assert np.array_equal(confusion(y, P, classes), sk.confusion_matrix(y, guess))
    assert by_class(y, P, classes)[4:] == [(9, 0.0, 0.0, 0.0, 10), (11, 0.0, 0.0, 0.0, 10)]
    assert wrong_rows(y, P, classes)[:20] == list(range(20))
    assert {mistake.true for mistake in worst_mistakes(y, P, classes, n=99)} >= {9, 11}


def test_one_class():
    """A class alone has all the probability; a label beside it is wrong."""
    right = {"accuracy": 1, "error_rate": 0, "log_loss": 0, "f1_macro": 1, "top_2_accuracy": 1, "calibration_error": 0}
    assert measure(["a"] * 4, np.ones((4, 1)), ["a"]) == right
    figures = measure(["a", "b", "a", "a"], np.ones((4, 1)), ["a"])
    assert (figures["accuracy"], figures["top_2_accuracy"], figures["calibration_error"]) == (0.75, 0.75, 0.25)
    assert np.isnan(figures["log_loss"])
    assert confusion(["a", "b", "a", "a"], np.ones((4, 1)), ["a"]).tolist() == [[3, 0], [1, 0]]


def test_weights_are_scikit_learns(prediction):
    """A row of weight 2 counts as two rows, in every figure; scikit-learn's agree."""
    y, P, classes = prediction
    weight = np.random.default_rng(1).integers(1, 4, size=len(y))
    figures = measure(y, P, classes, sample_weight=weight)
    assert figures == pytest.approx(measure(np.repeat(y, weight), np.repeat(P, weight, axis=0), classes))
    assert figures != pytest.approx(measure(y, P, classes))
    assert figures["accuracy"] == sk.accuracy_score(y, P.argmax(axis=1), sample_weight=weight)
    assert figures["log_loss"] == sk.log_loss(y, P, sample_weight=weight)
    assert figures["top_2_accuracy"] == pytest.approx(sk.top_k_accuracy_score(y, P, k=2, sample_weight=weight))
    assert measure(y, P, classes, sample_weight=list(weight)) == figures


def test_guesses_alone(prediction):
    """Without probabilities three figures are the same, whatever the labels are called."""
    y, P, classes = prediction
    guess, figures = P.argmax(axis=1), measure(y, P, classes)
    three = {name: figures[name] for name in ("accuracy", "error_rate", "f1_macro")}
    assert measure_predictions(y, guess) == three
    dates = np.datetime64("2020-01-01") + np.arange(4)
    assert measure_predictions(dates[y], dates[guess]) == three
    assert np.isnan(measure(dates[y] + 1, P, dates)["log_loss"])
    assert top_2_accuracy(y, np.log(P), classes) == figures["top_2_accuracy"]
    assert top_2_accuracy([0, 1, 7, 1], [-1.5, 2.0, 0.5, -1.0], [0, 1]) == 0.75


@pytest.mark.parametrize("form", [np.asarray, csr_matrix, np.ndarray.tolist])
def test_several_labels_at_once(form):
    """A row is right where all its labels are; F1 is the mean over the labels."""
    y, guess = np.array([[1, 0], [1, 1], [0, 1], [0, 0]]), np.array([[1, 0], [1, 0], [0, 1], [0, 0]])
    figures = measure_predictions(form(y), form(guess))
    assert figures == pytest.approx({"accuracy": 0.75, "error_rate": 0.25, "f1_macro": (1 + 2 / 3) / 2})


def test_one_row():
    """One row is enough for everything."""
    assert measure([1], [[0.2, 0.7, 0.1]], [0, 1, 2])["accuracy"] == 1
    assert worst_mistakes([1], [[0.2, 0.7, 0.1]], [0, 1, 2]) == []
    assert worst_mistakes([0], [[0.2, 0.7, 0.1]], [0, 1, 2]) == [(0, 0, 1, 0.7)]


def test_float32_rounding_is_forgiven():
    """Rows that sum to 1 but for float32's rounding are taken, even where a probability comes out above 1."""
    P = np.array([[1 + 1e-6, 0], [0.3333333, 0.6666668]], dtype=np.float32)
    assert measure([0, 1], P, [0, 1])["accuracy"] == 1


def test_worst_mistakes_are_the_surest_first():
    """Mistakes go down in confidence, equal ones up in row, and right guesses are no mistakes."""
    P = np.array([[0.2, 0.8], [0.1, 0.9], [0.2, 0.8], [0.99, 0.01], [0.4, 0.6]])
    mistakes = worst_mistakes([0, 0, 0, 0, 0], P, [0, 1], n=3)
    assert [mistake.row for mistake in mistakes] == [1, 0, 2]
    assert mistakes[0] == (1, 0, 1, 0.9)
    assert worst_mistakes([0, 0, 0, 0, 0], P, [0, 1], n=0) == []


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("y", "P", "classes", "message"),
    [
        ([0, 1], [[0.5, 0.5], [np.nan, 1]], [0, 1], "probabilities contains NaN"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.6]], [0, 1], "sum to 1 in each row; row 1"),
        ([0, 1], [[1.5, -0.5], [0.5, 0.5]], [0, 1], "must be >= 0 .* row 0"),
        ([0, "1"], [[0.5, 0.5], [0.5, 0.5]], [0, 1], r"labels like the classes \[0, 1\], all text or none; got '0'"),
        ([0, 0.5], [[0.5, 0.5], [0.5, 0.5]], [0, 1], "Unknown label type: continuous"),
        ([0, np.nan], [[0.5, 0.5], [0.5, 0.5]], [0, 1], "y_true contains NaN"),
        (np.array(["a", np.nan], object), [[0.5, 0.5], [0.5, 0.5]], ["a", "b"], "contains NaN"),
        ([[0, 1], [1, 0]], [[0.5, 0.5], [0.5, 0.5]], [0, 1], "should be a 1d array"),
        ([0], [[0.5, 0.5], [0.5, 0.5]], [0, 1], "inconsistent numbers of samples"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.5]], [0, 1, 2], r"must be \(n_samples, 3\), one row at least; got \(2, 2\)"),
        ([0, 1], [0.5, 0.5], [0, 1], r"got \(2,\)"),
        ([], np.empty((0, 2)), [0, 1], r"got \(0, 2\)"),
        ([0, 0], np.empty((2, 0)), [], "classes must be one or more"),
        ([0, 0], [[0.5, 0.5], [0.5, 0.5]], [0, 0], "each named once"),
    ],
)
def test_what_does_not_fit_is_refused(function, y, P, classes, message):
    """Labels, probabilities and classes that do not fit together are refused in one line that says why."""
    with pytest.raises(ValueError, match=message):
        function(y, P, classes)


def test_wrong_rows_are_all_that_are_not_right(prediction):
    """Rows in ascending order, in plain numbers, whatever the labels are."""
    y, P, classes = prediction
    rows = wrong_rows(y, P, classes)
    assert rows == [row for row in range(len(y)) if P[row].argmax() != y[row]]
    assert {type(row) for row in rows} == {int}
    assert wrong_rows(np.array(list("abcd"))[y], P, list("abcd")) == rows
    assert wrong_rows(y, np.eye(4)[y], classes) == []


@pytest.mark.parametrize(("n_one", "n_other"), [(0, 1), (0, 4), (3, 3), (5, 12), (40, 21), (900, 1000)])
def test_mcnemar_is_the_exact_binomial_test(n_one, n_other):
    """SciPy says the same, whichever comes first."""
    expected = binomtest(n_one, n_one + n_other).pvalue
    assert sign_test(n_one, n_other) == sign_test(n_other, n_one) == pytest.approx(expected)


def test_mcnemar_counts_the_rows_that_one_alone_gets_wrong():
    """Rows that both get right, or both wrong, say nothing; two wrong guesses need not be the same."""
    y = np.repeat(["a"], 100)
    one, other = y.copy(), y.copy()
    one[:30], other[20:35], other[22] = "b", "b", "c"
    assert mcnemar(y, one, other) == sign_test(20, 5) < 0.01
    assert mcnemar(y, one, one) == 1
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        mcnemar(y, one, other[1:])


@pytest.mark.parametrize("at", [[], [120], [1, 2, 150]], ids=["whole", "two pieces", "four pieces"])
@pytest.mark.parametrize("unseen", [False, True], ids=["classes alone", "a label that is no class"])
def test_predictions_that_come_in_pieces_are_measured_as_one(prediction, at, unseen):
    """Counts and rows are the same, and figures but for their last bits; of one piece they are the very same."""
    y, P, classes = prediction
    y = y.copy()
    if unseen:
        y[[3, 160]] = 9, 7
    found = summarize(zip(np.split(y, at), np.split(P, at), strict=True), np.unique(y), classes, n_bins=7)
    expected = measure(y, P, classes, 7)
    if not at:
        assert_equal(found.figures, expected)
    assert list(found.figures) == list(expected)
    assert_allclose(list(found.figures.values()), list(expected.values()), rtol=1e-13)
    assert found.labels == all_labels(y, classes)
    assert found.by_class == by_class(y, P, classes)
    assert found.confusion.tolist() == confusion(y, P, classes).tolist()
    assert found.wrong_rows == wrong_rows(y, P, classes)
    assert found.worst_mistakes(9) == worst_mistakes(y, P, classes, 9)
    for one, other in zip(found.outcomes, outcomes(y, P, classes), strict=True):
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()
