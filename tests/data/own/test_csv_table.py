"""A CSV of a person's own: which kind it is, its images to the byte, and every row that cannot be right."""

import re

import numpy as np
import pytest

from pipeline.data.own.csv_table import TableError, names_files, plan_files, read_pixels, read_rows
from pipeline.data.own.tree import TreeError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(2500, 2, 2), dtype=np.uint8)
LABELS = [str(label) for label in RNG.integers(10, size=2500)]


@pytest.fixture
def written(tmp_path):
    """Make a function that writes a CSV and returns its path."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return write


def table(header="label,pixel0,pixel1,pixel2,pixel3\n", between=",", *, last=False, end="\n"):
    """Return the images and labels as text."""
    rows = []
    for image, label in zip(IMAGES, LABELS, strict=True):
        pixels = [str(pixel) for pixel in image.ravel()]
        rows.append(between.join([*pixels, label] if last else [label, *pixels]) + end)
    return header + "".join(rows)


@pytest.mark.parametrize(
    "text",
    [
        table(),
        table(header=""),
        table(header="label,1x1,1x2,2x1,2x2\n"),
        table(header="p1;p2;p3;p4;Class\n", between=";", last=True),
        table(end="\r\n"),
        table() + "\n\n",
        "\ufeff" + table(),
        '"label","a","b","c","d"\n' + table(header=""),
        "\ufeff" + "".join('"' + line.replace(",", '";"') + '"\r\n' for line in table().splitlines()),
        table(between=", ", header="label, a, b, c, d\n"),
        table(end="\r"),
    ],
    ids=[
        "kaggle",
        "bare",
        "as in csv",
        "label last",
        "windows",
        "empty lines",
        "with a mark",
        "quoted",
        "all at once",
        "blanks",
        "old Macintosh",
    ],
)
def test_images_come_back_to_the_byte(written, text):
    """Thousands of rows, in each form that goes about, are the images and labels that they were."""
    path = written(text)
    assert not names_files(path)
    found = read_pixels(path)
    assert found.images.tobytes() == IMAGES.tobytes()
    assert found.images.shape == IMAGES.shape
    assert found.labels == LABELS


def test_labels_of_a_table_of_numbers(written):
    """A label that was written as a fraction is the integer that it is; any other is text."""
    assert read_pixels(written('label,p\n7.0,1\n"b",2.0\n1.5,3\n')).labels == ["7", "b", "1.5"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label,a,b,c,d\n1,2,3,4\n", "row 2 has 4 columns; expected are 5"),
        ("label,a,b,c,d\n1,2,3,4,5\n1,2,3,x,5\n", "row 3 has the pixel 'x'; pixels must be integers from 0 to 255"),
        ("label,a,b,c,d\n1,2,3,4,5\n1,2,3,256,5\n", "row 3 has the pixel 256; pixels must be integers from 0 to 255"),
        ("1,2,3,-4,5\n", "row 1 has the pixel -4"),
        ("label,a\n1,0.5\n", "row 2 has the pixel 0.5"),
        ("label,a\n1,nan\n", "row 2 has the pixel nan"),
        ("label,a,b,c,d\n1,2,,4,5\n", "row 2 has the pixel ''; pixels must be integers from 0 to 255"),
        ("label,a\n,1\n", "row 2 has no label"),
        ("label,a\n", "it has no row"),
        ("w,a,b,c,d\n1,2,3,4,5\n", "its first and last columns are 'w' and 'd'; one must be called label, or class"),
        (b"label,a\n\xff,1\n", "it is no text in UTF-8"),
    ],
)
def test_rows_that_cannot_be_right_are_named(written, text, words):
    """Each with its number, and what is expected."""
    with pytest.raises(TableError, match=words):
        read_pixels(written(text))


@pytest.mark.parametrize("text", ["pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n", "name,age,size\na,1,2\n", "hello\n"])
def test_what_is_neither_kind_is_refused(written, text):
    """A table without labels, as Kaggle's for testing, or of anything else."""
    with pytest.raises(TableError, match=r"its first line is neither label and pixels .* nor names of columns"):
        names_files(written(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n", "it has 4 columns: .*; these are pixels without labels"),
        (",label,a,b,c,d\n0,1,2,3,4,5\n", "the first has no name: pandas writes none such with to_csv"),
        ("label,a,b,c,d,\n1,2,3,4,5,\n", "the last has no name"),
        ("1.png,cat\n2.png,dog\n", "a first line with the names of the columns is missing"),
        (
            "id,label\n1,cat\n",
            r"file and label among them \(or filename, file_name, image, path and class, target, y\)",
        ),
    ],
)
def test_a_first_line_that_is_nearly_right_is_explained(written, text, words):
    """What people have, with what is to be done."""
    with pytest.raises(TableError, match=words):
        names_files(written(text))


