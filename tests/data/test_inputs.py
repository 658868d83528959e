"""Which single files arguments stand for, and what each of them holds."""

import io
import os
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.images import ImageError
from pipeline.data.inputs import NoPictureError, is_several, opened_inputs, read_input


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
