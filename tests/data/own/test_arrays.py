"""Named arrays as images and labels: by their names, with rules for pixels, and an error for all that is odd."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from pipeline.data.own.arrays import ArrayError, NamedArray, choose, read_samples

BYTES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 10
LABELS = np.array([3, 1])


def named(name, array, step=1):
    """Return an array with a name, in blocks of so many rows."""
    array = np.asarray(array)
    return NamedArray(
        name, array.dtype, array.shape, lambda: (array[start : start + step] for start in range(0, len(array), step))
    )


def read(images, labels=LABELS, **how):
    """Return what a training part alone comes to."""
    samples, _ = read_samples({"train": (named("X", images), named("y", labels))}, **how)
    return samples


@pytest.mark.parametrize(
    ("names", "parts", "extra"),
    [
        (
            ["x_train", "y_train", "x_test", "y_test"],
            {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")},
            [],
        ),
        (
            [f"{part}_{kind}" for part in ("train", "val", "test") for kind in ("images", "labels")],
            {
                "train": ("train_images", "train_labels"),
                "validation": ("val_images", "val_labels"),
                "test": ("test_images", "test_labels"),
            },
            [],
        ),
        (["X_train", "Y_train"], {"train": ("X_train", "Y_train")}, []),
        (["X", "y", "names"], {"train": ("X", "y")}, ["names"]),
        (["labels", "images"], {"train": ("images", "labels")}, []),
        (["data", "target", "x_test_old"], {"train": ("data", "target")}, ["x_test_old"]),
        (["x_train", "y_train", "labels"], {"train": ("x_train", "y_train")}, ["labels"]),
    ],
)
def test_names(names, parts, extra):
    """Keras', MedMNIST's and scikit-learn's names are known; where parts are named, others do not count."""
    assert choose(names) == (parts, extra)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["arr_0", "arr_1"], "it has no training part: it holds arr_0, arr_1; expected are x_train, y_train, x_test"),
        ([], "it has no training part: it holds no array"),
        ([f"a{n}" for n in range(50)], "a7 and 42 more; expected"),
        (["x_test", "y_test"], "it has no training part: it holds x_test, y_test"),
        (["x_train", "y_train", "x_test"], "it has no labels of the test part: it holds x_train"),
        (["y"], "it has no images of the train part: it holds y"),
        (["x_train", "train_images", "y_train"], "x_train, train_images are both images of the train part"),
    ],
)
def test_names_that_do_not_do(names, words):
    """What is missing, or there twice, is told with what there is and what is expected."""
    with pytest.raises(ArrayError, match=words):
        choose(names)


@pytest.mark.parametrize(
    "images",
    [
        BYTES,
        BYTES[..., None],
        BYTES[:, None],
        BYTES.astype(np.int64),
        BYTES.astype(np.float32),
        BYTES / 255,
        (BYTES / 255).astype(np.float16),
        (BYTES / np.float32(255)),
        np.stack([BYTES] * 3, axis=3),
        np.stack([BYTES] * 3, axis=1),
        np.stack([BYTES] * 3, axis=3) / 255,
        np.asfortranarray(BYTES),
    ],
    ids=lambda images: f"{images.dtype}{images.shape}",
)
def test_pixels_come_back_to_the_byte(images):
    """Whatever the type and the channels; fractions of white are multiplied by 255."""
    samples = read(images)
    assert samples.images.dtype == np.uint8
    assert samples.images.tobytes() == BYTES.tobytes()
    assert samples.images.shape == (2, 3, 4)


def test_rows_of_squares_and_truths():
    """Rows of pixels are square images; false and true are black and white, and so are 0 and 1 but as bytes."""
    rows = np.arange(18).reshape(2, 9) % 2
    for images in (rows, rows.astype(bool), rows.astype(float)):
        assert read(images).images.tolist() == (rows * 255).reshape(2, 3, 3).tolist()
    assert read(rows.astype(np.uint8)).images.max() == 1


def test_colours_become_grey_as_pictures_do():
    """Of every colour the value is Pillow's, to the byte."""
    colours = np.random.default_rng(0).integers(0, 256, (2, 50, 50, 3), np.uint8)
    grey = np.stack([np.asarray(Image.fromarray(one).convert("L")) for one in colours])
    assert read(colours).images.tobytes() == grey.tobytes()


@pytest.mark.parametrize("scale", [None, 255])
def test_colours_stay_where_they_are_asked_for(scale):
    """Channels may stand last or first, as bytes or as fractions; grey images get three equal ones."""
    colours = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 3), np.uint8)
    given = colours if scale is None else colours / scale
    for images in (given, np.moveaxis(given, 3, 1)):
        assert read(images, colour="rgb").images.tolist() == colours.tolist()
    assert (read(BYTES[..., None], colour="rgb").images == BYTES[..., None]).all()
    assert read(BYTES, colour="rgb").images.shape == (2, 3, 4, 3)


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        (np.array([3, 1], np.uint8), ["3", "1"]),
        (np.array([[3], [1]]), ["3", "1"]),
        (np.array([3.0, 1.0]), ["3", "1"]),
        (np.array([True, False]), ["1", "0"]),
        (np.array(["cat", " dog "]), ["cat", "dog"]),
        (np.array([b"cat", "ä".encode()]), ["cat", "ä"]),
        (np.array([1000, 5]), ["1000", "5"]),
    ],
)
def test_labels(labels, texts):
    """Whole numbers of any type are these, and text is the name of a class."""
    assert read(BYTES, labels).labels == texts


