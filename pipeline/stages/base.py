"""What the five stages have in common: an object whose constructor is its whole configuration, with a ``run``.

``run`` reads folders of artifacts, calls the object's own scikit-learn verb, and puts one new folder in place of the
old one, whole or not at all.
"""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from pipeline.files import check_replaceable, replacing_folder
from pipeline.parameters import check_parameters, parameters_of
from pipeline.program import command
from pipeline.provenance import (
    ProvenanceError,
    Record,
    all_inputs,
    digest_folder,
    find_mismatch,
    plain,
    read_record,
    write_record,
)


class Progress:
    """Whoever watches a stage at work; this one looks away. The command line has one that draws."""

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Hear that ``total`` units of work begin (None: nobody knows); ``unit`` is ``"B"``, ``"epochs"`` or so."""

    def advance(self, step: int = 1, **figures: float) -> None:
        """Hear that ``step`` units are done, and figures worth showing (``loss=0.1``)."""

    def end(self) -> None:
        """Hear that the work begun last is over, done or not."""

    def say(self, line: str) -> None:
        """Hear a line that a person should read."""


class MissingInputError(FileNotFoundError):
    """A folder that a stage reads, or a file in it, is not there; the message says which command makes it."""


class Stage(ABC):
    """A step of the workflow: ``reads`` folders of the artifacts and ``writes`` one.

    A subclass is a scikit-learn object as well, and has the names of its folders and ``_run``.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[str]

    def run(self, artifacts: str | os.PathLike[str], progress: Progress | None = None) -> dict[str, Any]:
        """Read what the stages before have made, do the work, and put this stage's folder in place.

        Parameters
        ----------
        artifacts : path
            The folder that holds a folder for each stage.
        progress : Progress, optional
            Whoever watches.

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
            Where this stage's folder cannot be written.
        ProvenanceError
            Where inputs do not fit together: one was made from another than is there now.
        """
        check_parameters(self)
        root = Path(artifacts)
        for name in self.reads:
            if not (root / name).is_dir():
                raise _missing_input(f"{root / name} is missing", name)
        self.check_output(root)
        inputs = self._check_inputs(root)
        with replacing_folder(root / self.writes) as folder:
            try:
                done = self._run(root, folder, progress or Progress())
            except FileNotFoundError as error:
                _name_maker(error, root, self.reads)
                raise
            write_record(folder, Record(MAKERS[self.writes], self.recorded_parameters(), inputs))
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
            Where it cannot.
        """
        check_replaceable(Path(artifacts) / self.writes, "choose another folder with --artifacts")

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


MAKERS = {
    "raw": "fetch",
    "prepared": "preprocess",
    "split": "split",
    "model": "train",
    "evaluation": "evaluate",
}


def _missing_input(words: str, name: str) -> MissingInputError:
    """Return the error for an input that is not there, or not all of it."""
    return MissingInputError(f"{words}: {command(MAKERS[name])} makes it (`run` makes all)")


def _read_record(root: Path, name: str) -> Record | None:
    """Return the record of a folder; of one that is damaged, say which command makes it anew."""
    try:
        return read_record(root / name)
    except ProvenanceError as error:
        raise ProvenanceError(f"{error}: {command(MAKERS[name])} makes it anew") from error


def _mismatch(root: Path, made: str, source: str) -> ProvenanceError:
    """Return the error for a folder that was made from another one than is there now."""
    there = "is there now" if (root / source).is_dir() else "the folders before it were"
    return ProvenanceError(
        f"{root / made} was made from another {root / source} than {there}: {command(MAKERS[made])} makes it anew, and "
        "then the stages after it (`run` makes all)"
    )


def _name_maker(error: FileNotFoundError, root: Path, reads: tuple[str, ...]) -> None:
    """Raise an error that says which command makes a file, where the one that is not there is an input's."""
    words = f"{error.filename} is missing" if error.filename else str(error)
    for name in reads:
        if words.startswith(str(root / name)):
            raise _missing_input(words, name) from error


__all__ = ["MAKERS", "MissingInputError", "Progress", "Stage", "replacing_folder"]
