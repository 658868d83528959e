"""Which folders DVC tracks, as dvc.yaml says, and what a kill of it leaves."""

from pathlib import Path

import pytest

from pipeline.cli.tracking import damaged_lock, tracked_by_dvc

ROOT = Path(__file__).parents[2]
FOLDERS = [Path("artifacts/raw"), Path("artifacts/model"), Path("elsewhere/model")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_outputs_of_stages_are_tracked(folder):
    """With options or without, and however the folder is named."""
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").write_text(
        "stages: {a: {outs: [artifacts/raw]}, b: {outs: [artifacts/model: {cache: true}]}}"
    )
    assert tracked_by_dvc(FOLDERS) == FOLDERS[:2]
    assert tracked_by_dvc([folder / "artifacts" / "model"]) == [folder / "artifacts" / "model"]


@pytest.mark.parametrize("missing", [".dvc", "dvc.yaml"])
def test_without_dvc_nothing_is_tracked(folder, missing):
    """A workflow that was never set up for DVC, and a folder without a workflow, are no repository of DVC's."""
    if missing != ".dvc":
        (folder / ".dvc").mkdir()
    if missing != "dvc.yaml":
        (folder / "dvc.yaml").write_text("stages: {a: {outs: [artifacts/raw]}}")
    assert tracked_by_dvc(FOLDERS) == []


@pytest.mark.parametrize("text", ["", "[", "- a", "stages:", "stages: {a: }", "stages: {a: {outs: }}", "stages: [a]"])
def test_a_workflow_of_another_form_tracks_nothing(folder, text):
    """What is wrong with it is for DVC to tell."""
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").write_text(text)
    assert tracked_by_dvc(FOLDERS) == []


def test_what_dvc_wrote_whole_is_fine():
    """The repository's own has nothing wrong with it, and neither has a folder without one."""
    assert damaged_lock() is None
    whole = (ROOT / "dvc.lock").read_bytes()
    Path("dvc.lock").write_bytes(whole)
    assert damaged_lock() is None


@pytest.mark.parametrize(("length", "state"), [(0, "empty"), (1000, "cut off in the middle")])
def test_what_dvc_left_half_written_is_told(length, state):
    """It says what is wrong, and what brings the file back."""
    Path("dvc.lock").write_bytes((ROOT / "dvc.lock").read_bytes()[:length])
    assert damaged_lock().startswith(f"dvc.lock is {state}, ")
    assert "`git restore dvc.lock`" in damaged_lock()