def test_parts_lie_one_after_the_other():
    """Each sample knows its part, and the array and row that it is from."""
    samples, notes = read_samples(
        {
            "train": (named("x_train", BYTES), named("y_train", LABELS)),
            "test": (named("x_test", BYTES[1:] / 255), named("y_test", LABELS[1:])),
        }
    )
    assert samples.images.tobytes() == BYTES.tobytes() + BYTES[1:].tobytes()
    assert samples.labels == ["3", "1", "1"]
    assert samples.places == ["x_train[0]", "x_train[1]", "x_test[0]"]
    assert samples.parts == ["train", "train", "test"]
    assert notes == []


def test_the_white_of_all_parts_is_one():
    """A test part that happens to be nearly black is no fraction where the training part has whole numbers."""
    samples, _ = read_samples(
        {
            "train": (named("x_train", BYTES.astype(float)), named("y_train", LABELS)),
            "test": (named("x_test", np.ones((1, 3, 4))), named("y_test", [1])),
        }
    )
    assert samples.images[2].max() == 1


def test_dim_bytes_are_told():
    """Bytes of 4 bits stay as they are, with a warning."""
    _, notes = read_samples({"train": (named("X", BYTES % 17), named("y", LABELS))})
    assert [note.startswith("warning: no pixel is over 16, and 255 is white") for note in notes] == [True]


SPOILT = BYTES.astype(float)
SPOILT[1, 2, 3] = np.nan


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (BYTES, [1, 2, 3], "X holds 2 images, but y holds 3 labels"),
        (BYTES, [1, 2.5], "y has the label 2.5 in row 1; expected are whole numbers, or text"),
        (BYTES, [np.nan, 1], "y has the label nan in row 0"),
        (BYTES, [np.inf, 1], "y has the label inf in row 0"),
        (BYTES, [0, -1], "y has the label -1 in row 1; expected are whole numbers from 0"),
        (BYTES, ["cat", " "], "y has no label in row 1"),
        (BYTES, [b"cat", b"\xff"], "y has a label in row 1 that is no text in UTF-8"),
        (BYTES, [1j, 2], r"y complex128 of shape \(2,\): expected are whole numbers, or text"),
        (BYTES, [[0, 1], [1, 0]], r"y int64 of shape \(2, 2\): expected .* np.argmax\(labels, axis=1\)"),
        (SPOILT, LABELS, "X has the pixel nan in row 1; expected are whole numbers from 0 to 255, or fractions"),
        (BYTES - 1.0, LABELS, "X has the pixel -1 in row 0"),
        (BYTES * 256.0, LABELS, "X has the pixel 2560 in row 0"),
        (BYTES.astype(np.uint16) * 257, LABELS, "X has the pixel 2570 in row 0"),
        (BYTES + 0.5, LABELS, "X has the pixel 0.5 in row 0, and pixels up to 230.5 are there; expected are whole"),
        (BYTES.astype("U3"), LABELS, r"X <U3 of shape \(2, 3, 4\): expected are numbers"),
        (BYTES[:0], LABELS[:0], r"X uint8 of shape \(0, 3, 4\) holds no pixel"),
        (BYTES[:, :0], LABELS, r"X uint8 of shape \(2, 0, 4\) holds no pixel"),
        (
            BYTES.reshape(2, 12),
            LABELS,
            r"X uint8 of shape \(2, 12\): expected are images of shape \(n, height, width\)",
        ),
        (BYTES[..., None, None], LABELS, r"X uint8 of shape \(2, 3, 4, 1, 1\): expected are images"),
        (
            BYTES.reshape(2, 3, 2, 2)[:, [0, 0]],
            LABELS,
            r"of shape \(2, 2, 2, 2\): expected are images .* 1 or 3 channels",
        ),
        (BYTES.reshape(24), LABELS, r"X uint8 of shape \(24,\): expected are images"),
    ],
)
def test_what_is_odd(images, labels, words):
    """Each has one error that names the array, says what was found, and what is expected."""
    with pytest.raises(ArrayError, match=words):
        read(images, np.asarray(labels))


def test_parts_of_two_sizes():
    """Both arrays are named with their sizes."""
    with pytest.raises(ArrayError, match="x_test has images of 4x3 pixels; expected 3x4, as x_train has"):
        read_samples(
            {
                "train": (named("x_train", BYTES), named("y_train", LABELS)),
                "test": (named("x_test", BYTES.reshape(2, 4, 3)), named("y_test", LABELS)),
            }
        )


def test_what_is_announced_is_not_asked_for():
    """Images of more than a gibibyte are refused before there is memory for them, and labels of as much."""
    huge = NamedArray("X", np.dtype(np.uint8), (2**20, 2**5, 2**6), list)
    with pytest.raises(ArrayError, match="its 1048576 images of 32x64 pixels take more than the 1073741824 bytes held"):
        read_samples({"train": (huge, NamedArray("y", np.dtype(np.uint8), (2**20,), list))})
    wide = NamedArray("y", np.dtype("U1000"), (2**20,), list)
    with pytest.raises(ArrayError, match=r"y <U1000 .* takes more than"):
        read_samples({"train": (huge, wide)})


def test_floats_are_never_held_as_a_whole():
    """Memory is that of the bytes and of a block, though the floats are eight times as much."""
    block = np.zeros((1000, 28, 28))
    images = NamedArray("X", block.dtype, (20_000, 28, 28), lambda: (block for _ in range(20)))
    labels = named("y", np.zeros(20_000, np.uint8), 20_000)
    tracemalloc.start()
    try:
        read_samples({"train": (images, labels)})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000 * 784 + 4 * block.nbytes
