"""A recipe at work: seeds, results, what is kept, and what is told before any work."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from recipe_samples import (
    SMALL,
    TRIALS,
    call,
    fail_the_second_time,
    ran,
)

from pipeline.metrics import measure
from pipeline.network.compiled.engines import has_numba
from pipeline.recipes import running
from pipeline.recipes.machine import environment
from pipeline.recipes.reading import read_recipe
from pipeline.recipes.recipe import STAGES
from pipeline.recipes.results import (
    read_results,
    write_results,
)
from pipeline.recipes.running import run
from pipeline.recipes.table import BEGIN, END


def test_every_seed_takes_the_place_of_every_random_state():
    """The split and the network draw by it, and nothing else changes."""
    recipe = read_recipe(Path("recipes/small.yaml"))
    for seed in recipe.seeds:
        stages = recipe.stages(seed)
        assert list(stages) == list(STAGES)
        assert stages["split"].random_state == stages["train"].random_state == seed
        assert stages["train"].get_params() | {"random_state": 0} == recipe.stages(0)["train"].get_params()


def test_a_seed_gives_the_same_figures_alone_or_after_another(folder):
    """What is reached belongs to the seed; only the time differs."""
    recipe = read_recipe(Path("recipes/small.yaml"))
    both = list(run(recipe, folder / "both"))
    (alone,) = run(replace(recipe, seeds=(1,)), folder / "alone")
    for one in (*both, alone):
        one.pop("seconds")
        one["numerical"].pop("seconds")
    assert both[1] == alone
    assert both[0] | {"seed": 1} != alone


def test_the_command_keeps_what_every_seed_came_to(folder):
    """Layers, counts, history, figures, gradients and losses are in the file, and no artifact stays behind."""
    code, out, error = call("run", "small")
    assert code == 0, error
    assert [line.split(": test accuracy")[0] for line in out.splitlines()] == ["small, seed 3", "small, seed 1"]
    assert sorted(path.name for path in folder.rglob("*")) == ["recipes", "small.results.json", "small.yaml"]
    document = json.loads((folder / "recipes" / "small.results.json").read_text("utf-8"))
    assert sorted(document) == ["environment", "runs", "settings"]
    first = document["runs"][0]
    assert first["layers"] == [64, 4, 10]
    assert first["n_parameters"] == 64 * 4 + 4 + 4 * 10 + 10
    assert (first["epochs"], first["updates"]) == (2, 2 * 13)  # 1437 images, 15 % held back, in batches of 100
    assert first["engine"] == ("numba" if has_numba() else "numpy")
    assert (", numba " in first["machine"]) == has_numba()
    assert len(first["history"]["validation_accuracy"]) == 2
    assert first["test"]["accuracy"] + first["test"]["error_rate"] == pytest.approx(1)
    assert [one["name"] for one in first["gradcheck"]] == ["W1", "b1", "W2", "b2"]
    assert max(one["mean"] for one in first["gradcheck"]) < 1e-9
    losses = first["numerical"]["losses"]
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    assert first["numerical"]["images"] == 100


def test_an_interrupted_recipe_goes_on_with_the_next_seed(folder, monkeypatch):
    """What is done is kept seed by seed; run again, only the rest is done, and a recipe that is whole is done anew."""
    path = folder / "recipes" / "small.results.json"
    fail_the_second_time(monkeypatch, STAGES["evaluate"], "_run")
    assert call("run", "small")[0] == 1
    assert [run["seed"] for run in json.loads(path.read_text("utf-8"))["runs"]] == [3]
    code, out, error = call("run", "small")
    assert code == 0, error
    assert [line.split(": test accuracy")[0] for line in out.splitlines()] == ["small, seed 1"]
    assert "goes on after 1 of 2 seeds" in error
    assert [run["seed"] for run in json.loads(path.read_text("utf-8"))["runs"]] == [3, 1]
    assert len(call("run", "small")[1].splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "mounted", "message"),
    [
        (["run", "small"], "recipes/small.results.json", "choose another folder with --recipes"),
        (["trials", "small"], "recipes/small.trials.json", "choose another folder with --recipes"),
        (["run", "small", "--keep", "kept"], "kept/small/models", "choose another folder with --keep"),
        (["trials", "small", "--keep", "kept"], "kept/trials/models", "choose another folder with --keep"),
        (["run", "small", "--keep", "recipes/small.yaml"], None, "choose another folder with --keep"),
        (["table", "--write", "README.md"], "README.md", "choose another file with --write"),
    ],
)
def test_places_that_cannot_be_written_are_told_before_training(folder, monkeypatch, words, mounted, message):
    """Results, trials, networks to keep and the README: what could not be written is named, and nothing runs."""
    (folder / "recipes" / "small.yaml").write_text(SMALL + TRIALS, "utf-8")
    (folder / "README.md").write_text(f"{BEGIN}\n{END}\n", "utf-8")
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == mounted)
    monkeypatch.setattr(STAGES["fetch"], "_run", lambda *_: pytest.fail("it runs"))
    code, out, error = call(*words)
    assert (code, out) == (1, "")
    assert error.startswith(f"error: {mounted or 'recipes/small.yaml/small/models'}")
    assert error.endswith(f"; {message}\n")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "recipes"]


def test_a_recipe_deletes_no_file_of_another_origin(folder, monkeypatch):
    """What lies among the artifacts that are to be kept is told before any work, and stays."""
    (folder / "kept/small/evaluation").mkdir(parents=True)
    (folder / "kept/small/evaluation/notes.md").touch()
    monkeypatch.setattr(STAGES["fetch"], "_run", lambda *_: pytest.fail("it runs"))
    code, out, error = call("run", "small", "--keep", "kept")
    assert (code, out) == (1, "")
    assert error.startswith("error: kept/small/evaluation/notes.md has not been made by a stage, and ")
    assert error.endswith(": move it elsewhere, or choose another folder with --keep\n")
    assert (folder / "kept/small/evaluation/notes.md").is_file()


def test_results_stay_when_a_recipe_is_run_again(folder, monkeypatch):
    """The second run stands beside them, whole or interrupted, and takes their place where one asks for it."""
    recipe = read_recipe(folder / "recipes" / "small.yaml")
    old, results = [ran(3), ran(1)], folder / "recipes" / "small.results.json"
    write_results(folder / "recipes", "small", recipe, old, {})
    before = results.read_bytes()
    fail_the_second_time(monkeypatch, STAGES["evaluate"], "_run")
    assert call("run", "small")[0] == 1
    said = call("run", "small")[2]
    assert "goes on after 1 of 2 seeds" in said
    assert "earlier results stay; these are in recipes/small.again.results.json, and --replace puts them there" in said
    assert results.read_bytes() == before
    again = folder / "recipes" / "small.again.results.json"
    whole = again.read_bytes()
    assert [run["layers"] for run in json.loads(whole)["runs"]] == [[64, 4, 10]] * 2
    assert call("run", "small", "--replace")[1] == ""  # nothing is trained
    assert results.read_bytes() == whole
    assert not again.exists()


def test_a_recipe_is_run_again_from_its_first_seed(folder):
    """Two whole runs leave the first results, and those of the last."""
    for seeds in (2, 2, 2):
        assert len(call("run", "small")[1].splitlines()) == seeds
    assert sorted(path.name for path in (folder / "recipes").iterdir()) == [
        *("small.again.results.json", "small.results.json", "small.yaml")
    ]


def test_results_are_run_and_replaced_at_once(folder):
    """Where nothing stands beside earlier results, ``--replace`` runs the recipe; other settings do not count."""
    recipe = read_recipe(folder / "recipes" / "small.yaml")
    write_results(folder / "recipes", "small", recipe, [ran(3), ran(1)], {})
    (folder / "recipes" / "small.again.results.json").write_text("{}", "utf-8")
    assert len(call("run", "small", "--replace")[1].splitlines()) == 2
    assert all("updates" in run for run in read_results(folder / "recipes", "small", recipe))
    assert sorted(path.name for path in (folder / "recipes").iterdir()) == ["small.results.json", "small.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trials"], "names of recipes, or --all, must be given; got none"),
        (["trials", "--only", "wider"], "names of recipes, or --all, must be given; got none"),
        (["run", "--keep", "kept"], "names of recipes, or --all, must be given; got none"),
        (["run", "--replace"], "names of recipes, or --all, must be given; got none"),
        (["trials", "small", "--replace"], "No such option: --replace"),
        (["compare", "--all"], "No such option: --all"),
        (["table", "--json"], "No such option: --json"),
        (["table", "--write", "no.md"], "must be a file with <!-- recipes --> in it, and <!-- /recipes --> after "),
        (["table", "--write", "no.md"], "there is no no.md"),
        (["table", "--write", "recipes/small.yaml"], "recipes/small.yaml is none"),
    ],
)
def test_options_that_want_something_else_are_refused_before_any_work(folder, words, message):
    """The exit code is that of wrong usage, and nothing is run."""
    code, out, error = call(*words)
    assert (code, out) == (2, "")
    assert message in error
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["small.yaml"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("<<<<<<< HEAD", "it cannot be read: it is no JSON: Expecting value"), ("[]", "a JSON object; got list")],
)
@pytest.mark.parametrize("kind", ["results", "trials"])
def test_a_damaged_file_of_results_is_told_by_its_name(folder, kind, text, told):
    """As the conflict of a merge leaves it."""
    path = folder / "recipes" / f"small.{kind}.json"
    path.write_text(text, "utf-8")
    code, out, error = call("table")
    assert (code, out) == (2, "")
    assert error.startswith(f"error: recipes/{path.name} must hold a JSON object")
    assert told in error


def test_recipes_that_are_shipped_leave_their_results_in_this_folder(folder, monkeypatch):
    """Where there are no recipes, those of the program run, and go on where they were interrupted."""
    (folder / "recipes").rename(folder / "shipped")
    monkeypatch.setattr("pipeline.cli.recipe_runs.shipped", lambda _: folder / "shipped")
    fail_the_second_time(monkeypatch, STAGES["evaluate"], "_run")
    assert call("run", "small")[0] == 1
    code, out, error = call("run", "small")
    assert (code, len(out.splitlines())) == (0, 1)
    assert "there are no recipes/*.yaml here" in error
    assert "goes on after 1 of 2 seeds" in error
    assert [path.name for path in (folder / "recipes").iterdir()] == ["small.results.json"]
    assert [path.name for path in (folder / "shipped").iterdir()] == ["small.yaml"]
    assert "small" in call("table")[1]


def test_nothing_is_kept_of_a_recipe_that_failed(folder, monkeypatch):
    """The results of the time before stay as they were."""
    (folder / "recipes" / "small.results.json").write_text("{}", "utf-8")
    monkeypatch.setattr(STAGES["evaluate"], "_run", lambda *_: 1 / 0)
    code, _, error = call("run", "small")
    assert (code, error.splitlines()[-1]) == (1, "error: ZeroDivisionError: division by zero")
    assert (folder / "recipes" / "small.results.json").read_text("utf-8") == "{}"


def test_artifacts_are_kept_where_one_asks(folder):
    """Those of the last seed, in a folder of the recipe's name, with the networks of all seeds."""
    code, _, error = call("run", "--all", "--keep", "kept")
    assert code == 0, error
    kept = {path.name for path in (folder / "kept" / "small").iterdir()}
    assert kept == {"raw", "prepared", "split", "model", "models", "evaluation"}
    assert {path.name for path in (folder / "kept" / "small" / "models").iterdir()} == {
        *("1.json", "1.npz", "3.json", "3.npz")
    }


