"""The stage that trains: what it writes, what it tells, and what it leaves when it is interrupted."""

import csv
import inspect
import io
import json
import re
import struct
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from pipeline import MLPClassifier, Normalize, Train, load_model
from pipeline.callbacks import OnEpoch
from pipeline.data.class_names import write_class_names
from pipeline.data.idx import IdxError, write_idx
from pipeline.network import Step
from pipeline.network.training import DivergenceError
from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.stages.base import MissingInputError

COLUMNS = ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"]
rng = np.random.default_rng(0)
LABELS = rng.integers(3, size=80)
PIXELS = (rng.integers(100, size=(80, 9)) + 50 * LABELS[:, np.newaxis]).astype(np.uint8)


@pytest.fixture
def artifacts(tmp_path):
    """Return a folder in which the stages before have been at work."""
    normalize = Normalize().fit(PIXELS)
    prepared, split = tmp_path / "prepared", tmp_path / "split"
    prepared.mkdir()
    split.mkdir()
    np.save(prepared / "train_X.npy", normalize.transform(PIXELS))
    np.save(prepared / "train_Y.npy", np.eye(3, dtype=np.float32)[LABELS])
    (prepared / "normalize.json").write_text(json.dumps(normalize.get_state()), encoding="utf-8")
    np.save(split / "train.npy", np.arange(60))
    np.save(split / "validation.npy", np.arange(60, 80))
    return tmp_path


