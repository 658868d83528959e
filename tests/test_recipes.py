"""Recipes: their files, what comes of running one, and the table made of that."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import joblib
import numpy as np
import pytest
from scipy.stats import ttest_ind
from typer.testing import CliRunner

import pipeline
from pipeline import Deform, program
from pipeline.cli.app import app
from pipeline.cli.params_file import check_document, read_document
from pipeline.data.idx import read_part
from pipeline.ensemble.voting import load_ensemble, member_seeds
from pipeline.metrics import sign_test
from pipeline.model_file import load_model
from pipeline.network import Adversarial, Cosine, LastEpochs, Step, VirtualAdversarial
from pipeline.parameters import ParameterError, read_yaml
from pipeline.recipes.changes import lay_over
from pipeline.recipes.comparison import compare, welch
from pipeline.recipes.machine import describe_machine, environment
from pipeline.recipes.members import TrainMembers
from pipeline.recipes.mixed import MixedEnsemble
from pipeline.recipes.model_cache import cache_model, read_training_cost
from pipeline.recipes.reading import read_recipe, read_recipes
from pipeline.recipes.recipe import STAGES, Recipe
from pipeline.recipes.results import (
    make_table,
    read_machine,
    read_results,
    read_trials,
    write_readme,
    write_results,
    write_trials,
)
from pipeline.recipes.running import run, run_trial
from pipeline.recipes.table import BEGIN, END, describe_errors, describe_network, describe_training, table

ROOT = Path(__file__).parents[1]
HOW_TO = Path(__file__).parents[1] / "docs" / "howto" / "recipes.md"
FOLDER = ROOT / "recipes"
RECIPES = read_recipes(FOLDER)

SMALL = """
title: a small net
reported: next to nothing
source: nobody
seeds: [3, 1]
reported_by_epoch: {loss: [2.5, 1.25]}
gradcheck: 2
numerical: 2
fetch: {dataset: digits}
train: {hidden_layer_sizes: [4], solver: sgd, learning_rate_init: 0.5, momentum: 0.0, batch_size: 100, max_iter: 2}
evaluate: {pictures: false}
"""
COPIES = "test_time: {n_copies: 3, augmentation: {name: deform, rotation: 10, translation: 0.5}}\n"
TRIALS = """
goal: next to none
trial: {seeds: [5, 2], train: {max_iter: 1}}
trials:
  as it stands: {}
  longer: {seeds: [5], train: {max_iter: 3}}
  rotated: {split: {validation_fraction: 0.25}, train: {augmentation: {name: deform, rotation: 5}}}
