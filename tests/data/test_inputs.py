"""Which single files arguments stand for, and what each of them holds."""

import io
import os
import pickle
import re
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import MLPClassifier, save_model, to_onnx
from pipeline.data.images import ImageError
from pipeline.data.inputs import Input, NoPictureError, is_several, opened_inputs, read_input


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def png():
    """Return the bytes of a small picture."""
    file = io.BytesIO()
    Image.new("L", (4, 3), 9).save(file, "PNG")
    return file.getvalue()


def write(*names, content=None):
    """Write files, pictures where nothing else is given."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(png() if content is None else content)


def names_of(*arguments):
    """Return the names of the files that arguments stand for."""
    with opened_inputs(arguments) as inputs:
        return [one.name for one in inputs]


def test_arguments_stand_for_files_in_their_own_order():
    """Files as they are named, also twice; folders for what is in them; patterns for what fits, in natural order."""
    write("b.png", "a.png", "d/10.png", "d/9.png", "d/e/1.png", "d/.hidden.png", "d/.git/x.png", "d/Thumbs.db")
    assert names_of("b.png", "d", "a.png", "b.png") == [
        "b.png", "d/9.png", "d/10.png", "d/e/1.png", "a.png", "b.png"
    ]  # fmt: skip
    assert names_of("*.png") == ["a.png", "b.png"]
    assert names_of("d/*.png") == ["d/9.png", "d/10.png"]
    assert names_of("**/1.png") == ["d/e/1.png"]
    assert names_of("-") == ["-"]
    assert names_of(str(Path("d").resolve() / "9*")) == [str(Path("d").resolve() / "9.png")]


def test_an_archive_stands_for_the_files_in_it():
    """It is open while they are read; one of arrays is one file."""
    with zipfile.ZipFile("notes.zip", "w") as archive:
        for name in ("x/2.png", "x/10.png", "__MACOSX/x/2.png", "x/readme"):
            archive.writestr(name, png() if name.endswith("png") else b"words")
    np.savez("arrays.npz", a=np.zeros((2, 3, 4)))
    with opened_inputs(["notes.zip", "arrays.npz"]) as inputs:
        assert [one.name for one in inputs] == [
            "notes.zip/x/2.png",
            "notes.zip/x/10.png",
            "notes.zip/x/readme",
            "arrays.npz",
        ]
        assert read_input(inputs[0], 12) == png()
        with pytest.raises(NoPictureError, match=r"^notes\.zip/x/readme is left out: it is a text file$"):
            read_input(inputs[2], 12)
        assert np.array_equal(read_input(inputs[3], 12), np.zeros((2, 12)))


@pytest.mark.parametrize(
    ("argument", "several"),
    [("a.png", False), ("-", False), ("d", True), ("*.png", True), ("notes.zip", True), ("arrays.npz", False)],
)
def test_what_may_stand_for_several_files(argument, several):
    """A folder, an archive of files and a pattern may, whatever is in them."""
    write("a.png", "d/1.png")
    with zipfile.ZipFile("notes.zip", "w") as archive:
        archive.writestr("1.png", png())
    np.savez("arrays.npz", a=np.zeros((2, 3, 4)))
    assert is_several(argument) is several


def test_a_link_to_a_folder_above_ends():
    """A folder that holds itself is listed once."""
    write("d/1.png")
    Path("d/up").symlink_to("..")
    assert sorted(names_of("d"))[:1] == ["d/1.png"]
    assert len(names_of("d")) < 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("kind", ["picture", "table", "array"])
def test_a_pipe_is_read_to_its_end(kind):
    """What comes through it, its first bytes say."""
    rows = np.arange(24, dtype=np.uint8).reshape(2, 12)
    np.save(file := io.BytesIO(), rows)
    content = {"picture": png(), "table": b"\n".join(b",".join(b"%d" % n for n in row) for row in rows)}
    os.mkfifo("pipe")
    thread = threading.Thread(target=Path("pipe").write_bytes, args=(content.get(kind, file.getvalue()),))
    thread.start()
    with opened_inputs(["pipe"]) as [one]:
        found = read_input(one, 12)
    thread.join()
    assert found == png() if kind == "picture" else np.array_equal(found, rows)


@pytest.mark.parametrize("argument", ["gone.png", "gone/*", "[ab].png"])
def test_what_is_not_there_is_named(argument):
    """A file, a folder, a pattern."""
    with pytest.raises(FileNotFoundError) as caught:
        names_of(argument)
    assert str(caught.value).startswith(f"{argument} ")


def test_an_empty_folder_is_named():
    """So is one with hidden files alone."""
    write("d/.hidden.png")
    with pytest.raises(ImageError, match=r"^d is empty; expected a folder of pictures$"):
        names_of("d")


def test_a_file_that_is_too_large_for_a_picture_is_refused():
    """Its size is looked at before it is read."""
    write("large.png")
    with Path("large.png").open("r+b") as file:
        file.truncate(2**27 + 1)
    with opened_inputs(["large.png"]) as [one], pytest.raises(ImageError, match=r"^large\.png: it has 134217729 bytes"):
        read_input(one, 12)


@pytest.mark.parametrize(
    ("version", "told"), [("5.0", "a MAT-file of MATLAB;"), ("7.3", "a MAT-file of MATLAB, version")]
)
def test_a_file_of_matlab_is_no_table(version, told):
    """It begins as a text does, and is told by what it is."""
    Path("own.mat").write_bytes(f"MATLAB {version} MAT-file, Platform: posix".encode().ljust(124) + b"\0\1IM")
    with opened_inputs(["own.mat"]) as [one], pytest.raises(ImageError, match=rf"^own\.mat is {told}"):
        read_input(one, 12)


def zipped(*names):
    """Return the bytes of a ZIP archive of files of these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


