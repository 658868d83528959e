"""A recipe at work: the five stages, and after the first two every seed anew.

All artifacts go to a folder that the caller gives; what is handed on are plain values, one mapping for each seed.
"""

import math
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from pipeline import gradcheck
from pipeline.artifacts import (
    EVALUATION,
    MODEL,
    NETWORK,
    PREPARED,
    network_path,
    read_class_names,
    read_images,
    read_labels,
    read_normalizer,
    read_pixels,
    read_rows,
    read_training,
)
from pipeline.ensemble.voting import load_ensemble
from pipeline.metrics import finite_or_none, summarize
from pipeline.mlp import builder
from pipeline.mlp.classifier import MLPClassifier
from pipeline.model_file import load_model, save_model
from pipeline.network.array_rows import ArrayRows
from pipeline.network.gradient_check import train_numerically
from pipeline.notebook import progress_here
from pipeline.parameters import ParameterError, parameter_values
from pipeline.progress import Progress
from pipeline.recipes.members import TrainMembers, gather_members, gather_network
from pipeline.recipes.mixed import MixedEnsemble
from pipeline.recipes.model_cache import TRAINING_COST, folder_by_settings, model_path, one_folder, training_cost_of
from pipeline.recipes.recipe import Recipe
from pipeline.stages.base import replacing_output
from pipeline.stages.evaluate import Part, Report, predict_pieces
from pipeline.stages.train import FIGURES, Train

