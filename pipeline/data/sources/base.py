"""What every source has in common: it puts the four files of a data set into a folder, or says why it cannot.

A source is trusted with nothing: what it has brought is checked by ``pipeline.data.download``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pipeline.progress import Progress


class SourceError(RuntimeError):
    """A source cannot bring a data set, and would not be able to if it tried again; the message says why."""


@dataclass(frozen=True)
class Transfer:
    """How files are brought.

    Attributes
    ----------
    timeout : float
        Seconds to wait for a server that says nothing.
    retries : int
        How often to try again after a failure that may pass.
    progress : Progress
        What hears how far it is.
    link : bool, default=False
        Whether raw files of a folder are brought as second names of the same files, where that can be.
    """

    timeout: float
    retries: int
    progress: Progress
    link: bool = False

    @contextmanager
    def shown(self, what: str, n_bytes: int | None = None) -> Iterator[None]:
        """Tell the progress that something of so many bytes is on its way, until it is here or not."""
        with self.steps(what, n_bytes, "B"):
            yield

    @contextmanager
    def steps(self, what: str, total: int | None, unit: str) -> Iterator[None]:
        """Tell the progress that work of so many units goes on, until it is done or not."""
        self.progress.begin(what, total, unit)
        try:
            yield
        finally:
            self.progress.end()


Files = Mapping[str, str | None]
"""The names of a data set's files, and the SHA-256 of each where it is known."""


class Source(ABC):
    """A place that a data set can be brought from.

    Attributes
    ----------
    kind : str
        The word for sources of this kind, as ``Fetch(source=...)`` takes it.
    remote : bool
        Whether it reaches beyond this machine, so that what it brought is worth keeping.
    """

    kind: ClassVar[str]
    remote: ClassVar[bool] = True

    @abstractmethod
    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:
        """Put the files into a folder, under their names.

        Raises
        ------
        SourceError, OSError, ValueError
            With the reason why not.
        """
