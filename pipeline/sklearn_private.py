"""What is used of scikit-learn under names that it keeps to itself, in one place: a release may change any of them.

Each is here because nothing public says, or takes, the same. All were tried with scikit-learn 1.9.0 and 1.9.1.

``_training_dim``
    Of a ``TransformedTargetRegressor``: whether its targets had one dimension or two, and so whether predictions have.
``_label_binarizer``
    Of a fitted ``MLPClassifier``: what makes labels of outputs; it cannot predict without.
``_optimizer``, and its classes in ``_stochastic_optimizers``
    Of a fitted network: the moments or velocities that training goes on with.
``_no_improvement_count``
    Of one: for how many epochs it has not become better, which decides when training stops.
``_best_coefs``, ``_best_intercepts``
    Of one that stops early: the weights that it comes back to when it trains on without becoming better.
``_random_state``
    Of one: what ``partial_fit`` shuffles by.

scikit-learn's callbacks have theirs in `pipeline.callbacks`, and what goes into the midst of a search in
`pipeline.search.methods` and `pipeline.together.search_tasks`.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np


def n_target_dims(model: Any) -> int:
    """Return whether the targets that a ``TransformedTargetRegressor`` was fitted to had one dimension or two."""
    return int(model._training_dim)  # noqa: SLF001 - as said above


def set_n_target_dims(model: Any, n_dims: int) -> None:
    """Have a ``TransformedTargetRegressor`` predict as after a fit to targets of one dimension or two."""
    model._training_dim = n_dims  # noqa: SLF001 - as said above


@dataclass(frozen=True)
class NetworkState:
    """What a fitted network of scikit-learn holds beside its public attributes.

    Attributes
    ----------
    optimizer : AdamOptimizer, SGDOptimizer or None
        None where it was trained without, or by another.
    label_binarizer : LabelBinarizer or None
        None for a regressor.
    stalled : int
        Epochs without improvement.
    """

    optimizer: Any = None
    label_binarizer: Any = None
    stalled: int = 0

    @classmethod
    def of(cls, fitted: Any) -> Self:
        """Return it of a fitted one, which may lack any part."""
        found = vars(fitted)
        return cls(found.get("_optimizer"), found.get("_label_binarizer"), int(found.get("_no_improvement_count", 0)))

    def put_into(self, fitted: Any) -> None:
        """Give it to one that has its weights, which are its best from then on."""
        fitted.__dict__.update(
            _best_coefs=[W.copy() for W in fitted.coefs_],
            _best_intercepts=[b.copy() for b in fitted.intercepts_],
            _no_improvement_count=self.stalled,
            _random_state=np.random.RandomState(),
        )
        if self.optimizer is not None:
            fitted.__dict__.update(_optimizer=self.optimizer)
        if self.label_binarizer is not None:
            fitted.__dict__.update(_label_binarizer=self.label_binarizer)


def optimizer_classes() -> tuple[type[Any], type[Any]]:
    """Return scikit-learn's own classes of Adam and of SGD."""
    from sklearn.neural_network import _stochastic_optimizers  # noqa: PLC0415 - for start-up time: a model file has none

    return _stochastic_optimizers.AdamOptimizer, _stochastic_optimizers.SGDOptimizer
