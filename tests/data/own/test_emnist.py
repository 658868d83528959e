"""EMNIST: which files are of it, what its labels stand for, and its images upright."""

import io
import zlib

import numpy as np
import pytest

from pipeline.data.idx import IdxError, read_idx, write_idx
from pipeline.data.own.emnist import SPLITS, copy_upright, is_emnist, known_mapping, number_labels, parse_mapping


@pytest.mark.parametrize(
    ("split", "n_classes", "first", "last"),
    [
        ("byclass", 62, "0", "z"),
        ("bymerge", 47, "0", "t"),
        ("balanced", 47, "0", "t"),
        ("letters", 26, "A", "Z"),
        ("digits", 10, "0", "9"),
        ("mnist", 10, "0", "9"),
    ],
)
def test_known_data_sets(split, n_classes, first, last):
    """Each has as many classes as its authors say; letters are labelled from 1, all others from 0."""
    mapping = known_mapping(f"emnist-{split}-")
    assert mapping == SPLITS[split]
    assert sorted(mapping) == list(range(split == "letters", n_classes + (split == "letters")))
    assert (mapping[min(mapping)], mapping[max(mapping)]) == (first, last)
    assert len(set(mapping.values())) == n_classes


def test_cases_that_look_alike_are_one_class():
    """Of 26 small letters those that look like the capital one have no class of their own."""
    small = {one for one in SPLITS["balanced"].values() if one.islower()}
    assert small == set("abcdefghijklmnopqrstuvwxyz") - set("cijklmopsuvwxyz")
    assert SPLITS["byclass"][10] == SPLITS["balanced"][10] == "A"
    assert SPLITS["byclass"][36] == SPLITS["balanced"][36] == "a"


@pytest.mark.parametrize(
    ("prefix", "is_one", "is_known"),
    [
        ("emnist-letters-", True, True),
        ("my EMNIST_Letters.", True, True),
        ("emnist-", True, False),
        ("emnist-words-", True, False),
        ("qmnist-", False, False),
        ("femnist-letters-", False, False),
        ("", False, False),
    ],
)
def test_names(prefix, is_one, is_known):
    """The beginning of the files' names says whether they are of EMNIST, and of which of its data sets."""
    assert is_emnist(prefix) == is_one
    assert (known_mapping(prefix) is not None) == is_known


def test_a_mapping():
    """A label and the code of a character in each line; of two codes the first names the class."""
    assert parse_mapping("0 48\r\n\n 1 65 97\n", "mapping.txt") == {0: "0", 1: "A"}


@pytest.mark.parametrize(
    "text",
    [
        "0 48\n1",
        "0 48\none 49",
        "0 48\n-1 49",
        "0 48\n0 49",
        "0 48\n256 49",
        "0 48\n1 10",
        "0 48\n1 1114112",
        "0 48 \n1 x",
    ],
)
def test_a_mapping_that_is_none(text):
    """Its name, its line and what is expected are told."""
    with pytest.raises(IdxError, match=r"mapping.txt has in line 2 '.*'; expected are a label that no other line has"):
        parse_mapping(text, "mapping.txt")


@pytest.mark.parametrize("text", ["", "0 48", "0 48\n1 48"])
def test_a_mapping_of_too_few(text):
    """One class alone, or two of one name, cannot be told apart."""
    with pytest.raises(IdxError, match=r"mapping.txt must name two classes or more, and all by different characters"):
        parse_mapping(text, "mapping.txt")


def test_labels_have_no_gap():
    """Labels that stand for letters are numbered from 0; those that stand for digits are these digits."""
    labels = np.array([9, 4, 9], np.uint8)
    assert [one.tolist() if n == 0 else one for n, one in enumerate(number_labels(labels, {4: "x", 9: "Y"}, "l"))] == [
        [1, 0, 1],
        ("x", "Y"),
    ]
    numbers, names = number_labels(labels, {4: "7", 9: "2"}, "l")
    assert (numbers.tolist(), names) == ([2, 7, 2], None)
    with pytest.raises(IdxError, match="l has the label 9 in row 0; expected are 4 to 5, as mapped"):
        number_labels(labels, {4: "x", 5: "Y"}, "l")


def test_images_that_end_within_a_piece(tmp_path):
    """Images are turned one by one however the bytes come; here of 1.5 MiB each, and of 3 bytes."""
    for shape in ((3, 1024, 1536), (700_001, 3, 1)):
        n_bytes = np.prod(shape)
        images = np.arange(n_bytes, dtype=np.uint32).astype(np.uint8).reshape(shape)
        write_idx(tmp_path / "images", images)
        copy_upright(tmp_path / "images", tmp_path / "upright")
        upright = read_idx(tmp_path / "upright")
        assert upright.shape == (shape[0], shape[2], shape[1])
        assert zlib.crc32(upright.tobytes()) == zlib.crc32(images.transpose(0, 2, 1).tobytes())


@pytest.mark.parametrize("shape", [(5,), (2, 2), (2, 0, 3), (2, 2, 2, 2)])
def test_what_is_no_file_of_images_stays(tmp_path, shape):
    """Whoever reads it says what it is."""
    write_idx(tmp_path / "images", np.ones(shape, np.uint8))
    copy_upright(tmp_path / "images", tmp_path / "upright")
    assert (tmp_path / "upright").read_bytes() == (tmp_path / "images").read_bytes()


def test_a_file_that_is_cut_short(tmp_path):
    """It is named, and nothing is left of the copy."""
    write_idx(tmp_path / "images", np.ones((2, 3, 4), np.uint8))
    content = (tmp_path / "images").read_bytes()[:-1]
    with pytest.raises(IdxError, match="the file is cut short"):
        copy_upright(io.BytesIO(content), tmp_path / "upright")
    assert not (tmp_path / "upright").exists()
