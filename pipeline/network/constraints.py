"""What the parameters must keep to: where an update has taken them out of bounds, they are put back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.layers import ALL, Affine

Array = NDArray[Any]


class MaxNorm:
    """w <- w min(1, limit / |w|), w being the weights that come into one unit, a column of W; after every update.

    Hinton et al. 2012, arXiv 1207.0580; Srivastava et al. 2014, JMLR 15.

    Parameters
    ----------
    limit : float
        The longest that a column may be, above 0.

    Raises
    ------
    ValueError
        For another limit.

    Examples
    --------
    >>> layer = Affine(2, 2)
    >>> layer.W = np.array([[3.0, 0.3], [4.0, 0.4]])
    >>> MaxNorm(1).apply(layer)
    >>> layer.W
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    def __init__(self, limit: float) -> None:
        if not limit > 0:
            raise ValueError(f"limit must be a number > 0; got {limit!r}")
        self.limit = limit

    def __repr__(self) -> str:
        return f"MaxNorm({self.limit})"

    def apply(self, layer: Affine, units: slice = ALL) -> None:
        """Shorten the columns of some units that are too long, in place; nothing else is written."""
        W = layer.W[:, units]
        norms = np.sqrt(np.einsum("ij,ij->j", W, W))
        if W.size and norms.max() > self.limit:
            # Where nothing is too long this is limit / limit, 1 to the last bit.
            W *= self.limit / np.maximum(norms, self.limit)
