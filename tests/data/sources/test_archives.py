"""Arrays of a person's own in one file as a data set: to the byte, with every odd thing told in a line."""

import io
import re
import zipfile

import numpy as np
import pytest
from scipy.io import savemat
from sklearn.datasets import load_digits

from pipeline.data.download import FetchError
from pipeline.data.sources.archives import Arrays, holds_mats
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
    images, labels = np.concatenate([IMAGES, IMAGES[3:4]]), np.append(LABELS, LABELS[3] + 1)
    np.savez(tmp_path / "own.npz", X=images, y=labels)
    (tmp_path / "out").mkdir()
    Arrays(tmp_path / "own.npz").bring({}, tmp_path / "out", transfer)
    words = "warning: the same picture is there with two labels, 1 time: X[3] and X[100]"
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


def emnist_mat(path, *, mapping=None, **arrays):
    """Write a file as EMNIST's of MATLAB: each row an image down its columns; return what fetches it."""
    parts = {}
    for part, rows in {"train": slice(80), "test": slice(80, None)}.items():
        flat = IMAGES[rows].transpose(0, 2, 1).reshape(-1, 64)
        parts[part] = {"images": flat, "labels": LABELS[rows, None].astype(float), "writers": LABELS[rows, None]}
    dataset = parts | ({} if mapping is None else {"mapping": np.asarray(mapping)})
    for name, array in arrays.items():
        part, kind = name.split("_")
        dataset[part][kind] = np.asarray(array)
    savemat(path, {"dataset": dataset}, do_compression=True)
    return Fetch(dataset=str(path))


LETTERS = [[label, 65 + label] for label in range(10)]


@pytest.mark.parametrize(
    ("mapping", "names"),
    [
        (LETTERS, tuple("ABCDEFGHIJ")),
        ([[label, 65 + label, 97 + label] for label in range(10)], tuple("ABCDEFGHIJ")),
        ([[label, code] for label, code in enumerate(b"bABCDEFGHa")], tuple("bABCDEFGHa")),
        ([[label, 48 + label] for label in range(10)], None),
        (None, None),
    ],
)
def test_a_file_of_emnist(tmp_path, mapping, names):
    """Images are upright, and classes called as its mapping says, in its order and whatever the case."""
    fetch = emnist_mat(tmp_path / "own.mat", mapping=mapping)
    for part, rows in {"train": slice(80), "test": slice(80, None)}.items():
        X, y = fetch.load(part)
        assert X.tobytes() == IMAGES[rows].tobytes()
        assert y.tolist() == LABELS[rows].tolist()
    assert fetch.class_names_ == names


def test_labels_from_one_are_labels_from_zero(tmp_path):
    """As EMNIST's letters are labelled; without a mapping they stay."""
    shifted = {"train_labels": LABELS[:80, None] + 1, "test_labels": LABELS[80:, None] + 1}
    fetch = emnist_mat(tmp_path / "own.mat", mapping=[[one + 1, code] for one, code in LETTERS], **shifted)
    assert fetch.load()[1].tolist() == LABELS[:80].tolist()
    assert fetch.class_names_ == tuple("ABCDEFGHIJ")
    assert emnist_mat(tmp_path / "own.mat", **shifted).load()[1].tolist() == (LABELS[:80] + 1).tolist()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"mapping": LETTERS[1:]}, "own.mat: dataset.mapping has no character for the label 0"),
        ({"mapping": [[0, 65], [1, 65]]}, "dataset.mapping must name two classes or more, and all by different"),
        ({"mapping": [[0, 65], [0, 66]]}, "dataset.mapping has in line 2 '0 66'; expected are a label that no other"),
        ({"mapping": [[0.5, 65], [1, 66]]}, "dataset.mapping has in line 1 '0.5 65.0'"),
        ({"mapping": [[0, 65, 97, 1]]}, r"dataset.mapping int64 of shape \(1, 4\): expected are rows of a label"),
        (
            {"train_images": np.zeros((80, 63))},
            r"dataset.train.images float64 of shape \(80, 63\): expected are images",
        ),
        ({"train_images": np.zeros((80, 8, 8))}, r"dataset.train.images .* of shape \(80, 8, 8\): expected are images"),
        ({"train_images": np.zeros((8, 64))}, "dataset.train.images holds 8 images, but dataset.train.labels holds 80"),
        ({"test_labels": np.full((20, 1), np.nan)}, "dataset.test.labels has the label nan in row 0"),
        ({"test_labels": "abc"}, r"it has no dataset.test.labels; .* dataset.test.labels \(char 1x3\)"),
    ],
)
def test_files_of_emnist_that_do_not_do(tmp_path, how, words):
    """The file and the array are named, with what was found and what is expected."""
    with pytest.raises(FetchError, match=words):
        emnist_mat(tmp_path / "own.mat", **how).load()


def test_other_files_of_matlab(tmp_path):
    """What they hold is told, and how to go on; so it is of version 7.3, and of one that is cut short."""
    path = tmp_path / "own.mat"
    savemat(path, {"X": IMAGES.reshape(100, -1), "y": LABELS[:, None]})
    words = r"it has no dataset.train.images; .* It holds X \(uint8 100x64\), y \(int64 100x1\)\. .* np.savez\('own"
    with pytest.raises(FetchError, match=words):
        Fetch(dataset=str(path)).load()
    emnist_mat(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FetchError, match=r"own.mat: it is damaged or cut short"):
        Fetch(dataset=str(path)).load()
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ParameterError, match=r"own.mat cannot be read: it is a MAT-file of version 7.3, which is HDF5"):
        Fetch(dataset=str(path)).load()


def test_an_archive_of_files_of_matlab(tmp_path):
    """EMNIST's six lie in one archive: the error names them, and the name of one after the path takes it."""
    names = {}
    for name, mapping in {"emnist-letters": LETTERS, "emnist-digits": None}.items():
        emnist_mat(tmp_path / f"{name}.mat", mapping=mapping)
        names[f"matlab/{name}.mat"] = tmp_path / f"{name}.mat"
    path = tmp_path / "matlab.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, one in names.items():
            archive.write(one, name)
        archive.writestr("__MACOSX/matlab/._emnist-digits.mat", b"forks")
    told = f"its data sets are {path}/emnist-letters, {path}/emnist-digits; name one of them"
    for wrong in (path, path / "emnist-lettres"):
        with pytest.raises(FetchError, match=re.escape(told)):
            Fetch(dataset=str(wrong)).load()
    for name in ("emnist-letters", "emnist-letters.mat"):
        fetch = Fetch(dataset=str(path / name))
        assert fetch.load()[0].tobytes() == IMAGES[:80].tobytes()
        assert fetch.class_names_ == tuple("ABCDEFGHIJ")
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tmp_path / "emnist-digits.mat", "emnist-digits.mat")
    assert Fetch(dataset=str(path)).load()[1].tolist() == LABELS[:80].tolist()


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        (["matlab/", "matlab/a.mat", "__MACOSX/matlab/._a.mat"], True),
        (["train/1.png", "train/digitStruct.mat"], False),
        (["a.txt"], False),
        ([], False),
    ],
)
def test_archives_by_their_names(names, holds):
    """Pictures with a file of MATLAB beside them are pictures."""
    assert holds_mats(names) == holds
