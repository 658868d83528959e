import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_info, threadpool_limits

from pipeline.classifier import MLPClassifier
from pipeline.data.idx import read_part, write_idx
from pipeline.model_file import load_model, save_model
from pipeline.parameters import ParameterError
from pipeline.stages import evaluate
from pipeline.stages.base import MissingInputError, Progress
from pipeline.stages.evaluate import Evaluate
from pipeline.stages.preprocess import Normalize

ROOT = Path(__file__).parents[2]
NAMES = ["accuracy", "neg_error_rate", "neg_log_loss", "f1_macro", "top_2_accuracy", "neg_calibration_error"]
TABLES = ["by_class.csv", "confusion_test.csv", "confusion_validation.csv", "metrics.json", "mistakes.csv"]
PICTURES = ["confusion.png", "learning_curves.png", "mistakes.png", "weights.png"]
N_TRAIN, N_TEST, N_CLASSES, SHAPE = 40, 30, 4, (2, 3)


class Oracle(ClassifierMixin, BaseEstimator):
    """A classifier that reads the label from the first pixel and its confidence from the second."""

    classes_ = np.arange(N_CLASSES)

    def fit(self, X, y):
        del X, y
        self.coefs_, self.sizes, self.threads = [np.eye(6, 5)], [], set()
        return self

    def predict_proba(self, X):
        self.sizes.append(len(X))
        self.threads |= {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}
        guess, confidence = np.rint(X[:, 0] * 255).astype(int), X[:, 1].astype(np.float64)
        P = np.repeat((1 - confidence)[:, None] / (N_CLASSES - 1), N_CLASSES, axis=1)
        P[np.arange(len(X)), guess] = confidence
        return P


