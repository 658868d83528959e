"""Names of classes: their order, what they may not be, and their file."""

import json

import numpy as np
import pytest

from pipeline.data.class_names import (
    FILE,
    check_class_names,
    named,
    natural_key,
    number_classes,
    read_class_names,
    write_class_names,
)


def test_order_is_a_persons():
    """Numbers inside names count by their value, whatever stands around them, and case does not matter."""
    names = ["b10", "B2", "9" * 5000, "10", "002", "a", "\u00e9", "b2x1", ""]
    assert sorted(names, key=natural_key) == ["", "002", "10", "9" * 5000, "a", "B2", "b2x1", "b10", "\u00e9"]


def test_numbers_other_than_ascii_are_letters():
    """A superscript two is a digit to Unicode and no number to Python; it sorts and breaks nothing."""
    assert number_classes(["\u00b2", "2", "\u0662"])[1] == ("2", "\u00b2", "\u0662")


@pytest.mark.parametrize(("names", "labels"), [(["3", "0", "12"], [0, 3, 12]), (["255", "7"], [7, 255])])
def test_integers_are_labels_as_they_are(names, labels):
    """Classes that are called 0, 3 and 12 have these labels, and need no names beside them."""
    numbered, called = number_classes(names)
    assert list(numbered.values()) == labels
    assert called is None


@pytest.mark.parametrize("names", [["07", "8"], ["1", "256"], ["-1", "1"], ["1", "one"], ["1.0", "2"]])
def test_what_no_byte_holds_has_a_name(names):
    """One name that is no integer from 0 to 255, as it is written, makes names of all."""
    numbered, called = number_classes(names)
    assert sorted(numbered.values()) == [0, 1]
    assert sorted(called) == sorted(names)


@pytest.mark.parametrize("names", [["Cat", "cat"], ["stra\u00dfe", "STRASSE"], ["\u00e9", "e\u0301"]])
def test_names_that_differ_only_in_case_are_refused(names):
    """So do they on a system that knows no case, and in a person's eyes; the error names both."""
    with pytest.raises(ValueError, match=r"the classes .* and .* differ only in case"):
        number_classes([*names, "dog"])


def test_more_classes_than_a_byte_holds():
    """257 are refused, 256 are not."""
    assert len(number_classes([f"c{number}" for number in range(256)])[0]) == 256
    with pytest.raises(ValueError, match="it has 257 classes; at most 256"):
        number_classes([f"c{number}" for number in range(257)])


def test_file(tmp_path):
    """What is written is read, in any script; without names there is no file."""
    write_class_names(tmp_path, None)
    assert list(tmp_path.iterdir()) == []
    assert read_class_names(tmp_path) is None
    write_class_names(tmp_path, ("\u732b", "dog"))
    assert read_class_names(tmp_path) == ("\u732b", "dog")


@pytest.mark.parametrize("content", [{}, [], ["one"], ["a", "a"], ["a", ""], ["a", 1], [None, "a"], "ab", ["x"] * 257])
def test_a_file_of_no_names_is_refused(tmp_path, content):
    """The error names the file."""
    (tmp_path / FILE).write_text(json.dumps(content), "utf-8")
    with pytest.raises(ValueError, match=r"classes.json is damaged: it must be a list"):
        read_class_names(tmp_path)


def test_a_file_of_no_json_is_refused(tmp_path):
    """The error names the file, too."""
    (tmp_path / FILE).write_bytes(b"[\xff")
    with pytest.raises(ValueError, match=r"classes.json is damaged"):
        read_class_names(tmp_path)


def test_every_label_has_a_name(tmp_path):
    """A label beyond the names is told; without names any will do."""
    check_class_names(tmp_path, None, np.array([200]))
    check_class_names(tmp_path, ("a", "b"), np.array([1, 0]))
    with pytest.raises(ValueError, match=r"classes.json has 2 names, and none for the label 2"):
        check_class_names(tmp_path, ("a", "b"), np.array([2]))


def test_labels_without_names_stay():
    """They are the same array."""
    labels = np.array([2, 1])
    assert named(labels, None) is labels
