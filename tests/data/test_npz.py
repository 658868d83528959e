"""Archives of arrays: what is read of them, and how little of the rest."""

import io
import zipfile

import numpy as np
import pytest

from pipeline.data.npz import NpzError, NpzReader


def archive(max_bytes=1000, **arrays):
    """Return a reader of an archive with some arrays."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return NpzReader(file, max_bytes)


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros((2, 0)), np.float64(2)],
    ids=["rows", "columns", "empty", "0-d"],
)
def test_an_array_comes_back(array):
    """With its shape, whatever the order of its axes."""
    read = archive(a=array).read("a", ["float64"], [np.shape(array)])
    assert np.array_equal(read, array)
    assert read.dtype == array.dtype


@pytest.mark.parametrize(
    ("dtypes", "shapes", "fits"),
    [
        (["int32"], [(2, 3)], True),
        (["i"], [(2, 3)], True),
        (["int32"], [(6,), (2, None)], True),
        (["int64"], [(2, 3)], False),
        (["int32"], [(3, 2)], False),
        (["int32"], [(None,)], False),
    ],
)
def test_type_and_shape_are_those_demanded(dtypes, shapes, fits):
    """Anything else is refused, with what it is."""
    reader = archive(a=np.zeros((2, 3), np.int32))
    if fits:
        assert reader.read("a", dtypes, shapes).shape == (2, 3)
    else:
        with pytest.raises(NpzError, match=r"a holds int32 of shape \(2, 3\); expected"):
            reader.read("a", dtypes, shapes)


def test_all_arrays_together_have_a_bound():
    """The second takes what the first has left."""
    reader = archive(80, a=np.zeros(8), b=np.zeros(3))
    reader.read("a", ["f"], [(8,)])
    with pytest.raises(NpzError, match="b would take 24 bytes, and 16 are allowed for"):
        reader.read("b", ["f"], [(3,)])


def test_objects_are_never_opened():
    """They would run what they like."""
    file = io.BytesIO()
    np.savez(file, a=np.array([None]))
    with pytest.raises(NpzError, match="it holds pickled objects, which are never opened"):
        NpzReader(file, 1000).read("a", ["O"], [(1,)])


def test_a_long_list_of_members_is_not_read():
    """An archive of many empty members would take a thousand times their bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for number in range(3000):
            packed.writestr(f"{number:040}", b"")
    with pytest.raises(NpzError, match="the list of its members is longer than 131072 bytes"):
        NpzReader(file, 1000)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_comes_in_blocks(order):
    """Of whole rows, of at most so many bytes; one whose first axis is the fastest comes in the same."""
    array = np.arange(60, dtype=np.int16).reshape((10, 3, 2), order=order)
    blocks = list(archive(a=array).blocks("a", n_bytes=40))
    assert [len(block) for block in blocks] == [3, 3, 3, 1]
    assert np.array_equal(np.concatenate(blocks), array)
    assert len(list(archive(a=array).blocks("a", n_bytes=1))) == 10


def test_blocks_of_nothing():
    """An array without rows has no blocks, and one without items as many rows as it says."""
    assert list(archive(a=np.zeros((0, 3))).blocks("a")) == []
    assert sum(map(len, archive(a=np.zeros((4, 0))).blocks("a"))) == 4


def test_blocks_have_a_bound_where_they_must_be_held():
    """Columns are read as a whole, and so within what is allowed for; rows are not."""
    array = np.zeros((100, 2))
    assert sum(map(len, archive(10, a=array).blocks("a"))) == 100
    with pytest.raises(NpzError, match="a would take 1600 bytes, and 10 are allowed for"):
        list(archive(10, a=np.asfortranarray(array)).blocks("a"))


def test_a_header_is_read_alone():
    """With the type and the shape; of Python objects there is none."""
    reader = archive(0, a=np.zeros((2, 3), np.float32), b=np.array([{}], dtype=object))
    header = reader.header("a")
    assert (header.dtype, header.shape) == (np.float32, (2, 3))
    with pytest.raises(NpzError, match="b cannot be read: it holds pickled objects"):
        reader.header("b")
