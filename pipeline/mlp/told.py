"""What a search or a cross-validation was told of already, so that one warning does not come for each fold."""

from typing import Any
from weakref import WeakKeyDictionary

from pipeline.mlp.searches import calling_search

_TOLD: "WeakKeyDictionary[Any, set[str]]" = WeakKeyDictionary()
"""Searches, and estimators in a cross-validation, with what they were told of."""


def is_told_already(what: str) -> bool:
    """Tell whether this search has had this warning; where there is no search, the answer is no."""
    owner = calling_search()
    if owner is None:
        return False
    try:
        told = _TOLD.setdefault(owner, set())
    except TypeError:  # an estimator may forbid to be remembered
        return False
    known = what in told
    told.add(what)
    return known
