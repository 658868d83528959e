"""What all stages have in common: inputs that must be there, and outputs that are whole or not at all."""

import json
import os
import re
from pathlib import Path
from typing import Annotated

import pytest

from pipeline import files
from pipeline.artifacts import MAKERS
from pipeline.files import UnwritableError, replacing_folder
from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.stages.base import MissingInputError, Stage

posix = pytest.mark.skipif(os.name == "nt", reason="there are no such locks there, and nothing is removed")


class Copy(Stage):
    """Copies a word.

    Parameters
    ----------
    times : int, default=1
        How often.
    """

    reads, writes = ("raw",), "prepared"

    def __init__(self, times: Annotated[int, ">= 0"] = 1) -> None:
        self.times = times

    def _run(self, artifacts, folder, progress):
        progress.say("copying")
        (folder / "deep").mkdir()
        (folder / "deep/word").write_text((artifacts / "raw/word").read_text("utf-8") * self.times, "utf-8")
        if self.times == 0:
            raise ZeroDivisionError
        return {"times": self.times}


class Heard(Progress):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def artifacts(tmp_path):
    """Return a folder with the input of a stage."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/word").write_text("ab", "utf-8")
    return tmp_path


def test_a_stage_reads_writes_and_tells(artifacts):
    """``run`` puts the new folder in place, returns what was done, and speaks to whoever watches."""
    heard = Heard()
    assert Copy(2).run(artifacts, heard) == {"times": 2}
    assert (artifacts / "prepared/deep/word").read_text("utf-8") == "abab"
    assert heard.lines == ["copying"]


def test_nobody_need_watch(artifacts):
    """Without a watcher the work is the same, and a path may be a text."""
    assert Copy().run(str(artifacts)) == {"times": 1}


def test_a_new_run_replaces_the_folder(artifacts):
    """What the run before has left is gone, whole: the record names it, whatever a later version would write."""
    Copy().run(artifacts)
    (artifacts / "prepared/deep/word").rename(artifacts / "prepared/old")
    record = json.loads((artifacts / "prepared/provenance.json").read_text("utf-8"))
    assert record["files"] == ["deep/word"]
    (artifacts / "prepared/provenance.json").write_text(json.dumps(record | {"files": ["old"]}), "utf-8")
    Copy().run(artifacts)
    assert sorted(path.name for path in (artifacts / "prepared").iterdir()) == ["deep", "provenance.json"]


def test_a_folder_of_an_earlier_version_is_replaced(artifacts):
    """Without a record, or with a damaged one, names that stages give make it ours; systems' files are no loss."""
    (artifacts / "prepared").mkdir()
    for name in ("train_X.npy", "normalize.json", ".DS_Store", ".nfs0001"):
        (artifacts / "prepared" / name).touch()
    Copy().run(artifacts)
    (artifacts / "prepared/provenance.json").write_text("{", "utf-8")
    (artifacts / "prepared/deep/word").unlink()
    Copy().run(artifacts)
    assert (artifacts / "prepared/deep/word").is_file()


@pytest.mark.parametrize("name", ["thesis.tex", "deep/thesis.tex", ".git/config", "train_X.npy/mine", "val_X.npy"])
def test_a_file_of_another_origin_is_not_deleted(artifacts, monkeypatch, name):
    """Before any work one line names it, and says what to do; all stays as it was."""
    Copy().run(artifacts)
    mine = artifacts / "prepared" / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("years of work", "utf-8")
    monkeypatch.setattr(Copy, "_run", lambda *_: pytest.fail("it works"))
    words = r"has not been made by a stage, and `.* preprocess` replaces the folder: move it elsewhere, or choose "
    with pytest.raises(UnwritableError, match=re.escape(str(mine)) + " " + words + "another folder with --artifacts$"):
        Copy().run(artifacts)
    assert mine.read_text("utf-8") == "years of work"
    assert (artifacts / "prepared/deep/word").read_text("utf-8") == "ab"


@pytest.mark.parametrize("target", ["elsewhere", "nowhere", None])
def test_what_is_no_folder_is_not_replaced(artifacts, target):
    """A link, which would neither be followed nor stay, and a file in the folder's place are a person's own."""
    place = artifacts / "prepared"
    (artifacts / "elsewhere").mkdir()
    if target and os.name == "nt":
        pytest.skip("links need rights there")
    place.symlink_to(artifacts / target) if target else place.touch()
    with pytest.raises(UnwritableError, match=r"prepared is no folder that a stage has made, and .* replaces it: "):
        Copy().run(artifacts)
    assert place.is_symlink() or place.is_file()


def test_a_file_that_came_meanwhile_is_kept(artifacts):
    """What a person lays into the old folder while a stage works is not deleted with it: a warning says where it is."""

    class Slow(Copy):
        def _run(self, artifacts, folder, progress):
            (artifacts / "prepared/thesis.tex").write_text("years of work", "utf-8")
            return super()._run(artifacts, folder, progress)

    Copy().run(artifacts)
    with pytest.warns(UserWarning, match=r"prepared has got files of another origin meanwhile; they are in .*\.old-"):
        Slow().run(artifacts)
    [kept] = artifacts.glob("prepared.old-*")
    assert (kept / "thesis.tex").read_text("utf-8") == "years of work"
    assert (artifacts / "prepared/deep/word").is_file()


