"""Which file of a folder or an archive is which: the names under which IDX files go about, as people keep them.

Hands on the paths of a data set's four files; where two sets fit, or none, an error that lists what is there.
"""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

from pipeline.data.idx import FILES, IdxError, read_pieces
from pipeline.text import LINE, listed, shown

_NAME = re.compile(
    r"(?P<prefix>(?:.*[-_. ])?)(?P<part>train|test|t10k)[-_. ](?P<kind>images|labels)"
    r"[-_.]idx\d?(?:[-_.](?:ubyte|byte|short|int|float|double))?(?:\.gz)?",
    re.IGNORECASE,
)
_TORCHVISION = re.compile(r"(?!\.).*MNIST", re.IGNORECASE)
_KINDS = ("images", "labels")
_OFFICIAL = {(part, kind): name for part, names in FILES.items() for kind, name in zip(_KINDS, names, strict=True)}
_MOST_NAMES, _MOST_SETS = 12, 3


class Role(NamedTuple):
    """What a file's name says that it holds.

    Attributes
    ----------
    prefix : str
        The name of its data set, in small letters: ``"emnist-digits-"``, or nothing.
    part : {"train", "test"}
        Of which part.
    kind : {"images", "labels"}
        Of what.
    """

    prefix: str
    part: str
    kind: str


def role_of(name: str) -> Role | None:
    """Tell from a file's name what it holds; None where it is no name of an IDX file.

    Examples
    --------
    >>> role_of("t10k-labels.idx1-ubyte")
    Role(prefix='', part='test', kind='labels')
    >>> role_of("emnist-letters-train-images-idx3-ubyte.gz")
    Role(prefix='emnist-letters-', part='train', kind='images')
    >>> role_of("train.csv")
    """
    found = _NAME.fullmatch(name)
    if found is None or name.startswith("."):  # as macOS leaves ``._NAME`` beside NAME
        return None
    part = "train" if found["part"].lower() == "train" else "test"
    return Role(found["prefix"].lower(), part, found["kind"].lower())


@dataclass(frozen=True)
class Member:
    """A file in a ZIP archive that is open.

    Attributes
    ----------
    archive : ZipFile
        The archive.
    info : ZipInfo
        What it says of the file.
    """

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """Its name without the folders that it is in."""
        return re.split(r"[/\\]", self.info.filename)[-1]

    def __str__(self) -> str:
        return shown(self.info.filename)


IdxFile = Path | Member
"""A file in a folder, or in an archive."""


@contextmanager
def opened(file: IdxFile) -> Iterator[BinaryIO]:
    """Open a file for reading.

    Raises
    ------
    IdxError
        Where a member of an archive is damaged, encrypted, or compressed in a way that takes memory as it likes.
    """
    if isinstance(file, Path):
        with file.open("rb") as stored:
            yield stored
        return
    if file.info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or file.info.flag_bits & 1:
        raise IdxError(f"{file} is encrypted in the archive, or compressed in another way than by deflate")
    try:
        with file.archive.open(file.info) as member:
            yield cast("BinaryIO", member)  # it reads, as is enough
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise IdxError(f"{file} is damaged in the archive: {shown(error)}") from None


@contextmanager
def readable(file: IdxFile) -> Iterator[Path | BinaryIO]:
    """Hand over what the readers of IDX take: a path, for what lies there raw can be mapped, or an open file."""
    if isinstance(file, Path):
        yield file
        return
    with opened(file) as member:
        yield member


def beside(file: IdxFile) -> Iterator[IdxFile]:
    """Yield the files of the same folder, or of the same archive."""
    if isinstance(file, Path):
        yield from (path for path in _listed(file.parent) if path.is_file())
    else:
        yield from (Member(file.archive, info) for info in file.archive.infolist())


def is_idx_folder(folder: str | os.PathLike[str]) -> bool:
    """Tell whether a folder has files of IDX by their names, be they complete or not."""
    top = Path(folder)
    return bool(_sets_of(_named_files(top))) or any(_sets_of(_named_files(home)) for home in _usual_folders(top))


def holds_idx(names: Iterable[str]) -> bool:
    """Tell by the names in an archive whether it has files of IDX, be they complete or not."""
    return any("idx" in name.casefold() and _role_of_member(name) for name in names)


def _role_of_member(name: str) -> Role | None:
    """Tell from a name with its folders what a file holds; what macOS adds to an archive holds nothing."""
    return None if "__MACOSX/" in name else role_of(re.split(r"[/\\]", name)[-1])


def find_parts(folder: str | os.PathLike[str], prefix: str = "") -> dict[str, tuple[Path, Path]]:
    """Return the paths of the four files of the one data set in a folder.

    They lie in the folder itself or, as some programs unpack them, each in a folder of its own name. Where none is
    there, they are looked for in ``raw`` and in ``MNIST/raw``, ``FashionMNIST/raw`` and so on, as torchvision has them,
    and in ``gzip``, as EMNIST's archive has them.

    Parameters
    ----------
    folder : path
        A folder that is there.
    prefix : str
        What the names of the files begin with, where one data set of several is meant.

    Returns
    -------
    dict of (Path, Path)
        Images and labels of ``"train"`` and ``"test"``.

    Raises
    ------
    FileNotFoundError
        Where no set is complete, with what is there.
    IdxError
        Where several sets are, or a file is there in two versions that differ.
    """
    top = Path(folder)
    sets = _sets_of(_named_files(top))
    sets = sets or [one for home in _usual_folders(top) for one in _sets_of(_named_files(home))]
    if not sets:
        raise FileNotFoundError(_nothing(top, [f"{one.name}/" if one.is_dir() else one.name for one in _listed(top)]))
    return _chosen(str(top), sets, prefix)


