"""The network of the page's program beside that of Python: the same pixels, the same probabilities and gradients."""

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from pipeline import MLPClassifier, Normalize
from pipeline.html.drawing.model import plain_model
from pipeline.html.drawing.page import drawing_page
from pipeline.network import ACTIVATIONS

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (80, 64), np.uint8)
LABELS = {"ten": np.arange(80) % 10, "two": np.arange(80) % 2, "several": RNG.integers(0, 2, (80, 3)), "one": [5] * 80}


def fitted(labels="ten", method="unit", **parameters):
    """Return a model that has learned by heart what it was shown."""
    network = MLPClassifier(
        (20, 16), learning_rate="cosine", learning_rate_init=0.01, max_iter=20, random_state=0, **parameters
    )
    return Pipeline([("preprocess", Normalize(method)), ("train", network)]).fit(X, LABELS[labels])


@pytest.fixture
def opened(open_page, tmp_path):
    """Return a function that opens the page of a model."""

    def opened(model):
        (tmp_path / "page.html").write_text(drawing_page(plain_model(model)), "utf-8")
        return open_page(tmp_path / "page.html")

    return opened


CASES = [
    *({"activation": name} for name in ACTIVATIONS),
    {"activation": ("gelu", "elu"), "batch_norm": True, "method": "standard"},
    {"bias": False, "dropout": 0.1},
    *({"labels": name} for name in ("two", "several", "one")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_probabilities_are_those_of_python(opened, case):
    """Within a thousandth, for every activation and every kind of labels, with 16 bits a weight."""
    model = fitted(**case)
    found = opened(model).evaluate("rows => rows.map(digits.predict)", X.tolist())
    assert np.abs(found - model.predict_proba(X)).max() < 1e-3


def log_odds(model, k):
    """Return the log-odds of a class as a function of pixels, in 64 bits."""
    plain = plain_model(model)

    def of(pixels):
        A = pixels * plain.scale + plain.shift
        for layer in plain.layers[:-1]:
            A = ACTIVATIONS[layer.activation]().forward(A @ layer.W + layer.b)
        Z = (A @ plain.layers[-1].W + plain.layers[-1].b)[0]
        if len(Z) == 1:
            return Z[0] if k else -Z[0]
        if plain.layers[-1].activation == "logistic":
            return Z[k]
        return Z[k] - np.log(np.exp(np.delete(Z, k)).sum())

    return of


@pytest.mark.parametrize("labels", ["ten", "two", "several"])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "mish", "elu", "selu", "logistic"])
def test_what_would_have_to_change_is_the_gradient_of_the_log_odds(opened, labels, activation):
    """By numerical differentiation, pixel by pixel, for the drawing that is there and the class that is asked for."""
    model = fitted(labels, activation=activation, method="standard")
    page = opened(model)
    page.evaluate("digits.draw([{ points: [[0.3, 0.2], [0.6, 0.5], [0.4, 0.8]] }])")
    page.check("#change")
    for k in (0, 1):
        page.select_option("#change-to", str(k))
        state = page.evaluate("(({ pixels, change }) => ({ pixels: [...pixels], change: [...change] }))(digits.state)")
        pixels, of = np.array([state["pixels"]], float), log_odds(model, k)
        step = 0.01 * np.eye(64)
        numeric = [(of(pixels + one) - of(pixels - one)) / 0.02 for one in step]
        assert np.abs(state["change"] - np.array(numeric)).max() < 5e-3 * np.abs(numeric).max()


def test_hidden_units_are_those_of_the_network(opened):
    """Their values are what Python's layers have; the first layer's unit is shown by its own weights."""
    model = fitted(activation="tanh")
    page = opened(model)
    page.evaluate("digits.draw([{ points: [[0.3, 0.2], [0.6, 0.5], [0.4, 0.8]] }])")
    pixels = np.array([page.evaluate("[...digits.state.pixels]")], np.uint8)
    plain = plain_model(model)
    first = np.tanh(pixels * plain.scale @ plain.layers[0].W + plain.layers[0].b)
    second = np.tanh(first @ plain.layers[1].W + plain.layers[1].b)
    for found, expected in zip(page.evaluate("digits.state.hidden"), (first, second), strict=True):
        assert np.abs(found - expected).max() < 5e-3
    page.evaluate("digits.chooseUnit(0, 3)")
    assert "Unit 4 of layer 1" in page.inner_text("#unit-words")
    assert page.input_value("#unit-0") == "4"
    brightest = page.evaluate("""() => {
        const canvas = document.getElementById("weights-of"), size = canvas.width / 8;
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const blue = Array.from({ length: 64 }, (_, i) =>
            data[4 * ((Math.floor(i / 8) + 0.5) * size * canvas.width + (i % 8 + 0.5) * size) + 2]);
        return blue.indexOf(Math.max(...blue));
    }""")
    W = plain.layers[0].W[:, 3]
    assert brightest == W.argmax() or W.max() < abs(W).max() / 2
