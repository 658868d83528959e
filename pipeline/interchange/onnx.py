"""A fitted model in the form of ONNX, which runs elsewhere, without this package and without Python.

``to_onnx`` takes what ``load_model`` and ``load_ensemble`` return and what was put together in Python: the
preprocessing is inside, so that what goes in is what the model itself takes. What has no form in ONNX is refused by
name.
"""

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

import pipeline
from pipeline.interchange.graph import ExportError, Graph, Value
from pipeline.interchange.model_nodes import Flow, add_model
from pipeline.interchange.model_parts import ModelParts
from pipeline.interchange.network_nodes import Place
from pipeline.mlp.labels import is_multilabel, plain_labels
from pipeline.strict_json import to_json
from pipeline.text import shown

if TYPE_CHECKING:
    from onnx import ModelProto

Array = NDArray[Any]

InputType = Literal["auto", "uint8", "float32", "float64"]
"""What may go in; ``auto`` is one of the others."""


def to_onnx(model: Any, *, input_type: InputType = "auto") -> "ModelProto":
    """Return a fitted model in the form of ONNX, opset 17, checked by onnx.

    One input, ``X`` of shape (n, n_features) for any n, and plain tensors out. A classifier gives ``label`` of shape
    (n,), int64 or text, and ``probabilities`` of shape (n, n_classes), in the order of ``classes_``; with several
    labels at once ``label`` has shape (n, n_classes), 0 or 1 each. A regressor gives ``prediction``, in the shape of
    ``predict``.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline, VotingClassifier, VotingRegressor or TransformedTargetRegressor
        A network; a ``Pipeline`` of ``Normalize`` (or ``Preprocess``) or ``StandardScaler`` and one; an ensemble of
        these, of classifiers with soft voting; a regressor whose targets a ``StandardScaler`` scales.
    input_type : {"auto", "uint8", "float32", "float64"}, default="auto"
        The type of ``X``. ``auto`` is what the model was made for: uint8 where pixels on 0..255 are scaled inside, by
        ``Normalize`` or a ``pixel_scale``, and else the precision of the network.

    Returns
    -------
    onnx.ModelProto
        ``onnx.save`` writes it. In its ``metadata_props`` are ``classes``, ``n_features`` and, where they are known,
        ``image_shape`` and ``feature_names``, in JSON. The same model gives the same bytes.

    Raises
    ------
    ImportError
        Where onnx is not installed, which the extra ``onnx`` brings.
    ExportError
        For what has no form in ONNX, by its name: test-time augmentation, images that are deskewed, layers of one's
        own, steps and estimators of other kinds; and for weights that are no finite numbers. It is a ValueError.
    NotFittedError
        Where nothing is fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipeline import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> network = MLPClassifier((16,), learning_rate="cosine", max_iter=3, random_state=0).fit(X, y)
    >>> [output.name for output in to_onnx(network).graph.output]
    ['label', 'probabilities']
    """
    check_installed()
    if input_type not in get_args(InputType):
        raise ValueError(f"input_type must be one of {', '.join(get_args(InputType))}; got {shown(repr(input_type))}")
    parts, graph = ModelParts.of(model), Graph()
    dtype = parts.input_type if input_type == "auto" else np.dtype(input_type)
    X = Value("X", dtype, ("n", parts.n_features), "samples: pixels on 0..255" if dtype == np.uint8 else "samples")
    answer = add_model(parts, Flow("X", dtype, (parts.n_features,)), graph)
    outputs = _add_labels(parts, answer, graph) if parts.is_classifier else _add_prediction(answer, graph)
    return graph.to_proto([X], outputs, name="digits", version=pipeline.__version__, metadata=_metadata(parts))


def check_installed() -> None:
    """Raise unless onnx can be imported.

    Raises
    ------
    ImportError
        Saying what brings it.
    """
    try:
        import onnx  # noqa: F401, PLC0415 - onnx is an extra
    except ImportError as error:
        raise ImportError(
            'export needs onnx, which is not installed: pip install "digits-pipeline[onnx]" brings it'
        ) from error


