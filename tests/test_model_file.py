"""A model in a file: everything comes back, nothing can run, and what is no model is refused."""

import io
import json
import os
import pickle
import re
import stat
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
from model_contents import contents, write_contents
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from pipeline import MLPClassifier, MLPRegressor, Normalize, Preprocess, load_model, make_ensemble, save_model
from pipeline.callbacks import OnEpoch
from pipeline.images.deform import Deform
from pipeline.images.deskew import align
from pipeline.model_file import FORMAT_VERSION, ModelFileError
from pipeline.network import (
    Adversarial,
    Cosine,
    CosineCycles,
    ExponentialAverage,
    LastEpochs,
    OneCycle,
    RateFactors,
    Step,
    VirtualAdversarial,
)
from pipeline.network.compiled.engines import ENGINES
from pipeline.parameters import ParameterError

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*a network learns targets best:UserWarning"),  # files hold such models as well
]

rng = np.random.default_rng(0)
DIGITS = rng.integers(3, size=60)
X = rng.random((60, 6)) + DIGITS[:, np.newaxis] / 3
LABELS = {
    "numbers": DIGITS,
    "two": DIGITS > 1,
    "text": np.array(["nought", "one", "two"])[DIGITS],
    "objects": np.array(["nought", "one", "two"], dtype=object)[DIGITS],
    "multilabel": np.eye(3, dtype=int)[DIGITS] | np.eye(3, dtype=int)[0],
    "one class": np.zeros(60, int),
}
CONFIGURATIONS = {
    "plain": {},
    "a number for layers": {"hidden_layer_sizes": 7},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "one by one": {
        "hidden_layer_sizes": (5, 4),
        "activation": ("gelu", "elu"),
        "dropout": (0.1, 0.2, 0.0),
        "bias": False,
        "weight_init": 0.1,
    },
    "lbfgs": {"solver": "lbfgs"},
    "cosine": {"learning_rate": "cosine"},
    "a schedule": {"learning_rate": OneCycle(epochs=4, warmup=None), "solver": "adamw"},
    "another": {"learning_rate": Step(2, warmup=1), "solver": "sgd", "batch_size": "full"},
    "early stopping": {"early_stopping": True, "monitor": "validation_loss"},
    "class weights": {"class_weight": {0: 1, 1: 2, 2: 0.5}},
    "class weights in a list": {"class_weight": [{0: 1, 1: 2.5}, {1: 3}, {}]},
    "bounded": {"max_updates": 3, "n_iter_no_change": np.inf, "verbose": 0, "n_threads": 1},
    "regularised": {"batch_norm": True, "noise": (0.1, 0.2), "max_norm": 2.0, "label_smoothing": 0.1},
    "averaged": {"averaging": LastEpochs(2), "batch_norm": True, "recompute_statistics": True},
    "deformed": {"augmentation": Deform(translation=1, shape=(2, 3))},
    "rate factors": {
        "feature_scale": True,
        "rate_factors": RateFactors("1/sqrt(n_in)", bias=0.1, feature_scale=6.0),
        "bias_init": 1.0,
        "zero_output": True,
        "early_stopping": True,
        "best_epoch": "last",
        "learning_rate": CosineCycles(cycles=2),
    },
    "moved": {"adversary": Adversarial(0.5, weight=2.0), "dropout": 0.1},
    "moved by answers": {"adversary": VirtualAdversarial(0.5, xi=0.2, n_probes=2)},
    "numpy's numbers": {"hidden_layer_sizes": np.array([4, 3]), "alpha": np.float32(0.5), "max_iter": np.int64(2)},
    "a generator": {"random_state": np.random.default_rng(3)},
}


def fitted(y=DIGITS, dtype=np.float64, **parameters):
    """Return a small fitted classifier."""
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0}
    return MLPClassifier(**{**defaults, **parameters}).fit(X.astype(dtype), y)


@pytest.fixture(params=["npz", "safetensors"])
def path(request, tmp_path):
    """Return where a model goes, once for each form."""
    return tmp_path / f"model.{request.param}"


@pytest.fixture
def archive(tmp_path):
    """Return where a model goes that is an archive of arrays."""
    return tmp_path / "model.npz"


def tampered(path, change):
    """Change the header and the arrays of a file."""
    header, arrays = contents(path)
    change(header, arrays)
    write_contents(path, header, arrays)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_configuration_comes_back(path, name):
    """Predictions, parameters and fitted attributes are those of the model that was saved."""
    several = isinstance(CONFIGURATIONS[name].get("class_weight"), list)
    model = fitted(LABELS["multilabel"] if several else DIGITS, **CONFIGURATIONS[name])
    save_model(path, model)
    [(step, loaded)] = load_model(path).steps
    assert step == "train"
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    for attribute in ("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "validation_scores_", "n_layers_"):
        assert getattr(loaded, attribute) == getattr(model, attribute)
    assert {**loaded.history_, "seconds": None} == {**model.history_, "seconds": None}
    for parameter, value in loaded.get_params(deep=False).items():
        if parameter != "random_state":
            assert np.array_equal(value, getattr(model, parameter))


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        (GridSearchCV(MLPClassifier(), {}), "save its best_estimator_"),
        (Pipeline([("a", make_ensemble(MLPRegressor(), 2))]), "save_ensemble writes a file for each member"),
        (Theirs(), "from_sklearn makes one of it"),
    ],
)
def test_what_no_file_holds_is_led_to_what_one_does(tmp_path, model, advice):
    """What is often saved instead of a network has a way to go on."""
    if isinstance(model, GridSearchCV):
        model.best_estimator_ = MLPClassifier()
    with pytest.raises(TypeError, match=f"a model file holds .*; got .*: {advice}$"):
        save_model(tmp_path / "model.npz", model)