def test_the_environment_names_what_times_depend_on():
    """Machine, versions, BLAS kernels and threads, and the day."""
    told = environment()
    assert set(told) == {"date", "machine", "versions", "blas"}
    assert told["machine"]["cores"] >= 1
    assert told["machine"]["model"]
    assert all(pool["num_threads"] >= 1 for pool in told["blas"])


class Counted(np.ndarray):
    """Images that count how many of them are copied together."""

    copied: ClassVar[list[int]] = []

    def __getitem__(self, some):
        found = super().__getitem__(some)
        self.copied.append(0 if np.shares_memory(found, self) else len(found))
        return found


class Brightness:
    """A model that is sure of class 1 where the first pixel is bright, and looks at no more images than it must."""

    classes_ = np.arange(3)

    def predict_proba(self, X):
        """Return probabilities."""
        return np.where(X[:, :1] > 127, [[0.1, 0.8, 0.1]], [[0.6, 0.2, 0.2]])


def test_images_that_were_held_back_are_not_all_copied(folder, monkeypatch):
    """A trial is measured on a thousand of them at a time, however many there are, and comes to the same."""
    rng = np.random.default_rng(0)
    images, labels = np.uint8(rng.integers(256, size=(3000, 2, 2))), np.uint8(rng.integers(3, size=3000))
    rows = np.flatnonzero(rng.random(3000) < 0.9)
    monkeypatch.setattr("pipeline.recipes.running.read_images", lambda *_: (images.view(Counted), labels))
    monkeypatch.setattr("pipeline.recipes.running.read_rows", lambda *_: rows)
    found = running._held_back(Brightness(), folder)["validation"]
    assert sum(Counted.copied) == len(rows)
    assert max(Counted.copied) <= 1024
    P = Brightness().predict_proba(images[rows].reshape(len(rows), -1))
    expected = measure(labels[rows], P, [0, 1, 2])
    assert found == {name: pytest.approx(expected[name], abs=1e-6) for name in ("error_rate", "log_loss")}
