"""Whether two recipes differ by more than chance: over their seeds, and on the same test images.

Pure functions of what their seeds came to, and the words for it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from statistics import mean, median, variance
from typing import Any

from scipy.special import stdtr

from pipeline.metrics import sign_test
from pipeline.parameters import ParameterError
from pipeline.program import command
from pipeline.recipes.recipe import Recipe

Runs = list[dict[str, Any]]


@dataclass(frozen=True)
class Comparison:
    """How two recipes differ on the test images.

    Parameters
    ----------
    difference : float
        Mean error rate of the one less that of the other.
    p_seeds : float or None
        How likely such a difference of means comes from the seeds alone, by Welch's t-test; None where the seeds are
        too few, or all alike, to say.
    p_images : tuple of float
        How likely such a difference comes from the choice of images alone, by McNemar's test, for every pair of a seed
        of the one and a seed of the other.
    """

    difference: float
    p_seeds: float | None
    p_images: tuple[float, ...]


def check(recipes: Mapping[str, tuple[Recipe, Runs]]) -> None:
    """Raise unless recipes have been run on the same test images.

    Parameters
    ----------
    recipes : mapping of str to (Recipe, list of dict)
        Each recipe with what its seeds came to, by its name.

    Raises
    ------
    ParameterError
        Where one has no results as it stands, or some from before the wrong rows were kept, and for different data.
    """
    datasets = {name: _dataset(recipe) for name, (recipe, _) in recipes.items()}
    if len(set(datasets.values())) > 1:
        told = ", ".join(f"{name} {dataset}" for name, dataset in datasets.items())
        raise ParameterError(f"recipes are compared on the same images; these have {told}")
    for name, (_, runs) in recipes.items():
        if not (runs and all("wrong" in run for run in runs)):
            raise ParameterError(
                f"{name} has no results of itself as it stands: {command('recipes', 'run', name)} first"
            )


def _dataset(recipe: Recipe) -> str:
    fetch: Any = recipe.stages(0)["fetch"]
    return str(fetch.dataset)


def compare(one: Runs, other: Runs) -> Comparison:
    """Compare what the seeds of two recipes came to.

    Parameters
    ----------
    one, other : list of dict
        Their results, at least one of each; of each run, the test error and the wrong rows are looked at.
    """
    wrong, wrong_too = ([set(run["wrong"]) for run in runs] for runs in (one, other))
    return Comparison(
        mean(errors(one)) - mean(errors(other)),
        welch(errors(one), errors(other)),
        tuple(sign_test(len(a - b), len(b - a)) for a, b in product(wrong, wrong_too)),
    )


def errors(runs: Runs) -> list[float]:
    """Return the test error of every seed."""
    return [run["test"]["error_rate"] for run in runs]


def welch(one: list[float], other: list[float]) -> float | None:
    """Return the two-sided p-value of Welch's t-test, or None where it has none.

    With v = s^2 / n of each, t = (mean - mean') / sqrt(v + v') is Student's with
    (v + v')^2 / (v^2 / (n - 1) + v'^2 / (n' - 1)) degrees of freedom: Welch 1947, Biometrika 34.

    Examples
    --------
    >>> round(welch([1, 2, 3], [3, 4, 5]), 4)
    0.0705
    """
    if min(len(one), len(other)) < 2:
        return None
    v, w = variance(one) / len(one), variance(other) / len(other)
    if v + w == 0:
        return None
    freedom = (v + w) ** 2 / (v**2 / (len(one) - 1) + w**2 / (len(other) - 1))
    return float(2 * stdtr(freedom, -abs(mean(one) - mean(other)) / math.sqrt(v + w)))


def describe_comparison(name: str, other: str, found: Comparison) -> str:
    """Return a line for a person.

    Examples
    --------
    >>> describe_comparison("wide", "deep", Comparison(-0.0012, 0.03125, (0.25, 0.5, 0.125)))
    'wide less deep: -0.120 %; p 0.031 over the seeds (Welch), 0.25 on the same images (McNemar, median of 3 pairs)'
    """
    seeds = "unknown" if found.p_seeds is None else f"{found.p_seeds:.2g}"
    pairs = f"median of {len(found.p_images)} pairs" if len(found.p_images) > 1 else "one pair"
    return (
        f"{name} less {other}: {100 * found.difference:.3f} %; p {seeds} over the seeds (Welch), "
        f"{median(found.p_images):.2g} on the same images (McNemar, {pairs})"
    )
