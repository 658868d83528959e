"""Same inputs, same bytes: whatever a run leaves behind can be made again to the last bit."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = ["fetch.dataset=digits", "train.max_iter=3", "train.n_threads=2"]


def bytes_of(folder):
    """Return the SHA-256 of every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run_all(folder, seed, *settings):
    """Run all stages in a process of its own, where sets come in an order of its own."""
    options = [word for setting in [*SETTINGS, *settings] for word in ("--set", setting)]
    subprocess.run(
        [sys.executable, "-m", "pipeline", "run", "--artifacts", str(folder), *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        check=True,
        capture_output=True,
    )
    return bytes_of(folder)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return what one run makes, and where."""
    folder = tmp_path_factory.mktemp("first") / "artifacts"
    return folder, run_all(folder, seed=1)


def test_two_runs_make_the_same_bytes(tmp_path, first):
    """Nothing in an artifact, pictures included, tells when, where or in which process it was made."""
    assert run_all(tmp_path / "elsewhere" / "deeper", seed=2) == first[1]


def test_another_seed_makes_another_model(tmp_path, first):
    """What is compared does depend on what it should: other first weights leave data and split as they are."""
    other = run_all(tmp_path, 1, "train.random_state=7", "evaluate.pictures=false")
    same = {name for name, digest in other.items() if first[1][name] == digest}
    assert {name.split("/")[0] for name in same} == {"raw", "prepared", "split"}
    assert "model/model.npz" in other.keys() - same


def test_no_artifact_knows_this_machine(first):
    """No text in an artifact holds a path of this machine."""
    folder, digests = first
    texts = [name for name in digests if name.endswith((".json", ".csv"))]
    assert texts
    for name in texts:
        text = (folder / name).read_text("utf-8")
        assert str(folder.parent) not in text
        assert str(Path.home()) not in text
        assert text.endswith("\n")
        assert "\r" not in text