@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_every_kind_come_back(path, labels):
    """Numbers, truths, text and several at once: `predict` gives what it gave."""
    model = fitted(LABELS[labels])
    save_model(path, model)
    loaded = load_model(path)
    assert loaded.predict(X).tolist() == model.predict(X).tolist()
    assert loaded.score(X, LABELS[labels]) == model.score(X, LABELS[labels])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_comes_back(path, dtype):
    """A model in float32 stays one, whatever it is given."""
    save_model(path, fitted(dtype=dtype))
    assert load_model(path).predict_proba(X).dtype == dtype


def test_names_of_features_come_back(path):
    """A loaded model knows what its columns are called, as scikit-learn's do."""
    model = fitted()
    model.feature_names_in_ = np.array(list("abcdef"), dtype=object)
    save_model(path, model)
    loaded = load_model(path)["train"]
    assert loaded.feature_names_in_.tolist() == list("abcdef")
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        loaded.predict(X)


@pytest.mark.parametrize("kind", [Normalize, Preprocess])
@pytest.mark.parametrize("method", ["unit", "standard"])
def test_the_normaliser_comes_along(path, kind, method):
    """A pipeline is saved whole, and the loaded one takes raw pixels."""
    pixels = (rng.random((60, 6)) * 255).astype(np.uint8)
    model = make_pipeline(kind(method), MLPClassifier((5,), max_iter=2, random_state=0)).fit(pixels, DIGITS)
    save_model(path, model)
    loaded = load_model(path)
    assert [name for name, _ in loaded.steps] == ["preprocess", "train"]
    assert np.array_equal(loaded.predict_proba(pixels), model.predict_proba(pixels))
    again = path.with_name(f"again{path.suffix}")
    save_model(again, loaded)
    assert again.read_bytes() == path.read_bytes()


def test_geometry_comes_along(path):
    """A model of aligned images takes raw pixels, and aligns them; its bytes come back, too."""
    pixels = (255 * rng.random((60, 16))).astype(np.uint8)
    steps = Preprocess("standard", deskew=True, ink_width=3), MLPClassifier((5,), max_iter=2, random_state=0)
    model = make_pipeline(*steps).fit(pixels, DIGITS)
    save_model(path, model)
    loaded = load_model(path)
    assert loaded["preprocess"].get_params() == {"method": "standard", "deskew": True, "ink_width": 3}
    assert np.array_equal(loaded.predict_proba(pixels), model.predict_proba(pixels))
    aligned = Normalize("standard").fit_transform(align(pixels, deskew=True, ink_width=3))
    assert np.array_equal(loaded.predict_proba(pixels), loaded["train"].predict_proba(aligned))
    again = path.with_name(f"again{path.suffix}")
    save_model(again, loaded)
    assert again.read_bytes() == path.read_bytes()


def test_a_file_with_old_names_of_parameters_is_read():
    """It was written when ``deskew`` was ``deslant``, and predicts what it predicted then."""
    model = load_model(Path(__file__).parent / "before" / "model.npz")
    pixels = np.random.default_rng(0).integers(256, size=(30, 16), dtype=np.uint8)
    assert model["preprocess"].get_params() == {"method": "standard", "deskew": True, "ink_width": 3}
    assert np.allclose(model.predict_proba(pixels)[0], [0.25387030839920044, 0.4700051248073578, 0.27612459659576416])


def test_a_file_from_before_geometry_is_read(path):
    """A header that has never heard of it is what a model without it still has."""
    pixels = (255 * rng.random((60, 6))).astype(np.uint8)
    save_model(path, make_pipeline(Normalize(), MLPClassifier((5,), max_iter=2, random_state=0)).fit(pixels, DIGITS))
    header, _ = contents(path)
    assert header["normalize"].pop("images") == {"low": 0, "high": pixels.max(), "shape": None, "figures": {}}
    assert header["normalize"].pop("pictures") == {"background": "black", "ink_size": None}
    assert header["normalize"] == {"method": "unit", "n_features": 6, "scale": 1 / 255, "shift": 0.0}
    assert load_model(path)["preprocess"].get_params() == {"method": "unit", "deskew": False, "ink_width": None}


