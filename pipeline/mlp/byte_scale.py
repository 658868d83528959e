"""What a network multiplies the pixels of pictures by, where it scales bytes itself."""

from typing import Any

import numpy as np

from pipeline.mlp.base import BaseMLP

BYTE = 255.0
"""The largest byte."""


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
    >>> from pipeline import MLPClassifier
    >>> X = np.array([[0, 16], [16, 0]], np.uint8)
    >>> model = MLPClassifier((2,), solver="lbfgs", alpha=1.0, pixel_scale=1 / 16)
    >>> byte_scale(model.fit(X, [0, 1]), 16.0), byte_scale(model.fit(X / 2, [0, 1]), 16.0)
    (0.0625, None)
    """
    if not isinstance(fitted, BaseMLP) or fitted.pixel_scale is None:
        return None
    is_of_bytes = 1 < brightness <= BYTE and fitted.network_.dtype == np.float32
    return float(fitted.pixel_scale) if is_of_bytes else None
