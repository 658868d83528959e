"""Opens a file that holds a model: nothing is believed that it says before all of it is known to hold together."""

import os
from pathlib import Path
from typing import Annotated, Any

from sklearn.pipeline import Pipeline

from pipeline.artifacts import NETWORK
from pipeline.mlp import builder
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.mlp.state import check_values, expected_arrays
from pipeline.model_file.checks import KINDS, check_arrays, check_width
from pipeline.model_file.forms import FormError, NpzForm, SafetensorsForm, open_form
from pipeline.model_file.header import FORMAT_VERSION, without_pairs
from pipeline.model_file.scaler import fitted_scaler, scaler_arrays
from pipeline.model_file.targets import with_scaled_targets
from pipeline.parameters import check_arguments, current_parameters, parameter_values, read_parameters
from pipeline.preprocessing.normalize import Normalize
from pipeline.program import command
from pipeline.text import shown

MAX_BYTES = 2**32
"""How much the arrays of a file may take, unless the caller knows better: four gibibytes."""


class ModelFileError(ValueError):
    """A file is no model that this version can open; the message says why."""


def load_model(path: str | os.PathLike[str], *, max_bytes: Annotated[int, ">= 0"] = MAX_BYTES) -> Pipeline:
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
    ParameterError
        For ``max_bytes`` that is no whole number.
    ModelFileError
        Where it is no model (the message says what it is), or one of another format version.
    ImportError
        Where it is a file of safetensors, and the library of that name is not installed.
    """
    check_arguments(load_model, max_bytes=max_bytes)
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
    kind = KINDS[str(header.get("estimator", MLPClassifier.__name__))]
    given = current_parameters(kind, without_pairs(header["parameters"]), "parameters", quiet=True)
    estimator, state = kind(**read_parameters(kind, given, "parameters")), header["state"]
    check_values(state)
    parameters = parameter_values(kind, estimator)
    specs, n_features = expected_arrays(parameters, state), state["n_features_in_"]
    normalize = None if header["normalize"] is None else Normalize.from_state(header["normalize"])
    check_width(normalize, n_features)
    if "scaler" in header:
        specs |= scaler_arrays(header["scaler"], n_features)
    layers = builder.layers(parameters, n_features, state["n_outputs_"])
    arrays = file.read(specs, layers)
    check_arrays(arrays)
    estimator.set_state(state, arrays)
    scaled = kind is MLPRegressor and header["targets"] is not None
    steps: list[tuple[str, Any]] = [] if normalize is None else [("preprocess", normalize)]
    if "scaler" in header:
        steps.append(("scale", fitted_scaler(header["scaler"], arrays, n_features)))
    last = with_scaled_targets(estimator, header["targets"]) if scaled else estimator
    return Pipeline([*steps, ("train", last)])


def _no_model(path: Path, reason: str) -> ModelFileError:
    """Return the error for a file that is something else, or damaged: what it is, and what was expected."""
    return ModelFileError(
        f"{path} is no model file: {reason}. Expected is one that {command('train')} or save_model wrote"
    )


def _line(error: Exception) -> str:
    """Return an error's kind and text as one line of bounded length."""
    return f"{type(error).__name__}: {shown(error)}"
