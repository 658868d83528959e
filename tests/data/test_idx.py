import gzip
import io
import os
import tracemalloc
from itertools import islice
from pathlib import Path

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.idx import (
    FILES,
    ForeignFileError,
    IdxError,
    copy_idx,
    find_idx,
    read_idx,
    read_labels,
    read_part,
    write_idx,
)

FOUR = bytes.fromhex("00000801 00000004 01020304")
"""The bytes 1 2 3 4, on one axis."""
PACKED = gzip.compress(FOUR, mtime=0)
DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some-idx"


def arrays(dtype):
    shapes = npst.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4)
    return npst.arrays(np.dtype(dtype), shapes)


@pytest.mark.parametrize("dtype", DTYPES)
@given(st.data())
@settings(deadline=None)  # a busy machine is no defect
def test_round_trip(tmp_path_factory, dtype, data):
    """Any array of any type comes back as it was written: its bits, its type in this machine's order, its shape."""
    array = data.draw(arrays(dtype))
    path = tmp_path_factory.mktemp("idx") / "array"
    write_idx(path, array)
    for read in (read_idx(path), read_idx(io.BytesIO(gzip.compress(path.read_bytes())))):
        assert read.dtype == array.dtype
        assert read.dtype.isnative
        assert read.flags.c_contiguous
        assert read.shape == array.shape
        assert read.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("dtype", "items"),
    [
        ("uint8", "08ff"),
        ("int8", "09ff"),
        ("int16", "0bfffe"),
        ("int32", "0cfffffffe"),
        ("float32", "0dbf800000"),
        ("float64", "0ebff0000000000000"),
    ],
)
def test_bytes_of_each_type(path, dtype, items):
    """A file's bytes are those that the format asks for: the type's code, and the items big-endian."""
    value = {"uint8": 255, "int8": -1, "int16": -2, "int32": -2}.get(dtype, -1.0)
    literal = bytes.fromhex(f"0000{items[:2]}0100000001{items[2:]}")
    write_idx(path, np.array([value], dtype))
    assert path.read_bytes() == literal
    assert read_idx(io.BytesIO(literal)) == value


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda array: array[::-1, ::-1], lambda array: array.T])
def test_writes_any_layout(path, layout):
    """An array's order in memory and its byte order make no difference to the file."""
    array = layout(np.arange(12, dtype=">i4").reshape(3, 4))
    write_idx(path, array)
    np.testing.assert_array_equal(read_idx(path), array)


WRONG = {
    "empty": (b"", "is empty"),
    "one byte": (b"\0", "first four bytes"),
    "three bytes": (b"\0\0\x08", "first four bytes"),
    "first byte": (bytes.fromhex("01000801 00000001 00"), "begins with the bytes 01 00 08 01"),
    "second byte": (bytes.fromhex("00010801 00000001 00"), "begins with the bytes 00 01 08 01"),
    "little-endian": (bytes.fromhex("01080000 01000000 00"), "little-endian"),
    "type 0x0A": (bytes.fromhex("00000a01 00000001 00"), "type 0x0A; IDX has 0x08, 0x09, 0x0B"),
    "type 0x00": (bytes.fromhex("00000001 00000001 00"), "type 0x00"),
    "type 0x0F": (bytes.fromhex("00000f01 00000001 00"), "type 0x0F"),
    "no axis": (bytes.fromhex("00000800 00"), "0 axes"),
    "255 axes": (bytes.fromhex("000008ff") + b"\0\0\0\1" * 255 + b"\0", "255 axes"),
    "no lengths": (bytes.fromhex("00000801"), "within its header of 8 bytes"),
    "header cut": (bytes.fromhex("00000802 00000001 0000"), "within its header of 12 bytes"),
    "no items": (bytes.fromhex("00000801 00000004"), "announces 4 bytes of items and holds 0"),
    "item missing": (FOUR[:-1], "announces 4 bytes of items and holds 3"),
    "half an item": (bytes.fromhex("00000b01 00000001 01"), "announces 2 bytes of items and holds 1"),
    "byte too many": (FOUR + b"\0", "goes on after the 4 bytes"),
    "line feed": (FOUR + b"\n", "goes on after the 4 bytes"),
    "multiplied past 64 bits": (bytes.fromhex("00000803 ffffffff ffffffff ffffffff 00"), "7922816245"),
    "empty axis and huge ones": (bytes.fromhex("00000804 00000000 ffffffff ffffffff ffffffff"), "more than NumPy"),
    "items after an empty axis": (bytes.fromhex("00000801 00000000 00"), "goes on after the 0 bytes"),
    "four gigabytes": (
        bytes.fromhex("00000c01 40000000 00"),
        "announces 4294967296 bytes of items; at most 1073741824",
    ),
    "HTML page": (b"<!DOCTYPE html><title>403</title>", "HTML"),
    "git-lfs pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
    "xz": (b"\xfd7zXZ\x00\x00\x04", "xz"),
    "zip": (b"PK\x03\x04\x14\x00", "zip"),
    "gzip cut": (PACKED[:-9], "gzip stream has no end"),
    "gzip without its check sum": (PACKED[:-4], "gzip stream has no end"),
    "gzip header cut": (PACKED[:5], "gzip stream has no end"),
    "gzip check sum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "damaged: CRC"),
    "gzip length": (PACKED[:-4] + b"\0\0\0\0", "damaged: Incorrect length"),
    "gzip body": (PACKED[:10] + b"\xff\xff" + PACKED[12:], "damaged"),
    "gzip and then bytes": (PACKED + b"more", "damaged: Not a gzipped file"),
    "gzip and a second one": (PACKED + gzip.compress(b"\x05"), "goes on after the 4 bytes"),
    "gzip of too little": (gzip.compress(FOUR[:-1]), "announces 4 bytes of items and holds 3"),
    "gzip of nothing": (gzip.compress(b""), "is empty"),
    "gzip of gzip": (gzip.compress(PACKED), "gzip a second time"),
    "gzip of an HTML page": (gzip.compress(b"<html>"), "HTML"),
}


