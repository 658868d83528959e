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

import pipeline.images.pixels
from pipeline.images.deskew import align
from pipeline.images.pixels import PixelRangeWarning
from pipeline.parameters import ParameterError
from pipeline.preprocessing.normalize import Normalize
from pipeline.stages.preprocess import Preprocess

METHODS = ["unit", "standard"]


def pixels(n=50, n_pixels=12, seed=0):
    """Return images of noise as rows of pixels."""
    return np.random.default_rng(seed).integers(256, size=(n, n_pixels), dtype=np.uint8)


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
    monkeypatch.setattr(pipeline.images.pixels, "PIECE", 100)
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
    assert restored.get_params() == of_images(scaler)
    with pytest.raises(ValueError, match="12 features"):
        restored.transform(X[:, 1:])


def of_images(scaler):
    """Return the parameters that say what becomes of an image, and not what the stage stores it as."""
    return {name: value for name, value in scaler.get_params().items() if name != "stored_as"}


GEOMETRY = [{"deskew": True}, {"ink_width": 3}, {"deskew": True, "ink_width": 3}]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_images_are_aligned_before_they_are_scaled(method, geometry, dtype):
    """With geometry, the result is that of the plain method on aligned pixels, which it learns from as well."""
    X = pixels(n_pixels=16)
    plain, aligned = Normalize(method), align(X, **geometry)
    scaler = Normalize(method, **geometry).fit(X.astype(dtype))
    scaled = scaler.transform(X.astype(dtype))
    assert np.array_equal(scaled, plain.fit_transform(aligned.astype(dtype)))
    assert scaled.dtype == np.result_type(dtype, np.float32)
    assert vars(scaler).items() >= {"scale_": plain.scale_, "shift_": plain.shift_}.items()
    assert np.array_equal(scaler.inverse_transform(scaled).round(), aligned)
    assert not np.array_equal(aligned, X)


@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
@pytest.mark.parametrize("kind", [Normalize, Preprocess])
def test_geometry_goes_through_json_and_clone(kind, geometry):
    """Both parameters are in the state where they were set, and nowhere else; a clone has them, too."""
    X = pixels(n_pixels=16)
    scaler = kind("standard", **geometry).fit(X)
    state = json.loads(json.dumps(scaler.get_state()))
    restored = Normalize.from_state(state)
    assert {name: state[name] for name in ("deskew", "ink_width") if name in state} == geometry
    assert np.array_equal(restored.transform(X), scaler.transform(X))
    assert clone(scaler).get_params() == scaler.get_params()
    assert restored.get_params() == of_images(scaler)
    assert of_images(scaler) == {"method": "standard", "deskew": False, "ink_width": None} | geometry


@pytest.mark.parametrize("kind", [Normalize, Preprocess])
def test_deskew_has_an_old_name_for_a_release(kind):
    """``deslant`` works as ``deskew`` in the constructor, in ``set_params`` and to be read, and says its new name."""
    changed = "deslant is called deskew now"
    with pytest.warns(FutureWarning, match=changed):
        scaler = kind(deslant=True)
    assert scaler.get_params() == kind(deskew=True).get_params()
    with pytest.warns(FutureWarning, match=changed):
        assert scaler.deslant is True
    with pytest.warns(FutureWarning, match=changed):
        assert scaler.set_params(deslant=False).deskew is False
    with pytest.raises(ParameterError, match="deskew is given twice"):
        kind(deskew=True, deslant=True)


def test_a_state_with_the_old_name_of_deskew_is_read():
    """What was written when it was called ``deslant`` transforms to the same bits, and is written with the new name."""
    X = pixels(n_pixels=16)
    scaler = Normalize(deskew=True).fit(X)
    state = scaler.get_state()
    before = {"deslant" if name == "deskew" else name: value for name, value in state.items()}
    restored = Normalize.from_state(before)
    assert np.array_equal(restored.transform(X), scaler.transform(X))
    assert restored.get_state() == state


def test_geometry_of_numpys_own_types_goes_through_json():
    """What a search over an array hands over is saved as well."""
    scaler = Normalize(deskew=np.True_, ink_width=np.int64(3)).fit(pixels(n_pixels=16))
    assert json.loads(json.dumps(scaler.get_state())).items() >= {"deskew": True, "ink_width": 3}.items()


