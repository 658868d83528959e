"""Seeds of recipes on workers: the same results as one after another, and nothing is lost or half-written."""

import json
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from clusters import two_workers
from recipe_samples import ALONE, ENSEMBLE, FOLDER, TRIALS, call

from pipeline.progress import Progress
from pipeline.recipes.parallel import run_on
from pipeline.recipes.reading import read_recipe
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.running import run
from pipeline.recipes.tasks import EnsembleTask, SeedTask
from pipeline.workers import Workers


@pytest.fixture(scope="module")
def cluster():
    """Return the address of a Dask cluster of two processes on this machine."""
    with two_workers() as started:
        yield started.scheduler_address


@pytest.fixture(params=["processes", "cluster"])
def where(request):
    """Return the option of the command, for two processes and for a cluster of two."""
    if request.param == "processes":
        return ["--jobs", "2"]
    return ["--scheduler", request.getfixturevalue("cluster")]


@pytest.fixture(params=["processes", "cluster"])
def workers(request):
    """Return the same two as Python has them."""
    if request.param == "processes":
        return Workers(2)
    return Workers(scheduler=request.getfixturevalue("cluster"))


def timeless(value):
    """Return results without the seconds, which differ from run to run, and the machine's threads."""
    if isinstance(value, dict):
        return {name: timeless(one) for name, one in value.items() if name not in ("seconds", "machine")}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def without_seconds(text):
    """Return lines without what comes after the number of updates."""
    return [line.partition(", seconds")[0] for line in text.splitlines()]


