"""A StandardScaler before a network goes into a model file with it, and what cannot be one is refused."""

import json

import numpy as np
import pytest
from model_contents import contents, write_contents
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from pipeline import MLPClassifier, MLPRegressor, Normalize, load_model, save_model
from pipeline.model_file import ModelFileError

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*a network learns targets best:UserWarning"),
]

rng = np.random.default_rng(0)
X = rng.random((60, 6)) * [1, 10, 100, 1e-3, 1, 1] + [0, 5, -300, 0, 0, 7]
X[:, 4] = 3  # a constant, whose scale is 1
LABELS = rng.integers(3, size=60)
HOW = {
    "both": {},
    "the mean alone": {"with_std": False},
    "the deviation alone": {"with_mean": False},
    "neither": {"with_mean": False, "with_std": False},
}


def classifier(**parameters):
    """Return a small classifier."""
    return MLPClassifier(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, **parameters})


def regressor():
    """Return a small regressor."""
    return MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0)


MODELS = {
    "classifier": lambda scaler: make_pipeline(scaler, classifier()),
    "regressor": lambda scaler: make_pipeline(scaler, regressor()),
    "within scaled targets": lambda scaler: TransformedTargetRegressor(
        make_pipeline(scaler, regressor()), transformer=StandardScaler()
    ),
    "before scaled targets": lambda scaler: make_pipeline(
        scaler, TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    ),
    "in a pipeline of its own": lambda scaler: make_pipeline(make_pipeline(scaler, make_pipeline(classifier()))),
    "after a normaliser": lambda scaler: make_pipeline(Normalize(), scaler, classifier()),
}


@pytest.fixture(params=["npz", "safetensors"])
def path(request, tmp_path):
    """Return where a model goes, once for each form."""
    return tmp_path / f"model.{request.param}"


def fitted(**how):
    """Return a small classifier behind a scaler."""
    return make_pipeline(StandardScaler(**how), classifier()).fit(X, LABELS)


def check_same(path, model, samples):
    """See that a model comes back from a file with the same predictions, and from that again the same bytes."""
    save_model(path, model)
    loaded = load_model(path)
    method = "predict_proba" if hasattr(model, "classes_") else "predict"
    expected, found = getattr(model, method)(samples), getattr(loaded, method)(samples)
    assert (found.shape, found.dtype, found.tobytes()) == (expected.shape, expected.dtype, expected.tobytes())
    again = path.with_name(f"again{path.suffix}")
    save_model(again, loaded)
    assert again.read_bytes() == path.read_bytes()
    return loaded


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
@pytest.mark.parametrize("name", MODELS)
def test_a_scaler_comes_back(path, name, how, dtype):
    """It scales as it did, whatever it was asked for and whatever it stands before."""
    samples = (np.abs(X) if "normaliser" in name else X).astype(dtype)
    model = MODELS[name](StandardScaler(**how)).fit(samples, LABELS)
    loaded = check_same(path, model, samples)
    steps = ["preprocess", "scale", "train"] if "normaliser" in name else ["scale", "train"]
    assert [step for step, _ in loaded.steps] == steps
    assert loaded["scale"].get_params() == StandardScaler(**how).get_params()


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_all_that_it_has_learned_comes_back(path, how):
    """So it can go on learning as well, by `partial_fit`, as if there had been no file."""
    model = fitted(**how)
    save_model(path, model)
    scaler, loaded = model[0], load_model(path)["scale"]
    for go_on in (False, True):
        if go_on:
            scaler.partial_fit(2 * X), loaded.partial_fit(2 * X)
        assert loaded.n_samples_seen_ == scaler.n_samples_seen_ == (120 if go_on else 60)
        assert loaded.n_features_in_ == 6
        for name in ("mean_", "var_", "scale_"):
            one, other = getattr(scaler, name), getattr(loaded, name)
            assert (one is None and other is None) or (one.tobytes() == other.tobytes() and one.dtype == other.dtype)


def test_a_constant_feature_has_a_scale_of_1(path):
    """It is scaled by that from a file as well, though its variance is 0."""
    loaded = check_same(path, fitted(), X)["scale"]
    assert (loaded.var_[4], loaded.scale_[4]) == (0, 1)


