"""Recipes: their files, what comes of running one, and the table made of that."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.parameters import ParameterError
from pipeline.recipes.recipe import STAGES, Recipe, read_recipe, read_recipes
from pipeline.recipes.results import read_results, write_readme, write_results
from pipeline.recipes.running import environment, run
from pipeline.recipes.table import BEGIN, END, describe_network, describe_training, table

ROOT = Path(__file__).parents[1]
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


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder that has a folder of one recipe, ``small``."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(SMALL, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    """Run the command, and return its exit code, output and error stream."""
    result = CliRunner().invoke(app, ["recipe", *words])
    return result.exit_code, result.stdout, result.stderr


# ---------------------------------------------------------------- the repository's own


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_whose_it_is_and_repeats_itself(name):
    """Every word is there, and there are three seeds at the least, no two alike."""
    recipe = RECIPES[name]
    assert all((recipe.title, recipe.reported, recipe.source))
    assert len(set(recipe.seeds)) == len(recipe.seeds) >= 3


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_no_seed_of_its_own(name):
    """A ``random_state`` in a section would be replaced without a word."""
    assert not [section for section in STAGES if "random_state" in getattr(RECIPES[name], section)]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_for_as_long_as_it_says(name):
    """No patience runs out, and the epochs suffice for the updates."""
    model = RECIPES[name].stages(0)["train"]
    assert model.n_iter_no_change >= model.max_iter
    if model.max_updates:
        images = round(60000 * (1 - RECIPES[name].split["validation_fraction"]))
        assert model.max_iter * -(-images // model.batch_size) >= model.max_updates


def test_results_are_of_recipes_as_they_stand():
    """No results are left of a recipe that has changed since, or gone; all seeds are there, and learned something."""
    for path in FOLDER.glob("*.results.json"):
        name = path.name.removesuffix(".results.json")
        runs = read_results(FOLDER, name, RECIPES[name])
        assert tuple(one["seed"] for one in runs) == RECIPES[name].seeds, name
        assert all(one["test"]["accuracy"] > 0.2 for one in runs), name


def test_the_readme_has_the_table_of_the_results():
    """What `recipe --write-readme` would write is there already."""
    made = table({name: (recipe, read_results(FOLDER, name, recipe)) for name, recipe in RECIPES.items()})
    assert f"{BEGIN}\n{made}\n{END}" in (ROOT / "README.md").read_text("utf-8")


# ---------------------------------------------------------------- files that are wrong


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: a small net", "", "small.yaml lacks title"),
        ("seeds: [3, 1]", "seeds: []", "small.yaml: seeds must be a list of one integer at least; got none"),
        ("seeds: [3, 1]", "seeds: [-1]", "small.yaml: seeds must be a list of integers >= 0; got (-1,)"),
        ("gradcheck: 2", "gradcheck: 0", "small.yaml: gradcheck must be an integer >= 1 or null; got 0"),
        ("gradcheck: 2", "gradchek: 2", "small.yaml: there is no parameter 'gradchek'; there are title, reported"),
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
    code, out, error = call("small")
    assert (code, out) == (2, "")
    assert message in error
    assert sorted(path.name for path in folder.rglob("*")) == ["recipes", "small.yaml"]


def test_an_unknown_recipe_is_told_with_those_that_there_are():
    """The known ones among the names are not run either."""
    code, out, error = call("small", "smal")
    assert (code, out) == (2, "")
    assert error == "error: there is no recipe 'smal' in recipes; there are small\n"


def test_a_folder_without_recipes_is_told():
    """So is one that is not there."""
    code, _, error = call("--recipes", "elsewhere")
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
    code, out, error = call("small")
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


def test_nothing_is_kept_of_a_recipe_that_failed(folder, monkeypatch):
    """The results of the time before stay as they were."""
    (folder / "recipes" / "small.results.json").write_text("{}", "utf-8")
    monkeypatch.setattr(STAGES["evaluate"], "_run", lambda *_: 1 / 0)
    code, _, error = call("small")
    assert (code, error.splitlines()[-1]) == (1, "error: ZeroDivisionError: division by zero")
    assert (folder / "recipes" / "small.results.json").read_text("utf-8") == "{}"


def test_artifacts_are_kept_where_one_asks(folder):
    """Those of the last seed, in a folder of the recipe's name."""
    code, _, error = call("--all", "--keep", "kept")
    assert code == 0, error
    kept = {path.name for path in (folder / "kept" / "small").iterdir()}
    assert kept == {"raw", "prepared", "split", "model", "evaluation"}


def test_the_environment_names_what_times_depend_on():
    """Machine, versions, BLAS kernels and threads, and the day."""
    told = environment()
    assert set(told) == {"date", "machine", "versions", "blas"}
    assert told["machine"]["cores"] >= 1
    assert all(pool["num_threads"] >= 1 for pool in told["blas"])


# ---------------------------------------------------------------- the table


def results(accuracy, seconds, **more):
    """Return what a seed came to, as little as the table takes."""
    history = {"loss": [accuracy, accuracy / 2]}
    return {"layers": [64, 4, 10], "seconds": seconds, "test": {"accuracy": accuracy}, "history": history, **more}


def test_a_row_has_mean_and_range_over_the_seeds():
    """Accuracy in percent, and the time of one net."""
    recipe = replace(read_recipe(Path("recipes/small.yaml")), reported_by_epoch={})
    made = table({"small": (recipe, [results(0.5, 1.0), results(0.75, 2.0)])})
    assert made.splitlines()[2] == (
        "| [a small net](recipes/small.yaml) | 64-4-10 relu | SGD 0.5, batches of 100, 2 epochs | next to nothing "
        "| 62.50 % (50.00 to 75.00, 2 seeds) | 1.5 s |"
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
    recipe = Recipe("t", "r", "s", train={"activation": "logistic", "biases": False})
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


def test_without_a_name_the_recipes_are_listed():
    """Name and title, a line for each."""
    assert call() == (0, f"{'small':<24}a small net\n", "")


def test_the_table_is_printed_and_written_between_the_markers(folder):
    """The rest of the README stays."""
    (folder / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    code, out, _ = call("--table", "--write-readme", "README.md")
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
