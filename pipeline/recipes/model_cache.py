"""The model cache: trained networks by recipe and seed, so that an ensemble need not train them again.

For every seed of a recipe ``FOLDER/NAME/models`` has ``SEED.npz``, which ``load_model`` opens, and ``SEED.json``: what
it has learned by, and under ``effort`` what its training cost. A model counts for as long as its recipe's settings are
these, whatever has become of the images since. Networks of trials are in folders by their settings.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.files import replace_file
from pipeline.mlp.classifier import MLPClassifier
from pipeline.recipes.documents import plain, read_document, write_document
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.renamed import current_settings
from pipeline.recipes.shapes import TRAINING_COST as COST_SHAPE
from pipeline.recipes.shapes import check
from pipeline.strict_json import to_json

ModelCache = Callable[[Recipe], Path]
"""A folder of networks for a recipe."""

TRAINING_COST = tuple(COST_SHAPE)
"""What is told of every network: how large it is, and what it took to train it."""


def training_cost_of(model: MLPClassifier) -> dict[str, Any]:
    """Return how large a network is, and what it took to train it."""
    affine = model.network_.affine_layers
    return {
        "layers": [affine[0].n_in, *(layer.n_out for layer in affine)],
        "n_parameters": model.network_.params.size,
        "epochs": model.n_iter_,
        "updates": model._trainer.updates,  # noqa: SLF001 - no fitted attribute of scikit-learn's counts them
        "seconds": round(sum(model.history_["seconds"]), 2),
    }


def one_folder(folder: Path) -> ModelCache:
    """Return a cache for recipes as they stand, of files ``FOLDER/NAME/models/SEED.npz``."""
    return lambda _: folder


def folder_by_settings(folder: Path) -> ModelCache:
    """Return a cache for recipes that are changed, as in trials: one of other settings takes no other's place."""
    return lambda recipe: (
        folder / hashlib.sha256(to_json(plain(recipe.learning()), sort_keys=True).encode()).hexdigest()[:16]
    )


def model_path(folder: Path, name: str, seed: int) -> Path:
    """Return where the cache has the network of a recipe and a seed."""
    return folder / name / "models" / f"{seed}.npz"


def seed_files(cache: ModelCache, recipes: Iterable[tuple[str, Recipe]], seed: int) -> list[Path]:
    """Return the files that the cache has of the networks of some recipes, by their names, and a seed."""
    paths = [model_path(cache(recipe), name, seed) for name, recipe in recipes]
    return [file for path in paths for file in (path, path.with_suffix(".json")) if file.is_file()]


def cache_model(folder: Path, name: str, recipe: Recipe, seed: int, model: Path, made: Mapping[str, Any]) -> None:
    """Copy a network into the cache, with what it has learned by and what its training cost.

    Parameters
    ----------
    folder : path
        Of the networks of all recipes.
    name : str
        Of the recipe.
    recipe : Recipe
        By which it was trained.
    seed : int
        By which it was trained.
    model : path
        The file that training has left.
    made : mapping
        What it came to; ``TRAINING_COST`` of it is written down.
    """
    path = model_path(folder, name, seed)
    about = path.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    about.unlink(missing_ok=True)  # without it a model does not count: no time at which it speaks of another
    replace_file(path, model.read_bytes())
    write_document(about, {"effort": {figure: made[figure] for figure in TRAINING_COST}, "settings": recipe.learning()})


def read_training_cost(folder: Path, name: str, recipe: Recipe, seed: int) -> dict[str, Any] | None:
    """Return what training a network of the cache cost; nothing, where the recipe has other settings now.

    Parameters
    ----------
    folder, name, recipe, seed
        As ``cache_model`` takes them.
    """
    path = model_path(folder, name, seed)
    about = read_document(path.with_suffix(".json"))
    settings = current_settings(path.with_suffix(".json"), about.get("settings"))
    if not path.is_file() or settings != plain(recipe.learning()):
        return None
    check(path.with_suffix(".json"), about, {"effort": COST_SHAPE})
    cost: dict[str, Any] = about["effort"]
    return cost
