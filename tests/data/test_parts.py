import numpy as np
import pytest

from pipeline.data.parts import check_parts


def parts(labels=(0, 1, 1), test_labels=(1, 0), size=(2, 3), test_size=(2, 3)):
    """Return a training and a test part of these labels, with images of these sizes."""
    made = {"train": (labels, size), "test": (test_labels, test_size)}
    return {part: (np.zeros((len(y), *shape), np.uint8), np.array(y, np.uint8)) for part, (y, shape) in made.items()}


@pytest.mark.parametrize("changes", [{}, {"test_labels": [1]}, {"labels": [9, 4, 255], "test_labels": [255]}])
def test_parts_that_suit(changes):
    """Classes may have gaps, and the test part need not have them all."""
    check_parts(parts(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_size": (3, 2)}, "test.img has images of 3x2 pixels; expected 2x3, as train.img has"),
        ({"labels": [4, 4], "test_labels": [4]}, "train.lab has the label 4 alone; expected two classes or more"),
        ({"test_labels": [0, 2, 2]}, "test.lab has the label 2 (2 of 3 rows), which train.lab lacks; it has 0, 1"),
        ({"labels": range(30), "test_labels": [30]}, "it has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ..."),
    ],
)
def test_parts_that_do_not_suit(changes, message):
    """What a later stage could not do is said in one line, with the names of the files; a long list is cut."""
    names = {"train": ("train.img", "train.lab"), "test": ("test.img", "test.lab")}
    with pytest.raises(ValueError, match=r"^(train|test)\.") as caught:
        check_parts(parts(**changes), names)
    assert str(caught.value).endswith(message)
    assert len(str(caught.value).splitlines()) == 1
