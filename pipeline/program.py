"""How this program was called, how it begins and how it ends: its name in advice, and signals that tell it to end.

Imports nothing of weight, since it runs first.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from types import FrameType

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
ENDING = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""What tells a process to end: a scheduler, or a terminal that is closed (Windows has no such signal)."""


def program() -> str:
    """Return what a person types to call this program: ``digits`` if it was called so, else ``python -m pipeline``."""
    stem = os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0]  # noqa: PTH119, PTH122 - imports first
    return "digits" if stem == "digits" else "python -m pipeline"


def command(*words: str) -> str:
    """Return a command of this program as advice shows it, to be typed as it stands.

    Examples
    --------
    >>> command("train")
    '`python -m pipeline train`'
    """
    return f"`{' '.join([program(), *words])}`"


def leave_on_signals() -> None:
    """Have Ctrl-C and the like end the process at once, until ``work_begins``: an import may not survive an exception.

    What is ignored, as Ctrl-C in the background of a shell or a closed terminal under ``nohup``, stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    _replace(ENDING, signal.SIG_DFL, _leave)


def work_begins() -> None:
    """Have signals raise an exception from here on, so that what is half done is cleared up.

    That is ``KeyboardInterrupt`` for Ctrl-C and ``SystemExit`` for those that tell the process to end.
    """
    _replace([signal.SIGINT], _leave, signal.default_int_handler)
    _replace(ENDING, _leave, _end)


_Handler = Callable[[int, FrameType | None], object] | int


def _replace(signals: Iterable[signal.Signals], before: _Handler, after: _Handler) -> None:
    for one in signals:
        if signal.getsignal(one) is before:
            signal.signal(one, after)


def _leave(number: int, _: object) -> None:
    if number == signal.SIGINT:
        os.write(2, b"interrupted\n")
    os._exit(128 + number)


def _end(number: int, _: object) -> None:
    _replace(ENDING, _end, signal.SIG_IGN)  # a terminal that closes sends several, and what is cleared up must not stop
    sys.exit(128 + number)


def end_with(parent: int) -> None:
    """Have this process end within a second or two of its parent, however that ends: for processes that work for it.

    Parameters
    ----------
    parent : int
        The parent's process id. Windows does not tell when a parent has ended, and there this does nothing.
    """
    import threading  # noqa: PLC0415 - for start-up time

    if os.name != "nt":
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    import time  # noqa: PLC0415 - for start-up time

    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def explain_missing(error: ModuleNotFoundError) -> str:
    """Return what to do where a package that this program needs is not installed.

    Examples
    --------
    >>> explain_missing(ModuleNotFoundError("No module named 'typer'", name="typer"))  # doctest: +ELLIPSIS
    'the package typer is not installed for ...: activate the virtual environment that has it, or ...'
    """
    name = (error.name or "").partition(".")[0]
    return (
        f"the package {name} is not installed for {sys.executable}: activate the virtual environment that has it, or "
        "`pip install -e .` in a clone of the repository"
    )
