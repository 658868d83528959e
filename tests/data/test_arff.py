import numpy as np
import pytest

from pipeline.data import arff
from pipeline.data.arff import ArffError, Column, read_arff

COLUMNS = [Column("pixel"), Column("pixel"), Column("label", "a")]


@pytest.fixture
def read(tmp_path):
    """Read text as a table of two pixels and a label."""

    def read(text, columns=COLUMNS, **options):
        path = tmp_path / "table.arff"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        pixels, names, labels = read_arff(path, columns, **options)
        return pixels, names[labels].tolist()

    return read


def test_dense(read):
    """Comments, empty lines, letters' case and what surrounds values make no difference; labels keep their words."""
    pixels, labels = read("% x\n@RELATION r\n\n  @Data \r\n0, 255,a\n% no row\n\n7,8,'b c, d'\r\n1.0,2, \"e\" \n")
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [[0, 255], [7, 8], [1, 2]]
    assert labels == ["a", "b c, d", "e"]


@pytest.mark.parametrize("values", ["0.5,1", "256,1", "-1,0"])
def test_numbers_that_are_no_bytes(read, values):
    """Where a value is no whole number on 0..255, all of them are float64."""
    pixels, _ = read(f"@data\n1,2,a\n{values},b\n")
    assert pixels.dtype == np.float64
    assert pixels[1].tolist() == [float(value) for value in values.split(",")]


def test_sparse(read):
    """A sparse row names what is not zero; a label that it does not name is the first of all."""
    pixels, labels = read("@data\n{}\n{1 5}\n{ 0 7 , 2 b }\n", is_sparse=True)
    assert pixels.tolist() == [[0, 0], [0, 5], [7, 0]]
    assert labels == ["a", "a", "b"]


def test_pieces(read, monkeypatch):
    """Rows come in the order of the file, however many are read at once, and labels are the same throughout."""
    rows = [f"{i % 256},{i // 256},{'ab'[i % 7 == 0]}" for i in range(2500)]
    text = "@data\n" + "\n".join(rows)
    pixels, labels = read(text)
    assert (pixels[:, 0] + 256 * pixels[:, 1].astype(int)).tolist() == list(range(2500))
    assert labels == ["ab"[i % 7 == 0] for i in range(2500)]
    monkeypatch.setattr(arff, "_MAX_PIECE", 10)
    again, labels_again = read(text)
    assert np.array_equal(again, pixels)
    assert labels_again == labels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no @data"),
        ("@relation x\n1,2,a\n", "there is no @data"),
        ("@data\n", "the table has no row"),
        ("@data\n1,2\n", "column|values"),
        ("@data\n1,2,a,4\n", "the rows have 4 values; the table has 3 columns"),
        ("@data\n1,2,a\n1,2\n", "number of columns changed"),
        ("@data\n1,?,a\n", "could not convert string '[?]'"),
        ("@data\n1,x,a\n", "could not convert string 'x'"),
        ("@data\n1,2,?\n", "a row has no label of 1 to 100 letters"),
        ("@data\n1,2,\n", "a row has no label"),
        ("@data\n1,2," + "a" * 101, "a row has no label"),
        ("@data\n" + "".join(f"1,2,l{i}\n" for i in range(257)), "more than 256 different labels"),
        ("@data\n{1 5}\n", "could not convert|column"),
        ("@data\n1,'2,a\n1,2,a\n", "column|values|convert"),
        (b"@data\n\xff,2,a\n", "could not convert"),
        (b"@data\n\0,2,a\n", "could not convert"),
        ("@data\n" + "1," * 2**17 + "a", "a line has more than 262144 letters"),
        ("@attribute x real\n" * (2**17 + 2), "there is no @data within 131072 lines"),
        ("@attribute " + "x" * 2**18, "a line has more than"),
    ],
)
def test_refused(read, text, words):
    """What is no such table is an error, before it takes more memory than a few of its rows."""
    with pytest.raises(ValueError, match=words):
        read(text)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,2,a", "a row is not sparse: '1,2,a'"),
        ("{3 1}", "a value for the column '3'; the table has 3"),
        ("{-1 1}", "a value for the column '-1'"),
        ("{x 1}", "a value for the column 'x'"),
        ("{99999999999999999999 1}", "a value for the column '9"),
        ("{1}", "could not convert"),
    ],
)
def test_refused_sparse(read, row, words):
    """So it is with a sparse row."""
    with pytest.raises(ValueError, match=words):
        read(f"@data\n{row}\n", is_sparse=True)


def test_sparse_rows_cannot_unfold_without_bound(read):
    """Rows of two letters that stand for many values are counted by what they stand for."""
    columns = [Column("pixel")] * 1000 + [Column("label", "a")]
    with pytest.raises(ArffError, match="takes more than 100000 bytes"):
        read("@data\n" + "{}\n" * 10**4, columns, is_sparse=True, max_bytes=10**5)


def test_a_late_fraction_cannot_unfold_without_bound(read):
    """One value that is no byte makes eight bytes of each, and that is counted too."""
    rows = "1,2,a\n" * 3000
    assert read("@data\n" + rows, max_bytes=6000)[0].nbytes == 6000
    with pytest.raises(ArffError, match="takes more than"):
        read("@data\n" + rows[6:] + "0.5,2,a\n", max_bytes=20000)
