"""Rate factors: parameters of some kinds learn at a multiple of the learning rate.

With these, a network in another parametrization need not be another network. With W = V / sqrt(n_in), the "neural
tangent kernel" parametrization of Jacot et al. 2018, arXiv 1806.07572, V has gradient dW / sqrt(n_in). A rule whose
step does not depend on the gradient's size, as that of Adam, RMSprop and AdaGrad (but for epsilon), moves V by the
same step whatever n_in is, and so W by 1 / sqrt(n_in) of it. SGD moves V by eta dW / sqrt(n_in), and so W by 1 / n_in.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pipeline.network.configurable import Configurable
from pipeline.network.layers import Affine, Layer

Span = tuple[slice, float]
"""Where some parameters lie in the flat buffer, and their factor."""


class RateFactors(Configurable):
    """eta of a parameter = factor eta, the factor being that of its kind.

    Holzmueller et al. 2024, arXiv 2407.04491, have ``RateFactors("1/sqrt(n_in)", bias=0.1, feature_scale=6.0)`` for
    Adam.

    Parameters
    ----------
    weights : float or str, default=1.0
        Factor of the weights W of affine layers. ``1/sqrt(n_in)``, with the inputs of their layer, has Adam train them
        as if they were divided by sqrt(n_in); ``1/n_in`` has SGD do so.
    bias : float, default=1.0
        Factor of the biases b, and of batch normalization's beta.
    feature_scale : float, default=1.0
        Factor of what each input is multiplied by.

    Examples
    --------
    >>> RateFactors("1/sqrt(n_in)", bias=0.1).spans([Affine(4, 16), Affine(16, 2, bias=False)])
    [(slice(0, 64, None), 0.5), (slice(64, 80, None), 0.1), (slice(80, 112, None), 0.25)]
    """

    def __init__(
        self,
        weights: Literal["1/sqrt(n_in)", "1/n_in"] | Annotated[float, ">= 0", "<= 1e9"] = 1.0,
        bias: Annotated[float, ">= 0", "<= 1e9"] = 1.0,
        feature_scale: Annotated[float, ">= 0", "<= 1e9"] = 1.0,
    ) -> None:
        self.weights, self.bias, self.feature_scale = weights, bias, feature_scale

    def spans(self, layers: Iterable[Layer]) -> list[Span]:
        """Return the factors of all parameters of some layers, in the order of the flat buffer."""
        found: list[Span] = []
        start = 0
        for layer in layers:
            for name, shape in layer.parameter_shapes().items():
                stop = start + math.prod(shape)
                found.append((slice(start, stop), self.factor(layer, name)))
                start = stop
        return found

    def factor(self, layer: Layer, name: str) -> float:
        """Return the factor of a layer's parameters of some name; 1 for those of other kinds."""
        if name == "W" and isinstance(layer, Affine):
            return self._of_weights(layer.n_in)
        return float({"b": self.bias, "beta": self.bias, "s": self.feature_scale}.get(name, 1.0))

    def _of_weights(self, n_in: int) -> float:
        """Return the factor of the weights of a layer with ``n_in`` inputs."""
        named = {"1/sqrt(n_in)": n_in**-0.5, "1/n_in": 1 / n_in}
        return named[self.weights] if isinstance(self.weights, str) else float(self.weights)


def within(spans: Sequence[Span], part: slice) -> Iterator[Span]:
    """Yield the pieces of a part of the flat buffer with their factors; all of it with 1, where there are no spans.

    Examples
    --------
    >>> list(within([(slice(0, 4), 0.5), (slice(4, 9), 2.0)], slice(3, 6)))
    [(slice(3, 4, None), 0.5), (slice(4, 6, None), 2.0)]
    >>> list(within([], slice(3, 6)))
    [(slice(3, 6, None), 1.0)]
    """
    if not spans:
        yield part, 1.0
    for span, factor in spans:
        piece = slice(max(span.start, part.start), min(span.stop, part.stop))
        if piece.start < piece.stop:
            yield piece, factor
