"""Which form of the arithmetic trains a network: the plain one in NumPy, or the compiled one beside it."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Literal

from pipeline.network.parallel.updates import Updater

Engine = Literal["auto", "numpy", "numba"]


def has_numba() -> bool:
    """Return whether numba is installed; it is not imported for that."""
    return find_spec("numba") is not None


def watching_compilation(engine: Engine, *calls: Callable[[], None]) -> AbstractContextManager[None]:
    """Have functions called before loops are compiled, once and for seconds, after each, and after all."""
    if not has_numba() or updater_class(engine) is Updater:
        return nullcontext()
    from pipeline.network.compiled.jit import watching  # noqa: PLC0415 - numba is an extra

    return watching(*calls)


def updater_class(engine: Engine) -> type[Updater]:
    """Return what makes updates: the plain ``Updater``, or the one in ``compiled``.

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
    >>> updater_class("numpy").__name__
    'Updater'
    """
    if engine == "numpy" or (engine == "auto" and not has_numba()):
        return Updater
    try:
        from pipeline.network.compiled import jit, updater  # noqa: PLC0415 - numba is an extra
    except Exception as error:  # what comes of versions that do not fit, or of a library that cannot be loaded
        if engine == "auto":
            warnings.warn(
                f"numba does not run, so that NumPy trains, more slowly: {error}", RuntimeWarning, stacklevel=2
            )
            return Updater
        raise ImportError(f"engine 'numba' needs numba, which the extra fast installs: {error}") from error
    return Updater if engine == "auto" and jit.DISABLED else updater.CompiledUpdater
