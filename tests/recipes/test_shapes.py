"""Documents of results: what is taken for one, and at which place another is refused."""

import json
from pathlib import Path

import pytest

from pipeline.parameters import ParameterError
from pipeline.recipes.reading import read_recipes
from pipeline.recipes.results import make_table, read_results, read_trials, results_path, trials_path
from pipeline.recipes.shapes import RUN, find_misfit

RECIPES = Path(__file__).parents[2] / "recipes"
SOUND = {"seed": 0, "seconds": 1.5, "test": {"error_rate": 0.01, "accuracy": 0.99}}


@pytest.fixture(scope="module")
def recipes():
    """Return all recipes."""
    return read_recipes(RECIPES)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({}, None),
        ({"colour": "red"}, None),
        ({"seed": -1}, "seed must not be -1"),
        ({"seed": True}, "seed must not be True"),
        ({"seconds": float("nan")}, "seconds must not be nan"),
        ({"seconds": 10**400}, "seconds must not be an integer of 401 digits"),
        ({"test": {"error_rate": 0.01}}, "test.accuracy is missing"),
        ({"test": []}, "test must be a mapping"),
        ({"layers": []}, "layers must not be []"),
        ({"wrong": {}}, "wrong must be a list"),
        ({"wrong": [1, "2"]}, "wrong[1] must not be '2'"),
        ({"history": {"loss": [1, None]}}, "history must not be"),
        ({"numerical": {"losses": []}}, "numerical.losses must not be []"),
        ({"members": [{"seconds": 1}]}, "members[0].test is missing"),
    ],
)
def test_a_run_is_checked_place_by_place(change, place):
    """What a table uses must be there, and a number where a number is used; what else is there does not matter."""
    misfit = find_misfit(SOUND | change, RUN)
    assert misfit is None if place is None else str(misfit).startswith(place)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.update(runs={}), "runs must be a list"),
        (lambda document: document["runs"][0].pop("seconds"), "runs[0].seconds is missing"),
        (lambda document: document["runs"][1].pop("history"), "runs[1].history is missing"),
        (lambda document: document["runs"][1]["history"]["loss"].pop(), "runs[1].history.loss is not as long as"),
        (lambda document: document["environment"].update(machine=None), "environment.machine must be a mapping"),
    ],
)
def test_damaged_results_are_told_by_file_and_place(tmp_path, recipes, change, message):
    """One `ParameterError`, before a figure of them stands in a table."""
    path = results_path(tmp_path, "rmsprop")
    document = json.loads(results_path(RECIPES, "rmsprop").read_bytes())
    recipe = recipes["rmsprop"]
    assert recipe.reported_by_epoch or "history.loss" not in message
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ParameterError) as caught:
        make_table(tmp_path, {"rmsprop": recipe})
    assert str(caught.value).startswith(f"{path} is damaged: {message}")


def test_results_of_other_settings_are_not_looked_at(tmp_path, recipes):
    """They are those of another recipe, or of an older program, and are as they are."""
    results_path(tmp_path, "basic").write_text('{"settings": {}, "runs": "none"}')
    assert read_results(tmp_path, "basic", recipes["basic"]) == []


@pytest.mark.parametrize("kept", [[], {"a": 1}, {"a?": {"settings": {}}}, {"a": {"settings": {}, "runs": [{}]}}])
def test_damaged_trials_are_told_by_file(tmp_path, recipes, kept):
    """The file is named, whatever is wrong in it."""
    path = trials_path(tmp_path, "default")
    path.write_text(json.dumps({"trials": kept}))
    with pytest.raises(ParameterError) as caught:
        read_trials(tmp_path, "default", recipes["default"])
    assert str(caught.value).startswith(f"{path} is damaged: trials")


def test_a_document_that_is_nested_is_told(tmp_path, recipes):
    """A bomb of brackets is no JSON that is read."""
    results_path(tmp_path, "basic").write_bytes(b"[" * 100_000)
    with pytest.raises(ParameterError, match="nested too deeply"):
        read_results(tmp_path, "basic", recipes["basic"])
