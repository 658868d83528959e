"""The sides, each with the same two verbs: ``fit(X, y)`` from new weights, and ``predict_proba(X)``.

A side is imported when it is asked for, so that none has another's libraries in its process.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, Self

from numpy.typing import NDArray

from benchmarks.rows import BFLOAT16, COMPILED, FLOOR, NUMBA, NUMPY, PYTORCH, SKLEARN, Training


class Side(Protocol):
    """What every side can do; ``training`` and ``seed`` may be changed between fits."""

    training: Training
    seed: int

    def __init__(self, training: Training, seed: int) -> None: ...

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> Self:
        """Train from new weights on X (n_images, n_pixels) and labels y."""

    def predict_proba(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities (n_images, n_classes)."""


_HOMES = {
    NUMBA: ("ours", "OursNumba"),
    NUMPY: ("ours", "OursNumPy"),
    SKLEARN: ("sklearn_", "ScikitLearn"),
    PYTORCH: ("pytorch", "PyTorch"),
    COMPILED: ("pytorch", "PyTorchCompiled"),
    BFLOAT16: ("pytorch", "PyTorchBFloat16"),
    FLOOR: ("floor", "Floor"),
}
NAMES = tuple(_HOMES)
_LIBRARIES = {NUMBA: "numba", PYTORCH: "torch", COMPILED: "torch", BFLOAT16: "torch"}


def side(name: str) -> type[Side]:
    """Return the class of a side."""
    module, attribute = _HOMES[name]
    found: type[Side] = getattr(import_module(f"benchmarks.sides.{module}"), attribute)
    return found


def is_there(name: str) -> bool:
    """Tell whether a side's library is installed."""
    return name not in _LIBRARIES or find_spec(_LIBRARIES[name]) is not None