def write_part(raw, stem, n, wrong):
    """Write images that an `Oracle` reads right but for the rows in `wrong`, which it gets wrong ever more surely."""
    labels = (np.arange(n) % N_CLASSES).astype(np.uint8)
    images = np.zeros((n, *SHAPE), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = labels, 204
    for step, row in enumerate(wrong):
        images[row, 0, :2] = (labels[row] + 1) % N_CLASSES, 210 + step
    write_idx(raw / f"{stem}-images-idx3-ubyte", images)
    write_idx(raw / f"{stem}-labels-idx1-ubyte", labels)


@pytest.fixture
def oracle(monkeypatch):
    """Put an `Oracle` behind a normaliser in the place of the model file, and return it."""
    oracle = Oracle().fit(None, None)
    normalize = Normalize().fit(np.zeros((1, 6), dtype=np.uint8))
    monkeypatch.setattr(evaluate, "load_model", lambda _: Pipeline([("preprocess", normalize), ("train", oracle)]))
    return oracle


@pytest.fixture
def artifacts(tmp_path, oracle):
    """Return a folder with what the stage reads: 10 validation rows, of which 3 are wrong; 30 test rows, 6 wrong."""
    del oracle
    for name in ("raw", "split", "model"):
        (tmp_path / name).mkdir()
    write_part(tmp_path / "raw", "train", N_TRAIN, wrong=[0, 31, 38, 33])
    write_part(tmp_path / "raw", "t10k", N_TEST, wrong=[3, 1, 4, 15, 9, 26])
    np.save(tmp_path / "split" / "validation.npy", np.arange(30, 40))
    (tmp_path / "model" / "history.csv").write_text(
        "epoch,loss,accuracy,validation_loss,validation_accuracy,learning_rate\n"
        "1,1.5,0.5,1.25,0.625,0.001\n2,1.0,0.75,1.125,0.6875,0.001\n"
    )
    return tmp_path


def written(artifacts):
    """Return the bytes of every file of the evaluation, by name."""
    return {path.name: path.read_bytes() for path in sorted((artifacts / "evaluation").iterdir())}


def rows_of(artifacts, name):
    """Return the rows of a table."""
    with (artifacts / "evaluation" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_scores_are_scikit_learns():
    """Under scikit-learn's names stand scikit-learn's scores."""
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(X[::2], y[::2])
    scores = Evaluate()(model, X, y)
    assert list(scores) == NAMES
    assert {type(score) for score in scores.values()} == {float}
    for name in ("accuracy", "neg_log_loss", "f1_macro"):
        assert scores[name] == pytest.approx(get_scorer(name)(model, X, y), rel=1e-12)


def test_more_is_better():
    """A model that has learned beats one that has learned from shuffled labels in every score."""
    X, y = load_iris(return_X_y=True)
    good = Evaluate()(GaussianNB().fit(X, y), X, y)
    bad = Evaluate()(GaussianNB().fit(X, np.random.default_rng(0).permutation(y)), X, y)
    assert all(good[name] > bad[name] for name in NAMES)


def test_number_of_bins_reaches_the_calibration_error():
    """With one bin only the mean confidence counts."""
    X, y = load_iris(return_X_y=True)
    model = GaussianNB().fit(X, y)
    mean_confidence = model.predict_proba(X).max(axis=1).mean()
    one_bin = Evaluate(n_bins=1)(model, X, y)["neg_calibration_error"]
    assert one_bin == pytest.approx(-abs(mean_confidence - model.score(X, y)))
    assert Evaluate(n_bins=15)(model, X, y)["neg_calibration_error"] < one_bin


@pytest.mark.parametrize("routing", [False, True])
def test_a_search_takes_it(routing):
    """As ``scoring=`` it gives a search every score, to be refitted by any of them."""
    X, y = load_iris(return_X_y=True)
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            GaussianNB(), {"var_smoothing": [1e-9, 10.0]}, scoring=Evaluate(), refit="neg_log_loss"
        ).fit(X, y)
    assert search.best_params_ == {"var_smoothing": 1e-9}
    assert all(np.isfinite(search.cv_results_[f"mean_test_{name}"]).all() for name in NAMES)
    assert search.get_params()["scoring__n_bins"] == 15


def test_labels_may_be_words():
    """`cross_validate` takes it too, whatever the labels are."""
    X, y = load_iris(return_X_y=True)
    scores = cross_validate(GaussianNB(), X, np.array(["a", "b", "c"])[y], scoring=Evaluate())
    assert (scores["test_accuracy"] > 0.8).all()


def test_scikit_learns_manners():
    """Parameters can be read, set and cloned, and the text of one shows what was chosen."""
    scorer = Evaluate(n_mistakes=3)
    assert clone(scorer).get_params() == {"pictures": True, "n_mistakes": 3, "n_bins": 15}
    assert scorer.set_params(pictures=False).pictures is False
    assert repr(Evaluate(n_bins=10)) == "Evaluate(n_bins=10)"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_bins": 0}, "n_bins must be an integer >= 1; got 0"),
        ({"n_mistakes": -1}, "n_mistakes must be an integer >= 0; got -1"),
        ({"pictures": "no"}, "pictures must be true or false; got 'no'"),
    ],
)
def test_parameters_are_checked_when_used(parameters, message):
    """The constructor takes anything; a score or a run says what is allowed."""
    scorer = Evaluate(**parameters)
    with pytest.raises(ParameterError, match=message):
        scorer(Oracle(), np.zeros((1, 6)), [0])


def test_run_measures_both_parts(artifacts):
    """Validation rows come from the training file by number, test rows are all of the test file."""
    done = Evaluate().run(artifacts)
    assert done["validation"]["accuracy"] == 0.7
    assert done["test"]["accuracy"] == 0.8
    assert done["test"]["error_rate"] == 0.2
    figures = json.loads(written(artifacts)["metrics.json"])
    assert figures == done
    assert list(figures) == ["validation", "test"]  # experiments are compared by what stands first
    assert sorted(written(artifacts)) == sorted(TABLES + PICTURES)


def test_run_lists_the_mistakes_by_their_rows(artifacts):
    """The surest mistakes come first in each part, under the row number of the official file."""
    Evaluate(n_mistakes=4).run(artifacts)
    mistakes = rows_of(artifacts, "mistakes.csv")
    assert [int(row["row"]) for row in mistakes if row["part"] == "validation"] == [33, 38, 31]
    assert [int(row["row"]) for row in mistakes if row["part"] == "test"] == [26, 9, 15, 4]
    assert (mistakes[0]["truth"], mistakes[0]["guess"]) == ("1", "2")
    assert float(mistakes[0]["confidence"]) == pytest.approx(213 / 255)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # three epochs are enough here
