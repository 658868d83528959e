"""What each layer of a network comes to: its width, the numbers that it learns, and what a prediction costs.

It is told from the layers alone, before there is a parameter or a batch, so that a network can be looked at before it
is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.network.buffers import Buffers
from pipeline.network.layers import Affine, Layer


@dataclass(frozen=True)
class LayerSummary:
    """One layer.

    Attributes
    ----------
    layer : str
        How it is written, with its settings: ``Dropout(0.2)``.
    n_out : int
        Width of its output.
    n_parameters : int
        Numbers that it learns by its gradient.
    n_statistics : int
        Numbers that it learns beside them, as batch normalization's running mean and variance.
    n_multiplications : int
        Multiplications by a parameter that the prediction of one sample takes.
    """

    layer: str
    n_out: int
    n_parameters: int
    n_statistics: int
    n_multiplications: int


def summarize_layers(layers: Sequence[Layer]) -> list[LayerSummary]:
    """Return a summary of each layer.

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the output; they need not be in a network yet.

    Examples
    --------
    >>> from pipeline.network.layers import ReLU
    >>> for one in summarize_layers([Affine(784, 50), ReLU(), Affine(50, 10)]):
    ...     print(one.layer, one.n_out, one.n_parameters, one.n_multiplications)
    Affine(784, 50) 50 39250 39200
    ReLU() 50 0 0
    Affine(50, 10) 10 510 500
    """
    width = next(layer.n_in for layer in layers if isinstance(layer, Affine))
    found = []
    for layer in layers:
        width = layer.n_out if isinstance(layer, Affine) else width
        found.append(LayerSummary(repr(layer), width, layer.n_parameters, layer.n_state, layer.n_multiplications))
    return found


def count_activations(layers: Sequence[Layer], *, n_copies: int = 1, to_input: bool = False) -> int:
    """Return how many numbers the layers' outputs and their gradients are, for one sample of a batch in training.

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the output.
    n_copies : int, default=1
        Times that a sample goes through the network at once: twice where there is an adversary.
    to_input : bool, default=False
        Whether the gradient goes back to the input, as an adversary needs it.

    Examples
    --------
    >>> from pipeline.network.layers import ReLU
    >>> count_activations([Affine(784, 50), ReLU(), Affine(50, 10)])  # 50 before and 50 of the gradient, 10 for both
    110
    """
    buffers = Buffers(layers, np.float32)
    buffers.batch(n_copies, to_input=to_input)
    return buffers.size
