"""Names of classes on their way through the stages: into the model, the tables and the pictures."""

import csv
import json
import shutil

import numpy as np
import pytest

from pipeline import Evaluate, Fetch, Preprocess, Split, Train, load_model
from pipeline.data.class_names import FILE

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
