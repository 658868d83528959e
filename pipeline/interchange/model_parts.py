"""A fitted model taken apart into what can be said in operations of ONNX: a normaliser, and a network or several."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pipeline.ensemble.test_time_augmentation import TestTimeAugmentation
from pipeline.interchange.graph import ExportError
from pipeline.mlp.classifier import MLPClassifier
from pipeline.preprocessing.normalize import DEFAULT_SCALE, Normalize
from pipeline.text import shown


@dataclass(frozen=True)
class ModelParts:
    """What a model is made of.

    Attributes
    ----------
    normalize : Normalize or None
        What is before the classifier.
    last : MLPClassifier or VotingClassifier
        The classifier.
    members : list of ModelParts
        Those of an ensemble.
    """

    normalize: Normalize | None
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
        *before, last = _flat(model)
        _check_steps(before)
        if not isinstance(last, MLPClassifier | VotingClassifier):
            raise _refused(last)
        check_is_fitted(last)
        members = [cls.of(member) for member in _members(last)] if isinstance(last, VotingClassifier) else []
        return cls(before[0] if before else None, last, members)

    @property
    def n_features(self) -> int:
        """How many numbers a sample has."""
        if self.normalize is not None:
            return int(self.normalize.n_features_in_)
        return self.members[0].n_features if self.members else int(self.last.n_features_in_)

    @property
    def weights(self) -> list[float]:
        """What each member counts, 1 together."""
        given = self.last.weights
        counts = [1.0] * len(self.members) if given is None else self.last._weights_not_none  # noqa: SLF001 - less those that were dropped
        return [float(count / sum(counts)) for count in counts]

    @property
    def input_type(self) -> np.dtype[Any]:
        """The type of the samples that the model was made for: bytes where pixels are scaled inside, else floats."""
        if self.normalize is not None and self.normalize.full_scale_ == DEFAULT_SCALE:
            return np.dtype(np.uint8)
        if self.members:
            return np.result_type(*(member.input_type for member in self.members))
        if self.normalize is None and self.last.pixel_scale is not None:
            return np.dtype(np.uint8)
        return np.dtype(self.last.network_.dtype)

    def find(self, attribute: str) -> Any:
        """Return what the normaliser, the classifier or the first member knows by a name; None where none does."""
        for part in (self.normalize, self.last):
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


def _check_steps(steps: list[Any]) -> None:
    """Raise unless these are at most one normaliser, which leaves images as they lie."""
    for step in steps:
        if not isinstance(step, Normalize):
            raise _refused(step)
        for name in ("deskew", "ink_width"):
            if getattr(step, name):
                raise ExportError(
                    f"{type(step).__name__} has {name}={getattr(step, name)!r}, which makes images alike by a warp of "
                    "each, and has no form in ONNX: align images before, and train on these without it"
                )
        check_is_fitted(step)
    if len(steps) > 1:
        raise ExportError(f"the model has {len(steps)} normalisers one after the other; one of them can be exported")


def _members(ensemble: VotingClassifier) -> list[Any]:
    """Return the members of an ensemble whose mean probability counts."""
    if ensemble.voting != "soft":
        raise ExportError(
            f"the VotingClassifier has voting={ensemble.voting!r}; one with voting='soft', whose mean probability "
            "counts, can be exported"
        )
    return list(ensemble.estimators_)


def _refused(part: Any) -> ExportError:
    """Return the error for a part that cannot be exported: what it is, and what can be."""
    if isinstance(part, TestTimeAugmentation):
        return ExportError(
            "TestTimeAugmentation predicts deformed copies of each image, which have no form in ONNX: export the "
            "classifier inside it"
        )
    kind = f"{part.__name__}, a class" if isinstance(part, type) else type(part).__name__
    return ExportError(
        "what can be exported is an MLPClassifier, a Pipeline of Normalize and it, or an ensemble of these; got "
        f"{shown(kind, 100)}"
    )