@pytest.mark.parametrize(("content", "words"), WRONG.values(), ids=WRONG)
def test_wrong_files(path, content, words):
    """Every way of being wrong gets an error in its own words, with the file's name; from a path as from a stream."""
    path.write_bytes(content)
    with pytest.raises(IdxError, match=words) as caught:
        read_idx(path)
    assert str(caught.value).startswith(str(path))
    with pytest.raises(IdxError, match=f"^the file .*{words}"):
        read_idx(io.BytesIO(content))


UNCOPIED = {case: wrong for case, wrong in WRONG.items() if case != "empty axis and huge ones"}  # that is NumPy's limit


@pytest.mark.parametrize(("content", "words"), UNCOPIED.values(), ids=UNCOPIED)
def test_no_copy_of_wrong_files(tmp_path, content, words):
    """What is wrong is not copied: the old file stays, and nothing half-written is left beside it."""
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(IdxError, match=words):
        copy_idx(io.BytesIO(content), target)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("target", b"old")]


def test_foreign_files_are_told_apart():
    """What is no data at all raises an error of its own kind, so that nobody tries the same address again."""
    with pytest.raises(ForeignFileError):
        read_idx(io.BytesIO(b"<html>"))


def test_gzip_in_two_members():
    """A file compressed in two pieces is one file, as gzip's standard says."""
    content = gzip.compress(FOUR[:6]) + gzip.compress(FOUR[6:])
    assert read_idx(io.BytesIO(content)).tolist() == [1, 2, 3, 4]


def test_content_not_name(tmp_path):
    """Whether a file is compressed is told by its bytes, not by its name."""
    raw, packed = tmp_path / "raw.gz", tmp_path / "packed"
    raw.write_bytes(FOUR)
    packed.write_bytes(PACKED)
    assert read_idx(raw).tolist() == read_idx(packed).tolist() == [1, 2, 3, 4]


class Drip(io.RawIOBase):
    """A file that gives a byte at a time and cannot seek, as a pipe may."""

    def __init__(self, content):
        self.content = iter(content)

    def read(self, size=-1):  # noqa: ARG002 - it gives one byte whatever is asked for
        return bytes(islice(self.content, 1))


@pytest.mark.parametrize("content", [FOUR, PACKED])
def test_reads_from_a_pipe(content):
    """A stream that cannot seek and gives a byte at a time is read as well."""
    assert read_idx(Drip(content)).tolist() == [1, 2, 3, 4]


