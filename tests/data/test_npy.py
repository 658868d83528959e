"""NumPy's own files: which are read, and what is said of the others."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.npy import NpyError, is_npy, read_npy, read_rows


def announcing(shape):
    """Return the bytes of a file that announces a shape, and holds nothing."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
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


def test_the_first_bytes_tell(tmp_path: Path):
    """Whatever it is called, a file is NumPy's or it is not."""
    np.save(tmp_path / "a.npy", np.arange(3))
    (tmp_path / "b.npy").write_bytes(b"hello")
    assert is_npy(tmp_path / "a.npy")
    assert not is_npy(tmp_path / "b.npy")


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
