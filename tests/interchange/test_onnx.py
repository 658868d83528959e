"""Models as ONNX: the same answers by onnx's own evaluator and by onnxruntime, whatever the model is made of."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import (
    MLPClassifier,
    MLPRegressor,
    Normalize,
    TestTimeAugmentation,
    load_ensemble,
    load_model,
    make_ensemble,
    save_ensemble,
    save_model,
    to_onnx,
)
from pipeline.interchange.graph import ExportError
from pipeline.interchange.onnx import label_values, signature
from pipeline.network import ACTIVATIONS

N_FEATURES, N_CLASSES = 12, 4
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (1000, N_FEATURES), np.uint8)
FLOATS = (PIXELS / 64 - 2).astype(np.float32)
LABELS = (PIXELS[:, 0] // 64).astype(int)
FEW = {"learning_rate": "cosine", "learning_rate_init": 0.02, "max_iter": 3, "engine": "numpy", "random_state": 0}
BACKENDS = ("reference", "onnxruntime")


def answers(model, X, backend):
    """Return what a graph answers."""
    if backend == "reference":
        with np.errstate(over="ignore", invalid="ignore"):  # in its sigmoid, of values that it then leaves aside
            return ReferenceEvaluator(model).run(None, {"X": X})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X})


def check_parity(model, X, backends=BACKENDS, sizes=(1, 7, 1000), **settings):
    """Hold a graph's answers against the model's own, and return the graph."""
    exported = to_onnx(model, **settings)
    labels, P = model.predict(X), model.predict_proba(X)
    for backend in backends:
        for n in sizes:
            label, probabilities = answers(exported, X[:n], backend)
            np.testing.assert_allclose(probabilities, P[:n], rtol=0, atol=1e-5)
            np.testing.assert_array_equal(label, labels[:n])
    return exported


# ---------------------------------------------------------------- parity


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_answers_alike(activation, batch_norm, dtype):
    """With and without batch normalization, in either precision, for 1, 7 and 1,000 samples."""
    model = MLPClassifier((9, 8), activation, batch_norm=batch_norm, **FEW).fit(FLOATS.astype(dtype), LABELS)
    exported = check_parity(model, FLOATS.astype(dtype))
    assert signature(exported) == (
        f"X {np.dtype(dtype)} (n, 12) -> label int64 (n), probabilities {np.dtype(dtype)} (n, 4)"
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_large_inputs_give_numbers_as_ours_do(activation):
    """No power and no exponential overflows to what is no number, where the layer itself has one."""
    model = MLPClassifier((9,), activation, **FEW).fit(FLOATS, LABELS)
    check_parity(model, FLOATS * np.float32(1e12), backends=["onnxruntime"], sizes=(1000,))


@pytest.mark.parametrize("method", ["unit", "standard"])
def test_a_normaliser_is_inside(method):
    """Raw pixels of uint8 go in, as into the pipeline; one that learned from floats takes floats."""
    model = Pipeline([("preprocess", Normalize(method)), ("train", MLPClassifier((8,), **FEW))]).fit(PIXELS, LABELS)
    exported = check_parity(model, PIXELS)
    assert signature(exported).startswith("X uint8 (n, 12)")
    check_parity(model, PIXELS.astype(np.float32), input_type="float32")
    model.fit(PIXELS / 255, LABELS)
    assert signature(check_parity(model, PIXELS / 255)).startswith("X float64 (n, 12)")


@pytest.mark.parametrize("input_type", ["auto", "uint8", "float32"])
def test_pixels_are_scaled_as_by_the_classifier(input_type):
    """``pixel_scale`` is for bytes, which are what goes in by itself; floats are taken as they are."""
    model = MLPClassifier((8,), pixel_scale=1 / 255, **FEW).fit(PIXELS, LABELS)
    X = PIXELS if input_type != "float32" else PIXELS / np.float32(255)
    assert signature(check_parity(model, X, input_type=input_type)).startswith(f"X {X.dtype}")


def test_bytes_may_go_into_a_network_that_scales_nothing():
    """They are read as the numbers that they are, in the network's precision."""
    model = MLPClassifier((8,), **FEW).fit(FLOATS, LABELS)
    check_parity(model, PIXELS, input_type="uint8")


