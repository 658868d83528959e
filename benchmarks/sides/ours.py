"""Our ``MLPClassifier``, as anybody would call it, with each engine."""

import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Training
from pipeline import Deform, MLPClassifier
from pipeline.network import Cosine
from pipeline.network.compiled.engines import Engine, updater_class


def learning_rate(training: Training) -> Any:
    """Return the schedule of a training."""
    return Cosine(warmup=1) if training.schedule == "cosine" else "constant"


def shifts(training: Training) -> Deform | None:
    """Return how images are shifted in a training."""
    return Deform(translation=training.shift, whole_pixels=True) if training.shift else None


class OursNumPy:
    """Ours in NumPy alone; uint8 images are scaled batch by batch."""

    engine: ClassVar[Engine] = "numpy"

    def __init__(self, training: Training, seed: int) -> None:
        self.training, self.seed = training, seed
        updater_class(self.engine)  # imports what the engine needs

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> Self:
        """Train from new weights."""
        training = self.training
        self.model = MLPClassifier(
            training.hidden,
            training.activation,
            solver=training.solver,
            alpha=0,
            batch_size=training.batch,
            learning_rate=learning_rate(training),
            learning_rate_init=training.learning_rate,
            max_iter=training.epochs,
            random_state=self.seed,
            momentum=0,
            n_iter_no_change=math.inf,
            dropout=training.dropout,
            augmentation=shifts(training),
            pixel_scale=1 / 255 if X.dtype == np.uint8 else None,
            engine=self.engine,
        )
        self.model.fit(X, y)
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities."""
        return self.model.predict_proba(X)


class OursNumba(OursNumPy):
    """Ours with compiled loops: the side that is to win."""

    engine: ClassVar[Engine] = "numba"
