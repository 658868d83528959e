import json
import re
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.data.idx import write_idx
from pipeline.parameters import ParameterError
from pipeline.pixels import PixelRangeWarning
from pipeline.stages import preprocess
from pipeline.stages.base import MissingInputError, Progress
from pipeline.stages.preprocess import Normalize, OneHot, Preprocess, read_labels
from pipeline.straighten import straighten

METHODS = ["unit", "standard"]


def pixels(n=50, n_pixels=12, seed=0):
    """Return images of noise as rows of pixels."""
    return np.random.default_rng(seed).integers(256, size=(n, n_pixels), dtype=np.uint8)


def write_raw(folder, train=(20, 4, 3), test=(7, 4, 3), train_labels=None, test_labels=None):
    """Write four IDX files of noise, and return their images and labels."""
    folder.mkdir(parents=True)
    parts = {"train": ("train", train, train_labels), "test": ("t10k", test, test_labels)}
    made = {}
    for part, (stem, shape, given) in parts.items():
        images = pixels(shape[0], shape[1] * shape[2], seed=shape[0]).reshape(shape)
        labels = np.array(np.arange(shape[0]) % 5 if given is None else given, dtype=np.uint8)
        write_idx(folder / f"{stem}-images-idx3-ubyte", images)
        write_idx(folder / f"{stem}-labels-idx1-ubyte", labels)
        made[part] = images, labels
    return made


@parametrize_with_checks([made(method) for made in (Normalize, Preprocess) for method in METHODS])
def test_scikit_learn_accepts_it(estimator, check):
    """`Normalize` and `Preprocess` keep every rule of scikit-learn, with no exemption."""
    check(estimator)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_takes_255_to_exactly_1(dtype):
    """The unit method multiplies by 1/255: 0 stays 0, 255 becomes 1 without rounding, all else lies between."""
    X = np.arange(256).reshape(1, -1)
    scaled = Normalize().fit_transform(X.astype(np.uint8 if dtype == np.float32 else dtype))
    assert scaled.dtype == dtype
    assert scaled[0, 0] == 0
    assert scaled[0, 255] == 1
    assert np.array_equal(scaled, X.astype(dtype) * dtype(1 / 255))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("given", "returned"),
    [(np.uint8, np.float32), (np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float32)],
)
def test_precision(method, given, returned):
    """float64 stays float64, and all else becomes float32; X is left as it was."""
    X = pixels().astype(given)
    before = X.copy()
    scaled = Normalize(method).fit_transform(X)
    assert scaled.dtype == returned
    assert np.array_equal(X, before)
    assert not np.shares_memory(X, scaled)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_standard_gives_mean_0_and_deviation_1(dtype):
    """Over all pixels together; and the learned figures are those of the pixels, whatever type they come in."""
    X = pixels(2000)
    scaler = Normalize("standard").fit(X.astype(dtype))
    assert scaler.mean_ == pytest.approx(X.mean(), rel=1e-12)
    assert scaler.std_ == pytest.approx(X.std(), rel=1e-12)
    scaled = scaler.transform(X.astype(dtype)).astype(np.float64)
    assert scaled.mean() == pytest.approx(0, abs=1e-6)
    assert scaled.std() == pytest.approx(1, abs=1e-6)


def test_integer_sums_do_not_depend_on_the_pieces(monkeypatch):
    """uint8 is summed without rounding: pieces of any size, rows in any order, the same figures to the last bit."""
    X = pixels(3000)
    whole = Normalize("standard").fit(X).get_state()
    monkeypatch.setattr(preprocess, "PIECE", 100)
    assert Normalize("standard").fit(X[::-1]).get_state() == whole


@pytest.mark.parametrize("value", [0, 7, 255])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_images_of_one_grey(value, dtype):
    """Where all pixels are alike there is no deviation to divide by, and the result is 0."""
    X = np.full((50, 30), value, dtype=dtype)
    assert not Normalize("standard").fit_transform(X).any()


