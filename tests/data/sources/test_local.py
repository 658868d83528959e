import gzip
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from string import ascii_uppercase

import numpy as np
import pytest

from pipeline.data.class_names import read_class_names
from pipeline.data.download import FetchError
from pipeline.data.idx import FILES, TYPES, Header, IdxError, read_idx, read_part, write_idx, write_part
from pipeline.data.sources.base import SourceError
from pipeline.data.sources.local import Cache, Folder, IdxArchive, ScikitLearnDigits
from pipeline.image_shape import as_colour
from pipeline.stages.fetch import Fetch

IMAGES = FILES["train"][0]
ROOT = str(Path(__file__).parents[3])
DIGITS = {
    "train-images-idx3-ubyte": "dc15de4d6f0b703d",
    "train-labels-idx1-ubyte": "758ea24dda58850b",
    "t10k-images-idx3-ubyte": "cc85d50f07c5f2d9",
    "t10k-labels-idx1-ubyte": "34128b0eac0fff7f",
}
"""The first half of the SHA-256 of each file."""


def idx(array, dtype="u1"):
    """Return the bytes of an IDX file."""
    items = np.asarray(array).astype(np.dtype(dtype).newbyteorder(">"))
    assert items.dtype in TYPES.values()
    return Header(items.dtype, items.shape).pack() + items.tobytes()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_folder(tiny_folder, tiny, files, home, transfer):
    """A folder's files come out raw, whether they lie there compressed or not; and the folder stays as it was."""
    (tiny_folder / IMAGES).unlink()
    (tiny_folder / f"{IMAGES}.gz").write_bytes(gzip.compress(tiny[IMAGES]))
    before = contents(tiny_folder)
    Folder(tiny_folder).bring(files, home, transfer)
    assert contents(home) == tiny
    assert contents(tiny_folder) == before


def test_folder_that_is_not_there(tmp_path, files, home, transfer):
    """A folder that is not there is said to be so."""
    with pytest.raises(SourceError, match="not there"):
        Folder(tmp_path / "nowhere").bring(files, home, transfer)


def test_folder_with_a_file_missing(tiny_folder, files, home, transfer):
    """A missing file is named."""
    (tiny_folder / IMAGES).unlink()
    with pytest.raises(FileNotFoundError, match=f"lack beside them {IMAGES}, with .gz or without"):
        Folder(tiny_folder).bring(files, home, transfer)


def test_folder_with_a_damaged_file(tiny_folder, files, home, transfer):
    """A damaged file is named with its damage."""
    (tiny_folder / IMAGES).write_bytes(b"<html>")
    with pytest.raises(IdxError, match=f"{IMAGES} is an HTML"):
        Folder(tiny_folder).bring(files, home, transfer)


@pytest.mark.parametrize("labels", ["int8", "int16", "int32", "eight columns"])
def test_folder_of_other_names_and_labels(tiny_folder, tiny, files, home, transfer, labels):
    """Whatever the files are called and however labels are written, the four official files with bytes come out."""
    own = tiny_folder.parent / "own"
    own.mkdir()
    for (images_name, labels_name), stem in zip(FILES.values(), ("train", "test"), strict=True):
        images, digits = (read_idx(tiny_folder / name) for name in (images_name, labels_name))
        write_idx(own / f"q-{stem}-images.idx3-ubyte", images)
        columns = np.repeat(digits[:, None], 8, axis=1) * [1, 2, 3, 4, 5, 6, 7, 8]
        written = columns.astype("int32") if labels == "eight columns" else digits.astype(labels)
        write_idx(own / f"q-{stem}-labels.idx2-int", written)
    Folder(own).bring(files, home, transfer)
    assert contents(home) == tiny
    assert transfer.progress.lines == []


