"""Test-time averaging: the mean over copies, for images one by one, in scikit-learn's manners."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipeline.ensemble import test_time_augmentation
from pipeline.ensemble.test_time_augmentation import TestTimeAugmentation
from pipeline.images.deform import Deform
from pipeline.parameters import ParameterError

X, y = load_digits(return_X_y=True)
X, y = np.float32(X[:300]), y[:300]
DEFORM = Deform(rotation=10, translation=0.5, elastic=2, smoothness=2)
MODEL = GaussianNB(var_smoothing=0.1).fit(X, y)


def drawn(n_copies, n_images, dtype=np.float32, seed=0):
    """Return the deformations of an average as `Deform` draws them, each for so many images."""
    deformer = DEFORM.prepare(64, dtype)
    coefficients = deformer.draw(n_copies - 1, np.random.default_rng(seed))
    return deformer, [np.repeat(coefficients[:, k : k + 1], n_images, axis=1) for k in range(n_copies - 1)]


@parametrize_with_checks([TestTimeAugmentation(LogisticRegression())])
def test_scikit_learn_finds_nothing_to_say(estimator, check):
    """All that scikit-learn asks of a classifier is so."""
    check(estimator)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_the_mean_over_the_image_and_its_copies(dtype):
    """The formula, written out."""
    images = X.astype(dtype)
    deformer, copies = drawn(4, len(X), dtype)
    answers = [
        MODEL.predict_proba(images),
        *(MODEL.predict_proba(deformer.warp(images, coefficients)) for coefficients in copies),
    ]
    averaged = TestTimeAugmentation(MODEL, DEFORM, n_copies=4).predict_proba(images)
    assert averaged == pytest.approx(np.mean(answers, axis=0), abs=1e-12)
    assert abs(averaged - answers[0]).max() > 0.01


def test_copies_of_coloured_images():
    """Every channel of a copy is deformed alike: the formula, with each channel as an image of its own."""
    coloured = np.random.default_rng(0).random((20, 64, 3), np.float32)
    model = GaussianNB(var_smoothing=0.1).fit(coloured.reshape(20, -1), np.arange(20) % 3)
    deformer, copies = drawn(3, 20)
    answers = [model.predict_proba(coloured.reshape(20, -1))]
    for coefficients in copies:
        channels = [deformer.warp(coloured[..., one], coefficients) for one in range(3)]
        answers.append(model.predict_proba(np.stack(channels, axis=-1).reshape(20, -1)))
    averaged = TestTimeAugmentation(model, DEFORM, n_copies=3).predict_proba(coloured.reshape(20, -1))
    assert averaged == pytest.approx(np.mean(answers, axis=0), abs=1e-12)


def test_bytes_stay_bytes():
    """A classifier of uint8 gets uint8, so that it scales copies as it scales the images."""
    seen = []

    class Looks(GaussianNB):
        def predict_proba(self, images):
            seen.append(images)
            return super().predict_proba(images)

    images = np.uint8(X * 15)
    deformer, (coefficients,) = drawn(2, len(X))
    TestTimeAugmentation(Looks().fit(images, y), DEFORM, n_copies=2).predict_proba(images)
    assert {one.dtype for one in seen} == {np.dtype(np.uint8)}
    assert abs(seen[1] - deformer.warp(images, coefficients)).max() <= 0.501


def test_an_image_is_predicted_alone_as_among_others(monkeypatch):
    """Neither its neighbours nor the pieces that bound the memory count, and a second look sees the same."""
    averaged = TestTimeAugmentation(MODEL, DEFORM, n_copies=3)
    whole = averaged.predict_proba(X)
    assert (averaged.predict_proba(X) == whole).all()
    assert averaged.predict_proba(X[[200, 7]]) == pytest.approx(whole[[200, 7]], abs=1e-4)
    sizes, predict_proba = [], MODEL.predict_proba
    monkeypatch.setattr(test_time_augmentation, "PIECE", 128)
    monkeypatch.setattr(MODEL, "predict_proba", lambda images: sizes.append(len(images)) or predict_proba(images))
    assert averaged.predict_proba(X) == pytest.approx(whole, abs=1e-4)
    assert sizes == [128] * 3 + [128] * 3 + [44] * 3


@pytest.mark.parametrize("changed", [{"n_copies": 1}, {"augmentation": None}, {"augmentation": Deform()}])
def test_without_a_deformation_the_classifier_speaks(changed):
    """One copy is the image itself, and copies that are not deformed say what it says."""
    averaged = TestTimeAugmentation(MODEL, DEFORM).set_params(**changed)
    assert averaged.predict_proba(X) == pytest.approx(MODEL.predict_proba(X), abs=1e-6)


def test_another_seed_draws_other_copies():
    """Deformations belong to the seed alone."""
    first, second = (TestTimeAugmentation(MODEL, DEFORM, random_state=seed).predict_proba(X) for seed in (0, 1))
    assert abs(first - second).max() > 0.01


def test_fitting_fits_a_clone():
    """What was given stays as it was; what was fitted predicts, and is told what ``fit`` was told."""
    inner = GaussianNB()
    averaged = TestTimeAugmentation(inner, DEFORM)
    with pytest.raises(NotFittedError):
        averaged.predict(X)
    weight = np.linspace(1, 5, len(y))
    averaged.fit(X, y, sample_weight=weight)
    assert not hasattr(inner, "classes_")
    assert averaged.estimator_.theta_ == pytest.approx(GaussianNB().fit(X, y, weight).theta_)
    assert (averaged.classes_ == np.arange(10)).all()
    with pytest.raises(NotFittedError):
        clone(averaged).predict(X)


def test_labels_may_be_words_and_logarithms_agree():
    """``predict`` names the likeliest class, whatever the labels are."""
    words = np.array(list("abcdefghij"))[y]
    averaged = TestTimeAugmentation(GaussianNB(), DEFORM).fit(X, words)
    P = averaged.predict_proba(X)
    assert (averaged.predict(X) == averaged.classes_[P.argmax(axis=1)]).all()
    assert np.exp(averaged.predict_log_proba(X)) == pytest.approx(P)


def test_a_search_reaches_the_deformation():
    """``augmentation__rotation`` and the classifier's own parameters are in a grid."""
    grid = {"augmentation__rotation": [0, 170], "estimator__var_smoothing": [0.1]}
    search = GridSearchCV(TestTimeAugmentation(GaussianNB(), DEFORM, n_copies=4), grid, cv=2).fit(X, y)
    assert search.best_params_["augmentation__rotation"] == 0
    assert DEFORM.rotation == 10


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_copies": 0}, "n_copies must be an integer >= 1; got 0"),
        ({"augmentation": 8}, "augmentation must be a Deform .*or null; got 8"),
        ({"random_state": None}, "random_state must be an integer >= 0; got None"),
        ({"augmentation": Deform(rotation=-1)}, "rotation must be a number >= 0 and <= 180; got -1"),
    ],
)
def test_a_wrong_parameter_is_named(changed, message):
    """In prediction, since a fitted classifier need not be fitted again."""
    with pytest.raises(ParameterError, match=message):
        TestTimeAugmentation(MODEL).set_params(**changed).predict(X)