def test_labels_may_be_any_text(written):
    """A comma within quotes is part of a label, and so are doubled quotes; blanks around are not."""
    path = written('label,a\n"cat, small",1\n"a ""b""",2\n  two words ,3\n"\u00e9t\u00e9",4\n')
    assert read_pixels(path).labels == ["cat, small", 'a "b"', "two words", "\u00e9t\u00e9"]
    assert read_pixels(written('a,label\n1,"x, y"\n')).labels == ["x, y"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffilename;class\r\nmy pictures/1.png;dog\r\n2.png;cat, small\r\n",
        'file,label\n"my pictures/1.png","dog"\n2.png,"cat, small"\n',
        "path\tlabel\n my pictures\\1.png \t dog\n./2.png\tcat, small\n",
    ],
    ids=["spreadsheet", "quoted", "windows"],
)
def test_names_of_files_in_all_spellings(written, text):
    """Marks between columns, quotes, blanks and backslashes are as people have them."""
    found, _ = plan_files(written(text))
    assert told(found) == [("train", "cat, small", "2.png"), ("train", "dog", "my pictures/1.png")]
    assert found.skipped == []


def test_a_file_that_is_named_again_is_left_out(written):
    """With the same label it counts once, however its name is written."""
    found, _ = plan_files(written("file,label\n1.png,a\n2.png,b\n./1.png,a\n"))
    assert told(found) == [("train", "a", "1.png"), ("train", "b", "2.png")]
    assert found.skipped == [("1.png", "row 4 names it again")]
    with pytest.raises(TableError, match=r"row 4 has the label 'b' for 1\.png, and an earlier one 'a'"):
        plan_files(written("file,label\n1.png,a\n2.png,b\n./1.png,b\n"))


def test_a_line_without_an_end_is_refused(written):
    """It is not read to its end."""
    with pytest.raises(TableError, match="it has a line of more than"):
        names_files(written("label," + "0," * 2**20))


def told(found):
    """Return part, class and path of each file."""
    return [(part, name, str(entry)) for part, name, entry in found.files]


def test_names_of_files(written):
    """Files have the class and the part of their row; without a column of splits all are to train."""
    path = written("File,Label\na/1.png,dog\n2.png,cat\n")
    assert names_files(path)
    found, groups = plan_files(path)
    assert told(found) == [("train", "cat", "2.png"), ("train", "dog", "a/1.png")]
    assert not found.has_test
    assert groups == {}


def test_splits_and_groups(written):
    """Columns ``split`` and ``group`` say where a row belongs, and who has made it."""
    found, groups = plan_files(
        written("group,file_name,label,split\nann,1.png,a,test\nbob,2.png,a,Train\nbob,3.png,b,\n")
    )
    assert told(found) == [("train", "a", "2.png"), ("train", "b", "3.png"), ("test", "a", "1.png")]
    assert groups == {"1.png": "ann", "2.png": "bob", "3.png": "bob"}


def test_names_lead_nowhere_else(written):
    """A name above the folder, or from the root, is left out and told."""
    found, _ = plan_files(written("file,label\n../1.png,a\n/etc/2.png,a\n3.png,b\n"))
    assert told(found) == [("train", "b", "3.png")]
    assert [name for name, _ in found.skipped] == ["../1.png", "/etc/2.png"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\n1.png,\n", "row 2 has no label"),
        ("file,label\n,a\n", "row 2 has no file"),
        ("file,label\n1.png,a\n1.png,b\n", "row 3 has the label 'b' for 1.png, and an earlier one 'a'"),
        ("file,label,split\n1.png,a,dev\n", "row 2 has the split 'dev'; it must be train, test or validation"),
        ("file,label\n1.png,a\n2.png,b,c\n", "row 3 has more columns than the first line, which has 2"),
        ("file,label,group\n1.png,a,x\n2.png,a,\n", "it has a group in some rows and none in others"),
        ("file,label\n", "it names no file"),
    ],
)
def test_rows_of_files_that_cannot_be_right_are_named(written, text, words):
    """One file with two labels is one of them."""
    with pytest.raises((TableError, TreeError), match=words):
        plan_files(written(text))


@pytest.mark.parametrize(
    "text", [table(), table(header=""), table("a,b,c,d,label\n", last=True), table().replace(",", ";")]
)
def test_rows_for_prediction_lack_their_labels(written, text):
    """A label may be there, first or last, and is left aside."""
    assert np.array_equal(read_rows(written(text), 4), IMAGES.reshape(-1, 4))


@pytest.mark.parametrize("header", ["", "pixel0,pixel1,pixel2,pixel3\n"])
def test_rows_for_prediction_need_no_labels(written, header):
    """Whether columns have names or not, and however many rows there are."""
    rows = [",".join(map(str, image.ravel())) for image in IMAGES]
    assert np.array_equal(read_rows(written(header + "\n".join(rows)), 4), IMAGES.reshape(-1, 4))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,2,3\n", "no CSV of images of 4 pixels: its first line has 3 columns"),
        ("words\n", "its first line has 1 column"),
        ("a,b,c,d,e\n1,2,3,4,5\n", "its first and last columns are 'a' and 'e'; one must be called label"),
        ("1,2,3,4\n1,2,3\n", "row 2 has"),
        ("1,2,3,4\n1,2,3,256\n", "row 2 has the pixel 256"),
        ("1,2,3,0.5\n", "row 1 has the pixel 0.5"),
        ("a,b,c,d\n", "it has no row"),
        (b"1,2,3,4\n1,2,3,\xff\n", "it is no text in UTF-8"),
    ],
)
def test_rows_that_are_no_images_of_the_model_are_refused(written, text, told):
    """The message says in which row, and what is there."""
    with pytest.raises(TableError, match=re.escape(told)):
        read_rows(written(text), 4)