@pytest.mark.parametrize("resume", [False, True])
def test_equal_models_have_equal_bytes(path, resume):
    """Two trainings alike give one file: it holds no time, and no name of its own."""
    other = path.with_name(f"other{path.suffix}")
    for one in (path, other):
        save_model(one, fitted(early_stopping=True, batch_norm=True), resume=resume)
    assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    "parameters",
    [
        *({"solver": solver} for solver in ("sgd", "adam", "adamw", "rmsprop", "adagrad")),
        {"early_stopping": True},
        {"dropout": 0.3, "batch_size": 7},
        {"batch_norm": True, "averaging": LastEpochs(2), "noise": 0.1},
        {"averaging": ExponentialAverage(0.9), "augmentation": Deform(rotation=9, shape=(2, 3))},
        {"adversary": VirtualAdversarial(0.5), "batch_norm": True, "batch_size": 7},
        {"learning_rate": Cosine(epochs=8)},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
        {"monitor": "loss", "random_state": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_goes_on_from_a_file(path, parameters, dtype):
    """Saved after three epochs and loaded, five more come to the weights and figures of eight without a stop."""
    generator = {"random_state": np.random.default_rng(5)} if "random_state" in parameters else {}
    whole = fitted(dtype=dtype, warm_start=True, **{**parameters, **generator, "max_iter": 8})
    generator = {"random_state": np.random.default_rng(5)} if "random_state" in parameters else {}
    model = fitted(dtype=dtype, warm_start=True, **{**parameters, **generator, "max_iter": 3})
    save_model(path, model, resume=True)
    loaded = load_model(path)["train"].set_params(max_iter=5).fit(X.astype(dtype), DIGITS)
    assert loaded.network_.params.tobytes() == whole.network_.params.tobytes()
    assert loaded.loss_curve_ == whole.loss_curve_
    assert loaded.t_ == whole.t_


def test_what_numba_trained_predicts_without_it(path, monkeypatch):
    """A model needs no compiled loops to predict; training on does, and says so."""
    save_model(path, MLPClassifier((5,), max_iter=2, random_state=0).fit(X, DIGITS).set_params(engine="numba"))
    monkeypatch.setattr("pipeline.mlp.builder.has_numba", lambda: False)
    model = load_model(path)
    assert model.predict(X).shape == DIGITS.shape
    with pytest.raises(ParameterError, match="engine must be 'auto' or 'numpy' where numba is not installed"):
        model[-1].partial_fit(X, DIGITS)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_header_says_which_engine_trained(path, engine):
    """So does the model that is read, whatever trains here; a file from before engines does not tell."""
    model = fitted()
    model.engine_ = engine
    save_model(path, model)
    assert load_model(path)["train"].engine_ == engine
    tampered(path, lambda header, _: header["state"].pop("engine"))
    loaded = load_model(path)["train"]
    assert not hasattr(loaded, "engine_")
    save_model(path, loaded)
    assert np.array_equal(load_model(path).predict(X), model.predict(X))
    assert load_model(path)["train"].set_params(engine="numpy").fit(X, DIGITS).engine_ == "numpy"


@pytest.mark.parametrize("epochs", [2, 4])
def test_training_goes_on_from_a_file_from_before_restarts(path, epochs):
    """A state that has never heard of them is in the middle of its only schedule, or at its end."""
    parameters = {"learning_rate": "cosine", "warm_start": True, "batch_size": 7, "max_iter": 4}
    model = fitted(**parameters, max_updates=epochs * 9)
    save_model(path, model, resume=True)
    tampered(path, lambda header, _: [header["state"]["training"].pop(key) for key in ("schedule_start", "reference")])
    loaded = load_model(path)["train"]
    for one in (model, loaded):
        one.set_params(max_updates=None).fit(X, DIGITS)
    assert loaded.network_.params.tobytes() == model.network_.params.tobytes()
    assert loaded.n_iter_ == (4 - epochs or 4)


@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}], ids=str)
def test_training_goes_on_from_the_weights_alone(path, parameters):
    """Without `resume` a loaded model trains on as well, the same way each time, with a new optimizer."""
    save_model(path, fitted(warm_start=True, **parameters))
    one, other = (load_model(path)["train"].fit(X, DIGITS) for _ in range(2))
    assert one.n_iter_ == 2
    assert len(one.loss_curve_) == 4
    assert np.array_equal(one.network_.params, other.network_.params)


def test_samples_are_counted_on_from_a_file(path):
    """As epochs are: what was seen before the file is not forgotten."""
    save_model(path, fitted())
    loaded = load_model(path).named_steps["train"].partial_fit(X, DIGITS)
    assert (loaded.t_, len(loaded.loss_curve_)) == (3 * len(X), 3)


def test_resuming_costs_size_only_where_it_is_asked_for(path):
    """The state of training is in the file with `resume` alone."""
    model, sizes = fitted(hidden_layer_sizes=(500,)), []
    for resume in (False, True):
        save_model(path, model, resume=resume)
        sizes.append(path.stat().st_size)
    lean, whole = sizes
    assert lean < 1.2 * model.network_.params.nbytes + 5000
    assert whole > 3 * model.network_.params.nbytes


def test_callbacks_are_not_in_the_file(path):
    """Whoever listens to a model stays outside of its file."""
    heard = []
    model = MLPClassifier((5,), max_iter=2, random_state=0).set_callbacks(OnEpoch(heard.append)).fit(X, DIGITS)
    save_model(path, model, resume=True)
    silent = path.with_name(f"silent{path.suffix}")
    save_model(silent, fitted(), resume=True)
    assert len(heard) == 2
    assert path.read_bytes() == silent.read_bytes()
    assert not hasattr(load_model(path)["train"], "_skl_callbacks")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")
def test_the_file_may_be_read_as_any_new_file(path):
    """Its mode is that of a file made by `open`, not a temporary file's."""
    save_model(path, fitted())
    (path.parent / "plain").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((path.parent / "plain").stat().st_mode)


