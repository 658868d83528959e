"""The tasks of scikit-learn's searches: what each is to fit, what it has in common with others, and its scores.

A task is a candidate and a fold.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import clone

from pipeline.mlp.base import BaseMLP
from pipeline.network.batches import MAX_COPIED, Samples
from pipeline.network.compiled.engines import predict_side_by_side, split_columns
from pipeline.network.layers import Affine
from pipeline.together.estimators import samples_key, sharing_key, takes_shared_samples
from pipeline.together.steps import NetworkSamples, fit_steps, network_of, steps_key, weight_name

LATER = 3
"""What a multiplication of another layer costs, measured on images, of which the first layer passes over many zeros."""
BESIDE = 16_000
"""What a sample costs beside them, the same."""


@dataclass
class SearchTask:
    """A candidate, whose parameters are set, to be fitted and scored on a fold.

    Attributes
    ----------
    number : int
        Its own.
    function : callable
        scikit-learn's, that fits and scores.
    model : estimator
        The candidate: a network, or what it is the innermost of.
    X, y
        All samples of the search.
    keywords : dict
        What else the function is called with.
    """

    number: int
    function: Any
    model: Any
    X: Any
    y: Any
    keywords: dict[str, Any]

    @cached_property
    def network(self) -> Any:
        """The network that is trained."""
        network = network_of(self.model)
        return network if network is self.model else clone(network)

    @property
    def fit_params(self) -> dict[str, Any]:
        """What ``fit`` is called with beside the samples, for all samples of the search."""
        return self.keywords.get("fit_params") or {}

    @cached_property
    def fold(self) -> tuple[Any, ...]:
        """What tasks have in common whose samples are the same, for training and for scores."""
        rows = id(self.keywords["train"]), id(self.keywords["test"])
        return id(self.X), id(self.y), *rows, *map(id, self.fit_params.values())

    @cached_property
    def steps(self) -> str | None:
        """What tasks of a fold have in common that are the same but for the network; None for one with nothing."""
        return steps_key(self.model)

    @cached_property
    def samples(self) -> tuple[Any, ...]:
        """What tasks with the same steps have in common that take the same of the samples."""
        return samples_key(self.network)

    @cached_property
    def sharing(self) -> tuple[Any, ...] | None:
        """What tasks have in common whose networks are trained together; None for one that is trained by itself."""
        return sharing_key(self.network)

    @cached_property
    def cost(self) -> float:
        """About how long it takes, in multiplications of the first layer, which learns from no other layer's error."""
        values = self.network.get_params(deep=False)
        first, *later = map(float, np.append(values["hidden_layer_sizes"], 1))
        products = self.X.shape[1] * first + LATER * sum(a * b for a, b in pairwise((first, *later)))
        return max(1.0, (products + BESIDE) * len(self.keywords["train"]) * float(values["max_iter"]))

    @cached_property
    def kind(self) -> str:
        """What tasks have in common whose updates are one product where they are in one piece."""
        values = self.network.get_params(deep=False)
        return repr([values[name] for name in ("hidden_layer_sizes", "activation", "solver")])

    def shareable(self) -> bool:
        """Tell whether it has something in common with others; raise for parameters that cannot be understood."""
        if not takes_shared_samples(self.network) or not self.fit_params.keys() <= {weight_name(self.model)}:
            return False
        return self.steps is not None and bool(self.samples and self.kind and self.cost)

    def fit_steps(self) -> tuple[Any, NetworkSamples]:
        """Fit what comes before the network to a copy of the fold's training samples."""
        train = self.keywords["train"]
        params = {name: _rows(values, train) for name, values in self.fit_params.items()}
        return fit_steps(self.model, _rows(self.X, train), _rows(self.y, train), params)

    @cached_property
    def scores_as_it_is(self) -> bool:
        """Whether samples that are scored need no copy for this task: nothing writes to them, or takes others."""
        needs_more = self.keywords.get("return_train_score") or self.keywords.get("score_params")
        scorer, model = type(self.keywords.get("scorer")), type(self.model)
        known = scorer.__module__.startswith("sklearn.metrics.") and model.__module__.startswith("pipeline.")
        single = "Multi" not in scorer.__name__  # several may be of one's own
        arrays = all(type(given) is np.ndarray for given in (self.X, self.y, self.keywords["test"]))
        return arrays and known and single and self.network is self.model and not needs_more

    def score(self, fit: Callable[..., Any], held_out: "HeldOut | None" = None, outputs: Any = None) -> Any:
        """Have scikit-learn score what ``fit`` returns, on what was held out where that is given.

        What the network's outputs are for that may be known already.
        """
        X, y = self.X, self.y
        if held_out is not None and self.scores_as_it_is:
            X, y = held_out.X.view(_AsItIs), held_out.y.copy().view(_AsItIs)  # a measure may write to what is true
            if outputs is not None:
                self.model._outputs = lambda _: outputs  # noqa: SLF001 - its own, for all that is scored
        keywords = dict(self.keywords)
        if not keywords.get("return_train_score"):
            keywords["train"] = _first(keywords["train"])  # samples are not copied again, to be fitted to by nothing
        self.model.fit = fit
        try:
            return self.function(self.model, X, y, **keywords)
        finally:
            del self.model.fit
            vars(self.model).pop("_outputs", None)


