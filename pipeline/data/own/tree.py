"""The files of a folder or a ZIP archive, and what their folders say of them: which class, and which part.

Hands on a plan: for each file its part and the name of its class, and what was left out with the reason. What is hidden
is not seen at all. Nothing is ever unpacked: names in an archive lead nowhere.
"""

import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Literal

from pipeline.data.class_names import natural_key
from pipeline.data.own.picture import PictureError
from pipeline.data.signatures import ARCHIVE
from pipeline.text import shown

MAX_BYTES = 2**27
"""Bytes that the file of one picture may have."""

METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""How a member of an archive may be compressed: a header of the others can ask for gigabytes of memory."""

_FEW = 10_000
"""More files than tables come in."""

_OF_SYSTEMS = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "__pycache__"}
_FILES_OF_SYSTEMS = {"thumbs.db", "desktop.ini"}

TABLE = ".parquet"
"""What the name of a table ends with."""

PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm"}
"""What names of pictures end with, mostly: what is one, its content says."""

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "t10k"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
}


class TreeError(ValueError):
    """Folders do not say which class a picture has, or which part it belongs to; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file.

    Attributes
    ----------
    path : tuple of str
        The names of the folders that it is in, and its own.
    read : callable
        Returns its bytes; raises `PictureError` or OSError with the reason why not.
    """

    path: tuple[str, ...]
    read: Callable[[], bytes]

    def __str__(self) -> str:
        return "/".join(self.path)


@dataclass
class Tree:
    """All that is in a folder or an archive and not hidden: files, the paths of all folders, and which are closed."""

    files: list[Entry] = field(default_factory=list)
    folders: set[tuple[str, ...]] = field(default_factory=set)
    unread: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Plan:
    """Which file is what.

    Attributes
    ----------
    files : list of (str, str, Entry)
        Part (``"train"`` or ``"test"``), name of the class, file: by part, then class, then name, in natural order.
    has_test : bool
        Whether there is a test part.
    classes : set of str
        The names of all folders of classes, empty ones as well.
    skipped : list of (str, str)
        Files that no folder of a class has, and why.
    notes : list of str
        What else is to be said.
    """

    files: list[tuple[str, str, Entry]]
    has_test: bool
    classes: set[str]
    skipped: list[tuple[str, str]]
    notes: list[str]


def has_folders(top: Path) -> bool:
    """Tell whether a folder has folders in it that are not hidden."""
    return any(path.is_dir() and not is_hidden(path.name) for path in top.iterdir())


def has_pictures(top: Path) -> bool:
    """Tell whether a folder has files in it that are called as pictures are."""
    return any(path.suffix.lower() in PICTURES for path in top.iterdir())


def is_archive(path: Path) -> bool:
    """Tell whether a file begins as a ZIP archive does, be it whole or cut short."""
    with path.open("rb") as file:
        return file.read(len(ARCHIVE)) == ARCHIVE


def names_in(path: Path) -> list[str]:
    """Return the names of all that is in a ZIP archive; none, where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


def holds_arrays(names: Iterable[str]) -> bool:
    """Tell by the names in an archive whether it is one of arrays as NumPy writes them: such a file is in no folder."""
    return any(name.endswith(".npy") and "/" not in name for name in names)


@contextmanager
def opened_tree(path: Path) -> Iterator[Tree]:
    """Hand over what is in a folder or a ZIP archive; the archive is open as long.

    Raises
    ------
    TreeError
        Where the archive cannot be read.
    """
    if path.is_dir():
        yield _folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise TreeError(f"it is no ZIP archive that can be read, but damaged or cut short: {shown(error)}") from None
    with archive:
        yield _archive(archive)