"""
REPORTED = "reported_by_epoch: {loss: [2.5, 1.25]}\n"
ENSEMBLE = SMALL.replace(REPORTED + "gradcheck: 2\nnumerical: 2\n", "members: 3\n")
ALONE = SMALL.replace("gradcheck: 2\nnumerical: 2\n", "")
OTHER = ALONE.replace("[4]", "[6]").replace("sgd", "adam")
MIXED = """
title: both
reported: next to nothing
source: nobody
seeds: [3, 1]
of: [other, small]
evaluate: {pictures: false}
"""


def rates(error):
    """Return the figures of test images that all results have."""
    return {"error_rate": error, "accuracy": 1 - error}


def ran(seed, **more):
    """Return what a seed of a recipe came to, as little as a document of results takes."""
    history = {"loss": [2.5, 1.25]}
    return {"seed": seed, "seconds": 1.0, "layers": [64, 4, 10], "test": rates(0.5), "history": history, **more}


def tried(seed, **more):
    """Return what a seed of a trial came to, as little as a document of trials takes."""
    return {"seed": seed, "seconds": 1.0, "validation": {"error_rate": 0.5}, **more}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder that has a folder of one recipe, ``small``."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(SMALL, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    """Run the command, and return its exit code, output and error stream."""
    result = CliRunner().invoke(app, ["recipes", *words])
    return result.exit_code, result.stdout, result.stderr


def fail_the_second_time(monkeypatch, owner, name):
    """Have a method do its work on every call but the second."""
    method, calls = getattr(owner, name), []

    def fail(*arguments, **more):
        calls.append(arguments)
        return method(*arguments, **more) if len(calls) != 2 else 1 / 0

    monkeypatch.setattr(owner, name, fail)


# ---------------------------------------------------------------- the repository's own


def trained_by(recipe):
    """Return the recipes that the networks of a recipe and of its trials are trained by."""
    every = [recipe, *recipe.trial_recipes().values()]
    return [kind for one in every for kind in (one.kinds.values() if isinstance(one, MixedEnsemble) else [one])]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_whose_it_is_and_repeats_itself(name):
    """Every word is there, and there are three seeds at the least, no two alike."""
    recipe = RECIPES[name]
    assert all((recipe.title, recipe.reported, recipe.source))
    assert len(set(recipe.seeds)) == len(recipe.seeds) >= 3


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_no_seed_of_its_own(name):
    """A ``random_state`` in a section would be replaced without a word."""
    for recipe in trained_by(RECIPES[name]):
        assert not [section for section in STAGES if "random_state" in getattr(recipe, section)]


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "default"])  # that one may stall
def test_a_recipe_trains_for_as_long_as_it_says(name):
    """No patience runs out, in no trial either, and the epochs suffice for the updates."""
    for recipe in trained_by(RECIPES[name]):
        model = recipe.stages(0)["train"]
        assert model.n_iter_no_change >= model.max_iter
        images = round(60000 * (1 - recipe.split["validation_fraction"]))
        assert not model.max_updates or model.max_iter * -(-images // model.batch_size) >= model.max_updates


def test_results_are_of_recipes_as_they_stand():
    """No results are left of a recipe that has changed since, or gone; all seeds are there, and learned something."""
    for path in FOLDER.glob("*.results.json"):
        name = path.name.removesuffix(".results.json").removesuffix(".again")
        if path.name.endswith(".again.results.json"):
            continue  # somebody is running it anew
        runs = read_results(FOLDER, name, RECIPES[name])
        assert tuple(one["seed"] for one in runs) == RECIPES[name].seeds, name
        assert all(one["test"]["accuracy"] > 0.2 for one in runs), name


def test_results_of_trials_are_of_trials_as_they_stand():
    """No figures are left of a trial that has changed since, or gone."""
    for path in FOLDER.glob("*.trials.json"):
        name = path.name.removesuffix(".trials.json")
        kept = {trial: one["runs"] for trial, one in json.loads(path.read_text("utf-8"))["trials"].items()}
        assert kept == {trial: runs for trial, runs in read_trials(FOLDER, name, RECIPES[name]).items() if runs}, name


def test_what_is_kept_is_json_for_all_readers(folder):
    """Infinity is none of its numbers, and a word here, by which settings are still known again."""

    def refuse(constant):
        raise AssertionError(constant)

    for path in FOLDER.glob("*.json"):
        json.loads(path.read_text("utf-8"), parse_constant=refuse)
    recipe = Recipe("t", "r", "s", train={"n_iter_no_change": float("inf"), "alpha": 0.5})
    write_results(folder, "small", recipe, [ran(0)], {})
    assert '"n_iter_no_change": "Infinity"' in (folder / "small.results.json").read_text("utf-8")
    assert read_results(folder, "small", recipe) == [ran(0)]
    assert read_results(folder, "small", replace(recipe, train=recipe.train | {"n_iter_no_change": 9})) == []


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.trials])
def test_a_recipe_was_chosen_by_validation(name):
    """It is one of its trials itself, the best of those that were run or with a reason, and learns from all images."""
    recipe = RECIPES[name]
    errors = {
        trial: fmean(run["validation"]["error_rate"] for run in runs)
        for trial, runs in read_trials(FOLDER, name, recipe).items()
        if runs
    }
    own = recipe.chosen_trial()
    assert own is not None
    assert own in errors or not (errors or read_results(FOLDER, name, recipe))
    assert recipe.tried or not errors or errors[own] <= min(errors.values())
    assert not recipe.goal or recipe.stages(0)["split"].validation_fraction == (0.15 if name == "default" else 0)


def test_the_default_is_that_of_the_workflow():
    """The recipe makes the stages of params.yaml, but for their seeds and the pictures."""
    sections = read_document(FOLDER.parent / "params.yaml")
    sections["evaluate"]["pictures"] = False
    arguments = check_document(sections, STAGES)
    for name, stage in RECIPES["default"].stages(0).items():
        ours = STAGES[name](**arguments[name]).get_params(deep=False)
        theirs = stage.get_params(deep=False)
        assert repr(ours | {"random_state": 0}) == repr(theirs | {"random_state": 0})


def test_the_readme_of_the_recipes_has_the_table_of_the_results():
    """What `recipe --write-readme` would write is there already."""
    made = make_table(FOLDER, RECIPES)
    assert f"{BEGIN}\n{made}\n{END}" in (FOLDER / "README.md").read_text("utf-8")


# ---------------------------------------------------------------- files that are wrong


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: a small net", "", "small.yaml lacks title"),
        ("seeds: [3, 1]", "seeds: []", "small.yaml: seeds must be a list of one integer at least; got none"),
        ("seeds: [3, 1]", "seeds: [-1]", "small.yaml: seeds must be a list of integers >= 0; got (-1,)"),
        ("gradcheck: 2", "gradcheck: 0", "small.yaml: gradcheck must be an integer >= 1 or null; got 0"),
        ("gradcheck: 2", "gradchek: 2", "small.yaml: there is no parameter 'gradchek'; there are title, reported"),
        ("gradcheck: 2", "members: 1", "small.yaml: members must be an integer >= 2 or null; got 1"),
        ("gradcheck: 2", "test_time: {copies: 8}", "small.yaml: test_time: there is no parameter 'copies'"),
        ("gradcheck: 2", "test_time: {n_copies: 0}", "small.yaml: test_time: n_copies must be an integer >= 1; got 0"),
        ("gradcheck: 2", "trials: [wide]", "small.yaml: trials must be a mapping to mappings"),
        ("gradcheck: 2", "trials: {a: {trian: {}}}", "small.yaml: trials: a: there is no parameter 'trian'"),
        ("gradcheck: 2", "trials: {a: {evaluate: {}}}", "small.yaml: trials: a: there is no parameter 'evaluate'"),
        (
            "gradcheck: 2",
            "trials: {a: {train: 3}}",
            "small.yaml: trials: a: train must be a mapping to anything; got 3",
        ),
        ("gradcheck: 2", "trials: {a: {train: {alfa: 3}}}", "trials: a: train: there is no parameter 'alfa'"),
        (
            "gradcheck: 2",
            "trials: {a: {train: {augmentation__rotation: 3}}}",
            "trials: a: train: augmentation__rotation needs augmentation to have a name and parameters; got None",
        ),
        (
            "gradcheck: 2",
            "trial: {split: {validation_fraction: 0}}\ntrials: {a: {}}",
            "small.yaml: trials: a: split: validation_fraction must be > 0; got 0",
        ),
        ("gradcheck: 2", "trials: {a: {seeds: []}}", "small.yaml: trials: a: seeds must be a list of one integer at"),
        ("max_iter: 2", "max_itre: 2", "small.yaml: train: there is no parameter 'max_itre'"),
        ("dataset: digits", "retries: -1", "small.yaml: fetch: retries must be an integer >= 0; got -1"),
        ("evaluate: {pictures: false}", "evaluate: false", "small.yaml: evaluate must be a mapping"),
        (SMALL, "- a list", "small.yaml must hold a recipe; got ['a list']"),
        (SMALL, "title: [", "small.yaml is not YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(folder, old, new, message):
    """File, section and parameter are named, the exit code is 2, and nothing is run."""
    (folder / "recipes" / "small.yaml").write_text(SMALL.replace(old, new), "utf-8")
    with pytest.raises(ParameterError):
        read_recipe(Path("recipes/small.yaml"))
    code, out, error = call("run", "small")
    assert (code, out) == (2, "")
    assert message in error
    assert sorted(path.name for path in folder.rglob("*")) == ["recipes", "small.yaml"]


def test_a_recipe_without_trials_says_so():
    """Nothing is run, and the person who asked hears why."""
    assert call("trials", "small") == (0, "", "small has no trials\n")


def test_recipes_are_listed_as_json():
    """Without a name, the document has a title for each."""
    code, out, error = call("list", "--json")
    assert (code, error) == (0, "")
    assert json.loads(out) == {"small": {"title": read_recipe(Path("recipes/small.yaml")).title}}


def test_what_a_recipe_comes_to_is_printed_as_json():
    """The output is one document with what every seed came to; lines on the way go to the error stream."""
    code, out, error = call("run", "small", "--json")
    assert code == 0, error
    [(name, runs)] = json.loads(out).items()
    assert name == "small"
    assert [run["seed"] for run in runs] == list(read_recipe(Path("recipes/small.yaml")).seeds)
    assert 0 <= runs[0]["test"]["accuracy"] <= 1
    assert f"small, seed {runs[0]['seed']}: test accuracy" in error


def test_an_unknown_recipe_is_told_with_those_that_there_are():
    """The known ones among the names are not run either."""
    code, out, error = call("run", "small", "smal")
    assert (code, out) == (2, "")
    assert error == "error: there is no recipe 'smal' in recipes; there are small; did you mean small?\n"


def test_a_folder_without_recipes_is_told():
    """So is one that is not there."""
    code, _, error = call("list", "--recipes", "elsewhere")
    assert code == 2
    assert error == "error: elsewhere holds no recipes: there should be files NAME.yaml\n"


# ---------------------------------------------------------------- running


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


# ---------------------------------------------------------------- ensembles and copies


@pytest.fixture
def ensemble(folder):
    """Return what an ensemble came to, for the last of its seeds, and its artifacts."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE, "utf-8")
    *_, last = run(read_recipe(Path("recipes/small.yaml")), folder / "artifacts")
    return last, folder / "artifacts"


def pixels_and_labels(artifacts):
    """Return the test file of a folder of artifacts."""
    images, labels = read_part(artifacts / "raw", "test")
    return images.reshape(len(images), -1), labels


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
from pipeline.recipes.members import _workers

