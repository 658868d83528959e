"""The table of a network: its figures against the estimator's own, and how it shows itself."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from pipeline import MLPClassifier, from_arrays
from pipeline.mlp.summary import AT_MOST, size, summarize_network
from pipeline.network.adversarial import Adversarial
from pipeline.parameters import ParameterError
from pipeline.strict_json import parse_json, to_json

X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3


def fitted(labels=y, dtype=np.float64, **parameters):
    """Return a fitted classifier."""
    options = {"learning_rate": "cosine", "max_iter": 2, "engine": "numpy", "random_state": 0} | parameters
    return MLPClassifier((5, 3), **options).fit(X.astype(dtype), labels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"solver": "sgd"}, {"solver": "sgd", "momentum": 0}, {"batch_norm": True}, {"bias": False}],
    ids=str,
)
def test_memory_is_what_the_estimator_has(parameters, dtype):
    """Weights, gradients and the optimizer's state take the bytes that are told."""
    model = fitted(dtype=dtype, **parameters)
    found, network = model.summary(), model.network_
    assert found.dtype == np.dtype(dtype).name
    assert found.n_parameters == network.params.size
    assert found.memory["weights"] == network.snapshot().nbytes
    assert found.memory["gradients"] == network.grads.nbytes
    assert found.memory["optimizer"] == sum(array.nbytes for array in model._trainer.optimizer.state.values())


@pytest.mark.parametrize(
    ("parameters", "batch"),
    [
        ({}, 20),
        ({"batch_size": 8}, 8),
        ({"batch_size": "full"}, 20),
        ({"solver": "lbfgs", "max_iter": 1000}, 20),
    ],
)
def test_activations_are_those_of_a_batch(parameters, batch):
    """The batch is the one that training has taken."""
    found = fitted(**parameters).summary()
    assert found.batch_size == batch
    assert found.memory["activations"] == batch * (5 + 3 + 3 + 5 + 3) * 8  # of 5, 3 and 3 units, two with gradients


@pytest.mark.parametrize(("labels", "words"), [(y, "3 classes, softmax: 0, 1, 2"), (0 * y, "1 class, logistic: 0")])
def test_classes_are_told_by_name(labels, words):
    """With the output's activation; a single one as well."""
    assert fitted(labels).summary().facts()["Output"] == words


def test_an_adversary_has_every_sample_twice():
    """Its samples go through the network as they are and perturbed."""
    plain, twice = fitted().summary(), fitted(adversary=Adversarial(0.1)).summary()
    assert twice.memory["activations"] > 2 * plain.memory["activations"]


def test_it_tells_how_the_network_was_trained():
    """Epochs of all calls, the solver and the engine."""
    model = fitted(warm_start=True)
    model.fit(X, y)
    found = model.summary()
    assert (found.fitted, found.epochs, found.solver, found.engine) == (True, 4, "adam", "numpy")
    assert "4 epochs by adam, engine numpy" in str(found)


def test_weights_of_others_were_trained_elsewhere():
    """Of what has come from another library there is no number of epochs to tell."""
    model = from_arrays([(np.ones((4, 3)), np.zeros(3))], ["softmax"], classes=list("abc"))
    assert model.summary().facts()["Trained"] == "elsewhere; to be trained on by adam"
    model.set_params(max_iter=2, learning_rate="cosine", engine="numpy", warm_start=True).fit(
        X, np.array(list("abc"))[y]
    )
    assert model.summary().facts()["Trained"] == "2 epochs by adam, engine numpy"


def test_before_fit_widths_are_asked_for():
    """Without them the error says how; with them it is the network that will be fitted."""
    model = MLPClassifier((5, 3), batch_norm=True)
    with pytest.raises(NotFittedError, match="n_features=784, n_classes=10"):
        model.summary()
    found = model.summary(n_features=4, n_classes=3)
    assert not found.fitted
    assert found.layers == fitted(batch_norm=True).summary().layers
    assert not hasattr(model, "network_")


@pytest.mark.parametrize(("n_classes", "n_outputs", "activation"), [(2, 1, "logistic"), (3, 3, "softmax")])
def test_two_classes_have_one_output(n_classes, n_outputs, activation):
    """As a fitted network has."""
    found = MLPClassifier().summary(n_features=4, n_classes=n_classes)
    model = fitted(np.arange(20) % n_classes)
    assert (found.n_outputs, found.output_activation) == (n_outputs, activation)
    assert (model.n_outputs_, model.out_activation_) == (n_outputs, activation)


@pytest.mark.parametrize(
    "widths",
    [{"n_features": 4}, {"n_classes": 3}, {"n_features": 0, "n_classes": 3}, {"n_features": 4, "n_classes": 1}],
)
def test_widths_are_checked(widths):
    """Both are needed, and large enough."""
    with pytest.raises(ValueError, match=r"n_(features|classes) must be an integer >= "):
        MLPClassifier().summary(**widths)


def test_parameters_are_checked_before_there_is_a_network():
    """A network that cannot be is not shown."""
    with pytest.raises(ParameterError, match="dropout must"):
        MLPClassifier(dropout=2).summary(n_features=4, n_classes=3)


def test_it_is_json():
    """What it holds are plain values."""
    found = fitted(np.array(["a", "b", "c"])[y]).summary()
    again = parse_json(to_json(found.to_dict()).encode())
    assert again["n_parameters"] == found.n_parameters
    assert again["classes"] == ["a", "b", "c"]


def test_its_text_and_html_hold_no_command():
    """A class name can neither move the cursor of a terminal nor be a tag of a page."""
    name = "<script>alert(1)</script>\x1b[2J"
    found = fitted(np.array([name, "b", "c"])[y]).summary()
    assert "<script>" not in found._repr_html_()
    assert "&lt;script&gt;" in found._repr_html_()
    assert "\x1b" not in str(found)


def test_a_deep_network_is_shown_in_short():
    """Those in the middle are left out, and counted."""
    found = MLPClassifier((3,) * 500).summary(n_features=4, n_classes=3)
    assert len(found.layers) == 1001
    assert f"... {1001 - AT_MOST + 1} more" in str(found)
    assert len(str(found)) < 5000
    assert len(found._repr_html_()) < 20000


def test_the_text_is_the_representation():
    """At the prompt it shows itself."""
    found = summarize_network(fitted(), image_shape=(2, 2))
    assert repr(found) == str(found)
    assert "4 features (images of 2x2)" in str(found)


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (999_950, "1.0 MB"), (10**16, "10,000.0 TB")],
)
def test_sizes_have_units(n_bytes, words):
    """In powers of ten, as a disk counts."""
    assert size(n_bytes) == words
