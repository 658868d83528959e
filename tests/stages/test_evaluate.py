import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - scikit-learn wants it before the searches
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_info, threadpool_limits

from pipeline.data.idx import read_part, write_idx
from pipeline.data.picture_names import write_picture_names
from pipeline.diagnosis.records import Diagnosis, EpochRecord, Finding, Histogram, LayerRecord
from pipeline.mlp.classifier import MLPClassifier
from pipeline.model_file import load_model, save_model
from pipeline.parameters import ParameterError
from pipeline.preprocessing.normalize import Normalize
from pipeline.progress import Progress
from pipeline.stages import evaluate
from pipeline.stages.base import MissingInputError
from pipeline.stages.evaluate import Evaluate

ROOT = Path(__file__).parents[2]
NAMES = ["accuracy", "neg_error_rate", "neg_log_loss", "f1_macro", "top_2_accuracy", "neg_calibration_error"]
TABLES = [
    "by_class.csv",
    "confusion_test.csv",
    "confusion_validation.csv",
    "metrics.json",
    "mistakes.csv",
    "report.html",
]
RECORD = "provenance.json"
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


@pytest.fixture(scope="module")
def digits():
    """Return 400 small digits, 0..1, and their labels."""
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16, y[:400]


def test_an_unseen_class_loses_log_loss_alone(digits):
    """The fold whose label was not in training has no log loss; every other score of every fold stands."""
    X, y = digits
    y = y.copy()
    y[0] = 77
    model = MLPClassifier((16,), solver="adamw", learning_rate_init=0.01, max_iter=8, learning_rate="cosine")
    scores = cross_validate(model, X, y, cv=KFold(3), scoring=Evaluate(), return_train_score=True)
    assert np.isnan(scores["test_neg_log_loss"]).tolist() == [True, False, False]
    for name in set(NAMES) - {"neg_log_loss"}:
        assert np.isfinite(scores[f"test_{name}"]).all()
    assert np.isfinite(scores["train_neg_log_loss"]).all()
    expected = cross_val_score(GaussianNB(var_smoothing=0.01), X, y, cv=KFold(3))
    assert np.array_equal(
        cross_validate(GaussianNB(var_smoothing=0.01), X, y, cv=KFold(3), scoring=Evaluate())["test_accuracy"], expected
    )


KINDS = {
    "column": lambda y: y[:, None],
    "list": np.ndarray.tolist,
    "tuple": tuple,
    "float": lambda y: y.astype(float),
    "uint8": lambda y: y.astype(np.uint8),
    "object": lambda y: y.astype(object),
}
PANDAS = {
    "Series": lambda pandas, y: pandas.Series(y, index=range(7, 7 + len(y))),
    "DataFrame": lambda pandas, y: pandas.DataFrame({"label": y}),
    "Categorical": lambda pandas, y: pandas.Categorical(y),
    "category": lambda pandas, y: pandas.Series(y).astype("category"),
    "nullable": lambda pandas, y: pandas.Series(y).convert_dtypes(),
}
NAMED = {"numbers": lambda y: y, "words": lambda y: np.array(list("abcdefghij"))[y], "bools": lambda y: y > 4}


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("kind", [*KINDS, *PANDAS])
def test_labels_of_every_kind_and_shape(digits, kind, named):
    """Whatever holds the labels that scikit-learn's scorers take, the scores are the same."""
    if named == "words" and kind in ("float", "uint8"):
        kind = "list"  # words are no numbers
    X, y = digits
    y = NAMED[named](y)
    model = GaussianNB(var_smoothing=0.01).fit(X, y)
    held = PANDAS[kind](pytest.importorskip("pandas"), y) if kind in PANDAS else KINDS[kind](y)
    scores = Evaluate()(model, X, held)
    assert scores == Evaluate()(model, X, y)
    assert scores["accuracy"] == accuracy_score(y, model.predict(X))