def find_members(archive: zipfile.ZipFile, prefix: str = "") -> dict[str, tuple[Member, Member]]:
    """Return the four files of the one data set in a ZIP archive, whatever folders they are in; see `find_parts`."""
    sets = _sets_of(_named_members(archive))
    if not sets:
        raise FileNotFoundError(_nothing(archive.filename, [shown(name, 100) for name in archive.namelist()]))
    return _chosen(str(archive.filename), sets, prefix)


_File = TypeVar("_File", Path, Member)
_Set = dict[tuple[str, str], list[_File]]
"""The files that are called alike, by their part and kind: more than one where it is there twice."""


def _chosen(top: str, sets: Sequence[_Set[_File]], prefix: str) -> dict[str, tuple[_File, _File]]:
    """Return the four files of the one set that is complete and, where a prefix is given, called so."""
    fitting = [one for one in sets if not prefix or _bare(_prefix(one)) == _bare(prefix)]
    if not fitting:
        known = _some([bare for bare in dict.fromkeys(_bare(_prefix(one)) for one in sets) if bare])
        raise FileNotFoundError(
            f"{top} holds no files of IDX whose names begin with {shown(prefix, 50)}; those there begin with "
            f"{known or 'train and t10k or test'}"
        )
    complete = [one for one in fitting if one.keys() == _OFFICIAL.keys()]
    if not complete:
        raise FileNotFoundError(
            "; ".join(_gaps(one) for one in fitting[:_MOST_SETS]) + ("; ..." if len(fitting) > _MOST_SETS else "")
        )
    if len(complete) > 1:
        raise IdxError(_several(top, complete))
    [files] = complete
    return {part: (_only(files[part, "images"]), _only(files[part, "labels"])) for part in FILES}


def _several(top: str, sets: Sequence[_Set[_File]]) -> str:
    """Say which data sets are there, and how one of them is meant."""
    firsts = _some([str(one["train", "images"][0]) for one in sets])
    told = f"{top} holds several data sets, with {firsts}; move the four files of one to a folder of their own"
    prefixes = [_bare(_prefix(one)) for one in sets]
    if len(set(prefixes)) < len(prefixes) or "" in prefixes:
        return told
    return f"{told}, or name one by how its files' names begin: {_some([f'{top}/{one}' for one in prefixes])}"


def _prefix(files: _Set[_File]) -> str:
    """Return what all names of a set begin with."""
    role = role_of(next(iter(files.values()))[0].name)
    return role.prefix if role else ""


def _bare(prefix: str) -> str:
    """Return a prefix as people name it: ``emnist-letters-`` is ``emnist-letters``."""
    return prefix.casefold().strip("-_. ")


def _sets_of(files: Iterable[tuple[Role, _File]]) -> list[_Set[_File]]:
    """Return the data sets of some files, those with other prefixes apart."""
    sets: dict[str, _Set[_File]] = {}
    for role, file in files:
        sets.setdefault(role.prefix, {}).setdefault((role.part, role.kind), []).append(file)
    return list(sets.values())


def _named_files(home: Path) -> Iterator[tuple[Role, Path]]:
    """Yield the files of a folder that are called as IDX files are, and what that says; raw ones before compressed."""
    for path in _listed(home):
        role = role_of(path.name)
        if role is None:
            continue
        inside = _listed(path) if path.is_dir() else []
        for file in (path, *(one for one in inside if role_of(one.name) == role)):
            if file.is_file():
                yield role, file


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _named_members(archive: zipfile.ZipFile) -> Iterator[tuple[Role, Member]]:
    """Yield the files of an archive that are called as IDX files are, and what that says."""
    for info in sorted(archive.infolist(), key=lambda one: one.filename):
        role = _role_of_member(info.filename)
        if role is not None:
            yield role, Member(archive, info)


def _usual_folders(top: Path) -> list[Path]:
    """Return the folders in which torchvision or EMNIST's archive would have such files, of those that are there."""
    homes = [top, *(path for path in sorted(top.iterdir()) if _TORCHVISION.fullmatch(path.name))]
    return [home / name for home in homes for name in ("raw", "gzip") if (home / name).is_dir()]


def _only(files: Sequence[_File]) -> _File:
    """Return the first of several files; all of them must hold the same, compressed or not."""
    first, *others = files
    for other in others:
        if _digest(other) != _digest(first):
            raise IdxError(f"{first} and {other} are called alike, but their contents differ; remove one of them")
    return first


def _digest(file: IdxFile) -> bytes:
    """Return the SHA-256 of a file, once it is unpacked."""
    digest = hashlib.sha256()
    with readable(file) as source:
        for piece in read_pieces(source):
            digest.update(piece)
    return digest.digest()


def _nothing(top: object, names: Sequence[str]) -> str:
    """Say that there is no file of IDX, and what there is."""
    expected = ", ".join(_OFFICIAL.values())
    return (
        f"{top} holds no files called like {expected}, with .gz or without, nor a folder of pictures for each class; "
        f"it holds {_some(names) or 'nothing'}"
    )


def _gaps(files: _Set[_File]) -> str:
    """Say which files of a set are missing, under which names they would be found, and which are there."""
    there = [str(file) for alike in files.values() for file in alike]
    missing = ", ".join(_prefix(files) + name for key, name in _OFFICIAL.items() if key not in files)
    return f"{_some(there)} lack beside them {missing}, with .gz or without"


_some = partial(listed, most=_MOST_NAMES, limit=LINE)
