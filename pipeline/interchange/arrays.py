"""Weights that others have trained, as arrays: made into a fitted estimator, without Keras or PyTorch installed.

Whatever the form, it is read into affine layers and batch normalizations in their order. Where every hidden layer has
one before its activation, it stays; elsewhere it is folded into the affine layer beside it, which predicts the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from pipeline.interchange.array_layers import layers_of_arrays, layers_of_keras, layers_of_torch
from pipeline.interchange.assembly import Activations, Place, assemble
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor


def from_arrays(
    layers: Sequence[Any],
    activations: Activations,
    classes: ArrayLike | None = None,
    *,
    output: str | None = None,
    batch_norm: Place | None = None,
    pixel_scale: float | None = None,
) -> MLPClassifier | MLPRegressor:
    """Make a fitted estimator of weights that are arrays.

    Parameters
    ----------
    layers : sequence
        From the input to the output: ``(W, b)`` for an affine layer, with W (n_in, n_out) and b (n_out,), or None where
        it has no biases; ``(gamma, beta, mean, variance, epsilon)`` for batch normalization, where gamma and beta may
        be None. Where all weights are float32, or shorter, so is the network; else it is float64.
    activations : str or sequence of str
        Of the hidden layers: one name for all, or one for each. One more, at the end, is that of the output.
        ``sigmoid`` is ``logistic`` and ``linear`` is ``identity``; a name with its number, ``("leaky_relu", 0.01)``,
        says that it is the one that we have.
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the output's columns; two for one column. Of 0, 1 and so on by default.
    output : str, default=None
        What the output is: ``softmax`` for one of several classes; ``logistic`` for one of two in one column, or
        several labels at once, one in each column; ``logits`` for what comes before softmax, or before the sigmoid of
        one column; ``identity`` for the numbers that a regressor predicts, one in each column, and ``exp`` for their
        logarithms. None is what ``activations`` end with, or with ``classes`` ``logits``.
    batch_norm : {"before", "after"}, default=None
        Whether batch normalization comes before a hidden layer's activation or after it, which weights do not tell.
        Where all hidden layers have it before, so has the result; else it is folded into the affine layers.
    pixel_scale : float, default=None
        What pixels, as whole numbers, are multiplied by: 1/255 for a network that was trained on images on 0..1.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Fitted. It can be written by ``save_model``, and trained on, by ``partial_fit`` or with ``warm_start``: by Adam
        at its beginning, unless ``set_params`` says otherwise.

    Raises
    ------
    ValueError
        Where layers, activations and classes do not go together; the message names the layer.

    Examples
    --------
    >>> import numpy as np
    >>> W1, W2 = np.eye(2), np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    >>> model = from_arrays([(W1, np.zeros(2)), (W2, np.zeros(3))], ["relu", "softmax"], ["a", "b", "none"])
    >>> model.predict([[3.0, 1.0], [1.0, 3.0]]).tolist()
    ['a', 'b']
    """
    parts = list(layers_of_arrays(layers))
    return assemble(parts, activations, classes, output, batch_norm, pixel_scale, "ours")


def from_keras(
    weights: Sequence[Any],
    activations: Activations,
    classes: ArrayLike | None = None,
    *,
    output: str | None = None,
    batch_norm: Place | None = None,
    epsilon: float = 1e-3,
    pixel_scale: float | None = None,
) -> MLPClassifier | MLPRegressor:
    """Make a fitted estimator of what ``model.get_weights()`` gives for a Keras model of ``Dense`` layers.

    Parameters
    ----------
    weights : list of ndarray
        Kernel (n_in, n_out) and bias of each ``Dense``; gamma, beta, moving mean and moving variance of each
        ``BatchNormalization``.
    activations, classes, output, batch_norm, pixel_scale
        As for ``from_arrays``. ``linear`` at the end is ``logits`` where there are classes.
    epsilon : float, default=0.001
        Of batch normalization.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Fitted.

    Raises
    ------
    ValueError
        Where the arrays are not those of such layers; the message names the array.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.normal(size=shape).astype("float32") for shape in [(4, 8), (8,), (8, 3), (3,)]]
    >>> from_keras(weights, ["relu", "softmax"]).predict_proba(np.zeros((2, 4))).shape
    (2, 3)
    """
    parts = list(layers_of_keras(weights, epsilon))
    return assemble(parts, activations, classes, output, batch_norm, pixel_scale, "keras")


def from_torch(
    state: Mapping[str, Any],
    activations: Activations,
    classes: ArrayLike | None = None,
    *,
    output: str | None = None,
    batch_norm: Place | None = None,
    epsilon: float = 1e-5,
    pixel_scale: float | None = None,
) -> MLPClassifier | MLPRegressor:
    """Make a fitted estimator of what ``module.state_dict()`` gives for a PyTorch module of ``Linear`` layers.

    Parameters
    ----------
    state : mapping
        From names to tensors, or to arrays: ``weight`` (n_out, n_in) and ``bias`` of each ``Linear``; ``weight``,
        ``bias``, ``running_mean`` and ``running_var`` of each ``BatchNorm1d``. Layers are taken in their order, and
        names that differ in a number by that, since a file of safetensors has ``10.weight`` before ``2.weight``.
    activations, classes, output, batch_norm, pixel_scale
        As for ``from_arrays``. Names may be those of PyTorch's classes: ``ReLU``.
    epsilon : float, default=1e-05
        Of batch normalization.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Fitted.

    Raises
    ------
    ValueError
        Where the tensors are not those of such layers; the message names the tensor.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> shapes = {"0.weight": (8, 4), "0.bias": (8,), "2.weight": (3, 8), "2.bias": (3,)}
    >>> state = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    >>> from_torch(state, "ReLU", ["cat", "dog", "owl"])
    MLPClassifier(hidden_layer_sizes=(8,))
    """
    parts = list(layers_of_torch(state, epsilon))
    return assemble(parts, activations, classes, output, batch_norm, pixel_scale, "torch")