def test_an_old_file_is_replaced_whole_or_not_at_all(path, monkeypatch):
    """Where writing fails, the old model is there as it was, and nothing else is."""
    save_model(path, fitted())
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_model(path, fitted(max_iter=5))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (MLPClassifier(), NotFittedError, "not fitted"),
        (Pipeline([("a", Normalize()), ("b", MLPClassifier())]), NotFittedError, "not fitted"),
        (LogisticRegression(), TypeError, "a model file holds an MLPClassifier"),
        (Pipeline([("a", LogisticRegression())]), TypeError, "a model file holds an MLPClassifier"),
        (None, TypeError, "got None"),
    ],
)
def test_what_is_no_fitted_model_is_not_saved(path, model, error, message):
    """Of another kind, or not fitted: nothing is written."""
    with pytest.raises(error, match=message):
        save_model(path, model)
    assert not path.exists()


def test_a_file_that_cannot_be_opened_is_no_damaged_model(archive):
    """It is missing; the system says so itself."""
    with pytest.raises(FileNotFoundError):
        load_model(archive)


class Bomb:
    """Something that must never be unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def zipped(*names):
    """Return the bytes of a ZIP archive of files of these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


def saved(**arrays):
    """Return the bytes of an archive of arrays, pickled where they have to be."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def as_npy(array):
    """Return the bytes of a single array."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"<!doctype html>",
        b"\x93NUMPY\x01\x00",
        as_npy(np.zeros(3)),
        pickle.dumps(Bomb()),
        saved(header=np.array([Bomb()], dtype=object)),
        saved(other=np.zeros(3)),
        saved(header=np.frombuffer(b"{", np.uint8)),
        saved(header=np.frombuffer(b"[1]", np.uint8)),
        saved(header=np.frombuffer(b"\xff\xfe", np.uint8)),
        saved(header=np.frombuffer(b"[" * 100_000, np.uint8)),
        saved(),
    ],
    ids=str,
)
def test_what_is_no_model_is_refused(archive, content):
    """Nothing, a page, an array, a pickle, another archive: one clear line, and no pickle is opened."""
    archive.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.npz is no model file") as caught:
        load_model(archive)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith("Expected is one that `python -m pipeline train` or save_model wrote")
    assert not re.search("allow_pickle|KeyError|BadZipFile|Error:", message)


