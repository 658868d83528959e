"""How a batch goes through a network, forward and back: which thread computes what, and where it lies.

Several threads share either the samples, so that each goes through all layers with its own and meets nobody; or the
units, so that each computes some of a layer's columns for all samples, and all meet between two layers. A thread's
route is made once for a batch size: a list of calls, with the views of the rooms that they read and write.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pipeline.network.layers import ALL, Affine, Layer
from pipeline.network.losses import Loss
from pipeline.network.network import Network

Array = NDArray[Any]
Step = Callable[[], Any]
"""A layer's method with what it reads and where it writes, or a meeting."""


class Window(NamedTuple):
    """What a thread computes of a layer's output.

    Attributes
    ----------
    units : slice
        Its columns.
    of_all : bool
        Whether for all samples of a batch, and not only for the thread's own.
    """

    units: slice = ALL
    of_all: bool = False


@dataclass
class Route:
    """A thread's way: the calls forward, the output Z of its samples, and the calls back."""

    forward: list[Step]
    Z: Array
    backward: list[Step]

    def learn(self, loss: Loss, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Go forward, leave the predictions in ``P``, and go back with their loss.

        The gradient of every affine layer's output is left in its room. ``total`` is what the whole batch weighs.
        """
        for step in self.forward:
            step()
        loss.probabilities(self.Z, out=P)
        loss.gradient(P, Y, weight, total=total, out=self.Z)
        for step in self.backward:
            step()


def make_route(
    network: Network,
    layers: list[Layer],
    mine: list[Window],
    rooms: Mapping[str, Any],
    samples: slice,
    meet: Step | None = None,
    *,
    to_input: bool = False,
) -> Route:
    """Return a thread's route.

    Parameters
    ----------
    network : Network
        Whose plan says which rooms a layer reads and writes.
    layers : list of Layer
        The thread's layers, each of them for the units in its window.
    mine : list of Window
        What the thread computes.
    rooms : mapping of str to ndarray of shape (n_samples, width)
        The rooms, for all samples of the batch; the inputs may be ``SparseRows``.
    samples : slice
        The thread's own.
    meet : callable, optional
        Waits for the others' share of an affine layer's input, or of its output's gradient.
    to_input : bool, default=False
        Whether to go back to the input, and not only to the first layer with parameters.
    """
    plan = network.plan

    def view(name: str, window: Window, units: slice) -> Any:
        some = rooms[name] if window.of_all else rooms[name][samples]
        return some if units == ALL else some[:, units]

    forward: list[Step] = []
    for index, layer in enumerate(layers):
        window, affine = mine[index], isinstance(layer, Affine)
        forward += [meet] if affine and meet else []
        X = view(plan.inputs[index], window, ALL if affine else window.units)
        Y = view(plan.forward[index], window, window.units)
        forward.append(partial(layer.forward, X, out=Y, training=True))
    backward: list[Step] = []
    for index in reversed(range(0 if to_input else plan.first, len(layers))):
        layer, whole, window = layers[index], network.layers[index], mine[index]
        if isinstance(whole, Affine):
            if index == plan.first and not to_input:
                break  # nobody asks for the gradient of the input
            window = mine[index - 1] if index else Window()
            layer = whole.part(inputs=window.units)
            backward += [meet] if meet else []
        dY = view(plan.outputs[index], window, ALL if isinstance(whole, Affine) else window.units)
        dX = view(plan.backward[index], window, window.units)
        backward.append(partial(layer.backward_input, dY, out=dX))
    return Route(forward, view(plan.forward[-1], mine[-1], ALL), backward)
