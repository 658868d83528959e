"""NumPy's own files: which are read, and what is said of the others."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.npy import NpyError, read_matrix, read_npy, read_rows, write_npy, write_pieces


def announcing(shape):
    """Return the bytes of a file that announces a shape, and holds nothing."""
    return with_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}")


def with_header(text):
    """Return the bytes of a file with a header of these words, and nothing after it."""
    header = text.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def objects():
    """Return the bytes of a file that holds a pickle."""
    file = io.BytesIO()
    np.save(file, np.array([None, {}]), allow_pickle=True)
    return file.getvalue()


def zipped():
    """Return the bytes of an archive of arrays."""
    file = io.BytesIO()
    np.savez(file, np.arange(3))
    return file.getvalue()


@pytest.mark.parametrize(
    "array", [np.arange(6).reshape(2, 3), np.arange(0), np.float32(1)], ids=["2-d", "empty", "0-d"]
)
def test_an_array_is_mapped(tmp_path: Path, array):
    """What was saved is read back, and cannot be written to."""
    np.save(tmp_path / "a.npy", array)
    read = read_npy(tmp_path / "a.npy")
    assert np.array_equal(read, array)
    assert read.dtype == array.dtype
    assert not read.flags.writeable


BROKEN = {
    "nothing": b"",
    "text": b"hello\n",
    "archive": zipped(),
    "objects": objects(),
    "magic alone": b"\x93NUMPY",
    "version": b"\x93NUMPY\x07\x00" + bytes(120),
    "half a length": b"\x93NUMPY\x01\x00\x10",
    "header cut short": announcing((5,))[:60],
    "header without end": b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 1000,
    "brackets": with_header("(" * 5000),
    "signs": with_header("{'descr': " + "-" * 5000 + "1}"),
    "no text": with_header("{'descr': '\\N{', 'fortran_order': False, 'shape': ()}"),
    "truth for a shape": with_header("{'descr': '|u1', 'fortran_order': False, 'shape': True}"),
    "shape for an order": with_header("{'descr': '|u1', 'fortran_order': (), 'shape': ()}"),
    "a name twice": with_header("{'descr': '|u1', 'descr': '|u1', 'shape': ()}"),
    "fields": with_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}"),
    "no type": with_header("{'descr': '<f3', 'fortran_order': False, 'shape': ()}"),
    "type of a calculation": with_header("{'descr': 'f4,f4', 'fortran_order': False, 'shape': ()}"),
    "too wide a type": with_header("{'descr': '<U999999999', 'fortran_order': False, 'shape': ()}"),
    "too many axes": with_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({'1,' * 65})}}") + b"1",
    "uncountable, and nothing": announcing((0, 2**59, 2**59)),
    "more than announced": announcing((5,)) + b"123456",
    "cut short": announcing((5,)),
    "negative": announcing((-5,)),
    "beyond counting": announcing((10**30,)),
    "beyond bytes": announcing((3, 2**62)),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_is_damaged_is_named(tmp_path: Path, content):
    """One error for all that can be wrong: it names the file, and never suggests to trust it."""
    path = tmp_path / "broken.npy"
    path.write_bytes(content)
    with pytest.raises(NpyError, match=r"broken\.npy is no readable \.npy file") as caught:
        read_npy(path)
    assert "unsafely" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))
    assert "\n" not in str(caught.value)


FOREIGN = {
    "other order": "{'shape': (2,), 'fortran_order': False, 'descr': '<u2'}",
    "other quotes": '{"descr":"<u2","fortran_order":False,"shape":(2,)}',
    "long of Python 2": "{'descr': '<u2', 'fortran_order': False, 'shape': (2L,), }",
}


@pytest.mark.parametrize("header", FOREIGN.values(), ids=FOREIGN)
def test_a_header_of_another_program_is_read(tmp_path: Path, header):
    """Names may come in any order, in quotes of any kind; NumPy reads them all."""
    (tmp_path / "a.npy").write_bytes(with_header(header) + b"\x01\x00\x02\x00")
    assert read_npy(tmp_path / "a.npy").tolist() == [1, 2]


def test_the_order_of_axes_is_kept(tmp_path: Path):
    """An array in Fortran's order comes back as it was."""
    array = np.asfortranarray(np.arange(6).reshape(2, 3))
    np.save(tmp_path / "a.npy", array)
    assert read_npy(tmp_path / "a.npy").tolist() == array.tolist()


@pytest.mark.parametrize("dtype", ["?", "i1", ">i4", "c8", "U3", "S2", "M8[ns]", "m8[D]", "f2", "g"])
def test_every_type_without_objects_is_read(tmp_path: Path, dtype):
    """Numbers, truths, text and dates."""
    np.save(tmp_path / "a.npy", np.zeros(2, dtype))
    assert read_npy(tmp_path / "a.npy").dtype == np.dtype(dtype)


@pytest.mark.parametrize("array", [np.zeros(3, np.float32), np.zeros((2, 3), int)], ids=["one axis", "integers"])
def test_a_matrix_is_asked_for_as_such(tmp_path: Path, array):
    """Anything but rows and columns of floating-point numbers is told by its type and shape."""
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(
        NpyError, match=r"a\.npy holds (float32|int64) of shape .*; expected float32 in rows and columns"
    ):
        read_matrix(tmp_path / "a.npy")


def test_a_missing_file_is_missing(tmp_path: Path):
    """No file is another mishap than a damaged one."""
    with pytest.raises(FileNotFoundError):
        read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("rows", [[0, 2, 9], [], np.arange(3, dtype=np.uint8)], ids=["some", "none", "small type"])
def test_rows_are_read(tmp_path: Path, rows):
    """Numbers of rows that there are come back, to be indexed with; there may be none."""
    np.save(tmp_path / "rows.npy", np.asarray(rows, dtype=getattr(rows, "dtype", np.int64)))
    assert np.arange(10)[read_rows(tmp_path / "rows.npy", 10)].tolist() == list(rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 10], "has rows 0 to 10 of other data; there are 10 rows here"),
        ([-1, 3], "has rows -1 to 3 of other data; there are 10 rows here"),
        ([0.0, 1.0], "holds float64 of shape (2,); expected numbers of rows"),
        ([[0, 1]], "holds int64 of shape (1, 2); expected numbers of rows"),
        ([True], "holds bool of shape (1,); expected numbers of rows"),
    ],
    ids=["too large", "negative", "fractions", "2-d", "truths"],
)
def test_rows_of_other_data_are_refused(tmp_path: Path, rows, message):
    """What would read a wrong row, or none, is told by the file's name."""
    np.save(tmp_path / "rows.npy", np.asarray(rows))
    with pytest.raises(NpyError) as caught:
        read_rows(tmp_path / "rows.npy", 10)
    assert str(caught.value) == f"{tmp_path / 'rows.npy'} {message}"


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.zeros((0, 4), np.uint8), np.arange(8, dtype=">i4")])
def test_what_is_written_is_what_numpy_writes(tmp_path, array):
    """Byte for byte, whole or piece by piece, whatever the order in memory."""
    np.save(tmp_path / "theirs.npy", array)
    write_npy(tmp_path / "whole.npy", np.asfortranarray(array))
    write_pieces(tmp_path / "pieces.npy", (array[row : row + 1] for row in range(len(array))), array.shape, array.dtype)
    for name in ("whole.npy", "pieces.npy"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "theirs.npy").read_bytes()
