"""What a model comes to in plain numbers, for a program in another language: layers, scale and names.

Batch normalization is folded into the weights before it, and what happens in training alone is left out. What cannot be
said in such numbers is refused by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from pipeline.image_shape import Shape, coloured_square, square
from pipeline.interchange.folding import FoldedAffine, described, folded_layers
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.labels import is_multilabel, plain_labels
from pipeline.mlp.regressor import MLPRegressor
from pipeline.network import ACTIVATIONS, Layer
from pipeline.preprocessing.normalize import Normalize
from pipeline.text import printable, shown

Array = NDArray[Any]

MOST_WEIGHTS = 20_000_000
"""Weights of a network at the most: 54 megabytes of a page, which a phone still opens."""

BYTE = 255.0


class PageError(ValueError):
    """A model is nothing that a page can hold; the message says what it is, and what can be held."""


@dataclass(frozen=True)
class Dense:
    """A layer: f(X W + b).

    Attributes
    ----------
    W : ndarray of shape (n_in, n_out), float64
        Its weights.
    b : ndarray of shape (n_out,), float64
        Its biases; 0 where it has none.
    activation : str
        The name of f, as `MLPClassifier` has it; of the last layer it is "softmax" or "logistic".
    """

    W: Array
    b: Array
    activation: str


@dataclass(frozen=True)
class PlainModel:
    """A model in plain numbers.

    Attributes
    ----------
    layers : list of Dense
        From the input to the output.
    scale, shift : float
        What takes a pixel on 0..255 to an input: ``pixel * scale + shift``.
    shape : tuple of int
        Height and width of an image, and 3 after them where it is coloured.
    classes : list of str
        The names of the classes.
    multilabel : bool
        Whether an image may have several labels at once.
    deskew : bool
        Whether images are deskewed first.
    ink_width : int or None
        What their ink is scaled to across, if anything.
    """

    layers: list[Dense]
    scale: float
    shift: float
    shape: Shape
    classes: list[str]
    multilabel: bool
    deskew: bool
    ink_width: int | None

    @property
    def n_weights(self) -> int:
        """How many weights there are, biases among them."""
        return sum(layer.W.size + layer.b.size for layer in self.layers)


def plain_model(model: Any, brightness: float = BYTE) -> PlainModel:
    """Return a fitted model in plain numbers.

    Parameters
    ----------
    model : MLPClassifier or Pipeline
        A classifier, or a ``Pipeline`` of a ``Normalize`` (or ``Preprocess``) and a classifier.
    brightness : float, default=255
        The value of full brightness in the images that the model takes.

    Raises
    ------
    PageError
        For a model of another kind, such as an ensemble; for layers that have no plain form; for inputs that are no
        images, and for more than `MOST_WEIGHTS`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.array([[0, 255], [255, 0]], np.uint8), 8, axis=1)
    >>> model = Pipeline([("preprocess", Normalize()), ("train", MLPClassifier((3,), solver="lbfgs", alpha=1.0))])
    >>> plain = plain_model(model.fit(X, ["left", "right"]))
    >>> [layer.W.shape for layer in plain.layers], plain.shape, plain.classes
    ([(16, 3), (3, 1)], (4, 4), ['left', 'right'])
    """
    normalize, classifier = _parts(model)
    network = classifier.network_
    if network.params.size > MOST_WEIGHTS:
        raise PageError(f"the network has {network.params.size:,} weights; a page holds at most {MOST_WEIGHTS:,}")
    own_scale = byte_scale(classifier, brightness) or 1.0
    step, shift = (own_scale, 0.0) if normalize is None else (normalize.scale_, normalize.shift_)
    return PlainModel(
        layers=_dense(network.layers, classifier.out_activation_),
        scale=float(step) * brightness / BYTE,
        shift=float(shift),
        shape=_shape(normalize, classifier.n_features_in_),
        classes=[printable(str(label)) for label in plain_labels(classifier.classes_)],
        multilabel=is_multilabel(classifier),
        deskew=bool(getattr(normalize, "deskew", False)),
        ink_width=getattr(normalize, "ink_width", None),
    )


def byte_scale(fitted: Any, brightness: float) -> float | None:
    """Return the ``pixel_scale`` that a network has learned bytes with; None for one that takes numbers as they are.

    Parameters
    ----------
    fitted : estimator
        A network, or anything else, which has no such scale.
    brightness : float
        The value of full brightness in the images that it has learned from. On 0..1 they were no bytes, nor beyond 255;
        and in double precision neither, for ``pixel_scale`` makes bytes float32.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0, 16], [16, 0]], np.uint8)
    >>> model = MLPClassifier((2,), solver="lbfgs", alpha=1.0, pixel_scale=1 / 16)
    >>> byte_scale(model.fit(X, [0, 1]), 16.0), byte_scale(model.fit(X / 2, [0, 1]), 16.0)
    (0.0625, None)
    """
    if not isinstance(fitted, MLPClassifier | MLPRegressor) or fitted.pixel_scale is None:
        return None
    is_of_bytes = 1 < brightness <= BYTE and fitted.network_.dtype == np.float32
    return float(fitted.pixel_scale) if is_of_bytes else None


def _parts(model: Any) -> tuple[Normalize | None, MLPClassifier]:
    """Return the normaliser and the classifier of a model."""
    match [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]:
        case [MLPClassifier() as classifier] if "network_" in vars(classifier):
            return None, classifier
        case [Normalize() as normalize, MLPClassifier() as classifier] if "network_" in vars(classifier):
            return normalize, classifier
    kind = type(model).__name__ if not isinstance(model, Pipeline) else " and ".join(_kinds(model))
    raise PageError(
        f"a page holds one fitted MLPClassifier, or a Pipeline of Normalize and it; got {shown(kind, 100)}, which it "
        "cannot hold"
    )


def _kinds(model: Pipeline) -> Iterator[str]:
    return (type(step).__name__ for _, step in model.steps)


def _shape(normalize: Normalize | None, n_features: int) -> Shape:
    """Return the shape of the images that a model takes: as it was told, or a square."""
    known: Shape | None = getattr(normalize, "image_shape_", None)
    shape = known or square(n_features) or coloured_square(n_features)
    if shape is None:
        raise PageError(f"the model takes {n_features} numbers, which make no square image to be drawn")
    return shape


def _dense(layers: list[Layer], output: str) -> list[Dense]:
    """Return affine layers, each with the activation before the next; what only scales is part of their weights."""
    names: dict[type, str] = {kind: name for name, kind in ACTIVATIONS.items()}
    made: list[Dense] = []
    activated = True
    for layer in folded_layers(layers):
        if isinstance(layer, FoldedAffine):
            made.append(Dense(*layer, "identity"))
            activated = False
        elif type(layer) in names and not activated:
            made[-1] = replace(made[-1], activation=names[type(layer)])
            activated = True
        else:
            raise PageError(f"the network has {shown(described(layer), 80)} at a place where a page cannot hold it")
    return [*made[:-1], replace(made[-1], activation=output)]