def test_counts_of_each_feature_come_back(path):
    """Where some were missing, or samples had weights, there is another count of each, or one that is not whole."""
    gaps = X.copy()
    gaps[:7, 1] = np.nan
    weighted = StandardScaler().fit(X, sample_weight=np.linspace(0.1, 2, 60))
    for scaler in (StandardScaler().fit(gaps), weighted):
        model = Pipeline([("a", scaler), ("b", classifier().fit(scaler.transform(X), LABELS))])
        counts = check_same(path, model, X)["scale"].n_samples_seen_
        assert np.array_equal(counts, scaler.n_samples_seen_)
        assert type(counts) is type(scaler.n_samples_seen_)


def test_sparse_samples_are_scaled_as_before(path):
    """Without the mean, which would fill them."""
    samples = sparse.csr_array(np.where(X > 3, X, 0).astype(np.float32))
    check_same(path, make_pipeline(StandardScaler(with_mean=False), classifier()).fit(samples, LABELS), samples)


def test_names_of_features_come_back(path):
    """A loaded model knows its columns, and tells of samples without names as scikit-learn does."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    loaded = check_same(path, make_pipeline(StandardScaler(), classifier()).fit(frame, LABELS), frame)
    assert loaded.feature_names_in_.tolist() == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame[list("fedcba")])


def test_samples_are_never_written_to(path):
    """A scaler that may scale in place does not from a file, which may be a stranger's."""
    save_model(path, make_pipeline(StandardScaler(copy=False), classifier()).fit(X.copy(), LABELS))
    samples = X.copy()
    load_model(path).predict(samples)
    assert np.array_equal(samples, X)


def test_training_goes_on_behind_a_scaler(path):
    """With `resume` the state of training is there beside it."""
    model = make_pipeline(StandardScaler(), classifier(warm_start=True)).fit(X, LABELS)
    save_model(path, model, resume=True)
    loaded = load_model(path)
    for each in (model, loaded):
        each.fit(X, LABELS)
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


def test_200_000_features_fit(path):
    """Their scales are arrays of the file: its header has no more of them than of six."""
    wide = np.random.default_rng(0).random((4, 200_000))
    model = make_pipeline(StandardScaler(), classifier(hidden_layer_sizes=(1,), max_iter=1)).fit(wide, [0, 1, 0, 1])
    check_same(path, model, wide)
    assert len(json.dumps(contents(path)[0])) < 10_000


@pytest.mark.parametrize(
    ("steps", "error", "message"),
    [
        ([StandardScaler(), classifier()], NotFittedError, "StandardScaler instance is not fitted"),
        ([MinMaxScaler(), classifier()], TypeError, "a Pipeline of Normalize or StandardScaler and it, .*; got "),
        ([StandardScaler(), StandardScaler(), classifier()], TypeError, "a model file holds an MLPClassifier"),
        ([StandardScaler(), Normalize(), classifier()], TypeError, "a model file holds an MLPClassifier"),
        ([type("Mine", (StandardScaler,), {})(), classifier()], TypeError, "a model file holds an MLPClassifier"),
    ],
)
def test_steps_that_no_file_holds_are_not_saved(path, steps, error, message):
    """Nothing is written of what would come back as something else."""
    with pytest.raises(error, match=message):
        save_model(path, make_pipeline(*steps))
    assert not path.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scaler: scaler.mean_.fill(np.nan), "mean of the StandardScaler must be finite"),
        (lambda scaler: scaler.scale_.fill(0), "scale of the StandardScaler must be above 0"),
        (lambda scaler: vars(scaler).update(scale_=None), "has learned no scale, which it was asked for after fit"),
        (
            lambda scaler: vars(scaler).update(var_=scaler.var_.astype(int)),
            "var .* float32 or float64 of shape .*; got int64",
        ),
        (lambda scaler: vars(scaler).update(mean_=scaler.mean_[:5]), r"mean .* of shape \(6,\); got .* of shape \(5,"),
        (lambda scaler: scaler.fit(X[:, :5]), "its StandardScaler takes 5 features, and its network 6"),
    ],
)
def test_a_scaler_that_could_not_be_opened_is_not_saved(path, change, message):
    """Nothing is written that `load_model` refuses."""
    model = fitted()
    change(model[0])
    with pytest.raises(ValueError, match=message):
        save_model(path, model)
    assert not path.exists()


def test_a_file_without_a_scaler_does_not_say_so(path):
    """Its bytes are those of before there were scalers in files."""
    save_model(path, classifier().fit(X, LABELS))
    header, arrays = contents(path)
    assert "scaler" not in header
    assert not [name for name in arrays if "scaler" in name]