def test_run_measures_the_model_that_was_saved(artifacts, monkeypatch):
    """A real model file is opened, and its figures are those of the model in memory on raw pixels."""
    monkeypatch.setattr(evaluate, "load_model", load_model)
    images, labels = read_part(artifacts / "raw", "train")
    model = Pipeline([("preprocess", Normalize()), ("train", MLPClassifier((5,), max_iter=3, random_state=0))])
    save_model(artifacts / "model" / "model.npz", model.fit(images.reshape(N_TRAIN, -1), labels))
    done = Evaluate().run(artifacts)
    images, labels = read_part(artifacts / "raw", "test")
    assert done["test"]["accuracy"] == model.score(images.reshape(N_TEST, -1), labels)
    assert done["test"]["log_loss"] == -Evaluate()(model, images.reshape(N_TEST, -1), labels)["neg_log_loss"]
    assert sorted(written(artifacts)) == sorted(TABLES + PICTURES)


def test_run_keeps_its_verdicts(artifacts):
    """All rows that are wrong are there afterwards, ascending, though the tables list the surest alone."""
    stage = Evaluate(n_mistakes=1, pictures=False)
    done = stage.run(artifacts)
    assert {part: verdict.figures for part, verdict in stage.verdicts_.items()} == done
    assert {part: verdict.wrong for part, verdict in stage.verdicts_.items()} == {
        "validation": [31, 33, 38],
        "test": [1, 3, 4, 9, 15, 26],
    }


def test_any_model_can_be_judged_without_a_file(artifacts, oracle):
    """A model in memory, on raw pixels, gets the verdicts that a run would give, and nothing is written."""
    stage = Evaluate(pictures=False)
    model = Pipeline([("preprocess", Normalize().fit(np.zeros((1, 6), dtype=np.uint8))), ("train", oracle)])
    verdicts = stage.judge_model(artifacts, model)
    assert not (artifacts / "evaluation").exists()
    stage.run(artifacts)
    for part, verdict in verdicts.items():
        assert verdict.figures == stage.verdicts_[part].figures
        assert verdict.wrong == stage.verdicts_[part].wrong


def test_run_counts_by_class(artifacts):
    """The rows of a confusion matrix sum to the support of their class, and all of them to the rows of the part."""
    Evaluate().run(artifacts)
    scores = rows_of(artifacts, "by_class.csv")
    for part, n_rows in (("validation", 10), ("test", N_TEST)):
        table = rows_of(artifacts, f"confusion_{part}.csv")
        support = [int(row["support"]) for row in scores if row["part"] == part]
        assert [sum(int(row[f"guess_{k}"]) for k in range(N_CLASSES)) for row in table] == support
        assert [row["truth"] for row in table] == ["0", "1", "2", "3"]
        assert sum(support) == n_rows
        diagonal = [int(row[f"guess_{row['truth']}"]) / n for row, n in zip(table, support, strict=True)]
        assert [float(row["recall"]) for row in scores if row["part"] == part] == pytest.approx(diagonal)


def test_run_is_the_same_twice(artifacts):
    """Two runs write the same bytes, pictures included."""
    Evaluate().run(artifacts)
    first = written(artifacts)
    Evaluate().run(artifacts)
    assert written(artifacts) == first
    assert not any(b"\r" in data for name, data in first.items() if name in TABLES)


def test_figures_do_not_depend_on_the_number_of_threads(artifacts, oracle):
    """BLAS has one thread for what is written down, whatever it is set to use; afterwards it has what it had."""
    with threadpool_limits(3, user_api="blas"):
        Evaluate(pictures=False).run(artifacts)
        assert oracle.threads == {1}
        oracle.predict_proba(np.zeros((1, 6)))
        assert oracle.threads == {1, 3}


def test_run_predicts_in_batches(artifacts, oracle, monkeypatch):
    """No more images than a batch holds are predicted at once, whoever watches hears of each, and nothing changes."""
    Evaluate(pictures=False).run(artifacts)
    whole = written(artifacts)
    monkeypatch.setattr(evaluate, "BATCH", 7)
    oracle.sizes.clear()
    heard = []

    class Watcher(Progress):
        def begin(self, what, total, unit):
            heard.append((what, total, unit))

        def advance(self, step=1, **figures):
            heard.append(figures or step)

        def end(self):
            heard.append("end")

    Evaluate(pictures=False).run(artifacts, Watcher())
    assert oracle.sizes == [7, 3, 7, 7, 7, 7, 2]
    assert heard[:5] == [("evaluate validation", 10, "images"), 7, 3, "end", ("evaluate test", 30, "images")]
    assert written(artifacts) == whole