def test_copies_never_share_a_field():
    """A field for many images while a network learns is one for each copy here."""
    alone, shared = (
        TestTimeAugmentation(MODEL, Deform(elastic=9, smoothness=2, group=group), n_copies=4).predict_proba(X)
        for group in (1, 16)
    )
    assert (alone == shared).all()


@pytest.mark.parametrize("background", [-1, 300])
def test_a_background_that_bytes_have_not_is_refused(background):
    """It would wrap around; other types take it."""
    averaged = TestTimeAugmentation(MODEL, Deform(translation=1, background=background), n_copies=2)
    with pytest.raises(ParameterError, match=rf"background must be on 0\.\.255 for images of uint8; got {background}"):
        averaged.predict_proba(np.uint8(X))
    assert averaged.predict_proba(X).shape == (len(X), 10)


@pytest.mark.parametrize("changed", [{"background": "black"}, {"background": None}, {"group": 0}])
def test_a_wrong_parameter_of_the_deformation_is_named(changed):
    """Before anything is reckoned with it, and for images of every type."""
    averaged = TestTimeAugmentation(MODEL, Deform(translation=1, **changed), n_copies=2)
    for images in (np.uint8(X), X):
        with pytest.raises(ParameterError, match=next(iter(changed))):
            averaged.predict_proba(images)


def test_images_that_are_no_square_are_refused():
    """The error names the shape that is asked for."""
    with pytest.raises(ValueError, match=r"images of 63 pixels, or .* they are not a square"):
        TestTimeAugmentation(GaussianNB().fit(X[:, 1:], y), DEFORM).predict(X[:, 1:])
