"""A fitted model taken apart into what can be said in operations of ONNX: scaling, and a network or several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from pipeline.ensemble.test_time_augmentation import TestTimeAugmentation
from pipeline.interchange.graph import ExportError
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.preprocessing.normalize import DEFAULT_SCALE, Normalize
from pipeline.text import shown

KNOWN = "MLPClassifier or MLPRegressor, behind Normalize or StandardScaler, an ensemble or with scaled targets"
"""What can be exported, in words."""


@dataclass(frozen=True)
class ModelParts:
    """What a model is made of.

    Attributes
    ----------
    steps : list of Normalize or StandardScaler
        What is before the estimator, in order.
    last : estimator
        A network; an ensemble (``VotingClassifier`` or ``VotingRegressor``), or a ``TransformedTargetRegressor``.
    members : list of ModelParts
        Those of an ensemble, or the one regressor whose targets are scaled.
    """

    steps: list[Normalize | StandardScaler]
    last: Any
    members: "list[ModelParts]"

    @classmethod
    def of(cls, model: Any) -> "ModelParts":
        """Take a model apart.

        Raises
        ------
        ExportError
            For a part that has no form in ONNX, by its name.
        NotFittedError
            Where nothing is fitted.
        """
        *steps, last = list(_flat(model)) or [model]
        for step in steps:
            _check_step(step)
        return cls(steps, last, [cls.of(member) for member in _members(last)])

    @property
    def n_features(self) -> int:
        """How many numbers a sample has."""
        if self.steps:
            return int(self.steps[0].n_features_in_)
        return self.members[0].n_features if self.members else int(self.last.n_features_in_)

    @property
    def weights(self) -> list[float]:
        """What each member of an ensemble counts, 1 together."""
        given, members = self.last.weights, self.last.estimators
        counts = [1.0] * len(self.members) if given is None else _of_members(given, members)
        return [float(count / sum(counts)) for count in counts]

    @property
    def is_classifier(self) -> bool:
        """Whether it predicts labels."""
        return isinstance(self.last, MLPClassifier | VotingClassifier)

    @property
    def input_type(self) -> np.dtype[Any]:
        """The type of the samples that the model was made for: bytes where pixels are scaled inside, else floats."""
        first = self.steps[0] if self.steps else None
        if isinstance(first, Normalize) and first.full_scale_ == DEFAULT_SCALE:
            return np.dtype(np.uint8)
        if self.members:
            types = [member.precision if self.steps else member.input_type for member in self.members]
            return np.result_type(*types)
        return np.dtype(np.uint8) if first is None and self.last.pixel_scale is not None else self.precision

    @property
    def precision(self) -> np.dtype[Any]:
        """What the networks compute in; of several, the widest."""
        if self.members:
            return np.result_type(*(member.precision for member in self.members))
        return np.dtype(self.last.network_.dtype)

    def find(self, attribute: str) -> Any:
        """Return what a step, the estimator or the first member knows by a name; None where none does."""
        for part in (*self.steps, self.last):
            if hasattr(part, attribute):
                return getattr(part, attribute)
        return self.members[0].find(attribute) if self.members else None


def _flat(model: Any) -> Iterator[Any]:
    """Yield the steps of a model, those of pipelines inside of others too."""
    if isinstance(model, FrozenEstimator):
        yield from _flat(model.estimator)
    elif isinstance(model, Pipeline):
        for _, step in model.steps:
            if step is not None and step != "passthrough":
                yield from _flat(step)
    else:
        yield model


def _check_step(step: Any) -> None:
    """Raise unless this is a fitted step that scales, and leaves images as they lie."""
    if not isinstance(step, Normalize | StandardScaler):
        raise _refused(step)
    for name in ("deskew", "ink_width"):
        if getattr(step, name, None):
            raise ExportError(
                f"{type(step).__name__} has {name}={getattr(step, name)!r}, a warp of each image, which has no "
                "form in ONNX: align images before, and train on these without it"
            )
    check_is_fitted(step)


def _members(last: Any) -> list[Any]:
    """Return what is inside of an estimator that is no network itself."""
    if isinstance(last, MLPClassifier | MLPRegressor):
        check_is_fitted(last)
        return []
    if isinstance(last, VotingClassifier) and last.voting != "soft":
        raise ExportError(
            f"the VotingClassifier has voting={last.voting!r}; one with voting='soft', whose mean probability counts, "
            "can be exported"
        )
    if isinstance(last, VotingClassifier | VotingRegressor):
        check_is_fitted(last)
        return list(last.estimators_)
    if isinstance(last, TransformedTargetRegressor):
        check_is_fitted(last)
        if type(last.transformer_) is not StandardScaler:
            raise ExportError(
                "a TransformedTargetRegressor can be exported with a StandardScaler; got one with "
                f"{shown(repr(last.func or last.transformer), 100)}"
            )
        return [last.regressor_]
    raise _refused(last)


def _of_members(weights: Sequence[float], named: Sequence[tuple[str, Any]]) -> list[float]:
    """Return the weights less those of members that were dropped."""
    return [weight for (_, member), weight in zip(named, weights, strict=False) if not isinstance(member, str)]


def _refused(part: Any) -> ExportError:
    """Return the error for a part that cannot be exported: what it is, and what can be."""
    if isinstance(part, TestTimeAugmentation):
        return ExportError(
            "TestTimeAugmentation predicts deformed copies of each image, which have no form in ONNX: export the "
            "classifier inside it"
        )
    if hasattr(part, "best_estimator_"):
        return ExportError(f"{type(part).__name__} is a search, which cannot be exported: export its best_estimator_")
    kind = f"{part.__name__}, a class" if isinstance(part, type) else type(part).__name__
    return ExportError(f"what can be exported is {KNOWN}; got {shown(kind, 100)}")
