"""Ensembles of one recipe's networks, and test-time augmentation."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from recipe_samples import (
    ALONE,
    COPIES,
    ENSEMBLE,
    REPORTED,
    SMALL,
    call,
    pixels_and_labels,
)

import pipeline
from pipeline import program
from pipeline.artifacts import read_training
from pipeline.ensemble.voting import load_ensemble, member_seeds
from pipeline.model_file import load_model
from pipeline.network import Step
from pipeline.progress import Progress
from pipeline.recipes.members import TrainMembers
from pipeline.recipes.reading import read_recipe
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.running import run, run_trial
from pipeline.stages.fetch import Fetch
from pipeline.workers import Workers


def test_an_ensemble_is_measured_with_its_members(ensemble):
    """Its error and that of each member are those of the files that are left, and members' seeds come from its own."""
    one, artifacts = ensemble
    X, y = pixels_and_labels(artifacts)
    together = load_ensemble(artifacts / "model")
    assert one["test"]["accuracy"] == pytest.approx(together.score(X, y), abs=1e-6)
    assert one["wrong"] == np.flatnonzero(together.predict(X) != y).tolist()
    assert [member["seed"] for member in one["members"]] == member_seeds(one["seed"], 3)
    for number, member in enumerate(one["members"], start=1):
        alone = load_model(artifacts / "model" / f"model-{number}.npz")
        assert member["test"]["accuracy"] == pytest.approx(alone.score(X, y), abs=1e-6)
        assert "validation" in member
    assert len({member["test"]["log_loss"] for member in one["members"]}) == 3


def test_an_ensemble_counts_the_work_of_all(ensemble):
    """Parameters, epochs and updates are sums over the members."""
    one, _ = ensemble
    assert one["layers"] == [64, 4, 10]
    assert one["n_parameters"] == 3 * (64 * 4 + 4 + 4 * 10 + 10)
    assert (one["epochs"], one["updates"]) == (3 * 2, 3 * 2 * 13)
    assert one["seconds"] > 0


def test_a_member_is_the_network_of_its_seed(ensemble):
    """Trained alone by that seed, on the ensemble's rows, it comes to the same."""
    one, artifacts = ensemble
    recipe = read_recipe(Path("recipes/small.yaml"))
    train = recipe.stages(one["members"][1]["seed"])["train"].set_params(n_threads=1)
    train.run(artifacts)
    reports = recipe.stages(0)["evaluate"].evaluate_model(artifacts, load_model(artifacts / "model" / "model.npz"))
    assert reports["test"].figures == pytest.approx(one["members"][1]["test"], abs=1e-6)


@pytest.mark.parametrize(("text", "tried"), [(ALONE, False), (ENSEMBLE, False), (ALONE, True)])
def test_weights_of_classes_go_by_their_names(folder, text, tried):
    """A network, an ensemble and a trial count classes of one's own by their names as they would by their labels."""
    X, y = Fetch(dataset="digits").load("train")
    names = np.array(["2", "10", *"abcdefgh"])
    (folder / "recipes" / "small.yaml").write_text(text.replace("dataset: digits", "dataset: own.npz"), "utf-8")
    recipe = read_recipe(Path("recipes/small.yaml"))
    figures = []
    for labels, weights in ((y, {1: 9.0, 4: 0.5}), (names[y], {10: 9.0, "c": 0.5})):
        np.savez(folder / "own.npz", X=X.reshape(-1, 8, 8), y=labels)
        weighted = replace(recipe, seeds=(3,), train=recipe.train | {"class_weight": weights})
        [one] = (run_trial if tried else run)(weighted, folder / "artifacts")
        figures.append(one["validation" if tried else "test"])
    assert figures[0] == figures[1]


@pytest.mark.parametrize(("n_threads", "n_cores", "expected"), [(None, 2, (1, 2)), (2, 8, (2, 3)), (4, 2, (4, 1))])
def test_members_share_the_cores(folder, monkeypatch, n_threads, n_cores, expected):
    """A member's threads are the recipe's, or one; as many members are trained at once as that leaves cores for."""
    recipe = replace(read_recipe(Path("recipes/small.yaml")), seeds=(0,), gradcheck=None, numerical=None)
    list(run(recipe, folder / "artifacts"))
    asked = []

    class Stop(Exception):  # noqa: N818 - it ends the stage, and is no error
        pass

    def make(member, n_members, random_state, n_jobs):
        asked.append((member.n_threads, n_jobs, n_members, random_state))
        raise Stop

    monkeypatch.setattr("pipeline.recipes.members.make_ensemble", make)
    monkeypatch.setattr("pipeline.recipes.members.usable_threads", lambda: n_cores)
    train = recipe.stages(0)["train"].set_params(n_threads=n_threads)
    with pytest.raises(Stop):
        TrainMembers(train, 3, 5).run(folder / "artifacts")
    assert asked == [(*expected, 3, 5)]


