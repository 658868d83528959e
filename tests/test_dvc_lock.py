"""A ``dvc.lock`` that DVC was killed over."""

from pathlib import Path

import pytest

from pipeline.dvc_lock import damaged_lock

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


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
