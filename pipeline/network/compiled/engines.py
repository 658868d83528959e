"""Which form of the arithmetic trains a network: the plain one in NumPy, or the compiled one here.

Numba need not be installed; it is imported where it is decided on, and not before.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Samples
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer
from pipeline.network.parallel.updates import Updater

if TYPE_CHECKING:
    from pipeline.network.compiled.columns import SplitColumns
    from pipeline.network.compiled.stack import Stack
    from pipeline.network.layers import Affine

Array = NDArray[Any]
Engine = Literal["auto", "numpy", "numba"]
ENGINES = ("numpy", "numba")
"""What can train; ``auto`` is one of them."""


def has_numba() -> bool:
    """Return whether numba is installed; it is not imported for that."""
    return find_spec("numba") is not None


def decide_engine(engine: Engine) -> Literal["numpy", "numba"]:
    """Return the engine that trains here.

    Parameters
    ----------
    engine : {"auto", "numpy", "numba"}
        ``auto`` is numba where that is installed, and runs with this version of NumPy; not where it is told to compile
        nothing (``NUMBA_DISABLE_JIT``), as loops that are interpreted take a thousand times as long.

    Warns
    -----
    RuntimeWarning
        Where numba is installed and does not run, and ``auto`` does without.

    Raises
    ------
    ImportError
        For numba where there is none that runs.

    Examples
    --------
    >>> decide_engine("numpy")
    'numpy'
    """
    if engine == "numpy" or (engine == "auto" and not has_numba()):
        return "numpy"
    try:
        from pipeline.network.compiled import jit, updater  # noqa: F401, PLC0415 - numba is an extra
    except Exception as error:  # what comes of versions that do not fit, or of a library that cannot be loaded
        if engine == "auto":
            warnings.warn(
                f"numba does not run, so that NumPy trains, more slowly: {error}", RuntimeWarning, stacklevel=2
            )
            return "numpy"
        raise ImportError(f"engine 'numba' needs numba, which the extra fast installs: {error}") from error
    return "numpy" if engine == "auto" and jit.DISABLED else "numba"


def updater_class(engine: Engine) -> type[Updater]:
    """Return what makes updates by an engine, as ``decide_engine`` takes it: ``Updater``, or the one in ``updater``."""
    if decide_engine(engine) == "numpy":
        return Updater
    from pipeline.network.compiled.updater import CompiledUpdater  # noqa: PLC0415 - numba is an extra

    return CompiledUpdater


def stack_key(updater: Updater, samples: Samples, batch_size: int) -> tuple[Any, ...] | None:
    """Return what networks must share to be trained as a stack, None for one that cannot be, by what updates it."""
    if type(updater) is Updater:
        return None
    from pipeline.network.compiled import stack  # noqa: PLC0415 - numba is an extra

    return stack.stack_key(updater, samples, batch_size)


def split_columns(samples: Samples) -> "SplitColumns":
    """Return inputs as stacks take them, so that several threads can share them."""
    from pipeline.network.compiled.columns import SplitColumns  # noqa: PLC0415 - numba is an extra

    return SplitColumns(samples, samples.X.shape[1])


def predict_side_by_side(networks: Sequence[Network], split: "SplitColumns") -> list[Array]:
    """Return P of several networks, whose first layers are affine, for samples as ``split_columns`` returned them."""
    predictions = [np.empty((len(split.columns.dense), network.n_out), network.dtype) for network in networks]
    firsts = [cast("Affine", network.layers[0]) for network in networks]
    for rows, products in split.products([first.W for first in firsts]):
        for network, first, Z, P in zip(networks, firsts, products, predictions, strict=True):
            A = Z + first.b if first.bias else Z.copy()
            for layer in network.layers[1:]:
                A = layer.forward(A, out=A if layer.elementwise else None)
            P[rows] = network.loss.predictions(A, out=A)
    return predictions


def make_stacks(
    updaters: Sequence[Any], samples: Samples, columns: "Callable[[], SplitColumns] | None" = None
) -> "list[Stack]":
    """Return networks of one ``stack_key``, in their order, as stacks to be trained on the same samples.

    ``columns`` returns what ``split_columns`` makes of the samples, where others need it as well.
    """
    from pipeline.network.compiled import stack  # noqa: PLC0415 - numba is an extra

    shared, size = split_columns(samples) if columns is None else columns(), stack.MAX_NETWORKS
    return [stack.Stack(updaters[at : at + size], samples, shared) for at in range(0, len(updaters), size)]


def uncompiled(network: Network, engine: Engine) -> list[str]:
    """Return which parts of a network are NumPy's though an engine is numba, as they have no compiled form."""
    if decide_engine(engine) == "numpy":
        return []
    from pipeline.network.compiled.forms import without_compiled_form  # noqa: PLC0415 - numba is an extra

    return without_compiled_form(network)


def watching_compilation(engine: Engine, *calls: Callable[[], None]) -> AbstractContextManager[None]:
    """Have functions called before loops are compiled, once and for seconds, after each, and after all."""
    if not has_numba() or decide_engine(engine) == "numpy":
        return nullcontext()
    from pipeline.network.compiled.jit import watching  # noqa: PLC0415 - numba is an extra

    return watching(*calls)


def backpropagate(network: Network, X: Array, Y: Array, engine: Engine = "numpy") -> None:
    """Leave the gradient in ``grads`` that training with a batch goes by: an update whose rule does nothing.

    Parameters
    ----------
    network : Network
        Whose gradient it is.
    X, Y : ndarray of shape (n_samples, n_in), (n_samples, n_out)
        The batch.
    engine : {"auto", "numpy", "numba"}
        What makes the update.
    """
    optimizer = _NoStep()
    optimizer.start(network.params)
    updater_class(engine)(network, optimizer).update(Samples(*network.as_batch(X, Y)), slice(0, len(X)), 0.0)


class _NoStep(Optimizer):
    """w <- w."""

    def update(self, w: Array, g: Array, eta: Any, scratch: Array) -> None:
        """Leave all as it is."""
