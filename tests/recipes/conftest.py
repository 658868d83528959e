"""A folder with a small recipe, for all tests of recipes, and ensembles and trials for some."""

from pathlib import Path

import pytest
from recipe_samples import ALONE, COPIES, ENSEMBLE, MIXED, OTHER, SMALL, TRIALS

from pipeline.recipes.reading import read_recipe
from pipeline.recipes.recipe import STAGES
from pipeline.recipes.running import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder that has a folder of one recipe, ``small``."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(SMALL, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ensemble(folder):
    """Return what an ensemble came to, for the last of its seeds, and its artifacts."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE, "utf-8")
    *_, last = run(read_recipe(Path("recipes/small.yaml")), folder / "artifacts")
    return last, folder / "artifacts"


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


@pytest.fixture
def trials(folder):
    """Return a recipe with three trials, ensemble and copies, the file of which is in the folder."""
    (folder / "recipes" / "small.yaml").write_text(ENSEMBLE + COPIES + TRIALS, "utf-8")
    return read_recipe(Path("recipes/small.yaml"))
