import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from clusters import pids_of, two_workers

from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.search.evaluation import Task, evaluate
from pipeline.search.running import Search, read_data
from pipeline.search.space import read_space
from pipeline.stages.base import MissingInputError
from pipeline.workers import Workers

SPACE = {"train.hidden_layer_sizes": [[8], [12]], "train.learning_rate_init": {"low": 0.001, "high": 0.05, "log": True}}
FIXED = {"preprocess": {}, "train": {"max_iter": 2, "random_state": 0, "engine": "numpy"}}


def search_over(section=None, **settings):
    """Return a search for a small network."""
    fixed = settings.pop("fixed", FIXED)

    def arguments_of(values):
        sections = {name: dict(one) for name, one in fixed.items()}
        for path, value in values.items():
            section, _, name = path.partition(".")
            sections[section][name] = tuple(value) if isinstance(value, list) else value
        return sections

    return Search(read_space(section or SPACE), arguments_of, fixed, **settings)


@pytest.fixture
def artifacts(workplace, tmp_path):
    """Return artifacts of the first three stages."""
    for name in ("raw", "prepared", "split"):
        shutil.copytree(workplace / "artifacts" / name, tmp_path / name)
    return tmp_path


def table(artifacts):
    """Return the table of a search."""
    return (artifacts / "search" / "results.csv").read_bytes()


def test_the_same_search_has_the_same_table(artifacts):
    """Byte for byte, with one process and with two."""
    search_over(n_candidates=4).run(artifacts, Workers(1), Progress())
    alone = table(artifacts)
    search_over(n_candidates=4).run(artifacts, Workers(2), Progress(), again=True)
    assert table(artifacts) == alone
    assert alone.count(b"complete") == 4


class Count(Progress):
    """Says how many candidates were evaluated, and interrupts after some."""

    def __init__(self, after=None):
        self.done, self.after = 0, after

    def advance(self, step=1, **_):
        self.done += step
        if self.done == self.after:
            raise KeyboardInterrupt


def test_an_interrupted_search_goes_on(artifacts):
    """What was done is not done again, and the table is that of a search in one go."""
    with pytest.raises(KeyboardInterrupt):
        search_over(n_candidates=4).run(artifacts, Workers(1), Count(after=3))
    kept = {path: path.stat().st_mtime_ns for path in (artifacts / "search" / "candidates").iterdir()}
    assert len(kept) == 3
    search_over(n_candidates=4).run(artifacts, Workers(1), Progress())
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    resumed = table(artifacts)
    search_over(n_candidates=4).run(artifacts, Workers(1), Progress(), again=True)
    assert table(artifacts) == resumed


def test_more_candidates_are_added(artifacts):
    """A search over the same space keeps what it has."""
    first = search_over(n_candidates=2).run(artifacts, Workers(1), Progress())
    more = search_over(n_candidates=3).run(artifacts, Workers(1), Progress())
    assert more[:2] == first


def test_another_space_is_told(artifacts):
    """The results of the one before stay."""
    search_over(n_candidates=1).run(artifacts, Workers(1), Progress())
    before = table(artifacts)
    with pytest.raises(ParameterError, match=r"another search, with space: train\.learning_rate_init"):
        search_over({"train.hidden_layer_sizes": [[8], [12]]}).run(artifacts, Workers(1), Progress())
    assert table(artifacts) == before


def test_a_candidate_comes_to_what_the_workflow_comes_to(artifacts):
    """The accuracy of a search is what the stages measure with the same parameters."""
    from pipeline import Train

    [trial] = search_over(n_candidates=1).run(artifacts, Workers(1), Progress())
    layers, rate = (trial.values[f"train.{name}"] for name in ("hidden_layer_sizes", "learning_rate_init"))
    stage = Train(tuple(layers), learning_rate_init=rate, n_threads=1, **FIXED["train"])
    done = stage.run(artifacts)
    assert round(done["validation_accuracy"], 6) == trial.result["accuracy"]


