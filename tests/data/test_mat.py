"""MATLAB's files: what is read of them, written by SciPy, and how little is believed of what they say."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from pipeline.data.mat import MatError, read_mat

NESTED = {"dataset": {"train": {"images": np.arange(12, dtype=np.uint8).reshape(3, 4), "labels": np.eye(2)}, "n": 3.5}}
IMAGES, LABELS = "dataset.train.images", "dataset.train.labels"


def saved(arrays, *, compressed=False):
    """Return the bytes of a file."""
    file = io.BytesIO()
    savemat(file, arrays, do_compression=compressed)
    return file.getvalue()


def read(content, *wanted, max_bytes=2**20):
    """Return what is wanted of a file's bytes."""
    return read_mat(io.BytesIO(content), wanted, max_bytes)


def element(kind, content):
    """Return an element, filled up to eight bytes."""
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


SEVEN = element(2, b"\x07")


def matrix(name=b"a", kind=9, shape=(1, 1), items=SEVEN):
    """Return a matrix of bytes."""
    lengths = struct.pack(f"<{len(shape)}i", *shape)
    about = element(6, struct.pack("<II", kind, 0)) + element(5, lengths) + element(1, name)
    return element(14, about + items)


HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


@pytest.mark.parametrize("compressed", [False, True])
def test_fields_of_structs_come_back(compressed):
    """With their shape; what is not wanted is passed over, and a struct that has nothing that is wanted is named."""
    found = read(saved(NESTED | {"z": np.zeros((2, 3, 4), np.int16)}, compressed=compressed), IMAGES, "dataset.n")
    assert found.arrays.keys() == {IMAGES, "dataset.n"}
    assert found.arrays[IMAGES].tolist() == NESTED["dataset"]["train"]["images"].tolist()
    assert found.arrays["dataset.n"].tolist() == [[3.5]]
    assert found.others == ["dataset.train.labels (double 2x2)", "z (int16 2x3x4)"]


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", ">u2", "?"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (3, 5), (2, 3, 4), (0, 3)])
def test_arrays_of_all_types(dtype, shape):
    """Their values are those that SciPy has written, also where so few that they stand in the tag itself."""
    array = (np.arange(np.prod(shape)).reshape(shape) % 2).astype(dtype)
    found = read(saved({"a": array}), "a").arrays["a"]
    assert found.shape == shape
    assert np.array_equal(found, array)


def test_a_file_of_the_other_order():
    """Bytes may be in either order; the header says in which."""
    about = struct.pack(">IIII", 6, 8, 11, 0) + struct.pack(">IIii", 5, 8, 2, 1) + b"\x00\x01\x00\x01a\0\0\0"
    items = struct.pack(">IIHH", 4, 4, 258, 3) + bytes(4)
    content = HEAD[:124] + b"\x01\x00MI" + struct.pack(">II", 14, len(about + items)) + about + items
    assert read(content, "a").arrays["a"].tolist() == [[258], [3]]


def test_items_smaller_than_their_class():
    """MATLAB stores whole numbers of doubles as bytes."""
    assert read(HEAD + matrix(kind=6), "a").arrays["a"].tolist() == [[7]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is no MAT-file of version 5"),
        (
            b"MATLAB 7.3 MAT-file",
            r"it is a MAT-file of version 7.3, which is HDF5 and is not read; save it from MATLAB",
        ),
        (HEAD[:100], "it is damaged or cut short"),
        (HEAD[:126] + b"XX", "it is damaged or cut short"),
        (HEAD + b"1234", "it is damaged or cut short"),
        (HEAD + matrix()[:-8], "it is damaged or cut short"),
        (HEAD + matrix(shape=(2, 3)), "a announces 6 bytes and has 1"),
        (HEAD + matrix(shape=(2**31 - 1, 2**31 - 1, 2**31 - 1)), r"a announces 99\d+ bytes and has 1"),
        (HEAD + matrix(shape=(-1, 1)), "it is damaged or cut short"),
        (HEAD + matrix(shape=(1,)), "it is damaged or cut short"),
        (HEAD + matrix(shape=(2**31 - 1,) * 5 + (0,), items=element(2, b"")), "more than NumPy can hold"),
        (HEAD + matrix(items=element(99, b"7")), "a has items of a type that cannot be read"),
        (HEAD + matrix(items=struct.pack("<II", 2, 2**32 - 1)), "it is damaged or cut short"),
        (HEAD + element(15, b"no zlib"), "it is damaged or cut short"),
        (HEAD + element(15, zlib.compress(matrix())[:-5]), "it is damaged or cut short"),
        (HEAD + element(15, zlib.compress(matrix()[:-1])), "it is damaged or cut short"),
        (HEAD + element(15, b""), "it is damaged or cut short"),
    ],
)
def test_files_that_are_none(content, words):
    """What is damaged, foreign, or says more than there is, is one error."""
    with pytest.raises(MatError, match=words):
        read(content, "a")


