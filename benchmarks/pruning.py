"""What Optuna's pruning saves: the default search with it and without, for several seeds.

Both choose from the same seeds; the accuracy is that of the best candidate on images held out from training. Nothing
looks at the test images.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from benchmarks.data import load
from benchmarks.measure import ROOT
from benchmarks.options import Options, say
from pipeline import Preprocess, Train
from pipeline.cli.params_file import check_document, read_document, with_values
from pipeline.search.evaluation import Data, Task, evaluate
from pipeline.search.methods import Trial
from pipeline.search.pruning import search_optuna
from pipeline.search.space import read_space
from pipeline.workers import Workers

MINUTES = 8
LEAST_SAVED = 0.5
"""The fraction of the epochs that pruning is to save."""
LARGEST_LOSS = 0.1
"""The percentage points of accuracy that it may cost."""
SEEDS = range(10)
_CANDIDATES = 30
_IMAGES, _HELD_OUT = 6_000, 1_500


def run(options: Options) -> dict[str, Any]:
    """Search with pruning and without."""
    X, y = load(options.folder, "train", options.images(_IMAGES))
    data = held_out_data(X, y)
    seeds, n_candidates = (range(1), 6) if options.quick else (options.seeds or SEEDS, _CANDIDATES)
    with Workers().sharing(data) as workers:
        found = {name: compare(workers, seeds, n_candidates, prune=name == "pruned") for name in ("whole", "pruned")}
    return {"images": len(X), "candidates": n_candidates, "seeds": list(seeds), **found, **gain(**found)}


def held_out_data(X: Any, y: Any) -> Data:
    """Return images and labels with a quarter of the rows held out."""
    rows, held_out = train_test_split(np.arange(len(y)), test_size=0.25, random_state=0, stratify=y)
    return Data(X, y, [(np.sort(rows), np.sort(held_out))])


def compare(workers: Workers, seeds: Sequence[int], n_candidates: int, *, prune: bool) -> dict[str, Any]:
    """Return the epochs of the default search and its best accuracy, for every seed."""
    epochs, best, max_iter = [], [], read_document(ROOT / "params.yaml")["train"]["max_iter"]
    for seed in seeds:
        say(f"pruning: seed {seed}, {'with' if prune else 'without'} it")
        evaluate_batch = partial(evaluate_on, workers)
        trials = search_optuna(
            read_space(None), n_candidates, seed, evaluate_batch, max_iter=max_iter if prune else None
        )
        epochs.append(sum(trial.result["epochs"] for trial in trials))
        best.append(max(trial.result["accuracy"] or 0.0 for trial in trials))
    return {"epochs": epochs, "best": best}


def evaluate_on(workers: Workers, trials: Sequence[Trial]) -> list[Trial]:
    """Return trials with their results, from the parameters of ``params.yaml``."""
    document = read_document(ROOT / "params.yaml")
    constructors = {"preprocess": Preprocess, "train": Train}
    tasks = []
    for trial in trials:
        values = with_values({name: document[name] for name in constructors}, trial.values)
        tasks.append(Task(trial.values, check_document(values, constructors), trial.pruning))
    results = dict(workers.run(evaluate, tasks))
    return [replace(trial, result=results[number]) for number, trial in enumerate(trials)]


def gain(whole: dict[str, Any], pruned: dict[str, Any]) -> dict[str, float]:
    """Return the fraction of the epochs that was saved, and what it cost in percentage points of the best accuracy."""
    saved = 1 - sum(pruned["epochs"]) / sum(whole["epochs"])
    loss = 100 * float(np.mean(whole["best"]) - np.mean(pruned["best"]))
    return {"saved": round(saved, 4), "loss": round(loss, 4)}