def test_preprocessing_can_vary(artifacts):
    """Candidates then learn from the images as they were fetched; the same as from those that were prepared."""
    both = search_over({"preprocess.method": ["unit", "standard"]}, method="grid").run(
        artifacts, Workers(1), Progress()
    )
    [unit] = search_over({"train.alpha": [0.0001]}, method="grid").run(artifacts, Workers(1), Progress(), again=True)
    assert both[0].result["accuracy"] == unit.result["accuracy"]
    assert both[0].result["log_loss"] != both[1].result["log_loss"]


def test_folds_of_cross_validation_are_averaged(artifacts):
    """Every fold has its epochs, and no rows of the split are needed."""
    shutil.rmtree(artifacts / "split")
    [trial] = search_over(n_candidates=1, cv=3).run(artifacts, Workers(1), Progress())
    assert trial.result["epochs"] == 6
    with pytest.raises(ParameterError, match="--cv must be at most"):
        read_data(artifacts, read_space(SPACE), cv=1000)


def test_a_candidate_that_fails_does_not_end_the_search(artifacts):
    """Its reason stands in the table, and others are the better ones."""
    space = {"train.dropout": [0.1, [0.1, 0.2, 0.3]]}
    trials = search_over(space, method="grid").run(artifacts, Workers(1), Progress())
    assert [trial.result["state"] for trial in trials] == ["complete", "failed"]
    assert b"dropout" in table(artifacts).splitlines()[2]


def test_halving_gives_out_epochs_that_cannot_vary(artifacts):
    """Nor are they asked for twice."""
    fixed = FIXED | {"train": FIXED["train"] | {"max_iter": 3}}
    trials = search_over(method="halving", n_candidates=3, fixed=fixed).run(artifacts, Workers(1), Progress())
    assert sorted(trial.result["epochs"] for trial in trials) == [1, 1, 3]
    with pytest.raises(ParameterError, match=r"--method halving gives out train\.max_iter"):
        search_over({"train.max_iter": [1, 2]}, method="halving").run(artifacts, Workers(1), Progress(), again=True)


def test_halving_gives_out_samples(artifacts):
    """Interrupted between rungs it goes on, and epochs are another search; max_iter may vary beside them."""
    space = SPACE | {"train.max_iter": [1, 2]}
    asked = search_over(space, method="halving", resource="samples", n_candidates=9)
    n_samples = len(read_data(artifacts, read_space(space)).folds[0][0])
    with pytest.raises(KeyboardInterrupt):
        asked.run(artifacts, Workers(1), Count(after=10))
    trials = asked.run(artifacts, Workers(1), Count())
    resumed, given = table(artifacts), n_samples // 9
    assert sorted(trial.n_samples for trial in trials) == [given] * 6 + [3 * given] * 2 + [9 * given]
    assert {trial.result["state"] for trial in trials} == {"complete"}
    assert len(list((artifacts / "search" / "candidates").iterdir())) == 13
    asked.run(artifacts, Workers(2), Progress(), again=True)
    assert table(artifacts) == resumed
    with pytest.raises(ParameterError, match="with resource 'samples' and not 'epochs'"):
        search_over(method="halving", n_candidates=9).run(artifacts, Workers(1), Progress())


def test_a_candidate_that_is_given_all_samples_is_like_one_of_another_method(artifacts):
    """The rows are the same, in their order; with fewer the network comes to something else."""
    [plain] = search_over(n_candidates=1).run(artifacts, Workers(1), Progress())
    data = read_data(artifacts, read_space(SPACE))
    arguments = search_over().arguments_of(plain.values)
    parts = [evaluate(data, Task(plain.values, arguments, None, n)) for n in (len(data.folds[0][0]), 200)]
    assert parts[0]["log_loss"] == plain.result["log_loss"] != parts[1]["log_loss"]


def test_a_missing_stage_is_named(tmp_path):
    """With the command that makes what is missing."""
    with pytest.raises(MissingInputError, match="pipeline preprocess"):
        search_over().run(tmp_path, Workers(1), Progress())


