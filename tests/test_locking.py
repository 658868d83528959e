"""One process at a time in a folder: who waits, who is told, and what a killed process leaves."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

from pipeline import locking as module
from pipeline.locking import HOLDER, LOCK, InUseError, locking

ROOT = Path(__file__).parents[1]
CODE = """
import sys
from pathlib import Path
from pipeline.locking import locking
with locking(Path(sys.argv[1])):
    print("begun", flush=True)
    sys.stdin.read()
"""


def names(folder):
    """Return the names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def holder(tmp_path):
    """Return another process that holds the lock of ``tmp_path / "a"`` until its input ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", CODE, str(tmp_path / "a")], env=environment, text=True, **pipes)
    assert process.stdout.readline() == "begun\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_the_lock_leaves_nothing(tmp_path):
    """The folder is made; while the lock is held two files are there, and afterwards none."""
    with locking(tmp_path / "deep/a"):
        assert names(tmp_path / "deep/a") == [LOCK, HOLDER]
    assert names(tmp_path / "deep/a") == []


def test_a_folder_that_was_made_for_work_that_failed_goes(tmp_path):
    """What has failed before it wrote anything leaves no trace."""
    with pytest.raises(ZeroDivisionError), locking(tmp_path / "deep/a"):
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_a_thread_that_has_it_goes_on(tmp_path, monkeypatch):
    """A stage within a run takes the lock again, by whatever name of the folder, and leaves it to the run."""
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    with locking(tmp_path / "a"):
        with locking(Path("a")):
            pass
        assert names(tmp_path / "a") == [LOCK, HOLDER]
    with locking(Path("a")):  # it was given back
        pass


def test_another_process_is_told_who_has_it(tmp_path, holder):
    """One line with its number and its command, at once; when that ends, the folder is free."""
    with pytest.raises(InUseError) as caught, locking(tmp_path / "a"):
        pytest.fail("two at once")
    told = f"{tmp_path / 'a'} is in use by process {holder.pid} (python -m pipeline {tmp_path / 'a'}): wait for its end"
    assert str(caught.value) == f"{told}, as --wait does"
    holder.communicate("")
    with locking(tmp_path / "a"):
        pass
    assert names(tmp_path / "a") == []


def test_another_process_may_wait(tmp_path, holder):
    """It says for whom, and goes on as soon as that has ended."""
    lines = []

    def hear(line):
        lines.append(line)
        holder.stdin.close()

    with locking(tmp_path / "a", wait=True, say=hear):
        assert names(tmp_path / "a") == [LOCK, HOLDER]
    assert len(lines) == 1
    assert f"is in use by process {holder.pid} (" in lines[0]
    assert lines[0].endswith("): waiting for its end")


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal there")
def test_the_lock_ends_with_its_process(tmp_path, holder):
    """After a kill both files are left, and are in nobody's way."""
    holder.kill()
    holder.wait()
    assert holder.returncode == -signal.SIGKILL
    assert names(tmp_path / "a") == [LOCK, HOLDER]
    with locking(tmp_path / "a"):
        assert str(os.getpid()) in (tmp_path / "a" / HOLDER).read_text("utf-8")
    assert names(tmp_path / "a") == []


def test_two_threads_are_two(tmp_path):
    """What one thread holds, another of the same process does not have."""
    caught = []

    def work():
        try:
            with locking(tmp_path):
                pass
        except InUseError as error:
            caught.append(str(error))

    with locking(tmp_path):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(caught) == 1
    assert f"process {os.getpid()} " in caught[0]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', "[" * 10**5])
def test_a_damaged_word_of_the_holder_is_no_trouble(tmp_path, holder, content):
    """Whatever stands there, the lock counts."""
    (tmp_path / "a" / HOLDER).write_text(content, "utf-8")
    with pytest.raises(InUseError, match=r"a is in use by another process: wait"), locking(tmp_path / "a"):
        pytest.fail("two at once")
    assert holder.poll() is None


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), PermissionError(13, "Not yours")])
def test_without_locks_work_goes_on(tmp_path, monkeypatch, error):
    """Where a file system has none, that is said once, and nothing is left."""

    def refuse(*_, **__):
        raise error

    lines = []
    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with locking(tmp_path, say=lines.append):
        assert names(tmp_path) == []
    [line] = lines
    assert line.startswith(f"warning: {tmp_path} cannot be locked (")
    assert error.strerror in line


def test_git_and_dvc_look_away(tmp_path):
    """What a killed process leaves of a lock is nothing to commit."""
    shutil.copy(ROOT / ".gitignore", tmp_path)
    words = ["git", "-C", str(tmp_path)]
    subprocess.run([*words, "init", "-q"], check=True)
    told = subprocess.check_output([*words, "check-ignore", f"a/{module.LOCK}", f"a/{module.HOLDER}"], text=True)
    assert told.split() == ["a/.lock", "a/.lock.json"]
    assert {".lock", ".lock.json"} <= set((ROOT / ".dvcignore").read_text("utf-8").split("\n"))