MODELS = {
    "model.npz": "is a model file, as train and save_model write them",
    "model.safetensors": "is a file of safetensors",
    "model.onnx": "is an ONNX file",
    "model.pkl": "is a pickle",
    "model.joblib": "is compressed with zlib, as joblib writes pickles",
    "model.keras": "is a model of Keras",
    "model.h5": "is an HDF5 file, as Keras writes models",
    "model.pt": "is a file of PyTorch",
    "page.html": "is an HTML or XML page",
    "metrics.json": "is a JSON message",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return a folder of models in every form, and of what else a workflow leaves."""
    folder = tmp_path_factory.mktemp("models")
    model = MLPClassifier((2,), solver="lbfgs", max_iter=1, tol=1, random_state=0).fit(np.eye(4), [0, 1, 0, 1])
    save_model(folder / "model.npz", model)
    save_model(folder / "model.safetensors", model)
    (folder / "model.onnx").write_bytes(to_onnx(model).SerializeToString())
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "model.joblib").write_bytes(zlib.compress(pickle.dumps(model)))
    (folder / "model.keras").write_bytes(zipped("config.json", "model.weights.h5", "metadata.json"))
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (folder / "model.pt").write_bytes(zipped("net/data.pkl", "net/version"))
    (folder / "page.html").write_text("<!DOCTYPE html>", "utf-8")
    (folder / "metrics.json").write_text('{"accuracy": 1}', "utf-8")
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_no_image(models, name):
    """Whatever a model is written as, it is told as that, with what was expected."""
    path = models / name
    expected = re.escape(f"{MODELS[name]}") + ".*; expected a picture, a CSV of pixels, an IDX or a .npy file$"
    with pytest.raises(ImageError, match=f"^{re.escape(str(path))} {expected}"), opened_inputs([str(path)]) as inputs:
        read_input(inputs[0], 16)


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"model.npz", "model.keras", "model.pt"}))
def test_a_model_in_a_stream_is_no_image(models, name, monkeypatch):
    """The same from the standard input; of an archive alone there the names cannot be seen."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((models / name).read_bytes())))
    with pytest.raises(ImageError, match=f"^standard input {re.escape(MODELS[name])}.*; expected a picture"):
        read_input(Input("-"), 16)
