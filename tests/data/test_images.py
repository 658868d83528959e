"""Images for prediction: which files and shapes become rows of pixels, and how the others are refused."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.idx import Header
from pipeline.data.images import ImageError, as_rows, read_images

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
IDX = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + IMAGES.tobytes()


def npy(array, **options):
    """Return the bytes of a NumPy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["images", "images.npy", "images.gz", "images.png"])
@pytest.mark.parametrize("content", [IDX, gzip.compress(IDX), npy(IMAGES)], ids=["idx", "gzip", "npy"])
def test_a_file_is_told_by_its_content(tmp_path: Path, name, content):
    """IDX, raw or gzip, and NumPy files give the same rows whatever they are called."""
    (tmp_path / name).write_bytes(content)
    rows = read_images(tmp_path / name, 12)
    assert np.array_equal(rows, IMAGES.reshape(2, 12))
    assert rows.dtype == np.uint8


@pytest.mark.parametrize(
    ("shape", "rows"), [((3, 4), 1), ((2, 12), 2), ((5, 3, 4), 5), ((1, 12), 1), ((12, 12), 12), ((12, 1), 1)]
)
def test_images_of_every_shape_become_rows(shape, rows):
    """One image, a stack of images and rows of pixels are told apart by the size that the model takes."""
    images = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    made = as_rows(images, 12)
    assert made.shape == (rows, 12)
    assert np.array_equal(made.ravel(), images.ravel())
    assert np.shares_memory(made, images)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 3, 5), np.uint8), "expected images of 12 pixels each; got shape (2, 3, 5)"),
        (np.zeros((2, 13), np.uint8), "expected images of 12 pixels each; got shape (2, 13)"),
        (np.zeros(12, np.uint8), "got shape (12,)"),
        (np.zeros((1, 2, 3, 4), np.uint8), "got shape (1, 2, 3, 4)"),
        (np.zeros((0, 3, 4), np.uint8), "got shape (0, 3, 4)"),
        (np.zeros((3, 4)), "pixels must be uint8, 0..255; got float64"),
        (np.zeros((3, 4), np.int8), "pixels must be uint8, 0..255; got int8"),
    ],
)
def test_what_the_model_cannot_take_is_refused(images, message):
    """The error says the size or type that was given and the one that is expected."""
    with pytest.raises(ImageError) as caught:
        as_rows(images, 12)
    assert message in str(caught.value)


def test_images_of_another_shape_are_refused_where_the_model_s_is_known():
    """As many pixels in other rows are no images of the same kind; rows of pixels have no shape to compare."""
    for images in (np.zeros((2, 2, 6), np.uint8), np.zeros((2, 6), np.uint8), np.zeros((2, 5, 5), np.uint8)):
        height, width = images.shape[-2:]
        with pytest.raises(ImageError) as caught:
            as_rows(images, 12, "file.npy", (3, 4))
        expected = "expected images of 3x4 pixels, as the model was trained on"
        assert str(caught.value) == f"file.npy: {expected}; got {height}x{width}"
    assert as_rows(np.zeros((2, 3, 4), np.uint8), 12, shape=(3, 4)).shape == (2, 12)
    assert as_rows(np.zeros((2, 12), np.uint8), 12, shape=(3, 4)).shape == (2, 12)


@pytest.mark.parametrize(
    "content",
    [
        npy(IMAGES)[:-1],
        npy(IMAGES)[:9],
        npy(np.array([None, {}]), allow_pickle=True),
        b"\x93NUMPY",
        b"",
        b"\x89PNG\r\n\x1a\n",
        IDX[:-1],
    ],
    ids=["short", "header", "objects", "magic", "empty", "png", "short idx"],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, content):
    """Half a file, Python objects and other formats give an error that names the file, and never run code."""
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(ValueError, match="broken"):
        read_images(tmp_path / "broken", 12)


def idx(array):
    """Return the bytes of an IDX file."""
    return (
        Header(array.dtype.newbyteorder(">"), array.shape).pack()
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (idx(IMAGES.astype(np.float32)), "pixels must be uint8, 0..255; got float32"),
        (idx(IMAGES.astype(np.int32)), "pixels must be uint8, 0..255; got int32"),
        (idx(IMAGES[..., None]), r"expected images of shape .*; got shape \(2, 3, 4, 1\)"),
        (idx(IMAGES[:, 0, 0]), r"expected images of shape .*; got shape \(2,\)"),
        (idx(IMAGES[:0]), r"expected images of shape .*; got shape \(0, 3, 4\)"),
        (idx(IMAGES[:, :2]), r"expected images of 12 pixels each; got shape \(2, 2, 4\)"),
        (IDX[:-1], "is cut short"),
        (IDX + b"0", "goes on after"),
        (b"", "is empty"),
        (gzip.compress(IDX)[:-9], "is cut short"),
        (gzip.compress(IDX)[:-8] + bytes(8), "is damaged"),
        (gzip.compress(gzip.compress(IDX)), "compressed with gzip a second time"),
        (b"<html>", "is an HTML"),
    ],
)
def test_what_cannot_be_predicted_is_named(tmp_path: Path, content, words):
    """Labels, other types and shapes, damage: the error is one line that begins with the user's file."""
    (tmp_path / "my file").write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_images(tmp_path / "my file", 12)
    assert str(caught.value).startswith(str(tmp_path / "my file"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_is_named(tmp_path: Path):
    """A folder or nothing at all is said to be no file."""
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(FileNotFoundError, match="is no file"):
            read_images(path, 12)