def hold(name):
    with open(name, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("held")
        file.flush()
        time.sleep(60)

with _workers():
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


# ---------------------------------------------------------------- ensembles of other recipes


@pytest.fixture
def mixed(folder):
    """Return the recipe of an ensemble of two others, the files of which are in the folder."""
    for name, text in {"small": ALONE, "other": OTHER, "both": MIXED}.items():
        (folder / "recipes" / f"{name}.yaml").write_text(text, "utf-8")
    return read_recipe(Path("recipes/both.yaml"))


@pytest.fixture
def fits(monkeypatch):
    """Return the widths of all networks that are trained."""
    fit, found = STAGES["train"].fit, []

    def count(train, *arguments, **more):
        found.append(train.hidden_layer_sizes)
        return fit(train, *arguments, **more)

    monkeypatch.setattr(STAGES["train"], "fit", count)
    return found


def test_a_member_is_what_its_own_recipe_makes_by_the_seed(mixed, folder):
    """It comes to the same as alone, and all seeds are the ensemble's."""
    [together] = run(replace(mixed, seeds=(7,)), folder / "artifacts")
    for (name, one), member in zip(mixed.kinds.items(), together["members"], strict=True):
        [alone] = run(replace(one, seeds=(7,)), folder / "alone")
        assert (member["recipe"], member["seed"]) == (name, 7)
        known = ["layers", "n_parameters", "epochs", "updates", "validation", "test"]
        assert {figure: member[figure] for figure in known} == {figure: alone[figure] for figure in known}


def test_an_ensemble_of_others_is_the_mean_of_its_members(mixed, folder):
    """Its figures are those of the files that are left, over copies where it says so; its work is that of all."""
    averaged = replace(mixed, seeds=(1,), test_time=read_yaml(COPIES)["test_time"])
    [one], [over_copies] = run(replace(mixed, seeds=(1,)), folder / "a"), run(averaged, folder / "b")
    X, y = pixels_and_labels(folder / "a")
    models = [load_model(folder / "a" / "model" / f"model-{number}.npz") for number in (1, 2)]
    guesses = np.mean([model.predict_proba(X) for model in models], axis=0).argmax(axis=1)
    assert one["wrong"] == np.flatnonzero(guesses != y).tolist()
    assert one["test"]["accuracy"] == pytest.approx(load_ensemble(folder / "a" / "model").score(X, y), abs=1e-6)
    for figure in ("n_parameters", "epochs", "updates", "seconds"):
        assert one[figure] == pytest.approx(sum(member[figure] for member in one["members"]))
    assert over_copies["without_averaging"] == {part: one[part] for part in ("validation", "test")}
    assert over_copies["test"] != one["test"]


def test_every_network_is_trained_once(mixed, folder, fits):
    """Kept when its recipe is run, it is what the ensemble takes; what the ensemble keeps, another takes."""
    code, out, error = call("run", "small", "both", "--keep", "kept")
    assert code == 0, error
    assert fits == [(4,), (4,), (6,), (6,)]
    assert "small, seed 3: trained already" in error
    assert [line.split(": test")[0] for line in out.splitlines()[2:]] == ["both, seed 3", "both, seed 1"]
    assert call("run", "both", "--keep", "kept")[0] == 0
    assert len(fits) == 4
    X, y = pixels_and_labels(folder / "kept" / "both")
    ensemble = load_ensemble(folder / "kept" / "both" / "model")
    *_, last = read_results(Path("recipes"), "both", mixed)
    assert last["test"]["accuracy"] == pytest.approx(ensemble.score(X, y), abs=1e-6)
    alone = read_results(Path("recipes"), "small", mixed.recipes["small"])[1]
    for figure in ("layers", "seconds", "test"):
        assert last["members"][1][figure] == alone[figure]


@pytest.mark.parametrize(
    ("changes", "is_another"),
    [({"train": {"alpha": 0.5}}, True), ({"split": {"validation_fraction": 0.5}}, True), ({"seeds": [3]}, False)],
)
def test_a_network_is_kept_while_its_recipe_would_make_it(mixed, folder, changes, is_another):
    """Other settings of its stages make another; other seeds do not."""
    one, model = mixed.recipes["small"], folder / "model.npz"
    model.write_bytes(b"a model")
    cost = {"layers": [64, 4, 10], "n_parameters": 310, "epochs": 2, "updates": 26, "seconds": 0.5}
    cache_model(folder, "small", one, 3, model, cost | {"test": {}})
    assert read_training_cost(folder, "small", one, 3) == cost
    assert read_training_cost(folder, "small", one, 1) is None
    assert (read_training_cost(folder, "small", one.changed(changes), 3) is None) == is_another


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("name", ["3.npz", "3.json"])
def test_half_of_what_is_kept_does_not_count(folder, fits, name):
    """A network without its settings, or settings without a network, are made anew."""
    (folder / "recipes" / "both.yaml").write_text(MIXED.replace("[3, 1]", "[3]"), "utf-8")
    assert call("run", "both", "--keep", "kept")[0] == 0
    path = folder / "kept" / "small" / "models" / name
    before = path.read_bytes()
    path.unlink()
    fits.clear()
    assert call("run", "both", "--keep", "kept")[0] == 0
    assert fits == [(4,)]
    assert path.suffix == ".json" or path.read_bytes() == before


def test_nothing_is_kept_of_a_network_that_could_not_be(mixed, folder):
    """A model file that is not there leaves no settings behind that speak of an older one."""
    one, cost = mixed.recipes["small"], dict.fromkeys(("layers", "n_parameters", "epochs", "updates", "seconds"), 1)
    (folder / "model.npz").write_bytes(b"a model")
    cache_model(folder, "small", one, 3, folder / "model.npz", cost)
    with pytest.raises(FileNotFoundError):
        cache_model(folder, "small", one, 3, folder / "gone.npz", cost)
    assert [path.name for path in (folder / "small" / "models").iterdir()] == ["3.npz"]
    assert read_training_cost(folder, "small", one, 3) is None


def test_results_of_an_ensemble_are_of_its_members_as_they_stand(mixed, folder):
    """Whoever changes what a member learns by has to run the ensemble again; another word or seed is no change."""
    run = ran(3, members=[{"recipe": name, "seconds": 1.0, "test": rates(0.5)} for name in ("other", "small")])
    write_results(folder, "both", mixed, [run], {})
    small = mixed.recipes["small"]
    told = replace(mixed, recipes=mixed.recipes | {"small": replace(small, note="a word", seeds=(7,))})
    assert read_results(folder, "both", told) == [run]
    changed = replace(mixed, recipes=mixed.recipes | {"small": small.changed({"train": {"alpha": 0.5}})})
    assert read_results(folder, "both", changed) == []
    assert read_results(folder, "both", replace(mixed, recipes=mixed.recipes | {"more": small})) == [run]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "of: [other, small]",
            "of: [other, smal]",
            "of: there is no recipe 'smal'; there are both, other, seven, small",
        ),
        ("of: [other, small]", "of: [other, seven]", "of: seven is an ensemble itself; its networks must be of single"),
        ("of: [other, small]", "of: [other, both]", "of: both is an ensemble itself"),
        ("of: [other, small]", "of: [other]", "of must be a list of two different recipes at least; got other"),
        ("of: [other, small]", "of: [small, small]", "of must be a list of two different recipes at least; got small"),
        ("of: [other, small]", "of: []", "of must be a list of two different recipes at least; got none"),
        ("of: [other, small]", "of: small", "of must be a list of words; got 'small'"),
        ("of:", "members: 3\nof:", "both.yaml: members cannot stand beside of: each network is as its own recipe says"),
        ("of:", "train: {max_iter: 3}\nof:", "both.yaml: train cannot stand beside of"),
        ("of:", "split: {}\nof:", "both.yaml: split cannot stand beside of"),
        ("seeds: [3, 1]", "seeds: []", "both.yaml: seeds must be a list of one integer at least; got none"),
        ("pictures: false", "picture: false", "both.yaml: evaluate: there is no parameter 'picture'"),
        ("of:", "trials: {a: {of: [small, wide]}}\nof:", "both.yaml: trials: a: of: there is no recipe 'wide'"),
        ("seeds: [3, 1]", "seeds: [3, 3]", "both.yaml: seeds must all be different; got 3, 3"),
        ("of:", "trial: {of: [small, other]}\nof:", "both.yaml: trial: of is for single trials"),
        ("of:", "trials: {a: {of: [small]}}\nof:", "trials: a: of must be a list of two different recipes at least"),
        ("of:", "trials: {a: {train: {alfa: 1}}}\nof:", "trials: a: of other: train: there is no parameter 'alfa'"),
    ],
)
@pytest.mark.usefixtures("mixed")
def test_a_wrong_ensemble_of_others_is_refused_by_name(folder, old, new, message):
    """The file and the name are told, the exit code is 2, and nothing is run."""
    (folder / "recipes" / "seven.yaml").write_text(ENSEMBLE, "utf-8")
    (folder / "recipes" / "both.yaml").write_text(MIXED.replace(old, new), "utf-8")
    code, out, error = call("run", "both")
    assert (code, out) == (2, "")
    assert message in error
    assert not [path for path in folder.rglob("*") if path.suffix not in {"", ".yaml"}]


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("section", ["fetch: {dataset: mnist}", "fetch: {dataset: digits}\nsplit: {stratify: false}"])
def test_members_learn_from_the_same_images(folder, section):
    """Of others, an ensemble could not be measured on rows that no member has seen."""
    text = OTHER.replace("fetch: {dataset: digits}", section)
    (folder / "recipes" / "other.yaml").write_text(text, "utf-8")
    shared = "split" if "split" in section else "fetch"
    with pytest.raises(ParameterError, match=f"both.yaml: of other and small, which must have the same {shared}"):
        read_recipe(Path("recipes/both.yaml"))