class HeldOut:
    """The samples of a fold that are scored, of which scikit-learn makes no more copies.

    Parameters
    ----------
    X, y : ndarray
        All samples of the search.
    test : ndarray
        Which of them.
    """

    def __init__(self, X: Any, y: Any, test: Any) -> None:
        self.X, self.y = X[test], y[test]
        self._lock = Lock()
        self._columns: Any = None

    def outputs(self, models: Sequence[BaseMLP]) -> list[Any]:
        """Return what the network of each model gives for X, None where it is left to the model."""
        known = [k for k, model in enumerate(models) if self._multiplies(model)]
        outputs: list[Any] = [None] * len(models)
        if len(known) > 1 and math.isfinite(np.add.reduce(self.X, axis=None)):
            networks = [models[k].network_ for k in known]
            with self._lock:
                if self._columns is None:
                    self._columns = split_columns(Samples(self.X, np.empty((len(self.X), 1), self.X.dtype)))
            for k, P in zip(known, predict_side_by_side(networks, self._columns), strict=True):
                outputs[k] = P
        return outputs

    def _multiplies(self, model: BaseMLP) -> bool:
        """Tell whether a model has a network that takes X as it is, by a product."""
        network, X = getattr(model, "network_", None), self.X
        if network is None or type(network.layers[0]) is not Affine:
            return False
        return (
            X.ndim == len("ij") and X.shape[1] == network.n_in and X.dtype == network.dtype and 0 < X.size <= MAX_COPIED
        )


class _AsItIs(np.ndarray[Any, Any]):
    """Samples of which scikit-learn takes rows that have been taken already: they are all of them, and no copy."""

    def __getitem__(self, rows: Any) -> Any:
        """Return all of them as a plain array."""
        return self.view(np.ndarray)


def as_search_task(calls: Any, number: int) -> SearchTask | None:
    """Return joblib's calls as the task of a search, None for others, or for one that is done by itself."""
    items = getattr(calls, "items", ())
    if len(items) != 1:
        return None
    function, arguments, keywords = next(iter(items))
    if getattr(function, "__name__", "") != "_fit_and_score" or len(arguments) < len("Xye"):
        return None
    model, X, y = arguments[:3]
    given = X, y, *(keywords.get("fit_params") or {}).values()
    n_samples = X.shape[0] if getattr(X, "shape", ()) else 0
    if not all(_has_rows(values, n_samples) for values in given) or not _are_rows(keywords.get("train"), n_samples):
        return None
    if getattr(keywords.get("caller"), "_skl_callbacks", None):
        return None
    try:
        model = clone(model).set_params(**clone(keywords.get("parameters") or {}, safe=False))
        task = SearchTask(number, function, model, X, y, keywords)
        shareable = task.shareable()
    except Exception:  # noqa: BLE001 - whatever it is, the task by itself says it in its own way
        return None
    return task if shareable else None


def _has_rows(values: Any, n_samples: int) -> bool:
    """Tell whether there are as many rows as samples, to be taken by their numbers, as scikit-learn takes them."""
    sparse = scipy.sparse.issparse(values) and values.format in ("csr", "csc")
    known = sparse or isinstance(values, np.ndarray) or hasattr(values, "iloc")
    return known and values.shape[:1] == (n_samples,)


def _are_rows(rows: Any, n_samples: int) -> bool:
    """Tell whether rows of samples are said by an array of their numbers, or of whether each is one."""
    if not isinstance(rows, np.ndarray) or rows.ndim != 1 or rows.dtype.kind not in "iub":
        return False
    if rows.dtype.kind == "b":
        return len(rows) == n_samples
    return not len(rows) or bool(-n_samples <= rows.min() and rows.max() < n_samples)


def _first(rows: Any) -> Any:
    """Return the number of the first row."""
    return (np.flatnonzero(rows) if rows.dtype.kind == "b" else rows)[:1]


def _rows(values: Any, numbers: Any) -> Any:
    """Return a copy of some rows."""
    return values.iloc[numbers] if hasattr(values, "iloc") else values[numbers]
