"""Which file of a folder is which: the names under which IDX files go about, for people do not rename what they have.

Hands on the paths of a data set's four files; where two sets fit, or none, an error that lists what is there.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.data.idx import FILES, IdxError, read_pieces

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


def is_idx_folder(folder: str | os.PathLike[str]) -> bool:
    """Tell whether a folder has files of IDX by their names, be they complete or not."""
    top = Path(folder)
    return bool(_sets_of(top)) or any(_sets_of(home) for home in _torchvision_folders(top))


def find_parts(folder: str | os.PathLike[str]) -> dict[str, tuple[Path, Path]]:
    """Return the paths of the four files of the one data set in a folder.

    They lie in the folder itself or, as some programs unpack them, each in a folder of its own name. Where none is
    there, they are looked for in ``raw`` and in ``MNIST/raw``, ``FashionMNIST/raw`` and so on, as torchvision has them.

    Parameters
    ----------
    folder : path
        A folder that is there.

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
    sets = _sets_of(top) or [one for home in _torchvision_folders(top) for one in _sets_of(home)]
    complete = [one for one in sets if one.keys() == _OFFICIAL.keys()]
    if not complete:
        raise FileNotFoundError(_what_is_missing(top, sets))
    if len(complete) > 1:
        firsts = _some([str(one["train", "images"][0]) for one in complete])
        raise IdxError(
            f"{top} holds several data sets, with {firsts}; move the four files of one to a folder of their own"
        )
    [files] = complete
    return {part: (_only(files[part, "images"]), _only(files[part, "labels"])) for part in FILES}


_Set = dict[tuple[str, str], list[Path]]
"""The files that are called alike, by their part and kind: more than one where it is there twice."""


def _sets_of(home: Path) -> list[_Set]:
    """Return the data sets of a folder, those with other prefixes apart."""
    sets: dict[str, _Set] = {}
    for role, path in _named_files(home):
        sets.setdefault(role.prefix, {}).setdefault((role.part, role.kind), []).append(path)
    return list(sets.values())


def _named_files(home: Path) -> Iterator[tuple[Role, Path]]:
    """Yield the files of a folder that are called as IDX files are, and what that says; raw ones before compressed."""
    for path in sorted(home.iterdir()):
        role = role_of(path.name)
        if role is None:
            continue
        inside = sorted(path.iterdir()) if path.is_dir() else []
        for file in (path, *(one for one in inside if role_of(one.name) == role)):
            if file.is_file():
                yield role, file


def _torchvision_folders(top: Path) -> list[Path]:
    """Return the folders in which torchvision would keep such files, of those that are there."""
    homes = [top, *(path for path in sorted(top.iterdir()) if _TORCHVISION.fullmatch(path.name))]
    return [home / "raw" for home in homes if (home / "raw").is_dir()]


def _only(paths: Sequence[Path]) -> Path:
    """Return the first of several files; all of them must hold the same, compressed or not."""
    first, *others = paths
    for other in others:
        if _digest(other) != _digest(first):
            raise IdxError(f"{first} and {other} are called alike, but their contents differ; remove one of them")
    return first


def _digest(path: Path) -> bytes:
    """Return the SHA-256 of a file, once it is unpacked."""
    digest = hashlib.sha256()
    for piece in read_pieces(path):
        digest.update(piece)
    return digest.digest()


def _what_is_missing(top: Path, sets: Sequence[_Set]) -> str:
    """Say what is there, and of sets that are not complete, what is missing."""
    if not sets:
        names = [f"{path.name}/" if path.is_dir() else path.name for path in sorted(top.iterdir())]
        expected = ", ".join(_OFFICIAL.values())
        return f"{top} holds no files called like {expected}, with .gz or without; it holds {_some(names) or 'nothing'}"
    return "; ".join(_gaps(one) for one in sets[:_MOST_SETS]) + ("; ..." if len(sets) > _MOST_SETS else "")


def _gaps(files: _Set) -> str:
    """Say which files of a set are missing, under which names they would be found, and which are there."""
    there = [path for paths in files.values() for path in paths]
    role = role_of(there[0].name)
    prefix = role.prefix if role else ""
    missing = ", ".join(prefix + name for key, name in _OFFICIAL.items() if key not in files)
    return f"{_some([str(path) for path in there])} lack beside them {missing}, with .gz or without"


def _some(names: Sequence[str]) -> str:
    """List names, and not more than can be read."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
