"""What happens beside the optimizer in an update, as penalties, limits and averages do: one shape for them all."""

from typing import ClassVar

from pipeline.network.shards import ParameterShard


class Hook:
    """Called in every update, by each thread with its shard of the parameters; this one does nothing.

    Attributes
    ----------
    reads_others : bool
        Whether ``after_update`` reads or writes parameters outside of the shard, so that all threads wait for each
        other before it and after it.
    """

    reads_others: ClassVar[bool] = False

    def begin_update(self) -> None:
        """Do something once, before the threads."""

    def after_gradient(self, shard: ParameterShard, total: float) -> float:
        """Add to the gradient of a shard, ``total`` being the batch's weight, and return what adds to the loss."""
        del shard, total
        return 0.0

    def after_update(self, shard: ParameterShard) -> None:
        """Do something with a shard of the new parameters."""