@pytest.mark.parametrize("preprocess", [False, True])
def test_a_picture_shows_what_mattered(artifacts, preprocess):
    """There is none of candidates that are too few."""
    space = {"preprocess.deskew": [False, True]} if preprocess else {"train.alpha": [0.0, 0.1]}
    search_over(space | SPACE, n_candidates=6).run(artifacts, Workers(1), Progress())
    assert (artifacts / "search" / "importance.png").read_bytes()[:4] == b"\x89PNG"
    search_over(space | SPACE, n_candidates=2).run(artifacts, Workers(1), Progress())
    assert not (artifacts / "search" / "importance.png").exists()


def test_ctrl_c_ends_the_command_and_loses_nothing(artifacts):
    """A real signal: the exit code is 130, and the same command goes on with what was done."""
    root = Path(__file__).parents[2]
    words = [sys.executable, "-m", "pipeline", "search", "--artifacts", str(artifacts), "--n-candidates", "40"]
    words += ["--params", str(root / "params.yaml"), "--n-jobs", "2", "--set", "train.max_iter=3"]
    started = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(root)}, stderr=subprocess.PIPE, text=True)
    for line in started.stderr:
        if "2/40" in line:
            break
    started.send_signal(signal.SIGINT)
    assert "interrupted" in started.communicate()[1]
    assert started.returncode == 130
    kept = len(list((artifacts / "search" / "candidates").iterdir()))
    assert 2 <= kept < 40
    words[words.index("40")] = "2"
    again = subprocess.run(
        words, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
    )
    assert "search: 2 candidates" in again.stdout


# ---------------------------------------------------------------- Optuna and clusters


@pytest.fixture(scope="module")
def cluster():
    """Return a real cluster of two processes."""
    with two_workers() as started:
        yield started


class KillOne(Progress):
    """Kills a process when the first candidate is done."""

    def __init__(self, pid):
        self.pid = pid

    def advance(self, *_, **__):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self.pid = None


@pytest.mark.parametrize("method", ["random", "halving", "optuna"])
def test_a_cluster_has_the_same_table_as_processes(artifacts, cluster, method):
    """Byte for byte; what prunes goes by the same curves wherever they were measured."""
    asked = search_over(method=method, n_candidates=9, fixed=FIXED | {"train": FIXED["train"] | {"max_iter": 4}})
    asked.run(artifacts, Workers(2), Progress())
    on_processes = table(artifacts)
    asked.run(artifacts, Workers(scheduler=cluster.scheduler_address), Progress(), again=True)
    assert table(artifacts) == on_processes
    assert on_processes.count(b"complete") + on_processes.count(b"pruned") == 9


def test_a_worker_that_is_killed_in_the_middle_of_a_search_loses_nothing(artifacts, cluster):
    """Every candidate has its result, the same as without the mishap."""
    search_over(n_candidates=8).run(artifacts, Workers(2), Progress())
    undisturbed = table(artifacts)
    kill = KillOne(pids_of(cluster)[0])
    search_over(n_candidates=8).run(artifacts, Workers(scheduler=cluster.scheduler_address), kill, again=True)
    assert kill.pid is None
    assert table(artifacts) == undisturbed


def test_an_optuna_search_that_was_interrupted_goes_on(artifacts):
    """It chooses and prunes as if it had never ended."""
    asked = search_over(method="optuna", n_candidates=10, fixed=FIXED | {"train": FIXED["train"] | {"max_iter": 4}})
    with pytest.raises(KeyboardInterrupt):
        asked.run(artifacts, Workers(1), Count(after=6))
    asked.run(artifacts, Workers(1), Progress())
    resumed = table(artifacts)
    asked.run(artifacts, Workers(1), Progress(), again=True)
    assert table(artifacts) == resumed
    assert b"pruned" in resumed


def test_without_pruning_optuna_trains_every_candidate_to_its_end(artifacts):
    """For all the epochs that there are."""
    trials = search_over(method="optuna", n_candidates=6, prune=False).run(artifacts, Workers(1), Progress())
    assert [trial.result["epochs"] for trial in trials] == [2] * 6


def test_without_the_extra_optuna_is_one_clear_error(artifacts, monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ModuleNotFoundError, match="--method optuna needs the extra `search`: `pip install"):
        search_over(method="optuna").run(artifacts, Workers(1), Progress())