def joblib_dumped(compress):
    """Return what joblib writes."""
    file = io.BytesIO()
    joblib.dump({"a": np.zeros(3)}, file, compress=compress)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"train:\n  max_iter: 12\n", "it is a text file"),
        ("größe: 1".encode() * 20, "it is a text file"),
        (b'{"a": 1}', "it is a JSON message"),
        (b"<!doctype html>", "it is an HTML or XML page"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "it is a PNG image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "it is a JPEG image"),
        (pickle.dumps({"a": 1}), "it is a pickle"),
        (joblib_dumped(0), "it is a pickle"),
        (joblib_dumped(3), "it is compressed with zlib"),
        (joblib_dumped(("gzip", 3)), "it is a file compressed with gzip"),
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
        (b"\x00\x00\x08\x03\x00\x00\x00\x01", "it is an IDX file"),
        (as_npy(np.zeros(3)), "it is a single NumPy array"),
        (saved(weights=np.zeros(3), other=np.zeros(2)), "it is an archive of weights, other, without a header"),
        (saved(), "it is an archive of nothing, without a header"),
        (zipped("config.json", "model.weights.h5", "metadata.json"), "it is a model of Keras"),
        (zipped("net/data.pkl", "net/version"), "it is a file of PyTorch"),
        (saved(header=np.array([Bomb()], dtype=object)), "it holds pickled objects, which are never opened"),
        (b"PK\x03\x04 and no more", "its archive is damaged or cut short"),
        (saved(header=np.frombuffer(b"{}", np.uint8))[:-30], "its archive is damaged or cut short"),
        (saved(header=np.frombuffer(b"{", np.uint8)), "its header cannot be read"),
        (bytes([7, 1, 250, 0, 9]), "it is of no kind that is known here"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_model_is_told_by_its_kind(archive, content, words):
    """The message says what the file is, whatever its name says."""
    archive.write_bytes(content)
    with pytest.raises(ModelFileError, match=re.escape(f"is no model file: {words}")):
        load_model(archive)


def test_a_folder_is_no_model(archive):
    """A folder is told as one, and the model in it is pointed at."""
    with pytest.raises(ModelFileError, match=r"it is a folder\."):
        load_model(archive.parent)
    archive.touch()
    with pytest.raises(ModelFileError, match=r"it is a folder; did you mean .*model\.npz\?"):
        load_model(archive.parent)


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_other_format_versions_are_refused(path, version):
    """The error says which version it is, and which can be opened."""
    save_model(path, fitted())
    tampered(path, lambda header, _: header.update(format_version=version))
    with pytest.raises(ModelFileError, match=rf"has format version {version!r}; this version opens {FORMAT_VERSION}"):
        load_model(path)


TAMPERINGS = {
    "no parameters": lambda header, _: header.pop("parameters"),
    "parameters in a list": lambda header, _: header.update(parameters=[1]),
    "an unknown parameter": lambda header, _: header["parameters"].update(colour="red"),
    "a wrong value": lambda header, _: header["parameters"].update(dropout=2),
    "other layers": lambda header, _: header["parameters"].update(hidden_layer_sizes=[6]),
    "layers beyond all memory": lambda header, _: header["parameters"].update(hidden_layer_sizes=[10**9, 10**9]),
    "rates for other layers": lambda header, _: header["parameters"].update(dropout=[0.1]),
    "no state": lambda header, _: header.update(state=None),
    "another kind of labels": lambda header, _: header["state"].update(y_type="binary"),
    "an unknown kind of labels": lambda header, _: header["state"].update(y_type="colour"),
    "an engine that there is not": lambda header, _: header["state"].update(engine="auto"),
    "engines in a list": lambda header, _: header["state"].update(engine=["numpy"]),
    "no outputs": lambda header, _: header["state"].update(n_outputs_=0),
    "features in words": lambda header, _: header["state"].update(n_features_in_="six"),
    "a history of columns unlike": lambda header, _: header["state"]["history"].update(loss=[1]),
    "half a history": lambda header, _: header["state"]["history"].pop("loss"),
    "half a normaliser": lambda header, _: header.update(normalize={"method": "unit"}),
    "another normaliser": lambda header, _: header.update(normalize=Normalize().fit(np.ones((1, 99))).get_state()),
    "half a training": lambda header, _: header["state"]["training"].pop("generator"),
    "a broken generator": lambda header, _: header["state"]["training"].update(generator={"state": 1}),
    "200,000 layers": lambda header, _: header["parameters"].update(hidden_layer_sizes=[1] * 200_000),
    "names of other features": lambda header, _: header["state"].update(feature_names=["a"]),
    "a loss in words": lambda header, _: header["state"].update(loss_="small"),
    "a loss beyond a float": lambda header, _: header["state"].update(loss_=10**400),
    "half an epoch": lambda header, _: header["state"].update(n_iter_=1.5),
    "true epochs": lambda header, _: header["state"].update(n_iter_=True),
    "a history in words": lambda header, _: header["state"]["history"].update(score=["a", "b"]),
    "a rate in words": lambda header, _: header["state"]["training"].update(learning_rate="fast"),
    "a long word": lambda header, _: header["parameters"].update(solver="x" * 10**6),
    "a long name": lambda header, _: header["parameters"].update({"\x1b[31m" * 1000: 1}),
    "a rate beyond a float": lambda header, _: header["parameters"].update(alpha=10**400),
    "a rate without an end": lambda header, _: header["parameters"].update(alpha={"number": "Infinite"}),
    "depths": lambda header, _: header["parameters"].update(alpha=nested(500)),
}
OTHER_ARRAYS = {
    "no params": lambda _, arrays: arrays.pop("params"),
    "fewer params": lambda _, arrays: arrays.update(params=arrays["params"][:-1]),
    "one number for all": lambda _, arrays: arrays.update(params=np.zeros(1)),
    "whole numbers": lambda _, arrays: arrays.update(params=arrays["params"].astype(int)),
    "words for params": lambda _, arrays: arrays.update(params=arrays["params"].astype(str)),
    "no classes": lambda _, arrays: arrays.pop("classes"),
    "too few classes": lambda _, arrays: arrays.update(classes=arrays["classes"][:2]),
    "a shorter memory": lambda _, arrays: arrays.update(optimizer_m=np.zeros(3)),
    "weights that are no numbers": lambda _, arrays: arrays["params"].fill(np.nan),
    "infinite weights": lambda _, arrays: arrays["params"].fill(np.inf),
    "the best ones infinite": lambda _, arrays: arrays["best_params"].fill(np.inf),
    "classes in two dimensions": lambda _, arrays: arrays.update(classes=arrays["classes"][:, np.newaxis]),
    "classes in none": lambda _, arrays: arrays.update(classes=arrays["classes"][0]),
    "classes alike": lambda _, arrays: arrays["classes"].fill(1),
    "classes without a number": lambda _, arrays: arrays.update(classes=np.array([0, 1, np.nan])),
    "classes without a date": lambda _, arrays: arrays.update(classes=np.array(["NaT", 1, 2], "M8[D]")),
    "complex classes": lambda _, arrays: arrays.update(classes=arrays["classes"] * 1j),
    "one more array": lambda _, arrays: arrays.update(more=np.zeros(3)),
}


def nested(depth):
    """Return a list in a list in a list."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_does_not_hold_together_is_refused(path, tampering):
    """A header that was changed is told in one line that names the file."""
    check_tampered(path, TAMPERINGS[tampering])


@pytest.mark.parametrize("tampering", OTHER_ARRAYS)
def test_arrays_that_do_not_fit_are_refused(archive, tampering):
    """So is an array that is another than the header asks for, or is no number."""
    check_tampered(archive, OTHER_ARRAYS[tampering])


def check_tampered(path, change):
    """See that a changed model is refused as one that does not hold together."""
    save_model(path, fitted(), resume=True)
    tampered(path, change)
    with pytest.raises(ModelFileError, match=r"model\.\w* does not hold together: .") as caught:
        load_model(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300 + len(str(path))


def rewritten(path, method=zipfile.ZIP_STORED, change=lambda name, content: [(name, content)]):
    """Write an archive anew, in another way: each member as ``change`` has it."""
    with zipfile.ZipFile(path) as archive:
        members = [(one.filename, archive.read(one)) for one in archive.infolist()]
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            for new in change(name, content):
                archive.writestr(*new)


def test_an_archive_that_was_packed_anew_is_read(archive):
    """As NumPy's ``savez_compressed`` packs it."""
    model = fitted()
    save_model(archive, model)
    rewritten(archive, zipfile.ZIP_DEFLATED)
    assert np.array_equal(load_model(archive).predict_proba(X), model.predict_proba(X))


REPACKED = {
    "bzip2": {"method": zipfile.ZIP_BZIP2},
    "lzma": {"method": zipfile.ZIP_LZMA},
    "twice": {"change": lambda name, content: [(name, content)] * 2},
    "twice, but for the end": {"change": lambda name, content: [(name, content), (name.removesuffix(".npy"), content)]},
    "too much": {"change": lambda name, content: [(name, content + b"\0")]},
    "too little": {"change": lambda name, content: [(name, content[:-1])]},
    "too many": {"change": lambda name, content: [(name, content), *((f"{name}{n}", b"") for n in range(1000))]},
}


@pytest.mark.parametrize("how", REPACKED.values(), ids=REPACKED)
def test_an_archive_of_another_kind_is_refused(archive, how):
    """Compressed as NumPy never does, with a member twice, or of another size than it announces, or endlessly many."""
    save_model(archive, fitted())
    rewritten(archive, **how)
    with pytest.raises(ModelFileError) as caught:
        load_model(archive)
    assert len(str(caught.value)) <= 300 + len(str(archive))


def test_zeros_that_take_a_thousandth_of_their_room_are_refused(archive):
    """A network of zeros would be no harm but for its size: weights that were learned cannot be packed like that."""
    save_model(archive, fitted())
    sizes = 10**4, 10**3
    n_params = 6 * sizes[0] + sizes[0] * sizes[1] + sizes[1] * 3 + sum(sizes) + 3

    def grow(header, arrays):
        header["parameters"].update(hidden_layer_sizes=sizes)
        arrays["params"] = np.zeros(n_params)

    tampered(archive, grow)
    assert load_model(archive)["train"].network_.params.size == n_params
    rewritten(archive, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match=r"params would take 80\d* bytes, and 16\d* are allowed for"):
        load_model(archive)


def test_a_caller_may_allow_for_less(path):
    """What all arrays may take together is a parameter."""
    save_model(path, fitted())
    with pytest.raises(ModelFileError, match=r"(header would take|it has) \d* bytes, and 100 are allowed for"):
        load_model(path, max_bytes=100)


def test_a_header_is_strict_json(path):
    """Infinity is a mapping, which any reader of JSON has a word for; it comes back as it was."""
    save_model(path, fitted(n_iter_no_change=np.inf, early_stopping=True))
    header, _ = contents(path, parse_constant=pytest.fail)
    assert header["parameters"]["n_iter_no_change"] == {"number": "Infinity"}
    assert load_model(path)["train"].n_iter_no_change == np.inf


def test_a_file_from_before_strictness_is_read(path):
    """Its header has the words of Python's own JSON."""
    save_model(path, fitted(), resume=True)

    def be_older(header, _):
        header["parameters"]["n_iter_no_change"] = np.inf
        header["state"]["training"]["best"] = -np.inf
        header["state"]["history"]["validation_loss"] = [np.nan, np.nan]

    tampered(path, be_older)
    loaded = load_model(path)["train"]
    assert (loaded.n_iter_no_change, loaded._trainer.stopping.best) == (np.inf, -np.inf)
    assert np.isnan(loaded.history_["validation_loss"]).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_layer_sizes": (9,)},
        {"hidden_layer_sizes": ()},
        {"activation": "tanh"},
        {"bias": False},
        {"batch_norm": True},
        {"feature_scale": True},
        {"loss": "poisson"},
        {"loss": "quantile", "quantile": (0.1, 0.9)},
        {"loss": "nonsense"},
    ],
    ids=str,
)
def test_parameters_of_another_network_are_not_saved(path, changes):
    """Those that were set after `fit` would make a file that cannot be opened, or one that predicts otherwise."""
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X, X[:, 0]).set_params(**changes)
    with pytest.raises(ValueError, match=r"after fit ask for|outputs for 1 targets|loss must be") as caught:
        save_model(path, model, resume=True)
    assert len(str(caught.value).splitlines()) == 1
    assert not path.exists()


