"""Labels as targets, and outputs as labels."""

import numpy as np
import pytest
import scipy.sparse

from pipeline.mlp.targets import TargetEncoder

SEVERAL = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0]])


@pytest.mark.parametrize(
    ("y", "activation", "n_outputs"),
    [(["b", "a", "b"], "logistic", 1), ([3, 1, 2], "softmax", 3), (SEVERAL, "logistic", 3)],
)
def test_labels_come_back(y, activation, n_outputs):
    """Targets decode to the labels that were encoded, and say which output a network needs."""
    targets = TargetEncoder.learn(y)
    Y = targets.encode(y)
    assert (targets.output_activation, Y.shape) == (activation, (3, n_outputs))
    assert np.array_equal(targets.decode(Y.astype(float)), y)


def test_codes_are_numbers_of_classes():
    """Or 0 and 1 for each of several labels."""
    assert TargetEncoder.learn([5, 3, 5]).codes([5, 3]).tolist() == [1, 0]
    assert TargetEncoder.learn(SEVERAL).codes(SEVERAL).tolist() == SEVERAL.tolist()


@pytest.mark.parametrize("y", [[0.5, 1.25, 2.0], [[0.5, 1.0], [1.25, 2.0]]])
def test_numbers_are_led_to_the_regressor(y):
    """A line says what y must be, instead of all that it holds."""
    with pytest.raises(
        ValueError, match=r"Unknown label type: continuous.* y must be labels of classes; .*MLPRegressor"
    ):
        TargetEncoder.learn(np.array(y))


def test_classes_may_be_announced():
    """Labels that come later are among them; other announcements and other labels are refused."""
    targets = TargetEncoder.learn([0, 1], classes=[2, 1, 0])
    assert targets.classes.tolist() == [0, 1, 2]
    targets.check_announced([0, 2, 1])
    targets.check_known([2, 2])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        targets.check_announced([0, 1])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        targets.check_known([3])
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        targets.check_known([0, 1], all_of_them=True)
    with pytest.raises(ValueError, match=r"y_val has labels that y has not: \[7\]"):
        targets.check_validation([0, 7])


def test_an_encoder_is_made_of_its_attributes():
    """With classes, kind of labels and sparseness, it decodes as the one that learned."""
    learned = TargetEncoder.learn(scipy.sparse.csr_array(SEVERAL))
    made = TargetEncoder.from_state(learned.classes, learned.label_type, sparse=learned.sparse)
    assert scipy.sparse.issparse(made.decode(SEVERAL.astype(float)))
    assert np.array_equal(made.decode(SEVERAL.astype(float)).toarray(), SEVERAL)


def test_several_labels_may_have_names():
    """Their columns are what is encoded, known and decoded, whatever they are called."""
    Y = np.array([[1, 0, 1], [0, 0, 1]])
    targets = TargetEncoder.learn(Y).rename(np.array(["sky", "car", "cat"]))
    assert (targets.encode(Y) == Y).all()
    assert (targets.codes(Y) == Y).all()
    assert (targets.decode(Y * 0.9) == Y).all()
    targets.check_known(Y, all_of_them=True)
    targets.check_validation(Y)
    with pytest.raises(ValueError, match="y_val has labels that y has not"):
        targets.check_validation(np.hstack([Y, Y]))


@pytest.mark.parametrize("labels", [[1, 0], [3, 1, 2], ["b", "c", "a"]], ids=["two", "several", "words"])
@pytest.mark.parametrize("names", [None, ["10", "2", "9"]], ids=["sorted", "in an order of their own"])
def test_many_labels_are_encoded_in_pieces(monkeypatch, labels, names):
    """A piece may lack classes; the targets, and their type, are those of all labels at once."""
    y = np.repeat(labels, 5)
    targets = TargetEncoder.learn(y)
    if names:
        targets = targets.rename(np.array(names[: len(labels)]))
        y = np.repeat(names[: len(labels)], 5)
    whole = targets.encode(y), targets.encode(y, np.float32)
    monkeypatch.setattr("pipeline.mlp.targets.AT_ONCE", 4)
    for one, other in zip((targets.encode(y), targets.encode(y, np.float32)), whole, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
