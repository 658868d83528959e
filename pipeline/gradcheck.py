"""Whether backpropagation is right for the very network that ``train`` configures, on a few real images.

The network is built in float64 from an estimator's parameters, as ``fit`` builds it, and handed to ``network``'s own
check.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import LabelBinarizer

from pipeline.artifacts import RAW, read_images
from pipeline.files import sweep
from pipeline.mlp import builder
from pipeline.mlp.builder import LossName
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.mlp.threads import bounded_blas
from pipeline.mlp.validation import as_generator
from pipeline.network import Network
from pipeline.network.compiled.engines import Engine, decide_engine, uncompiled, watching_compilation
from pipeline.network.gradient_check import STEP, Difference, check_gradients, n_checked
from pipeline.notebook import progress_here
from pipeline.parameters import check_parameters, parameter_values, parameters_of
from pipeline.progress import COMPILING, Progress
from pipeline.stages.fetch import Fetch

Array = NDArray[Any]
TOLERANCE = 1e-9
"""What two gradients of a parameter may lie apart on average."""
N_OF_EACH = 512
"""How many elements of each array of parameters the command checks: seconds where all would take minutes."""


class GradientError(ValueError):
    """Backpropagation and numerical differentiation disagree."""


def build(
    model: MLPClassifier | MLPRegressor, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None
) -> tuple[Network, Array, Array]:
    """Build the network that an estimator configures, untrained, and samples for it, all in float64.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Whose parameters count; it is not fitted.
    X : array-like of shape (n_samples, n_features)
        Samples as ``fit`` takes them.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Their labels or targets.
    classes : array-like of shape (n_classes,), default=None
        All labels that there are, by default those of ``y``; nothing to a regressor.

    Returns
    -------
    network : Network
        At its start.
    X : ndarray of shape (n_samples, n_features)
        The samples.
    Y : ndarray of shape (n_samples, n_outputs)
        Their targets.

    Raises
    ------
    ParameterError
        Where a parameter is not allowed.

    Examples
    --------
    >>> network, X, Y = build(MLPClassifier((3,), random_state=0), [[0.0, 1.0]], ["b"], ["a", "b", "c"])
    >>> network, Y
    (Network(Affine(2, 3), ReLU(), Affine(3, 3), SoftmaxCrossEntropy), array([[0., 1., 0.]]))
    >>> build(MLPRegressor("huber", (3,), random_state=0), [[0.0, 1.0]], [7.0])[0]
    Network(Affine(2, 3), ReLU(), Affine(3, 1), Huber)
    """
    check_parameters(model)
    samples, parameters = np.asarray(X, np.float64), _parameters(model)
    if isinstance(model, MLPRegressor):
        n_quantiles = np.size(model.quantile) if model.loss == "quantile" else 1
        targets = np.asarray(y, np.float64).reshape(len(samples), -1)
        Y, activation = np.repeat(targets, n_quantiles, axis=1), builder.loss(parameters).activation
    else:
        Y = LabelBinarizer().fit(y if classes is None else classes).transform(y).astype(np.float64)
        activation = "softmax" if Y.shape[1] > 1 else "logistic"
    network = builder.network(
        parameters,
        samples.shape[1],
        Y.shape[1],
        activation,
        dtype=np.float64,
        random_state=as_generator(model.random_state),
    )
    return network, samples, Y


def as_regressor(model: MLPClassifier, loss: LossName) -> MLPRegressor:
    """Return a regressor of a loss with a classifier's parameters, as far as it has them.

    Examples
    --------
    >>> as_regressor(MLPClassifier((3,), label_smoothing=0.1, random_state=0), "poisson")
    MLPRegressor(hidden_layer_sizes=(3,), loss='poisson', random_state=0)
    """
    shared = parameters_of(MLPRegressor)
    values = {name: value for name, value in _parameters(model).items() if name in shared}
    return MLPRegressor(**{**values, "loss": loss})


def _parameters(model: MLPClassifier | MLPRegressor) -> builder.Parameters:
    """Return the value of every parameter of the estimator that a model is, whatever else it is."""
    return parameter_values(MLPRegressor if isinstance(model, MLPRegressor) else MLPClassifier, model)


def check(
    model: MLPClassifier | MLPRegressor,
    X: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike | None = None,
    progress: Progress | None = None,
    *,
    n_of_each: int | None = None,
) -> list[Difference]:
    """Compare backpropagation, as ``model`` trains, with central differences for the network that it configures.

    Parameters
    ----------
    model, X, y, classes
        As in ``build``; the model's ``engine`` does the backpropagation.
    progress : Progress, optional
        What hears how far the work is; thousands of parameters take seconds, hundreds of thousands minutes.
    n_of_each : int, default=None
        How many elements of each W, b and so on are checked, as ``check_gradients`` draws them. None checks all.

    Returns
    -------
    list of Difference
        One for each W and b, from the input to the output.

    Raises
    ------
    ParameterError
        Where a parameter is not allowed, or the engine is numba and not installed.
    """
    network, samples, Y = build(model, X, y, classes)
    builder.check_engine(_parameters(model))
    progress = progress or progress_here()
    progress.say(describe_engine(model.engine, network))
    progress.begin("gradcheck", n_checked(network, n_of_each), "parameters")
    compiling = partial(progress.begin, COMPILING, None, "loops")
    try:
        # Products this small only wait for each other's threads.
        with bounded_blas(1), watching_compilation(model.engine, compiling, progress.advance, progress.end):
            return check_gradients(
                network, samples, Y, advance=progress.advance, n_of_each=n_of_each, engine=model.engine
            )
    finally:
        progress.end()


def describe_engine(engine: Engine, network: Network) -> str:
    """Return whose backpropagation an engine trains a network by.

    Examples
    --------
    >>> from pipeline.network import Affine
    >>> describe_engine("numpy", Network([Affine(2, 1)]))
    'backpropagation is that of engine numpy'
    """
    plain = " and ".join(uncompiled(network, engine))
    but = f", but for {plain}, of which there is no compiled form" if plain else ""
    return f"backpropagation is that of engine {decide_engine(engine)}{but}"


def training_images(
    artifacts: Path, fetch: Fetch, progress: Progress | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the training images in rows, and their labels: those that are fetched already, or else ``fetch``'s."""
    sweep(artifacts, [RAW])
    if not (artifacts / RAW).is_dir():
        return fetch.load("train", progress)
    images, labels = read_images(artifacts, "train")
    return images.reshape(len(images), -1), labels.astype(np.int64)


