"""scikit-learn's ``MLPClassifier``, with the same parameters as ours.

It has no RMSprop, no dropout and no schedule for Adam: it takes Adam, and does without the others.
"""

from typing import Any, Self

from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from benchmarks.rows import Training


class ScikitLearn:
    """What this project takes the place of."""

    def __init__(self, training: Training, seed: int) -> None:
        self.training, self.seed = training, seed

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> Self:
        """Train from new weights."""
        training = self.training
        self.model = MLPClassifier(
            training.hidden,
            training.activation,
            solver="sgd" if training.solver == "sgd" else "adam",
            alpha=0,
            batch_size=training.batch,
            learning_rate_init=training.learning_rate,
            max_iter=training.epochs,
            random_state=self.seed,
            momentum=0,
            nesterovs_momentum=False,
            n_iter_no_change=training.epochs + 1,
        )
        self.model.fit(X, y)
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return probabilities."""
        return self.model.predict_proba(X)
