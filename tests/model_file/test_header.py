"""The header of a model file: words that come back as they were, within bounds."""

import numpy as np
import pytest

from pipeline.model_file.header import MAX_HEADER, read_header, read_labels, write_header, write_labels

LABELS = [
    np.array([True, False]),
    np.array([3, -1], np.int8),
    np.array([2**63], np.uint64),
    np.array([0.1, np.inf], np.float32),
    np.array([0.1, 1e300]),
    np.array(["one", "größe", "\ud800", 'a"b']),
    np.array(["short"], "U30"),
    np.array([b"one", b"\xff"]),
    np.array(["2026-11-27", "1999-01-01"], "M8[D]"),
    np.array([5, 7], "m8[s]"),
    np.array([5, 7], ">i4"),
]


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_labels_come_back(labels):
    """Of every type, through JSON."""
    header = read_header(write_header({"classes": write_labels(labels)}))
    again = read_labels(header["classes"], 1000)
    assert again.dtype == labels.dtype
    assert again.tolist() == labels.tolist()


@pytest.mark.parametrize(
    "plain",
    [
        {"dtype": "<i8"},
        {"values": [1]},
        {"dtype": "<i8", "values": 1},
        {"dtype": "<i8", "values": ["1"]},
        {"dtype": "<i8", "values": [1.5]},
        {"dtype": "<i8", "values": [True]},
        {"dtype": "<i8", "values": [[1]]},
        {"dtype": "<i8", "values": [10**30]},
        {"dtype": "|u1", "values": [256]},
        {"dtype": "<U2", "values": ["abc"]},
        {"dtype": "<U2", "values": [1]},
        {"dtype": "<U2", "values": [None]},
        {"dtype": "|S2", "values": ["\u20ac"]},
        {"dtype": "<f8", "values": [None]},
        {"dtype": "<c16", "values": [1.0]},
        {"dtype": "|O", "values": [1]},
        {"dtype": "i4, i4", "values": [1]},
        {"dtype": None, "values": [1]},
        {"dtype": "<M8[D]", "values": ["2026-11-27"]},
        {"dtype": "<U2", "values": ["a"], "more": 1},
        {"dtype": f"<U{10**9}", "values": ["a"]},
        {"dtype": f"<U{10**30}", "values": []},
    ],
    ids=str,
)
def test_labels_that_are_none_are_refused(plain):
    """Of another kind than their type says, beyond it, or of words as wide as all memory."""
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError, OverflowError)):
        read_labels(plain, 1000)


def test_labels_without_a_word_are_not_written():
    """They would come back as others."""
    with pytest.raises(ValueError, match="labels of type complex128 have no word in JSON"):
        write_labels(np.array([1j]))


def test_a_header_has_a_bound():
    """One that would not be read is not written."""
    with pytest.raises(ValueError, match=f"take {MAX_HEADER + 9} bytes, more than {MAX_HEADER}"):
        write_header({"a": "x" * MAX_HEADER})