@pytest.mark.parametrize("changes", [{"dropout": 0.5}, {"noise": 0.5}, {"solver": "sgd"}, {"max_iter": 7}], ids=str)
def test_parameters_of_the_next_training_are_saved(path, changes):
    """What was set after `fit` and matters in training alone makes the same predictions from a file."""
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X, X[:, 0]).set_params(**changes)
    save_model(path, model)
    loaded = load_model(path)
    assert np.array_equal(loaded.predict(X), model.predict(X))
    assert loaded["train"].get_params()[next(iter(changes))] == next(iter(changes.values()))


CHANGES = {
    "adam": [
        {"solver": "sgd"},
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "adamw"},
        {"solver": "rmsprop", "learning_rate_init": 0.01},
        {"solver": "lbfgs"},
        {"beta_1": 0.5},
        {"learning_rate": "cosine"},
        {"learning_rate_init": 0.1},
        {"monitor": "score"},
        {"averaging": ExponentialAverage()},
        {"averaging": LastEpochs(2)},
        {"rate_factors": RateFactors(bias=0.1)},
        {"alpha": 0.1, "max_norm": 1.0},
        {"label_smoothing": 0.1},
        {"batch_size": 9, "shuffle": False},
        {"early_stopping": True, "validation_fraction": 0.2},
    ],
    "sgd": [{"solver": "adam"}, {"momentum": 0.0}, {"learning_rate": "adaptive"}],
    "lbfgs": [{"solver": "adam"}, {"solver": "sgd"}],
}


