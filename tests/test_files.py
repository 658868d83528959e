"""Files and folders that are whole or not at all, what killed processes leave, and places that cannot be written to."""

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pipeline import files
from pipeline.files import (
    FullDiskError,
    UnwritableError,
    check_replaceable,
    link_file,
    making_folder,
    naming_full_disk,
    new_file,
    replacing_file,
    replacing_folder,
    sweep,
    sweep_temporary,
    temporary_folder,
)

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name == "nt", reason="there are no such locks there, and nothing is removed")
MAKERS = {
    "file": "replacing_file(target) as made",
    "folder": "replacing_folder(target) as made",
    "temporary": "temporary_folder(target.parent, target.name) as made",
}
WORK = {
    "file": replacing_file,
    "folder": replacing_folder,
    "temporary": lambda at: temporary_folder(at.parent, at.name),
}


def names(folder):
    """Return the names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def begin(kind, target):
    """Have another process begin something unfinished, and return it once it has."""
    code = f"""
import sys, time
from pathlib import Path
from pipeline.files import *
target = Path({str(target)!r})
with {MAKERS[kind]}:
    print("begun", flush=True)
    sys.stdin.read()
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, text=True, **pipes)
    assert process.stdout.readline() == "begun\n"
    return process


def end(process):
    """Kill a process as nothing can be done against."""
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_file_is_replaced(tmp_path):
    """What was written takes the place of what was there, with nothing beside it."""
    (tmp_path / "word").write_bytes(b"old")
    with replacing_file(tmp_path / "word") as file:
        file.write(b"new")
        assert (tmp_path / "word").read_bytes() == b"old"
    assert (tmp_path / "word").read_bytes() == b"new"
    assert names(tmp_path) == ["word"]


def test_failed_writing_leaves_no_trace(tmp_path):
    """When writing fails, the old file stays as it was, and nothing half-written stays beside it."""
    path = tmp_path / "word"
    path.write_bytes(b"old")

    def fail():
        with replacing_file(path) as file:
            file.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert [one.read_bytes() for one in path.parent.iterdir()] == [b"old"]


def test_a_missing_folder_is_told_by_its_own_name(tmp_path):
    """And not by the temporary name of what was to be written there."""
    folder = tmp_path / "missing"
    with pytest.raises(FileNotFoundError, match=rf"'{re.escape(str(folder))}'$"), replacing_file(folder / "word"):
        pass


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_by_the_file_and_what_it_takes(tmp_path, error):
    """The system's error has no name in it; ours has the file's place to be, its size and what is free."""

    def write():
        with replacing_folder(tmp_path / "model") as folder, new_file(folder / "word", 10**9) as file:
            file.write(b"half")
            raise OSError(error, os.strerror(error))

    with pytest.raises(FullDiskError) as caught:
        write()
    told = f"{tmp_path / 'model' / 'word'} cannot be written: {os.strerror(error)}; it takes 1000000000 bytes"
    assert str(caught.value).startswith(told)
    assert str(caught.value).endswith(" are free there") == (error != errno.EFBIG)
    assert names(tmp_path) == []


def test_a_file_of_unknown_size_takes_more_than_was_written(tmp_path):
    """Of a file that is replaced the place is told, not the name that it has meanwhile."""
    (tmp_path / "word").write_bytes(b"old")

    def write():
        with replacing_file(tmp_path / "word") as file:
            file.write(b"half")
            file.flush()
            raise OSError(errno.ENOSPC, "disk full")

    told = re.escape(f"{tmp_path / 'word'} cannot be written: disk full; it takes more than 4 bytes, and ")
    with pytest.raises(FullDiskError, match=told):
        write()
    assert (tmp_path / "word").read_bytes() == b"old"
    assert names(tmp_path) == ["word"]


def test_other_errors_are_told_as_they_are(tmp_path):
    """What is no matter of room passes, and so does an error that names a file already."""
    for error in (OSError(errno.EIO, "it is broken"), ValueError("odd"), FullDiskError("told")):
        with pytest.raises(type(error)) as caught, naming_full_disk(tmp_path / "word"):
            raise error
        assert caught.value is error


@pytest.mark.parametrize(("written", "left"), [(None, ["there"]), ("there/a/file", ["a", "file", "there"])])
def test_a_folder_that_was_made_for_nothing_goes(tmp_path, written, left):
    """On an interruption what was made goes, as far as it is empty; what was there before, or has got a file, stays."""
    (tmp_path / "there").mkdir()

    def work():
        with making_folder(tmp_path / "there/a/b"):
            assert (tmp_path / "there/a/b").is_dir()
            if written:
                (tmp_path / written).touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert sorted(path.name for path in tmp_path.rglob("*")) == left


