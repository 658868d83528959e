"""What the five stages have in common: an object whose constructor is its whole configuration, with a ``run``.

``run`` reads folders of artifacts, calls the object's own scikit-learn verb, and puts one new folder in place of the
old one, whole or not at all.
"""

import glob
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from pipeline.artifacts import MAKERS, known_names, remedy
from pipeline.files import UnwritableError, check_replaceable, find_foreign, naming_full_disk, replacing_folder, sweep
from pipeline.locking import locking
from pipeline.notebook import progress_here
from pipeline.parameters import check_parameters, parameters_of
from pipeline.program import command
from pipeline.progress import Progress
from pipeline.provenance import (
    RECORD,
    ProvenanceError,
    Record,
    all_inputs,
    digest_folder,
    find_mismatch,
    list_files,
    plain,
    read_record,
    write_record,
)


class MissingInputError(FileNotFoundError):
    """A folder that a stage reads, or a file in it, is not there; the message says which command makes it."""


class Stage(ABC):
    """A step of the workflow: ``reads`` folders of the artifacts and ``writes`` one.

    A subclass is a scikit-learn object as well, and has the names of its folders and ``_run``.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[str]

    def run(
        self, artifacts: str | os.PathLike[str], progress: Progress | None = None, *, wait: bool = False
    ) -> dict[str, Any]:
        """Read what the stages before have made, do the work, and put this stage's folder in place.

        Parameters
        ----------
        artifacts : path
            The folder that holds a folder for each stage.
        progress : Progress, optional
            What hears how far the work is. Left out, a line that changes in place tells it in a notebook, and nothing
            elsewhere.
        wait : bool, default=False
            Whether to wait for a process that works in the folder.

        Returns
        -------
        dict
            What was done, in figures and words that print well.

        Raises
        ------
        ParameterError
            Where a parameter is not allowed.
        MissingInputError
            Where an input is missing, or a file of it.
        UnwritableError
            Where this stage's folder cannot be written, or has files that no stage has made.
        InUseError
            Where another process works in the folder, and is not to be waited for.
        ProvenanceError
            Where inputs do not fit together: one was made from another than is there now.
        """
        check_parameters(self)
        root = Path(artifacts)
        sweep(root, MAKERS)
        for name in self.reads:
            if not (root / name).is_dir():
                raise _missing_input(f"{root / name} is missing", root, name)
        self.check_output(root)
        progress = progress or progress_here()
        with locking(root, wait=wait, say=progress.say):
            return self._replace(root, progress)

    def _replace(self, root: Path, progress: Progress) -> dict[str, Any]:
        """Do the work, and put this stage's folder in place; no other process is at work there."""
        self._inputs = self._check_inputs(root)
        with replacing_output(root, self.writes) as folder:
            try:
                with naming_full_disk(folder):
                    done = self._run(root, folder, progress)
            except FileNotFoundError as error:
                _name_maker(error, root, self.reads)
                raise
            record = Record(MAKERS[self.writes], self.recorded_parameters(), self._inputs, list_files(folder))
            write_record(folder, record)
        return done

    def check_output(self, artifacts: str | os.PathLike[str]) -> None:
        """See that this stage's folder can be written, before any work is done.

        Parameters
        ----------
        artifacts : path
            The folder that holds a folder for each stage.

        Raises
        ------
        UnwritableError
            Where it cannot, or something would be deleted that no stage has made.
        """
        check_output(Path(artifacts), self.writes)

    def recorded_parameters(self) -> dict[str, Any]:
        """Return the parameters that the folder's record names, as JSON has them."""
        return {name: plain(getattr(self, name)) for name in parameters_of(type(self))}

    def _check_inputs(self, root: Path) -> dict[str, str]:
        """Raise unless all folders of the stages before fit together; return the digests of what this one is made from.

        A folder without a record, of an older version or a person's own, fits where nothing speaks against it.
        """
        before = list(MAKERS)[: list(MAKERS).index(self.writes)]
        there = [name for name in before if (root / name).is_dir()]
        records = {name: _read_record(root, name) for name in there}
        told = {*self.reads, *(source for record in records.values() if record for source in record.inputs)}
        digests = {name: digest_folder(root / name) for name in there if name in told}
        if mismatch := find_mismatch(digests, records):
            raise _mismatch(root, *mismatch)
        return all_inputs({name: digests[name] for name in self.reads}, [records[name] for name in self.reads])

    @abstractmethod
    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Read from ``artifacts``, write into ``folder`` (empty, and not yet in its place)."""


def check_output(root: Path, name: str, option: str = "--artifacts") -> None:
    """Raise where a folder of the artifacts cannot be replaced, or not without the loss of something of another origin.

    Parameters
    ----------
    root : Path
        The folder that holds a folder for each stage.
    name : str
        The folder's name, one of ``MAKERS``.
    option : str, default="--artifacts"
        What a person can choose another ``root`` with.

    Raises
    ------
    UnwritableError
        Naming what is in the way, and what to do.
    """
    folder = root / name
    check_replaceable(folder, f"choose another folder with {option}")
    foreign = find_foreign(folder, _known(folder))
    if foreign is None:
        return
    made = f"{command(MAKERS[name])} replaces {'it' if foreign == folder else 'the folder'}"
    what = "is no folder that a stage has made" if foreign == folder else "has not been made by a stage"
    raise UnwritableError(f"{foreign} {what}, and {made}: move it elsewhere, or choose another folder with {option}")


@contextmanager
def replacing_output(root: Path, name: str) -> Iterator[Path]:
    """Hand over an empty folder, and put it in the place of a folder of the artifacts when all went well.

    Raises
    ------
    UnwritableError
        Where it cannot be replaced; see ``check_output``.
    """
    check_output(root, name)
    with replacing_folder(root / name, _known(root / name)) as folder:
        yield folder


def _known(folder: Path) -> tuple[str, ...]:
    """Return patterns of the files that may be deleted with a folder of the artifacts."""
    record = None
    with suppress(ProvenanceError, OSError):  # one that is damaged, or no record at all, names nothing
        record = read_record(folder)
    return (RECORD, *known_names(folder.name), *(glob.escape(file) for file in (record.files if record else ())))


def _missing_input(words: str, root: Path, name: str) -> MissingInputError:
    """Return the error for an input that is not there, or not all of it."""
    return MissingInputError(f"{words}: {remedy(MAKERS[name], root)} makes it (`run` makes all)")


def _read_record(root: Path, name: str) -> Record | None:
    """Return the record of a folder; of one that is damaged, say which command makes it anew."""
    try:
        return read_record(root / name)
    except ProvenanceError as error:
        raise ProvenanceError(f"{error}: {remedy(MAKERS[name], root)} makes it anew") from error


def _mismatch(root: Path, made: str, source: str) -> ProvenanceError:
    """Return the error for a folder that was made from another one than is there now."""
    there = "is there now" if (root / source).is_dir() else "the folders before it were"
    return ProvenanceError(
        f"{root / made} was made from another {root / source} than {there}: {remedy(MAKERS[made], root)} makes it "
        "anew, and then the stages after it (`run` makes all)"
    )


def _name_maker(error: FileNotFoundError, root: Path, reads: tuple[str, ...]) -> None:
    """Raise an error that says which command makes a file, where the one that is not there is an input's."""
    words = f"{error.filename} is missing" if error.filename else str(error)
    for name in reads:
        if words.startswith(str(root / name)):
            raise _missing_input(words, root, name) from error


__all__ = ["MissingInputError", "Stage", "check_output", "replacing_output"]