def test_members_of_other_recipes_may_see_images_otherwise(mixed, folder):
    """Each makes them alike by its own ``preprocess``, when it is trained and when it predicts."""
    (folder / "recipes" / "other.yaml").write_text(OTHER + "preprocess: {deskew: true}", "utf-8")
    deskewed = replace(read_recipe(Path("recipes/both.yaml")), seeds=(3,))
    [one] = run(deskewed, folder / "artifacts")
    made = load_ensemble(folder / "artifacts" / "model")
    assert [member[0].deskew for member in made.estimators_] == [True, False]
    other, small = one["members"]
    [alone] = run(replace(mixed.recipes["small"], seeds=(3,), gradcheck=None, numerical=None), folder / "alone")
    assert small["test"] == alone["test"]
    [alone] = run(replace(deskewed.recipes["other"], seeds=(3,)), folder / "alone")
    assert other["test"] == alone["test"]
    [before] = run(replace(mixed.recipes["other"], seeds=(3,)), folder / "alone")
    assert other["test"] != before["test"]


def test_a_trial_of_an_ensemble_of_others_may_average_over_copies(mixed, folder):
    """Copies are made of images once for all members, whose own figures are of images as they are."""
    copies = read_yaml(COPIES)
    trial = replace(mixed, seeds=(3,), trials={"copies": copies}).trial_recipes()["copies"]
    assert trial.test_time == copies["test_time"]
    [one] = run_trial(trial, folder / "artifacts")
    ensemble = load_ensemble(folder / "artifacts" / "model")
    evaluate = trial.stages(3)["evaluate"].evaluate_model
    for figures, model in ((one, trial.averaged(ensemble, 3)), (one["without_averaging"], ensemble)):
        report = evaluate(folder / "artifacts", model)["validation"]
        assert figures["validation"]["error_rate"] == pytest.approx(report.figures["error_rate"], abs=1e-6)
    assert "without_averaging" not in one["members"][0]


def test_a_recipe_of_one_network_has_no_others():
    """``of`` in one of its trials is refused."""
    (Path("recipes") / "small.yaml").write_text(ALONE + "trials: {a: {of: [small, other]}}", "utf-8")
    with pytest.raises(ParameterError, match="trials: a: of is for an ensemble of other recipes"):
        read_recipe(Path("recipes/small.yaml"))


def test_an_ensemble_of_others_has_a_row(mixed):
    """The names of its recipes, the error of each in their order, and the time of all."""
    runs = [
        results(0.5, seconds, members=[{"recipe": name, "test": {"error_rate": one}} for name, one in errors.items()])
        | {"test": {"error_rate": 0.25}}
        for seconds, errors in ((60.0, {"small": 0.5, "other": 0.25}), (80.0, {"small": 0.25, "other": 0.25}))
    ]
    made = table({"both": (replace(mixed, goal="less", test_time=read_yaml(COPIES)["test_time"]), runs)})
    assert made.splitlines()[2] == (
        "| [both](both.yaml), `recipes run both` | other + small | each as its own recipe says; mean over 3 copies "
        "| next to nothing | less | 25.000 % +- 0.000 (25.00 to 25.00, 2 seeds) | 25.00, 37.50 % | 70 s |"
    )
    assert "not run yet" in table({"both": (mixed, [])})


@pytest.fixture
def mixed_trials(mixed, folder):
    """Return an ensemble with two trials, the file of which is in the folder."""
    third = OTHER.replace("[6]", "[8]")
    (folder / "recipes" / "third.yaml").write_text(third, "utf-8")
    trials = """
trial: {seeds: [5, 2], train: {max_iter: 1}}
trials:
  as it stands: {}
  a third: {of: [small, third]}
"""
    (folder / "recipes" / "both.yaml").write_text(MIXED + trials, "utf-8")
    assert mixed.trials == {}
    return read_recipe(Path("recipes/both.yaml"))


def test_trials_of_an_ensemble_train_what_they_share_once(mixed_trials, fits):
    """Every network is trained on the trials' rows for the trials' time, and a trial takes what another has trained."""
    code, out, error = call("trials", "both")
    assert code == 0, error
    assert [line.split(": validation")[0] for line in out.splitlines()] == [
        *("both, as it stands, seed 5", "both, as it stands, seed 2", "both, a third, seed 5", "both, a third, seed 2")
    ]
    assert fits == [(6,), (4,), (6,), (4,), (8,), (8,)]
    runs = read_trials(Path("recipes"), "both", mixed_trials)
    assert [one["epochs"] for each in runs.values() for one in each] == [2] * 4
    shared = [
        one["members"][place] for place, each in ((1, runs["as it stands"]), (0, runs["a third"])) for one in each
    ]
    assert shared[:2] == shared[2:]
    assert {"small"} == {one["recipe"] for one in shared}
    assert sorted(path.suffix for path in Path("recipes").iterdir()) == [".json", *[".yaml"] * 4]


def test_a_trial_of_an_ensemble_is_measured_on_what_was_held_back(mixed_trials, folder):
    """Its error is that of the mean over its members, on rows that none of them has learned from."""
    trial = replace(mixed_trials.trial_recipes()["a third"], seeds=(2,))
    [one] = run_trial(trial, folder / "artifacts")
    stages = trial.stages(2)
    ensemble = load_ensemble(folder / "artifacts" / "model")
    report = stages["evaluate"].evaluate_model(folder / "artifacts", ensemble)["validation"]
    assert one["validation"] == pytest.approx({name: report.figures[name] for name in one["validation"]}, abs=1e-6)
    assert stages["split"].validation_fraction == 1 / 6
    assert [member["recipe"] for member in one["members"]] == ["small", "third"]
    assert "test" not in one["members"][0]
    assert not any(
        read_training_cost(folder / "artifacts" / "members", name, mixed_trials.recipes[name], 2) for name in trial.of
    )


def test_the_ensemble_of_the_how_to_is_one(tmp_path):
    """Whoever puts it beside the recipes has one of three networks."""
    [text] = re.findall(r"^```yaml\n(title:.*?)^```$", HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for path in FOLDER.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "three.yaml").write_text(text, "utf-8")
    assert len(read_recipe(tmp_path / "three.yaml").kinds) == 3


def test_kept_networks_are_none_of_git_s():
    """The folder that the how-to keeps them in is ignored."""
    assert "/artifacts/*/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "--keep artifacts/recipes" in HOW_TO.read_text("utf-8")


