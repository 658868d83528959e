"""Pictures of a person's own as a data set: to the byte, with every odd thing told in a line."""

import builtins
import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from pipeline.data.class_names import read_class_names
from pipeline.data.download import FetchError
from pipeline.data.idx import read_part
from pipeline.data.own import decoding
from pipeline.data.own.picture import Rules
from pipeline.data.picture_names import FILES, read_picture_names
from pipeline.data.sources.base import SourceError
from pipeline.data.sources.pictures import Pictures, Reading
from pipeline.parameters import ParameterError
from pipeline.provenance import read_record
from pipeline.stages.fetch import Fetch

DIGITS = load_digits()
IMAGES = (DIGITS.images[:100] * 15.9375).astype(np.uint8)
LABELS = DIGITS.target[:100]


def save(path, pixels):
    """Write a picture, and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def packed(folder):
    """Return a ZIP archive of a folder, with the folder around all."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.rglob("*")):
            archive.write(one, one.relative_to(folder.parent))
    return path


def _zip_of(*members):
    """Return the bytes of a ZIP archive of stored members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def own(tmp_path):
    """Make a folder of two classes with ten pictures each, all unlike."""
    folder = tmp_path / "own"
    for number in range(10):
        for name, offset in {"cat": 0, "dog": 100}.items():
            save(folder / name / f"{number}.png", np.full((4, 4), number + offset))
    return folder


def brought(path, tmp_path, transfer, **how):
    """Return what a folder comes to: images and labels of both parts, and the names."""
    folder = tmp_path / "brought"
    folder.mkdir(exist_ok=True)
    rules = Rules(**{name: how.pop(name) for name in ("size", "background", "colour") if name in how})
    Pictures(path, Reading(rules, **how)).bring({}, folder, transfer)
    return {part: read_part(folder, part) for part in ("train", "test")}, read_class_names(folder)


@pytest.mark.parametrize("archived", [False, True])
def test_digits_come_back_to_the_byte(tmp_path, transfer, archived):
    """Exported as PNG, with train and test, they are the images that they were, with their labels."""
    parts = {"train": slice(70), "test": slice(70, 100)}
    for part, rows in parts.items():
        for number, (image, label) in enumerate(zip(IMAGES[rows], LABELS[rows], strict=True)):
            save(tmp_path / "digits" / part / str(label) / f"{number}.png", image)
    found, names = brought(packed(tmp_path / "digits") if archived else tmp_path / "digits", tmp_path, transfer)
    assert names is None
    for part, rows in parts.items():
        order = np.argsort(LABELS[rows], kind="stable")
        assert found[part][0].tobytes() == IMAGES[rows][order].tobytes()
        assert found[part][1].tolist() == LABELS[rows][order].tolist()


def test_names_and_a_line(own, tmp_path, transfer):
    """Classes have their names, a test part is drawn of each, and a line says what was read."""
    found, names = brought(own, tmp_path, transfer)
    assert names == ("cat", "dog")
    assert [len(labels) for _, labels in found.values()] == [16, 4]
    assert np.bincount(found["test"][1]).tolist() == [2, 2]
    assert (found["train"][0][:, 0, 0] >= 100).tolist() == (found["train"][1] == 1).tolist()
    assert transfer.progress.lines == [
        "read 20 pictures of 4x4 pixels, 16 to train and 4 to test, in 2 classes: cat 10, dog 10"
    ]
    assert transfer.progress.begun == [("list files", None, "files"), ("read pictures", 20, "pictures")]
    assert transfer.progress.ended == 2
    assert transfer.progress.total == 20


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("divided", [False, True])
def test_every_image_leads_back_to_its_picture(own, tmp_path, transfer, archived, divided):
    """Beside the images of each part stand the paths of their pictures, row by row, whatever was drawn or left out."""
    (own / "cat" / "0.png").write_bytes(b"no picture")
    if divided:
        for part, number in (("train", 1), ("test", 2)):
            shutil.copytree(own, tmp_path / "both" / part)
            (tmp_path / "both" / part / "dog" / f"{number}.png").unlink()
    source = tmp_path / "both" if divided else own
    found, _ = brought(packed(source) if archived else source, tmp_path, transfer)
    for part, (images, _) in found.items():
        names = read_picture_names(tmp_path / "brought", part, range(len(images)))
        assert [np.asarray(Image.open(source.joinpath(*name.split("/")[archived:]))).item(0) for name in names] == [
            image.item(0) for image in images
        ]


def test_the_names_are_in_the_artifacts(own, tmp_path):
    """`fetch` hands the paths on, its record has them, and other data that replace these have none."""
    raw = tmp_path / "artifacts" / "raw"
    Fetch(dataset=str(own)).run(tmp_path / "artifacts")
    images, _ = read_part(raw, "test")
    names = read_picture_names(raw, "test", range(len(images)))
    assert [np.asarray(Image.open(own / name)).item(0) for name in names] == images[:, 0, 0].tolist()
    assert set(FILES.values()) <= set(read_record(raw).files)
    Fetch(dataset="digits").run(tmp_path / "artifacts")
    assert read_picture_names(raw, "test", [0]) is None


def test_the_draw_is_a_seeds(own, tmp_path, transfer):
    """The same seed draws the same pictures, another draws others, and the fraction is what was asked for."""
    draws = [brought(own, tmp_path, transfer, random_state=seed, test_fraction=0.5)[0] for seed in (1, 1, 2)]
    one, same, other = (found["test"][0].tobytes() for found in draws)
    assert one == same != other
    assert len(draws[0]["test"][1]) == 10


def test_sizes_that_differ(own, tmp_path, transfer):
    """Without a size, two files that differ are named; with one, all are scaled."""
    save(own / "cat" / "large.png", np.zeros((9, 6)))
    with pytest.raises(SourceError, match=r"cat/0.png has 4x4 pixels and cat/large.png 9x6; set fetch.size"):
        brought(own, tmp_path, transfer)
    found, _ = brought(own, tmp_path, transfer, size=5)
    assert np.concatenate([images for images, _ in found.values()]).shape == (21, 5, 5)


def test_a_white_background(own, tmp_path, transfer):
    """It is inverted."""
    found, _ = brought(own, tmp_path, transfer, background="white")
    assert found["train"][0].min() == 255 - 109


def test_files_that_cannot_be_read_are_told(own, tmp_path, transfer):
    """They are left out, each with its reason; more than a line holds are counted."""
    (own / "cat" / "notes.txt").write_text("hello", "utf-8")
    (own / "dog" / "cut.png").write_bytes((own / "dog" / "1.png").read_bytes()[:50])
    Image.new("1", (30_000, 30_000)).save(own / "dog" / "huge.png")
    for number in range(5):
        (own / "dog" / f"z{number}.csv").write_text("a,b", "utf-8")
    found, _ = brought(own, tmp_path, transfer)
    assert sum(len(labels) for _, labels in found.values()) == 20
    warning = transfer.progress.lines[0]
    assert warning.startswith("warning: 8 files are left out: cat/notes.txt: it is a text file; dog/cut.png: it is dam")
    assert "dog/huge.png: it unfolds to more than 67108864 pixels; and 5 more" in warning


def _encrypted(content):
    """Return an archive of stored members that says of the first that it is encrypted."""
    marked = bytearray(content)
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        marked[content.index(signature) + at] |= 1
    return bytes(marked)


ODD = {
    "zero.png": (b"", "it is empty"),
    "text.png": (b"these are words", "it is a text file"),
    "inner.zip": (_zip_of(("cat/1.png", b"x")), "it is a zip archive"),
    "page.pdf": (b"%PDF-1.4 and so on", "it is a PDF document"),
    "model.png": (b"\x80\x05\x95 and so on", "it is"),
}


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_left_out_with_its_reason(own, tmp_path, transfer, name, archived):
    """Whatever its name ends with, in a folder and in an archive; a ZIP archive within another is none of pictures."""
    content, reason = ODD[name]
    (own / "cat" / name).write_bytes(content)
    found, _ = brought(packed(own) if archived else own, tmp_path, transfer)
    assert sum(len(labels) for _, labels in found.values()) == 20
    assert transfer.progress.lines[0].startswith("warning: 1 file is left out: ")
    assert f"cat/{name}: {reason}" in transfer.progress.lines[0]


def test_an_encrypted_member_is_told(own, tmp_path, transfer):
    """All others are read."""
    path = packed(own)
    members = [(name, zipfile.ZipFile(path).read(name)) for name in zipfile.ZipFile(path).namelist() if "png" in name]
    path.write_bytes(_encrypted(_zip_of(*members)))
    found, _ = brought(path, tmp_path, transfer)
    assert sum(len(labels) for _, labels in found.values()) == 19
    assert transfer.progress.lines[0] == "warning: 1 file is left out: own/cat/0.png: it is encrypted"


@pytest.mark.skipif(os.name == "nt", reason="there are no such files there")
def test_files_that_cannot_be_opened_are_told(own, tmp_path, transfer, monkeypatch):
    """A link to nothing, a pipe that none writes to, and a file without permission."""
    (own / "cat" / "a.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(own / "cat" / "b.png")
    read_bytes = Path.read_bytes

    def refuse(path):
        if path.parent.name == "dog" and path.name == "3.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found, _ = brought(own, tmp_path, transfer)
    assert sum(len(labels) for _, labels in found.values()) == 19
    assert transfer.progress.lines[0] == (
        "warning: 3 files are left out: cat/a.png: No such file or directory; cat/b.png: it is no file; dog/3.png: "
        "Permission denied"
    )


def test_empty_classes_are_told(own, tmp_path, transfer):
    """A folder without a picture is no class, whether it is empty or has only other files."""
    (own / "empty").mkdir()
    (own / "docs").mkdir()
    (own / "docs" / "a.txt").write_text("hello", "utf-8")
    _, names = brought(own, tmp_path, transfer)
    assert names == ("cat", "dog")
    assert "warning: no class, for there is no picture in it: 'docs', 'empty'" in transfer.progress.lines


def test_one_picture_with_two_labels_is_told(own, tmp_path, transfer):
    """It is taken as it is, and both files are named."""
    shutil.copy(own / "cat" / "3.png", own / "dog" / "same.png")
    brought(own, tmp_path, transfer)
    words = "warning: the same picture is there with two labels, 1 time: cat/3.png and dog/same.png"
    assert words in transfer.progress.lines


def test_a_picture_on_both_sides_is_told(own, tmp_path, transfer):
    """What is in train and in test is no fair test."""
    for part in ("train", "test"):
        shutil.copytree(own, tmp_path / "parts" / part)
    brought(tmp_path / "parts", tmp_path, transfer)
    assert any("in the training part and in the test part, 20 times" in line for line in transfer.progress.lines)


def _only_cats(own):
    shutil.rmtree(own / "dog")


def _one_dog(own):
    for number in range(1, 10):
        (own / "dog" / f"{number}.png").unlink()


def _other_case(own):
    shutil.copytree(own / "cat", own / "x" / "Cat")
    (own / "x" / "Cat").rename(own / "Cat")


def _no_picture(own):
    for path in own.rglob("*.png"):
        path.write_bytes(b"hello")


def _untrained(own):
    for name in ("cat", "dog"):
        save(own / "train" / name / "1.png", np.zeros((4, 4)))
    shutil.move(own / "cat", own / "test" / "cow")
    shutil.rmtree(own / "dog")


def _too_many_pixels(own):
    shutil.rmtree(own / "cat")
    for number in range(20):
        Image.new("1", (8000, 8000)).save(own / "dog" / f"{number}.png")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_only_cats, "it has pictures of the class 'cat' alone"),
        (_one_dog, "the class 'dog' has 1 picture, and there is no test part"),
        (_other_case, "the classes 'Cat' and 'cat' differ only in case"),
        (_no_picture, "it has no picture that can be read; 20 files are left out: cat/0.png: it is a text file"),
        (_untrained, "the class 'cow' has pictures in the test part and none in the training part"),
        (_too_many_pixels, r"20 pictures of 8000x8000 pixels take .* set fetch.size"),
    ],
)
def test_what_no_one_could_learn_from_is_refused(own, tmp_path, transfer, spoil, words):
    """Each has one clear answer."""
    spoil(own)
    with pytest.raises((SourceError, ValueError), match=words):
        brought(own, tmp_path, transfer)


def test_a_class_that_is_not_tested_is_told(own, tmp_path, transfer):
    """A division that is given may lack a class to test; one that lacks it to learn from is refused elsewhere."""
    for part in ("train", "test"):
        shutil.copytree(own, tmp_path / "parts" / part)
    shutil.rmtree(tmp_path / "parts" / "test" / "dog")
    found, names = brought(tmp_path / "parts", tmp_path, transfer)
    assert names == ("cat", "dog")
    assert set(found["test"][1].tolist()) == {0}
    line = "warning: no picture of the class 'dog' is in the test part: how well it is told is not measured"
    assert line in transfer.progress.lines


def test_a_damaged_or_encrypted_member_is_told(own, tmp_path, transfer):
    """A ZIP archive with a byte turned gives all others, and names the one."""
    path = packed(own)
    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[3]
    content = bytearray(path.read_bytes())
    content[info.header_offset + 30 + len(info.filename) + 5] ^= 255
    path.write_bytes(content)
    found, _ = brought(path, tmp_path, transfer)
    assert sum(len(labels) for _, labels in found.values()) == 19
    assert f"1 file is left out: {info.filename}: it is damaged" in transfer.progress.lines[0]


def test_a_process_that_is_killed(own, tmp_path, transfer, monkeypatch):
    """Where one of those that decode is ended by force, the error says so in one line, and nothing waits for it."""
    monkeypatch.setattr(decoding, "_MANY", 1)
    monkeypatch.setattr(decoding, "_begin", os._exit)
    with pytest.raises(SourceError, match="a process that decodes pictures was ended"):
        brought(own, tmp_path, transfer)


def test_memory_hardly_grows_with_pictures(tmp_path, transfer, monkeypatch, peak_of):
    """Of each picture in an archive, its names and its place are held, and neither its file nor its pixels."""
    monkeypatch.setattr("pipeline.data.own.decoding._MOST_SAMPLES", 16)  # what is on its way is little, and no noise
    peaks = {}
    for n_pictures in (1500, 3000, 6000):  # the first imports what is needed
        path = tmp_path / f"{n_pictures}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(n_pictures):
                file = io.BytesIO()
                Image.fromarray(np.full((28, 7), number, np.uint32).view(np.uint8)).save(file, "PNG")
                archive.writestr(f"own/{number % 10}/{number:06}.png", file.getvalue())
        peaks[n_pictures] = peak_of(lambda path=path: brought(path, tmp_path, transfer))
    assert (peaks[6000] - peaks[3000]) / 3000 < 1600


@pytest.mark.parametrize("n_bytes", [2, 100, -10])
def test_an_archive_that_is_cut_short(own, n_bytes):
    """A download that has ended early is told by what it began as."""
    path = packed(own)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(FetchError, match=r"own.zip: it is no ZIP archive that can be read, but damaged or cut short"):
        Fetch(dataset=str(path)).load()


def test_without_pillow(own, tmp_path, transfer, monkeypatch):
    """The error names the extra that brings it."""
    imported = builtins.__import__

    def refuse(name, *rest):
        if name == "PIL":
            raise ModuleNotFoundError("No module named 'PIL'", name="PIL")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SourceError, match=r"pip install \"digits-pipeline\[images\]\" brings it"):
        brought(own, tmp_path, transfer)


def test_fetch_takes_them(own, tmp_path):
    """A folder and an archive are data sets; what they are made by is in the record, and where they lie is not."""
    fetch = Fetch(dataset=str(own), size=8, test_fraction=0.5)
    X, y = fetch.load("train")
    assert X.shape == (10, 64)
    assert fetch.class_names_ == ("cat", "dog")
    assert np.bincount(y).tolist() == [5, 5]
    done = Fetch(dataset=str(packed(own)), size=8).run(tmp_path / "artifacts")
    assert done["source"] == f"file {own.with_suffix('.zip')}"
    assert read_class_names(tmp_path / "artifacts" / "raw") == ("cat", "dog")
    assert str(own) not in (tmp_path / "artifacts" / "raw" / "provenance.json").read_text("utf-8")
    assert fetch.recorded_parameters() == {
        "dataset": "folder",
        "size": 8,
        "background": "black",
        "colour": "grey",
        "test_fraction": 0.5,
        "random_state": 42,
    }


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"dataset": "digits", "size": 28}, "size is for pictures of your own, and must be null for dataset digits"),
        ({"dataset": "digits", "colour": "rgb"}, "colour is for data of your own, and must be grey for dataset digits"),
        ({"dataset": "own", "colour": "cmyk"}, "colour must be 'grey' or 'rgb'; got 'cmyk'"),
        ({"dataset": "digits", "background": "white"}, "background is for pictures of your own, and must be black"),
        (
            {"dataset": "own/cat/1.png"},
            "dataset must be a folder, a ZIP archive, .* or a CSV .* own/cat/1.png is a PNG image",
        ),
        ({"dataset": "own", "size": 0}, "size must be"),
        ({"dataset": "own", "test_fraction": 1.0}, "test_fraction must be a number > 0 and < 1"),
    ],
)
def test_wrong_parameters(own, tmp_path, monkeypatch, how, words):
    """What is asked for in vain is told, by name."""
    del own
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match=words):
        Fetch(**how).load()


def test_a_table_of_pixels_comes_back_to_the_byte(tmp_path):
    """A CSV as Kaggle has it is a data set; a test part is drawn of it."""
    rows = [f"{label}," + ",".join(map(str, image.ravel())) for image, label in zip(IMAGES, LABELS, strict=True)]
    path = tmp_path / "train.csv"
    path.write_text("label," + ",".join(f"pixel{number}" for number in range(64)) + "\n" + "\n".join(rows), "utf-8")
    fetch = Fetch(dataset=str(path), test_fraction=0.3)
    parts = [fetch.load(part) for part in ("train", "test")]
    assert [len(y) for _, y in parts] == [70, 30]
    found = {(label, image.tobytes()) for X, y in parts for image, label in zip(X, y.tolist(), strict=True)}
    assert found == {(label, image.tobytes()) for image, label in zip(IMAGES, LABELS.tolist(), strict=True)}
    with pytest.raises(ParameterError, match="size is for pictures of your own"):
        Fetch(dataset=str(path), size=28).load()


def test_a_table_of_files_keeps_a_writer_on_one_side(tmp_path):
    """With a column of groups, no group is both learned from and tested on."""
    lines = ["file,label,group"]
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        marked = image.copy()
        marked[0, 0] = number % 10
        save(tmp_path / "pictures" / f"{number}.png", marked)
        lines.append(f"pictures/{number}.png,class {label},writer {number % 10}")
    (tmp_path / "labels.csv").write_text("\n".join(lines), "utf-8")
    fetch = Fetch(dataset=str(tmp_path / "labels.csv"), random_state=3)
    writers = [set(fetch.load(part)[0][:, 0].tolist()) for part in ("train", "test")]
    assert fetch.class_names_ == tuple(f"class {label}" for label in range(10))
    assert writers[0] | writers[1] == set(range(10))
    assert not writers[0] & writers[1]
    assert len(writers[1]) == 2


def test_a_table_of_anything_else_is_refused(tmp_path):
    """With what is expected of the first line."""
    (tmp_path / "people.csv").write_text("name,age,size\na,1,2\n", "utf-8")
    with pytest.raises(ParameterError, match=r"people.csv cannot be read: its first line is neither"):
        Fetch(dataset=str(tmp_path / "people.csv")).load()


COLOURS = np.random.default_rng(0).integers(256, size=(12, 4, 5, 3), dtype=np.uint8)
KINDS = np.arange(12) % 2


@pytest.mark.parametrize("form", ["folder", "archive", "table"])
def test_colours_come_back_to_the_byte(tmp_path, form):
    """From a folder, an archive or a table of files, coloured images of any height and width come as they went in."""
    lines = ["file,label,split"]
    for number, (image, kind) in enumerate(zip(COLOURS, KINDS, strict=True)):
        part, name = "test" if number >= 8 else "train", f"{number}.png"
        save(tmp_path / "own" / part / f"kind {kind}" / name, image)
        lines.append(f"own/{part}/kind {kind}/{name},kind {kind},{part}")
    (tmp_path / "own.csv").write_text("\n".join(lines), "utf-8")
    path = {"folder": tmp_path / "own", "archive": packed(tmp_path / "own"), "table": tmp_path / "own.csv"}[form]
    artifacts = tmp_path / "artifacts"
    Fetch(dataset=str(path), colour="rgb").run(artifacts)
    for part, rows in {"train": np.arange(8), "test": np.arange(8, 12)}.items():
        order = rows[np.argsort(KINDS[rows], kind="stable")]
        images, labels = read_part(artifacts / "raw", part)
        assert images.tobytes() == COLOURS[order].tobytes()
        assert images.shape == (len(rows), 4, 5, 3)
        assert labels.tolist() == KINDS[order].tolist()
    names = {file.name for file in (artifacts / "raw").iterdir()}
    assert {name for name in names if "images" in name} == {"train-images-idx4-ubyte", "t10k-images-idx4-ubyte"}
    Fetch(dataset=str(path)).run(artifacts)  # replaces all of them
    assert read_part(artifacts / "raw", "train")[0].shape == (8, 4, 5)
    assert not [file for file in (artifacts / "raw").iterdir() if "idx4" in file.name]


def test_the_line_tells_of_channels(own, tmp_path, transfer):
    """What is read in colour has three numbers a pixel."""
    brought(own, tmp_path, transfer, colour="rgb")
    assert transfer.progress.lines[0].startswith("read 20 pictures of 4x4x3 pixels")


@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_a_table_of_coloured_pixels(tmp_path, colour):
    """Rows of three numbers a pixel are coloured images, which become grey unless colours are asked for."""
    images = COLOURS[:, :, :4]
    rows = [f"{kind}," + ",".join(map(str, image.ravel())) for image, kind in zip(images, KINDS, strict=True)]
    (tmp_path / "rgb.csv").write_text("\n".join(["label," + ",".join(f"p{n}" for n in range(48)), *rows]), "utf-8")
    X, _ = Fetch(dataset=str(tmp_path / "rgb.csv"), colour=colour).load("train")
    grey = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
    known = {np.asarray(image).tobytes() for image in (images if colour == "rgb" else grey)}
    assert len({row.tobytes() for row in X} & known) == len(X) > 8
