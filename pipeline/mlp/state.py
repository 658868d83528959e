"""What a classifier's state must be, told from its parameters before an array of it is read or a layer is made."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.mlp import builder
from pipeline.network.training import Epoch
from pipeline.text import shown

if TYPE_CHECKING:
    from pipeline.mlp.classifier import MLPClassifier

MAX_LAYERS = 1000
"""Hidden layers that a model file may ask for: each takes some kilobytes, and three bytes in the file."""


class Demand(NamedTuple):
    """What an array must be.

    Attributes
    ----------
    dtypes : tuple of str
        The names of the types that are allowed, or the letters of kinds.
    shapes : list of tuple of int
        The shapes that are allowed.
    """

    dtypes: tuple[str, ...]
    shapes: list[tuple[int, ...]]


_KINDS_OF_LABELS = ("b", "i", "u", "f", "U", "S", "M", "m")


def _figure(value: Any) -> bool:
    """Tell whether a value is a number, infinite or none perhaps, that a float holds."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63 and not isinstance(value, bool))


def _figure_or_none(value: Any) -> bool:
    return value is None or _figure(value)


def _count(value: Any) -> bool:
    return _figure(value) and isinstance(value, int) and value >= 0


def _list_of(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(kind, value))


Kinds = Mapping[str, Callable[[Any], bool]]

_VALUES: Kinds = {
    "loss_": _figure,
    "best_loss_": _figure_or_none,
    "best_validation_score_": _figure_or_none,
    "loss_curve_": _list_of(_figure),
    "validation_scores_": lambda value: value is None or _list_of(_figure)(value),
    "n_features_in_": lambda value: _count(value) and value > 0,
    "n_outputs_": lambda value: _count(value) and value > 0,
    "n_iter_": _count,
    "t_": _count,
    "history": lambda value: isinstance(value, dict),
}
_HISTORY: Kinds = {field.name: _list_of(_figure_or_none) for field in fields(Epoch)}
_TRAINING: Kinds = {
    "initial_rate": _figure,
    "learning_rate": _figure,
    "length": _figure,
    "samples": _count,
    "updates": _count,
    "t": _count,
    "best": _figure_or_none,
    "stalled": _count,
    "split_seed": _count,
}
_ADDED_LATER: Kinds = {"reference": _figure_or_none, "schedule_start": _count}
_AVERAGE: Kinds = {"weight": _figure, "n_epochs": _count}


def check_values(values: Mapping[str, Any]) -> None:
    """Raise unless the plain values of a state are of the kinds that ``get_state`` gives.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where something is missing, or is of another kind.
    """
    _check(values, _VALUES)
    _check(values["history"], _HISTORY)
    lengths = {name: len(values["history"][name]) for name in _HISTORY}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of its history have {lengths} figures")
    names: Any = values.get("feature_names", ())
    if "feature_names" in values and not (_list_of(_is_text)(names) and len(names) == values["n_features_in_"]):
        raise ValueError(f"feature_names must be {values['n_features_in_']} words")
    if "training" in values:
        training = values["training"]
        _check(training, {**_TRAINING} | {name: kind for name, kind in _ADDED_LATER.items() if name in training})
        _check(training.get("average", {}), _AVERAGE if "average" in training else {})


def _check(values: Mapping[str, Any], kinds: Kinds) -> None:
    """Raise for the first value that is missing, or of another kind."""
    for name, is_one in kinds.items():
        if not is_one(values[name]):
            raise ValueError(f"{name} must not be {shown(repr(values[name]), 50)}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def demanded_arrays(model: "MLPClassifier", values: Mapping[str, Any]) -> dict[str, Demand]:
    """Return what arrays a state has, by their names: all that there may be, as parameters and plain values demand.

    Parameters
    ----------
    model : MLPClassifier
        With its parameters, which are checked already.
    values : mapping
        Of the state, checked by ``check_values``.

    Raises
    ------
    ValueError
        Where they do not go together, or ask for too many layers.
    """
    n_outputs, kind = values["n_outputs_"], values["y_type"]
    if kind not in {"binary", "multiclass", "multilabel-indicator"} or (kind == "binary" and n_outputs != 1):
        raise ValueError(f"{n_outputs} outputs for {shown(repr(kind), 50)} labels")
    check_depth(model)
    layers = builder.layers(model, values["n_features_in_"], n_outputs)
    n_learned = sum(layer.n_parameters for layer in layers)
    whole = Demand(("float32", "float64"), [(n_learned + sum(layer.n_state for layer in layers),)])
    learned = Demand(whole.dtypes, [(n_learned,)])
    classes = Demand(_KINDS_OF_LABELS, [(1,), (2,)] if kind == "binary" else [(n_outputs,)])
    demands = {"classes": classes, "params": whole}
    if "training" in values:
        slots = () if model.solver == "lbfgs" else builder.optimizer(model).slots
        demands |= {f"optimizer_{slot}": learned for slot in slots}
        demands |= {"best_params": whole, "last_params": whole}
        demands |= {} if model.averaging is None else {"average_total": learned}
    return demands


OPTIONAL = ("last_params",)
"""Arrays that need not be there: where training did not end with other parameters than it goes on from."""


def check_depth(model: "MLPClassifier") -> None:
    """Raise a ValueError for more layers than a file may ask for."""
    n_layers = len(builder.hidden_sizes(model))
    if n_layers > MAX_LAYERS:
        raise ValueError(f"{n_layers} hidden layers; a model file has {MAX_LAYERS} at the most")