def test_what_is_for_training_alone_is_left_out():
    """Dropout and noise of the input and of hidden layers, label smoothing, no bias: as in a prediction."""
    model = MLPClassifier((9, 8), dropout=(0.2, 0.5, 0.5), noise=0.3, label_smoothing=0.1, bias=False, **FEW)
    exported = check_parity(model.fit(FLOATS, LABELS), FLOATS)
    assert [node.op_type for node in exported.graph.node] == [
        *("Gemm", "Relu", "Gemm", "Relu", "Gemm", "Softmax", "ArgMax", "Gather", "Identity")
    ]


def test_batch_normalization_is_folded():
    """A graph has the nodes of the same network without it."""
    plain, normed = (
        to_onnx(MLPClassifier((9, 8), batch_norm=batch_norm, **FEW).fit(FLOATS, LABELS)) for batch_norm in (False, True)
    )
    assert [node.op_type for node in plain.graph.node] == [node.op_type for node in normed.graph.node]


def test_several_labels_at_once():
    """``label`` is a matrix of 0 and 1, in int64."""
    Y = (PIXELS[:, :3] > 100).astype(int)
    exported = check_parity(MLPClassifier((8,), **FEW).fit(FLOATS, Y), FLOATS)
    assert signature(exported).endswith("label int64 (n, 3), probabilities float32 (n, 3)")
    assert metadata(exported)["task"] == "multilabel"


TWO, THREE = np.arange(1000) % 2, np.arange(1000) % 3


@pytest.mark.parametrize(
    ("y", "kind", "names"),
    [
        (np.array(["dog", "cat"])[TWO], "string", ["cat", "dog"]),
        (np.array(["b", "a", "é\n"], object)[THREE], "string", ["a", "b", "é\n"]),
        (np.array([7, -3, 2**40])[THREE], "int64", [-3, 7, 2**40]),
        (TWO > 0, "int64", [False, True]),
        (THREE.astype(np.uint8), "int64", [0, 1, 2]),
        (TWO + 1.0, "int64", [1.0, 2.0]),
        (np.zeros(1000, int), "int64", [0]),
        (np.full(1000, "all"), "string", ["all"]),
    ],
    ids=["text", "objects", "integers", "booleans", "bytes", "floats", "one", "one text"],
)
def test_labels_of_every_kind(y, kind, names):
    """Whole numbers and booleans come out as int64, text as text; a class that is alone has the probability 1."""
    exported = check_parity(MLPClassifier((8,), **FEW).fit(FLOATS, y), FLOATS)
    assert f"label {kind} (n)" in signature(exported)
    assert metadata(exported)["classes"] == names


def test_dates_come_out_as_text():
    """In ISO 8601, as ``predict`` prints them."""
    y = np.array(["2020-01-01", "2021-05-06"], "datetime64[ns]")[TWO]
    exported = to_onnx(MLPClassifier((8,), **FEW).fit(FLOATS, y))
    assert set(answers(exported, FLOATS, "onnxruntime")[0]) <= {"2020-01-01", "2021-05-06"}


def test_an_ensemble_is_one_graph(tmp_path):
    """Made in Python and read from files, binary and of several classes: the mean of the members' probabilities."""
    member = Pipeline([("preprocess", Normalize()), ("train", MLPClassifier((8,), **FEW))])
    for y in (LABELS, np.array(["b", "a"])[TWO]):
        ensemble = make_ensemble(member, 3).fit(PIXELS, y)
        exported = check_parity(ensemble, PIXELS)
        save_ensemble(tmp_path, ensemble)
        assert check_parity(load_ensemble(tmp_path), PIXELS) == exported
    ensemble.weights = [1, 2, 5]
    check_parity(ensemble, PIXELS)


def test_a_normaliser_may_stand_before_an_ensemble():
    """Then it is there once."""
    ensemble = make_ensemble([MLPClassifier((8,), **FEW), MLPClassifier((4, 4), "elu", **FEW)], 2)
    model = Pipeline([("preprocess", Normalize("standard")), ("vote", ensemble)]).fit(PIXELS, LABELS)
    exported = check_parity(model, PIXELS)
    assert [node.op_type for node in exported.graph.node].count("Cast") == 1


