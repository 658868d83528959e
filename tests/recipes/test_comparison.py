"""Two recipes beside each other."""

import json
from pathlib import Path

import pytest
from recipe_samples import (
    SMALL,
    call,
    ran,
    rates,
)
from scipy.stats import ttest_ind

from pipeline.metrics import sign_test
from pipeline.recipes.comparison import compare, welch
from pipeline.recipes.reading import read_recipe, read_recipes
from pipeline.recipes.results import (
    write_results,
)


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