def test_raw_bytes_are_mapped(path):
    """A raw file of bytes is mapped read-only, without a copy; and its size is looked at before."""
    path.write_bytes(FOUR)
    mapped = read_idx(path, max_bytes=1)
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    path.write_bytes(FOUR[:-1] + b"\x09")
    assert mapped.tolist() == [1, 2, 3, 9]


@pytest.mark.parametrize("content", [PACKED, bytes.fromhex("00000b01 00000001 0102")])
def test_what_is_not_mapped_is_writable(path, content):
    """Compressed files and items of more than a byte make arrays of their own."""
    path.write_bytes(content)
    array = read_idx(path)
    assert not isinstance(array, np.memmap)
    array[0] = 7
    assert array[0] == 7


@pytest.mark.parametrize("announced", [4, 2**29])
def test_bombs_cost_little(announced):
    """Neither a stream that unpacks to far more than it announces nor one that announces far more takes the memory."""
    header = bytes.fromhex("00000801") + announced.to_bytes(4, "big")
    bomb = gzip.compress(header + (bytes(2**26) if announced == 4 else b""), 1)
    tracemalloc.start()
    with pytest.raises(IdxError, match="goes on" if announced == 4 else "cut short"):
        read_idx(io.BytesIO(bomb))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_cap_is_the_callers():
    """The cap on what is announced can be set, and the bytes up to it are read."""
    assert read_idx(io.BytesIO(FOUR), max_bytes=4).size == 4
    with pytest.raises(IdxError, match="announces 4 bytes of items; at most 3 are read"):
        read_idx(io.BytesIO(FOUR), max_bytes=3)


@pytest.mark.parametrize("dtype", ["uint16", "int64", "float16", "complex64", "bool", "<U1", "object"])
def test_types_that_the_format_lacks(path, dtype):
    """An array of a type that IDX has not is refused by its name, and no file is made."""
    with pytest.raises(IdxError, match=f"IDX has no type {np.dtype(dtype).name}; it has uint8, int8, int16"):
        write_idx(path, np.zeros(2, dtype))
    assert not path.exists()


@pytest.mark.parametrize("array", [np.uint8(3) * np.ones((), np.uint8), np.broadcast_to(np.uint8(0), (2**32,))])
def test_shapes_that_the_format_lacks(path, array):
    """An array without axes, or with one too long for 32 bits, is refused."""
    with pytest.raises(IdxError, match="1 axis or more, each shorter than"):
        write_idx(path, array)
    assert not path.exists()


@pytest.mark.parametrize("content", [FOUR, PACKED])
def test_copy_is_raw(tmp_path, content):
    """A copy is the raw file, to the byte, whether the source was compressed or not."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    copy_idx(source, target)
    assert target.read_bytes() == FOUR


@pytest.fixture
def fill(tmp_path):
    """Make a folder with the two files of a part, ready to be spoilt."""

    def fill(images=(2, 3, 3), labels=(0, 1), part="train", pack=False):
        arrays = np.zeros(images, np.uint8), np.array(labels, np.uint8)
        for name, array in zip(FILES[part], arrays, strict=True):
            write_idx(tmp_path / name, array)
            if pack:
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
                (tmp_path / name).unlink()
        return tmp_path

    return fill


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("pack", [False, True])
def test_read_part(fill, part, pack):
    """A part is read from its two official files, compressed or not."""
    images, labels = read_part(fill(part=part, pack=pack), part, n_classes=2)
    assert images.shape == (2, 3, 3)
    assert images.dtype == labels.dtype == np.uint8
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"labels": (0, 1, 0)}, "holds 2 images, but .* holds 3 labels"),
        ({"labels": (0, 2)}, "holds the label 2 in row 1; labels are 0 to 1"),
        ({"images": (2, 9)}, r"holds uint8 of shape \(2, 9\); expected images, uint8 of shape"),
        ({"images": (2, 3, 3, 1)}, r"holds uint8 of shape \(2, 3, 3, 1\); expected images"),
        ({"images": (2,)}, r"holds uint8 of shape \(2,\), as labels are; expected images"),
        ({"labels": ((0, 1),)}, r"holds uint8 of shape \(1, 2\); expected labels, uint8 of shape \(n_samples,\)"),
        ({"labels": [[[0]]]}, r"holds uint8 of shape \(1, 1, 1\), as images are; expected labels"),
        ({"images": (0, 3, 3), "labels": ()}, r"holds no pixel: its shape is \(0, 3, 3\)"),
        ({"images": (2, 0, 3)}, "holds no pixel"),
    ],
)
def test_parts_that_do_not_fit(fill, wrong, words):
    """Images and labels that do not fit together, or are no images and labels, are refused with the file's name."""
    folder = fill(**wrong)
    with pytest.raises(IdxError, match=words) as caught:
        read_part(folder, "train", n_classes=2)
    assert str(caught.value).startswith(str(folder))