@pytest.mark.parametrize(
    "change",
    [{"deskew": 1}, {"deskew": False}, {"ink_width": 5}, {"ink_width": 1}, {"ink_width": None}, {"n_features": 12}],
    ids=str,
)
def test_a_state_with_other_geometry_is_refused(change):
    """A state is refused where images of its size cannot be aligned so, or where it says what goes unsaid."""
    state = Normalize(deskew=True, ink_width=3).fit(pixels(n_pixels=16)).get_state() | change
    with pytest.raises(ValueError, match="not the state of a Normalize"):
        Normalize.from_state(state)


@pytest.mark.parametrize(
    ("geometry", "n_pixels", "message"),
    [
        ({"deskew": True}, 12, "square images; 12 pixels make no square"),
        ({"ink_width": 5}, 16, "ink_width must be 2 at least, and at most 4, as the images are wide; got 5"),
        ({"ink_width": 1}, 16, "ink_width must be an integer >= 2 or null; got 1"),
        ({"deskew": "yes"}, 16, "deskew must be true or false; got 'yes'"),
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
        Normalize(deskew=True).fit_transform(X)


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
    for name in (state := Normalize("standard").fit(pixels()).get_state()).keys() - {"images", "pictures"}:
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
    """Whether to deskew, and how wide, are parameters of the step, and each is scored as on aligned images."""
    rows, columns = np.indices((8, 8)) - 3.5
    lean = np.random.default_rng(0).uniform(-0.7, 0.7, 60)
    X = np.uint8(255 * (abs(columns - lean[:, None, None] * rows) < 1)).reshape(60, 64)
    y = (lean > 0.2).astype(int)
    grid = {"preprocess__deskew": [False, True], "preprocess__ink_width": [None, 4]}
    search = GridSearchCV(make_pipeline(Preprocess(), GaussianNB(var_smoothing=1e-2)), grid, cv=3).fit(X, y)
    found = search.cv_results_
    for chosen, score in zip(found["params"], found["mean_test_score"], strict=True):
        geometry = {name.removeprefix("preprocess__"): value for name, value in chosen.items()}
        aligned = align(X, **geometry) / 255
        assert score == pytest.approx(cross_val_score(GaussianNB(var_smoothing=1e-2), aligned, y, cv=3).mean())
    assert search.best_params_["preprocess__deskew"] is False  # upright bars are all alike


def test_without_geometry_no_warp_is_imported(monkeypatch):
    """Who does not ask for it does not wait for the module that warps; who asks, does."""
    monkeypatch.setitem(sys.modules, "pipeline.images.deskew", None)
    X = pixels(n_pixels=16)
    assert Normalize.from_state(Normalize().fit(X).get_state()).transform(X).any()
    with pytest.raises(ImportError):
        Normalize(deskew=True).fit(X)


def ink(n=20, length=20):
    """Return images of an upright stroke in the middle of a black field, as MNIST's ink is placed."""
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 14 - length // 2 : 14 + length // 2, 13:16] = 250
    return images.reshape(n, 784)


def test_ink_in_the_middle_brings_the_photo_that_makes_it():
    """Of images like MNIST's the size of their ink is learned, and with it what makes such images of photographs."""
    scaler = Normalize().fit(ink(length=16))
    again = Normalize.from_state(json.loads(json.dumps(scaler.get_state())))
    for one in (scaler, again):
        assert (one.ink_size_, one.background_) == (16, "black")
        assert one.photo_.get_params() == {"polarity": "auto", "size": 28, "ink_size": 16}


def test_other_images_have_no_photo():
    """Where images fill their field there is none, and after a restoration there is still none."""
    scaler = Normalize().fit(255 - ink())
    assert Normalize.from_state(scaler.get_state()).photo_ is scaler.photo_ is None


def test_a_state_of_an_earlier_version_knows_of_no_photo():
    """It says neither that there is one nor that there is none."""
    state = Normalize().fit(ink()).get_state()
    del state["pictures"]
    again = Normalize.from_state(state)
    assert not hasattr(again, "ink_size_")
    assert not hasattr(again, "photo_")
    assert again.get_state() == state


@pytest.mark.parametrize(
    "pictures",
    [
        {"ink_size": 28, "background": "black"},
        {"ink_size": 1, "background": "black"},
        {"ink_size": "20", "background": "black"},
        {"ink_size": 20, "background": "red"},
        {"ink_size": 20},
        {"ink_size": 20, "background": "black", "more": 1},
        [],
    ],
)
def test_a_state_of_ink_that_cannot_be_is_refused(pictures):
    """Sizes that no photo could have, and words of others, are no state."""
    with pytest.raises(ValueError, match="not the state of a Normalize"):
        Normalize.from_state(Normalize().fit(ink()).get_state() | {"pictures": pictures})