def test_a_model_from_a_file_is_the_same_graph(tmp_path):
    """What ``load_model`` returns is exported as what was saved."""
    model = Pipeline([("preprocess", Normalize()), ("train", MLPClassifier((8,), **FEW))]).fit(PIXELS, LABELS)
    save_model(tmp_path / "model.npz", model)
    assert check_parity(load_model(tmp_path / "model.npz"), PIXELS) == to_onnx(model)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_networks_at_random_answer_alike(data):
    """Depth, widths, activations, normalization, precision, classes and what is before the network: as they come."""
    sizes = data.draw(st.lists(st.integers(1, 12), max_size=4))
    names = data.draw(st.lists(st.sampled_from(list(ACTIVATIONS)), min_size=len(sizes), max_size=len(sizes)))
    network = MLPClassifier(
        tuple(sizes),
        tuple(names),
        batch_norm=data.draw(st.booleans()),
        bias=data.draw(st.booleans()),
        dropout=data.draw(st.sampled_from([0.0, 0.3])),
        pixel_scale=data.draw(st.sampled_from([None, 1 / 255])),
        **FEW | {"max_iter": 1},
    )
    n_classes = data.draw(st.integers(1, 5))
    y = np.array(["a", "b", "c", "d", "e"])[np.arange(60) % n_classes]
    step = data.draw(st.sampled_from([None, Normalize(), Normalize("standard")]))
    X = data.draw(st.sampled_from([PIXELS[:60], FLOATS[:60], FLOATS[:60].astype(np.float64)]))
    model = network if step is None else Pipeline([("preprocess", step), ("train", network)])
    check_parity(model.fit(X, y), X, sizes=(1, 60), input_type=X.dtype.name)


# ---------------------------------------------------------------- regression


TARGETS = np.abs(FLOATS[:, :2] @ np.array([[1.0, 2.0], [0.5, -1.0]])) * 20 + 100
SCALED = (TARGETS - TARGETS.mean(axis=0)) / TARGETS.std(axis=0)
REGRESSOR = MLPRegressor(hidden_layer_sizes=(8,), **FEW)


def check_prediction(model, X, **settings):
    """Hold a graph's predictions against the model's own, to 1e-5 of their size, and return the graph."""
    exported = to_onnx(model, **settings)
    P = model.predict(X)
    for backend in BACKENDS:
        for n in (1, 7, 1000):
            [prediction] = answers(exported, X[:n], backend)
            assert prediction.shape == P[:n].shape
            np.testing.assert_allclose(prediction, P[:n], rtol=1e-5, atol=1e-5)
    assert [output.name for output in exported.graph.output] == ["prediction"]
    assert metadata(exported)["task"] == "regression"
    return exported


@pytest.mark.parametrize("n_targets", [None, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "absolute_error", "huber", "quantile"])
def test_every_loss_of_a_regressor_predicts_alike(loss, batch_norm, dtype, n_targets):
    """One target and two, in the shape of ``predict``."""
    y = SCALED[:, 0] if n_targets is None else SCALED
    y = np.abs(y) if loss == "poisson" else y
    model = clone(REGRESSOR).set_params(loss=loss, batch_norm=batch_norm)
    check_prediction(model.fit(FLOATS.astype(dtype), y), FLOATS.astype(dtype))


@pytest.mark.parametrize("y", [SCALED[:, 0], SCALED])
@pytest.mark.parametrize("quantile", [(0.1, 0.5, 0.9), (0.5,)])
def test_quantiles_have_an_axis_of_their_own(quantile, y):
    """Several, or one in a tuple; the metadata say which."""
    model = clone(REGRESSOR).set_params(loss="quantile", quantile=quantile)
    assert metadata(check_prediction(model.fit(FLOATS, y), FLOATS))["quantiles"] == list(quantile)


@pytest.mark.filterwarnings("ignore:A column-vector y was passed", "ignore:.*y has a mean of")
@pytest.mark.parametrize("scaler", [StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False)])
@pytest.mark.parametrize("y", [TARGETS[:, 0], TARGETS, TARGETS[:, :1]], ids=["one", "two", "a column"])
def test_scaled_targets_come_out_in_their_own_units(y, scaler):
    """As by ``TransformedTargetRegressor`` around a regressor, or a pipeline of one, in the shape that y had."""
    check_prediction(TransformedTargetRegressor(REGRESSOR, transformer=scaler).fit(FLOATS, y), FLOATS)
    steps = Pipeline([("preprocess", Normalize("standard")), ("train", REGRESSOR)])
    check_prediction(TransformedTargetRegressor(steps, transformer=scaler).fit(PIXELS, y), PIXELS)


