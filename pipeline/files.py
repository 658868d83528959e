"""Files and folders that are there whole or not at all, and a look beforehand at whether they can be.

What is unfinished lies beside its place, under a name that begins with a dot and ends with ``.tmp``. Its process holds
a lock on it, which ends with the process, however that ends. So what is not locked was left behind by one that was
killed, and the next that writes to the same place removes it. Where the system or the file system has no such locks,
nothing is removed.
"""

import errno
import os
import re
import secrets
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # and all that use it ask whether it is there

_OURS = "digits-pipeline"
"""What names in the system's temporary folder begin with, after a dot."""

SUFFIX = ".tmp"
"""What the name of all that is unfinished ends with; git and DVC are told to look away."""

_OF_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini", ".nfs*", f".*-{'[0-9a-f]' * 8}{SUFFIX}")
"""Patterns of the names of files that systems leave behind, and of our own that are unfinished: no loss to anyone."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a system says where there is no space left: on the disk, for this user, or in one file."""


class UnwritableError(OSError):
    """A place cannot be written to; the message says which, why, and what to choose instead."""


class FullDiskError(UnwritableError):
    """There is no space left for a file; the message says which, and how much it takes."""


def is_full(error: BaseException) -> bool:
    """Tell whether an error says that there is no space left for a file."""
    return isinstance(error, FullDiskError) or (isinstance(error, OSError) and error.errno in _FULL)


@contextmanager
def naming_full_disk(path: Path, n_bytes: int | None = None, place: Path | None = None) -> Iterator[None]:
    """Have an error of a full disk, which names no file of itself, say which file it is and how much that takes.

    Parameters
    ----------
    path : Path
        The file as it is being written, or the folder of files.
    n_bytes : int, optional
        How large it will be, where that is known.
    place : Path, optional
        What to call it in its stead. In an unfinished folder it is called by its place in the finished one.

    Raises
    ------
    FullDiskError
        In the place of the system's error.
    """
    try:
        yield
    except (OSError, ValueError) as error:  # an archive that cannot be closed is a ValueError after the one that counts
        causes = error, error.__context__
        if isinstance(error, FullDiskError) or not any(cause is not None and is_full(cause) for cause in causes):
            raise
        reason = next(cause for cause in causes if cause is not None and is_full(cause))
        raise FullDiskError(_describe_full(reason, path, n_bytes, _place(place or path))) from error


def _describe_full(error: BaseException, path: Path, n_bytes: int | None, place: Path) -> str:
    """Say which file there is no space for, how much it takes, and how much there is."""
    written = [one.lstat() for one in ([path] if path.is_file() else path.rglob("*"))]
    takes = f"{n_bytes} bytes" if n_bytes is not None else f"more than {sum(one.st_size for one in written)} bytes"
    words = f"{place} cannot be written: {getattr(error, 'strerror', None) or error}; it takes {takes}"
    if getattr(error, "errno", None) == errno.EFBIG:  # which has nothing to do with what is free
        return words
    free = shutil.disk_usage(path.parent).free + sum(512 * getattr(one, "st_blocks", 0) for one in written)
    return f"{words}, and {free} are free there"


def _place(path: Path) -> Path:
    """Return where a file of an unfinished folder will be."""
    unfinished = rf"\.([^/\\]+)-[0-9a-f]{{8}}{re.escape(SUFFIX)}[/\\]made"
    return Path(re.sub(unfinished, r"\1", str(path)))


@contextmanager
def new_file(path: Path, n_bytes: int | None = None) -> Iterator[BinaryIO]:
    """Hand over a new file, to be written in order, in a folder that is itself unfinished.

    Parameters
    ----------
    path : Path
        Where.
    n_bytes : int, optional
        How large it will be, for the error where the disk is full.

    Raises
    ------
    FullDiskError
        Where there is no space for it.
    """
    with naming_full_disk(path, n_bytes), path.open("wb") as file:
        yield file


def write_new(path: Path, content: str | bytes) -> None:
    """Write a file, in UTF-8 where it is a text, in a folder that is itself unfinished."""
    data = content.encode() if isinstance(content, str) else content
    with new_file(path, len(data)) as file:
        file.write(data)


_ONLY_WRITABLE = os.name == "nt"
"""Whether nothing but what may be written can be flushed and moved; DVC's cache makes its files read-only."""


def link_file(source: Path, target: Path) -> bool:
    """Have a file under a second name, in a folder that is itself unfinished, without a copy.

    Parameters
    ----------
    source : Path
        What is there.
    target : Path
        The second name; there is none yet.

    Returns
    -------
    bool
        False where the file system, or the owner of the file, does not allow that; then there is no second name.
    """
    there = source.resolve()
    if _ONLY_WRITABLE and not os.access(there, os.W_OK):  # the folder could not be moved
        return False
    try:
        os.link(there, target)
    except OSError:
        return False
    return True