def signature(exported: "ModelProto") -> str:
    """Return what goes in and comes out of a graph, in one line: name, type and shape of each."""
    from onnx import helper  # noqa: PLC0415 - onnx is an extra

    def described(value: Any) -> str:
        tensor = value.type.tensor_type
        kind = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name.replace("object", "string")
        return f"{value.name} {kind} ({', '.join(str(axis.dim_param or axis.dim_value) for axis in tensor.shape.dim)})"

    inputs, outputs = map(described, exported.graph.input), map(described, exported.graph.output)
    return f"{', '.join(inputs)} -> {', '.join(outputs)}"


def _add_prediction(P: Flow, graph: Graph) -> list[Value]:
    """Put in the name of a regressor's answer, and return what comes out."""
    graph.add("Identity", P.name, name="prediction")
    return [Value("prediction", P.dtype, ("n", *P.axes), "of each target")]


def _add_labels(parts: ModelParts, P: Flow, graph: Graph) -> list[Value]:
    """Put in the likeliest label of each sample, or all that are likelier than not, and return what comes out."""
    classes, place = parts.last.classes_, Place(graph, P.dtype, "")
    if is_multilabel(parts.last):
        likely = place.add("Greater", P.name, place.number(0.5), name="likely")
        graph.add("Cast", likely, name="label", to=np.dtype(np.int64))
        label = Value("label", np.dtype(np.int64), ("n", len(classes)), "1 for each label that is likelier than not")
    else:
        values = label_values(classes)
        best = graph.add("ArgMax", P.name, name="best", axis=1, keepdims=0)
        graph.add("Gather", graph.constant("classes", values), best, name="label")
        label = Value("label", values.dtype, ("n",), "the likeliest label")
    graph.add("Identity", P.name, name="probabilities")
    return [label, Value("probabilities", P.dtype, ("n", len(classes)), "of each class, in the order of classes")]


def label_values(classes: Array) -> Array:
    """Return labels as a graph gives them: int64 for numbers and booleans, else text.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        All labels.

    Raises
    ------
    ExportError
        For numbers that are not whole or too large, and for labels of several types.

    Examples
    --------
    >>> label_values(np.array([False, True])), label_values(np.array([1.0, 2.0]))
    (array([0, 1]), array([1, 2]))
    >>> label_values(np.array(["2020-01-01"], "datetime64[D]"))
    array(['2020-01-01'], dtype='<U10')
    """
    labels = _plain(classes)
    if all(isinstance(label, str) for label in labels):
        return np.array([str(label) for label in labels])
    limit = np.iinfo(np.int64)
    for label in labels:
        if not (isinstance(label, bool | int | float) and label == label // 1 and limit.min <= label <= limit.max):
            raise ExportError(
                f"a label of ONNX is a whole number or a text, as all others are; got {shown(repr(label), 50)}"
            )
    return np.array([int(label) for label in labels], np.int64)


def _plain(classes: Array) -> list[Any]:
    """Return labels as values that JSON has, those in an object array too."""
    return [label.item() if isinstance(label, np.generic) else label for label in plain_labels(classes)]


def _metadata(parts: ModelParts) -> dict[str, str]:
    """Return what there is to know beside the graph, in JSON."""
    shape, names = parts.find("image_shape_"), parts.find("feature_names_in_")
    quantiles = parts.find("quantile") if parts.find("loss") == "quantile" else None
    multilabel = parts.is_classifier and is_multilabel(parts.last)
    known = {
        "classes": _plain(parts.last.classes_) if parts.is_classifier else None,
        "feature_names": None if names is None else [str(name) for name in names],
        "image_shape": None if shape is None else list(shape),
        "n_features": parts.n_features,
        "quantiles": None if quantiles is None else [float(one) for one in np.ravel(quantiles)],
        "task": "multilabel" if multilabel else "classification" if parts.is_classifier else "regression",
    }
    return {name: to_json(value) for name, value in known.items() if value is not None}