# ---------------------------------------------------------------- trials


@pytest.fixture
def trials(folder):
    """Return a recipe with three trials, ensemble and copies, the file of which is in the folder."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE + COPIES + TRIALS, "utf-8")
    return read_recipe(Path("recipes/small.yaml"))


def kept_trials():
    """Return what the file of the trials holds."""
    return json.loads(Path("recipes/small.trials.json").read_text("utf-8"))["trials"]


def said(out):
    """Return which seeds of which trials were told of."""
    return [line.split(": validation error")[0].removeprefix("small, ") for line in out.splitlines()]


def test_a_trial_is_one_network_with_changes_laid_over_the_recipe_s(trials):
    """Its own changes over those of all trials, a sixth held back by default, without members, copies and checks."""
    made = trials.trial_recipes()
    assert {name: one.seeds for name, one in made.items()} == {
        "as it stands": (5, 2),
        "longer": (5,),
        "rotated": (5, 2),
    }
    assert [one.train["max_iter"] for one in made.values()] == [1, 3, 1]
    assert [one.split["validation_fraction"] for one in made.values()] == [1 / 6, 1 / 6, 0.25]
    for one in made.values():
        assert {"members", "test_time"}.isdisjoint(one.settings())
        assert (one.gradcheck, one.numerical, one.trials) == (None, None, {})
        assert one.fetch == trials.fetch
    own = {name: value for name, value in made["as it stands"].train.items() if name != "max_iter"}
    assert own == {name: value for name, value in trials.train.items() if name != "max_iter"}


def test_the_trials_of_the_how_to_are_some():
    """Whoever types them into the recipe that they are meant for has three trials."""
    [text] = re.findall(r"^```yaml\n(trial:.*?)^```$", HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    made = replace(RECIPES["basic"], **read_yaml(text)).trial_recipes()
    assert [one.stages(0)["train"].max_iter for one in made.values()] == [50] * 3
    assert made["narrower"].train["hidden_layer_sizes"] != made["as it stands"].train["hidden_layer_sizes"]


def test_one_parameter_of_an_object_can_be_changed():
    """By scikit-learn's path to it, however deep; the object it was laid over stays as it was."""
    section = {"a": {"name": "x", "b": {"c": 1, "d": 2}}, "e": 3}
    assert lay_over(section, {"a__b__c": 5, "e": 4}, "") == {"a": {"name": "x", "b": {"c": 5, "d": 2}}, "e": 4}
    assert section == {"a": {"name": "x", "b": {"c": 1, "d": 2}}, "e": 3}


def test_the_command_runs_trials_and_keeps_them(trials):
    """Every seed of every trial, with settings and figures; a recipe's own results are none of it."""
    code, out, error = call("trials", "small")
    assert code == 0, error
    assert said(out) == [
        *("as it stands, seed 5", "as it stands, seed 2", "longer, seed 5", "rotated, seed 5", "rotated, seed 2")
    ]
    assert sorted(path.name for path in Path("recipes").iterdir()) == ["small.trials.json", "small.yaml"]
    kept = kept_trials()
    assert {name: [run["seed"] for run in one["runs"]] for name, one in kept.items()} == {
        name: list(one.seeds) for name, one in trials.trial_recipes().items()
    }
    assert kept["longer"]["settings"]["train"]["max_iter"] == 3
    assert [run["epochs"] for run in kept["longer"]["runs"]] == [3]
    assert set(kept["rotated"]["runs"][0]["validation"]) == {"error_rate", "log_loss"}
    assert "test" not in kept["rotated"]["runs"][0]


def test_a_trial_never_looks_at_test_images(trials, folder, monkeypatch):
    """It runs as well where there are none, and nothing is evaluated."""
    prepare = STAGES["preprocess"].run

    def prepare_without_test(*arguments):
        done = prepare(*arguments)
        for path in (*folder.rglob("t10k-*"), *folder.rglob("test_*.npy"), *folder.rglob("prepared/provenance.json")):
            path.unlink()
        return done

    monkeypatch.setattr(STAGES["preprocess"], "run", prepare_without_test)
    monkeypatch.setattr(STAGES["evaluate"], "_run", lambda *_: 1 / 0)
    monkeypatch.setattr(STAGES["evaluate"], "evaluate_model", lambda *_: 1 / 0)
    assert [one["seed"] for one in run_trial(trials.trial_recipes()["as it stands"], folder / "artifacts")] == [5, 2]
    assert not [path for path in (folder / "artifacts").rglob("*") if path.name.startswith(("t10k", "test"))]


def test_a_trial_is_measured_on_the_rows_that_were_held_back(trials, folder):
    """Its figures are those of the network that the stages make of the same settings and seed."""
    trial = trials.trial_recipes()["longer"]
    (one,) = run_trial(trial, folder / "artifacts")
    stages = trial.stages(5)
    stages["train"].run(folder / "artifacts")
    model = load_model(folder / "artifacts" / "model" / "model.npz")
    report = stages["evaluate"].evaluate_model(folder / "artifacts", model)["validation"]
    assert one["validation"] == pytest.approx({name: report.figures[name] for name in one["validation"]}, abs=1e-6)
    assert one["validation"]["error_rate"] < 0.9


def test_a_trial_averages_over_copies_where_it_says_so(trials, folder):
    """It counts what the mean over them comes to, beside images as they are; another trial of the network has it."""
    copies = read_yaml(COPIES)
    averaging = replace(trials, trials={"plain": {}, "copies": copies, "more": {"test_time": {"n_copies": 20}}})
    plain, averaged, more = averaging.trial_recipes().values()
    assert (plain.test_time, averaged.test_time, more.test_time) == ({}, *copies.values(), {"n_copies": 20})
    assert plain.learning() == averaged.learning()
    (one,) = run_trial(averaged, folder / "artifacts", without=[5])
    images, labels = read_part(folder / "artifacts" / "raw", "train")
    rows = np.load(folder / "artifacts" / "split" / "validation.npy")
    (network,) = (folder / "artifacts" / "members").glob("*/trial/models/2.npz")
    model = averaged.averaged(load_model(network), 2)
    errors = [1 - each.score(images[rows].reshape(len(rows), -1), labels[rows]) for each in (model, model.estimator)]
    assert errors == pytest.approx(
        [figures["validation"]["error_rate"] for figures in (one, one["without_averaging"])], abs=1e-6
    )
    assert one["validation"]["log_loss"] != one["without_averaging"]["validation"]["log_loss"]
    write_trials(folder, "small", averaging, {"copies": [one]}, {})
    assert read_trials(folder, "small", averaging) == {"plain": [], "copies": [one], "more": []}
    percent = [f"{100 * error:.3f}" for error in errors]
    made = table({"small": (averaging, [])}, trials={"small": {"copies": [one]}})
    assert "| copies (chosen) | {} ({} of images as they are) | 1 |".format(*percent) in made


def test_the_trial_that_was_chosen_has_the_recipe_s_copies(trials):
    """Or none, where no trial has them; one that changes anything else is another."""
    copies = read_yaml(COPIES)
    more = trials.trials | {"copies": copies | {"seeds": [1]}, "many": {"test_time": {"n_copies": 99}}}
    assert trials.chosen_trial() == "as it stands"
    assert replace(trials, trials=more).chosen_trial() == "copies"
    assert replace(trials, trials=more, test_time={}).chosen_trial() == "as it stands"
    assert replace(trials, trials={"longer": more["longer"] | copies}).chosen_trial() is None
    assert replace(trials, trials={}).chosen_trial() is None
    whole = {"whole": copies | {"train": {"max_iter": 2}}}
    assert replace(trials, trials=trials.trials | whole).chosen_trial() == "whole"