def _folder(top: Path) -> Tree:
    """List a folder; links are followed, but to no folder a second time on one way down."""
    tree = Tree()
    pending: list[tuple[tuple[str, ...], Path, frozenset[tuple[int, int]]]] = [((), top, frozenset())]
    while pending:
        names, folder, above = pending.pop()
        try:
            known, inside = folder.stat(), list(os.scandir(folder))
        except OSError as error:
            if not names:
                raise
            tree.unread.append(("/".join(names), str(error.strerror)))
            continue
        if (known.st_dev, known.st_ino) in above:
            continue
        above |= {(known.st_dev, known.st_ino)}
        for one in inside:
            path = (*names, _readable(one.name))
            if is_hidden(path[-1]):
                continue
            if one.is_dir():
                tree.folders.add(path)
                pending.append((path, Path(one.path), above))
            elif path[-1].lower() not in _FILES_OF_SYSTEMS:
                tree.files.append(Entry(path, partial(read_file, one.path)))
    return tree


def read_file(path: str | Path) -> bytes:
    """Return the bytes of a file of bounded size."""
    path = Path(path)
    known = path.stat()
    if not stat.S_ISREG(known.st_mode):
        raise PictureError("it is no file")
    _check_bytes(known.st_size)
    return path.read_bytes()


def _check_bytes(n_bytes: int) -> None:
    """Raise for a file that is too large to be read as a whole."""
    if n_bytes > MAX_BYTES:
        raise PictureError(f"it has {n_bytes} bytes, and at most {MAX_BYTES} are read")


def _archive(archive: zipfile.ZipFile) -> Tree:
    """List an archive; backslashes in it are Windows' slashes. Each folder is looked at once, and held once."""
    tree = Tree()
    folders: dict[str, tuple[str, ...] | None] = {}
    for info in archive.infolist():
        above, name = _cut(info.filename)
        if above not in folders:
            folders[above] = _visible(above)
            path = folders[above] or ()
            tree.folders |= {path[:n] for n in range(1, len(path) + 1) if ".." not in path}
        folder = folders[above]
        if folder is None or name in ("", "."):
            continue
        name = _readable(name)
        if (name == ".." or not is_hidden(name)) and name.lower() not in _FILES_OF_SYSTEMS:
            tree.files.append(Entry((*folder, name), partial(_read_member, archive, info)))
    return tree


def _cut(name: str) -> tuple[str, str]:
    """Return the folder and the file in a member's name, with what stands between them."""
    at = max(name.rfind("/"), name.rfind("\\")) + 1
    return name[:at], name[at:]


def _visible(folder: str) -> tuple[str, ...] | None:
    """Return the names of folders one in the other; None where one is hidden."""
    path = tuple(_readable(name) for name in re.split(r"[/\\]", folder) if name not in ("", "."))
    return None if any(name != ".." and is_hidden(name) for name in path) else path


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member, no more than it announces."""
    _check_bytes(info.file_size)
    if info.flag_bits & 1:
        raise PictureError("it is encrypted")
    if info.compress_type not in METHODS:
        raise PictureError("it is compressed in the archive in another way than by deflate")
    try:
        return archive.read(info)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged archive comes to
        raise PictureError(f"it is damaged in the archive ({shown(error)})") from None


def _readable(name: str) -> str:
    """Return a name with its letters composed; bytes that are no text in it are escaped."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is not to be seen, by its name."""
    return name.startswith(".") or name in _OF_SYSTEMS


def plan(tree: Tree) -> Plan:
    """Say which file is of which class and part, by the folders that it is in.

    A folder that holds all the others and no file is looked through. Below that, folders are parts where they are
    called ``train``, ``test`` or ``validation``, each with folders of classes in it, and else classes. Below the folder
    of a class, a picture may lie as deep as it likes.

    Raises
    ------
    TreeError
        Where there are no folders of classes, or two folders are one part.
    """
    _refuse_tables(tree)
    depth = _depth_of_wrappers(tree)
    parts = _parts(tree, depth)
    level = depth + bool(parts)
    renamed, notes = assign_validation(set(parts.values()))
    found: dict[tuple[str, str], list[Entry]] = {}
    skipped = list(tree.unread)
    for entry in tree.files:
        part = parts.get(entry.path[depth], "") if parts and len(entry.path) > depth + 1 else "train"
        if ".." in entry.path:
            skipped.append((str(entry), "its name leads out of the archive"))
        elif not part:
            skipped.append(
                (str(entry), f"its folder stands beside {', '.join(sorted(parts))} and is none of the parts")
            )
        elif len(entry.path) <= level + 1:
            skipped.append((str(entry), "it is in no folder of a class"))
        else:
            found.setdefault((renamed.get(part, part), entry.path[level]), []).append(entry)
    skipped.sort(key=lambda one: natural_key(one[0]))  # folders are listed in any order
    if not found:
        raise TreeError(_no_classes(skipped))
    classes = {path[level] for path in tree.folders if len(path) > level and (not parts or path[depth] in parts)}
    files = [
        (part, name, entry)
        for part, name in sorted(found, key=lambda one: (one[0] != "train", natural_key(one[1])))
        for entry in _in_order(found[part, name])  # class by class, for the keys take more memory than the names
    ]
    return Plan(files, any(part == "test" for part, _ in found), classes, skipped, notes)