def test_no_damage_is_another_error():
    """Cut anywhere, or with any byte turned, a file is read or refused, in words of our own."""
    for compressed in (False, True):
        content = saved(NESTED, compressed=compressed)
        for at in range(128, len(content)):
            for damaged in (content[:at], content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]):
                try:
                    read(damaged, IMAGES, LABELS)
                except MatError as error:
                    assert len(str(error)) < 200  # noqa: PT017 - most are read, and none must be another error


def test_arrays_that_are_no_real_numbers_are_not_read():
    """Complex and sparse ones, text and cells are told of, and so is a struct with more than one element."""
    arrays = {"a": np.array([1j]), "b": "text", "c": np.array([1, "x"], dtype=object)}
    found = read(saved(arrays), "a", "b", "c")
    assert found.arrays == {}
    assert found.others == ["a (double 1x1)", "b (char 1x4)", "c (cell 1x2)"]
    many = np.zeros(2, dtype=[("x", object)])
    assert read(saved({"s": many}), "s.x").others == ["s (struct 1x2)"]


def test_all_arrays_together_have_a_bound():
    """The second takes what the first has left."""
    with pytest.raises(MatError, match=r"dataset.train.labels would take 32 bytes, and 18 are allowed for"):
        read(saved(NESTED), IMAGES, LABELS, max_bytes=30)


def test_many_others_are_not_all_told():
    """Of a file with more arrays than a line holds, some are named."""
    assert len(read(saved({f"a{n}": 1.0 for n in range(50)})).others) == 20


def test_a_deep_nest_is_refused():
    """Structs in structs do not fill the stack."""
    inner = matrix()
    for _ in range(3000):
        fields = element(5, struct.pack("<i", 2)) + element(1, b"a\0")
        inner = matrix(b"", kind=2, items=fields + inner)
    content = HEAD + matrix(b"a", kind=2, items=element(5, struct.pack("<i", 2)) + element(1, b"a\0") + inner)
    with pytest.raises(MatError, match="is nested too deeply"):
        read(content, ".".join("a" * 3000))


def test_a_bomb_takes_no_memory(monkeypatch):
    """What unfolds to more than is asked for is passed over in pieces, and has a bound."""
    n_bytes = 2**26
    packer = zlib.compressobj(1)
    about = matrix(shape=(n_bytes, 1), items=b"")[8:] + struct.pack("<II", 2, n_bytes)
    bomb = packer.compress(struct.pack("<II", 14, len(about) + n_bytes) + about)
    bomb += b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    content = HEAD + struct.pack("<II", 15, len(bomb)) + bomb
    tracemalloc.start()
    try:
        assert read(content, "b").others == [f"a (uint8 {n_bytes}x1)"]
        with pytest.raises(MatError, match=f"a would take {n_bytes} bytes, and 1048576 are allowed for"):
            read(content, "a")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(content) + 2**21
    monkeypatch.setattr("pipeline.data.mat._MOST_UNPACKED", n_bytes)
    with pytest.raises(MatError, match=f"it unfolds to more than {n_bytes} bytes"):
        read(content, "b")
