"""CSVs of pixels beside each other: which is which part, in a folder and in an archive."""

import zipfile

import numpy as np
import pytest

from pipeline.data.own.csv_parts import holds_parts, read_parts
from pipeline.data.own.csv_table import TableError

RNG = np.random.default_rng(0)


def rows(n_rows, *, side=2, labelled=True):
    """Return a CSV as Kaggle has it."""
    names = [f"pixel{number}" for number in range(side * side)]
    lines = [["label", *names] if labelled else names]
    for number in range(n_rows):
        pixels = RNG.integers(256, size=side * side).astype(str).tolist()
        lines.append([str(number % 3), *pixels] if labelled else pixels)
    return "".join(",".join(line) + "\n" for line in lines)


@pytest.fixture(params=["folder", "archive", "archive with a folder"])
def made(tmp_path, request):
    """Make a function that writes files into a folder, or an archive, and returns its path."""

    def make(files):
        if request.param == "folder":
            (tmp_path / "data").mkdir()
            for name, text in files.items():
                (tmp_path / "data" / name).write_text(text, "utf-8")
            return tmp_path / "data"
        with zipfile.ZipFile(tmp_path / "data.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(f"data/{name}" if "with" in request.param else name, text)
        return tmp_path / "data.zip"

    return make


@pytest.mark.parametrize("names", ["{}.csv", "sign_mnist_{}.csv", "fashion-mnist_{}.csv", "My {}.CSV"])
def test_names_say_the_part(made, names):
    """However the files are called before it, and whatever lies beside them."""
    files = {names.format("train"): rows(6), names.format("test"): rows(4), "readme.txt": "hello"}
    path = made(files)
    assert holds_parts(path)
    found = read_parts(path)
    assert found.images.shape == (10, 2, 2)
    assert found.labels == [str(number % 3) for number in [*range(6), *range(4)]]
    assert found.is_test.tolist() == [False] * 6 + [True] * 4
    assert found.places[6] == f"{names.format('test')} row 1"
    lines = [line for name, text in files.items() if name.lower().endswith("csv") for line in text.splitlines()[1:]]
    read = [
        ",".join([label, *image.ravel().astype(str)]) for label, image in zip(found.labels, found.images, strict=True)
    ]
    assert sorted(read) == sorted(lines)
    assert found.notes == []


def test_a_part_without_labels_is_no_test_part(made):
    """Kaggle's digit recognizer has such a one, and an example of what is to be handed in; it is said."""
    found = read_parts(
        made(
            {"train.csv": rows(6), "test.csv": rows(4, labelled=False), "sample_submission.csv": "ImageId,Label\n1,0\n"}
        )
    )
    assert len(found.labels) == 6
    assert not found.is_test.any()
    assert found.notes == ["test.csv has no labels, and is no test part"]


def test_a_validation_part(made):
    """It is the test part where there is no other."""
    found = read_parts(made({"train.csv": rows(6), "valid.csv": rows(3)}))
    assert found.is_test.sum() == 3
    assert len(found.notes) == 1


def test_a_single_table_has_no_parts(tmp_path):
    """Its rows are told by their numbers alone."""
    (tmp_path / "test.csv").write_text(rows(3), "utf-8")
    found = read_parts(tmp_path / "test.csv")
    assert found.places == ["row 1", "row 2", "row 3"]
    assert not found.is_test.any()
    assert not holds_parts(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"train.csv": rows(3), "my_train.csv": rows(3)}, "are one part; put both into one file"),
        (
            {"train.csv": rows(3), "test.csv": rows(3, side=3)},
            "images differ in size: train.csv has 2x2 pixels and test.csv has 3x3 pixels",
        ),
        ({"train.csv": "file,label\n1.png,a\n"}, "train.csv names files of pictures; give its own path"),
        ({"train.csv": rows(3), "test.csv": "label,a,b,c,d\n1,2,3,4,x\n"}, "test.csv: row 2 has the pixel 'x'"),
        ({"train.csv": rows(3), "test.csv": "name,age,size\n"}, "test.csv: its first line is neither"),
    ],
)
def test_tables_that_do_not_fit_together_are_named(made, files, words):
    """Each error names the file."""
    with pytest.raises(TableError, match=words):
        read_parts(made(files))


def test_an_archive_of_pictures_is_none_of_tables(tmp_path):
    """Its CSVs are beside the matter; nor is what is no archive."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train.csv", rows(3))
        archive.writestr("cat/1.png", b"")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and nothing")
    assert not holds_parts(tmp_path / "a.zip")
    assert not holds_parts(tmp_path / "b.zip")


def test_a_damaged_or_oddly_compressed_member_is_told(tmp_path):
    """Nothing is read of what a header could ask gigabytes of memory for."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train.csv", rows(3), zipfile.ZIP_LZMA)
    with pytest.raises(TableError, match=r"train\.csv is encrypted, or compressed in another way than by deflate"):
        read_parts(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", rows(300))
    content = bytearray((tmp_path / "b.zip").read_bytes())
    content[1500] ^= 255
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(TableError, match=r"train.csv"):
        read_parts(tmp_path / "b.zip")