def test_part_of_other_items(fill):
    """Labels of four bytes are not taken for labels."""
    folder = fill()
    write_idx(folder / FILES["train"][1], np.zeros(2, np.int32))
    with pytest.raises(IdxError, match=r"holds int32 of shape \(2,\); expected labels, uint8"):
        read_part(folder, "train")


@pytest.mark.parametrize("damage", [b"", b"<html>", FOUR, FOUR[:-1], gzip.compress(FOUR)[:-9]])
@pytest.mark.parametrize("place", [0, 1])
def test_copies_are_called_by_other_names(fill, damage, place):
    """Where the files are copies, an error calls them by the names that are given, whatever is wrong."""
    folder = fill(labels=(0, 1, 2) if damage == FOUR and place else (0, 1))
    (folder / FILES["train"][place]).write_bytes(damage)
    with pytest.raises(IdxError, match=f"^(my images|{['my images', 'my labels'][place]}) ") as caught:
        read_part(folder, "train", names=("my images", "my labels"))
    assert str(folder) not in str(caught.value)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32"])
@pytest.mark.parametrize("pack", [False, True])
def test_labels_of_all_integer_types(path, dtype, pack):
    """Labels may be integers of any type, and come out as bytes."""
    write_idx(path, np.array([7, 0, 127], dtype))
    path.write_bytes(gzip.compress(path.read_bytes()) if pack else path.read_bytes())
    labels = read_labels(path)
    assert (labels.dtype, labels.tolist(), type(labels)) == (np.uint8, [7, 0, 127], np.ndarray)


def test_labels_of_qmnist(path):
    """Of eight columns of int32 the first is the digit."""
    rows = np.array([[5, 0, 3692, 10, 0, 0, 0, 0], [0, 1, 2, 99999, 1, 1, 1, 1]], np.int32)
    write_idx(path, rows)
    assert read_labels(path).tolist() == [5, 0]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([0, -1], np.int8), "holds the label -1 in row 1; labels are 0 to 255"),
        (np.array([256, 0], np.int32), "holds the label 256 in row 0; labels are 0 to 255"),
        (np.array([0, 1], np.float32), r"holds float32 of shape \(2,\); expected labels, whole numbers of shape"),
        (np.zeros((2, 8), np.uint8), r"holds uint8 of shape \(2, 8\)"),
        (np.zeros((2, 7), np.int32), r"holds int32 of shape \(2, 7\)"),
        (np.zeros((2, 3, 3), np.uint8), r"holds uint8 of shape \(2, 3, 3\), as images are"),
    ],
)
def test_labels_that_are_none(path, labels, words):
    """Labels that no byte can hold, fractions and images are refused by the file's name."""
    write_idx(path, labels)
    with pytest.raises(IdxError, match=words) as caught:
        read_labels(path)
    assert str(caught.value).startswith(str(path))


def test_unknown_part(tmp_path):
    """A part that is neither train nor test is refused by name."""
    with pytest.raises(ValueError, match="part must be 'train' or 'test'; got 'dev'"):
        read_part(tmp_path, "dev")


def test_missing_file(tmp_path):
    """A missing file is called by both of its names."""
    with pytest.raises(FileNotFoundError, match=r"holds neither train-images-idx3-ubyte nor .*\.gz"):
        read_part(tmp_path, "train")


def test_raw_goes_before_compressed(tmp_path):
    """Where a file lies both raw and compressed, the raw one is taken, for it can be mapped."""
    for name in ("a", "a.gz"):
        Path(tmp_path, name).touch()
    assert find_idx(tmp_path, "a").name == "a"
    os.unlink(tmp_path / "a")  # noqa: PTH108 - it reads as what happened
    assert find_idx(tmp_path, "a").name == "a.gz"