@pytest.mark.parametrize(
    ("solver", "changes"), [(solver, one) for solver, several in CHANGES.items() for one in several], ids=str
)
def test_training_goes_on_as_without_the_file_whatever_was_set_in_between(path, solver, changes):
    """A solver, schedule or average that was set after `fit` begins anew, and the weights come out the same."""
    model = fitted(solver=solver, warm_start=True, max_iter=3).set_params(**changes)
    before = model.network_.params.copy()
    save_model(path, model, resume=True)
    loaded = load_model(path)["train"]
    assert loaded.network_.params.tobytes() == model.network_.params.tobytes() == before.tobytes()
    for one in (model, loaded):
        one.fit(X, DIGITS)
    assert loaded.network_.params.tobytes() == model.network_.params.tobytes()
    assert loaded.history_["loss"] == model.history_["loss"]
    assert len(loaded.history_["loss"]) > 3


@pytest.mark.parametrize("changes", [{}, {"solver": "sgd"}, {"averaging": LastEpochs(2)}], ids=str)
def test_a_saved_model_is_as_it_was(path, changes):
    """To save is no step of training: with a file in between or without, it goes on alike."""
    one, other = (fitted(warm_start=True).set_params(**changes) for _ in range(2))
    save_model(path, one, resume=True)
    for model in (one, other):
        model.fit(X, DIGITS)
    assert one.network_.params.tobytes() == other.network_.params.tobytes()


def test_what_an_average_has_come_to_is_dropped_with_it(path):
    """No array is left in the file that its parameters do not ask for."""
    model = fitted(averaging=LastEpochs(2)).set_params(averaging=None, solver="sgd")
    save_model(path, model, resume=True)
    _, arrays = contents(path)
    of_training = {name: array for name, array in arrays.items() if name.startswith(("optimizer_", "average_"))}
    assert list(of_training) == ["optimizer_v"]
    assert not of_training["optimizer_v"].any()


@pytest.mark.parametrize("change", ["weights", "layers"])
def test_what_could_not_be_opened_is_not_saved(path, change):
    """Nothing is written that `load_model` refuses."""
    model = fitted()
    if change == "weights":
        model.coefs_[0][0, 0] = np.nan
    else:
        model.hidden_layer_sizes = (1,) * 1001
    with pytest.raises(ValueError, match=r"params must be finite|1001 hidden layers"):
        save_model(path, model)
    assert not path.exists()


def test_a_damaged_file_is_refused_or_does_not_matter(path):
    """With any byte turned over, or cut off anywhere, a file is refused, or (where nobody reads it) opens the same."""
    model = fitted()
    save_model(path, model)
    whole, places = path.read_bytes(), np.random.default_rng(0)
    for place in places.integers(len(whole), size=150):
        for content in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            path.write_bytes(content)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # NumPy and zipfile may wonder at what they find
                    loaded = load_model(path)
            except ModelFileError:
                continue
            assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_the_file_is_an_archive_of_plain_arrays(archive):
    """Anybody can read it with NumPy alone: a header in JSON, labels, and numbers."""
    save_model(archive, fitted())
    assert zipfile.is_zipfile(archive)
    with np.load(archive, allow_pickle=False) as file:
        assert sorted(file.files) == ["classes", "header", "params"]
        assert json.loads(file["header"].tobytes())["format_version"] == FORMAT_VERSION


# ---------------------------------------------------------------- regressors

PIXELS = (255 * X / X.max()).astype(np.uint8)
NUMBERS = {"one": 30 + 9 * X[:, 0], "several": np.stack([X[:, 0], 100 * X[:, 1]], axis=1)}


def regressor(**parameters):
    """Return a small regressor."""
    return MLPRegressor(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, **parameters})


def standardized(model, **how):
    """Return a model with its targets standardized around it."""
    return TransformedTargetRegressor(model, transformer=StandardScaler(**how))


