"""Every kind of label is learned, predicted, saved, loaded and printed: one contract over all kinds."""

import json
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.neural_network import MLPClassifier as Theirs
from typer.testing import CliRunner

from pipeline import MLPClassifier, from_arrays, load_model, save_model
from pipeline.cli.app import app
from pipeline.mlp.labels import as_text, check_classes, check_no_missing, is_multilabel, plain_labels, predictions

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
CODES = np.repeat([0, 1, 2], 20)
X = np.uint8(200 * np.eye(3, 4)[CODES] + rng.integers(50, size=(60, 4)))
WORDS = np.array(["nought", "one", "zwei Wörter"])
DAYS = np.array(["2020-01-01", "2021-05-06", "2022-07-08"], "datetime64[D]")
SEVERAL = np.stack([CODES > 0, CODES == 1, CODES == 3], axis=1).astype(int)

PLAIN = {
    "int64": (CODES, [0, 1, 2]),
    "uint8": (CODES.astype(np.uint8), [0, 1, 2]),
    "negative": (CODES - 1, [-1, 0, 1]),
    "large": (CODES.astype(np.uint64) + 2**63, [2**63, 2**63 + 1, 2**63 + 2]),
    "whole floats": (CODES.astype(np.float32), [0.0, 1.0, 2.0]),
    "longdouble": (CODES.astype(np.longdouble), [0.0, 1.0, 2.0]),
    "bool": (CODES > 1, [False, True]),
    "two ints": (7 * (CODES > 1), [0, 7]),
    "str": (WORDS[CODES], WORDS.tolist()),
    "list of str": (WORDS[CODES].tolist(), WORDS.tolist()),
    "objects": (WORDS[CODES].astype(object), WORDS.tolist()),
    "digits in text": (CODES.astype(str), ["0", "1", "2"]),
    "a line in text": (np.array(["a\nb", "c"])[CODES % 2], ["a\nb", "c"]),
    "days": (DAYS[CODES], DAYS.astype(str).tolist()),
    "nanoseconds": (DAYS[CODES].astype("datetime64[ns]"), DAYS.astype(str).tolist()),
    "minutes": (
        DAYS[CODES] + np.timedelta64(61, "m"),
        ["2020-01-01T01:01", "2021-05-06T01:01", "2022-07-08T01:01"],
    ),
    "durations": (CODES.astype("timedelta64[h]"), ["0 hours", "1 hours", "2 hours"]),
    "series": (pd.Series(WORDS[CODES]), WORDS.tolist()),
    "categories of text": (pd.Series(pd.Categorical(WORDS[CODES])), WORDS.tolist()),
    "categories of numbers": (pd.Series(pd.Categorical(CODES)), [0, 1, 2]),
    "string": (pd.Series(WORDS[CODES], dtype="string"), WORDS.tolist()),
    "Int64": (pd.Series(CODES, dtype="Int64"), [0.0, 1.0, 2.0]),
    "boolean": (pd.Series(CODES > 1, dtype="boolean"), [0.0, 1.0]),
    "series of dates": (pd.Series(DAYS[CODES]), DAYS.astype(str).tolist()),
    "a column": (pd.DataFrame({"y": CODES}), [0, 1, 2]),
    "one number": (np.zeros(60, int), [0]),
    "one word": (np.full(60, "a"), ["a"]),
    "one day": (np.full(60, DAYS[0]), ["2020-01-01"]),
}
MULTILABEL = {
    "int": SEVERAL,
    "bool": SEVERAL.astype(bool),
    "float": SEVERAL.astype(float),
    "two labels": SEVERAL[:, :2],
    "lists": SEVERAL.tolist(),
    "frame": pd.DataFrame(SEVERAL),
    "csr matrix": scipy.sparse.csr_matrix(SEVERAL),
    "csr array": scipy.sparse.csr_array(SEVERAL),
    "csc array": scipy.sparse.csc_array(SEVERAL),
    "coo matrix": scipy.sparse.coo_matrix(SEVERAL),
}
KINDS = {name: labels for name, (labels, _) in PLAIN.items()} | {
    f"several, {name}": Y for name, Y in MULTILABEL.items()
}


def fitted(y):
    """Return a small classifier that has learned its labels well."""
    model = MLPClassifier((8,), learning_rate_init=0.02, max_iter=60, pixel_scale=1 / 255, random_state=0)
    return model.fit(X, y)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    """Go over all kinds of labels."""
    return request.param