def test_scaled_targets_of_quantiles_come_out_in_their_own_units():
    """The scale is that of the target, for each of its quantiles."""
    model = clone(REGRESSOR).set_params(loss="quantile", quantile=(0.25, 0.75))
    check_prediction(TransformedTargetRegressor(model, transformer=StandardScaler()).fit(FLOATS, TARGETS[:, 0]), FLOATS)


@pytest.mark.parametrize("scaler", [StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_standard_scaler_may_stand_before(dtype, scaler):
    """Of features whose mean is far beyond their deviation as well; bytes may go in."""
    X = (FLOATS / 4 + np.arange(N_FEATURES)).astype(dtype)
    X[:, 0] += 2000
    check_prediction(Pipeline([("scale", scaler), ("train", REGRESSOR)]).fit(X, SCALED[:, 0]), X)
    model = Pipeline([("scale", scaler), ("train", MLPClassifier((8,), **FEW))])
    check_parity(model.fit(PIXELS, LABELS), PIXELS, input_type="uint8")


def test_steps_may_stand_one_after_another():
    """Each scales what the one before it gives."""
    steps = [("a", Normalize()), ("b", StandardScaler()), ("c", StandardScaler()), ("train", REGRESSOR)]
    check_prediction(Pipeline(steps).fit(PIXELS, SCALED[:, 0]), PIXELS)
    scaled = TransformedTargetRegressor(Pipeline(steps), transformer=StandardScaler())
    check_prediction(Pipeline([*steps[:-1], ("train", scaled)]).fit(PIXELS, TARGETS[:, 0]), PIXELS)


def test_an_ensemble_of_regressors_is_one_graph():
    """The mean of what they predict, with weights or without."""
    member = TransformedTargetRegressor(
        Pipeline([("preprocess", Normalize()), ("train", REGRESSOR)]), transformer=StandardScaler()
    )
    ensemble = make_ensemble(member, 3).fit(PIXELS, TARGETS[:, 0])
    check_prediction(ensemble, PIXELS)
    ensemble.weights = [1, 2, 3]
    check_prediction(ensemble, PIXELS)


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_a_single_quantile_with_scaled_targets_has_the_shape_of_predict():
    """scikit-learn takes away the axis of a tuple of one quantile, where y has one dimension."""
    one = clone(REGRESSOR).set_params(loss="quantile", quantile=(0.5,))
    for y in (TARGETS[:, 0], TARGETS[:, :1]):
        check_prediction(TransformedTargetRegressor(one, transformer=StandardScaler()).fit(FLOATS, y), FLOATS)


def test_an_ensemble_of_several_quantiles_is_refused():
    """scikit-learn's mean is one over samples there."""
    member = clone(REGRESSOR).set_params(loss="quantile", quantile=(0.1, 0.9))
    ensemble = VotingRegressor([("member", member)]).fit(FLOATS, SCALED[:, 0])
    with pytest.raises(ExportError, match="a VotingRegressor of several quantiles cannot be exported"):
        to_onnx(ensemble)


def test_a_regressor_from_a_file_is_the_same_graph(tmp_path):
    """With its normaliser and its scaling of targets."""
    scaled = TransformedTargetRegressor(REGRESSOR, transformer=StandardScaler())
    model = Pipeline([("preprocess", Normalize()), ("train", scaled)]).fit(PIXELS, TARGETS)
    save_model(tmp_path / "model.npz", model)
    assert check_prediction(load_model(tmp_path / "model.npz"), PIXELS) == to_onnx(model)


# ---------------------------------------------------------------- what is in the file


def metadata(exported):
    """Return what a graph says of the model."""
    return {one.key: json.loads(one.value) for one in exported.metadata_props}


def test_a_graph_says_what_it_is():
    """Versions of the format and of this package, names of classes, number of features, and shape of the images."""
    steps = [("preprocess", Normalize()), ("train", MLPClassifier((8,), **FEW))]
    model = Pipeline(steps).fit(PIXELS, LABELS)
    model[0].image_shape_ = (3, 4)
    exported = to_onnx(model)
    assert [(one.domain, one.version) for one in exported.opset_import] == [("", 17)]
    assert (exported.ir_version, exported.producer_name) == (8, "digits-pipeline")
    assert exported.producer_version == sys.modules["pipeline"].__version__
    assert metadata(exported) == {
        "classes": [0, 1, 2, 3],
        "image_shape": [3, 4],
        "n_features": 12,
        "task": "classification",
    }


def test_names_of_features_are_told():
    """Where the model was fitted on a table."""
    pandas = pytest.importorskip("pandas")
    names = [f"x{number}" for number in range(N_FEATURES)]
    model = MLPClassifier((8,), **FEW).fit(pandas.DataFrame(FLOATS, columns=names), LABELS)
    assert metadata(to_onnx(model))["feature_names"] == names


def test_the_same_model_gives_the_same_bytes():
    """Twice, and of a copy that was trained alike."""
    first, second = (
        to_onnx(MLPClassifier((8,), **FEW).fit(FLOATS, LABELS)).SerializeToString(deterministic=True) for _ in range(2)
    )
    assert first == second


def test_the_model_is_left_as_it_is():
    """Export reads weights and writes none."""
    model = MLPClassifier((8,), batch_norm=True, **FEW).fit(FLOATS, LABELS)
    before = model.network_.snapshot()
    to_onnx(model)
    np.testing.assert_array_equal(model.network_.snapshot(), before)


# ---------------------------------------------------------------- what is refused


def test_without_onnx_the_extra_is_named(monkeypatch):
    """One error, which says what to install."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "digits-pipeline\[onnx\]" brings it'):
        to_onnx(MLPClassifier())


def test_what_has_learned_nothing_is_refused():
    """As by every estimator."""
    with pytest.raises(NotFittedError):
        to_onnx(MLPClassifier())


def test_an_input_of_another_type_is_refused():
    """The error names the types that there are."""
    with pytest.raises(ValueError, match="input_type must be one of auto, uint8, float32, float64; got 'int8'"):
        to_onnx(MLPClassifier((8,), **FEW).fit(FLOATS, LABELS), input_type="int8")


@pytest.mark.parametrize("empty", [Pipeline([("nothing", "passthrough")]), Pipeline([("a", Pipeline([("b", None)]))])])
def test_a_pipeline_of_nothing_is_refused(empty):
    """By the kind that it is."""
    with pytest.raises(ExportError, match=r"what can be exported is .*; got Pipeline"):
        to_onnx(empty)


def test_weights_that_are_no_numbers_are_refused():
    """A network that has diverged is no model."""
    model = MLPClassifier((8,), **FEW).fit(FLOATS, LABELS)
    model.network_.params[3] = np.nan
    with pytest.raises(ExportError, match="no finite numbers"):
        to_onnx(model)


def test_of_a_search_the_best_is_asked_for():
    """What it has found can be exported, the search cannot."""
    search = GridSearchCV(MLPClassifier((8,), **FEW), {"alpha": [0, 1]}, cv=2).fit(FLOATS, LABELS)
    with pytest.raises(ExportError, match=r"GridSearchCV is a search, .* export its best_estimator_"):
        to_onnx(search)
    assert check_parity(search.best_estimator_, FLOATS)


def test_test_time_augmentation_is_refused():
    """By its name, with what to do."""
    model = TestTimeAugmentation(MLPClassifier((8,), **FEW).fit(FLOATS, LABELS))
    with pytest.raises(ExportError, match=r"TestTimeAugmentation predicts deformed copies .* export the classifier"):
        to_onnx(model)


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (np.array([0.5, 1.5]), "got 0.5"),
        (np.array([np.inf, 1]), "got inf"),
        (np.array([2**63], np.uint64), "got 9223372036854775808"),
        (np.array(["a", 1], object), "got 'a'"),
    ],
)
def test_labels_that_are_neither_whole_nor_text_are_refused(classes, told):
    """The error shows the first of them."""
    with pytest.raises(ExportError, match=f"a label of ONNX is a whole number or a text.*{told}"):
        label_values(classes)


def test_the_checker_sees_every_graph(monkeypatch):
    """Types and shapes are inferred and compared before a graph is handed over."""
    seen = []
    monkeypatch.setattr(onnx.checker, "check_model", lambda *given, **settings: seen.append((*given, settings)))
    exported = to_onnx(MLPClassifier((8,), **FEW).fit(FLOATS, LABELS))
    assert seen == [(exported, {"full_check": True})]