def test_rounding_makes_no_deviation():
    """0.1 many times over has a mean that is not quite 0.1; that is no deviation to divide by."""
    assert not Normalize("standard").fit_transform(np.full((1000, 7), 0.1)).any()


@pytest.mark.parametrize("method", METHODS)
def test_inverse_transform_brings_pixels_back(method):
    """Up to rounding, and so exactly where they are rounded to whole numbers again."""
    X = pixels()
    scaler = Normalize(method).fit(X)
    back = scaler.inverse_transform(scaler.transform(X))
    assert back.dtype == np.float32
    assert np.array_equal(back.round().astype(np.uint8), X)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [Normalize, Preprocess])
def test_state_goes_through_json(kind, method):
    """What was learned survives JSON: the normaliser that comes back transforms to the same bits."""
    X = pixels()
    scaler = kind(method).fit(X)
    restored = Normalize.from_state(json.loads(json.dumps(scaler.get_state())))
    assert np.array_equal(restored.transform(X), scaler.transform(X))
    assert restored.get_params() == scaler.get_params()
    with pytest.raises(ValueError, match="12 features"):
        restored.transform(X[:, 1:])


GEOMETRY = [{"deslant": True}, {"ink_width": 3}, {"deslant": True, "ink_width": 3}]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_images_are_straightened_before_they_are_scaled(method, geometry, dtype):
    """With geometry, the result is that of the plain method on straightened pixels, which it learns from as well."""
    X = pixels(n_pixels=16)
    plain, straight = Normalize(method), straighten(X, **geometry)
    scaler = Normalize(method, **geometry).fit(X.astype(dtype))
    scaled = scaler.transform(X.astype(dtype))
    assert np.array_equal(scaled, plain.fit_transform(straight.astype(dtype)))
    assert scaled.dtype == np.result_type(dtype, np.float32)
    assert vars(scaler).items() >= {"scale_": plain.scale_, "shift_": plain.shift_}.items()
    assert np.array_equal(scaler.inverse_transform(scaled).round(), straight)
    assert not np.array_equal(straight, X)


@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
@pytest.mark.parametrize("kind", [Normalize, Preprocess])
def test_geometry_goes_through_json_and_clone(kind, geometry):
    """Both parameters are in the state where they were set, and nowhere else; a clone has them, too."""
    X = pixels(n_pixels=16)
    scaler = kind("standard", **geometry).fit(X)
    state = json.loads(json.dumps(scaler.get_state()))
    restored = Normalize.from_state(state)
    assert {name: state[name] for name in ("deslant", "ink_width") if name in state} == geometry
    assert np.array_equal(restored.transform(X), scaler.transform(X))
    assert restored.get_params() == clone(scaler).get_params() == scaler.get_params()
    assert scaler.get_params() == {"method": "standard", "deslant": False, "ink_width": None} | geometry


def test_geometry_of_numpys_own_types_goes_through_json():
    """What a search over an array hands over is saved as well."""
    scaler = Normalize(deslant=np.True_, ink_width=np.int64(3)).fit(pixels(n_pixels=16))
    assert json.loads(json.dumps(scaler.get_state())).items() >= {"deslant": True, "ink_width": 3}.items()


@pytest.mark.parametrize(
    "change",
    [{"deslant": 1}, {"deslant": False}, {"ink_width": 5}, {"ink_width": 1}, {"ink_width": None}, {"n_features": 12}],
    ids=str,
)
def test_a_state_with_other_geometry_is_refused(change):
    """A state is refused where images of its size cannot be straightened so, or where it says what goes unsaid."""
    state = Normalize(deslant=True, ink_width=3).fit(pixels(n_pixels=16)).get_state() | change
    with pytest.raises(ValueError, match="not the state of a Normalize"):
        Normalize.from_state(state)