def test_a_trial_takes_nothing_from_those_that_a_file_has_beside_it(trials, folder):
    """Another process may have run one that was added since, or one of settings that are gone now, to come back."""
    added = replace(trials, trials=trials.trials | {"added": {"train": {"max_iter": 9}}})
    write_trials(folder, "small", added, {"added": [tried(5)], "as it stands": [tried(2)]}, {})
    write_trials(folder, "small", trials, {"as it stands": [tried(5)], "longer": [tried(5)]}, {})
    runs = read_trials(folder, "small", added)
    assert runs.pop("as it stands") == [tried(5), tried(2)]
    assert runs == {"longer": [tried(5)], "rotated": [], "added": [tried(5)]}
    renamed = replace(trials, trials={"plain": {}})
    write_trials(folder, "small", renamed, {"plain": [tried(7)]}, {})
    kept = json.loads((folder / "small.trials.json").read_text("utf-8"))["trials"]
    assert list(kept) == ["added", "longer", "plain"]
    assert kept["plain"]["runs"] == [tried(seed) for seed in (2, 5, 7)]  # whatever the seeds are now
    others = replace(trials, train=trials.train | {"alpha": 0.5})
    for value in (1, 2):
        write_trials(folder, "small", replace(others, trial={"seeds": [value]}), {"longer": [tried(value)]}, {})
    assert [one["seed"] for one in read_trials(folder, "small", others)["longer"]] == []
    again = replace(others, trial={"seeds": [1]}, trials={"longer": {"train": {"max_iter": 3}}})
    assert read_trials(folder, "small", again)["longer"] == [tried(1)]
    assert read_trials(folder, "small", trials)["longer"] == [tried(5)]


@pytest.mark.usefixtures("mixed")
def test_networks_of_trials_keep_out_of_each_other_s_way(fits, folder):
    """Another trial between two of the same settings costs no training, for one network and for an ensemble."""
    trials = """
trial: {seeds: [5]}
trials:
  plain: {}
  other: {train: {max_iter: 1}}
  copies: {test_time: {n_copies: 2, augmentation: {name: deform, rotation: 5}}}
"""
    for name, text in (("small", ALONE), ("both", MIXED)):
        (folder / "recipes" / f"{name}.yaml").write_text(text + trials, "utf-8")
    code, out, error = call("trials", "small", "both")
    assert (code, len(out.splitlines())) == (0, 6), error
    assert fits == [(4,), (4,), (6,), (6,)]
    assert error.count("trained already") == 1 + 1 + 1 + 2


def test_trials_of_one_network_train_it_once(trials, fits):
    """Where nothing but the copies differs; of another seed, or with other settings, it is trained anew."""
    text = ENSEMBLE + TRIALS + "  averaged: {test_time: {n_copies: 2, augmentation: {name: deform, shear: 5}}}\n"
    Path("recipes/small.yaml").write_text(text, "utf-8")
    assert trials.seeds == (3, 1)
    assert call("trials", "small", "--only", "as it stands", "--only", "averaged")[0] == 0
    assert len(fits) == 2
    runs = kept_trials()
    assert [run["without_averaging"]["validation"] for run in runs["averaged"]["runs"]] == [
        run["validation"] for run in runs["as it stands"]["runs"]
    ]


@pytest.mark.usefixtures("trials")
def test_trials_go_on_where_they_were_interrupted(monkeypatch):
    """Each seed is kept as it is done; only what is left is run, and nothing of a trial that is done."""
    fail_the_second_time(monkeypatch, STAGES["train"], "fit")
    assert call("trials", "small")[0] == 1
    assert {name: len(one["runs"]) for name, one in kept_trials().items()} == {"as it stands": 1}
    code, out, error = call("trials", "small", "--only", "longer", "--only", "as it stands")
    assert (code, said(out)) == (0, ["longer, seed 5", "as it stands, seed 2"])
    assert "small, as it stands: 1 of 2 seeds are done already" in error
    assert said(call("trials", "small")[1]) == ["rotated, seed 5", "rotated, seed 2"]
    before = kept_trials()
    assert call("trials", "small")[1] == ""
    assert kept_trials() == before


def test_a_trial_counts_as_run_while_its_settings_stay(trials, folder):
    """Another name or another word is no change; other settings are, of the recipe as well as of the trial."""
    runs = {"as it stands": [tried(5)], "longer": [tried(5)], "rotated": [tried(2)]}
    write_trials(folder, "small", trials, runs, {})
    assert read_trials(folder, "small", trials) == runs
    renamed = replace(trials, note="a word", members=None, trials={"plain": {}, "more": {"train": {"max_iter": 2}}})
    assert read_trials(folder, "small", renamed) == {"plain": [tried(5)], "more": []}
    assert not any(read_trials(folder, "small", replace(trials, train=trials.train | {"alpha": 0.5})).values())
    more = replace(trials, trial=trials.trial | {"seeds": [1, 5, 2]})
    assert read_trials(folder, "small", more)["rotated"] == [tried(2)]


@pytest.mark.usefixtures("trials")
def test_a_trial_that_is_not_there_is_told_with_those_that_are():
    """Nothing is run, and the exit code is 2."""
    message = "small: there is no trial 'wider'; there are as it stands, longer, rotated"
    assert call("trials", "small", "--only", "wider") == (2, "", f"error: {message}\n")
    assert not Path("recipes/small.trials.json").exists()


@pytest.mark.usefixtures("trials")
def test_networks_of_trials_are_kept_where_one_asks(fits, folder):
    """Run again, they are trained no more; a run of the recipe itself does not take them for its own."""
    for times in (1, 2):
        assert call("trials", "small", "--only", "longer", "--keep", "kept")[0] == 0
        assert (len(fits), (folder / "recipes" / "small.trials.json").exists()) == (1, True), times
        (folder / "recipes" / "small.trials.json").unlink()
    assert [path.name for path in (folder / "kept").iterdir()] == ["trials"]
    assert read_training_cost(folder / "kept", "small", read_recipe(Path("recipes/small.yaml")), 5) is None


# ---------------------------------------------------------------- two recipes beside each other


def runs_wrong_on(*rows):
    """Return what seeds came to that are wrong on these rows of a hundred."""
    return [ran(seed, wrong=list(each), test=rates(len(each) / 100)) for seed, each in enumerate(rows)]


def test_recipes_are_compared_over_seeds_and_over_images():
    """Means over the seeds, and the rows that one alone gets wrong, for every pair of seeds."""
    one, other = runs_wrong_on(range(10), range(12)), runs_wrong_on(range(5, 7), range(5), range(1, 5))
    found = compare(one, other)
    assert found.difference == pytest.approx(0.11 - 11 / 300)
    assert found.p_images == tuple(sign_test(n, 0) for n in (8, 5, 6, 10, 7, 8))
    assert found.p_seeds == pytest.approx(ttest_ind([0.10, 0.12], [0.02, 0.05, 0.04], equal_var=False).pvalue)


@pytest.mark.parametrize(("one", "other"), [([1, 2], [3]), ([1], [2]), ([1, 1], [2, 2])])
def test_welch_says_nothing_where_there_is_no_spread(one, other):
    """One seed has none, nor have seeds that are all alike."""
    assert welch(one, other) is None


