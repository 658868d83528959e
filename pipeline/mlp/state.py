"""What an estimator has learned, as plain values and arrays, and what these must be.

``get_state`` and ``set_state`` are for the model file. What a state must be is told from the estimator's parameters,
before an array of it is read or a layer is made.
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from pipeline.images.statistics import ImageStatistics
from pipeline.mlp import builder
from pipeline.mlp.base import BaseMLP
from pipeline.mlp.targets import LABEL_TYPES, RegressionTargets
from pipeline.network.compiled.engines import ENGINES
from pipeline.network.training import Epoch, Trainer
from pipeline.text import shown

Array = NDArray[Any]

MAX_LAYERS = 1000
"""Hidden layers that a model file may ask for: each takes some kilobytes, and three bytes in the file."""


class ArraySpec(NamedTuple):
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


def _number(value: Any) -> bool:
    """Tell whether a value is a number, infinite or none perhaps, that a float holds."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63 and not isinstance(value, bool))


def _number_or_none(value: Any) -> bool:
    return value is None or _number(value)


def _count(value: Any) -> bool:
    return _number(value) and isinstance(value, int) and value >= 0


def _list_of(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(kind, value))


Kinds = Mapping[str, Callable[[Any], bool]]

_VALUES: Kinds = {
    "loss_": _number,
    "best_loss_": _number_or_none,
    "best_validation_score_": _number_or_none,
    "loss_curve_": _list_of(_number),
    "validation_scores_": lambda value: value is None or _list_of(_number)(value),
    "n_features_in_": lambda value: _count(value) and value > 0,
    "n_outputs_": lambda value: _count(value) and value > 0,
    "n_iter_": _count,
    "t_": _count,
    "history": lambda value: isinstance(value, dict),
}
_HISTORY: Kinds = {field.name: _list_of(_number_or_none) for field in fields(Epoch)}
_TRAINING: Kinds = {
    "initial_rate": _number,
    "learning_rate": _number,
    "length": _number,
    "samples": _count,
    "updates": _count,
    "t": _count,
    "best": _number_or_none,
    "stalled": _count,
    "split_seed": _count,
}
_ADDED_LATER: Kinds = {"reference": _number_or_none, "schedule_start": _count}
_AVERAGE: Kinds = {"weight": _number, "n_epochs": _count}


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
    _check(values, {"engine": ENGINES.__contains__} if "engine" in values else {})
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


def expected_arrays(parameters: builder.Parameters, values: Mapping[str, Any]) -> dict[str, ArraySpec]:
    """Return what arrays a state has, by their names: all that there may be, as parameters and plain values demand.

    Parameters
    ----------
    parameters : mapping
        The estimator's, which are checked already.
    values : mapping
        Of the state, checked by ``check_values``.

    Raises
    ------
    ValueError
        Where they do not go together, or ask for too many layers.
    """
    n_outputs = values["n_outputs_"]
    targets = _arrays_of_targets(parameters, values)
    check_depth(parameters)
    layers = builder.layers(parameters, values["n_features_in_"], n_outputs)
    n_learned = sum(layer.n_parameters for layer in layers)
    whole = ArraySpec(("float32", "float64"), [(n_learned + sum(layer.n_state for layer in layers),)])
    learned = ArraySpec(whole.dtypes, [(n_learned,)])
    specs = {**targets, "params": whole}
    if "training" in values:
        slots = () if parameters["solver"] == "lbfgs" else builder.optimizer(parameters).slots
        specs |= {f"optimizer_{slot}": learned for slot in slots}
        specs |= {"best_params": whole, "last_params": whole}
        specs |= {} if parameters["averaging"] is None else {"average_total": learned}
    return specs


def _arrays_of_targets(parameters: builder.Parameters, values: Mapping[str, Any]) -> dict[str, ArraySpec]:
    """Return the arrays that say what is predicted: a classifier's labels; of numbers there are none."""
    n_outputs = values["n_outputs_"]
    if "loss" in parameters:
        check_n_targets(parameters, values)
        return {}
    kind = values["y_type"]
    if kind not in LABEL_TYPES or (kind == "binary" and n_outputs != 1):
        raise ValueError(f"{n_outputs} outputs for {shown(repr(kind), 50)} labels")
    return {"classes": ArraySpec(_KINDS_OF_LABELS, [(1,), (2,)] if kind == "binary" else [(n_outputs,)])}


