"""The header of a model file: parameters, state and labels as words that strict JSON has, and back again."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.npy import read_dtype
from pipeline.images.deform import Deform
from pipeline.network import Adversary, Averaging, RateFactors, Schedule
from pipeline.parameters import snake_case
from pipeline.strict_json import parse_json, to_json
from pipeline.text import shown

FORMAT_VERSION = 1
"""What a header says of how its file is to be read."""

MAX_HEADER = 2**24
"""Bytes of a header, for some 100,000 epochs of history."""


def write_header(header: Mapping[str, Any]) -> bytes:
    """Return a header as JSON, the same for the same values.

    Raises
    ------
    ValueError
        Where it is longer than what is read.
    """
    text = to_json(_strict(header), sort_keys=True).encode()
    if len(text) > MAX_HEADER:
        raise ValueError(f"the history and the names of this model take {len(text)} bytes, more than {MAX_HEADER}")
    return text


def read_header(text: bytes) -> Any:
    """Return the value that JSON stands for: a mapping, if it is a header.

    Raises
    ------
    JsonError
        Where it is none that can be read.
    """
    return parse_json(text, constant=float, mapping=_number, unique=True)


def plain_value(value: Any) -> Any:
    """Return a parameter as ``params.yaml`` would have it; a generator is left out, since it has moved on."""
    if isinstance(value, Schedule | Averaging | Adversary | Deform | RateFactors):
        return {"name": snake_case(type(value).__name__), **value.get_params()}
    if isinstance(value, np.random.Generator | np.random.RandomState):
        return None
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):  # JSON would make text of keys
        return {"pairs": [[plain_value(key), plain_value(item)] for key, item in value.items()]}
    return [plain_value(item) for item in value] if isinstance(value, tuple | list) else value


def without_pairs(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Undo what ``plain_value`` does to mappings."""
    return {name: _unpaired(value) for name, value in parameters.items()}


def write_labels(labels: NDArray[Any]) -> dict[str, Any]:
    """Return labels as words and numbers with their type, dates as numbers.

    Raises
    ------
    ValueError
        For labels of a type that JSON has no word for.

    Examples
    --------
    >>> write_labels(np.array(["one", "two"]))
    {'dtype': '<U3', 'values': ['one', 'two']}
    """
    kind = labels.dtype.kind
    if kind not in _KINDS or (kind == "f" and labels.dtype.itemsize > 8):
        raise ValueError(f"labels of type {labels.dtype} have no word in JSON")
    values = labels.astype(np.int64) if kind in "mM" else np.char.decode(labels, "latin-1") if kind == "S" else labels
    return {"dtype": labels.dtype.str, "values": values.tolist()}


def read_labels(plain: Mapping[str, Any], max_bytes: int) -> NDArray[Any]:
    """Return the labels that ``write_labels`` was given.

    Parameters
    ----------
    plain : mapping
        What it returned.
    max_bytes : int
        How much they may take: a type may announce words of any width.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where it can have returned no such thing, or they would take more.
    """
    dtype, values = read_dtype(plain["dtype"]), plain["values"]
    if not isinstance(values, list) or not all(type(value) is _KINDS.get(dtype.kind) for value in values):
        raise ValueError(f"its labels must be a list of {dtype}; got {shown(values, 50)}")
    if len(values) * dtype.itemsize > max_bytes:
        raise ValueError(f"its labels would take {len(values) * dtype.itemsize} bytes; {max_bytes} are allowed for")
    if dtype.kind == "S":
        values = [value.encode("latin-1") for value in values]
    labels = np.array(values, np.int64).astype(dtype) if dtype.kind in "mM" else np.array(values, dtype)
    if write_labels(labels) != plain:
        raise ValueError(f"its labels must be of type {dtype}; got {shown(values, 50)}")
    return labels


_KINDS = {"b": bool, "i": int, "u": int, "f": float, "U": str, "S": str, "m": int, "M": int}
"""What labels are in JSON, by the kind of their type."""


def _unpaired(value: Any) -> Any:
    """Return the mapping that pairs stand for, and in a list the mappings."""
    if isinstance(value, list):
        return [_unpaired(item) for item in value]
    return dict(value["pairs"]) if isinstance(value, dict) and "pairs" in value else value


def _strict(value: Any) -> Any:
    """Return what JSON has a word for: a number that is infinite, or none, is a mapping with its name."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, tuple | list) else value


def _number(mapping: dict[str, Any]) -> Any:
    """Return the number that a mapping stands for, or the mapping; older files have the words of Python's JSON."""
    words = {"NaN", "Infinity", "-Infinity"}
    is_number = mapping.keys() == {"number"} and isinstance(mapping["number"], str) and mapping["number"] in words
    return float(mapping["number"]) if is_number else mapping
