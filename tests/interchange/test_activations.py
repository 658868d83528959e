import math

import numpy as np
import pytest

from pipeline.interchange.activations import GELU_ERROR, hidden_activations, output_activation
from pipeline.network import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("framework", ["ours", "keras", "torch"])
def test_every_activation_has_its_name(name, framework):
    """Ours is found by its own name, and by one without underscores in capital letters."""
    if name == "gelu":
        name, ours = "gelu_tanh", "gelu"
    else:
        ours = name
    given = (name, 0.01) if name == "leaky_relu" else name
    assert hidden_activations(given, 2, framework) == ([ours, ours], None)


def test_names_of_others_are_known():
    """As Keras and PyTorch spell them."""
    names = ["sigmoid", "linear", "LeakyReLU", "ELU", ("elu", 1), "Sigmoid"]
    ours = ["logistic", "identity", "leaky_relu", "elu", "elu", "logistic"]
    assert hidden_activations(names, 6, "torch") == (ours, None)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_names_come_in_any_row(kind):
    """A list, a tuple and an array are the same."""
    assert hidden_activations(kind(["relu", "tanh"]), 2, "ours") == (["relu", "tanh"], None)


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_gelu_is_told_apart(framework):
    """Its usual form there is not ours, and the warning says by how much."""
    with pytest.warns(UserWarning, match="may differ by 0.0005"):
        hidden_activations("gelu", 1, framework)


def test_the_error_of_gelu_is_what_the_warning_says():
    """By tanh and by the normal distribution function differ by less, and not by much less."""
    x = np.linspace(-10, 10, 20001)
    exact = x * np.array([0.5 * (1 + math.erf(one / math.sqrt(2))) for one in x])
    error = np.abs(ACTIVATIONS["gelu"]().forward(x[:, np.newaxis])[:, 0] - exact).max()
    assert 0.9 * GELU_ERROR < error < GELU_ERROR


def test_keras_leaves_the_slope_open():
    """Leaky ReLU has another slope there by default, so it must be said."""
    with pytest.raises(ValueError, match="activations must say the slope of leaky_relu"):
        hidden_activations("leaky_relu", 1, "keras")


@pytest.mark.parametrize("given", [("elu", 0.5), ("relu", 6.0), ("relu", "tanh", 1), None, 3, ("elu", True)])
def test_what_is_no_activation_is_refused(given):
    """Another alpha, a number where there is none, and what is no name."""
    with pytest.raises(ValueError, match="activations must"):
        hidden_activations([given], 1, "ours")


@pytest.mark.parametrize("given", [None, 3, ["relu"]])
def test_another_number_of_activations_is_refused(given):
    """One for all, one for each, or one more."""
    with pytest.raises(ValueError, match="one for each of the 3 hidden layers"):
        hidden_activations(given, 3, "ours")


@pytest.mark.parametrize(
    ("output", "last", "has_classes", "expected"),
    [
        (None, "softmax", False, "softmax"),
        ("sigmoid", None, False, "logistic"),
        ("sigmoid", "logistic", True, "logistic"),
        (None, None, True, "logits"),
        (None, "identity", True, "logits"),
        (None, "identity", False, "identity"),
        ("exponential", None, False, "exp"),
        ("log_softmax", None, False, "softmax"),
        ("Softmax", "softmax", True, "softmax"),
    ],
)
def test_an_output_is_what_was_said_of_it(output, last, has_classes, expected):
    """By the argument, by the end of the activations, or by there being labels."""
    assert output_activation(output, last, has_classes=has_classes) == expected