def test_a_classifier_without_probabilities(digits):
    """Guesses are measured; scores that take probabilities are NaN, but for the second guess by the decision."""
    X, y = digits
    model = LinearSVC(random_state=0).fit(X[::2], y[::2])
    scores = Evaluate()(model, X, y)
    for name, scorer in {"accuracy": "accuracy", "f1_macro": "f1_macro", "top_2_accuracy": "top_k_accuracy"}.items():
        assert scores[name] == get_scorer(scorer)(model, X, y)
    assert {name for name, score in scores.items() if np.isnan(score)} == {"neg_log_loss", "neg_calibration_error"}
    two = LinearSVC(random_state=0).fit(X[::2], y[::2] > 4)
    assert Evaluate()(two, X, y > 4)["top_2_accuracy"] == 1


def test_guesses_are_those_of_predict(digits):
    """Where a classifier does not guess the likeliest class, accuracy is of what it guesses, as scikit-learn's."""
    X, y = digits
    model = FixedThresholdClassifier(GaussianNB(var_smoothing=0.1), threshold=0.9).fit(X, y > 4)
    accuracy = Evaluate()(model, X, y > 4)["accuracy"]
    assert accuracy == model.score(X, y > 4) != model.estimator_.score(X, y > 4)


@pytest.mark.parametrize("model", [KNeighborsClassifier(), MLPClassifier((9,), max_iter=20, tol=0, random_state=0)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # twenty epochs are enough here
def test_several_labels_at_once(digits, model):
    """Accuracy and F1 are scikit-learn's; the scores that would take one probability for each class are NaN."""
    X, y = digits
    Y = np.column_stack([y > 4, y % 2 == 0]).astype(int)
    model = clone(model).fit(X[::2], Y[::2])
    for labels in (Y, Y.tolist(), csr_matrix(Y)):
        scores = Evaluate()(model, X, labels)
        assert scores["accuracy"] == get_scorer("accuracy")(model, X, Y)
        assert scores["f1_macro"] == get_scorer("f1_macro")(model, X, Y)
        assert np.isnan([scores[name] for name in ("neg_log_loss", "top_2_accuracy", "neg_calibration_error")]).all()


@pytest.mark.parametrize("name", ["accuracy", "neg_log_loss", "f1_macro"])
def test_weights_count_as_in_scikit_learn(digits, name):
    """``sample_weight`` weighs every row, given by hand or by a search, with metadata routing or without."""
    X, y = digits
    weight = np.random.default_rng(0).random(len(y))
    model = GaussianNB(var_smoothing=0.01).fit(X[::2], y[::2])
    expected = get_scorer(name)(model, X, y, sample_weight=weight)
    assert Evaluate()(model, X, y, sample_weight=weight)[name] == pytest.approx(expected, rel=1e-12)
    grid = {"var_smoothing": [0.01]}
    ours = GridSearchCV(GaussianNB(), grid, scoring=Evaluate(), refit=name).fit(X, y, sample_weight=weight)
    theirs = GridSearchCV(GaussianNB(), grid, scoring=name).fit(X, y, sample_weight=weight)
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-12)
    with config_context(enable_metadata_routing=True):
        model = GaussianNB(var_smoothing=0.01).set_fit_request(sample_weight=True)
        for asked in (True, False):
            ours, theirs = (
                cross_val_score(model, X, y, scoring=one, params={"sample_weight": weight})
                for one in (
                    one.set_score_request(sample_weight=asked) for one in (Evaluate(measure=name), get_scorer(name))
                )
            )
            assert ours == pytest.approx(theirs, rel=1e-12)
        with pytest.raises(UnsetMetadataPassedError):
            cross_val_score(model, X, y, scoring=Evaluate(measure=name), params={"sample_weight": weight})


def test_one_score_as_a_number_serves_what_takes_no_more(digits):
    """With ``measure=`` it stands where scikit-learn's own scorer would, in curves, halving searches and elsewhere."""
    X, y = digits
    model, grid = GaussianNB(), {"var_smoothing": [1e-9, 1e-2, 1.0]}
    own = Evaluate(measure="accuracy")
    assert type(own(model.fit(X, y), X, y)) is float
    for cross in (
        lambda scoring: cross_val_score(model, X, y, scoring=scoring, params={"sample_weight": np.ones(len(y))}),
        lambda scoring: learning_curve(model, X, y, scoring=scoring, train_sizes=[0.5, 1.0])[2],
        lambda scoring: learning_curve(
            model, X, y, scoring=scoring, train_sizes=[0.5, 1.0], exploit_incremental_learning=True
        )[2],
        lambda scoring: validation_curve(
            model, X, y, param_name="var_smoothing", param_range=grid["var_smoothing"], scoring=scoring
        )[1],
        lambda scoring: permutation_importance(model, X, y, scoring=scoring, n_repeats=1, random_state=0).importances,
        lambda scoring: (
            HalvingGridSearchCV(model, grid, scoring=scoring, random_state=0, min_resources=100)
            .fit(X, y)
            .cv_results_["mean_test_score"]
        ),
        lambda scoring: (
            HalvingRandomSearchCV(model, grid, scoring=scoring, random_state=0, min_resources=100, n_candidates=3)
            .fit(X, y)
            .cv_results_["mean_test_score"]
        ),
    ):
        assert np.array_equal(cross(own), cross("accuracy"))


class Unsure(GaussianNB):
    """A classifier whose probabilities are none."""

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


def test_probabilities_that_are_none_lose_their_own_scores(digits):
    """What takes probabilities is NaN, a warning says why, and the guesses are measured."""
    X, y = digits
    with pytest.warns(UserWarning, match="scores that take probabilities are NaN: Input probabilities contains NaN"):
        scores = Evaluate()(Unsure(var_smoothing=0.01).fit(X, y), X, y)
    assert scores["accuracy"] > 0.9
    assert np.isnan([scores[name] for name in ("neg_log_loss", "top_2_accuracy", "neg_calibration_error")]).all()
    assert Evaluate(measure="f1_macro")(Unsure(var_smoothing=0.01).fit(X, y), X, y) == scores["f1_macro"]  # unasked


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: y.astype(str), "all text or none; got '0'"),
        (lambda y: y + 0.5, "continuous"),
        (lambda y: np.where(y == 3, np.nan, y), "contains NaN"),
        (lambda y: np.eye(10)[y], "can't handle a mix of multilabel-indicator and multiclass"),
        (lambda y: np.column_stack([y, y]), "can't handle a mix of multiclass-multioutput and multiclass"),
    ],
)
def test_what_scikit_learns_scorers_refuse_is_refused(digits, labels, message):
    """Labels that cannot be measured are an error, not a low score."""
    X, y = digits
    with pytest.raises(ValueError, match=message):
        Evaluate()(GaussianNB().fit(X, y), X, labels(y))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two epochs are enough here