def test_run_without_validation_rows(artifacts):
    """Where no rows were held back there is a part `test` alone, and no trace of the other from a run before."""
    Evaluate().run(artifacts)
    np.save(artifacts / "split" / "validation.npy", np.empty(0, dtype=np.int64))
    assert list(Evaluate().run(artifacts)) == ["test"]
    assert list(json.loads(written(artifacts)["metrics.json"])) == ["test"]
    assert "confusion_validation.csv" not in written(artifacts)
    assert {row["part"] for row in rows_of(artifacts, "by_class.csv")} == {"test"}


def test_run_without_a_mistake(artifacts):
    """A model that is always right has an empty table and a sheet that says so."""
    write_part(artifacts / "raw", "t10k", N_TEST, wrong=[])
    assert Evaluate().run(artifacts)["test"]["accuracy"] == 1
    assert not [row for row in rows_of(artifacts, "mistakes.csv") if row["part"] == "test"]
    assert written(artifacts)["mistakes.png"]


def test_history_without_validation_columns(artifacts):
    """The validation columns of the history may be empty."""
    history = artifacts / "model" / "history.csv"
    history.write_text("epoch,loss,accuracy,validation_loss,validation_accuracy,learning_rate\n1,1.5,0.5,,,0.1\n")
    Evaluate().run(artifacts)
    assert "learning_curves.png" in written(artifacts)


def test_without_matplotlib_it_says_so_before_computing(artifacts, oracle, monkeypatch):
    """What is missing is named before anything is predicted, and nothing is written."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "pipeline.pictures", raising=False)
    monkeypatch.delattr("pipeline.pictures", raising=False)
    with pytest.raises(ImportError, match=r'pip install "digits-pipeline\[workflow\]".*pictures: false'):
        Evaluate().run(artifacts)
    assert not oracle.sizes
    assert not (artifacts / "evaluation").exists()


def test_a_home_that_cannot_be_written_makes_no_noise(tmp_path):
    """matplotlib then caches its fonts elsewhere, and neither it nor we have a word to say about that."""
    (tmp_path / "file").touch()
    places = {"HOME": str(tmp_path / "file/home"), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL"))} | places
    code = "from pipeline.stages.evaluate import _import_pictures; print(_import_pictures().__name__)"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True, cwd=tmp_path
    )
    assert (run.stdout, run.stderr) == ("pipeline.pictures\n", "")


def test_without_pictures_it_needs_no_matplotlib(artifacts, monkeypatch):
    """With ``pictures=False`` the tables are written all the same, and nothing else."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "pipeline.pictures", raising=False)
    monkeypatch.delattr("pipeline.pictures", raising=False)
    Evaluate(pictures=False).run(artifacts)
    assert sorted(written(artifacts)) == TABLES


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "epoch,loss\n1,x\n", "\0"], ids=["empty", "other", "word", "nul"])
def test_a_damaged_history_is_named(artifacts, text):
    """The error says which file it is, and what it must have."""
    (artifacts / "model" / "history.csv").write_text(text)
    with pytest.raises(ValueError, match=r"history\.csv is damaged: it must have numbers in the columns epoch, loss"):
        Evaluate().run(artifacts)
    assert not (artifacts / "evaluation").exists()


def test_rows_of_other_data_are_refused(artifacts):
    """A split that was drawn for a larger data set does not pass for one of this."""
    np.save(artifacts / "split" / "validation.npy", np.arange(30, 50))
    with pytest.raises(ValueError, match=r"validation\.npy has rows 30 to 49 of other data"):
        Evaluate().run(artifacts)


@pytest.mark.parametrize(("missing", "maker"), [("raw", "fetch"), ("split", "split"), ("model", "train")])
def test_missing_input_names_its_maker(tmp_path, missing, maker):
    """Without an input the error says which command makes it."""
    for name in {"raw", "split", "model"} - {missing}:
        (tmp_path / name).mkdir()
    with pytest.raises(MissingInputError, match=f"pipeline {maker}"):
        Evaluate().run(tmp_path)