@pytest.mark.parametrize(
    ("geometry", "n_pixels", "message"),
    [
        ({"deslant": True}, 12, "square images; 12 pixels make no square"),
        ({"ink_width": 5}, 16, "ink_width must be 2 at least, and at most 4, as the images are wide; got 5"),
        ({"ink_width": 1}, 16, "ink_width must be an integer >= 2 or null; got 1"),
        ({"deslant": "yes"}, 16, "deslant must be true or false; got 'yes'"),
    ],
)
def test_geometry_that_cannot_be_is_refused_when_fitting(geometry, n_pixels, message):
    """Images that are no squares, and ink wider than they are or next to nothing, are refused by name."""
    with pytest.raises(ValueError, match=message):
        Normalize(**geometry).fit(pixels(n_pixels=n_pixels))


def test_geometry_takes_raw_pixels_alone():
    """Pixels that were scaled before are refused, where ink would not be found; without geometry, they are taken."""
    X = pixels(n_pixels=16) / 255
    assert Normalize().fit_transform(X).any()
    with pytest.raises(ValueError, match=r"whole numbers on 0\.\.255"):
        Normalize(deslant=True).fit_transform(X)


def test_state_keeps_the_names_of_columns():
    """A normaliser that was fitted on named columns still knows them."""
    scaler = Normalize().fit(pixels(n_pixels=2))
    scaler.feature_names_in_ = np.array(["left", "right"], dtype=object)
    restored = Normalize.from_state(json.loads(json.dumps(scaler.get_state())))
    assert restored.feature_names_in_.tolist() == ["left", "right"]


@pytest.mark.parametrize(
    "change",
    [
        {"method": "other"},
        {"method": None},
        {"n_features": 0},
        {"n_features": 2.5},
        {"scale": 0.5},
        {"shift": float("nan")},
        {"std": -1.0, "scale": -1.0},
        {"std": float("inf")},
        {"mean": "high"},
        {"mean": None},
        {"more": 1},
    ],
    ids=str,
)
def test_a_state_that_was_tampered_with_is_refused(change):
    """A state that no fit can have left is refused in one line that shows it."""
    state = Normalize("standard").fit(pixels()).get_state() | change
    with pytest.raises(ValueError, match="not the state of a Normalize"):
        Normalize.from_state(state)


@pytest.mark.parametrize("state", [[], None, "unit", 5], ids=str)
def test_a_state_of_another_kind_is_refused(state):
    """What is no mapping at all is refused in the same line."""
    with pytest.raises(ValueError, match="not the state of a Normalize"):
        Normalize.from_state(state)


def test_a_state_of_an_earlier_version_is_read():
    """One without the range and the looks of what was learned from is on 0..255, and transforms to the same bits."""
    scaler = Normalize("standard").fit(X := pixels())
    state = {name: value for name, value in scaler.get_state().items() if name != "images"}
    assert "full_scale" not in state
    restored = Normalize.from_state(state)
    assert restored.get_state() == state
    assert restored.full_scale_ == 255
    assert np.array_equal(restored.transform(X), scaler.transform(X))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("largest", [1, 16, 100])
def test_values_decide_and_not_their_type(method, largest, dtype):
    """The range is learned from the values: any type gives the same figures, and full brightness becomes 1."""
    X = np.random.default_rng(0).integers(largest + 1, size=(50, 12))
    scaler, plain = Normalize(method).fit(X.astype(dtype)), Normalize(method).fit(X)
    assert scaler.full_scale_ == plain.full_scale_ == {1: 1, 16: 16, 100: 255}[largest]
    assert np.allclose(scaler.transform(X.astype(dtype)), plain.transform(X), rtol=1e-6, atol=1e-6)
    assert json.loads(json.dumps(scaler.get_state())) == Normalize.from_state(scaler.get_state()).get_state()
    if method == "unit":
        assert scaler.transform(X.astype(dtype)).max() == pytest.approx(largest / scaler.full_scale_)