@contextmanager
def replacing_file(path: Path, n_bytes: int | None = None) -> Iterator[BinaryIO]:
    """Hand over a new file, and put it in the place of ``path`` when all went well; else it leaves no trace.

    Parameters
    ----------
    path : Path
        The place.
    n_bytes : int, optional
        How large it will be, for the error where the disk is full.

    Raises
    ------
    FullDiskError
        Where there is no space for it.
    FileNotFoundError
        Where there is no such folder.
    """
    _clear(path.parent, path.name, Path.unlink)
    temporary, lock = _claim(path.parent, path.name, lambda new: new.touch(exist_ok=False))
    try:
        with naming_full_disk(temporary, n_bytes, path), temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        _release(lock)


def replace_file(path: Path, content: str | bytes) -> None:
    """Put a file in the place of ``path``, whole or not at all; a text is written in UTF-8."""
    data = content.encode() if isinstance(content, str) else content
    with replacing_file(path, len(data)) as file:
        file.write(data)


@contextmanager
def replacing_folder(target: Path, known: Collection[str] | None = None) -> Iterator[Path]:
    """Hand over an empty folder, and put it in the place of ``target`` when all went well.

    On an error the old folder stays as it was, and nothing half-written stays behind.

    Parameters
    ----------
    target : Path
        The place; a link is replaced, not followed.
    known : collection of str, optional
        Patterns of the files that may be deleted with the old folder. Where it has got others by then, it is kept
        beside the new one, and a warning names it. None is all files.
    """
    with making_folder(target.parent):
        sweep(target.parent, [target.name])
        yield from _replaced(target, known)


def _replaced(target: Path, known: Collection[str] | None) -> Iterator[Path]:
    """Hand over an empty folder beside ``target``, and put it in its place."""
    with _scratch(target.parent, target.name) as scratch:
        made, aside = scratch / "made", scratch / "aside"
        made.mkdir()
        yield made
        _flush(made)
        old = made if _exchange(made, target) else aside
        if old is aside:
            _rename_both(made, target, aside)
        if known is not None and find_foreign(old, known):
            _keep_beside(target, old)


def _rename_both(made: Path, target: Path, aside: Path) -> None:
    """Put a folder in the place of another, or of none, where the system cannot exchange the two at once."""
    try:
        if os.path.lexists(target):
            target.rename(aside)
        made.rename(target)
    except BaseException:  # an interruption between the two as well: what is aside is about to be deleted
        if os.path.lexists(aside) and not os.path.lexists(target):
            aside.rename(target)
        raise


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders at once, so that no moment has one name alone; False where that cannot be."""
    call = _exchanging_call()
    return call is not None and os.path.lexists(other) and call(os.fsencode(one), os.fsencode(other)) == 0


@cache
def _exchanging_call() -> Callable[[bytes, bytes], int] | None:
    """Return the system's call that exchanges two names, which returns 0 where it has done so."""
    import ctypes  # noqa: PLC0415 - for start-up time

    with suppress(OSError, AttributeError, TypeError):  # no such library, no such call in it
        library = ctypes.CDLL(None)
        if sys.platform == "linux":
            at, path, flags = ctypes.c_int, ctypes.c_char_p, ctypes.c_uint
            of_linux = library.renameat2
            of_linux.argtypes = [at, path, at, path, flags]
            here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE
            return lambda one, other: of_linux(here, one, here, other, exchange)
        if sys.platform == "darwin":
            of_macos = library.renamex_np
            of_macos.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
            return lambda one, other: of_macos(one, other, 2)  # RENAME_SWAP
    return None


def sweep(folder: Path, names: Iterable[str]) -> None:
    """Remove what killed processes have left of folders of some names, and give back an old one that is nameless.

    Parameters
    ----------
    folder : Path
        The folder that they are in.
    names : iterable of str
        The names that they have when they are finished.
    """
    for name in names:
        _clear(folder, name, partial(_remove_folder, folder / name))


def find_foreign(folder: Path, known: Collection[str]) -> Path | None:
    """Return what is no file of a folder that is known, and would be lost with it.

    Parameters
    ----------
    folder : Path
        It need not be there.
    known : collection of str
        Patterns of the names of files, below the folder and with ``/`` in between.

    Returns
    -------
    Path or None
        The first file of another name; the folder itself, where a file or a link stands in its place; or None.
    """
    if not os.path.lexists(folder):
        return None
    if folder.is_symlink() or not folder.is_dir():
        return folder
    files = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return next((path for path in files if not _is_known(path.relative_to(folder), known)), None)


def _is_known(path: Path, known: Collection[str]) -> bool:
    ours = any(fnmatchcase(path.as_posix(), pattern) for pattern in known)
    return ours or any(fnmatchcase(part, pattern) for part in path.parts for pattern in _OF_SYSTEMS)


def _keep_beside(target: Path, old: Path) -> None:
    """Keep a folder whose place another has taken, for it has got files while that was made."""
    aside = target.with_name(f"{target.name}.old-{secrets.token_hex(4)}")
    old.rename(aside)
    warnings.warn(f"{target} has got files of another origin meanwhile; they are in {aside}", stacklevel=4)


