"""One process at a time in a folder of artifacts, by a lock that ends with its process, however that ends.

While it is held there are two files in the folder: the lock, and one that says who has it. What a killed process leaves
of them is in the way of no other.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.files import making_folder
from pipeline.program import program
from pipeline.strict_json import read_json, to_json
from pipeline.text import shown

LOCK = ".lock"
"""The name of the file that is locked; git and DVC are told to look away."""

HOLDER = ".lock.json"
"""The name of the file that says who holds it, which systems would not let others read in the locked one."""


class InUseError(RuntimeError):
    """Another process works in a folder; the message says which, and how to wait for it."""


@contextmanager
def locking(folder: Path, *, wait: bool = False, say: Callable[[str], Any] | None = None) -> Iterator[None]:
    """Hold the lock of a folder, which is made where it is missing; a thread that has it already goes on.

    Parameters
    ----------
    folder : Path
        The folder.
    wait : bool, default=False
        Whether to wait where another has it.
    say : callable, optional
        What takes a line for a person: for whom is waited, or that the file system has no locks.

    Raises
    ------
    InUseError
        Where another has it, and is not to be waited for.
    OSError
        Where the folder cannot be made.
    """
    with making_folder(folder), ExitStack() as held:
        _enter(folder.resolve(), folder, held, say or (lambda _: None), wait=wait)
        yield


def _enter(folder: Path, name: Path, held: ExitStack, say: Callable[[str], Any], *, wait: bool) -> None:
    """Take the lock, or go on without one where there is no such thing."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - for start-up time

    lock = FileLock(folder / LOCK, is_singleton=True)  # of a path there is one, which counts how often it is taken
    again = lock.is_locked
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            holder = _read_holder(folder)
            if not wait:
                raise InUseError(f"{name} is in use by {holder}: wait for its end, as --wait does") from None
            say(f"{name} is in use by {holder}: waiting for its end")
            lock.acquire(timeout=-1, poll_interval=0.1)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, Timeout):
            raise
        say(f"warning: {name} cannot be locked ({shown(error)}): no other process may work there meanwhile")
        return
    held.callback(lock.release)
    if not again:
        held.callback(_leave, folder)
        _write_holder(folder)


def _leave(folder: Path) -> None:
    """Remove both files while the lock is held: who waits for it sees that, and makes the file anew."""
    for name in (HOLDER, LOCK):
        with suppress(OSError):  # Windows keeps what is open
            (folder / name).unlink()


def _write_holder(folder: Path) -> None:
    """Tell others who holds the lock."""
    about = {"pid": os.getpid(), "command": f"{program()} {shlex.join(sys.argv[1:])}".strip()}
    with suppress(OSError):  # a full disk will be told by who needs it
        (folder / HOLDER).write_text(to_json(about) + "\n", encoding="utf-8")


def _read_holder(folder: Path) -> str:
    """Return who holds the lock, in words."""
    try:
        about = read_json(folder / HOLDER)
        pid, words = (shown(about[name], limit) for name, limit in (("pid", 20), ("command", 200)))
    except (OSError, ValueError, LookupError, TypeError):  # it is just being written, or removed
        return "another process"
    return f"process {pid} ({words})"