def test_a_folder_that_was_made_for_something_stays(tmp_path):
    """With those above it, also where it is there already."""
    for _ in range(2):
        with making_folder(tmp_path / "new/deep"):
            pass
    assert (tmp_path / "new/deep").is_dir()


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path):
    """The part of its path that could be made goes as well."""
    with pytest.raises(OSError, match="name too long"), making_folder(tmp_path / "a" / ("b" * 300)):
        pytest.fail("it is not entered")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["old", "new/deep"])
def test_a_failed_replacement_leaves_no_folder(tmp_path, target):
    """Neither the folder itself nor the one that it was to be in."""
    with pytest.raises(ZeroDivisionError), replacing_folder(tmp_path / target):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_is_gone_afterwards(tmp_path, monkeypatch):
    """It lies in the system's folder for such, is this user's alone, and goes with all that is in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as folder:
        (folder / "deep").mkdir()
        (folder / "deep/word").touch()
        assert folder.parent == tmp_path
        assert os.name == "nt" or folder.stat().st_mode & 0o077 == 0
    assert names(tmp_path) == []


@posix
@pytest.mark.parametrize("kind", MAKERS)
def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path, kind):
    """It stays until something of the same name is made, and then goes; the work of that is not disturbed."""
    target = tmp_path / "model"
    end(begin(kind, target))
    [left] = names(tmp_path)
    assert left.startswith(".model-")
    with WORK[kind](target):
        assert left not in names(tmp_path)
    assert names(tmp_path) == ([] if kind == "temporary" else ["model"])


@posix
@pytest.mark.parametrize("kind", MAKERS)
def test_what_a_living_process_makes_stays(tmp_path, kind):
    """Two processes that make the same at once leave each other's work alone, and both come to their end."""
    process = begin(kind, tmp_path / "model")
    [made] = names(tmp_path)
    with WORK[kind](tmp_path / "model"):
        assert made in names(tmp_path)
    process.communicate("")
    assert process.returncode == 0
    assert names(tmp_path) == ([] if kind == "temporary" else ["model"])


@posix
def test_nothing_else_is_removed(tmp_path):
    """Other names, links, and what is unfinished of another target, stay."""
    kept = [".model-notes.tmp", ".model-0123456789.tmp", ".model.npz-01234567.tmp", "model-01234567.tmp"]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".model-01234567.tmp").symlink_to(tmp_path / "elsewhere")
    with replacing_folder(tmp_path / "model"):
        pass
    assert names(tmp_path) == sorted([*kept, ".model-01234567.tmp", "elsewhere", "model"])


def test_a_folder_is_exchanged_at_once(tmp_path, monkeypatch):
    """Where the system can, no moment has neither the old nor the new folder in its place."""
    with replacing_folder(tmp_path / "model") as folder:
        (folder / "word").write_text("old", "utf-8")
    if not files._exchange(tmp_path / "model", tmp_path / "model"):
        pytest.skip("this system or file system cannot exchange names")
    monkeypatch.setattr(files, "_rename_both", lambda *_: pytest.fail("two renamings"))
    with replacing_folder(tmp_path / "model") as folder:
        (folder / "word").write_text("new", "utf-8")
        assert (tmp_path / "model/word").read_text("utf-8") == "old"
    assert (tmp_path / "model/word").read_text("utf-8") == "new"
    assert names(tmp_path) == ["model"]