@pytest.mark.parametrize("runs", [[], [ran(0)]], ids=["not run", "no rows"])
def test_recipes_without_wrong_rows_cannot_be_compared(folder, runs):
    """The error says which, and how it gets them."""
    recipes = {name: read_recipe(Path("recipes/small.yaml")) for name in ("small", "large")}
    (folder / "recipes" / "large.yaml").write_text(SMALL, "utf-8")
    for name, each in (("small", runs_wrong_on([1])), ("large", runs)):
        write_results(folder / "recipes", name, recipes[name], each, {})
    message = "large has no results of itself as it stands: `python -m pipeline recipes run large` first"
    assert call("compare", "small", "large") == (2, "", f"error: {message}\n")


def test_recipes_of_different_images_cannot_be_compared(folder):
    """Rows that are wrong are none of the other's."""
    (folder / "recipes" / "large.yaml").write_text(SMALL.replace("digits", "mnist"), "utf-8")
    message = "recipes are compared on the same images; these have small digits, large mnist"
    assert call("compare", "small", "large") == (2, "", f"error: {message}\n")


def test_the_command_compares_two(folder):
    """Both errors, and how likely chance is; nothing is run."""
    path = folder / "recipes" / "large.yaml"
    path.write_text(SMALL.replace("[4]", "[9]"), "utf-8")
    recipes = read_recipes(folder / "recipes")
    for name, last in (("small", 12), ("large", 4)):
        runs = runs_wrong_on(range(last), range(last + 1))
        write_results(folder / "recipes", name, recipes[name], runs, {})
    document = json.loads(call("compare", "large", "small", "--json")[1])
    assert document["error_rate"] == {"large": [0.04, 0.05], "small": [0.12, 0.13]}
    assert document["difference"] == pytest.approx(-0.08)
    assert document["p_seeds"] == pytest.approx(0.0077, abs=5e-5)
    assert len(document["p_images"]) == 4
    code, out, error = call("compare", "large", "small")
    assert (code, error) == (0, "")
    first, second, both = out.splitlines()
    assert [first, second] == [
        "large: test error 4.500 % +- 0.707 (4.00 to 5.00, 2 seeds)",
        "small: test error 12.500 % +- 0.707 (12.00 to 13.00, 2 seeds)",
    ]
    assert both == (
        "large less small: -8.000 %; p 0.0077 over the seeds (Welch), 0.0078 on the same images (McNemar, median of 4 "
        "pairs)"
    )


@pytest.mark.parametrize(("names", "told"), [([], "none"), (["small"], "small")])
def test_comparing_takes_two(names, told):
    """Anything else is wrong usage."""
    assert call("compare", *names) == (2, "", f"error: compare takes the names of two recipes; got {told}\n")


# ---------------------------------------------------------------- the table


def results(accuracy, seconds, **more):
    """Return what a seed came to, as little as the table takes."""
    history = {"loss": [accuracy, accuracy / 2]}
    test = rates(1 - accuracy)
    return ran(0, layers=[64, 4, 10], seconds=seconds, test=test, history=history, **more)


def test_a_row_has_mean_and_range_over_the_seeds():
    """Accuracy in percent, and the time of one net."""
    recipe = replace(read_recipe(Path("recipes/small.yaml")), reported_by_epoch={})
    made = table({"small": (recipe, [results(0.5, 1.0), results(0.75, 2.0)])})
    assert made.splitlines()[2] == (
        "| [a small net](small.yaml), `recipes run small` | 64-4-10 relu | SGD 0.5, batches of 100, 2 epochs "
        "| next to nothing | 62.50 % (50.00 to 75.00, 2 seeds) | 1.5 s |"
    )


def test_a_row_tells_what_was_compared_beside():
    """The smallest and largest mean difference of a parameter, and how far the loss fell."""
    recipe = replace(read_recipe(Path("recipes/small.yaml")), reported_by_epoch={})
    beside = {
        "gradcheck": [{"mean": 2.2e-12}, {"mean": 1.4e-11}],
        "numerical": {"losses": [2.5, 2.25, 2.125]},
    }
    made = table({"small": (recipe, [results(0.5, 1.0, **beside)])})
    assert (
        "| 50.00 %; gradients differ by 2e-12 to 1e-11; loss 2.500 to 2.125 by 2 updates of numerical differentiation "
        "alone | 1 s |"
    ) in made


def test_what_an_author_reported_by_epoch_stands_above_what_is_reached():
    """A table of its own, with means over the seeds."""
    recipe = read_recipe(Path("recipes/small.yaml"))
    made = table({"small": (recipe, [results(0.5, 1.0), results(0.25, 1.0)])})
    assert made.split("\n\n")[1].splitlines() == [
        "| a small net, by epoch | 1 | 2 |",
        "| --- | --- | --- |",
        "| loss reported | 2.5000 | 1.2500 |",
        "| loss here | 0.3750 | 0.1875 |",
    ]


