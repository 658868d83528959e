"""A model as nodes of a graph: scaling, networks, the mean of several, and targets brought to their own units."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from pipeline.interchange.graph import ExportError, Graph
from pipeline.interchange.model_parts import ModelParts
from pipeline.interchange.network_nodes import Place, network_nodes
from pipeline.mlp.regressor import MLPRegressor
from pipeline.preprocessing.normalize import Normalize
from pipeline.sklearn_private import n_target_dims


class Flow(NamedTuple):
    """A value on its way through the graph.

    Attributes
    ----------
    name : str
        What it is called.
    dtype : dtype
        Its type.
    axes : tuple of int
        Its axes after that of the samples.
    """

    name: str
    dtype: np.dtype[Any]
    axes: tuple[int, ...]


def add_model(parts: ModelParts, X: Flow, graph: Graph, prefix: str = "") -> Flow:
    """Put in a model as far as its probabilities, (n, n_classes), or its prediction."""
    for number, step in enumerate(parts.steps):
        called = f"{prefix}step_{number + 1}/" if number else prefix
        if isinstance(step, Normalize):
            X = _add_scaling(X, step.scale_, step.shift_, graph, called)
        else:
            X = _add_standard(X, step, graph, called)
    if isinstance(parts.last, TransformedTargetRegressor):
        P = add_model(parts.members[0], X, graph, f"{prefix}regressor/")
        return _add_own_units(parts.last, P, graph, prefix)
    return _add_ensemble(parts, X, graph, prefix) if parts.members else _add_network(parts.last, X, graph, prefix)


def _add_scaling(X: Flow, scale: float, shift: float, graph: Graph, prefix: str) -> Flow:
    """Put in what brings pixels to the network's scale; bytes become float32, as in `Normalize`."""
    X = _cast(X, np.result_type(X.dtype, np.float32), graph, f"{prefix}pixels")
    place = Place(graph, X.dtype, prefix)
    name = place.add("Mul", X.name, place.array("scale", scale), name="scaled")
    if shift:
        name = place.add("Add", name, place.array("shift", shift), name="shifted")
    return X._replace(name=name)


def _add_standard(X: Flow, scaler: StandardScaler, graph: Graph, prefix: str) -> Flow:
    """Put in (X - mean) / deviation in the type of X, as in scikit-learn; bytes become float64 there."""
    X = _cast(X, X.dtype if X.dtype.kind == "f" else np.dtype(np.float64), graph, f"{prefix}features")
    place, name = Place(graph, X.dtype, prefix), X.name
    if scaler.with_mean:
        name = place.add("Sub", name, place.array("mean", scaler.mean_), name="centered")
    if scaler.with_std:
        name = place.add("Div", name, place.array("deviation", scaler.scale_), name="standardized")
    return X._replace(name=name)


def _add_own_units(model: TransformedTargetRegressor, P: Flow, graph: Graph, prefix: str) -> Flow:
    """Put in what brings scaled predictions to the units of the targets."""
    scaler, place, name = model.transformer_, Place(graph, P.dtype, prefix), P.name
    n_targets = scaler.n_features_in_
    shape = (n_targets,) if n_targets > 1 else ()  # of one target, for quantiles too

    def array(called: str, values: Any) -> str:
        return place.array(called, np.reshape(values, shape))

    if scaler.with_std:
        name = place.add("Mul", name, array("target_deviation", scaler.scale_), name="target_scaled")
    if scaler.with_mean:
        name = place.add("Add", name, array("target_mean", scaler.mean_), name="target")
    n_dims = n_target_dims(model)
    if n_dims == 2 and not P.axes:
        return _reshaped(P._replace(name=name), (1,), graph, f"{prefix}target_column")
    if n_dims == 1 and P.axes == (1,):  # a tuple of one quantile loses its axis there
        return _reshaped(P._replace(name=name), (), graph, f"{prefix}target_row")
    return P._replace(name=name)


def _add_network(estimator: Any, X: Flow, graph: Graph, prefix: str) -> Flow:
    """Put in a network as far as the probability of each class, or the prediction of each target."""
    network = estimator.network_
    if not np.isfinite(network.snapshot()).all():
        raise ExportError("the weights of the network are no finite numbers: its training has diverged")
    if X.dtype.kind == "u" and estimator.pixel_scale is not None:
        X = _add_scaling(X, estimator.pixel_scale, 0.0, graph, prefix)
    X = _cast(X, network.dtype, graph, f"{prefix}inputs")
    place = Place(graph, network.dtype, prefix)
    P = Flow(network_nodes(network, X.name, place), network.dtype, (network.n_out,))
    if isinstance(estimator, MLPRegressor):
        targets = estimator._targets.decode(np.empty((0, network.n_out)))  # noqa: SLF001 - for its shape
        return _reshaped(P, targets.shape[1:], graph, f"{prefix}targets")
    return _add_two_classes(P, len(estimator.classes_), place) if network.n_out == 1 else P


def _add_two_classes(P: Flow, n_classes: int, place: Place) -> Flow:
    """Put in 1 - P beside P, the probability of the second of two classes."""
    if n_classes == 1:  # the output would tell the only class from one that there is not
        return P._replace(name=place.add("Max", P.name, place.number(1.0), name="P_only"))
    other = place.add("Sub", place.number(1.0), P.name, name="P_other")
    return P._replace(name=place.add("Concat", other, P.name, name="P_both", axis=1), axes=(2,))


def _add_ensemble(parts: ModelParts, X: Flow, graph: Graph, prefix: str) -> Flow:
    """Put in the members of an ensemble, and the mean of what they say."""
    said = [
        add_model(member, X, graph, f"{prefix}member_{number}/") for number, member in enumerate(parts.members, start=1)
    ]
    if not parts.is_classifier and said[0].axes:
        raise ExportError(
            "a VotingRegressor of several quantiles cannot be exported: it takes them for samples, and averages these"
        )
    place = Place(graph, np.result_type(*(P.dtype for P in said)), prefix)
    names = []
    for number, (P, weight) in enumerate(zip(said, parts.weights, strict=True), start=1):
        same = _cast(P, place.dtype, graph, f"{prefix}member_{number}/P_cast")
        names.append(place.add("Mul", same.name, place.number(weight), name=f"member_{number}/P_part"))
    return Flow(place.add("Sum", *names, name="P"), place.dtype, said[0].axes)


def _cast(X: Flow, dtype: np.dtype[Any], graph: Graph, name: str) -> Flow:
    """Put in what turns a value into another type, where it has another."""
    if X.dtype == dtype:
        return X
    return X._replace(name=graph.add("Cast", X.name, name=name, to=np.dtype(dtype)), dtype=np.dtype(dtype))


def _reshaped(X: Flow, axes: tuple[int, ...], graph: Graph, name: str) -> Flow:
    """Put in what gives a value other axes after that of the samples, where it has others."""
    if X.axes == axes:
        return X
    shape = graph.constant(f"{name}_shape", (0, *axes), np.int64)  # 0 is the axis as it is
    return X._replace(name=graph.add("Reshape", X.name, shape, name=name), axes=axes)
