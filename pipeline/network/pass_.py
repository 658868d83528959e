"""A pass of a batch through a network, forward and backward, as one thread makes it.

Several threads share either the samples, so that each goes through all layers with its own and waits for no other; or
the units, so that each computes some of a layer's columns for all samples, with a barrier between two layers.
A pass is made once for a batch size: a list of calls, with the views of the buffers that they read and write.
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
"""A layer's method with what it reads and where it writes, or a barrier."""


class LayerShard(NamedTuple):
    """What a thread computes of a layer's output.

    Attributes
    ----------
    units : slice
        Its columns.
    all_samples : bool
        Whether for all samples of a batch, and not only for the thread's own.
    """

    units: slice = ALL
    all_samples: bool = False


@dataclass
class Pass:
    """A thread's pass: the calls forward, the output Z of its samples, and the calls backward."""

    forward: list[Step]
    Z: Array
    backward: list[Step]

    def forward_backward(self, loss: Loss, P: Array, Y: Array, weight: Array | None, total: float) -> None:
        """Go forward, leave the predictions in ``P``, and go backward with the gradient of their loss.

        The gradient of every affine layer's output is left in its buffer. ``total`` is the weight of the whole batch.
        """
        for step in self.forward:
            step()
        loss.probabilities(self.Z, out=P)
        loss.gradient(P, Y, weight, total=total, out=self.Z)
        for step in self.backward:
            step()


def make_pass(
    network: Network,
    layers: list[Layer],
    shards: list[LayerShard],
    buffers: Mapping[str, Any],
    samples: slice,
    barrier: Step | None = None,
    *,
    to_input: bool = False,
) -> Pass:
    """Return a thread's pass.

    Parameters
    ----------
    network : Network
        Whose plan says which buffers a layer reads and writes.
    layers : list of Layer
        The thread's layers, each of them for the units in its shard.
    shards : list of LayerShard
        What the thread computes.
    buffers : mapping of str to ndarray of shape (n_samples, width)
        The buffers, for all samples of the batch; the inputs may be ``SparseRows``.
    samples : slice
        The thread's own.
    barrier : callable, optional
        Waits for the others' shards of an affine layer's input, or of its output's gradient.
    to_input : bool, default=False
        Whether to go backward to the input, and not only to the first layer with parameters.
    """
    plan = network.plan

    def view(name: str, shard: LayerShard, units: slice) -> Any:
        rows = buffers[name] if shard.all_samples else buffers[name][samples]
        return rows if units == ALL else rows[:, units]

    forward: list[Step] = []
    for index, layer in enumerate(layers):
        shard, affine = shards[index], isinstance(layer, Affine)
        forward += [barrier] if affine and barrier else []
        X = view(plan.inputs[index], shard, ALL if affine else shard.units)
        Y = view(plan.forward[index], shard, shard.units)
        forward.append(partial(layer.forward, X, out=Y, training=True))
    backward: list[Step] = []
    for index in reversed(range(0 if to_input else plan.first, len(layers))):
        layer, whole, shard = layers[index], network.layers[index], shards[index]
        if isinstance(whole, Affine):
            if index == plan.first and not to_input:
                break  # the gradient of the input is not needed
            shard = shards[index - 1] if index else LayerShard()
            layer = whole.shard(inputs=shard.units)
            backward += [barrier] if barrier else []
        dY = view(plan.outputs[index], shard, ALL if isinstance(whole, Affine) else shard.units)
        dX = view(plan.backward[index], shard, shard.units)
        backward.append(partial(layer.backward_input, dY, out=dX))
    return Pass(forward, view(plan.forward[-1], shards[-1], ALL), backward)