def test_emnist_is_turned_upright(tiny_folder, tiny, files, home, transfer):
    """EMNIST's files are told by their names; rows and columns of their images are swapped back, and a line says so."""
    for path in list(tiny_folder.iterdir()):
        path.rename(tiny_folder / f"emnist-digits-{path.name}")
    Folder(tiny_folder).bring(files, home, transfer)
    for part in FILES:
        images, labels = read_part(home, part)
        given = [read_idx(io.BytesIO(tiny[name])) for name in FILES[part]]
        assert images.tolist() == given[0].transpose(0, 2, 1).tolist()
        assert labels.tolist() == given[1].tolist()
    assert read_class_names(home) is None
    assert transfer.progress.lines == ["EMNIST's images are turned upright, rows and columns swapped"]


def letters(folder, *, labels=(1, 2, 26), mapping=None, prefix="emnist-letters-"):
    """Write a data set as EMNIST has its letters: 1 to 26, images of 2x3 pixels with rows and columns swapped."""
    folder.mkdir(exist_ok=True)
    for stem in ("train", "test"):
        images = np.arange(6 * len(labels), dtype=np.uint8).reshape(-1, 2, 3).transpose(0, 2, 1)
        (folder / f"{prefix}{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{prefix}{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    if mapping is not None:
        (folder / f"{prefix}mapping.txt").write_text(mapping, "utf-8")
    return folder


def zipped(folder):
    """Return an archive of a folder, as EMNIST's gzip.zip is."""
    path = folder.parent / "gzip.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for one in sorted(folder.iterdir()):
            archive.write(one, f"gzip/{one.name}")
    return path


@pytest.mark.parametrize("archived", [False, True])
def test_letters_of_emnist(tmp_path, files, home, transfer, archived):
    """Labels from 1 become labels from 0 with the names of the letters, in a folder and in an archive."""
    folder = letters(tmp_path / "emnist")
    source = IdxArchive(zipped(folder)) if archived else Folder(folder)
    source.bring(files, home, transfer)
    images, labels = read_part(home, "test")
    assert images.tolist() == np.arange(18).reshape(3, 2, 3).tolist()
    assert labels.tolist() == [0, 1, 25]
    assert read_class_names(home) == tuple(ascii_uppercase)
    assert transfer.progress.lines[0].endswith("its classes are called " + ", ".join(ascii_uppercase))


def test_emnist_in_colour(tmp_path, files, home, transfer):
    """Where colours are asked for, its images are upright and have three equal channels."""
    Folder(letters(tmp_path / "emnist"), "rgb").bring(files, home, transfer)
    images, _ = read_part(home, "train")
    assert images.tolist() == as_colour(np.arange(18, dtype=np.uint8).reshape(3, 2, 3), "rgb").tolist()


@pytest.mark.parametrize("archived", [False, True])
def test_a_mapping_beside_the_files(tmp_path, files, home, transfer, archived):
    """It says what the labels stand for, whatever is known of the data set."""
    folder = letters(tmp_path / "emnist", mapping="26 97\n2 98\n1 99 67\n")
    (IdxArchive(zipped(folder)) if archived else Folder(folder)).bring(files, home, transfer)
    assert read_class_names(home) == ("c", "b", "a")
    assert read_part(home, "train")[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"labels": (1, 0, 2)}, "labels-idx1-ubyte.gz has the label 0 in row 1; expected are 1 to 26, as mapped"),
        ({"mapping": "1 65\n1 66"}, r"emnist-letters-mapping.txt has in line 2 '1 66'; expected are a label"),
        ({"mapping": ""}, "emnist-letters-mapping.txt must name two classes or more"),
        ({"mapping": "ä"}, "emnist-letters-mapping.txt is no text of a label"),
    ],
)
def test_letters_that_cannot_be_read(tmp_path, files, home, transfer, how, words):
    """The file is named, with what was found and what is expected."""
    with pytest.raises(IdxError, match=words):
        Folder(letters(tmp_path / "emnist", **how)).bring(files, home, transfer)


def test_emnist_without_a_known_name(tmp_path, files, home, transfer):
    """It is turned upright as well, and its labels stay as they are."""
    Folder(letters(tmp_path / "emnist", prefix="emnist-")).bring(files, home, transfer)
    assert read_class_names(home) is None
    assert read_part(home, "train")[1].tolist() == [1, 2, 26]
    assert read_part(home, "train")[0].tolist() == np.arange(18).reshape(3, 2, 3).tolist()


