"""``find-rate``: what it prints, draws and leaves alone, and how it fails."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.cli.find_rate import describe
from pipeline.provenance import digest_folder
from pipeline.rate_finder import LearningRateSweep

PNG = b"\x89PNG"


@pytest.fixture
def find_rate(workplace, tmp_path, monkeypatch):
    """Return a function that runs the command beside artifacts of the small digits."""
    artifacts = tmp_path / "artifacts"
    shutil.copytree(workplace / "artifacts", artifacts)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, ["find-rate", *words])

    return run


def test_what_it_advises_is_for_the_same_training():
    """The command names the folder of artifacts and the file of parameters, where they are others than usual."""
    found = LearningRateSweep(np.array([0.001, 0.01]), np.array([2.3, 0.5]), np.array([2.3, 0.5]), 0.0033)
    last = describe(found, Path("my trial"), Path("other.yaml")).splitlines()[-1]
    command = "train --artifacts 'my trial' --params other.yaml --learning-rate-init 0.0033"
    assert last == f"set it: `python -m pipeline {command}`, or learning_rate_init: 0.0033 in other.yaml"


def test_it_suggests_a_rate_and_says_how_to_set_it(find_rate):
    """Three lines: what was seen, the suggestion, and where it goes; no file is written."""
    before = {path: digest_folder(path) for path in Path("artifacts").iterdir() if path.is_dir()}
    done = find_rate()
    assert done.exit_code == 0, done.output
    seen, suggestion, how = done.stdout.splitlines()
    rate = suggestion.removeprefix("suggestion: ")
    assert seen.startswith("find-rate: the loss falls from 2.")
    assert 1e-5 < float(rate) < 0.1
    command, setting = f"`python -m pipeline train --learning-rate-init {rate}`", f"learning_rate_init: {rate}"
    assert how == f"set it: {command}, or {setting} in params.yaml"
    assert {path: digest_folder(path) for path in Path("artifacts").iterdir() if path.is_dir()} == before


@pytest.mark.parametrize("home", ["params.yaml", "other.yaml"])
def test_the_suggestion_is_applied(find_rate, home):
    """Into the file that was read, whose comments and all else stay; what --set changed is not written."""
    Path(home).write_text("# mine\ntrain:\n  solver: adam  # the best\n  learning_rate_init: 0.5\n", "utf-8")
    done = find_rate("--apply", "--set", "train.solver=sgd", *(["--params", home] if home == "other.yaml" else []))
    assert done.exit_code == 0, done.output
    rate = done.stdout.splitlines()[1].removeprefix("suggestion: ")
    assert f"{home} has learning_rate_init: {rate} now" in done.stderr
    assert "set it" not in done.stdout
    told = f"# mine\ntrain:\n  solver: adam  # the best\n  learning_rate_init: {rate}\n"
    assert Path(home).read_text("utf-8") == told


def test_a_suggestion_that_means_little_is_not_applied(find_rate, monkeypatch):
    """It is shown, and the file stays as it is."""
    flat = np.full(2, 2.3)
    found = LearningRateSweep(np.array([0.001, 0.01]), flat, flat, 0.0033)
    monkeypatch.setattr("pipeline.rate_finder.find_learning_rate", lambda *_, **__: found)
    Path("params.yaml").write_text("train:\n  learning_rate_init: 0.5\n", "utf-8")
    done = find_rate("--apply")
    assert done.exit_code == 2
    assert "--apply leaves params.yaml as it is: the loss fell at no rate" in done.stderr
    assert done.stdout.splitlines()[1] == "suggestion: 0.0033"
    assert Path("params.yaml").read_text("utf-8") == "train:\n  learning_rate_init: 0.5\n"


def test_parameters_are_those_of_train(find_rate):
    """--set changes the network, and another one has another rate; the same one has the same."""
    plain, again, other = (
        json.loads(find_rate("--json", *words).stdout) for words in ([], [], ["--set", "train.solver=sgd"])
    )
    assert plain == again
    assert set(plain) == {"suggestion", "rates", "losses", "smoothed"}
    assert other["suggestion"] > plain["suggestion"]


def test_it_draws_a_picture(find_rate):
    """The same bytes every time."""
    pictures = []
    for name in ("a.png", "b.png"):
        assert find_rate("-o", name).exit_code == 0
        pictures.append(Path(name).read_bytes())
    assert pictures[0][:4] == PNG
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--set", "train.solver=lbfgs", "--set", "train.dropout=0"], 2, "got 'lbfgs', which has none"),
        (["-o", "rate.jpg"], 2, "must be called so: rate.png"),
        (["-o", "."], 2, "PNG picture"),
        (["--artifacts", "elsewhere"], 1, "prepared is missing: `python -m pipeline preprocess --artifacts elsewhere`"),
        (["--set", "train.batch_size=0"], 2, "batch_size"),
        (["--apply"], 2, "--apply writes into params.yaml, which is not there"),
    ],
)
def test_what_cannot_be_done_is_one_line(find_rate, words, code, message):
    """The exit code is that of a wrong parameter, or of a failure."""
    done = find_rate(*words)
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_not_there_is_made(find_rate):
    """For the picture, as ``page`` and ``compare`` do: the sweep is not lost."""
    done = find_rate("-o", "a/new/folder/sweep.png")
    assert done.exit_code == 0, done.output
    assert Path("a/new/folder/sweep.png").read_bytes().startswith(PNG)