def _refuse_tables(tree: Tree) -> None:
    """Raise where there are tables and no pictures: they are read elsewhere, and not from an archive."""
    endings = {Path(entry.path[-1]).suffix.lower() for entry in tree.files} if len(tree.files) < _FEW else set()
    if TABLE in endings and not endings & PICTURES:
        raise TreeError(
            "it has tables (.parquet), which are read from their folder and not from an archive: unpack it, or name "
            "that folder"
        )


def _in_order(entries: list[Entry]) -> list[Entry]:
    """Sort files by the names of their folders and their own, in natural order."""
    folder_key = cache(lambda folder: tuple(map(natural_key, folder)))
    return sorted(entries, key=lambda entry: (*folder_key(entry.path[:-1]), natural_key(entry.path[-1])))


def assign_validation(kinds: Collection[str]) -> tuple[dict[str, Literal["train", "test"]], list[str]]:
    """Say where a part for validation goes, for `split` draws that of its own."""
    if "validation" not in kinds:
        return {}, []
    if "test" in kinds:
        return {"validation": "train"}, ["the validation part is taken into the training part: split draws its own"]
    return {"validation": "test"}, ["there is no test part: the validation part is taken for it"]


def _depth_of_wrappers(tree: Tree) -> int:
    """Return how many folders one in the other hold all there is, with folders in the innermost."""
    depth = 0
    while True:
        first = {path[depth] for path in tree.folders if len(path) > depth}
        has_files = any(len(entry.path) == depth + 1 for entry in tree.files)
        has_folders = any(len(path) > depth + 1 for path in tree.folders)
        if len(first) != 1 or has_files or not has_folders:
            return depth
        depth += 1


def _parts(tree: Tree, depth: int) -> dict[str, str]:
    """Return the folders that are parts of the data set, by their names; none, where folders are classes."""
    first = {path[depth] for path in tree.folders if len(path) > depth}
    parts = {name: PARTS[name.casefold()] for name in sorted(first) if name.casefold() in PARTS}
    with_classes = {path[depth] for path in tree.folders if len(path) > depth + 1} & parts.keys()
    if not with_classes or (len(parts) < len(first) and len(with_classes) < 2):
        if parts and len(parts) == len(first) and "train" in parts.values():
            raise TreeError(f"{', '.join(parts)} must have a folder for each class in them; they have none")
        return {}
    for kind in ("train", "test", "validation"):
        alike = [name for name, one in parts.items() if one == kind]
        if len(alike) > 1:
            raise TreeError(f"{' and '.join(alike)} are one part; put both into one folder")
    if "train" not in parts.values():
        raise TreeError(f"it has {', '.join(parts)}, and no folder train beside them")
    return parts


def _no_classes(skipped: list[tuple[str, str]]) -> str:
    """Say that there is nothing to tell classes by."""
    some = ", ".join(shown(name, 50) for name, _ in skipped[:3]) or "nothing"
    told = f"it has no folders of classes with files in them; expected is a folder for each class. It holds {some}"
    return told + hint_at_table(name for name, _ in skipped)


def hint_at_table(names: Iterable[str]) -> str:
    """Say how a CSV is meant, where there is one among files that are in no folder of a class."""
    table = next((name for name in names if name.lower().endswith(".csv")), None)
    return "" if table is None else f"; where {shown(table, 50)} says which is what, give its own path"
