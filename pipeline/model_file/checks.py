"""What a model in a file must be, whether it is being written or read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.mlp.base import BaseMLP
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.labels import check_classes
from pipeline.mlp.regressor import MLPRegressor
from pipeline.preprocessing.normalize import Normalize

KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (MLPClassifier, MLPRegressor)}
"""The estimators that a file holds, by the name in its header."""


def class_of(estimator: BaseMLP) -> type[Any]:
    """Return the class whose parameters a model has; a stage is one of them as well."""
    return next(kind for kind in KINDS.values() if isinstance(estimator, kind))


def check_width(normalize: Normalize | None, n_features: int) -> None:
    """Raise where a normaliser and the network after it take images of different widths."""
    if normalize is not None and normalize.n_features_in_ != n_features:
        raise ValueError(other_width("normaliser", normalize.n_features_in_, n_features))


def other_width(step: str, given: int, n_features: int) -> str:
    """Return in words that a step and the network after it do not go together."""
    return f"its {step} takes {given} features, and its network {n_features}"


def check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise where weights are no finite numbers, or a label is missing or there twice."""
    for name in ("params", "best_params", "last_params", "average_total"):
        if name in arrays and not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} must be finite numbers")
    if "classes" not in arrays:
        return
    check_classes(arrays["classes"])
    labels = arrays["classes"].tolist()
    if len(set(labels)) < len(labels):
        raise ValueError("classes must be labels that are all different")