@pytest.fixture(scope="module")
def models(kind, tmp_path_factory):
    """Return a fitted model, the file it is saved in, and what is loaded from that."""
    path = tmp_path_factory.mktemp("labels") / "model.npz"
    with pytest.warns(match="column-vector") if kind == "a column" else nullcontext():
        model = fitted(KINDS[kind])
    save_model(path, model)
    return model, path, load_model(path)


def assert_same(one, other):
    """Assert that two arrays of labels are of one type, one dtype and one content."""
    assert type(one) is type(other)
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    if scipy.sparse.issparse(one):
        one, other = one.toarray(), other.toarray()
    assert one.tolist() == other.tolist()


def test_labels_come_back_from_a_file(models):
    """The loaded model predicts the same labels, of the same type, as does one that is saved again."""
    model, path, loaded = models
    assert_same(loaded.predict(X), model.predict(X))
    assert_same(loaded.classes_, model.classes_)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    again = path.with_name("again.npz")
    save_model(again, loaded)
    assert again.read_bytes() == path.read_bytes()


def test_predictions_are_of_scikit_learns_type(kind, models):
    """What kind of array `predict` returns is a matter of taste, and so scikit-learn's."""
    if kind == "a column":
        pytest.skip("scikit-learn warns of it in other words")
    theirs = Theirs((2,), max_iter=1).fit(X, KINDS[kind]).predict(X)
    ours = models[0].predict(X)
    assert (type(ours), ours.dtype) == (type(theirs), theirs.dtype)


def test_training_goes_on_with_the_same_labels(kind, models, tmp_path):
    """A model from a file takes the labels that it was made with."""
    save_model(tmp_path / "model.npz", models[0], resume=True)
    loaded = load_model(tmp_path / "model.npz")["train"].set_params(max_iter=1, warm_start=True)
    labels = np.ravel(KINDS[kind]) if kind == "a column" else KINDS[kind]
    assert loaded.fit(X, labels).n_iter_ == 1
    assert_same(loaded.predict(X), models[0].predict(X))


@pytest.fixture(scope="module")
def printed(models):
    """Return what the command prints of a model: its lines, taken apart, and its JSON."""
    _, path, _ = models
    images = path.with_name("images.npy")
    np.save(images, X.reshape(60, 2, 2))
    call = ["predict", str(images), "--model", str(path)]
    lines, document = (CliRunner().invoke(app, [*call, *more]) for more in ([], ["--json"]))
    assert (lines.exit_code, document.exit_code) == (0, 0), lines.output + document.output
    return lines.stdout.splitlines(), json.loads(document.stdout)


def test_the_command_prints_every_kind(kind, models, printed):
    """A line for each image and the same in JSON, with labels that JSON has and a person reads."""
    model, _, loaded = models
    lines, document = printed
    P = loaded.predict_proba(X)
    assert [one["number"] for one in document] == list(range(60))
    assert [list(one["probabilities"].values()) for one in document] == P.tolist()
    for line, one in zip(lines, document, strict=True):
        assert line == f"{one['number']}  {as_text(one['label'])}  {one['confidence']:.4f}"
    if kind in PLAIN:
        labels = PLAIN[kind][1]
        assert [one["label"] for one in document] == [labels[place] for place in P.argmax(axis=1)]
        assert {type(one["label"]) for one in document} == {type(label) for label in labels}
        assert [one["confidence"] for one in document] == P.max(axis=1).tolist()
    else:
        predicted = model.predict(X)
        predicted = predicted.toarray() if scipy.sparse.issparse(predicted) else predicted
        assert [one["label"] for one in document] == [np.flatnonzero(row).tolist() for row in predicted]
        assert [one["confidence"] for one in document] == pytest.approx(np.maximum(P, 1 - P).prod(axis=1).tolist())


def test_the_labels_are_learned(kind, models):
    """No kind is confused with another: training samples get the labels that they were given."""
    wanted = KINDS[kind]
    predicted = models[0].predict(X)
    if scipy.sparse.issparse(predicted):
        predicted, wanted = predicted.toarray(), wanted.toarray()
    assert np.mean(predicted == np.asarray(wanted).reshape(predicted.shape)) > 0.95


