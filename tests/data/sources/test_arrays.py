import numpy as np
import pytest

from pipeline.data.idx import read_part
from pipeline.data.sources.arrays import fixed_fifth, to_images, to_labels, write_parts
from pipeline.data.sources.base import SourceError


@pytest.mark.parametrize(
    ("values", "pixels"),
    [
        ([0, 7, 255, 254], [0, 7, 255, 254]),
        ([0.0, 16.0, 8.0, 1.0], [0, 255, 128, 16]),
        ([0.0, 0.5, 1.0, 0.2], [0, 128, 255, 51]),
        ([-1.0, 1.0, 0.0, 0.6], [0, 255, 128, 204]),
        ([0, 17, 0, 0], [0, 17, 0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_grey_values(values, pixels, dtype):
    """Bytes stay as they are; 4 bits, fractions and signed fractions are stretched to 0..255."""
    images = to_images(np.array([values], dtype))
    assert images.dtype == np.uint8
    assert images.tolist() == np.reshape(pixels, (1, 2, 2)).tolist()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.zeros((2, 3)), "rows of 3 values are no square images$"),
        (np.zeros((2, 48)), r"rows of 48 values .*; of coloured ones of 4x4x3, .* an archive of arrays \(.npz\)"),
        (np.zeros((0, 4)), r"no table of numbers, but float64 of shape \(0, 4\)"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (np.array([["a"]], object), "no table of numbers, but object"),
        (np.array([[256.0]]), "from 256 to 256 are no grey values"),
        (np.array([[-2.0]]), "from -2 to -2"),
        (np.array([[-1.0, 2.0, 0.0, 0.0]]), "from -1 to 2"),
        (np.array([[np.nan]]), "from nan to nan"),
        (np.array([[np.inf]]), "from inf to inf"),
    ],
)
def test_no_grey_images(table, words):
    """A table that is not of square grey images is refused with what was found."""
    with pytest.raises(SourceError, match=words):
        to_images(table)


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        (np.array(["5", "0", "10"], object), [5, 0, 10]),
        (np.array([5.0, 0.0, 10.0]), [5, 0, 10]),
        (np.array([1, 255]), [1, 255]),
        (np.array(["b", "a", "b"]), [1, 0, 1]),
        (np.array(["-1", "1"]), [0, 1]),
        (np.array([300, 200, 300]), [1, 0, 1]),
        (np.array([0.5, 1.5]), [0, 1]),
        (np.array(["1", "1.0"]), [0, 1]),
        (np.array(["nan", "x"]), [0, 1]),
    ],
)
def test_labels(column, labels):
    """Small integers are left as they are, as numbers or as text; all other labels are numbered in sorted order."""
    found = to_labels(column)
    assert found.dtype == np.uint8
    assert found.tolist() == labels


def test_too_many_labels():
    """Labels that do not fit into a byte are refused."""
    with pytest.raises(SourceError, match="257 different labels"):
        to_labels(np.arange(257))


def test_fixed_fifth():
    """The test part is a fifth of each class, in ascending order, and the same rows every time and everywhere."""
    labels = np.repeat(np.arange(2, dtype=np.uint8), (10, 5))
    rows = fixed_fifth(labels)
    assert np.bincount(labels[rows]).tolist() == [2, 1]
    assert rows.tolist() == sorted(rows)
    assert fixed_fifth(labels).tolist() == rows.tolist() == [0, 5, 14]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0, 0, 0, 0, 0, 1], "of its 7 images .* 2 classes on both sides: .* 6 or more images; class 1 has 1$"),
        ([0, 0, 1, 1], "of its 4 images .* 2 classes on both sides: .* 6 or more images"),
        ([7], "1 or more images; class 7 has 1$"),
    ],
)
def test_lonely_class(labels, message):
    """A class with one sample cannot be in both parts, nor can all classes be where a fifth is fewer rows."""
    with pytest.raises(SourceError, match=f"has no test part, .*{message}"):
        fixed_fifth(np.array(labels, np.uint8))


def test_the_fewest_images_that_a_fifth_is_drawn_of():
    """Six have a fifth of two, one of each of two classes."""
    labels = np.array([0, 0, 0, 1, 1, 1], np.uint8)
    assert sorted(labels[fixed_fifth(labels)]) == [0, 1]


def test_write_parts(tmp_path):
    """The rows of the test part go into its files, all others into the training part, each in their order."""
    images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1)
    write_parts(tmp_path, images, np.array([4, 5, 6, 7], np.uint8), np.array([0, 2]))
    assert [array.ravel().tolist() for array in read_part(tmp_path, "train")] == [[1, 3], [5, 7]]
    assert [array.ravel().tolist() for array in read_part(tmp_path, "test")] == [[0, 2], [4, 6]]
