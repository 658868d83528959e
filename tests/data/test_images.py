"""Images for prediction: which files and shapes become rows of pixels, and how the others are refused."""

import gzip
import io
import os
import threading
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


@pytest.mark.parametrize("name", ["emnist-letters-test-images-idx3-ubyte", "test-images-idx3-ubyte"])
@pytest.mark.parametrize("compressed", [False, True])
def test_emnist_is_turned_upright(tmp_path: Path, name, compressed):
    """Its files are told by their names, and a model that has learned from them upright sees them so."""
    (tmp_path / name).write_bytes(gzip.compress(IDX) if compressed else IDX)
    rows = read_images(tmp_path / name, 12)
    upright = IMAGES.transpose(0, 2, 1) if name.startswith("emnist") else IMAGES
    assert rows.tolist() == upright.reshape(2, 12).tolist()


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ((3, 4), 1),
        ((2, 12), 2),
        ((5, 3, 4), 5),
        ((1, 12), 1),
        ((12,), 1),
        ((12, 1), 1),
        ((3, 4, 1), 1),
        ((5, 3, 4, 1), 5),
        ((5, 1, 3, 4), 5),
        ((1, 3, 4, 1), 1),
        ((12, 3, 4), 12),
    ],
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
        (np.zeros(24, np.uint8), "got shape (24,)"),
        (np.zeros((1, 2, 3, 4), np.uint8), "got shape (1, 2, 3, 4)"),
        (np.zeros((6, 2, 3), np.uint8), "expected images of 12 pixels each; got shape (6, 2, 3)"),
        (np.zeros((5, 3, 4, 3), np.uint8), "got shape (5, 3, 4, 3)"),
        (np.zeros((12, 12), np.uint8), "may be 12 images of 12 pixels, or one image of 12x12"),
        (np.zeros((12, 12), np.uint8), "give images as (n, height, width)"),
        (np.zeros((0, 3, 4), np.uint8), "got shape (0, 3, 4)"),
        (np.full((3, 4), "7"), "pixels must be numbers; got <U1"),
        (np.zeros((3, 4), complex), "pixels must be numbers; got complex128"),
        (np.full((3, 4), np.nan), "pixels must be finite numbers; got NaN or infinity"),
    ],
)
def test_what_the_model_cannot_take_is_refused(images, message):
    """The error says the size or type that was given and the one that is expected."""
    with pytest.raises(ImageError) as caught:
        as_rows(images, 12)
    assert message in str(caught.value)


COLOURS = np.arange(72, dtype=np.uint8).reshape(2, 3, 4, 3)
TO_CHANNELS = (0, 3, 1, 2)


@pytest.mark.parametrize("shape", [(3, 4, 3), None])
@pytest.mark.parametrize("images", [COLOURS, COLOURS.reshape(2, 36), COLOURS[:1], COLOURS[0], COLOURS[0].ravel()])
def test_coloured_images_become_rows(images, shape):
    """One, several, and rows of three numbers a pixel are what a model of coloured images takes."""
    made = as_rows(images, 36, shape=shape)
    assert np.array_equal(made, COLOURS.reshape(2, 36)[: len(made)])
    assert len(made) == images.size // 36
    assert np.shares_memory(made, images)


@pytest.mark.parametrize("images", [COLOURS.transpose(TO_CHANNELS), COLOURS.transpose(TO_CHANNELS)[0]])
def test_channels_before_pixels(images):
    """They are put behind them, where the shape is known."""
    made = as_rows(images, 36, shape=(3, 4, 3))
    assert np.array_equal(made, COLOURS.reshape(2, 36)[: len(made)])
    with pytest.raises(ImageError, match=r"got shape|expected images of 36 pixels"):
        as_rows(images, 36)


