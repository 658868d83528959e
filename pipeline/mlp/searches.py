"""Which of scikit-learn's searches or cross-validations a fit is part of, as the call stack tells."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any


class OtherProcess:
    """Stands for all searches of other processes, which send one fit at a time."""


OTHER_PROCESS = OtherProcess()


def inside_a_search() -> bool:
    """Tell whether a search or a cross-validation of scikit-learn is calling."""
    return next(_frames(), None) is not None


def calling_search() -> Any:
    """Return the estimator that scikit-learn's outermost search or cross-validation is of, or None where there is none.

    Of a search that is the search itself. In a process of its own a fit stands below no public function, and the search
    is ``OTHER_PROCESS``.
    """
    outermost: FrameType | None = None
    for frame in _frames():
        outermost = frame
    if outermost is None:
        return None
    if outermost.f_code.co_name.startswith("_"):
        return OTHER_PROCESS
    return outermost.f_locals.get("self", outermost.f_locals.get("estimator", OTHER_PROCESS))


def _frames() -> Iterator[FrameType]:
    """Yield the calls of scikit-learn's model selection on the stack, the innermost first."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the interpreter's documented way to its own stack
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection"):
            yield frame
        frame = frame.f_back