@contextmanager
def making_folder(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Make a folder, and those above it, where they are missing; on an error, remove those that are still empty."""
    path = Path(folder)
    missing = [one for one in (path, *path.parents) if not one.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for one in missing:
            with suppress(OSError):  # something is in it by now, or it is not there
                one.rmdir()
        raise


@contextmanager
def temporary_folder(parent: str | os.PathLike[str] | None = None, name: str | None = None) -> Iterator[Path]:
    """Hand over an empty folder that is deleted afterwards; by the next one of its name, where its process is killed.

    Parameters
    ----------
    parent : path, optional
        Where to make it; in the system's folder for such, where it is left out.
    name : str, optional
        What its name begins with, after a dot; the project's, where it is left out.
    """
    where, what = Path(parent or tempfile.gettempdir()), name or _OURS
    _clear(where, what, shutil.rmtree)
    with _scratch(where, what) as scratch:
        yield scratch


def sweep_temporary() -> None:
    """Remove what killed processes have left in the system's temporary folder."""
    _clear(Path(tempfile.gettempdir()), _OURS, shutil.rmtree)


def check_replaceable(path: Path, advice: str) -> None:
    """See that a file or folder can be made, or put in the place of the one that is there; nothing is left behind.

    Parameters
    ----------
    path : Path
        Where to; folders above it need not be there yet.
    advice : str
        What a person can choose instead, for the error's message.

    Raises
    ------
    UnwritableError
        Where that cannot be.
    """
    if os.path.ismount(path):
        raise UnwritableError(f"{path} is a mount point and cannot be replaced; {advice}")
    if path.is_dir() and not path.is_symlink() and not os.access(path, os.W_OK):  # to move it takes as much
        raise UnwritableError(f"{path} cannot be replaced, for it cannot be written to; {advice}")
    there = next(folder for folder in (path.absolute(), *path.absolute().parents)[1:] if os.path.lexists(folder))
    try:
        trial, lock = _claim(there, path.name, Path.mkdir)
        trial.rmdir()
        _release(lock)
    except OSError as error:
        raise UnwritableError(f"{path} cannot be written, {there}: {error.strerror or error}; {advice}") from error


def _remove_folder(target: Path, left: Path) -> None:
    """Remove what was left behind, but for an old folder that a kill between the two renamings has left nameless."""
    aside = left / "aside"
    if os.path.lexists(aside) and not os.path.lexists(target):
        aside.rename(target)
    shutil.rmtree(left)


@contextmanager
def _scratch(parent: Path, name: str) -> Iterator[Path]:
    """Hand over an empty folder of this process alone, and delete it afterwards."""
    path, lock = _claim(parent, name, lambda new: new.mkdir(mode=0o700))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)  # what stays of it, the next one removes
        _release(lock)


def _claim(parent: Path, name: str, make: Callable[[Path], None]) -> tuple[Path, int | None]:
    """Make a file or folder of a new name and lock it; None for the lock where there is no such thing."""
    while True:
        path = parent / f".{name}-{secrets.token_hex(4)}{SUFFIX}"
        try:
            make(path)
        except FileNotFoundError as error:  # the folder is missing, not what has a name of chance
            raise FileNotFoundError(error.errno, error.strerror, str(parent)) from error
        try:
            return path, _lock(path)
        except (BlockingIOError, FileNotFoundError):
            continue  # another process has seen it without a lock, and is removing it
        except OSError:  # a file system without locks
            return path, None


def _clear(parent: Path, name: str, remove: Callable[[Path], None]) -> None:
    """Remove what killed processes have left unfinished in a folder; what cannot be removed stays."""
    pattern = re.compile(rf"\.{re.escape(name)}-[0-9a-f]{{8}}{re.escape(SUFFIX)}")
    found: list[Path] = []
    with suppress(OSError):  # a folder that is not there yet, or cannot be read
        found = [path for path in parent.iterdir() if pattern.fullmatch(path.name)]
    for path in found:
        with suppress(OSError):  # it is held, or gone
            lock = _lock(path)
            if lock is not None:
                try:
                    remove(path)
                finally:
                    _release(lock)


def _lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock of a file or folder until it is closed; None where there are no locks.

    Raises
    ------
    BlockingIOError
        Where another has it.
    FileNotFoundError
        Where it is there no more.
    """
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe of this name waits for no writer
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(descriptor), path.lstat())
    except BaseException:
        os.close(descriptor)
        raise
    if not same:
        os.close(descriptor)
        raise FileNotFoundError(path)
    return descriptor


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _flush(folder: Path) -> None:
    """Have every file of a folder on the disk before the folder takes its place."""
    for path in folder.rglob("*"):
        if path.is_file():
            n_bytes = path.stat().st_size
            with naming_full_disk(path, n_bytes), path.open("r+b" if _ONLY_WRITABLE else "rb") as file:
                os.fsync(file.fileno())
