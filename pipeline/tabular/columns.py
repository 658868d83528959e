"""Columns of a table told apart by what they hold, numbers or categories, and brought to one form each.

What is read is a pandas ``DataFrame`` or an array. Nothing of pandas is imported: a column's dtype says what it is, and
where that says nothing ("object"), its values do.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.text import listed, shown_value

_NUMBERS, _CATEGORIES = "numbers", "categories"
_KINDS = {"i": _NUMBERS, "u": _NUMBERS, "f": _NUMBERS, "b": _CATEGORIES}
"""What a column holds, by the letter of its dtype's kind."""


def number_columns(X: Any) -> NDArray[np.bool_]:
    """Tell which columns hold numbers, (n_columns,); for a ``ColumnTransformer``.

    Parameters
    ----------
    X : DataFrame or array of shape (n_samples, n_columns)
        The table.

    Returns
    -------
    ndarray of bool
        True for integers and floats of whatever kind, and for a column of objects that are such or missing.

    Raises
    ------
    ValueError
        Where a column is neither of numbers nor of categories, with its name and what to do.

    Examples
    --------
    >>> number_columns(np.array([[1, "red"], [None, "blue"]], dtype=object))
    array([ True, False])
    """
    return np.array([kind == _NUMBERS for kind in _kinds(X)], dtype=bool)


def category_columns(X: Any) -> NDArray[np.bool_]:
    """Tell which columns hold categories, (n_columns,): text, booleans, pandas' categories, and what has no value.

    Parameters and errors are those of ``number_columns``.

    Examples
    --------
    >>> category_columns(np.array([[1, "red"], [None, "blue"]], dtype=object))
    array([False,  True])
    """
    return ~number_columns(X)


def as_numbers(X: Any) -> NDArray[np.floating[Any]]:
    """Return columns of numbers as floats, with NaN where one is missing; float32 stays so where all columns are.

    Raises
    ------
    ValueError
        Where something is no number, with its column.

    Examples
    --------
    >>> as_numbers(np.array([[1, None], [2.5, 3]], dtype=object))
    array([[1. , nan],
           [2.5, 3. ]])
    """
    columns = list(_columns(X))
    single = all(column.dtype == np.float32 for _, column in columns)
    out = np.empty((len(X), len(columns)), np.float32 if single else np.float64)
    for place, (name, column) in enumerate(columns):
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
            out[:, place] = column
        else:
            out[:, place] = [_number(value, name) for value in column]
    return out


def as_text(X: Any) -> NDArray[np.object_]:
    """Return columns of categories as text, with None where one is missing.

    So the same category is the same text whatever its type is: a number among text, or a whole number that has become
    a float because one beside it is missing.

    Examples
    --------
    >>> as_text(np.array([["red", True], [np.nan, 2.0]], dtype=object))
    array([['red', 'True'],
           [None, '2']], dtype=object)
    """
    columns = list(_columns(X))
    out = np.empty((len(X), len(columns)), dtype=object)
    for place, (_, column) in enumerate(columns):
        out[:, place] = [_text(value) for value in column]
    return out


def _kinds(X: Any) -> list[str]:
    """Return what each column holds; raise where it is neither."""
    kinds = {name: _kind(column) for name, column in _columns(X)}
    wrong = [f"{name} ({kind})" for name, kind in kinds.items() if kind not in (_NUMBERS, _CATEGORIES)]
    if wrong:
        raise ValueError(
            f"columns must hold numbers or categories; got {listed(wrong)}: turn them into numbers (of dates the year, "
            "the day of the week, the days since another), or leave them out"
        )
    return list(kinds.values())


def _kind(column: Any) -> str:
    """Return what a column holds, or in words what neither numbers nor categories are."""
    dtype = column.dtype
    if hasattr(dtype, "categories"):
        return _CATEGORIES
    if dtype.kind in _KINDS:
        return _KINDS[dtype.kind]
    if dtype.kind not in "OUT":
        return str(dtype)
    return _kind_of_values(column)


def _kind_of_values(values: Iterable[Any]) -> str:
    """Return what values hold: categories as soon as there is a text or a boolean, or nothing at all."""
    types = {type(value) for value in values if not _is_missing(value)}
    wrong = [one.__name__ for one in types if not issubclass(one, Real | Decimal | str | np.bool_)]
    if wrong:
        return f"of {', '.join(sorted(wrong))}"
    numbers = types and all(issubclass(one, Real | Decimal) and not issubclass(one, bool) for one in types)
    return _NUMBERS if numbers else _CATEGORIES


def _columns(X: Any) -> Iterator[tuple[str, Any]]:
    """Give each column and its name, which is its number where there is none."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        for place, name in enumerate(X.columns):
            yield str(name), X.iloc[:, place]
    else:
        rows = np.asarray(X)
        if rows.ndim != 2:
            raise ValueError(f"X must be a pandas DataFrame or an array in two dimensions; got {type(X).__name__}")
        for place in range(rows.shape[1]):
            yield str(place), rows[:, place]


def _is_missing(value: Any) -> bool:
    """Tell whether a value is None, NaN, or pandas' NA."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value  # noqa: PLR0124 - NaN is not


def _number(value: Any, name: str) -> float:
    if _is_missing(value):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"column {name} holds numbers; got {shown_value(value)}") from None


def _text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    whole = isinstance(value, float | np.floating) and value.is_integer()
    return str(int(value) if whole else value)