MEMBERS_AT_WORK = """
import fcntl, time
from joblib import Parallel, delayed
from pipeline.workers import Workers

def hold(name):
    with open(name, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("held")
        file.flush()
        time.sleep(60)

with Workers(2).sharing():
    Parallel(n_jobs=2)(delayed(hold)(name) for name in ("first", "second"))
"""


@pytest.mark.skipif(os.name == "nt", reason="has no such signal")
def test_members_end_with_a_killed_process(folder):
    """What trains members does not train on for nobody, even where its parent is killed and can tell it nothing."""
    import fcntl

    place = {"cwd": folder, "env": os.environ | {"PYTHONPATH": str(Path(pipeline.__file__).parents[1])}}
    paths, deadline = [folder / "first", folder / "second"], time.monotonic() + 60
    with subprocess.Popen([sys.executable, "-c", MEMBERS_AT_WORK], **place) as parent:
        while not all(path.exists() and path.read_text("utf-8") for path in paths):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        parent.kill()
    for path in paths:
        with path.open() as file:
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.05)
            else:
                pytest.fail("a member trains on")


def test_members_are_trained_by_such_processes(folder, monkeypatch):
    """joblib is told to, where members are fitted."""
    recipe = replace(read_recipe(Path("recipes/small.yaml")), seeds=(0,), gradcheck=None, numerical=None)
    list(run(recipe, folder / "artifacts"))
    told = []

    class Look:
        def fit(self, *_):
            told.append(joblib.parallel.get_active_backend()[0].backend_kwargs)
            raise KeyError("seen")

    monkeypatch.setattr("pipeline.recipes.members.make_ensemble", lambda *_: Look())
    with pytest.raises(KeyError, match="seen"):
        TrainMembers(recipe.stages(0)["train"], 2).run(folder / "artifacts")
    assert told == [{"initializer": program.end_with, "initargs": (os.getpid(),)}]


def test_members_that_are_trained_one_by_one_are_those_that_are_trained_together(ensemble):
    """Bit by bit, and what is left of them is the same folder, record and all."""
    one, artifacts = ensemble
    before = {path.name: path.read_bytes() for path in (artifacts / "model").iterdir()}
    train = read_recipe(Path("recipes/small.yaml")).stages(one["seed"])["train"]
    members = TrainMembers(train, 3, one["seed"])
    files = [members.run_one(artifacts, number)[0] for number in (1, 2, 3)]
    assert len(set(files)) == 3
    members.run_trained(artifacts, files, Progress())
    assert {path.name: path.read_bytes() for path in (artifacts / "model").iterdir()} == before
    assert "provenance.json" in before


def test_members_learn_from_the_file_of_images(ensemble, monkeypatch):
    """What is handed to them are rows of the mapped file, and no copy: in this process, and in joblib's."""
    _, artifacts = ensemble
    training, handed = read_training(artifacts), []
    monkeypatch.setattr("pipeline.recipes.members.read_training", lambda _: training)

    class Look:
        def fit(self, X, _):
            handed.append(X)
            raise KeyError("seen")

    monkeypatch.setattr("pipeline.recipes.members.make_ensemble", lambda *_: Look())
    with pytest.raises(KeyError, match="seen"):
        TrainMembers(read_recipe(Path("recipes/small.yaml")).stages(0)["train"], 2).run(artifacts)
    assert np.shares_memory(handed[0].values, training[1].values)
    with Workers(2).sharing():
        names = joblib.Parallel(n_jobs=2)(joblib.delayed(name_of_map)(handed[0]) for _ in range(2))
    assert set(names) == {str(artifacts / "prepared" / "train_X.npy")}


def name_of_map(rows):
    """Return the file that rows are of."""
    return str(rows.values.filename)


class Interrupted(Step):
    """A person presses Ctrl-C in the second epoch."""

    def after(self, t, length):
        if t >= 1:
            raise KeyboardInterrupt
        return super().after(t, length)