@posix
def test_what_killed_processes_have_left_is_swept(tmp_path, monkeypatch):
    """Of the names that are given, and of our own in the system's temporary folder; what is held stays."""
    process = begin("folder", tmp_path / "model")
    [held] = names(tmp_path)
    for name in (".model-01234567.tmp", ".raw-01234567.tmp", ".digits-pipeline-01234567.tmp"):
        (tmp_path / name).mkdir()
    sweep(tmp_path, ["model", "split"])
    assert names(tmp_path) == sorted([held, ".raw-01234567.tmp", ".digits-pipeline-01234567.tmp"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sweep_temporary()
    assert names(tmp_path) == sorted([held, ".raw-01234567.tmp"])
    end(process)


@posix
@pytest.mark.parametrize("there", [False, True])
def test_an_old_folder_that_a_kill_has_left_nameless_comes_back(tmp_path, there):
    """Killed between the two renamings, a process leaves the old folder aside: it is put back, unless one is there."""
    (tmp_path / ".model-01234567.tmp/aside").mkdir(parents=True)
    (tmp_path / ".model-01234567.tmp/aside/old").touch()
    if there:
        (tmp_path / "model").mkdir()

    def fail():
        with replacing_folder(tmp_path / "model"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ([] if there else ["old"])


@posix
def test_without_locks_nothing_is_removed(tmp_path, monkeypatch):
    """Where a file system has no locks, work goes on, and what may be another's stays."""

    def no_locks(*_):
        raise OSError("no locks available")

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    (tmp_path / ".model-01234567.tmp").mkdir()
    with replacing_folder(tmp_path / "model") as folder:
        (folder / "word").touch()
    assert names(tmp_path) == [".model-01234567.tmp", "model"]


@posix
def test_a_new_name_is_taken_where_another_removes_the_first(tmp_path, monkeypatch):
    """Between making something and locking it, another process may find it free and remove it: it is made anew."""
    lock, taken = files._lock, []

    def lock_late(path):
        if not taken:
            taken.append(path)
            path.rmdir()
        return lock(path)

    monkeypatch.setattr(files, "_lock", lock_late)
    with temporary_folder(tmp_path, "model") as folder:
        assert folder.is_dir()
        assert folder != taken[0]


def test_many_at_once_do_not_disturb_each_other(tmp_path):
    """Threads that replace one file again and again, each looking for what is left behind, all succeed."""
    failures = []

    def work(word):
        try:
            for _ in range(30):
                with replacing_file(tmp_path / "word") as file:
                    file.write(word)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[word]) for word in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert names(tmp_path) == ["word"]


def test_what_can_be_written_passes_and_stays_as_it_is(tmp_path):
    """A look beforehand makes nothing, neither the folders above nor the place itself."""
    (tmp_path / "there").mkdir()
    for name in ("there", "not there", "not/there/either"):
        check_replaceable(tmp_path / name, "choose another")
    assert names(tmp_path) == ["there"]


def test_what_lies_below_a_file_cannot_be_written(tmp_path):
    """The error names the place, what stands in the way, and what to choose instead."""
    (tmp_path / "word").touch()
    for name in ("word/model", "word/deep/model"):
        with pytest.raises(UnwritableError) as caught:
            check_replaceable(tmp_path / name, "choose another")
        assert str(caught.value).startswith(f"{tmp_path / name} cannot be written, {tmp_path / 'word'}: ")
        assert str(caught.value).endswith("; choose another")


def test_a_folder_that_allows_nothing(tmp_path, monkeypatch):
    """A read-only folder or file system is told by trying, whoever asks."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UnwritableError, match=r"model cannot be written, .*: Permission denied; choose another$"):
        check_replaceable(tmp_path / "deep/model", "choose another")


def test_a_mount_point_is_not_replaced(tmp_path, monkeypatch):
    """What cannot be moved aside is told before the work, not after it."""
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path / "model")
    with pytest.raises(UnwritableError, match="model is a mount point and cannot be replaced; choose another"):
        check_replaceable(tmp_path / "model", "choose another")


def test_a_folder_that_cannot_be_moved_is_told(tmp_path, monkeypatch):
    """To put a folder aside takes the right to write into it."""
    (tmp_path / "model").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: (Path(path), mode) != (tmp_path / "model", os.W_OK))
    with pytest.raises(UnwritableError, match="model cannot be replaced, for it cannot be written to; choose another"):
        check_replaceable(tmp_path / "model", "choose another")


def test_a_read_only_file_can_have_a_second_name_too(tmp_path, monkeypatch):
    """DVC's cache makes its files read-only, and they need no copy; its folder is put in place as any other."""
    (tmp_path / "there").write_bytes(b"content")
    (tmp_path / "there").chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)
    opened = Path.open

    def refuse_to_write(path, mode="r", *more, **named):
        if path.name == "second" and mode != "rb":
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, *more, **named)

    monkeypatch.setattr(Path, "open", refuse_to_write)
    for only_writable, linked in ((True, False), (False, True)):
        monkeypatch.setattr(files, "_ONLY_WRITABLE", only_writable)
        with replacing_folder(tmp_path / "model") as folder:
            assert link_file(tmp_path / "there", folder / "second") is linked
        assert (tmp_path / "model" / "second").exists() is linked