Samples = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def run(
    recipe: Recipe,
    artifacts: Path,
    progress: Progress | None = None,
    *,
    without: Collection[int] = (),
    cache: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Run a recipe, and yield what each seed came to.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    artifacts : Path
        The folder for a folder of each stage; what it holds is replaced.
    progress : Progress, optional
        What hears how far the work is.
    without : collection of int, default=()
        The seeds that are left out.
    cache : Path, optional
        Where an ensemble of other recipes looks for their networks before it trains them, and then keeps them; a folder
        of the artifacts, where it is left out.

    Yields
    ------
    dict
        ``seed``; ``layers``, their widths; ``n_parameters``; ``epochs``, ``updates``, ``seconds`` (of training, wall
        time); ``history``, a list for each column of ``history.csv``; ``validation`` and ``test``, the figures of
        ``metrics.json``; ``wrong``, the rows of the test file that were predicted wrong; and where the recipe asks for
        them ``gradcheck`` and ``numerical``. An ensemble has no ``history``, but ``members``, the same of each; epochs,
        updates and parameters are those of all members together. With test-time augmentation,
        ``without_averaging`` has the figures of images as they are. Members of an ensemble of other recipes have the
        name of theirs as well, and what they take is what they took one after the other; its layers are theirs alone.
    """
    progress = progress or progress_here()
    for seed, stages in _seeds(recipe, [seed for seed in recipe.seeds if seed not in without], artifacts, progress):
        yield run_seed(recipe, seed, stages, artifacts, progress, cache or artifacts / "members")


def run_seed(
    recipe: Recipe, seed: int, stages: dict[str, Any], artifacts: Path, progress: Progress, cache: Path
) -> dict[str, Any]:
    """Train and evaluate what a recipe says, where the stages before have run; return what ``run`` yields.

    Parameters
    ----------
    recipe, artifacts, progress, cache
        As ``run`` takes them.
    seed : int
        The seed.
    stages : dict of Stage
        Those of the seed.
    """
    if isinstance(recipe, MixedEnsemble):
        made = _mixed(recipe, seed, stages, artifacts, progress, cache)
    else:
        train = _trained if recipe.members is None else _trained_members
        checked = _checks(recipe, stages["train"], artifacts, progress)
        made = checked | train(recipe, seed, stages, artifacts, progress)
    return {"seed": seed} | made


def run_trial(
    trial: Recipe,
    artifacts: Path,
    progress: Progress | None = None,
    *,
    name: str = "trial",
    without: Collection[int] = (),
    cache: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Train the network of a trial, and yield what each seed came to on the images that were held back.

    They are not watched meanwhile, and images of the test file are not looked at, then or later. Networks go
    into a cache, for other trials that have them as well.

    Parameters
    ----------
    trial : Recipe
        One that ``Recipe.trial_recipes`` returned.
    artifacts : Path
        The folder for a folder of each stage; what it holds is replaced.
    progress : Progress, optional
        What hears how far the work is.
    name : str, default="trial"
        Of the trial's recipe: under what the cache has its networks.
    without : collection of int, default=()
        The seeds that are left out.
    cache : Path, optional
        The model cache; a folder of the artifacts, where it is left out.

    Yields
    ------
    dict
        ``seed``; ``layers``, ``n_parameters``, ``epochs``, ``updates`` and ``seconds`` as ``run`` has them;
        ``validation``, the error rate and the log loss (nats) of the network as it ends. An ensemble of other recipes
        has ``members``, the same of each. With test-time augmentation, ``without_averaging`` has ``validation`` of
        images as they are.
    """
    progress = progress or progress_here()
    for seed, _ in _seeds(trial, [seed for seed in trial.seeds if seed not in without], artifacts, progress):
        yield run_trial_seed(name, trial, seed, artifacts, progress, cache or artifacts / "members")


def run_trial_seed(
    name: str, trial: Recipe, seed: int, artifacts: Path, progress: Progress, cache: Path
) -> dict[str, Any]:
    """Train the network of a trial where the stages before have run; return what ``run_trial`` yields.

    Parameters
    ----------
    name, trial, artifacts, progress, cache
        As ``run_trial`` takes them.
    seed : int
        The seed.
    """
    models = folder_by_settings(cache)
    if isinstance(trial, MixedEnsemble):
        costs = gather_members(trial, seed, artifacts, progress, models, train_unwatched)
        model = load_ensemble(artifacts / MODEL)
        members = [each | _held_back(member, artifacts) for each, member in zip(costs, model.estimators_, strict=True)]
        cost = {"members": members} | _together(members)
    else:
        cost = gather_network(name, trial, seed, artifacts, progress, models, train_unwatched)
        model = load_model(model_path(models(trial), name, seed))
    return {"seed": seed} | cost | _tried(trial, model, seed, artifacts)


_OF_A_TRIAL = ("error_rate", "log_loss")


def train_unwatched(train: Train, artifacts: Path, progress: Progress) -> None:
    """Do what the stage does, less its look at the validation rows after every epoch."""
    normalize, X, y, _ = read_training(artifacts)
    with train._weights_by_label(read_class_names(artifacts, PREPARED)):  # noqa: SLF001 - it does what the stage does,
        train._fit_watched(X, y, {}, progress)  # noqa: SLF001 - less what that watches
    with replacing_output(artifacts, train.writes) as folder:
        save_model(folder / NETWORK, Pipeline([("preprocess", normalize), ("train", train)]))


def _tried(trial: Recipe, model: Any, seed: int, artifacts: Path) -> dict[str, Any]:
    """Return what a trial's model comes to; with test-time augmentation, that counts."""
    figures = _held_back(model, artifacts)
    if not trial.test_time:
        return figures
    return _held_back(trial.averaged(model, seed), artifacts) | {"without_averaging": figures}


def _held_back(model: Any, artifacts: Path) -> dict[str, Any]:
    """Return what a model comes to on the validation rows alone, some of which are in memory at a time."""
    images, labels = read_images(artifacts, "train")
    part = Part(images, labels, read_rows(artifacts, "validation", len(labels)))
    pieces = ((labels[part.rows[some]], P) for some, P in predict_pieces(model, part, "validate", Progress()))
    figures = summarize(pieces, np.unique(labels[part.rows]), model.classes_).figures
    return {"validation": _plain({name: figures[name] for name in _OF_A_TRIAL})}


def _seeds(
    recipe: Recipe, seeds: Sequence[int], artifacts: Path, progress: Progress
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Fetch and preprocess once, split for every seed, and yield it with its stages."""
    if seeds:
        prepare(recipe, seeds[0], artifacts, progress)
    for seed in seeds:
        stages = recipe.stages(seed)
        stages["split"].run(artifacts, progress)
        yield seed, stages


def prepare(recipe: Recipe, seed: int, artifacts: Path, progress: Progress) -> None:
    """Fetch and preprocess the images that all seeds have in common, by the first of the seeds.

    Raises
    ------
    ParameterError
        Where test-time augmentation cannot be made of images of this size.
    """
    stages = recipe.stages(seed)
    for name in ("fetch", "preprocess"):
        stages[name].run(artifacts, progress)
    _check_copies(recipe, artifacts)


def _check_copies(recipe: Recipe, artifacts: Path) -> None:
    """Raise where test-time augmentation cannot be made of images of this size, before a network is trained."""
    if recipe.test_time:
        augmentation = recipe.averaged(None, 0).augmentation
        X = read_pixels(artifacts, "train")
        if augmentation is not None:
            try:
                augmentation.prepare(X.shape[1])
            except ValueError as error:
                raise ParameterError(f"test_time: augmentation: {error}") from error


def _trained(recipe: Recipe, seed: int, stages: dict[str, Any], artifacts: Path, progress: Progress) -> dict[str, Any]:
    """Train and evaluate, and say what came of it."""
    train, evaluate = stages["train"], stages["evaluate"]
    train.run(artifacts, progress)
    evaluate.run(artifacts, progress)
    model = recipe.averaged(load_model(network_path(artifacts)), seed)
    averaged = evaluate.evaluate_model(artifacts, model, progress) if recipe.test_time else None
    return (
        training_cost_of(train)
        | {"engine": train.engine_, "history": _history(train)}
        | _reported(evaluate.reports_, averaged)
    )


def _trained_members(
    recipe: Recipe, seed: int, stages: dict[str, Any], artifacts: Path, progress: Progress
) -> dict[str, Any]:
    """Train the members of an ensemble, and evaluate it and each of them."""
    train = TrainMembers(stages["train"], recipe.members or 1, seed)
    train.run(artifacts, progress)
    trained = train.ensemble_.estimators_
    made = _evaluate_ensemble(recipe, seed, stages, artifacts, progress, [cost_of_member(member) for member in trained])
    return made | {
        "engine": trained[0].engine_,
        "layers": made["members"][0]["layers"],
        "seconds": round(train.seconds_, 2),
    }


def cost_of_member(trained: MLPClassifier) -> dict[str, Any]:
    """Return the seed of a member of an ensemble, and what its training cost."""
    return {"seed": trained.random_state} | training_cost_of(trained)


def evaluate_members(
    recipe: Recipe,
    seed: int,
    stages: dict[str, Any],
    artifacts: Path,
    progress: Progress,
    files: Sequence[bytes],
    costs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Do what ``run_seed`` does for an ensemble, with members that ``TrainMembers.run_one`` has trained elsewhere.

    Parameters
    ----------
    recipe, seed, stages, artifacts, progress
        As ``run_seed`` takes them.
    files : sequence of bytes
        The members' model files.
    costs : list of dict
        What ``cost_of_member`` has of each, and its engine.
    """
    checked = _checks(recipe, stages["train"], artifacts, progress)
    TrainMembers(stages["train"], recipe.members or 1, seed).run_trained(artifacts, files, progress)
    engine, layers = costs[0]["engine"], costs[0]["layers"]
    own = [{name: value for name, value in cost.items() if name != "engine"} for cost in costs]
    made = _evaluate_ensemble(recipe, seed, stages, artifacts, progress, own)
    return {"seed": seed} | checked | made | {"engine": engine, "layers": layers}


def _mixed(
    recipe: MixedEnsemble, seed: int, stages: dict[str, Any], artifacts: Path, progress: Progress, cache: Path
) -> dict[str, Any]:
    """Train what the cache has not of an ensemble of other recipes, and evaluate it and each of its members."""
    costs = gather_members(recipe, seed, artifacts, progress, one_folder(cache), Train.run)
    return _evaluate_ensemble(recipe, seed, stages, artifacts, progress, costs)


def _evaluate_ensemble(
    recipe: Recipe,
    seed: int,
    stages: dict[str, Any],
    artifacts: Path,
    progress: Progress,
    costs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Evaluate an ensemble that has been trained, and each of its members, whose training cost this."""
    shutil.rmtree(artifacts / EVALUATION, ignore_errors=True)  # of another model, which was here before
    ensemble = load_ensemble(artifacts / MODEL)
    evaluate = partial(stages["evaluate"].evaluate_model, artifacts, progress=progress)
    members = [cost | _figures(evaluate(member)) for cost, member in zip(costs, ensemble.estimators_, strict=True)]
    averaged = evaluate(recipe.averaged(ensemble, seed)) if recipe.test_time else None
    return {"members": members} | _together(members) | _reported(evaluate(ensemble), averaged)


def _together(members: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums over members."""
    return {name: round(sum(member[name] for member in members), 2) for name in TRAINING_COST if name != "layers"}


def _reported(reports: dict[str, Report], averaged: dict[str, Report] | None) -> dict[str, Any]:
    """Return what a model came to; with test-time augmentation, that counts."""
    if averaged is None:
        return _figures(reports) | {"wrong": reports["test"].wrong}
    return _reported(averaged, None) | {"without_averaging": _figures(reports)}


def _figures(reports: dict[str, Report]) -> dict[str, Any]:
    """Return the figures of every part."""
    return {part: _plain(said.figures) for part, said in reports.items()}


def _plain(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures as results have them; what has no value is None."""
    return {name: None if one is None else round(one, 6) for name, one in finite_or_none(figures).items()}


def _history(model: MLPClassifier) -> dict[str, list[float | None]]:
    """Return what was measured in every epoch."""
    columns = {column: _rounded(model.history_[name]) for column, name in FIGURES.items()}
    return {column: figures for column, figures in columns.items() if any(figure is not None for figure in figures)}


def _rounded(figures: list[float | None]) -> list[float | None]:
    """Return figures as results have them.

    Raises
    ------
    ValueError
        For one that is no number: there would be no mean over the seeds.
    """
    wrong = [figure for figure in figures if figure is not None and not math.isfinite(figure)]
    if wrong:
        raise ValueError(f"figures must be finite to be kept; got {wrong[0]}")
    return [None if figure is None else round(figure, 6) for figure in figures]


def _checks(recipe: Recipe, train: Any, artifacts: Path, progress: Progress) -> dict[str, Any]:
    """Do what a recipe asks for beside training: gradients compared, updates by numerical differentiation."""
    done: dict[str, Any] = {}
    if recipe.gradcheck is not None:
        differences = gradcheck.check(train, *_first_samples(artifacts, recipe.gradcheck), progress)
        done["gradcheck"] = [vars(one) for one in differences]
    if recipe.numerical is not None:
        done["numerical"] = _numerical(train, artifacts, recipe.numerical, progress)
    return done


def _numerical(model: MLPClassifier, artifacts: Path, n_updates: int, progress: Progress) -> dict[str, Any]:
    """Train by numerical differentiation alone; return the loss before each update and after the last."""
    parameters = parameter_values(MLPClassifier, model)
    n_samples = builder.sampling(parameters, len(read_labels(artifacts, "train"))).batch_size
    network, X, Y = gradcheck.build(model, *_first_samples(artifacts, n_samples))
    progress.begin("differentiate", n_updates * network.params.size, "parameters")
    began = time.perf_counter()
    try:
        losses = train_numerically(
            network,
            builder.optimizer(parameters),
            X,
            Y,
            learning_rate=model.learning_rate_init,
            n_updates=n_updates,
            advance=progress.advance,
        )
    finally:
        progress.end()
    seconds = round(time.perf_counter() - began, 2)
    return {"images": len(X), "losses": _rounded([*losses, network.evaluate(X, Y)]), "seconds": seconds}


def _first_samples(artifacts: Path, n_samples: int) -> Samples:
    """Return the first training images, normalised, with their labels, and all labels that there are."""
    X = read_pixels(artifacts, "train")[:n_samples]
    y = read_labels(artifacts, "train")
    if X.dtype == np.uint8:
        X = ArrayRows(X, scale=read_normalizer(artifacts).scale_)[:]
    return X, y[:n_samples], np.unique(y)