def train(**parameters):
    """Return a stage that is quick."""
    return Train(**{"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, **parameters})


def history(artifacts):
    """Return the rows of history.csv."""
    with (artifacts / "model" / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Diary(Progress):
    """Writes down what it hears."""

    def __init__(self):
        self.heard = []

    def begin(self, what, total, unit):
        self.heard.append((what, total, unit))

    def advance(self, step=1, **figures):
        self.heard.append((step, figures))

    def end(self):
        self.heard.append("end")


def test_it_is_the_classifier():
    """It has the classifier's parameters, all of them and no other, and is one in Python."""
    assert inspect.signature(Train) == inspect.signature(MLPClassifier)
    assert clone(train()).get_params() == train().get_params()
    rows, labels = PIXELS / 255, LABELS
    plain = MLPClassifier((5,), max_iter=3, learning_rate="cosine", random_state=0).fit(rows, labels)
    assert np.array_equal(train(learning_rate="cosine").fit(rows, labels).predict(rows), plain.predict(rows))


def test_weights_of_classes_go_by_their_names(artifacts):
    """They count as those of the labels would, whatever their order, and the parameter stays as it was given."""
    train(class_weight={1: 4.0, 2: 0.5}).run(artifacts)
    by_number = load_model(artifacts / "model" / "model.npz")
    write_class_names(artifacts / "prepared", ["cat", "2", "10"])
    stage = train(class_weight={10: 0.5, "2": 4.0})
    stage.run(artifacts)
    by_name = load_model(artifacts / "model" / "model.npz")
    assert np.array_equal(by_name.predict_proba(PIXELS), by_number.predict_proba(PIXELS))
    assert by_name.classes_.tolist() == ["cat", "2", "10"]
    assert stage.class_weight == {10: 0.5, "2": 4.0}
    with pytest.raises(ParameterError, match="there is no class 'dog'; there are cat, 2, 10"):
        train(class_weight={"dog": 1.0}).run(artifacts)


def test_the_model_takes_raw_pixels(artifacts):
    """What is written is a pipeline that was trained on the training rows, watched on the others."""
    train(learning_rate="cosine").run(artifacts)
    model = load_model(artifacts / "model" / "model.npz")
    X = Normalize().fit_transform(PIXELS)
    alone = MLPClassifier((5,), max_iter=3, learning_rate="cosine", random_state=0).fit(X[:60], LABELS[:60])
    assert np.array_equal(model.predict_proba(PIXELS), alone.predict_proba(X))
    assert model["train"].network_.dtype == np.float32


def test_history_is_a_line_for_every_epoch(artifacts):
    """Its columns are those that the learning curves are drawn from, in six digits."""
    stage = train()
    result = stage.run(artifacts)
    rows = history(artifacts)
    assert list(rows[0]) == COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    figures = [f"{value:.6g}" for value in stage.history_["validation_score"]]
    assert [row["validation_accuracy"] for row in rows] == figures
    assert [float(row["loss"]) for row in rows] == pytest.approx(stage.loss_curve_, rel=1e-5)
    assert result["epochs"] == 3
    assert result["validation_accuracy"] == stage.history_["validation_score"][-1]
    assert set(result) == {"engine", "epochs", *COLUMNS[1:]}
    assert result["engine"] == stage.engine_


def test_without_validation_rows_those_columns_are_empty(artifacts):
    """validation_fraction 0 leaves all rows to training."""
    np.save(artifacts / "split" / "train.npy", np.arange(80))
    np.save(artifacts / "split" / "validation.npy", np.arange(0))
    stage = train()
    result = stage.run(artifacts)
    assert {row["validation_loss"] + row["validation_accuracy"] for row in history(artifacts)} == {""}
    assert set(result) == {"engine", "epochs", "loss", "accuracy", "learning_rate"}
    assert stage.t_ == 3 * 80


def test_lbfgs_has_a_history_as_well(artifacts):
    """What SciPy does not tell is empty; its loss and the validation are there."""
    train(solver="lbfgs", max_iter=5).run(artifacts)
    rows = history(artifacts)
    assert len(rows) == 5
    assert {row["accuracy"] + row["learning_rate"] for row in rows} == {""}
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert all(row["validation_accuracy"] for row in rows)


def test_early_stopping_watches_the_validation_rows(artifacts):
    """Nothing more is set aside: the rows of the split are what it stops by."""
    stage = train(early_stopping=True, n_iter_no_change=1, max_iter=50, learning_rate_init=0.05)
    stage.run(artifacts)
    model = load_model(artifacts / "model" / "model.npz")
    assert stage.t_ == stage.n_iter_ * 60
    assert model.score(PIXELS[60:], LABELS[60:]) == pytest.approx(stage.best_validation_score_)


@pytest.mark.parametrize("parameters", [{}, {"solver": "lbfgs"}, {"dropout": 0.3, "early_stopping": True}], ids=str)
def test_the_same_inputs_give_the_same_bytes(artifacts, parameters):
    """Twice the same stage, twice the same files."""
    train(**parameters).run(artifacts)
    first = {path.name: path.read_bytes() for path in (artifacts / "model").iterdir()}
    train(**parameters).run(artifacts)
    assert {path.name: path.read_bytes() for path in (artifacts / "model").iterdir()} == first
    assert sorted(first) == ["history.csv", "model.npz", "provenance.json"]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_progress_hears_every_epoch(artifacts, solver):
    """A beginning, an epoch at a time with its figures, and an end."""
    diary = Diary()
    train(solver=solver).run(artifacts, diary)
    begun, *epochs, end = diary.heard
    assert begun == ("train", 3, "epochs")
    assert end == "end"
    assert [step for step, _ in epochs] == [1, 1, 1]
    told = {"loss", "validation_loss", "validation_accuracy"} | (
        {"accuracy", "learning_rate"} if solver == "adam" else set()
    )
    assert all(set(figures) == told for _, figures in epochs)
    assert f"{epochs[-1][1]['loss']:.6g}" == history(artifacts)[-1]["loss"]


def test_to_have_used_all_epochs_is_no_mishap(artifacts):
    """The stage trains for as long as it is told, and warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train().run(artifacts)


def test_callbacks_of_the_users_are_called_and_stay(artifacts):
    """Ours is added for the run, and taken away again."""
    heard = []
    own = OnEpoch(heard.append)
    stage = train().set_callbacks(own)
    stage.run(artifacts)
    assert len(heard) == 3
    assert stage._skl_callbacks == [own]
    plain = train()
    plain.run(artifacts)
    assert not hasattr(plain, "_skl_callbacks")


class Interrupted(Step):
    """A person presses Ctrl-C in the second epoch."""

    def after(self, t, length):
        if t >= 1:
            raise KeyboardInterrupt
        return super().after(t, length)


def test_an_interruption_leaves_no_model_that_looks_finished(artifacts):
    """The old model stays as it was, nothing half-written is left, and the progress is told that it is over."""
    train().run(artifacts)
    before = (artifacts / "model" / "model.npz").read_bytes()
    diary = Diary()
    with pytest.raises(KeyboardInterrupt):
        train(learning_rate=Interrupted()).run(artifacts, diary)
    assert diary.heard[-1] == "end"
    assert (artifacts / "model" / "model.npz").read_bytes() == before
    assert sorted(path.name for path in artifacts.iterdir()) == ["model", "prepared", "split"]


def test_divergence_leaves_no_model(artifacts):
    """The error is one line that says so, and there is no folder."""
    with pytest.raises(DivergenceError, match=r"non-finite parameter weights.*, and no model was written$"):
        train(learning_rate_init=1e30, batch_size=5).run(artifacts)
    assert not (artifacts / "model").exists()


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_divergence_leaves_the_older_model_and_says_so(artifacts, solver):
    """What stands in the folder is told as it is: not the weights of this training, but of the one before."""
    train().run(artifacts)
    before = (artifacts / "model" / "model.npz").read_bytes()
    np.save(artifacts / "prepared" / "train_X.npy", np.full((80, 9), 1e300))
    with pytest.raises(DivergenceError, match=r"model is still that of an earlier run$"), np.errstate(all="ignore"):
        train(solver=solver, learning_rate_init=1e30).run(artifacts)
    assert (artifacts / "model" / "model.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("prepared/train_X.npy", b"", "train_X.npy is no readable .npy file"),
        ("prepared/train_Y.npy", b"hello", "train_Y.npy is no readable .npy file"),
        ("prepared/normalize.json", b"{", "normalize.json is damaged: it is no JSON: Expecting"),
        ("prepared/normalize.json", b"[]", "normalize.json is damaged: not the state of a Normalize"),
        ("prepared/normalize.json", b"\xff", "normalize.json is damaged: it is no text in UTF-8"),
        ("split/train.npy", b"", "train.npy is no readable .npy file"),
    ],
)
def test_a_damaged_input_is_named_before_any_work(artifacts, file, content, message):
    """The error says which file it is; no epoch is trained for nothing."""
    (artifacts / file).write_bytes(content)
    diary = Diary()
    with pytest.raises(ValueError, match=re.escape(message)):
        train().run(artifacts, diary)
    assert diary.heard == []


def announcing(shape, dtype="<f4"):
    """Return a file that announces a shape, and holds nothing."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def saved(array):
    """Return the bytes of an array's file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


Y = np.eye(3, dtype=np.float32)[LABELS]
STATE = {"method": "standard", "n_features": 9, "scale": 1.0, "shift": 0.0, "mean": 0.0, "std": 1.0}


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("train_Y.npy", announcing((0, 300_000_000)), "train_Y.npy has 300000000 columns; expected one for each label"),
        ("train_Y.npy", announcing((0, 3)), "train_Y.npy does not hold one-hot rows"),
        ("train_Y.npy", saved(Y + 1), "train_Y.npy does not hold one-hot rows"),
        ("train_Y.npy", saved(Y * np.float32(np.nan)), "train_Y.npy does not hold one-hot rows"),
        ("train_Y.npy", saved(Y * 2), "train_Y.npy does not hold one-hot rows"),
        ("train_Y.npy", saved(Y.astype("U3")), "train_Y.npy holds <U3 of shape (80, 3)"),
        ("train_Y.npy", saved(Y[:79]), "80 images in train_X.npy and 79 labels in train_Y.npy"),
        ("train_X.npy", announcing((0, 9)), "train_X.npy holds no pixel"),
        ("train_X.npy", announcing((80, 9)), "it announces 2880 bytes of items and holds 0"),
        ("train_X.npy", saved(np.full((80, 9), np.inf, np.float32)), "train_X.npy holds pixels that are no finite"),
        ("train_X.npy", saved(np.zeros((80, 8), np.float32)), "normalize.json is for images of 9 pixels"),
        ("normalize.json", json.dumps(STATE | {"mean": 10**400}).encode(), "normalize.json is damaged"),
        ("normalize.json", json.dumps(STATE | {"feature_names": ["a"]}).encode(), "normalize.json is damaged"),
        ("normalize.json", json.dumps(STATE | {"method": "x" * 10**6}).encode(), "normalize.json is damaged"),
        ("normalize.json", json.dumps(["unit"]).encode(), "normalize.json is damaged"),
        ("normalize.json", b"[" * 10**6, "normalize.json is damaged"),
    ],
)
def test_prepared_files_that_are_not_as_announced_are_refused(artifacts, file, content, message):
    """One line names the file, before an epoch is trained and before anything of an announced size is made."""
    (artifacts / "prepared" / file).write_bytes(content)
    diary = Diary()
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        train().run(artifacts, diary)
    assert diary.heard == []
    assert len(str(caught.value)) < 300 + len(str(artifacts))


def test_rows_of_other_data_are_refused(artifacts):
    """A split that was drawn for a larger data set does not pass for one of this."""
    np.save(artifacts / "split" / "validation.npy", np.arange(70, 90))
    with pytest.raises(ValueError, match=r"validation\.npy has rows 70 to 89 of other data; there are 80 rows here"):
        train().run(artifacts)


def test_parameters_and_inputs_are_checked_first(artifacts):
    """A parameter that is not allowed, and a folder that is not there, are told before any work."""
    with pytest.raises(ParameterError, match="solver must be"):
        train(solver="newton").run(artifacts)
    (artifacts / "split" / "train.npy").unlink()
    (artifacts / "split" / "validation.npy").unlink()
    (artifacts / "split").rmdir()
    with pytest.raises(MissingInputError, match="pipeline split"):
        train().run(artifacts)


def test_compilation_is_shown_while_it_lasts(monkeypatch):
    """Compiling loops is a piece of work inside of training; with NumPy there is none."""
    jit = pytest.importorskip("pipeline.network.compiled.jit", reason="compiled loops need the extra fast")
    heard = []

    class Heard(Progress):
        def begin(self, what, _total, _unit):
            heard.append(what)

        def end(self):
            heard.append("end")

    def fit(_self, _X, _y):
        for listener in jit.listeners:
            listener.begin()
            listener.end()

    monkeypatch.setattr(Train, "fit", fit)
    for engine in ("numba", "numpy"):
        Train(engine=engine)._fit_watched(np.zeros((2, 1)), np.zeros(2), {}, Heard())
    assert heard == ["train", "compiling the network's loops, once", "end", "end", "train", "end"]
    assert not jit.listeners


class Listener(Progress):
    """Writes down the lines that a person should read."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_a_diagnosis_is_written_and_said(artifacts):
    """With ``diagnose`` there is ``diagnosis.json``, of the same bytes for the same inputs, and a line is said."""
    written = []
    for _ in range(2):
        listener = Listener()
        stage = train(diagnose=True, solver="sgd", learning_rate_init=1e-7, max_iter=40, tol=0.0, n_iter_no_change=99)
        assert stage.run(artifacts, listener)["findings"] == 1
        written.append((artifacts / "model" / "diagnosis.json").read_bytes())
        assert listener.lines == [f"diagnosis: {stage.diagnosis_.findings[0]}"]
    assert written[0] == written[1]
    assert json.loads(written[0])["findings"][0]["symptom"] == "learning_rate_too_low"
    train().run(artifacts)
    assert not (artifacts / "model" / "diagnosis.json").exists()


def test_findings_are_said_where_training_diverged(artifacts):
    """Although there is no model."""
    listener = Listener()
    with pytest.raises(DivergenceError):
        train(diagnose=True, solver="sgd", learning_rate_init=1e30, activation="identity").run(artifacts, listener)
    assert listener.lines[0].startswith(
        "diagnosis: The loss was no finite number any more in epoch 2: training diverged"
    )


@pytest.mark.parametrize("validation", [20, 0])
def test_bytes_and_numbers_make_the_same_model(artifacts, validation):
    """Images prepared as bytes are scaled batch by batch: the files of the model are the same, to the last bit."""
    np.save(artifacts / "split" / "train.npy", np.arange(80 - validation))
    np.save(artifacts / "split" / "validation.npy", np.arange(80 - validation, 80))
    train().run(artifacts)
    names = ("model.npz", "history.csv")
    wanted = [(artifacts / "model" / name).read_bytes() for name in names]
    (artifacts / "prepared" / "train_X.npy").unlink()
    write_idx(artifacts / "prepared" / "train_X.idx", PIXELS.reshape(80, 3, 3))
    train().run(artifacts)
    assert [(artifacts / "model" / name).read_bytes() for name in names] == wanted


def test_prepared_bytes_that_are_no_images_are_refused(artifacts):
    """The file is named, before any work."""
    write_idx(artifacts / "prepared" / "train_X.idx", PIXELS)
    with pytest.raises(IdxError, match=r"train_X.idx holds uint8 of shape \(80, 9\); expected images"):
        train().run(artifacts)