def test_an_interrupted_ensemble_has_no_half_trained_member(folder, monkeypatch):
    """A stage that is interrupted leaves nothing, whichever way it trains; members of earlier times stay."""
    monkeypatch.setattr("pipeline.recipes.members.usable_threads", lambda: 1)
    recipe = read_recipe(Path("recipes/small.yaml"))
    [*_] = run(replace(recipe, seeds=(0,), members=2, gradcheck=None, numerical=None), folder / "artifacts")
    before = {path: path.read_bytes() for path in (folder / "artifacts" / "model").iterdir()}
    train = recipe.stages(1)["train"].set_params(learning_rate=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        TrainMembers(train, 2, 1).run(folder / "artifacts")
    assert {path: path.read_bytes() for path in (folder / "artifacts" / "model").iterdir()} == before


def test_a_figure_that_is_no_number_is_not_kept(folder, monkeypatch):
    """There would be no mean of it, and no table for any recipe."""
    monkeypatch.setattr("pipeline.recipes.running.train_numerically", lambda *_, **__: [1.0, float("nan")])
    with pytest.raises(ValueError, match="figures must be finite to be kept; got nan"):
        list(run(read_recipe(Path("recipes/small.yaml")), folder / "artifacts"))


def test_an_ensemble_leaves_no_evaluation_of_another_model(folder):
    """Its own is in the results alone."""
    list(run(read_recipe(Path("recipes/small.yaml")), folder / "artifacts"))
    assert (folder / "artifacts" / "evaluation").exists()
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE, "utf-8")
    list(run(read_recipe(Path("recipes/small.yaml")), folder / "artifacts"))
    assert not (folder / "artifacts" / "evaluation").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "test_time: {augmentation: {name: deform, translation: 0.5, whole_pixels: true}}",
            "translation must be whole",
        ),
        (
            "test_time: {augmentation: {name: deform, background: -1}}",
            "background must be on 0..255 for images of uint8",
        ),
        ("reported_by_epoch: {loss: [3, 2, 1]}", "loss must have 2 figures, one for each epoch; got 3"),
        ("trial: {train: {alfa: 1}}", "small.yaml: trial: train: there is no parameter 'alfa'"),
        ("test_time: {estimator: x}", "test_time: estimator is the recipe's own, and cannot be given"),
        ("test_time: {random_state: 7}", "test_time: random_state is the recipe's own, and cannot be given"),
        ("reported_by_epoch: {lost: [1]}", "there will be no column 'lost'; there will be loss, "),
        ("split: {validation_fraction: 0}\nreported_by_epoch: {validation_loss: [1]}", "no column 'validation_loss'"),
        ("members: 2\nreported_by_epoch: {loss: [1]}", "reported_by_epoch is for one network"),
        ("trials: {a: {seeds: [1, 1]}}", "trials: a: seeds must all be different; got 1, 1"),
    ],
)
def test_what_could_not_be_told_after_training_is_refused_before(folder, text, message):
    """The file is told, the exit code is 2, and nothing is run."""
    (folder / "recipes" / "small.yaml").write_text(ALONE.replace(REPORTED, "") + text, "utf-8")
    code, out, error = call("run", "small")
    assert (code, out) == (2, "")
    assert message in error
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["small.yaml"]


@pytest.mark.parametrize("trial", [False, True])
def test_copies_that_do_not_fit_the_images_cost_no_training(folder, fits, trial):
    """How large images are is known when they are fetched."""
    text = "test_time: {augmentation: {name: deform, shape: [8, 9]}}"
    (folder / "recipes" / "small.yaml").write_text(ALONE + text + f"\ntrials: {{a: {{{text}}}}}", "utf-8")
    code, out, error = call("trials" if trial else "run", "small")
    assert (code, out, fits) == (2, "", [])
    assert error.splitlines()[-1].startswith("error: test_time: augmentation: shape must be ")


@pytest.mark.parametrize("text", [SMALL, ENSEMBLE], ids=["one", "ensemble"])
def test_copies_are_averaged_over_where_a_recipe_says_so(folder, text):
    """What counts is the mean over copies, drawn by the seed; images as they are come to what they came to without."""
    path = folder / "recipes" / "small.yaml"
    path.write_text(text, "utf-8")
    without = list(run(read_recipe(path), folder / "without"))[-1]
    path.write_text(text + COPIES, "utf-8")
    recipe = read_recipe(path)
    one = list(run(recipe, folder / "with"))[-1]
    assert one["without_averaging"] == {part: without[part] for part in ("validation", "test")}
    model = load_model(folder / "with" / "model" / "model.npz") if text == SMALL else None
    model = model or load_ensemble(folder / "with" / "model")
    averaged = recipe.averaged(model, one["seed"])
    X, y = pixels_and_labels(folder / "with")
    assert (averaged.n_copies, averaged.augmentation.rotation, averaged.random_state) == (3, 10, one["seed"])
    assert one["wrong"] == np.flatnonzero(averaged.predict(X) != y).tolist()
    assert one["test"] != without["test"]


def test_what_is_left_out_does_not_part_older_results_from_their_recipe():
    """A recipe without members and copies has the settings that it had before there were such."""
    assert not {"members", "of", "test_time"} & set(Recipe("t", "r", "s").settings())
    assert {"members", "test_time"} <= set(Recipe("t", "r", "s", members=2, test_time={"n_copies": 2}).settings())


def test_the_wrong_rows_are_those_of_the_test_file(folder):
    """There are as many as the error says."""
    one = next(run(read_recipe(Path("recipes/small.yaml")), folder / "artifacts"))
    X, y = pixels_and_labels(folder / "artifacts")
    model = load_model(folder / "artifacts" / "model" / "model.npz")
    assert one["wrong"] == np.flatnonzero(model.predict(X) != y).tolist()
    assert len(one["wrong"]) / len(y) == pytest.approx(one["test"]["error_rate"], abs=1e-6)
