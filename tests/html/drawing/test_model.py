import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from pipeline import MLPClassifier, Normalize, TestTimeAugmentation, make_ensemble
from pipeline.html.drawing import model as module
from pipeline.html.drawing.model import PageError, plain_model
from pipeline.network import ACTIVATIONS
from pipeline.network.layers import Layer

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 64), np.uint8)
LABELS = {"ten": np.arange(60) % 10, "two": np.arange(60) % 2 == 0, "several": RNG.integers(0, 2, (60, 3))}


def fitted(labels="ten", method="unit", **parameters):
    """Return a model that has learned a little, with its normaliser."""
    network = MLPClassifier((7, 5), learning_rate="cosine", max_iter=3, random_state=0, **parameters)
    return Pipeline([("preprocess", Normalize(method)), ("train", network)]).fit(X, LABELS[labels])


def answers(plain, pixels):
    """Return what plain numbers come to, by activations as NumPy has them."""
    A = pixels * plain.scale + plain.shift
    for layer in plain.layers[:-1]:
        A = ACTIVATIONS[layer.activation]().forward(A @ layer.W + layer.b)
    Z = A @ plain.layers[-1].W + plain.layers[-1].b
    if plain.layers[-1].activation == "softmax":
        return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    P = 1 / (1 + np.exp(-Z))
    return P if P.shape[1] > 1 else np.hstack([1 - P, P])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"batch_norm": True},
        {"bias": False},
        {"feature_scale": True},
        {"dropout": (0.1, 0.2, 0.3), "noise": (0.1, 0.2, 0.3)},
    ],
    ids=lambda given: "-".join(given) or "plain",
)
def test_the_numbers_give_the_model_s_probabilities(activation, labels, parameters):
    """Whatever the layers are, and whatever the labels: classes, two of them, or several at once."""
    model = fitted(labels, activation=activation, **parameters)
    plain = plain_model(model)
    assert np.allclose(answers(plain, X), model.predict_proba(X), atol=2e-6)
    assert plain.n_weights == sum(layer.W.size + layer.b.size for layer in plain.layers)
    assert plain.multilabel == (labels == "several")
    assert plain.classes == [str(label) for label in model.classes_]


def test_pixels_are_brought_to_the_scale_of_training():
    """The standard method's shift is there; of images on 0..16, full brightness stands for 16."""
    model = fitted(method="standard")
    assert np.allclose(answers(plain_model(model), X), model.predict_proba(X), atol=2e-6)
    dark = X // 16 + 1
    model = Pipeline([("preprocess", Normalize()), ("train", MLPClassifier(4, solver="lbfgs", alpha=9, tol=0.1))])
    model.fit(dark, LABELS["ten"])
    plain = plain_model(model, brightness=16.0)
    assert np.allclose(answers(plain, dark * (255 / 16)), model.predict_proba(dark), atol=2e-6)


def test_a_classifier_without_a_normaliser_has_its_own_scale():
    """``pixel_scale`` is what bytes are multiplied by, and 1 where there is none."""
    for scale in (1 / 255, None):
        network = MLPClassifier(4, learning_rate="cosine", max_iter=2, random_state=0, pixel_scale=scale)
        network.fit(X, LABELS["ten"])
        plain = plain_model(network)
        assert np.allclose(answers(plain, X), network.predict_proba(X), atol=2e-6)
        assert plain.shape == (8, 8)


@pytest.mark.parametrize(
    ("pixels", "brightness"), [(X / 255, 1.0), (X // 16, 16.0), (X * np.uint16(257), 65535.0)], ids=["1", "16", "65535"]
)
def test_a_scale_of_bytes_is_for_bytes_alone(pixels, brightness):
    """``pixel_scale`` scales bytes; values on 0..1 or above 255, which are none, are taken as they are."""
    scale = 1 / 16 if brightness == 16 else 1 / 255
    network = MLPClassifier(4, solver="lbfgs", alpha=9, tol=0.1, random_state=0, pixel_scale=scale)
    network.fit(pixels, LABELS["ten"])
    plain = plain_model(network, brightness)
    assert np.allclose(answers(plain, pixels * (255 / brightness)), network.predict_proba(pixels), atol=1e-5)


def test_a_shape_is_the_one_that_was_learned():
    """Images need not be square, and may be coloured; without a shape, a number of pixels may be a coloured square."""
    model = fitted()
    model["preprocess"].image_shape_ = (4, 16)
    assert plain_model(model).shape == (4, 16)
    coloured = MLPClassifier(3, learning_rate="cosine", max_iter=1).fit(X[:, :48], LABELS["ten"])
    assert plain_model(coloured).shape == (4, 4, 3)


class Twice(Layer):
    """A layer of one's own."""

    def __repr__(self):
        return "Twice()"


def test_what_a_page_cannot_hold_is_refused_by_name(monkeypatch):
    """Ensembles, copies, a model that has learned nothing, layers of one's own, no image, too many weights."""
    network = MLPClassifier(3, learning_rate="cosine", max_iter=1, random_state=0)
    for model, words in [
        (make_ensemble(network, 2).fit(X, LABELS["ten"]), "got VotingClassifier"),
        (TestTimeAugmentation(fitted()).fit(X, LABELS["ten"]), "got TestTimeAugmentation"),
        (Pipeline([("a", Normalize()), ("b", make_ensemble(network, 2))]), "got Normalize and VotingClassifier"),
        (MLPClassifier(), "one fitted MLPClassifier"),
        (network.fit(X[:, :17], LABELS["ten"]), "17 numbers, which make no square image"),
    ]:
        with pytest.raises(PageError, match=words):
            plain_model(model)
    model = fitted()
    model["train"].network_.layers.insert(1, Twice())
    with pytest.raises(PageError, match=r"has Twice\(\) at a place"):
        plain_model(model)
    monkeypatch.setattr(module, "MOST_WEIGHTS", 100)
    with pytest.raises(PageError, match=r"has 555 weights; a page holds at most 100"):
        plain_model(fitted())
