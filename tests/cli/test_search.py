"""``search``: what it prints, keeps and applies, and how it fails."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.cli.params_file import read_document

ROOT = Path(__file__).parents[2]
SECTION = """
search:  # small
  train.hidden_layer_sizes: [[8], [16, 8]]
  train.learning_rate.warmup: [0, 1]
  train.learning_rate_init: {low: 0.001, high: 0.05, log: true}
"""


@pytest.fixture
def search(workplace, tmp_path, monkeypatch):
    """Return a function that runs the command on one process beside artifacts of the small digits."""
    for name in ("raw", "prepared", "split"):
        shutil.copytree(workplace / "artifacts" / name, tmp_path / "artifacts" / name)
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text("utf-8") + SECTION, "utf-8")

    def run(*words):
        return CliRunner().invoke(
            app, ["search", "--n-jobs", "1", "--n-candidates", "6", "--set", "train.max_iter=2", *words]
        )

    return run


def test_it_prints_the_best_first_and_says_what_mattered(search):
    """A line for each candidate, with its values, epochs and accuracy."""
    done = search()
    assert done.exit_code == 0, done.output
    heading, *rows, mattered, last = done.stdout.splitlines()
    assert heading.split() == ["hidden_layer_sizes", "learning_rate.warmup", "learning_rate_init", "epochs", "accuracy"]
    accuracies = [float(row.split()[-1]) for row in rows]
    assert len(rows) == 6
    assert accuracies == sorted(accuracies, reverse=True)
    assert mattered.startswith("mattered: learning_rate_init ")
    assert last == "search: 6 candidates, 12 epochs; all are in artifacts/search/results.csv"


def test_it_prints_how_many_samples_halving_gave(search):
    """In a column of the table, and in the document."""
    words = "--method", "halving", "--resource", "samples"
    done = search(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].split()[-3:] == ["samples", "epochs", "accuracy"]
    document = json.loads(search(*words, "--json").stdout)
    given = sorted(one["n_samples"] for one in document["candidates"])
    assert given == [given[0]] * 4 + [3 * given[0]] * 2
    assert done.stdout.splitlines()[1].split()[-3] == str(given[-1])


def test_the_best_is_applied_and_the_search_goes_on(search):
    """Comments and all else stay as they are, and the same search still finds what it has."""
    before = read_document(Path("params.yaml"))
    best = json.loads(search("--apply", "--json").stdout)["best"]
    text, after = Path("params.yaml").read_text("utf-8"), read_document(Path("params.yaml"))
    before["train"]["hidden_layer_sizes"] = best["train.hidden_layer_sizes"]
    before["train"]["learning_rate"]["warmup"] = best["train.learning_rate.warmup"]
    before["train"]["learning_rate_init"] = best["train.learning_rate_init"]
    assert after == before
    assert len(text.splitlines()) == len(((ROOT / "params.yaml").read_text("utf-8") + SECTION).splitlines())
    assert "  engine: numpy  # numba is faster" in text
    assert f"  hidden_layer_sizes: {best['train.hidden_layer_sizes']}\n" in text
    kept = {path: path.stat().st_mtime_ns for path in Path("artifacts/search/candidates").iterdir()}
    assert search().exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in Path("artifacts/search/candidates").iterdir()} == kept


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--method", "best"], 2, "expected one of random, grid, halving"),
        (["--method", "halving", "--resource", "images"], 2, "expected one of epochs, samples; got images"),
        (["--resource", "samples"], 2, "--resource is for --method halving; got --method random"),
        (["--scheduler", "tcp://127.0.0.1:1"], 2, "--n-jobs is for processes"),
        (["--set", "++search={train.dropout: [2]}"], 2, "params.yaml: search: train.dropout: train: dropout must be"),
        (["--set", "++search={train.drpout: [0]}"], 2, "did you mean dropout?"),
        (["--set", "++search={train.dropout: {low: 0.1, high: 1}}"], 2, "got 1"),
        (["--apply", "--params", "other.yaml"], 2, "other.yaml, which is not there"),
        (["--experiments", "--artifacts", "nowhere"], 2, "--experiments is for params.yaml and artifacts/"),
        (["--experiments"], 2, "`dvc root`: you are not inside of a DVC repository"),
        (["--artifacts", "nowhere"], 1, "nowhere/prepared is missing"),
    ],
)
def test_what_cannot_be_done_is_one_line(search, words, code, message):
    """Exit code 2 for what was asked for, 1 for what is not there; nothing was searched."""
    done = search(*words)
    assert message in done.stderr.splitlines()[-1]
    assert done.exit_code == code
    assert not Path("artifacts/search/results.csv").exists()


def test_another_space_is_told_and_replaced_where_asked(search):
    """What was found in the space before is not mixed with it."""
    assert search().exit_code == 0
    changed = "++search={train.alpha: [0.0, 0.01]}"
    done = search("--set", changed)
    assert done.exit_code == 2
    assert "artifacts/search has another search" in done.stderr
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text("utf-8"), "utf-8")
    done = search("--set", changed, "--replace")
    assert done.exit_code == 0
    assert "search: 2 candidates" in done.stdout


def test_a_search_without_a_finished_candidate_says_why(search):
    """The first reason is told."""
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text("utf-8"), "utf-8")
    done = search("--set", "++search={train.dropout: [[0.1, 0.2, 0.3, 0.4]]}")
    assert done.exit_code == 2
    assert "no candidate was finished; " in done.stderr
