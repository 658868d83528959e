"""Writes a fitted model to a file: its parts, and that they are what the file would be read as."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from pipeline.mlp import builder
from pipeline.mlp.base import BaseMLP
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.mlp.state import check_depth, expected_arrays
from pipeline.model_file.checks import check_arrays, class_of, other_width
from pipeline.model_file.forms import write_form
from pipeline.model_file.header import FORMAT_VERSION, plain_value
from pipeline.model_file.scaler import plain_scaler
from pipeline.model_file.targets import plain_targets
from pipeline.network.layers import Layer
from pipeline.parameters import check_parameters, parameter_values
from pipeline.preprocessing.normalize import Normalize
from pipeline.text import shown_value


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
        Whether to add what it takes to go on with training, about three times the size. Parameters that were set
        after ``fit`` count as they do for a ``fit`` that goes on: another solver begins anew, for one.

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
    >>> from pipeline import load_model
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((16,), learning_rate="cosine", max_iter=3, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(f"{folder}/model.npz", model)
    ...     bool((load_model(f"{folder}/model.npz").predict(X) == model.predict(X)).all())
    True
    """
    normalize, scaler, estimator, targets = _parts(model)
    check_depth(parameter_values(class_of(estimator), estimator))
    check_parameters(estimator)
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
            raise ValueError(other_width("StandardScaler", scaler.n_features_in_, values["n_features_in_"]))
        header["scaler"], of_scaler = plain_scaler(scaler)
        arrays |= of_scaler
    for name, array in arrays.items():
        if array.dtype.hasobject:
            arrays[name] = array.astype(str)  # labels in an object array are text as a rule, and an object is unsafe
    _check_network(estimator, values)
    check_arrays(arrays)
    write_form(Path(path), header, arrays, estimator.network_.layers)


def _check_network(estimator: BaseMLP, values: Mapping[str, Any]) -> None:
    """Raise where parameters were set after `fit` that ask for another network than there is.

    `load_model` would refuse what is written, or read it as another network.

    Raises
    ------
    ValueError
        Saying which.
    """
    parameters = parameter_values(class_of(estimator), estimator)
    expected_arrays(parameters, values)
    network, output = estimator.network_, estimator._output_activation()  # noqa: SLF001 - it is the estimator's to say
    wanted = builder.layers(parameters, network.n_in, network.n_out)
    if _predicting(wanted) != _predicting(network.layers) or output != estimator.out_activation_:
        raise ValueError(
            f"the network is {network.layers} with {estimator.out_activation_} outputs; the parameters that were set "
            f"after fit ask for {wanted} with {output} outputs"
        )


def _predicting(layers: Sequence[Layer]) -> list[str]:
    """Return in words the layers that a prediction goes through."""
    return [repr(layer) for layer in layers if not layer.training_only]


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
