"""A fitted model as one file that is safe to open: arrays, and a header in JSON that says what they are.

``save_model`` writes a classifier or regressor with what scales its samples, ``load_model`` gives them back as a
fitted ``Pipeline`` that takes raw pixels. The file is a NumPy ``.npz``, or one of safetensors, which others read;
nothing in it can run when it is opened, and the same model gives the same bytes.
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from pipeline.artifacts import NETWORK
from pipeline.mlp import builder
from pipeline.mlp.base import BaseMLP
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.labels import check_no_missing
from pipeline.mlp.regressor import MLPRegressor
from pipeline.mlp.state import OPTIONAL, check_depth, check_values, expected_arrays
from pipeline.model_forms import FormError, NpzForm, SafetensorsForm, open_form, write_form
from pipeline.model_header import plain_value, without_pairs
from pipeline.model_scaler import fitted_scaler, plain_scaler, scaler_arrays
from pipeline.model_targets import plain_targets, with_scaled_targets
from pipeline.network.layers import Layer
from pipeline.parameters import check_parameters, current_parameters, parameter_values, read_parameters
from pipeline.preprocessing.normalize import Normalize
from pipeline.program import command
from pipeline.text import shown, shown_value

FORMAT_VERSION = 1

MAX_BYTES = 2**32
"""How much the arrays of a file may take, unless the caller knows better: four gibibytes."""


class ModelFileError(ValueError):
    """A file is no model that this version can open; the message says why."""


def save_model(path: str | os.PathLike[str], model: Any, *, resume: bool = False) -> None:
    """Write a fitted model to a file, which is there whole or not at all.

    Parameters
    ----------
    path : path
        Where to; an old file is replaced. A name that ends with ``.safetensors`` asks for that form, which needs the
        extra ``safetensors``; any other for NumPy's ``.npz``.
    model : MLPClassifier, MLPRegressor or Pipeline
        A classifier or regressor, or a ``Pipeline`` of a ``Normalize`` (or ``Preprocess``) or scikit-learn's
        ``StandardScaler``, or one after the other, and one. The regressor, or a ``Pipeline`` of it, may be in a
        ``TransformedTargetRegressor`` with a ``StandardScaler``.
    resume : bool, default=False
        Whether to add what it takes to go on with training, about three times the size.

    Raises
    ------
    TypeError
        For a model of another kind.
    NotFittedError
        For one that has learned nothing yet.
    ValueError
        For one with weights that are no finite numbers, or beyond what a file may hold; or with parameters that were
        set after ``fit`` and ask for another network.
    ImportError
        For ``.safetensors`` where the library of that name is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((16,), learning_rate="cosine", max_iter=3, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(f"{folder}/model.npz", model)
    ...     bool((load_model(f"{folder}/model.npz").predict(X) == model.predict(X)).all())
    True
    """
    normalize, scaler, estimator, targets = _parts(model)
    values, arrays = estimator.get_state(resume=resume)
    header = {
        "format_version": FORMAT_VERSION,
        "parameters": {name: plain_value(value) for name, value in estimator.get_params(deep=False).items()},
        "state": values,
        "normalize": None if normalize is None else normalize.get_state(),
    }
    if isinstance(estimator, MLPRegressor):  # a classifier's file does not say what it is
        header |= {"estimator": MLPRegressor.__name__, "targets": targets}
    if scaler is not None:  # other files do not say that there is none
        if scaler.n_features_in_ != values["n_features_in_"]:
            raise ValueError(_other_width("StandardScaler", scaler.n_features_in_, values["n_features_in_"]))
        header["scaler"], of_scaler = plain_scaler(scaler)
        arrays |= of_scaler
    for name, array in arrays.items():
        if array.dtype.hasobject:
            arrays[name] = array.astype(str)  # labels in an object array are text as a rule, and an object is unsafe
    _check_parameters(estimator, values, arrays)
    _check_arrays(arrays)
    write_form(Path(path), header, arrays, estimator.network_.layers)


def load_model(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Pipeline:
    """Open a file that ``save_model`` wrote.

    A file of a stranger can do no harm: nothing in it is run, and it takes memory in proportion to its own size.

    Parameters
    ----------
    path : path
        The file, whose form its content says, whatever its name.
    max_bytes : int, default=MAX_BYTES
        How much its arrays may take together; of one that is compressed, they may take 32 times as much as the file, or
        16 MiB.

    Returns
    -------
    Pipeline
        Fitted; its step ``"train"`` is the classifier or regressor, and before it ``"preprocess"`` the normaliser and
        ``"scale"`` the ``StandardScaler``, if there was one. A regressor whose targets were scaled is in a
        ``TransformedTargetRegressor``.

    Raises
    ------
    OSError
        Where there is no such file, or it cannot be read.
    ModelFileError
        Where it is no model (the message says what it is), or one of another format version.
    ImportError
        Where it is a file of safetensors, and the library of that name is not installed.
    """
    path = Path(path)
    if path.is_dir():
        inside = f"; did you mean {path / NETWORK}?" if (path / NETWORK).is_file() else ""
        raise _no_model(path, f"it is a folder{inside}")
    with path.open("rb") as opened:
        try:
            file = open_form(opened, max_bytes)
        except FormError as error:
            raise _no_model(path, str(error)) from error
        version = file.header.get("format_version")
        if version != FORMAT_VERSION:
            raise ModelFileError(
                f"{path} has format version {shown(repr(version), 50)}; this version opens {FORMAT_VERSION}"
            )
        try:
            return _assemble(file)
        except Exception as error:  # whatever it is that does not fit, it was found in the file
            raise ModelFileError(f"{path} does not hold together: {_line(error)}") from error


def _assemble(file: NpzForm | SafetensorsForm) -> Pipeline:
    """Make a model of a header and the arrays that it asks for, which are read once all else is proved."""
    header = file.header
    kind = _KINDS[str(header.get("estimator", MLPClassifier.__name__))]
    given = current_parameters(kind, without_pairs(header["parameters"]), "parameters", quiet=True)
    estimator, state = kind(**read_parameters(kind, given, "parameters")), header["state"]
    check_values(state)
    parameters = parameter_values(kind, estimator)
    specs, n_features = expected_arrays(parameters, state), state["n_features_in_"]
    normalize = None if header["normalize"] is None else Normalize.from_state(header["normalize"])
    _check_width(normalize, n_features)
    if "scaler" in header:
        specs |= scaler_arrays(header["scaler"], n_features)
    layers = builder.layers(parameters, n_features, state["n_outputs_"])
    arrays = file.read(specs, layers)
    _check_arrays(arrays)
    estimator.set_state(state, arrays)
    scaled = kind is MLPRegressor and header["targets"] is not None
    steps: list[tuple[str, Any]] = [] if normalize is None else [("preprocess", normalize)]
    if "scaler" in header:
        steps.append(("scale", fitted_scaler(header["scaler"], arrays, n_features)))
    last = with_scaled_targets(estimator, header["targets"]) if scaled else estimator
    return Pipeline([*steps, ("train", last)])


_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (MLPClassifier, MLPRegressor)}


def _class_of(estimator: BaseMLP) -> type[Any]:
    """Return the class whose parameters a model has; a stage is one of them as well."""
    return next(kind for kind in _KINDS.values() if isinstance(estimator, kind))


def _check_parameters(estimator: BaseMLP, values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise where parameters were set after `fit` that ask for another network than there is, or are not allowed.

    `load_model` would refuse what is written, or read it as another network.

    Raises
    ------
    ValueError
        Saying which; a ParameterError for one that is not allowed.
    """
    parameters = parameter_values(_class_of(estimator), estimator)
    check_depth(parameters)
    check_parameters(estimator)
    specs = expected_arrays(parameters, values)
    network, output = estimator.network_, estimator._output_activation()  # noqa: SLF001 - it is the estimator's to say
    wanted = builder.layers(parameters, network.n_in, network.n_out)
    if _predicting(wanted) != _predicting(network.layers) or output != estimator.out_activation_:
        raise ValueError(
            f"the network is {network.layers} with {estimator.out_activation_} outputs; the parameters that were set "
            f"after fit ask for {wanted} with {output} outputs"
        )
    missing = [name for name in specs if name not in arrays and name not in OPTIONAL]
    if missing:
        raise ValueError(
            f"training has left no {missing[0]}, which parameters that were set after fit ask for: save without resume"
        )


def _predicting(layers: Sequence[Layer]) -> list[str]:
    """Return in words the layers that a prediction goes through."""
    return [repr(layer) for layer in layers if not layer.training_only]


def _check_width(normalize: Normalize | None, n_features: int) -> None:
    """Raise where a normaliser and the network after it take images of different widths."""
    if normalize is not None and normalize.n_features_in_ != n_features:
        raise ValueError(_other_width("normaliser", normalize.n_features_in_, n_features))


def _other_width(step: str, given: int, n_features: int) -> str:
    """Return in words that a step and the network after it do not go together."""
    return f"its {step} takes {given} features, and its network {n_features}"


def _check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise where weights are no finite numbers, or a label is missing or there twice."""
    for name in ("params", "best_params", "last_params", "average_total"):
        if name in arrays and not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} must be finite numbers")
    if "classes" not in arrays:
        return
    check_no_missing(arrays["classes"])
    labels = arrays["classes"].tolist()
    if len(set(labels)) < len(labels) or any(isinstance(label, float) and math.isnan(label) for label in labels):
        raise ValueError("classes must be labels that are all different")


def _parts(model: Any) -> tuple[Normalize | None, StandardScaler | None, Any, dict[str, Any] | None]:
    """Return the normaliser, the scaler and the network of a model, and how the targets are scaled."""
    before: list[Any] = []
    targets: dict[str, Any] | None = None
    inner = model
    while not isinstance(inner, MLPClassifier | MLPRegressor):
        match inner:
            case Pipeline(steps=[*steps, (_, last)]) if _are_known(found := [*before, *(step for _, step in steps)]):
                before, inner = found, last
            case TransformedTargetRegressor() if targets is None:
                check_is_fitted(inner)
                targets, inner = plain_targets(inner), inner.regressor_
            case _:
                raise TypeError(
                    "a model file holds an MLPClassifier or MLPRegressor, or a Pipeline of Normalize or StandardScaler "
                    f"and it, a regressor also in a TransformedTargetRegressor; got {shown_value(model)}"
                    f"{_advice(inner)}"
                )
    for part in (*before, inner):
        check_is_fitted(part)
    normalize = next((step for step in before if isinstance(step, Normalize)), None)
    scaler = next((step for step in before if isinstance(step, StandardScaler)), None)
    return normalize, scaler, inner, targets


def _are_known(steps: Sequence[Any]) -> bool:
    """Tell whether a file holds these steps before a network, in this order."""
    kinds = [Normalize if isinstance(step, Normalize) else type(step) for step in steps]
    return kinds in ([], [Normalize], [StandardScaler], [Normalize, StandardScaler])


def _advice(part: Any) -> str:
    """Return what can be done with a part of a model that no file holds; nothing where there is none."""
    if hasattr(part, "best_estimator_"):
        return ": save its best_estimator_"
    if type(part).__name__ in ("VotingClassifier", "VotingRegressor"):  # by name: to import them takes long
        return ": save_ensemble writes a file for each member"
    return ": from_sklearn makes one of it" if type(part).__module__.startswith("sklearn.neural_network") else ""


def _no_model(path: Path, reason: str) -> ModelFileError:
    """Return the error for a file that is something else, or damaged: what it is, and what was expected."""
    return ModelFileError(
        f"{path} is no model file: {reason}. Expected is one that {command('train')} or save_model wrote"
    )


def _line(error: Exception) -> str:
    """Return an error's kind and text as one line of bounded length."""
    return f"{type(error).__name__}: {shown(error)}"
