import numpy as np
import pytest
from sklearn.base import clone

from pipeline.preprocessing.one_hot import OneHot


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([3, 1, 3], [1, 3]),
        (["b", "a", "b"], ["a", "b"]),
        (np.array([2, 0, 1], dtype=np.uint8), [0, 1, 2]),
        ([True, False], [False, True]),
        ([0.5, -0.5], [-0.5, 0.5]),
        (np.array(["x", "y"], dtype=object), ["x", "y"]),
        ([5, 5], [5]),
    ],
)
def test_one_hot_and_back(y, classes):
    """Every kind of label goes into one column for each class, sorted, and comes back as it was, in its own type."""
    one_hot = OneHot()
    Y = one_hot.fit_transform(y)
    assert one_hot.classes_.tolist() == classes
    assert Y.dtype == np.float32
    assert Y.tolist() == [[float(label == name) for name in classes] for label in y]
    back = one_hot.inverse_transform(Y)
    assert back.tolist() == list(y)
    assert back.dtype == np.asarray(y).dtype


def test_one_hot_keeps_a_given_order():
    """Classes that are given keep their order, and may be more than y has."""
    one_hot = OneHot(classes=("no", "yes", "maybe")).fit(["yes"])
    assert one_hot.transform(["maybe", "no"]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot.inverse_transform([[0.1, 0.2, 0.7]]).tolist() == ["maybe"]


def test_one_hot_of_no_labels():
    """Once fitted it turns no labels into no rows, of the right width."""
    assert OneHot().fit([0, 1]).transform([]).shape == (0, 2)


def test_one_hot_has_scikit_learns_manners():
    """Parameters can be read, set and cloned, a clone is not fitted, and the text of one shows what was chosen."""
    one_hot = OneHot(classes=[2, 1]).fit([1])
    copy = clone(one_hot)
    assert copy.get_params() == {"classes": [2, 1]}
    assert not hasattr(copy, "classes_")
    assert copy.set_params(classes="auto").classes == "auto"
    assert repr(one_hot) == "OneHot(classes=[2, 1])"


@pytest.mark.parametrize(
    ("classes", "y", "message"),
    [
        ("auto", [], "y must have labels; got none"),
        ("auto", [0, np.nan], "y contains NaN"),
        ("auto", [[0, 1], [1, 0]], "1d array"),
        ((1, 1), [1], "each label once"),
        ((0, 1), [0, 2], "no column for the labels 2; there are 0, 1"),
        ((0, 1), ["0", "1"], "no column for the labels '0', '1'"),
        (5, [0], "classes must be 'auto' or a list"),
    ],
)
def test_one_hot_refuses_when_fitting(classes, y, message):
    """Labels that are none, not known or not one for each row are refused by name."""
    with pytest.raises(ValueError, match=message):
        OneHot(classes=classes).fit(y)


def test_one_hot_refuses_unknown_labels():
    """A label that was not learned has no column; of many, a dozen are named."""
    with pytest.raises(ValueError, match=r"no column for the labels 'maybe'; there are 'no', 'yes'"):
        OneHot().fit(["no", "yes"]).transform(["yes", "maybe"])
    with pytest.raises(ValueError, match=r"\.\.\.; there are 0$"):
        OneHot().fit([0]).transform(np.arange(100))


@pytest.mark.parametrize(("Y", "message"), [([[1, 0, 0]], "2 columns.* got 3"), ([[np.nan, 1]], "NaN"), ([1, 0], "2D")])
def test_one_hot_refuses_rows_of_another_kind(Y, message):
    """Rows of another width, or that are no numbers, are no rows of these classes."""
    with pytest.raises(ValueError, match=message):
        OneHot().fit([0, 1]).inverse_transform(Y)