def describe(differences: list[Difference]) -> list[str]:
    """Return a line for each parameter, and one that says how many were checked of how many.

    Examples
    --------
    >>> some = [Difference("W1", (784, 512), 1.5e-12, 3e-11, 200), Difference("b1", (9,), 0, 0, 9)]
    >>> for line in describe(some):
    ...     print(line)
    W1       784x512  mean 1.5e-12  largest 3.0e-11  200 of 401408
    b1             9  mean 0.0e+00  largest 0.0e+00  all 9
    checked 209 of 401417 parameters: a sample of each array (--all checks all)
    """
    lines, n_all, n_parameters = [], 0, 0
    for one in differences:
        shape, size = "x".join(map(str, one.shape)), math.prod(one.shape)
        checked = f"all {size}" if one.n_checked == size else f"{one.n_checked} of {size}"
        lines.append(f"{one.name:<4} {shape:>11}  mean {one.mean:.1e}  largest {one.largest:.1e}  {checked}")
        n_all, n_parameters = n_all + one.n_checked, n_parameters + size
    sampled = f"{n_all} of {n_parameters} parameters: a sample of each array (--all checks all)"
    return [*lines, f"checked {sampled if n_all < n_parameters else f'all {n_parameters} parameters'}"]


def demand_agreement(differences: list[Difference]) -> None:
    """Raise if the gradients of a parameter lie too far apart.

    Raises
    ------
    GradientError
        Naming the parameters, and the one reason that is no fault.
    """
    apart = [f"{one.name} {one.mean:.1e}" for one in differences if not one.mean <= TOLERANCE]
    if apart:
        raise GradientError(
            f"the two gradients may lie {TOLERANCE:g} apart on average; they do by {', '.join(apart)}. Where a unit "
            f"has a kink, as relu, and its input is within {STEP:g} of it, that is no fault: try other images, or "
            "another random_state"
        )