@pytest.mark.parametrize(
    ("images", "n_pixels", "shape", "message"),
    [
        (
            IMAGES,
            36,
            (3, 4, 3),
            "expected images of 3x4 pixels, in colour, as the model was trained on; got 3x4 in grey",
        ),
        (IMAGES[..., None], 36, (3, 4, 3), "expected images of 3x4 pixels, in colour, as .*; got 3x4 in grey"),
        (COLOURS, 12, (3, 4), r"expected .* \(n, 12\), grey as the model was trained on; got shape \(2, 3, 4, 3\)"),
        (
            COLOURS[:, :2],
            36,
            (3, 4, 3),
            r"of shape \(3, 4, 3\), \(n, 3, 4, 3\) or \(n, 36\), coloured as .* \(2, 2, 4, 3\)",
        ),
        (COLOURS[:0], 36, (3, 4, 3), r"coloured as the model was trained on; got shape \(0, 3, 4, 3\)"),
        (COLOURS[:, :2], 36, None, r"got shape \(2, 2, 4, 3\)"),
        (np.float64(7), 36, None, r"got shape \(\)"),
    ],
)
def test_images_of_another_colour_are_refused(images, n_pixels, shape, message):
    """Where the model's colours are known, the error says which they are and what was given."""
    with pytest.raises(ImageError, match=message):
        as_rows(images, n_pixels, shape=shape)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float16, np.float64])
def test_numbers_of_every_type_are_taken_as_they_are(dtype):
    """The model, which knows what it was trained on, makes of them what it can."""
    images = np.ones((2, 3, 4), dtype)
    assert as_rows(images, 12).dtype == dtype
    assert np.array_equal(as_rows(images, 12), images.reshape(2, 12))


@pytest.mark.parametrize("content", [IDX, gzip.compress(IDX), npy(IMAGES)], ids=["idx", "gzip", "npy"])
def test_a_pipe_is_read_to_its_end(tmp_path: Path, monkeypatch, content):
    """The standard input is ``-``, and a named pipe has a path; what stands there is told by its content."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert np.array_equal(read_images("-", 12), IMAGES.reshape(2, 12))
    os.mkfifo(pipe := tmp_path / "a pipe")
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    assert np.array_equal(read_images(pipe, 12), IMAGES.reshape(2, 12))
    writer.join()


@pytest.mark.parametrize("dtype", ["u1", ">i2", "<i2", ">f4", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("piped", [False, True])
def test_types_and_orders_come_through(tmp_path: Path, monkeypatch, dtype, order, piped):
    """Whatever the order of bytes and axes, the rows are the images, from a file and from a pipe."""
    content = npy(np.asarray(IMAGES, dtype, order=order))
    (tmp_path / "a.npy").write_bytes(content)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    rows = read_images("-" if piped else tmp_path / "a.npy", 12)
    assert np.array_equal(rows, IMAGES.reshape(2, 12))
    assert rows.flags.c_contiguous


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_of_other_types_is_read(tmp_path: Path, compressed):
    """Items of several bytes come in this machine's order."""
    content = bytes.fromhex("00000b03 00000001 00000001 00000002 0102 fffe")
    (tmp_path / "a").write_bytes(gzip.compress(content) if compressed else content)
    rows = read_images(tmp_path / "a", 2)
    assert rows.tolist() == [[258, -2]]
    assert rows.dtype == np.int16


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(bytes.fromhex("00000803 08000000 00000003 00000004") + bytes(100)),
        npy(IMAGES).replace(b"(2, 3, 4), }      ", b"(1234567890,), }  "),
    ],
    ids=["gzip", "npy"],
)
def test_what_a_stream_may_unfold_to_is_bounded(monkeypatch, content):
    """More than a gibibyte is refused by what is announced, before it is unfolded."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(ValueError, match=r"^standard input .*announces \d{10,} bytes of items; at most 1073741824 are"):
        read_images("-", 12)


@pytest.mark.parametrize("content", [npy(IMAGES)[:-1], IDX[:-1], b"", b"PK\x03\x04", npy(np.zeros((2, 13)))])
def test_what_is_wrong_with_a_pipe_names_it(monkeypatch, content):
    """The error begins with the standard input, as it would with a file."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(ValueError, match=r"^standard input"):
        read_images("-", 12)


def test_an_archive_of_arrays_is_refused(tmp_path: Path):
    """Which of its arrays is meant is not guessed; the error says what to save."""
    np.savez(tmp_path / "my images.npz", images=IMAGES)
    with pytest.raises(ImageError, match=r"my images.npz: a .npz file.*np.save") as caught:
        read_images(tmp_path / "my images.npz", 12)
    assert "\n" not in str(caught.value)


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
        (idx(IMAGES[..., None, None]), r"expected images of shape .*; got shape \(2, 3, 4, 1, 1\)"),
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