def test_one_class_alone(digits):
    """A model that knows one class is sure of it, and right wherever it is."""
    X, _ = digits
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, ["a"] * len(X))
    scores = Evaluate()(model, X, ["a"] * len(X))
    assert scores == dict.fromkeys(NAMES, 0) | {"accuracy": 1, "f1_macro": 1, "top_2_accuracy": 1}
    assert Evaluate()(model, X, ["a", "b"] * (len(X) // 2))["accuracy"] == 0.5


def test_scikit_learns_manners():
    """Parameters can be read, set and cloned, and the text of one shows what was chosen."""
    scorer = Evaluate(n_mistakes=3)
    assert clone(scorer).get_params() == {
        "pictures": True,
        "n_mistakes": 3,
        "n_bins": 15,
        "measure": None,
    }
    assert scorer.set_params(pictures=False).pictures is False
    assert repr(Evaluate(n_bins=10)) == "Evaluate(n_bins=10)"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_bins": 0}, "n_bins must be an integer >= 1; got 0"),
        ({"n_mistakes": -1}, "n_mistakes must be an integer >= 0; got -1"),
        ({"pictures": "no"}, "pictures must be true or false; got 'no'"),
        ({"measure": "log_loss"}, "measure must be .*'neg_log_loss'.* got 'log_loss'"),
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
    assert sorted(written(artifacts)) == sorted([*TABLES, *PICTURES, RECORD])


def test_run_lists_the_mistakes_by_their_rows(artifacts):
    """The surest mistakes come first in each part, under the row number of the official file."""
    Evaluate(n_mistakes=4).run(artifacts)
    mistakes = rows_of(artifacts, "mistakes.csv")
    assert [int(row["row"]) for row in mistakes if row["part"] == "validation"] == [33, 38, 31]
    assert [int(row["row"]) for row in mistakes if row["part"] == "test"] == [26, 9, 15, 4]
    assert (mistakes[0]["true"], mistakes[0]["predicted"]) == ("1", "2")
    assert float(mistakes[0]["confidence"]) == pytest.approx(213 / 255)


def test_mistakes_lead_back_to_pictures(artifacts):
    """Where images were made of pictures, the table has one column more, of the right part; others stay."""
    Evaluate(n_mistakes=4, pictures=False).run(artifacts)
    without = rows_of(artifacts, "mistakes.csv")
    for part, n in {"train": N_TRAIN, "test": N_TEST}.items():
        write_picture_names(artifacts / "raw", part, [f"{part}/caf\u00e9 {row}\n.png" for row in range(n)])
    Evaluate(n_mistakes=4, pictures=False).run(artifacts)
    found = rows_of(artifacts, "mistakes.csv")
    folders = {"validation": "train", "test": "test"}
    assert [one.pop("picture") for one in found] == [
        f"{folders[one['part']]}/caf\u00e9 {one['row']}\\n.png" for one in without
    ]
    assert found == without


def test_a_part_without_pictures_has_no_such_column(artifacts):
    """It is there for all rows or for none."""
    Evaluate(pictures=False).run(artifacts)
    without = written(artifacts)["mistakes.csv"]
    write_picture_names(artifacts / "raw", "train", map(str, range(N_TRAIN)))
    Evaluate(pictures=False).run(artifacts)
    assert written(artifacts)["mistakes.csv"] == without


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
    assert sorted(written(artifacts)) == sorted([*TABLES, *PICTURES, RECORD])


def test_run_keeps_its_reports(artifacts):
    """All rows that are wrong are there afterwards, ascending, though the tables list the surest alone."""
    stage = Evaluate(n_mistakes=1, pictures=False)
    done = stage.run(artifacts)
    assert {part: report.figures for part, report in stage.reports_.items()} == done
    assert {part: report.wrong for part, report in stage.reports_.items()} == {
        "validation": [31, 33, 38],
        "test": [1, 3, 4, 9, 15, 26],
    }


def test_any_model_can_be_reported_without_a_file(artifacts, oracle):
    """A model in memory, on raw pixels, gets the reports that a run would give, and nothing is written."""
    stage = Evaluate(pictures=False)
    model = Pipeline([("preprocess", Normalize().fit(np.zeros((1, 6), dtype=np.uint8))), ("train", oracle)])
    reports = stage.evaluate_model(artifacts, model)
    assert not (artifacts / "evaluation").exists()
    stage.run(artifacts)
    for part, report in reports.items():
        assert report.figures == stage.reports_[part].figures
        assert report.wrong == stage.reports_[part].wrong


def test_run_counts_by_class(artifacts):
    """The rows of a confusion matrix sum to the support of their class, and all of them to the rows of the part."""
    Evaluate().run(artifacts)
    scores = rows_of(artifacts, "by_class.csv")
    for part, n_rows in (("validation", 10), ("test", N_TEST)):
        table = rows_of(artifacts, f"confusion_{part}.csv")
        support = [int(row["support"]) for row in scores if row["part"] == part]
        assert [sum(int(row[f"predicted_{k}"]) for k in range(N_CLASSES)) for row in table] == support
        assert [row["true"] for row in table] == ["0", "1", "2", "3"]
        assert sum(support) == n_rows
        diagonal = [int(row[f"predicted_{row['true']}"]) / n for row, n in zip(table, support, strict=True)]
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


def test_run_with_a_label_that_training_has_not_seen(artifacts):
    """Its rows are wrong, its lines and columns stand in the tables, and what has no value is null in strict JSON."""
    labels = (np.arange(N_TEST) % N_CLASSES).astype(np.uint8)
    labels[:2] = 9
    write_idx(artifacts / "raw" / "t10k-labels-idx1-ubyte", labels)
    done = Evaluate().run(artifacts)
    assert np.isnan(done["test"]["log_loss"])
    assert done["test"]["accuracy"] == pytest.approx(23 / 30)  # row 1 was wrong anyway
    figures = json.loads(written(artifacts)["metrics.json"], parse_constant=pytest.fail)
    assert figures["test"]["log_loss"] is None
    assert figures["test"] == pytest.approx(done["test"] | {"log_loss": None})
    assert np.isfinite(figures["validation"]["log_loss"])
    table = rows_of(artifacts, "confusion_test.csv")
    assert [row["true"] for row in table] == ["0", "1", "2", "3", "9"]
    assert sum(int(count) for name, count in table[-1].items() if name != "true") == 2
    assert sum(int(row["predicted_9"]) for row in table) == 0
    assert [row["support"] for row in rows_of(artifacts, "by_class.csv") if row["label"] == "9"] == ["2"]
    assert sorted(written(artifacts)) == sorted([*TABLES, *PICTURES, RECORD])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two epochs are enough here
def test_run_with_one_class_alone(artifacts, monkeypatch):
    """A model of one class is measured as any other, tables and pictures included."""
    monkeypatch.setattr(evaluate, "load_model", load_model)
    for stem, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        write_idx(artifacts / "raw" / f"{stem}-labels-idx1-ubyte", np.full(n, 3, np.uint8))
    images, labels = read_part(artifacts / "raw", "train")
    model = Pipeline([("preprocess", Normalize()), ("train", MLPClassifier((5,), max_iter=2, random_state=0))])
    save_model(artifacts / "model" / "model.npz", model.fit(images.reshape(N_TRAIN, -1), labels))
    done = Evaluate().run(artifacts)
    assert done["test"]["accuracy"] == done["validation"]["top_2_accuracy"] == 1
    assert done["test"]["log_loss"] == 0
    assert rows_of(artifacts, "confusion_test.csv") == [{"true": "3", "predicted_3": str(N_TEST)}]
    assert sorted(written(artifacts)) == sorted([*TABLES, *PICTURES, RECORD])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two epochs are enough here
def test_a_model_of_several_labels_at_once_is_refused(artifacts, monkeypatch):
    """The files have one label for each image, and the error says so before anything is computed."""
    monkeypatch.setattr(evaluate, "load_model", load_model)
    images, labels = read_part(artifacts / "raw", "train")
    Y = np.column_stack([labels > 1, labels % 2 == 0]).astype(int)
    save_model(artifacts / "model" / "model.npz", MLPClassifier((5,), max_iter=2).fit(images.reshape(N_TRAIN, -1), Y))
    with pytest.raises(ValueError, match=r"model gives an image several labels at once, and .*raw has one for each"):
        Evaluate().run(artifacts)


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


def test_without_matplotlib_it_measures_and_says_what_brings_pictures(artifacts, monkeypatch):
    """Tables are written without it; a warning names the extra as it is typed."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "pipeline.plots", raising=False)
    monkeypatch.delattr("pipeline.plots", raising=False)
    with pytest.warns(UserWarning, match=r'no pictures, .* pip install "digits-pipeline\[pictures\]" brings it'):
        Evaluate().run(artifacts)
    assert sorted(written(artifacts)) == sorted([*TABLES, RECORD])


def test_an_error_inside_the_drawing_code_is_not_taken_for_a_missing_extra(artifacts, monkeypatch):
    """Where another module is missing, the stage fails and names it."""
    monkeypatch.delitem(sys.modules, "pipeline.plots", raising=False)
    monkeypatch.delattr("pipeline.plots", raising=False)
    monkeypatch.setitem(sys.modules, "io", None)
    with pytest.raises(ModuleNotFoundError, match="import of io halted"):
        Evaluate().run(artifacts)
    assert not (artifacts / "evaluation").exists()


def test_a_home_that_cannot_be_written_makes_no_noise(tmp_path):
    """matplotlib then caches its fonts elsewhere, and neither it nor we have a word to say about that."""
    (tmp_path / "file").touch()
    places = {"HOME": str(tmp_path / "file/home"), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL"))} | places
    code = "from pipeline.stages.evaluate import _import_plots; print(_import_plots().__name__)"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True, cwd=tmp_path
    )
    assert (run.stdout, run.stderr) == ("pipeline.plots\n", "")


def test_without_pictures_it_needs_no_matplotlib(artifacts, monkeypatch):
    """With ``pictures=False`` the tables and the report are written all the same, and nothing else."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "pipeline.plots", raising=False)
    monkeypatch.delattr("pipeline.plots", raising=False)
    Evaluate(pictures=False).run(artifacts)
    assert sorted(written(artifacts)) == sorted([*TABLES, RECORD])


COLUMNS = "epoch,loss,accuracy,validation_loss,validation_accuracy"


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n1,2\n", "epoch,loss\n1,x\n", "\0", f"{COLUMNS}\n1,1e308,0.5,,\n", f"{COLUMNS}\n1,1,-1e30,,\n"],
    ids=["empty", "other", "word", "nul", "too large", "too small"],
)
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


DIAGNOSIS = Diagnosis(
    3, 1.1, 0.4, 0.3, 0.01, 5,
    epochs=[
        EpochRecord(
            number, 1.0, 0.5, 0.01, None,
            (LayerRecord(4, 1.0, 0.1, 0.25, 0.5, "ReLU", 0.75, None, Histogram(0.0, 2.0, (3, 1))),
             LayerRecord(3, 1.0, 0.1, 0.001, 0.5)),
        )
        for number in range(2)
    ],
    findings=[Finding("dead_units", "All is <dead>", "life", 1, 0)],
)  # fmt: skip


def test_run_shows_the_diagnosis_of_a_training_that_was_examined(artifacts):
    """What was found stands in the report, and activations are drawn; two runs write the same bytes."""
    path = artifacts / "model" / "diagnosis.json"
    path.write_text(json.dumps(DIAGNOSIS.to_dict()), "utf-8")
    Evaluate().run(artifacts)
    first = written(artifacts)
    assert sorted(first) == sorted([*TABLES, *PICTURES, "activations.png", RECORD])
    report = (artifacts / "evaluation" / "report.html").read_text("utf-8")
    assert "<li>All is &lt;dead&gt;. Try: life.</li>" in report
    assert '<h2 id="diagnosis-of-the-training">' in report
    assert "<td>4 ReLU</td>" in report
    Evaluate().run(artifacts)
    assert written(artifacts) == first
    path.unlink()
    Evaluate().run(artifacts)
    assert "diagnosis" not in (artifacts / "evaluation" / "report.html").read_text("utf-8").lower()
    assert "activations.png" not in written(artifacts)


def test_a_damaged_diagnosis_is_named(artifacts):
    """By its path."""
    (artifacts / "model" / "diagnosis.json").write_text("[]", "utf-8")
    with pytest.raises(ValueError, match=r"diagnosis\.json is damaged"):
        Evaluate().run(artifacts)


def test_what_is_written_does_not_depend_on_the_pieces(artifacts, monkeypatch):
    """Predictions that are looked at a piece at a time give the same counts and rows, and figures to rounding."""
    Evaluate(pictures=False).run(artifacts)
    whole, tables = written(artifacts), (artifacts / "evaluation" / "metrics.json").read_text()
    monkeypatch.setattr(evaluate, "BATCH", 4)
    monkeypatch.setattr(evaluate, "PIECE", 8 * N_CLASSES)
    Evaluate(pictures=False).run(artifacts)
    again = written(artifacts)
    for name in set(whole) - {"metrics.json", "report.html"}:
        assert again[name] == whole[name], name
    found, expected = json.loads((artifacts / "evaluation" / "metrics.json").read_text()), json.loads(tables)
    for part, figures in expected.items():
        assert found[part] == pytest.approx(figures, rel=1e-12)