def files_of(folder):
    """Return the contents of all files in a folder; of networks' figures and histories but for their seconds."""
    return {
        path.relative_to(folder).as_posix(): timeless(json.loads(path.read_text("utf-8")))
        if path.parent.name == "models" and path.suffix == ".json"
        else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_results_lines_and_files_are_those_of_one_after_another(folder, where):
    """Figures, lines in the order of the seeds, networks that are kept and the artifacts of the last seed."""
    code, out, error = call("run", "small", "--keep", "kept")
    assert code == 0, error
    results = folder / "recipes" / "small.results.json"
    before = json.loads(results.read_text("utf-8"))
    results.unlink()
    code, beside, error = call("run", "small", "--keep", "beside", *where)
    assert code == 0, error
    assert without_seconds(beside) == without_seconds(out)
    after = json.loads(results.read_text("utf-8"))
    assert timeless(after["runs"]) == timeless(before["runs"])
    assert after["settings"] == before["settings"]
    assert all("NumPy" in one["machine"] for one in after["runs"])
    kept, kept_beside = files_of(folder / "kept"), files_of(folder / "beside")
    assert kept_beside == kept
    assert sorted(path.name for path in folder.iterdir()) == ["beside", "kept", "recipes"]


def test_an_ensemble_of_other_recipes_takes_networks_from_the_cache(folder, mixed, where):
    """What is kept of them is handed to the workers, what is missing is trained there, and comes into the cache."""
    assert call("run", "other", "--keep", "kept")[0] == 0
    before = files_of(folder / "kept" / "other" / "models")
    code, out, error = call("run", "both", "--keep", "kept", *where)
    assert code == 0, error
    assert [line.partition(":")[0] for line in out.splitlines()] == ["both, seed 3", "both, seed 1"]
    assert error.count("trained already") == 2
    assert files_of(folder / "kept" / "other" / "models") == before
    assert {path.name for path in (folder / "kept/small/models").iterdir()} == {"1.json", "1.npz", "3.json", "3.npz"}
    runs = json.loads((folder / "recipes" / "both.results.json").read_text("utf-8"))["runs"]
    assert timeless(runs) == timeless(list(run(mixed, folder / "alone")))


def test_trials_come_to_the_same_side_by_side(folder, where):
    """Lines, the file but for its seconds, and the networks of all seeds, which later trials find."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE + TRIALS, "utf-8")
    trials, only = folder / "recipes" / "small.trials.json", ["--only", "as it stands", "--only", "rotated"]
    code, out, error = call("trials", "small", *only, "--keep", "kept")
    assert code == 0, error
    before = json.loads(trials.read_text("utf-8"))["trials"]
    trials.unlink()
    code, beside, error = call("trials", "small", *only, "--keep", "beside", *where)
    assert code == 0, error
    assert without_seconds(beside) == without_seconds(out)
    assert timeless(json.loads(trials.read_text("utf-8"))["trials"]) == timeless(before)
    assert files_of(folder / "beside") == files_of(folder / "kept")
    trials.unlink()
    code, _, error = call("trials", "small", *only, "--keep", "beside", *where)
    assert (code, error.count("trained already")) == (0, 4)


@dataclass(frozen=True)
class Dying(Recipe):
    """A recipe whose process is killed, the first time that its second seed is trained."""

    mark: str = ""

    def stages(self, seed, where="recipe"):
        """Die, or make the stages."""
        if seed == 1 and not Path(self.mark).exists():
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().stages(seed, where)


@pytest.mark.skipif(os.name == "nt", reason="has no such signal")
def test_a_worker_that_is_killed_loses_no_seed(folder, workers):
    """Its seed is trained again by another."""
    recipe = replace(read_recipe(Path("recipes/small.yaml")), gradcheck=None, numerical=None)
    dying = Dying(**vars(recipe), mark=str(folder / "died"))
    made = list(run_on(workers, "small", dying, folder / "artifacts", Progress()))
    assert (folder / "died").exists()
    made.sort(key=lambda one: -one["seed"])
    assert timeless(made) == timeless(list(run(recipe, folder / "alone")))


def test_what_is_done_before_an_interruption_is_kept(folder, monkeypatch):
    """The seed that was done stays, whichever it is; the rest is done by the same command, and no folder is left."""
    (folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    results = folder / "recipes" / "small.results.json"

    def interrupt(*_):
        if results.exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "advance", interrupt)
    recipe = read_recipe(Path("recipes/small.yaml"))
    made = run_on(Workers(2), "small", recipe, folder / "artifacts", Progress())
    first = next(made)
    results.write_text("", "utf-8")
    with pytest.raises(KeyboardInterrupt):
        next(made)
    assert first["seed"] in recipe.seeds
    assert [path for path in (folder / "tmp").iterdir() if path.name.startswith(".digits")] == []
    results.unlink()
    [other] = run_on(Workers(2), "small", recipe, folder / "artifacts", Progress(), without=[first["seed"]])
    assert {first["seed"], other["seed"]} == set(recipe.seeds)


def test_seeds_stand_in_the_order_of_the_recipe_whichever_was_done_first(folder):
    """A later seed that was done before an interruption stays, and the run goes on with the one before it."""
    assert call("run", "small")[0] == 0
    results = folder / "recipes" / "small.results.json"
    document = json.loads(results.read_text("utf-8"))
    results.write_text(json.dumps(document | {"runs": document["runs"][1:]}), "utf-8")
    code, out, error = call("run", "small")
    assert code == 0, error
    assert "goes on after 1 of 2 seeds" in error
    assert [line.partition(":")[0] for line in out.splitlines()] == ["small, seed 3"]
    assert timeless(json.loads(results.read_text("utf-8"))["runs"]) == timeless(document["runs"])


def test_what_goes_wrong_on_a_worker_is_one_clear_error(folder):
    """As where one is trained after another, and with no result."""
    text = (folder / "recipes" / "small.yaml").read_text("utf-8").replace("gradcheck: 2\nnumerical: 2\n", "")
    (folder / "recipes" / "small.yaml").write_text(text.replace("0.5,", "1.0e+200,"), "utf-8")
    here, there = call("run", "small"), call("run", "small", "--jobs", "2")
    assert there[0] == here[0] == 1
    assert there[2].splitlines()[-1] == here[2].splitlines()[-1]
    assert [path.name for path in (folder / "recipes").iterdir()] == ["small.yaml"]


# ---------------------------------------------------------------- ensembles


class Heard(Progress):
    """Counts what is done of networks or seeds, and is interrupted where asked."""

    def __init__(self, interrupted=False):
        self.open, self.begun, self.done, self.interrupted = [], [], 0, interrupted

    def begin(self, what, total, unit):
        """Remember it."""
        self.open.append(unit)
        self.begun.append((what, total, unit))

    def end(self):
        """Forget the last."""
        self.open.pop()

    def advance(self, step=1, **_):
        """Count it."""
        if self.open[-1] in ("networks", "seeds"):
            self.done += step
            if self.interrupted:
                raise KeyboardInterrupt


def test_members_of_an_ensemble_are_trained_side_by_side(folder, where):
    """Each is a task of a worker; results, lines and kept files are those of one after another."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE, "utf-8")
    code, out, error = call("run", "small", "--keep", "kept")
    assert code == 0, error
    results = folder / "recipes" / "small.results.json"
    before = json.loads(results.read_text("utf-8"))["runs"]
    results.unlink()
    code, beside, error = call("run", "small", "--keep", "beside", *where)
    assert code == 0, error
    assert without_seconds(beside) == without_seconds(out)
    after = json.loads(results.read_text("utf-8"))["runs"]
    assert timeless(after) == timeless(before)
    assert [list(one) for one in after] == [list(one) for one in before]
    assert all("NumPy" in one["machine"] for one in after)
    assert files_of(folder / "beside") == files_of(folder / "kept")


def test_all_networks_are_tasks_and_an_ensemble_ends_with_the_last(folder):
    """Six members of two seeds: the bar counts them, and each seed comes once."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE, "utf-8")
    heard = Heard()
    recipe = read_recipe(Path("recipes/small.yaml"))
    made = list(run_on(Workers(2), "small", recipe, folder / "artifacts", heard))
    assert ("run small, 2 at once", 6, "networks") in heard.begun
    assert heard.done == 6
    assert sorted(one["seed"] for one in made) == [1, 3]


def test_an_ensemble_tells_all_machines_that_trained_its_members(folder, monkeypatch):
    """And not the one that evaluated it."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE, "utf-8")
    names = iter(["b", "a", "b", "c"])
    monkeypatch.setattr("pipeline.recipes.tasks.describe_machine", lambda *_: next(names))
    recipe = replace(read_recipe(Path("recipes/small.yaml")), seeds=(3,))
    [made] = run_on(Workers(1), "small", recipe, folder / "artifacts", Progress())
    assert made["machine"] == "a; b"


def test_networks_that_were_trained_before_an_interruption_are_kept(folder, mixed):
    """What is in the cache by then is not trained again, though the seed was not done."""
    one, keep = replace(mixed, seeds=(3,)), folder / "kept"
    made = run_on(Workers(1), "both", one, keep / "both", Heard(interrupted=True), keep=keep)
    with pytest.raises(KeyboardInterrupt):
        next(made)
    assert sorted(path.name for path in folder.rglob("*/models/3.*")) == ["3.json", "3.npz"]
    heard = Heard()
    [made] = run_on(Workers(1), "both", one, keep / "both", heard, keep=keep)
    assert heard.done == 1
    assert timeless([made]) == timeless(list(run(one, folder / "alone")))


@pytest.mark.usefixtures("mixed")
def test_artifacts_of_an_ensemble_of_others_are_those_of_one_after_another(folder):
    """With --keep, the folders of the last seed too, prepared for the network that was trained last."""
    (folder / "recipes" / "small.yaml").write_text(ALONE + "preprocess: {deskew: true}\n", "utf-8")
    assert call("run", "both", "--keep", "kept")[0] == 0
    (folder / "recipes" / "both.results.json").unlink()
    assert call("run", "both", "--keep", "beside", "--jobs", "2")[0] == 0
    assert files_of(folder / "beside") == files_of(folder / "kept")


def test_a_task_is_as_large_as_its_files():
    """So joblib puts it on a worker by itself, and the scheduler does not carry the models of an ensemble."""
    recipe = read_recipe(FOLDER / "basic.yaml")
    models, members = {"a": bytes(70_000)}, ({"file": bytes(50_000)}, {"file": bytes(50_000)})
    assert sys.getsizeof(SeedTask("basic", recipe, 0, models)) > 70_000
    assert sys.getsizeof(EnsembleTask("basic", recipe, 0, members=members)) > 100_000


def test_processes_and_a_cluster_are_not_asked_for_at_once():
    """It is wrong usage, told before any work."""
    code, out, error = call("run", "small", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:9")
    assert (code, out) == (2, "")
    assert "--jobs is for processes, and a cluster has its own workers: give one of the two" in error
