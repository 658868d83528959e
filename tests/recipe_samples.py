"""What tests of recipes share: small recipes, what comes of them, and the command."""

from pathlib import Path

from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.data.idx import read_part
from pipeline.recipes.reading import read_recipes

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


def pixels_and_labels(artifacts):
    """Return the test file of a folder of artifacts."""
    images, labels = read_part(artifacts / "raw", "test")
    return images.reshape(len(images), -1), labels


def said(out):
    """Return which seeds of which trials were told of."""
    return [line.split(": validation error")[0].removeprefix("small, ") for line in out.splitlines()]


def results(accuracy, seconds, **more):
    """Return what a seed came to, as little as the table takes."""
    history = {"loss": [accuracy, accuracy / 2]}
    test = rates(1 - accuracy)
    return ran(0, layers=[64, 4, 10], seconds=seconds, test=test, history=history, **more)
