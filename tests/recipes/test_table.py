"""The table of recipes and results."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recipe_samples import COPIES, ENSEMBLE, SMALL, call, ran, rates, results

from pipeline import Deform
from pipeline.network import Adversarial, Cosine, LastEpochs, VirtualAdversarial
from pipeline.network.compiled.engines import decide_engine
from pipeline.recipes.machine import describe_machine, environment
from pipeline.recipes.reading import read_recipe, read_recipes
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.results import (
    make_table,
    read_machine,
    read_results,
    write_readme,
    write_results,
)
from pipeline.recipes.table import BEGIN, END, describe_errors, describe_network, describe_training, table


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
    machines = {run["machine"] for run in read_results(Path("recipes"), "small", recipe)}
    assert machines == {describe_machine(environment(), decide_engine("auto"))}


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