REGRESSORS = {
    "alone": regressor,
    "after a normaliser": lambda: make_pipeline(Normalize(), regressor()),
    "in a pipeline of its own": lambda: make_pipeline(regressor()),
    "standardized": lambda: standardized(regressor()),
    "standardized around a pipeline": lambda: standardized(make_pipeline(Normalize(), regressor())),
    "standardized in a pipeline": lambda: make_pipeline(Normalize(), standardized(regressor())),
    "by the mean alone": lambda: standardized(regressor(), with_std=False),
    "by the deviation alone": lambda: standardized(regressor(), with_mean=False),
    "by neither": lambda: standardized(regressor(), with_mean=False, with_std=False),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("targets", NUMBERS)
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_comes_back(path, name, targets, dtype):
    """With its normaliser and the scaling of its targets it predicts the same bytes, and is written as the same."""
    samples = PIXELS.astype(dtype)
    model = REGRESSORS[name]().fit(samples, NUMBERS[targets])
    save_model(path, model)
    loaded = load_model(path)
    expected, found = model.predict(samples), loaded.predict(samples)
    assert (found.shape, found.dtype, found.tobytes()) == (expected.shape, expected.dtype, expected.tobytes())
    assert loaded.score(samples, NUMBERS[targets]) == model.score(samples, NUMBERS[targets])
    again = path.with_name(f"again{path.suffix}")
    save_model(again, loaded)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_regressor_goes_on_from_a_file(path, solver):
    """Training that was saved with `resume` goes on as if nothing had been."""
    options = {"solver": solver, "max_iter": 2, "warm_start": True}
    model = regressor(**options).fit(X, NUMBERS["one"])
    save_model(path, model, resume=True)
    loaded = load_model(path)["train"]
    assert (loaded.t_, loaded.loss_curve_, loaded.n_iter_) == (model.t_, model.loss_curve_, model.n_iter_)
    for each in (model, loaded):
        each.fit(X, NUMBERS["one"])
    if solver == "adam":  # L-BFGS remembers nothing
        assert loaded.predict(X).tobytes() == model.predict(X).tobytes()


def test_a_classifiers_file_does_not_say_that_it_is_one(path):
    """Its bytes are those of before there were regressors."""
    save_model(path, fitted())
    header, _ = contents(path)
    assert sorted(set(header) - {"classes", "crc32"}) == ["format_version", "normalize", "parameters", "state"]


@pytest.mark.parametrize(
    "model",
    [
        TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp),
        TransformedTargetRegressor(regressor(), transformer=MinMaxScaler()),
        TransformedTargetRegressor(regressor()),
    ],
)
def test_targets_scaled_in_another_way_are_refused(path, model):
    """What a file has no words for is told by its name, and nothing is written."""
    model.fit(X, NUMBERS["one"])
    with pytest.raises(TypeError, match="must be scaled by a StandardScaler; got a TransformedTargetRegressor with"):
        save_model(path, model)
    assert not path.exists()


def test_a_foreign_regressor_is_refused(path):
    """Nor is scikit-learn's own regressor one for a file, however its targets are scaled."""
    model = TransformedTargetRegressor(Ridge(), transformer=StandardScaler()).fit(X, NUMBERS["one"])
    with pytest.raises(TypeError, match="a model file holds an MLPClassifier or MLPRegressor"):
        save_model(path, model)


REGRESSOR_TAMPERINGS = {
    "an estimator that there is not": lambda header: header.update(estimator="Ridge"),
    "estimators in a list": lambda header: header.update(estimator=["MLPRegressor"]),
    "a classifier after all": lambda header: header.pop("estimator"),
    "a loss that there is not": lambda header: header["parameters"].update(loss="hinge"),
    "three quantiles": lambda header: header["parameters"].update(loss="quantile", quantile=[0.1, 0.5, 0.9]),
    "a quantile beyond 1": lambda header: header["parameters"].update(quantile=1.5),
    "no delta": lambda header: header["parameters"].update(delta=0),
    "no number of targets": lambda header: header["state"].pop("n_targets"),
    "two targets": lambda header: header["state"].update(n_targets=2),
    "no target": lambda header: header["state"].update(n_targets=0),
    "half a target": lambda header: header["state"].update(n_targets=1.5),
    "true targets": lambda header: header["state"].update(n_targets=True),
    "a target in words": lambda header: header["state"].update(n_targets="one"),
    "two outputs": lambda header: header["state"].update(n_targets=2, n_outputs_=2),
    "no word on the scaling": lambda header: header.pop("targets"),
    "a scaling in a list": lambda header: header.update(targets=[1, 2]),
    "half a scaling": lambda header: header["targets"].pop("mean"),
    "a mean in words": lambda header: header["targets"].update(mean=["a"]),
    "a true mean": lambda header: header["targets"].update(mean=[True]),
    "a mean that is no number": lambda header: header["targets"].update(mean=[{"number": "NaN"}]),
    "a mean beyond a float": lambda header: header["targets"].update(mean=[10**400]),
    "means of several": lambda header: header["targets"].update(mean=[1.0, 2.0]),
    "no scale": lambda header: header["targets"].update(scale=[0.0]),
    "a scale below 0": lambda header: header["targets"].update(scale=[-1.0]),
    "a scale that is missing": lambda header: header["targets"].update(scale=None),
    "a mean that is missing": lambda header: header["targets"].update(mean=None),
    "a scale beside none": lambda header: header["targets"].update(with_std=False),
    "a scale perhaps": lambda header: header["targets"].update(with_std=1),
    "a mean perhaps": lambda header: header["targets"].update(with_mean=None),
    "three dimensions": lambda header: header["targets"].update(n_dims=3),
    "true dimensions": lambda header: header["targets"].update(n_dims=True),
    "no samples": lambda header: header["targets"].update(n_samples=0),
    "many samples": lambda header: header["targets"].update(n_samples=10**30),
}


@pytest.mark.parametrize("tampering", REGRESSOR_TAMPERINGS)
def test_a_regressor_that_does_not_hold_together_is_refused(path, tampering):
    """What makes a file a regressor's is checked like all the rest, before an array is read."""
    save_model(path, standardized(regressor()).fit(X, NUMBERS["one"]), resume=True)
    tampered(path, lambda header, _: REGRESSOR_TAMPERINGS[tampering](header))
    with pytest.raises(ModelFileError, match=r"model\.\w* does not hold together: .") as caught:
        load_model(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300 + len(str(path))
