"""What others call an activation function, and which of ours that is."""

import re
import warnings
from typing import Any, Literal, get_args

import numpy as np

from pipeline.network.layers.activations import ActivationName
from pipeline.text import shown_value

Framework = Literal["ours", "keras", "torch"]

NAMES: tuple[str, ...] = get_args(ActivationName)
OUTPUTS = ("softmax", "logistic", "logits")
"""What a classifier's output may be."""
NUMBERS = ("identity", "exp")
"""What a regressor's output may be."""

# Of the logarithm of softmax, the probabilities are the same.
_ALIASES = {
    "sigmoid": "logistic",
    "linear": "identity",
    "exponential": "exp",
    "logsoftmax": "softmax",
    "leakyrelu": "leaky_relu",
}
_CONSTANTS = {"leaky_relu": ("a slope", 0.01), "elu": ("an alpha", 1.0)}
"""What number an activation has here, where it might have another."""

GELU_ERROR = 5e-4
"""How far an output of GELU by tanh is from that by the normal distribution function, at the most."""


def hidden_activations(activations: Any, n_hidden: int, framework: Framework) -> tuple[list[str], str | None]:
    """Return our names for the hidden layers' activations, and what was said of the output, if it was.

    Parameters
    ----------
    activations : str, tuple of str and float, or sequence of these
        One for all hidden layers, or one for each, or one more.
    n_hidden : int
        Hidden layers.
    framework : {"ours", "keras", "torch"}
        Whose names they are.

    Raises
    ------
    ValueError
        For another number, or a name that is none of ours.

    Examples
    --------
    >>> hidden_activations(["ReLU", "sigmoid", "linear"], 2, "keras")
    (['relu', 'logistic'], 'identity')
    """
    if framework != "ours" and "gelu" in map(_canonical, np.ravel(np.array(activations, object))):
        warnings.warn(
            f"gelu is by the normal distribution function there unless approximate is set, and by tanh here: a unit's "
            f"output may differ by {GELU_ERROR:g}. Say gelu_tanh where it is by tanh there as well",
            stacklevel=4,
        )
    if isinstance(activations, str) or _is_numbered(activations):
        return [_ours(activations, framework)] * n_hidden, None
    given = list(activations) if isinstance(activations, list | tuple | np.ndarray) else [None] * (n_hidden + 2)
    if len(given) not in {n_hidden, n_hidden + 1}:
        raise ValueError(
            f"activations must be one name, one for each of the {n_hidden} hidden layers, or these and that of the "
            f"output; got {shown_value(activations)}"
        )
    last = given[n_hidden] if len(given) > n_hidden else None
    return [_ours(one, framework) for one in given[:n_hidden]], None if last is None else _canonical(last)


def output_activation(output: str | None, last: str | None, *, has_classes: bool) -> str:
    """Return which of ``OUTPUTS``, or of ``NUMBERS``, a network ends with.

    Parameters
    ----------
    output : str or None
        What was said of it.
    last : str or None
        What was said at the end of the activations.
    has_classes : bool
        Whether labels were given.

    Raises
    ------
    ValueError
        Where nothing was said, something else, or two things.
    """
    said = None if output is None else _canonical(output)
    if said is not None and last is not None and said != last:
        raise ValueError(f"output must be what activations end with, {last!r}; got {shown_value(output)}")
    found = said or last or ("logits" if has_classes else None)
    if found == "identity" and has_classes:
        found = "logits"
    allowed = OUTPUTS if has_classes else (*OUTPUTS, *NUMBERS)
    if found is None:
        raise ValueError(
            f"output must be said where there are no classes, and activations do not end with it: {', '.join(allowed)}"
        )
    if found not in allowed:
        raise ValueError(
            f"output must be one of {', '.join(allowed)}{' where there are classes' if has_classes else ''}; got "
            f"{shown_value(output or last)}"
        )
    return str(found)


def _is_numbered(activation: Any) -> bool:
    """Tell whether this is one activation with its number."""
    match activation:
        case (str(), bool()):
            return False
        case (str(), int() | float()):
            return True
    return False


def _canonical(name: Any) -> Any:
    """Return a name as it is spelt here, if it is one: PyTorch's ``LeakyReLU`` is our ``leaky_relu``."""
    if not isinstance(name, str):
        return name
    plain = re.sub(r"[\s_]", "", name).lower()
    return _ALIASES.get(plain, plain)


def _ours(activation: Any, framework: Framework) -> str:
    """Return our name of a hidden layer's activation."""
    given, number = activation if _is_numbered(activation) else (activation, None)
    name = _canonical(given)
    if name == "gelutanh":
        return "gelu"
    if name not in NAMES or (number is not None and name not in _CONSTANTS):
        raise ValueError(
            f"activations must be of {', '.join(NAMES)}, or gelu_tanh, sigmoid, linear; got {shown_value(activation)}"
        )
    _check_number(name, number, framework)
    return str(name)


def _check_number(name: str, number: float | None, framework: Framework) -> None:
    """Raise where an activation has another slope or alpha than ours, or may have."""
    if name == "leaky_relu" and number is None and framework == "keras":
        raise ValueError(
            "activations must say the slope of leaky_relu, which is 0.2 or 0.3 in Keras unless it is set, and 0.01 "
            "here: ('leaky_relu', 0.01)"
        )
    word, ours = _CONSTANTS.get(name, ("", None))
    if number is not None and number != ours:
        raise ValueError(f"activations must have {name} with {word} of {ours:g}; got {number:g}")
