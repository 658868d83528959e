"""Names of classes: their order, their file, and their way through the stages into model, tables and pictures."""

import csv
import json
import shutil

import numpy as np
import pytest

from pipeline import Evaluate, Fetch, Preprocess, Split, Train, load_model
from pipeline.artifacts import known_names
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


@pytest.mark.parametrize(
    "names", [["Cat", "cat"], ["stra\u00dfe", "STRASSE"], ["\u00e9", "e\u0301"], ["cat", "cat "], ["a b", "a  B"]]
)
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


def test_the_file_is_one_of_the_artifacts():
    """It has one name where it is written and where a stage says which files of a folder are its own."""
    assert {FILE} <= set(known_names("raw")) & set(known_names("prepared"))


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


NAMES = [
    "2 $",
    "10",
    "boot",
    "Cat",
    "dog",
    "\u00e9t\u00e9",
    "g",
    "h",
    "i",
    "a very long name of a class that goes on and on",
]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """Run the workflow on the digits inside scikit-learn, whose labels have names."""
    root = tmp_path_factory.mktemp("named")
    Fetch(dataset="digits").run(root)
    (root / "raw" / FILE).write_text(json.dumps(NAMES), "utf-8")
    for stage in (Preprocess(), Split(), Train((32,), max_iter=3, random_state=0), Evaluate()):
        stage.run(root)
    return root


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Run the same without names."""
    root = tmp_path_factory.mktemp("plain")
    for stage in (Fetch(dataset="digits"), Preprocess(), Split(), Train((32,), max_iter=3, random_state=0), Evaluate()):
        stage.run(root)
    return root


def test_the_model_says_names(artifacts, plain):
    """``classes_`` are the names in the order of the labels, and ``predict`` says them; all else is as without them."""
    X, _ = Fetch(dataset="digits").load("test")
    model, other = (load_model(root / "model" / "model.npz") for root in (artifacts, plain))
    assert model.classes_.tolist() == NAMES
    assert np.array_equal(model.predict_proba(X), other.predict_proba(X))
    assert model.predict(X).tolist() == [NAMES[label] for label in other.predict(X)]


def test_measures_are_those_without_names(artifacts, plain):
    """Names change no figure."""
    figures = [json.loads((root / "evaluation" / "metrics.json").read_text("utf-8")) for root in (artifacts, plain)]
    assert figures[0] == figures[1]


def test_tables_have_names(artifacts, plain):
    """Where a label stands without names, its name stands with them: by class, mistakes, confusion."""
    for name in ("by_class", "mistakes", "confusion_test", "confusion_validation"):
        rows, others = (
            list(csv.reader((root / "evaluation" / f"{name}.csv").read_text("utf-8").splitlines()))
            for root in (artifacts, plain)
        )
        assert len(rows) == len(others) > 10
        assert rows != others
    first = [row[0] for row in rows]
    assert first == ["true", *NAMES]
    assert rows[0] == ["true", *(f"predicted_{name}" for name in NAMES)]


def test_pictures_are_drawn(artifacts):
    """A name with a dollar, which is mathematics to matplotlib, is drawn as it is."""
    assert (artifacts / "evaluation" / "confusion.png").stat().st_size > 10_000


def test_without_names_there_is_no_file(plain):
    """What has no names has the same files as ever."""
    assert not list(plain.rglob(FILE))


def test_a_label_without_a_name_is_refused(artifacts, tmp_path):
    """Names that are fewer than labels are an error of the stage that reads them first."""
    shutil.copytree(artifacts / "raw", tmp_path / "raw")
    (tmp_path / "raw" / FILE).write_text(json.dumps(NAMES[:9]), "utf-8")
    with pytest.raises(ValueError, match=r"classes.json has 9 names, and none for the label 9"):
        Preprocess().run(tmp_path)


def test_training_goes_on_with_names(artifacts):
    """A loaded model learns on from labels by name, whose order is a person's and not NumPy's."""
    X, y = Fetch(dataset="digits").load("train")
    model = load_model(artifacts / "model" / "model.npz")
    classifier, Z = model["train"], model["preprocess"].transform(X)
    before = model.score(X, np.array(NAMES)[y])
    for _ in range(10):
        classifier.partial_fit(Z, np.array(NAMES)[y])
    assert classifier.classes_.tolist() == NAMES
    assert model.score(X, np.array(NAMES)[y]) > max(before + 0.3, 0.7)