@pytest.mark.parametrize("archived", [False, True])
def test_one_of_several_sets(tmp_path, archived):
    """EMNIST's six sets lie in one archive: the error names those there, and a name after the path takes one."""
    folder = letters(tmp_path / "emnist")
    letters(folder, prefix="emnist-digits-", labels=(0, 1, 2))
    path = zipped(folder) if archived else folder
    with pytest.raises(FetchError, match=f"holds several data sets, .*: {path}/emnist-digits, {path}/emnist-letters$"):
        Fetch(dataset=str(path)).load()
    fetch = Fetch(dataset=str(path / "emnist-letters"))
    assert fetch.load()[1].tolist() == [0, 1, 25]
    assert fetch.class_names_ == tuple(ascii_uppercase)
    assert Fetch(dataset=str(path / "emnist-digits")).load()[1].tolist() == [0, 1, 2]
    with pytest.raises(FetchError, match="names begin with lettres; those there begin with emnist-digits, emnist-lett"):
        Fetch(dataset=str(path / "lettres")).load()


def test_mnist_in_an_archive(tiny_folder, tiny, files, home, transfer):
    """Official files in a ZIP archive are read as from a folder, and what macOS adds to it is not looked at."""
    path = zipped(tiny_folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/gzip/train-images-idx3-ubyte", b"forks")
        archive.writestr("gzip/readme.txt", b"about")
    IdxArchive(path).bring(files, home, transfer)
    assert contents(home) == tiny
    assert transfer.progress.lines == []


def test_a_damaged_archive(tiny_folder, files, home, transfer):
    """A file of it that is damaged, cut short, or compressed so that it may ask for any memory, is named."""
    path = zipped(tiny_folder)
    content = bytearray(path.read_bytes())
    at = content.index(b"train-labels") + len("train-labels-idx1-ubyte") + 9
    content[at] ^= 255
    path.write_bytes(content)
    with pytest.raises((IdxError, SourceError), match="gzip/train-labels-idx1-ubyte"):
        IdxArchive(path).bring(files, home, transfer)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for one in sorted(tiny_folder.iterdir()):
            archive.write(one, one.name)
    with pytest.raises(IdxError, match="train-images-idx3-ubyte is encrypted in the archive, or compressed in another"):
        IdxArchive(path).bring(files, home, transfer)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train-images-idx3-ubyte", b"")
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte lack beside them train-labels-idx1-ubyte"):
        IdxArchive(path).bring(files, home, transfer)


FOLDER = {
    "train images empty": ({"train-images": b""}, "train-images-idx3-ubyte is empty"),
    "test labels empty": ({"t10k-labels": b""}, "t10k-labels-idx1-ubyte is empty"),
    "truncated": ({"train-images": lambda body: body[:-1]}, "train-images-idx3-ubyte is cut short"),
    "labels truncated": ({"train-labels": lambda body: body[:-1]}, "train-labels-idx1-ubyte is cut short"),
    "goes on": ({"t10k-images": lambda body: body + b"0"}, "t10k-images-idx3-ubyte goes on"),
    "gzip cut": ({"train-images": lambda body: gzip.compress(body)[:-9]}, "train-images-idx3-ubyte is cut short"),
    "gzip damaged": (
        {"train-labels": lambda body: gzip.compress(body)[:-8] + b"\0" * 8},
        "train-labels-idx1-ubyte is damaged",
    ),
    "too many labels": ({"train-labels": idx([0, 1, 2, 2])}, "holds 3 images, but .*train-labels-idx1-ubyte holds 4"),
    "too few labels": ({"t10k-labels": idx([1])}, "holds 2 images, but .*t10k-labels-idx1-ubyte holds 1"),
    "swapped": (
        {"train-images": idx([0, 1, 2]), "train-labels": idx(np.zeros((3, 2, 2)))},
        "as images are; expected lab",
    ),
    "images of float32": ({"train-images": idx(np.zeros((3, 2, 2)), "f4")}, "train-images-idx3-ubyte holds float32"),
    "images of float64": ({"t10k-images": idx(np.zeros((2, 2, 2)), "f8")}, "t10k-images-idx3-ubyte holds float64"),
    "images of int32": ({"t10k-images": idx(np.zeros((2, 2, 2)), "i4")}, "t10k-images-idx3-ubyte holds int32"),
    "images with channels": (
        {"train-images": idx(np.zeros((3, 2, 2, 1)))},
        "train-images-.* of shape .3, 2, 2, 1.; exp",
    ),
    "rows of pixels": ({"train-images": idx(np.zeros((3, 4)))}, r"train-images-.* of shape \(3, 4\); expected images"),
    "labels of float32": ({"train-labels": idx([0, 1, 2], "f4")}, "train-labels-idx1-ubyte holds float32"),
    "negative labels": ({"train-labels": idx([0, -1, 2], "i1")}, "train-labels-idx1-ubyte holds the label -1 in row 1"),
    "large labels": ({"train-labels": idx([0, 1, 300], "i4")}, "train-labels-idx1-ubyte holds the label 300 in row 2"),
    "no test images": (
        {"t10k-images": idx(np.zeros((0, 2, 2))), "t10k-labels": idx([])},
        "t10k-images-idx3-ubyte holds no pixel",
    ),
    "other size": ({"t10k-images": idx(np.zeros((2, 2, 3)))}, "t10k-images-idx3-ubyte has images of 2x3"),
    "one class": ({"train-labels": idx([2, 2, 2])}, "train-labels-idx1-ubyte has the label 2 alone"),
    "test label": ({"t10k-labels": idx([1, 7])}, r"t10k-labels-idx1-ubyte has the label 7 \(1 of 2 rows\), which"),
}
"""What may be wrong with a file of a folder: its new content, and what is said of it."""


@pytest.mark.parametrize(("changes", "words"), FOLDER.values(), ids=FOLDER)
def test_errors_name_the_users_files(tiny_folder, files, home, transfer, changes, words):
    """Whatever is wrong with a file of the user's own, the error names it where it lies, and no copy of ours."""
    for stem, change in changes.items():
        [path] = tiny_folder.glob(f"{stem}-*")
        path.write_bytes(change(path.read_bytes()) if callable(change) else change)
    with pytest.raises(ValueError, match=words) as caught:
        Folder(tiny_folder).bring(files, home, transfer)
    assert str(caught.value).startswith(str(tiny_folder))
    assert str(home) not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_cache_gives_what_it_has_kept(tmp_path, tiny_folder, tiny, files, home, transfer):
    """A cache is empty first, and gives the same bytes once it has kept them; keeping them again does no harm."""
    cache = Cache(tmp_path / "deep" / "cache")
    with pytest.raises(SourceError, match="not been filled"):
        cache.bring(files, home, transfer)
    cache.keep(files, tiny_folder)
    cache.keep(files, tiny_folder)
    cache.bring(files, home, transfer)
    assert contents(home) == contents(cache.path) == tiny


def test_a_cache_is_replaced_whole(tmp_path, tiny_folder, tiny, files, home, transfer, monkeypatch):
    """An interruption between two files of a new filling leaves the old one, and never files of both."""
    cache = Cache(tmp_path / "cache")
    cache.keep(files, tiny_folder)
    newer = tmp_path / "newer"
    newer.mkdir()
    for name in files:
        (newer / name).write_bytes(b"newer")
    copy, copied = shutil.copyfile, []

    def interrupted(source, target):
        copied.append(source)
        if len(copied) == 3:
            raise KeyboardInterrupt
        return copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cache.keep(files, newer)
    assert contents(cache.path) == tiny
    cache.keep(files, newer)
    cache.bring(files, home, transfer)
    assert contents(home) == contents(cache.path) == dict.fromkeys(tiny, b"newer")


def test_a_killed_filling_mixes_nothing(tmp_path, tiny_folder, tiny, files):
    """A process that is killed between two files leaves the old filling, and the next filling clears up after it."""
    cache = Cache(tmp_path / "cache")
    cache.keep(files, tiny_folder)
    code = f"""
import os, shutil, signal
from pathlib import Path
from pipeline.data.sources.local import Cache
copy = shutil.copyfile
def killed(source, target):
    if os.path.basename(source) == {sorted(files)[2]!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return copy(source, target)
shutil.copyfile = killed
Path("newer").mkdir()
for name in {sorted(files)!r}:
    Path("newer", name).write_bytes(b"newer")
Cache(Path("cache")).keep({sorted(files)!r}, Path("newer"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": ROOT}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert contents(cache.path) == tiny
    cache.keep(files, tiny_folder)
    assert [path.name for path in tmp_path.glob(".cache*")] == []


def test_a_cache_that_is_filled_while_it_is_read(tmp_path, tiny_folder, tiny, files, home, transfer, monkeypatch):
    """Whoever reads while another fills it anew gets files of one filling alone."""
    cache = Cache(tmp_path / "cache")
    old = tmp_path / "old"
    old.mkdir()
    for name in files:
        (old / name).write_bytes(b"old")
    cache.keep(files, old)
    copy, refilled = shutil.copyfile, []

    def copying(source, target):
        if len(list(home.iterdir())) == 2 and not refilled:
            refilled.append(True)
            cache.keep(files, tiny_folder)
        return copy(source, target)

    monkeypatch.setattr("shutil.copyfile", copying)
    cache.bring(files, home, transfer)
    assert refilled
    assert contents(home) == tiny


def test_half_a_cache_is_empty(tmp_path, tiny_folder, files, home, transfer):
    """A cache in which a file is missing gives nothing."""
    cache = Cache(tmp_path / "cache")
    cache.keep(files, tiny_folder)
    (cache.path / IMAGES).unlink()
    with pytest.raises(SourceError, match="not been filled"):
        cache.bring(files, home, transfer)
    assert not list(home.iterdir())


def test_digits_are_the_same_everywhere(home, files, transfer):
    """The digits inside scikit-learn make the same files on every machine, the test part among them."""
    ScikitLearnDigits().bring(dict.fromkeys(files), home, transfer)
    assert {name: hashlib.sha256(body).hexdigest()[:16] for name, body in contents(home).items()} == DIGITS


def test_digits_fill_the_range(home, files, transfer):
    """They are stretched from 0..16 to 0..255, and a fifth of each class is in the test part."""
    ScikitLearnDigits().bring(dict.fromkeys(files), home, transfer)
    images, labels = read_part(home, "test", n_classes=10)
    assert images.shape == (360, 8, 8)
    assert (images.min(), images.max()) == (0, 255)
    assert set(labels) == set(range(10))


@pytest.mark.parametrize("colour", ["grey", "rgb"])
@pytest.mark.parametrize("compressed", [False, True])
def test_folder_of_coloured_images(tmp_path, home, transfer, colour, compressed):
    """IDX files of four axes are coloured images: they stay so where that is asked for, and else become grey."""
    own = tmp_path / "own"
    own.mkdir()
    images = np.random.default_rng(0).integers(256, size=(4, 2, 3, 3), dtype=np.uint8)
    for part in FILES:
        write_part(own, part, images.shape, [images], np.array([0, 1, 0, 1], np.uint8))
    if compressed:
        for path in list(own.iterdir()):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    Folder(own, colour).bring({}, home, transfer)
    found, labels = read_part(home, "test")
    assert labels.tolist() == [0, 1, 0, 1]
    assert found.tolist() == (images if colour == "rgb" else as_colour(images, "grey")).tolist()
    assert {path.name.split("-")[2] for path in home.iterdir()} == {"idx1", "idx4" if colour == "rgb" else "idx3"}


def test_folder_of_grey_images_in_colour(tiny_folder, files, home, transfer):
    """Where colours are asked for, grey images get three equal channels."""
    grey = read_part(tiny_folder, "train")[0]
    Folder(tiny_folder, "rgb").bring(files, home, transfer)
    found = read_part(home, "train")[0]
    assert (found == grey[..., np.newaxis]).all()
    assert found.shape == (3, 2, 2, 3)