def test_a_recipe_with_a_goal_stands_in_a_table_of_errors(folder):
    """Mean, spread, best and worst, the same of all members, and the machine; the others keep their own table."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE + COPIES + "goal: next to none", "utf-8")
    (folder / "recipes" / "other.yaml").write_text(SMALL, "utf-8")
    recipes = read_recipes(folder / "recipes")
    runs = [
        results(
            0.5,
            3600.0,
            members=[{"test": rates(one), "seconds": 60.0} for one in (error - 0.125, error + 0.125)],
        )
        | {"test": rates(error)}
        for error in (0.25, 0.375)
    ]
    write_results(folder / "recipes", "small", recipes["small"], runs, environment())
    goals, machine, others, *_ = make_table(folder / "recipes", recipes).split("\n\n")
    assert goals.splitlines()[2] == (
        "| [a small net](small.yaml), `recipes run small` | 3 of 64-4-10 relu | SGD 0.5, batches of 100, "
        "2 epochs; mean over 3 copies | next to nothing | next to none | 31.250 % +- 8.839 (25.00 to 37.50, 2 seeds) "
        "| 31.250 % +- 16.137 (12.50 to 50.00, 4 networks), 60 s each | 60 min |"
    )
    cores, processor, system = (environment()["machine"][name] for name in ("cores", "model", "system"))
    words = (
        rf"Trained by \d+ threads? on {cores} cores, {re.escape(processor)}, {system}, NumPy {np.__version__}: small\."
    )
    assert re.fullmatch(words, machine.replace("\n", " "))
    assert "[a small net](other.yaml)" in others
    assert "recipes/small.yaml" not in others
    assert "not run yet" in table({"small": (recipes["small"], [])}, {}).splitlines()[2]


def test_recipes_are_named_beside_what_they_were_trained_on(folder):
    """Those of one machine stand together."""
    one = read_recipe(folder / "recipes" / "small.yaml")
    rows = {name: (replace(one, goal="next to none"), []) for name in "abc"}
    text = table(rows, {"a": "2 threads on one machine", "b": "1 thread on another", "c": "2 threads on one machine"})
    assert "\n\nTrained by 1 thread on another: b.\n\nTrained by 2 threads on one machine: a, c." in text


def test_seeds_of_several_machines_are_told_with_all(folder):
    """One that went on elsewhere does not speak for the others; runs that tell none are of the last."""
    recipe = read_recipe(folder / "recipes" / "small.yaml")
    told = {"seed 3": "1 thread on an abacus", "seed 1": "9 threads on a loom"}
    for runs, words in (
        ([ran(3, machine=told["seed 3"]), ran(1, machine=told["seed 1"])], "; ".join(told.values())),
        ([ran(3, machine=told["seed 3"]), ran(1, machine=told["seed 3"])], told["seed 3"]),
        ([ran(3), ran(1)], describe_machine(environment())),
    ):
        write_results(folder, "small", recipe, runs, environment())
        assert read_machine(folder, "small", recipe) == words
    assert call("run", "small")[0] == 0
    assert {run["machine"] for run in read_results(Path("recipes"), "small", recipe)} == {
        describe_machine(environment())
    }


def test_training_is_told_with_what_is_done_to_images_before():
    """Networks that see images aligned are told from others."""
    recipe = Recipe("t", "r", "s", preprocess={"deskew": True, "ink_width": 16}, train={"max_iter": 3})
    assert describe_training(recipe).endswith("3 epochs; deskewed images; ink 16 pixels wide")


def test_one_seed_has_no_spread():
    """It is said to be one."""
    assert describe_errors([{"test": {"error_rate": 0.125}}]) == "12.50 % (one seed)"


@pytest.mark.parametrize(("seconds", "words"), [(599.0, "599 s"), (900.0, "15 min"), (9000.0, "2.5 h")])
def test_times_are_told_in_a_unit_of_their_size(seconds, words):
    """Seconds, minutes or hours, with three digits."""
    recipe = replace(read_recipe(Path("recipes/small.yaml")), reported_by_epoch={})
    assert table({"small": (recipe, [results(0.5, seconds)])}).endswith(f"| {words} |")


def test_what_a_recipe_was_chosen_from_is_shown():
    """Every trial with its mean validation error, seeds and time, or that it was not run; and what else was tried."""
    recipe = replace(
        read_recipe(Path("recipes/small.yaml")),
        trials={"4 units": {}, "3 units": {"train": {"hidden_layer_sizes": [3]}}, "none": {"train": {"alpha": 0.1}}},
        tried="more\nunits",
    )
    runs = {"4 units": [figures_of_trial(0.025, 1.0), figures_of_trial(0.035, 2.0)], "3 units": []}
    _, trials, tried = table({"small": (recipe, [])}, trials={"small": runs}).split("\n\n")
    assert trials.splitlines() == [
        "| a small net, chosen from | validation error, % | seeds | training time |",
        "| --- | --- | --- | --- |",
        "| 4 units (chosen) | 3.000 | 2 | 1.5 s |",
        "| 3 units | not run yet |  |  |",
        "| none | not run yet |  |  |",
    ]
    assert tried == "a small net: more units"
    assert replace(recipe, trial={}, trials={}, tried="").settings() == recipe.settings()


def figures_of_trial(error, seconds):
    """Return what a seed of a trial came to, as little as the table takes."""
    return {"validation": {"error_rate": error}, "seconds": seconds}


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ({"batch_size": 1, "max_iter": 10}, "Adam 0.001, one image at a time, 10 epochs"),
        ({"batch_size": "full", "solver": "rmsprop", "max_iter": 5}, "RMSprop 0.001, all images at once, 5 epochs"),
        ({"solver": "sgd", "momentum": 0.9, "batch_size": 8}, "SGD 0.001 with momentum 0.9, batches of 8, 200 epochs"),
        (
            {"solver": "adagrad", "replacement": True, "batch_size": 9, "max_updates": 1000},
            "AdaGrad 0.001, batches of 9 drawn with replacement, 1,000 updates",
        ),
        (
            {
                "learning_rate": Cosine(warmup=2),
                "max_iter": 5,
                "batch_norm": True,
                "noise": 0.3,
                "augmentation": Deform(rotation=12, translation=2, whole_pixels=True),
            },
            (
                "Adam 0.001 cosine (warmup 2), batches of auto, 5 epochs; batch normalisation; noise 0.3; "
                "rotation 12, translation 2, whole pixels"
            ),
        ),
        (
            {"averaging": LastEpochs(5), "adversary": VirtualAdversarial(2.1), "max_iter": 5},
            "Adam 0.001, batches of auto, 5 epochs; last epochs (epochs 5); virtual adversarial (epsilon 2.1)",
        ),
        (
            {"noise": (0.2, 0.2), "dropout": (0.1, 0.5), "max_iter": 5},
            "Adam 0.001, batches of auto, 5 epochs; noise 0.2 on input and hidden layers; dropout 0.1 0.5",
        ),
        ({"adversary": Adversarial(), "max_iter": 5}, "Adam 0.001, batches of auto, 5 epochs; adversarial"),
    ],
)
def test_training_is_described_from_its_parameters(train, words):
    """So the table cannot say anything else than what was done."""
    assert describe_training(Recipe("t", "r", "s", train=train)) == words


@pytest.mark.parametrize(
    ("layers", "words"),
    [([64, 4, 10], "64-4-10"), ([64, 10, 10], "64-10-10"), ([784, *[50] * 19, 10], "784-19x50-10")],
)
def test_a_network_is_described_by_its_widths(layers, words):
    """Activation and missing biases are told; layers alike are counted where there are more than two."""
    recipe = Recipe("t", "r", "s", train={"activation": "logistic", "bias": False})
    runs = [results(0.5, 1.0) | {"layers": layers}]
    assert describe_network(recipe, runs) == f"{words} logistic without biases"


def test_results_of_another_recipe_do_not_count(folder):
    """Whoever changes a setting has to run it again; whoever changes a word has not."""
    recipe = read_recipe(Path("recipes/small.yaml"))
    write_results(folder, "small", recipe, [results(0.5, 1.0)], {})
    assert read_results(folder, "small", replace(recipe, note="another word")) == [results(0.5, 1.0)]
    changed = replace(recipe, gradcheck=3)
    assert read_results(folder, "small", changed) == []
    assert "not run yet" in table({"small": (changed, [])})


def test_without_a_name_the_recipes_are_listed(folder):
    """Name and title, a line for each."""
    (folder / "recipes" / "longer-name.yaml").write_text(SMALL, "utf-8")
    assert call("list") == (0, "longer-name  a small net\nsmall        a small net\n", "")


def test_the_table_is_printed_and_written_between_the_markers(folder):
    """The rest of the README stays."""
    (folder / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    assert call("table", "--write", "README.md") == (0, "", "")
    code, out, _ = call("table")
    assert code == 0
    assert out.startswith("|  | network |")
    assert (folder / "README.md").read_text("utf-8") == f"before\n{BEGIN}\n{out}{END}\nafter\n"


@pytest.mark.parametrize("text", ["no markers", f"{BEGIN} without an end", f"{END} before {BEGIN}"])
def test_a_readme_without_markers_stays_as_it_is(folder, text):
    """The error says what is missing."""
    (folder / "README.md").write_text(text, "utf-8")
    with pytest.raises(ValueError, match="there must be <!-- recipes -->, and <!-- /recipes --> after it"):
        write_readme(folder / "README.md", "new")
    assert (folder / "README.md").read_text("utf-8") == text


BEFORE = FOLDER.parent / "tests" / "before"


def test_a_recipe_and_results_of_before_are_read(folder):
    """With old names of parameters, which the recipe warns of; its results and trials are those of it as it stands."""
    for path in BEFORE.glob("small.*"):
        shutil.copyfile(path, folder / "recipes" / path.name)
    with pytest.warns(FutureWarning) as caught:
        recipe = read_recipe(folder / "recipes" / "small.yaml")
    assert {str(warning.message).partition(";")[0] for warning in caught} == {
        f"{folder / 'recipes' / 'small.yaml'}: {where}preprocess: deslant is called deskew now"
        for where in ("", "trials: upright: ")
    }
    assert recipe.preprocess == {"deskew": True}
    [run] = read_results(folder / "recipes", "small", recipe)
    assert (run["seed"], run["test"]["accuracy"]) == (3, 0.102778)
    trials = read_trials(folder / "recipes", "small", recipe)
    assert {name: [run["seed"] for run in runs] for name, runs in trials.items()} == {
        "as it stands": [5],
        "upright": [5],
    }
