"""How this program was called, and how it begins: its name in advice, and Ctrl-C before there is anything to clear up.

Imports nothing of weight, since it runs first.
"""

import os
import signal
import sys

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


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


def leave_on_interrupt() -> None:
    """Have Ctrl-C end the process at once with one line, until ``work_begins``: an import may not survive an exception.

    Where Ctrl-C is ignored, as in the background of a shell, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def work_begins() -> None:
    """Have Ctrl-C raise ``KeyboardInterrupt`` from here on, so that what is half done is cleared up."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def explain_missing(error: ModuleNotFoundError) -> str:
    """Return what to do where a package that this program needs is not installed.

    Examples
    --------
    >>> explain_missing(ModuleNotFoundError("No module named 'typer'", name="typer"))  # doctest: +ELLIPSIS
    "the package typer is not installed for ...: activate the virtual environment that has it, or `pip install -e .`"
    """
    name = (error.name or "").partition(".")[0]
    return (
        f"the package {name} is not installed for {sys.executable}: activate the virtual environment that has it, or "
        "`pip install -e .` in a clone of the repository"
    )