MISSING = {
    "None": np.array(["a", None, "c"], dtype=object),
    "a list": ["a", None, "c"],
    "nothing but None": [None, None, None],
    "NaN in text": pd.Series(["a", None, "c"]),
    "NA": pd.Series(["a", None, "c"], dtype="string"),
    "NaT": np.array(["2020-01-01", "NaT", "2021-01-01"], "datetime64[D]"),
    "no duration": np.array([1, "NaT", 2], "timedelta64[D]"),
    "no date": pd.Series(pd.to_datetime(["2020-01-01", None, "2021-01-01"])),
    "no category": pd.Series(pd.Categorical(["a", None, "c"])),
    "NaN": np.array([1.0, np.nan, 2.0]),
    "Int64": pd.Series([1, None, 2], dtype="Int64"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "several": np.array([[0, 1], [None, 1], [1, 0]], dtype=object),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_label_is_one_clear_error(name):
    """Whatever stands for it, it is no class of its own, and no riddle about what can be compared."""
    with pytest.raises(ValueError, match=r"[Ii]nput (y )?contains NaN"):
        MLPClassifier((2,)).fit(X[:3], MISSING[name])


def test_the_first_missing_label_is_named():
    """The row and what stands there."""
    with pytest.raises(ValueError, match=r"contains NaN: .* that of row 2 is None"):
        check_no_missing(["a", "b", None, None])


@pytest.mark.parametrize("name", [*MISSING, "float"])
def test_a_missing_label_among_the_classes_is_told_as_one(name):
    """Wherever all labels are announced: the place is named, and nothing is said of y, which has none missing."""
    classes = MISSING.get(name, np.array([0.5, np.nan, 1.5]))
    calls = [
        lambda: check_classes(classes),
        lambda: MLPClassifier((2,)).partial_fit(X[:3], [0, 1, 0], classes=classes),
        lambda: from_arrays([(np.ones((2, 3)), np.ones(3))], ["softmax"], classes=classes),
    ]
    for call in calls:
        with pytest.raises(
            ValueError, match=r"^classes must be labels that are known; that of place [0-2], from 0, is"
        ):
            call()


@pytest.mark.parametrize("classes", [None, [1, 2], ["a"], [True], np.array([1.0, 2.0])], ids=repr)
def test_known_classes_are_no_error(classes):
    """Nor is what has no labels at all."""
    check_classes(classes if classes is not None else 3)


@pytest.mark.parametrize("y", [None, "a", scipy.sparse.csr_array(SEVERAL), np.array([1.0, np.nan])], ids=type)
def test_what_others_look_at_is_left_to_them(y):
    """No labels at all, sparse ones and floats are scikit-learn's to check."""
    check_no_missing(y)


def test_bytes_are_text_where_a_file_has_them():
    """scikit-learn learns no bytes; an array of them is told as text, whatever they are."""
    assert plain_labels(np.array([b"a", b"\xff"])) == ["a", "\\xff"]
    with pytest.raises(TypeError, match="bytes is not supported"):
        MLPClassifier().fit(X, WORDS[CODES].astype("U3").astype(bytes))


def test_no_label_and_all_labels_at_once():
    """None is an empty list, with the probability that it is none."""
    none, every = predictions(np.arange(2), np.array([[0.25, 0.5], [0.75, 1.0]]), multilabel=True)
    assert (none["label"], none["confidence"]) == ([], 0.375)
    assert (every["label"], every["confidence"]) == ([0, 1], 0.75)
    assert (as_text(none["label"]), as_text(every["label"])) == ("-", "0,1")


def test_a_label_stays_on_its_line():
    """What would break a line or move the cursor is spelt out, and letters of any script are not."""
    assert as_text("a\nb\x1b日本") == "a\\nb\\x1b日本"


def test_two_classes_are_not_several_labels():
    """One logistic output tells two classes apart; several tell labels."""
    assert [is_multilabel(fitted(y)) for y in (CODES > 1, CODES, SEVERAL)] == [False, False, True]


def test_a_label_cannot_command_the_terminal():
    """Escape codes, line breaks and marks of direction in it are told by their codes."""
    assert as_text("\x1b[2J\u202ea\n") == "\\x1b[2J\\u202ea\\n"
    assert as_text(["\x9b", "\u00e9"]) == "\\x9b,\u00e9"
