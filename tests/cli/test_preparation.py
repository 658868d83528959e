"""Pictures as a model takes them, whatever values its images had in training."""

import numpy as np
import pytest
from PIL import Image
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import MLPClassifier, MLPRegressor, Normalize
from pipeline.cli.preparation import preparation_of
from pipeline.data.inputs import Input
from pipeline.html.drawing.model import plain_model

X, y = load_digits(return_X_y=True)
X, y = X[:200], y[:200]
SMALL = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 20, "tol": 0.1, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def net(**parameters):
    """Return a classifier that is quick to train."""
    return MLPClassifier(**SMALL, **parameters)


def numbers():
    """Return a regressor whose targets are scaled."""
    return TransformedTargetRegressor(MLPRegressor(**SMALL, pixel_scale=1 / 16), transformer=StandardScaler())


MODELS = {
    "bytes that are scaled": (net(pixel_scale=1 / 16), X.astype(np.uint8)),
    "whole numbers that are scaled": (net(pixel_scale=1 / 16), X.astype(np.int64)),
    "bytes that are taken as they are": (net(), X.astype(np.uint8)),
    "doubles, which no scale is for": (net(pixel_scale=1 / 16), X),
    "all bytes": (net(pixel_scale=1 / 255), (X * (255 / 16)).round().astype(np.uint8)),
    "doubles up to 255": (net(pixel_scale=1 / 255), X * (255 / 16)),
    "fractions": (net(), (X / 16).astype(np.float32)),
    "fractions with a scale for bytes": (net(pixel_scale=1 / 255), (X / 16).astype(np.float32)),
    "normalized": (make_pipeline(Normalize(), net()), X.astype(np.uint8)),
    "standardized": (make_pipeline(StandardScaler(), net()), X),
    "standardized fractions": (make_pipeline(StandardScaler(), net()), X / 16),
    "standardized bytes": (make_pipeline(StandardScaler(), net()), X * (255 / 16)),
    "numbers": (numbers(), X.astype(np.uint8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_picture_of_a_training_image_is_that_image(tmp_path, name):
    """Saved as a picture and read again, it gives the answer that the image itself gives, to the last grey level."""
    model, images = MODELS[name]
    fitted = model.fit(images, y)
    Image.fromarray((X[3] * (255 / 16)).round().reshape(8, 8).astype(np.uint8)).save(tmp_path / "3.png")
    preparation = preparation_of(fitted, "plain", None)
    rows = preparation.read(Input(str(tmp_path / "3.png")), 64, None).rows
    answer = getattr(fitted, "predict_proba", fitted.predict)
    assert answer(rows) == pytest.approx(answer(images[3:4]), abs=0.02)
    assert float(rows.max()) == pytest.approx(float(images[3].max()), rel=0.01)


@pytest.mark.parametrize("name", ["bytes that are scaled", "doubles, which no scale is for", "all bytes", "fractions"])
def test_a_page_scales_as_predict_does(name):
    """The network of the page takes a byte to what the model takes it to."""
    model, images = MODELS[name]
    fitted = model.fit(images, y)
    plain = plain_model(fitted, preparation_of(fitted, "plain", None).brightness)
    is_scaled = images.dtype.kind in "iu" and fitted.pixel_scale is not None
    assert plain.scale == pytest.approx(images.max() / 255 * (fitted.pixel_scale if is_scaled else 1))
