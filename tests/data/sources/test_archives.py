"""Arrays of a person's own in one file as a data set: to the byte, with every odd thing told in a line."""

import io
import zipfile

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.data.download import FetchError
from pipeline.parameters import ParameterError
from pipeline.stages.fetch import Fetch

IMAGES = (load_digits().images[:100] * 15.9375).astype(np.uint8)
LABELS = load_digits().target[:100]


def saved(path, **arrays):
    """Write an archive of arrays, and return what fetches it."""
    np.savez(path, **arrays)
    return Fetch(dataset=str(path))


def rows_of(X, y):
    """Return images with their labels, without their order."""
    return sorted((label, image.tobytes()) for image, label in zip(np.asarray(X), np.asarray(y).tolist(), strict=True))


def test_validation_joins_the_training_part(tmp_path):
    """Of MedMNIST's three parts the second is learned from, for `split` draws its own."""
    fetch = saved(
        tmp_path / "own.npz",
        train_images=IMAGES[:60],
        val_images=IMAGES[60:80],
        test_images=IMAGES[80:],
        train_labels=LABELS[:60, None],
        val_labels=LABELS[60:80, None],
        test_labels=LABELS[80:, None],
    )
    X, y = fetch.load("train")
    assert X.tobytes() == IMAGES[:80].tobytes()
    assert y.tolist() == LABELS[:80].tolist()
    X, y = fetch.load("test")
    assert X.tobytes() == IMAGES[80:].tobytes()
    assert y.tolist() == LABELS[80:].tolist()


def test_validation_is_the_test_part_where_there_is_none(tmp_path):
    """As with folders of pictures."""
    fetch = saved(tmp_path / "own.npz", x_train=IMAGES[:60], y_train=LABELS[:60], x_val=IMAGES[60:], y_val=LABELS[60:])
    assert fetch.load("test")[0].tobytes() == IMAGES[60:].tobytes()


@pytest.mark.parametrize("names", [("X", "y"), ("images", "labels"), ("data", "target"), ("x_train", "y_train")])
def test_a_test_part_is_drawn(tmp_path, names):
    """Of each class its fraction, by the seed; nothing is lost."""
    saved(tmp_path / "own.npz", **dict(zip(names, (IMAGES, LABELS), strict=True)))
    parts = [
        Fetch(dataset=str(tmp_path / "own.npz"), test_fraction=0.3, random_state=seed).load(part)
        for seed, part in ((1, "train"), (1, "test"), (2, "test"))
    ]
    assert [len(y) for _, y in parts] == [70, 30, 30]
    assert parts[1][0].tobytes() != parts[2][0].tobytes()
    found = [np.concatenate(pair) for pair in zip(*parts[:2], strict=True)]
    assert rows_of(*found) == rows_of(IMAGES.reshape(100, -1), LABELS)


def test_text_names_the_classes(tmp_path):
    """In natural order, and they stand beside the four files."""
    fetch = saved(tmp_path / "own.npz", X=IMAGES, y=np.array([f"class {label + 5}" for label in LABELS]))
    _, y = fetch.load("train")
    assert fetch.class_names_ == tuple(f"class {number}" for number in range(5, 15))
    assert set(y.tolist()) == set(range(10))


def test_what_was_read_is_told(tmp_path, transfer):
    """With what was not, and why."""
    from pipeline.data.sources.archives import Arrays

    np.savez(tmp_path / "own.npz", X=IMAGES, y=LABELS % 2, weights=np.zeros(3), names=np.array([{}], dtype=object))
    (tmp_path / "out").mkdir()
    Arrays(tmp_path / "own.npz").bring({}, tmp_path / "out", transfer)
    assert transfer.progress.lines == [
        "not read: weights, names",
        (
            "read 100 pictures of 8x8 pixels, 80 to train and 20 to test, in 2 classes: "
            f"0 {np.sum(LABELS % 2 == 0)}, 1 {np.sum(LABELS % 2)}"
        ),
    ]


def test_one_image_with_two_labels_is_told(tmp_path, transfer):
    """By the arrays and rows that it is in."""
    from pipeline.data.sources.archives import Arrays

    images, labels = np.concatenate([IMAGES, IMAGES[3:4]]), np.append(LABELS, LABELS[3] + 1)
    np.savez(tmp_path / "own.npz", X=images, y=labels)
    (tmp_path / "out").mkdir()
    Arrays(tmp_path / "own.npz").bring({}, tmp_path / "out", transfer)
    words = "warning: the same picture is there with two labels, 1 times: X[3] and X[100]"
    assert words in transfer.progress.lines


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": IMAGES}, r"own.npz: it has no labels of the train part: it holds X; expected are x_train"),
        ({"X": IMAGES, "y": LABELS[:9]}, "own.npz: X holds 100 images, but y holds 9 labels"),
        ({"X": IMAGES, "y": np.array(5)}, "y holds a single value; expected are images, or a label for each"),
        (
            {"X": IMAGES, "y": LABELS.astype(object)},
            "y cannot be read: it holds pickled objects, which are never opened",
        ),
        ({"X": IMAGES, "y": LABELS * 0}, "it has pictures of the class '0' alone; expected are two"),
        ({"X": IMAGES.reshape(-1, 8), "y": LABELS}, r"X uint8 of shape \(800, 8\): expected are images of shape"),
    ],
)
def test_what_is_odd(tmp_path, arrays, words):
    """Each has one error that names the file and the array."""
    with pytest.raises(FetchError, match=words):
        saved(tmp_path / "own.npz", **arrays).load()


def test_a_damaged_archive(tmp_path):
    """A byte that is turned, and a bomb that announces less than it unfolds to, are told by the file's name."""
    path = tmp_path / "own.npz"
    np.savez_compressed(path, X=IMAGES, y=LABELS)
    content = bytearray(path.read_bytes())
    content[200] ^= 255
    path.write_bytes(content)
    with pytest.raises(FetchError, match=r"own.npz: (its archive is damaged|X cannot be read)"):
        Fetch(dataset=str(path)).load()
    header = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**5, 10**5)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())
    with pytest.raises(FetchError, match=r"own.npz: X announces 1\d* bytes and has 0"):
        Fetch(dataset=str(path)).load()


def test_it_is_read_as_it_is(tmp_path):
    """Size and background are for pictures, and are refused by name."""
    saved(tmp_path / "own.npz", X=IMAGES, y=LABELS)
    with pytest.raises(ParameterError, match="size is for pictures of your own"):
        Fetch(dataset=str(tmp_path / "own.npz"), size=28).load()