def check_n_targets(parameters: builder.Parameters, values: Mapping[str, Any]) -> RegressionTargets:
    """Return the targets of a regressor's state.

    Raises
    ------
    KeyError, ValueError
        Where there is no such number of them, or it is not that of the outputs.
    """
    n_targets, n_outputs = values["n_targets"], values["n_outputs_"]
    if not _count(n_targets) or n_targets < 1:
        raise ValueError(f"n_targets must not be {shown(repr(n_targets), 50)}")
    targets = RegressionTargets(n_targets, builder.n_quantiles(parameters))
    if targets.n_outputs != n_outputs:
        raise ValueError(f"{n_outputs} outputs for {n_targets} targets, with {targets.n_quantiles or 1} for each")
    return targets


OPTIONAL = ("last_params",)
"""Arrays that need not be there: where training did not end with other parameters than it goes on from."""


def check_depth(parameters: builder.Parameters) -> None:
    """Raise a ValueError for more layers than a file may ask for."""
    n_layers = len(builder.hidden_sizes(parameters))
    if n_layers > MAX_LAYERS:
        raise ValueError(f"{n_layers} hidden layers; a model file has {MAX_LAYERS} at the most")


_PLAIN_ATTRIBUTES = (
    "best_loss_",
    "best_validation_score_",
    "loss_",
    "loss_curve_",
    "n_features_in_",
    "n_iter_",
    "n_outputs_",
    "t_",
    "validation_scores_",
)


class StatefulMLP(BaseMLP):
    """An estimator whose state can be written to a file, and read again."""

    def get_state(self, *, resume: bool = False) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what was learned: plain values that JSON has, and arrays.

        Parameters
        ----------
        resume : bool, default=False
            Whether to add what it takes to go on with training.

        Returns
        -------
        values, arrays : dict, dict
            ``set_state`` takes them. Seconds are left out, so that equal training gives an equal state.
        """
        check_is_fitted(self)
        values: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN_ATTRIBUTES}
        targets, arrays = self._target_state()
        values |= targets
        values["history"] = {**self.history_, "seconds": [None] * len(self.history_["loss"])}
        arrays["params"] = self.network_.snapshot()
        if hasattr(self, "input_statistics_"):  # `partial_fit` sees no training set
            values["inputs"] = self.input_statistics_.get_state()
        if hasattr(self, "background_"):
            values["background"] = self.background_
        if hasattr(self, "feature_names_in_"):
            values["feature_names"] = [str(name) for name in self.feature_names_in_]
        if hasattr(self, "engine_"):  # a file of an older version has none
            values["engine"] = self.engine_
        if resume:
            plain, of_training = self._resuming_trainer().get_state()
            values["training"] = {**plain, "split_seed": self._split_seed}
            arrays |= of_training
        return values, arrays

    def _resuming_trainer(self) -> Trainer:
        """Return the trainer as ``fit`` would go on with it: parameters may have been set since it trained."""
        trainer = copy(self._trainer)
        trainer.adopt(self._new_trainer(1, allocate=False))
        return trainer

    def set_state(self, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Become what ``get_state`` was asked of, given the same parameters.

        Raises
        ------
        KeyError, ValueError
            Where the state is not one of an estimator with these parameters.
        """
        for name in _PLAIN_ATTRIBUTES:
            setattr(self, name, values[name])
        if "inputs" in values:
            self.input_statistics_ = ImageStatistics.from_state(values["inputs"])
        if "background" in values:
            self.background_ = float(values["background"])
        if "feature_names" in values:
            self.feature_names_in_ = np.array(values["feature_names"], dtype=object)
        if "engine" in values:
            self.engine_ = values["engine"]
        self._set_target_state(values, arrays)
        self._check_params(arrays["params"])
        self.history_ = {field.name: values["history"][field.name] for field in fields(Epoch)}
        self._build(self.n_features_in_, arrays["params"].dtype)
        self.network_.restore(arrays["params"])
        self._trainer = self._new_trainer(1)
        self._trainer.samples = self.t_
        self._trainer.history = [Epoch(*figures) for figures in zip(*self.history_.values(), strict=True)]
        if self._trainer.schedule.ends:
            self._trainer.begin_schedule()  # how far it had come is told by the training alone
        if "training" in values:
            self._split_seed = values["training"]["split_seed"]
            self._trainer.set_state(values["training"], arrays)
        return self

    def _target_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what the targets are, as plain values and arrays."""
        raise NotImplementedError

    def _set_target_state(self, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Have the targets that ``_target_state`` told of; raise a ValueError where the outputs are not theirs."""
        raise NotImplementedError

    def _check_params(self, params: Array) -> None:
        """Raise where parameters are not those of the network that is about to be built."""
        layers = builder.layers(self._parameter_values(), self.n_features_in_, self.n_outputs_)
        size = sum(layer.n_parameters + layer.n_state for layer in layers)
        if params.dtype not in (np.float32, np.float64) or params.shape != (size,):
            raise ValueError(f"{params.shape} {params.dtype} parameters, where {layers} have {size}")
