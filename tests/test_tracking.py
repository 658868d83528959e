"""Which folders DVC tracks, as dvc.yaml says."""

from pathlib import Path

import pytest

from pipeline.tracking import tracked_by_dvc

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
