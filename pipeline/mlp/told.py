"""What a search or a cross-validation was told of already, so that one warning does not come for each fold."""

import sys
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

_TOLD: "WeakKeyDictionary[Any, set[str]]" = WeakKeyDictionary()
"""Searches, and estimators in a cross-validation, with what they were told of."""


class _Worker:
    """Stands for all searches of other processes, which send one fit at a time."""


_WORKER = _Worker()


def is_told_already(what: str) -> bool:
    """Tell whether this search has had this warning; where there is no search, the answer is no."""
    owner = _search()
    if owner is None:
        return False
    try:
        told = _TOLD.setdefault(owner, set())
    except TypeError:  # an estimator may forbid to be remembered
        return False
    known = what in told
    told.add(what)
    return known


def _search() -> Any:
    """Return what scikit-learn's outermost search or cross-validation on the call stack is of, or None."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the interpreter's documented way to its own stack
    outermost: FrameType | None = None
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection"):
            outermost = frame
        frame = frame.f_back
    if outermost is None:
        return None
    if outermost.f_code.co_name == "_fit_and_score":
        return _WORKER
    return outermost.f_locals.get("self", outermost.f_locals.get("estimator", _WORKER))