def test_a_failure_leaves_what_was_there(artifacts):
    """After an error the old folder stands, and nothing half-written is beside it."""
    Copy().run(artifacts)
    with pytest.raises(ZeroDivisionError):
        Copy(0).run(artifacts)
    assert (artifacts / "prepared/deep/word").read_text("utf-8") == "ab"
    assert sorted(path.name for path in artifacts.iterdir()) == ["prepared", "raw"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interruption_at_the_last_moment_leaves_what_was_there(artifacts, monkeypatch, error):
    """Between putting the old folder aside and the new one in place, nothing is lost, where these are two moments."""
    Copy().run(artifacts)
    monkeypatch.setattr(files, "_exchanging_call", lambda: None)
    rename = Path.rename

    def interrupted(path, target):
        if path.name == "made":
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(error):
        Copy(2).run(artifacts)
    assert (artifacts / "prepared/deep/word").read_text("utf-8") == "ab"
    assert sorted(path.name for path in artifacts.iterdir()) == ["prepared", "raw"]


@posix
def test_what_killed_processes_have_left_is_cleared_up_by_any_stage(artifacts):
    """An old folder that has lost its name is there for the stage that reads it, and what is unfinished goes."""
    (artifacts / ".raw-01234567.tmp").mkdir()
    (artifacts / "raw").rename(artifacts / ".raw-01234567.tmp/aside")
    (artifacts / ".evaluation-01234567.tmp/made").mkdir(parents=True)
    (artifacts / ".notes-01234567.tmp").mkdir()
    assert Copy().run(artifacts) == {"times": 1}
    assert sorted(path.name for path in artifacts.iterdir()) == [".notes-01234567.tmp", "prepared", "raw"]


def test_a_missing_input_names_its_maker(tmp_path):
    """The error says what is missing and which command makes it; nothing is written."""
    with pytest.raises(MissingInputError, match=r"raw is missing: `python -m pipeline fetch --artifacts .*` makes it"):
        Copy().run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_names_its_maker(artifacts):
    """A folder that has lost a file is as good as missing, and the same command makes it."""
    (artifacts / "raw/word").unlink()
    with pytest.raises(MissingInputError, match=r"word is missing: `python -m pipeline fetch --artifacts .*` makes it"):
        Copy().run(artifacts)
    assert [path.name for path in artifacts.iterdir()] == ["raw"]


def test_another_missing_file_is_told_as_it_is(artifacts):
    """What belongs to no input has no command that makes it."""

    class Lost(Copy):
        def _run(self, artifacts, folder, progress):
            return super()._run(artifacts.parent / "nowhere", folder, progress)

    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        Lost().run(artifacts)
    assert not isinstance(caught.value, MissingInputError)


def test_parameters_are_checked_before_anything_else(tmp_path):
    """A wrong parameter is told even where the input is missing too."""
    with pytest.raises(ParameterError, match="times must be an integer >= 0; got -1"):
        Copy(-1).run(tmp_path)


@pytest.mark.parametrize("place", ["prepared", "raw/word"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(artifacts, monkeypatch, place):
    """The error names the folder and the option, whether the artifacts are read-only or the folder is mounted."""
    if place == "prepared":
        monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == artifacts / place)
    else:
        monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (artifacts / place / "below").touch())
    monkeypatch.setattr(Copy, "_run", lambda *_: pytest.fail("it works"))
    with pytest.raises(UnwritableError, match=r"prepared.* cannot be .*; choose another folder with --artifacts$"):
        Copy().run(artifacts)
    assert [path.name for path in artifacts.iterdir()] == ["raw"]


def test_the_artifacts_folder_is_made(tmp_path):
    """The first stage needs no folder to be there."""
    with replacing_folder(tmp_path / "deep/artifacts/raw") as folder:
        (folder / "word").touch()
    assert (tmp_path / "deep/artifacts/raw/word").is_file()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_in_the_folder_s_place_is_replaced_not_followed(tmp_path):
    """Where a link stands, dangling or not, the folder takes its place and the link's target stays as it was."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").touch()
    for target in ("elsewhere", "nowhere"):
        (tmp_path / target[:2]).symlink_to(tmp_path / target)
        with replacing_folder(tmp_path / target[:2]) as folder:
            (folder / "new").touch()
        assert [path.name for path in (tmp_path / target[:2]).iterdir()] == ["new"]
    assert (tmp_path / "elsewhere/kept").is_file()


def test_every_folder_that_is_read_has_a_maker():
    """The table of makers has the five folders, each with another command."""
    assert len(set(MAKERS.values())) == len(MAKERS) == 5
