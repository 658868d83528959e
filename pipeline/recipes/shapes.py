"""What documents of results must look like: told before a figure of them is used, by the place where they do not.

A shape is a predicate; a list of one shape, for a list of such; or a mapping, of names to shapes. A name that ends with
``?`` need not be there; names that a shape does not have are not looked at.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.parameters import ParameterError
from pipeline.text import shown, shown_value

Shape = Callable[[Any], bool] | list[Any] | Mapping[str, Any]


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number, which a float holds."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, float) and math.isfinite(value)


def is_count(value: Any) -> bool:
    """Tell whether a value is a whole number that is not negative."""
    return is_number(value) and isinstance(value, int) and value >= 0


def is_text(value: Any) -> bool:
    """Tell whether a value is a text."""
    return isinstance(value, str)


def _is_widths(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(is_count, value))


def _is_losses(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(is_number, value))


def _is_history(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_losses, value.values()))


_TEST = {"test": {"error_rate": is_number, "accuracy": is_number}}
_VALIDATION = {"validation": {"error_rate": is_number}}
RUN: Shape = {
    "seed": is_count,
    "seconds": is_number,
    **_TEST,
    "layers?": _is_widths,
    "wrong?": [is_count],
    "engine?": is_text,
    "machine?": is_text,
    "history?": _is_history,
    "gradcheck?": [{"mean": is_number}],
    "numerical?": {"losses": _is_losses},
    "members?": [{"seconds": is_number, "recipe?": is_text, **_TEST}],
    "without_averaging?": _TEST,
}
"""What a seed of a recipe came to."""

TRIAL: Shape = {"seed": is_count, "seconds": is_number, **_VALIDATION, "without_averaging?": _VALIDATION}
"""What a seed of a trial came to."""

TRAINING_COST: Mapping[str, Shape] = {
    "layers": _is_widths,
    "n_parameters": is_count,
    "epochs": is_count,
    "updates": is_count,
    "seconds": is_number,
}
"""How large a network is, and what it took to train it."""

ENVIRONMENT: Shape = {
    "machine": {"cores": is_count, "system": is_text, "processor": is_text, "model?": is_text},
    "versions": {"numpy": is_text},
    "blas": [{"num_threads": is_count}],
}
"""Where results were made."""


def check(path: Path, value: Any, shape: Shape, where: str = "") -> None:
    """Raise unless a value of a document has a shape.

    Raises
    ------
    ParameterError
        Naming the file and the place in it.
    """
    wrong = find_misfit(value, shape, where)
    if wrong is not None:
        raise ParameterError(f"{path} is damaged: {shown(wrong)}")


def find_misfit(value: Any, shape: Shape, where: str = "") -> str | None:
    """Return in words where a value does not have a shape, and what is there; None where it has.

    Examples
    --------
    >>> find_misfit({"runs": [{"seed": 1}, {"seed": "two"}]}, {"runs": [{"seed": is_count}]})
    "runs[1].seed must not be 'two'"
    >>> find_misfit([], {"runs?": [is_count]})
    'the whole must be a mapping'
    >>> find_misfit({}, {"runs": [is_count]})
    'runs is missing'
    """
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where or 'the whole'} must be a list"
        misfits = (find_misfit(item, shape[0], f"{where}[{number}]") for number, item in enumerate(value))
        return next((misfit for misfit in misfits if misfit), None)
    if not isinstance(shape, Mapping):
        return None if shape(value) else f"{where} must not be {shown_value(value, 50)}"
    if not isinstance(value, dict):
        return f"{where or 'the whole'} must be a mapping"
    for key, part in shape.items():
        name = key.removesuffix("?")
        place = f"{where}.{name}" if where else name
        if name in value and (misfit := find_misfit(value[name], part, place)):
            return misfit
        if name == key and name not in value:
            return f"{place} is missing"
    return None