def put(name, value):
    """Return what puts a value of the scaler in the place of one in the header."""
    return lambda header, _: header["scaler"].update({name: value})


def array(name, make):
    """Return what puts an array of the scaler in the place of one."""
    return lambda _, arrays: arrays.update({f"scaler_{name}": make(arrays[f"scaler_{name}"])})


HOSTILE = {
    "nothing": (lambda header, _: header.update(scaler=None), "its scaler must be a mapping; got None"),
    "a list": (lambda header, _: header.update(scaler=[0] * 10**6), "its scaler must be a mapping"),
    "half a scaler": (lambda header, _: header["scaler"].pop("with_std"), "with_std"),
    "a mean perhaps": (put("with_mean", 1), "with_mean of its scaler must be true or false; got 1"),
    "a deviation in lists": (put("with_std", [[]] * 10**5), "with_std of its scaler must be true or false"),
    "no scaler in the header": (lambda header, _: header.pop("scaler"), "'scaler_.*', which is in no model file"),
    "no names": (put("feature_names", None), "feature_names of its scaler must be 6 words"),
    "names of others": (put("feature_names", ["a"] * 10**5), "feature_names of its scaler must be 6 words"),
    "numbers for names": (put("feature_names", [1] * 6), "feature_names of its scaler must be 6 words"),
    "no mean": (lambda _, arrays: arrays.pop("scaler_mean"), "it has no scaler_mean"),
    "no count": (lambda _, arrays: arrays.pop("scaler_n_samples"), "it has no scaler_n_samples"),
    "a scale beside none": (put("with_std", False), "'scaler_.*', which is in no model file"),
    "a mean that is none": (array("mean", lambda a: a * np.nan), "mean of the StandardScaler must be finite"),
    "an infinite mean": (array("mean", lambda a: a + np.inf), "mean of the StandardScaler must be finite"),
    "an infinite scale": (array("scale", lambda a: a * np.inf), "scale of the StandardScaler must be finite"),
    "a scale of 0": (array("scale", lambda a: a * 0), "scale of the StandardScaler must be above 0"),
    "a scale below 0": (array("scale", lambda a: -a), "scale of the StandardScaler must be above 0"),
    "a variance below 0": (array("var", lambda a: -1 - a), "var of the StandardScaler must be 0 or above"),
    "a count below 0": (array("n_samples", lambda a: a - 99), "n_samples of the StandardScaler must be 0 or above"),
    "a count that is none": (array("n_samples", lambda a: a * np.nan), "n_samples of the StandardScaler must be fin"),
    "a true count": (array("n_samples", lambda a: a > 0), "scaler_n_samples holds bool"),
    "too few": (array("scale", lambda a: a[:-1]), r"scaler_scale holds float64 of shape \(5,\)"),
    "too many": (array("scale", lambda a: np.tile(a, 2)), r"scaler_scale holds float64 of shape \(12,\)"),
    "one for all": (array("scale", lambda a: a[0]), r"scaler_scale holds float64 of shape \(\)"),
    "in two dimensions": (array("mean", lambda a: a[np.newaxis]), r"scaler_mean holds float64 of shape \(1, 6\)"),
    "whole numbers": (array("mean", lambda a: a.astype(int)), "scaler_mean holds int64"),
    "halves": (array("mean", lambda a: a.astype(np.float16)), "scaler_mean holds float16"),
    "another array": (
        lambda _, arrays: arrays.update(scaler_more=np.zeros(3)),
        "'scaler_more', which is in no model file",
    ),
}


@pytest.mark.parametrize(("change", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_scaler_that_does_not_hold_together_is_refused(path, change, words):
    """In one line that names the file, and what is wrong with it."""
    save_model(path, fitted())
    header, arrays = contents(path)
    change(header, arrays)
    write_contents(path, header, arrays)
    with pytest.raises(ModelFileError, match=rf"model\.\w* does not hold together: .*{words}") as caught:
        load_model(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300 + len(str(path))


def test_a_scale_from_another_machine_is_read(tmp_path):
    """One whose numbers lie the other way round scales the same."""
    path = tmp_path / "model.npz"
    model = fitted()
    save_model(path, model)
    before = path.read_bytes()
    header, arrays = contents(path)
    arrays["scaler_mean"] = arrays["scaler_mean"].astype(">f8")
    write_contents(path, header, arrays)
    loaded = load_model(path)
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    save_model(path, loaded)
    assert path.read_bytes() == before