@pytest.mark.parametrize("scale", [1, 16, 255, 65535])
def test_images_on_every_scale_come_to_the_same(scale):
    """0..1, 0..16, 0..255 and 16 bits are the same images."""
    share = np.random.default_rng(0).random((50, 12))
    share[0, 0] = 1
    assert np.allclose(Normalize().fit_transform(share * scale), share)


@pytest.mark.parametrize(
    ("learned", "given", "told"),
    [
        (255, 1, "up to 1, where fit saw pixels on 0..255: is X scaled already?"),
        (255, 16, "up to 16, where fit saw pixels on 0..255: is X scaled already?"),
        (1, 255, "up to 255, where fit saw pixels on 0..1: was fit given scaled images?"),
        (16, 255, "up to 255, where fit saw pixels on 0..16: was fit given scaled images?"),
        (255, 65535, "up to 65535, where fit saw pixels on 0..255: was fit given scaled images?"),
    ],
)
def test_another_scale_than_that_of_fit_is_warned_of(learned, given, told):
    """Pixels that contradict what was learned are transformed all the same, with a warning of one line."""
    images = pixels() / 255
    images[0, 0] = 1
    scaler = Normalize().fit(images * learned)
    with pytest.warns(PixelRangeWarning, match=re.escape(told)) as caught:
        scaled = scaler.transform(images * given)
    assert np.allclose(scaled, images * given / learned)
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)


@pytest.mark.parametrize("largest", [0, 18, 255, 500])
def test_what_may_be_on_the_scale_of_fit_is_not_warned_of(largest):
    """Dark images, empty ones and what an interpolation made too bright are no contradiction; warnings are errors."""
    scaled = Normalize().fit(pixels()).transform(np.full((1, 12), largest))
    assert np.allclose(scaled, largest / 255)


def test_a_state_with_a_gap_is_refused():
    """So is one that lacks something."""
    for name in (state := Normalize("standard").fit(pixels()).get_state()).keys() - {"images"}:
        with pytest.raises(ValueError, match="not the state of a Normalize"):
            Normalize.from_state({key: value for key, value in state.items() if key != name})


def test_refitting_forgets_the_other_method():
    """After a change of method and a new fit nothing of the old one is in the state."""
    X = pixels()
    scaler = Normalize("standard").fit(X).set_params(method="unit").fit(X)
    assert scaler.get_state() == Normalize().fit(X).get_state()


def test_unknown_method_is_refused_when_fitting():
    """The constructor takes anything, and `fit` names what is allowed."""
    scaler = Normalize(method="minmax")
    with pytest.raises(ParameterError, match="method must be 'unit' or 'standard'; got 'minmax'"):
        scaler.fit(pixels())


def test_method_can_be_searched_for():
    """`Preprocess` is a step of a pipeline like any other."""
    X, y = pixels(), np.arange(50) % 2
    search = GridSearchCV(make_pipeline(Preprocess(), GaussianNB()), {"preprocess__method": METHODS}, cv=2)
    assert search.fit(X, y).best_params_["preprocess__method"] in METHODS


