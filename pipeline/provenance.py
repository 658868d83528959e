"""What a folder of the artifacts was made from: a record in each of them, and whether folders fit together by it.

A record names the stage, its parameters, and a digest of the contents of every folder that it was made from, directly
or through other folders. It has no time, host or path in it: the same inputs give the same bytes.
"""

import hashlib
import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.parameters import snake_case
from pipeline.strict_json import read_json, write_json

RECORD = "provenance.json"
"""The record's name in every folder."""

_LARGEST = 2**20  # bytes of a record that is read; one of ours has some thousand


class ProvenanceError(ValueError):
    """Folders of the artifacts do not fit together; the message says which, and which command makes what is wrong."""


@dataclass(frozen=True)
class Record:
    """What a folder was made from.

    Attributes
    ----------
    stage : str
        The stage that has made it.
    parameters : dict
        The stage's parameters, as JSON has them.
    inputs : dict of str
        The digest of every folder that it was made from, by the folder's name.
    files : list of str
        The names of the files that the stage has written: those that it may delete.
    """

    stage: str
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def digest_folder(folder: Path) -> str:
    """Return a digest of the names and contents of all files in a folder.

    The record is left out, so that a folder with the same contents has the same digest whatever it was made from, and
    so are files whose names begin with a dot, as systems leave them behind.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    str
        The algorithm, a colon and the digest in hexadecimal.
    """
    whole = hashlib.sha256()
    for name, own in digest_files(folder).items():
        whole.update(f"{name}\0{own}\n".encode(errors="surrogateescape"))
    return f"sha256:{whole.hexdigest()}"


def digest_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder that counts, in hexadecimal, by name."""
    return {name: digest_file(folder / name) for name in list_files(folder)}


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    That of a large one is remembered, by whatever changes when the file does, for stages that read it again; but not
    of a file that has just been written, as clocks of file systems are coarse.
    """
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        changed = max(about.st_mtime_ns, about.st_ctime_ns)
        key = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        settled = about.st_size >= LARGE and changed < time.time_ns() - _SETTLED
        if key in _DIGESTS:
            return _DIGESTS[key]
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if settled:
        _DIGESTS[key] = digest
    return digest


LARGE = 2**26
"""Bytes from which on a file's digest is remembered: it takes a second for some hundred million."""

_SETTLED = 2 * 10**9
"""Nanoseconds since the last change from which on another one is sure to have another time."""

_DIGESTS: dict[tuple[int, ...], str] = {}


def list_files(folder: Path) -> list[str]:
    """Return the names of the files of a folder that count: all but the record and those that begin with a dot."""
    return sorted(path.relative_to(folder).as_posix() for path in _files(folder))


def write_record(folder: Path, record: Record) -> None:
    """Write a record into a folder."""
    write_json(folder / RECORD, vars(record))


def read_record(folder: Path) -> Record | None:
    """Read the record of a folder; None where it has none, as when it was not made by a stage.

    Raises
    ------
    ProvenanceError
        Where it is damaged.
    """
    path = folder / RECORD
    try:
        document = read_json(path, max_bytes=_LARGEST)
        files = document.get("files", [])  # earlier versions had no such list
        record = Record(document["stage"], document["parameters"], document["inputs"], files)
        told = (record.stage, *record.inputs, *record.inputs.values(), *record.files)
        shaped = isinstance(record.parameters, dict) and isinstance(record.files, list)
        sound = shaped and all(isinstance(part, str) for part in told)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):  # no JSON, or of another shape
        sound = False
    if not sound:
        raise ProvenanceError(f"{path} is damaged")
    return record


def find_mismatch(digests: Mapping[str, str], records: Mapping[str, Record | None]) -> tuple[str, str] | None:
    """Return the first folder that was made from another one than is there now, and which one that is.

    Parameters
    ----------
    digests : mapping of str
        The digest of each folder that is there, by name.
    records : mapping of Record
        The records of those, in the order of the work; None where there is none.

    Returns
    -------
    made, source : str
        The names of the two folders; or None in the place of the pair, where all fit together. Of a source that is not
        there, all folders must have been made from the same.

    Examples
    --------
    >>> records = {"raw": None, "prepared": Record("preprocess", inputs={"raw": "a"})}
    >>> find_mismatch({"raw": "a", "prepared": "c"}, records)
    >>> find_mismatch({"raw": "b", "prepared": "c"}, records)
    ('prepared', 'raw')
    """
    known = dict(digests)
    for made, record in records.items():
        for source, digest in record.inputs.items() if record else ():
            if known.setdefault(source, digest) != digest:
                return made, source
    return None


def all_inputs(digests: Mapping[str, str], records: Iterable[Record | None]) -> dict[str, str]:
    """Return what a folder is made from by which folders it is made from: these, and all that they were made from.

    Parameters
    ----------
    digests : mapping of str
        The digests of the folders, by name.
    records : iterable of Record or None
        Their records.
    """
    before = {name: digest for record in records if record for name, digest in record.inputs.items()}
    return before | dict(digests)


def plain(value: Any) -> Any:
    """Return a parameter as strict JSON has it; of a generator, which has moved on, and of what is strange, the kind.

    Examples
    --------
    >>> plain({"sizes": (3, 2), "tol": float("inf"), "rate": {1: True}})
    {'sizes': [3, 2], 'tol': 'inf', 'rate': {'1': True}}
    """
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    own = {name: plain(item) for name, item in value.get_params(deep=False).items()} if _has_params(value) else {}
    return {"name": snake_case(type(value).__name__)} | own


def _has_params(value: Any) -> bool:
    return callable(getattr(value, "get_params", None)) and not isinstance(value, type)


def _files(folder: Path) -> Iterable[Path]:
    """Return the files of a folder that count."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path != folder / RECORD)
    return (path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))
