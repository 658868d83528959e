"""What is trained: the networks of the benchmark with their batches and solvers, as one table.

Hands on plain values alone, so that a row can travel to another process as JSON.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

OURS, NUMBA, NUMPY = "ours", "ours, numba", "ours, NumPy"
"""Ours where an engine makes no difference, and with each engine."""
PYTORCH, COMPILED, BFLOAT16 = "PyTorch", "PyTorch compiled", "PyTorch bfloat16"
SKLEARN, FLOOR = "scikit-learn", "floor"
ENGINES = {NUMBA: "numba", NUMPY: "numpy"}
EPOCH = 60_000
"""Images in an epoch, whatever share of them is timed."""


def base(names: Iterable[str]) -> str:
    """Return which of some sides is the one of ours that the others are compared with.

    Examples
    --------
    >>> base(["scikit-learn", "ours, NumPy"]), base(["ours, NumPy", "ours, numba"])
    ('ours, NumPy', 'ours, numba')
    """
    present = tuple(names)
    return next(name for name in (*ENGINES, OURS) if name in present)


@dataclass(frozen=True)
class Training:
    """A network and how it is trained, in words that every side understands.

    Attributes
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    batch : int
        Images in a batch.
    solver : {"sgd", "adam", "rmsprop"}
        The rule of the updates; plain SGD has no momentum. Where a side has no RMSprop, it takes Adam.
    learning_rate : float
        The rate of the solver.
    epochs : int
        How often all images are seen.
    activation : {"relu", "logistic"}
        Of the hidden layers.
    dropout : float
        Share of the hidden units dropped; scikit-learn drops none.
    shift : int
        Pixels that images are shifted by at the most, anew in every epoch; scikit-learn shifts none.
    schedule : {"constant", "cosine"}
        ``cosine`` rises for an epoch, then falls to 0; scikit-learn's rate is constant.
    """

    hidden: tuple[int, ...]
    batch: int
    solver: Literal["sgd", "adam", "rmsprop"]
    learning_rate: float
    epochs: int = 5
    activation: Literal["relu", "logistic"] = "relu"
    dropout: float = 0.0
    shift: int = 0
    schedule: Literal["constant", "cosine"] = "constant"

    def shorter(self, epochs: int) -> Self:
        """Return the same training, of so many epochs."""
        return replace(self, epochs=epochs)

    def widths(self, n_in: int = 784, n_out: int = 10) -> list[int]:
        """Return the widths of all layers, input and output counted."""
        return [n_in, *self.hidden, n_out]

    def as_job(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self)


@dataclass(frozen=True)
class Row:
    """A line of the table: a training, the images that are timed, who takes part, and what is to be reached.

    Attributes
    ----------
    name : str
        A word for ``--rows``.
    training : Training
        What is trained.
    images : int
        Images that an epoch is timed with; the seconds are scaled to 60,000.
    sides : tuple of str
        Who takes part.
    targets : mapping of str to float
        How many times as fast as another side ours with numba is to be; of the floor, the share that is reached.
    """

    name: str
    training: Training
    images: int = EPOCH
    sides: tuple[str, ...] = (NUMBA, NUMPY, SKLEARN, PYTORCH, COMPILED, BFLOAT16, FLOOR)
    targets: Mapping[str, float] = field(default_factory=dict)

    def quick(self) -> Self:
        """Return the row with so few images that it shows nothing but that it works."""
        return replace(self, images=min(self.images, 512), training=self.training.shorter(1))

    def describe(self) -> str:
        """Return network, batch and solver in words.

        Examples
        --------
        >>> Row("", Training((50,), 100, "sgd", 0.1)).describe()
        '784-50-10, batch 100, SGD'
        """
        training = self.training
        activation = " sigmoid" if training.activation == "logistic" else ""
        network = "-".join(map(str, training.widths()))
        return f"{network}{activation}, batch {training.batch}, {SOLVERS[training.solver]}"


SOLVERS = {"sgd": "SGD", "adam": "Adam", "rmsprop": "RMSprop"}

ROWS = {
    row.name: row
    for row in (
        Row(
            "wide-rmsprop",
            Training((512,), 128, "rmsprop", 0.001, epochs=3),
            targets={PYTORCH: 2.6, SKLEARN: 3.2, FLOOR: 0.82},
        ),
        Row(
            "wide-adam",
            Training((512,), 128, "adam", 0.001, epochs=3),
            targets={PYTORCH: 2.1, SKLEARN: 3.1, FLOOR: 0.80},
        ),
        Row(
            "narrow-sgd",
            Training((50,), 100, "sgd", 0.1),
            targets={PYTORCH: 2.5, SKLEARN: 2.4, FLOOR: 0.60},
        ),
        Row(
            "two-layers-adam",
            Training((128, 64), 32, "adam", 0.001, epochs=3),
            targets={PYTORCH: 2.4, SKLEARN: 3.8, FLOOR: 0.50},
        ),
        Row(
            "one-by-one-sgd",
            Training((128, 64), 1, "sgd", 0.1, epochs=3, activation="logistic"),
            images=6_000,
            sides=(
                NUMBA,
                NUMPY,
                SKLEARN,
                PYTORCH,
                COMPILED,
            ),  # the products of a single image are no work for BLAS, and so no floor
            targets={PYTORCH: 20.0, SKLEARN: 30.0},
        ),
        Row(
            "twelve-million-adam",
            Training((2500, 2000, 1500, 1000, 500), 128, "adam", 0.001, epochs=2),
            images=9_600,
            sides=(NUMBA, NUMPY, PYTORCH, COMPILED, BFLOAT16, FLOOR),
            targets={PYTORCH: 1.75, FLOOR: 0.80},
        ),
    )
}
"""The rows of the table, by name."""

FIRST = ROWS["wide-rmsprop"]
"""The row that is measured beside a neighbour, in memory, and in prediction."""
