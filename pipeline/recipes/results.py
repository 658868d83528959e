"""What recipes have reached, kept beside them: ``NAME.results.json`` for ``NAME.yaml``, and the table in the README.

Whoever reads these files never sees half of one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.data.idx import replacing_file
from pipeline.recipes.markdown import between_markers
from pipeline.recipes.recipe import Recipe
from pipeline.recipes.table import BEGIN, END, table


def results_path(folder: Path, name: str) -> Path:
    """Return where the results of a recipe are kept."""
    return folder / f"{name}.results.json"


def write_results(
    folder: Path, name: str, recipe: Recipe, runs: list[dict[str, Any]], environment: dict[str, Any]
) -> None:
    """Keep what all seeds of a recipe came to, with the settings and the machine that gave it."""
    document = {"environment": environment, "runs": runs, "settings": recipe.settings()}
    _write(results_path(folder, name), json.dumps(document, indent=1, sort_keys=True) + "\n")


def read_results(folder: Path, name: str, recipe: Recipe) -> list[dict[str, Any]]:
    """Return what all seeds came to; nothing, where the recipe has not been run as it stands now."""
    runs: list[dict[str, Any]] = _read(folder, name, recipe).get("runs", [])
    return runs


def read_machine(folder: Path, name: str, recipe: Recipe) -> str:
    """Return what gave the results, ``2 cores, x86_64, Linux, NumPy 2.4.6``; nothing, where there are none."""
    environment = _read(folder, name, recipe).get("environment")
    if not environment:
        return ""
    machine, numpy = environment["machine"], environment["versions"]["numpy"]
    return f"{machine['cores']} cores, {machine['processor']}, {machine['system']}, NumPy {numpy}"


def make_table(folder: Path, recipes: Mapping[str, Recipe]) -> str:
    """Return the tables of all recipes of a folder with their results."""
    machines = {read_machine(folder, name, recipe) for name, recipe in recipes.items() if recipe.goal}
    return table({name: (one, read_results(folder, name, one)) for name, one in recipes.items()}, machines - {""})


def write_readme(path: Path, text: str) -> None:
    """Put a text between the markers of a README.

    Raises
    ------
    ValueError
        Where it has no markers.
    """
    _write(path, between_markers(path.read_text(encoding="utf-8"), BEGIN, END, text))


def _read(folder: Path, name: str, recipe: Recipe) -> dict[str, Any]:
    """Return the document of results, or nothing where there is none of the recipe as it stands now."""
    path = results_path(folder, name)
    if not path.is_file():
        return {}
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    settings = json.loads(json.dumps(recipe.settings()))  # a list of YAML's is a tuple here, and a list in JSON
    return document if document.get("settings") == settings else {}


def _write(path: Path, text: str) -> None:
    """Write a text, whole or not at all."""
    with replacing_file(path) as file:
        file.write(text.encode())