def test_geometry_can_be_searched_for():
    """Whether to slant back, and how wide, are parameters of the step, and each is scored as on straightened images."""
    rows, columns = np.indices((8, 8)) - 3.5
    lean = np.random.default_rng(0).uniform(-0.7, 0.7, 60)
    X = np.uint8(255 * (abs(columns - lean[:, None, None] * rows) < 1)).reshape(60, 64)
    y = (lean > 0.2).astype(int)
    grid = {"preprocess__deslant": [False, True], "preprocess__ink_width": [None, 4]}
    search = GridSearchCV(make_pipeline(Preprocess(), GaussianNB(var_smoothing=1e-2)), grid, cv=3).fit(X, y)
    found = search.cv_results_
    for chosen, score in zip(found["params"], found["mean_test_score"], strict=True):
        geometry = {name.removeprefix("preprocess__"): value for name, value in chosen.items()}
        straight = straighten(X, **geometry) / 255
        assert score == pytest.approx(cross_val_score(GaussianNB(var_smoothing=1e-2), straight, y, cv=3).mean())
    assert search.best_params_["preprocess__deslant"] is False  # upright bars are all alike


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([3, 1, 3], [1, 3]),
        (["b", "a", "b"], ["a", "b"]),
        (np.array([2, 0, 1], dtype=np.uint8), [0, 1, 2]),
        ([True, False], [False, True]),
        ([0.5, -0.5], [-0.5, 0.5]),
        (np.array(["x", "y"], dtype=object), ["x", "y"]),
        ([5, 5], [5]),
    ],
)
def test_one_hot_and_back(y, classes):
    """Every kind of label goes into one column for each class, sorted, and comes back as it was, in its own type."""
    one_hot = OneHot()
    Y = one_hot.fit_transform(y)
    assert one_hot.classes_.tolist() == classes
    assert Y.dtype == np.float32
    assert Y.tolist() == [[float(label == name) for name in classes] for label in y]
    back = one_hot.inverse_transform(Y)
    assert back.tolist() == list(y)
    assert back.dtype == np.asarray(y).dtype


