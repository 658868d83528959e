"""Recipes read from files, and what is told of those that are wrong."""

import json
import shutil
from pathlib import Path

import pytest
from recipe_samples import (
    FOLDER,
    SMALL,
    call,
)

from pipeline.parameters import ParameterError
from pipeline.recipes.reading import read_recipe
from pipeline.recipes.results import (
    read_results,
    read_trials,
)


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
