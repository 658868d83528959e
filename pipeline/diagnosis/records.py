"""What is measured of a training, before it and after every epoch, and what was found: plain values that JSON has.

``examination`` makes the records, ``symptoms`` makes findings of them, and a ``Diagnosis`` holds both.
"""

import math
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Histogram:
    """How many activations lie where: ``counts`` of bins of equal width from ``low`` to ``high``."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class LayerRecord:
    """An affine layer and the activation after it, on the probe.

    Attributes
    ----------
    n_units : int
        Its width.
    weight : float
        Norm of W.
    gradient : float
        Norm of dW.
    update : float or None
        Norm of what the last update added to W, over the norm of W; None where there was none.
    distance : float
        Norm of W less what it was at first, over the norm of that.
    activation : str or None
        The class of the activation; None for the output.
    dead : float or None
        Fraction of the units that pass no gradient on for any sample; None where that cannot be, as for sigmoid.
    saturated : float or None
        Fraction of the outputs, over units and samples, in the flat ends of sigmoid or tanh; None for others.
    histogram : Histogram or None
        Of the activation's outputs.
    """

    n_units: int
    weight: float
    gradient: float
    update: float | None
    distance: float
    activation: str | None = None
    dead: float | None = None
    saturated: float | None = None
    histogram: Histogram | None = None


@dataclass(frozen=True)
class EpochRecord:
    """All layers after an epoch; epoch 0 is before training.

    Attributes
    ----------
    epoch : int
        Its number in the history.
    loss, score : float
        On the probe, without penalty, smoothing, dropout and noise.
    learning_rate : float or None
        Of the last update.
    validation_score : float or None
        On validation data, where there are some.
    layers : tuple of LayerRecord
        From the first hidden layer to the output.
    """

    epoch: int
    loss: float
    score: float
    learning_rate: float | None
    validation_score: float | None
    layers: tuple[LayerRecord, ...]


@dataclass(frozen=True)
class ByHeart:
    """How a replica of the network learned a few samples by heart, before training.

    Attributes
    ----------
    n_samples, n_updates : int
        How many samples, and the updates that it took or was given.
    loss : float
        At the end.
    learned : bool
        Whether it is right on all, or has halved its loss at least.
    """

    n_samples: int
    n_updates: int
    loss: float
    learned: bool


@dataclass(frozen=True)
class Finding:
    """Something that went wrong.

    Attributes
    ----------
    symptom : str
        Its name, one of ``symptoms.SYMPTOMS``.
    what : str
        What was measured, and where.
    remedy : str
        What to try.
    layer, epoch : int or None
        The layer, counted from 1, and the epoch in which it was seen.
    """

    symptom: str
    what: str
    remedy: str
    layer: int | None = None
    epoch: int | None = None

    def __str__(self) -> str:
        return f"{self.what}. Try: {self.remedy}."


@dataclass
class Diagnosis:
    """All that was measured of a training, and what was found.

    Attributes
    ----------
    n_classes : int
        Of the labels; 2 for several labels at once; 0 where numbers are predicted.
    chance_loss, chance_score : float
        Of a prediction that knows nothing: all classes alike, and always the most frequent; or the best constant.
    input_rms : float
        Root mean square of the probe's inputs.
    learning_rate : float or None
        That training began with; None for L-BFGS, which has none.
    n_updates_per_epoch : int
        Updates in an epoch.
    epochs : list of EpochRecord
        The first is before training.
    by_heart : ByHeart or None
        None where training was resumed.
    diverged_in : int or None
        The epoch in which the loss became infinite or NaN.
    findings : list of Finding
        None of them where all is well; what explains the others comes first.
    """

    n_classes: int
    chance_loss: float
    chance_score: float
    input_rms: float
    learning_rate: float | None
    n_updates_per_epoch: int
    epochs: list[EpochRecord] = field(default_factory=list)
    by_heart: ByHeart | None = None
    diverged_in: int | None = None
    findings: list[Finding] = field(default_factory=list)

    def __repr__(self) -> str:
        found = ", ".join(finding.symptom for finding in self.findings) or "no findings"
        return f"Diagnosis({len(self.epochs)} records: {found})"

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "Nothing wrong was found."

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it: numbers of four digits, None for those that are not finite.

        Of many epochs it has a thousand at the most, fewer of deep networks: evenly, from the first to the last.
        """
        some = replace(self, epochs=_some(self.epochs))
        return {name: _plain(value) for name, value in asdict(some).items()}

    @classmethod
    def from_dict(cls, plain: Any) -> Self:
        """Return what ``to_dict`` had; what was not finite is NaN.

        Raises
        ------
        ValueError
            Where it is no such mapping.
        """
        try:
            made = _make(cls, plain)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"it is no diagnosis: {error}") from error
        n_layers = {len(record.layers) for record in made.epochs}
        if len(n_layers) != 1 or not all(n_layers):
            raise ValueError("a diagnosis has records, all of the same layers")
        return made


_MOST_RECORDS, _MOST_LAYER_RECORDS = 1000, 20_000
"""Records of epochs, and of layers in all of them, that are written: `read_json` takes no file of any size."""


def _some(records: list[EpochRecord]) -> list[EpochRecord]:
    """Return as many as are written, evenly by their places, with the first and the last."""
    if not records:
        return []
    most = max(2, min(_MOST_RECORDS, _MOST_LAYER_RECORDS // max(1, len(records[0].layers))))
    if len(records) <= most:
        return records
    return [records[at * (len(records) - 1) // (most - 1)] for at in range(most)]


def _make(kind: Any, plain: Any) -> Any:
    """Return a value of an annotated type, made of what JSON has for it; raise a TypeError where it is another."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _make(hints[name], value) for name, value in plain.items()})  # type: ignore[operator]  # a class
    origin, inside = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if plain is None else _make(inside[0], plain)
    if origin in {list, tuple}:
        return origin([_make(inside[0], one) for one in plain])
    if kind is float and plain is None:
        return math.nan
    expected = (int, float) if kind is float else kind
    if not isinstance(plain, expected) or (isinstance(plain, bool) and kind is not bool):
        raise TypeError(f"{plain!r:.50} is not of type {kind.__name__}")
    return kind(plain)


def _plain(value: Any) -> Any:
    """Return a value with its numbers rounded, so that a file of them stays small."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