def test_one_hot_keeps_a_given_order():
    """Classes that are given keep their order, and may be more than y has."""
    one_hot = OneHot(classes=("no", "yes", "maybe")).fit(["yes"])
    assert one_hot.transform(["maybe", "no"]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot.inverse_transform([[0.1, 0.2, 0.7]]).tolist() == ["maybe"]


def test_one_hot_of_no_labels():
    """Once fitted it turns no labels into no rows, of the right width."""
    assert OneHot().fit([0, 1]).transform([]).shape == (0, 2)


def test_one_hot_has_scikit_learns_manners():
    """Parameters can be read, set and cloned, a clone is not fitted, and the text of one shows what was chosen."""
    one_hot = OneHot(classes=[2, 1]).fit([1])
    copy = clone(one_hot)
    assert copy.get_params() == {"classes": [2, 1]}
    assert not hasattr(copy, "classes_")
    assert copy.set_params(classes="auto").classes == "auto"
    assert repr(one_hot) == "OneHot(classes=[2, 1])"


@pytest.mark.parametrize(
    ("classes", "y", "message"),
    [
        ("auto", [], "y must have labels; got none"),
        ("auto", [0, np.nan], "y contains NaN"),
        ("auto", [[0, 1], [1, 0]], "1d array"),
        ((1, 1), [1], "each label once"),
        ((0, 1), [0, 2], "no column for the labels 2; there are 0, 1"),
        ((0, 1), ["0", "1"], "no column for the labels '0', '1'"),
        (5, [0], "classes must be 'auto' or a list"),
    ],
)
def test_one_hot_refuses_when_fitting(classes, y, message):
    """Labels that are none, not known or not one for each row are refused by name."""
    with pytest.raises(ValueError, match=message):
        OneHot(classes=classes).fit(y)


def test_one_hot_refuses_unknown_labels():
    """A label that was not learned has no column; of many, a dozen are named."""
    with pytest.raises(ValueError, match=r"no column for the labels 'maybe'; there are 'no', 'yes'"):
        OneHot().fit(["no", "yes"]).transform(["yes", "maybe"])
    with pytest.raises(ValueError, match=r"\.\.\.; there are 0$"):
        OneHot().fit([0]).transform(np.arange(100))


@pytest.mark.parametrize(("Y", "message"), [([[1, 0, 0]], "2 columns.* got 3"), ([[np.nan, 1]], "NaN"), ([1, 0], "2D")])
def test_one_hot_refuses_rows_of_another_kind(Y, message):
    """Rows of another width, or that are no numbers, are no rows of these classes."""
    with pytest.raises(ValueError, match=message):
        OneHot().fit([0, 1]).inverse_transform(Y)


@pytest.mark.parametrize("method", METHODS)
def test_run_writes_what_the_transformers_say(tmp_path, method):
    """The artifact is `Normalize` of the pixels and `OneHot` of the labels, learned from the training file alone."""
    raw = write_raw(tmp_path / "raw")
    done = Preprocess(method).run(tmp_path)
    assert done == {"train": 20, "test": 7, "pixels": 12, "classes": 5}
    scaler = Normalize(method).fit(raw["train"][0].reshape(20, 12))
    for part, (images, labels) in raw.items():
        X, Y = (np.load(tmp_path / "prepared" / f"{part}_{name}.npy", mmap_mode="r") for name in "XY")
        assert X.dtype == Y.dtype == np.float32
        assert np.array_equal(X, scaler.transform(images.reshape(len(images), 12)))
        assert np.array_equal(Y, np.eye(5)[labels])
        assert np.array_equal(read_labels(tmp_path / "prepared", part), labels)
    assert read_labels(tmp_path / "prepared", "test").dtype == np.int64
    state = json.loads((tmp_path / "prepared" / "normalize.json").read_text())
    assert Normalize.from_state(state).get_state() == state
    assert state.pop("images")["shape"] == state["image_shape"] == [4, 3]
    assert state == {name: value for name, value in scaler.get_state().items() if name != "images"} | {
        "image_shape": [4, 3]
    }


def test_the_shape_of_images_is_kept(tmp_path):
    """A state says height and width where they are known; learned from rows, they are known no more."""
    write_raw(tmp_path / "raw")
    stage = Preprocess()
    stage.run(tmp_path)
    state = json.loads((tmp_path / "prepared" / "normalize.json").read_text())
    assert Normalize.from_state(state).image_shape_ == stage.image_shape_ == (4, 3)
    assert "image_shape" not in stage.fit(np.zeros((1, 12), np.uint8)).get_state()
    for wrong in ([4, 4], [12], "43", [4, 3, 1], None):
        with pytest.raises(ValueError, match="not the state of a Normalize"):
            Normalize.from_state(state | {"image_shape": wrong})


@pytest.mark.parametrize("method", METHODS)
def test_the_command_straightens(tmp_path, monkeypatch, method):
    """``preprocess --deslant true --ink-width 16`` writes what `Normalize` with these makes of both files."""
    raw = write_raw(tmp_path / "artifacts" / "raw", train=(20, 20, 20), test=(7, 20, 20))
    monkeypatch.chdir(tmp_path)
    words = ["preprocess", "--method", method, "--deslant", "true", "--ink-width", "16"]
    assert CliRunner().invoke(app, words).exit_code == 0
    prepared = tmp_path / "artifacts" / "prepared"
    scaler = Normalize(method, deslant=True, ink_width=16).fit(raw["train"][0].reshape(20, 400))
    for part, (images, _) in raw.items():
        X = np.load(prepared / f"{part}_X.npy")
        assert X.dtype == np.float32
        assert np.array_equal(X, scaler.transform(images.reshape(-1, 400)))
    assert Normalize.from_state(json.loads((prepared / "normalize.json").read_text())).ink_width == 16


def test_artifacts_without_geometry_are_as_ever(tmp_path):
    """What was not asked for is not in ``normalize.json``."""
    write_raw(tmp_path / "raw")
    Preprocess().run(tmp_path)
    state = json.loads((tmp_path / "prepared" / "normalize.json").read_text())
    assert state.pop("images")["high"] == 254
    shape = {"image_shape": [4, 3]}
    assert state == {"method": "unit", "n_features": 12, "scale": 1 / 255, "shift": 0.0} | shape


def test_the_command_refuses_images_that_are_no_squares(tmp_path):
    """Images of 4x9 have as many pixels as those of 6x6, and are refused all the same."""
    write_raw(tmp_path / "raw", train=(20, 4, 9), test=(7, 4, 9))
    with pytest.raises(ValueError, match="deslant and ink_width take square images; got 4x9"):
        Preprocess(deslant=True).run(tmp_path)
    assert Preprocess().run(tmp_path)["pixels"] == 36


def test_without_geometry_no_warp_is_imported(monkeypatch):
    """Who does not ask for it does not wait for the module that warps; who asks, does."""
    monkeypatch.setitem(sys.modules, "pipeline.straighten", None)
    X = pixels(n_pixels=16)
    assert Normalize.from_state(Normalize().fit(X).get_state()).transform(X).any()
    with pytest.raises(ImportError):
        Normalize(deslant=True).fit(X)


def test_columns_are_labels(tmp_path):
    """Column k stands for label k even where a label has no rows."""
    write_raw(tmp_path / "raw", train_labels=[1, 4] * 10, test_labels=[4] * 7)
    Preprocess().run(tmp_path)
    assert np.load(tmp_path / "prepared" / "train_Y.npy").sum(axis=0).tolist() == [0, 10, 0, 0, 10]
    assert read_labels(tmp_path / "prepared", "test").tolist() == [4] * 7


def test_run_is_the_same_twice_and_in_pieces(tmp_path, monkeypatch):
    """Two runs write the same bytes, and so do pieces of another size."""
    write_raw(tmp_path / "raw")
    stage = Preprocess("standard")

    def written():
        stage.run(tmp_path)
        return {path.name: path.read_bytes() for path in (tmp_path / "prepared").iterdir()}

    first = written()
    assert sorted(first) == [
        "normalize.json",
        "provenance.json",
        "test_X.npy",
        "test_Y.npy",
        "train_X.npy",
        "train_Y.npy",
    ]
    assert written() == first
    monkeypatch.setattr(preprocess, "PIECE", 25)
    assert written() == first


def test_run_works_in_pieces_of_bounded_size(tmp_path, monkeypatch):
    """No more pixels than a piece holds are ever normalised at once, and whoever watches hears of every image."""
    write_raw(tmp_path / "raw")
    monkeypatch.setattr(preprocess, "PIECE", 40)
    sizes, heard = [], []

    class Watched(Preprocess):
        def transform(self, X):
            sizes.append(X.size)
            return super().transform(X)

    class Watcher(Progress):
        def begin(self, what, total, unit):
            heard.append((what, total, unit))

        def advance(self, step=1, **figures):
            heard.append(figures or step)

        def end(self):
            heard.append("end")

    Watched().run(tmp_path, Watcher())
    assert max(sizes) <= 40
    assert heard[:1] + heard[-5:] == [
        ("normalise train_X", 20, "images"),
        ("normalise test_X", 7, "images"),
        3,
        3,
        1,
        "end",
    ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"test": (7, 5, 3)}, "t10k-images-idx3-ubyte has images of 5x3 pixels; expected 4x3, as train-images"),
        ({"test": (7, 3, 4)}, "t10k-images-idx3-ubyte has images of 3x4 pixels; expected 4x3"),
        ({"test_labels": [5] * 7}, r"t10k-labels-idx1-ubyte has the label 5 \(7 of 7 rows\), which train-labels"),
        ({"train_labels": [0, 2] * 10, "test_labels": [0, 0, 1, 2, 2, 2, 2]}, r"the label 1 \(1 of 7 rows\)"),
        ({"train_labels": [3] * 20, "test_labels": [3] * 7}, "train-labels-idx1-ubyte has the label 3 alone"),
        ({"test": (0, 4, 3)}, "t10k-images-idx3-ubyte holds no pixel"),
    ],
)
def test_files_that_no_later_stage_could_use_are_refused(tmp_path, raw, message):
    """Images of another size, unknown labels, one class, no image: each is refused, and nothing is left behind."""
    write_raw(tmp_path / "raw", **raw)
    with pytest.raises(ValueError, match=message):
        Preprocess().run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_missing_input_names_its_maker(tmp_path):
    """Without raw files the error says which command makes them."""
    with pytest.raises(MissingInputError, match="pipeline fetch"):
        Preprocess().run(tmp_path)
