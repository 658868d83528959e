"""The same account for compiled loops, which do several kinds of work in one call.

An epoch is trained three times: as it is, for its seconds; with the gradient and the update as calls of their own; and
with the products alone in place of a pass and of a gradient, the weights held still. Activations and loss are what a
pass takes beyond its products. Time that is only spent because the calls are apart is in no kind of work, and the rest
is what the first of the three takes beyond all kinds: it may come out a little below 0.
"""

from collections import Counter
from typing import Any

from benchmarks import account

AS_IT_IS, APART, PRODUCTS = "as it is", "apart", "products"


class Task(account.Task):
    """Trains for three epochs, and returns the core-seconds of one by kind."""

    mode = AS_IT_IS
    compiled_passes = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self(0)  # what is apart is compiled apart

    def __call__(self, number: int) -> dict[str, Any]:
        """Train in each way."""
        seconds = self._in_mode(AS_IT_IS, number)["all updates"]
        apart = self._in_mode(APART, number)
        kinds = account.kinds_of_plain(apart)
        if self.compiled_passes:
            products = self._in_mode(PRODUCTS, number)
            kinds["products"] = products["pass"] + products["gradient"]
            kinds["activations and loss"] = apart["pass"] + apart["gradient"] - kinds["products"]
        return self.told(seconds, kinds)

    def _in_mode(self, mode: str, number: int) -> Counter[str]:
        self.mode = mode
        return self.spent(number)

    def _set_clocks(self) -> None:
        """Take calls apart where that is asked for, and put clocks around them, beside those of plain passes."""
        super()._set_clocks()
        from pipeline.network.compiled import updater  # noqa: PLC0415 - in the child alone
        from pipeline.network.parallel.updates import Updater  # noqa: PLC0415

        self._take_apart(updater.CompiledUpdater, Updater)
        self._leave_products(updater)
        clock = self.clocks.set
        clock(updater.CompiledUpdater, "updates", "all updates")
        clock(updater.CompiledUpdater, "_gradient", "gradient")
        clock(updater.CompiledUpdater, "_step", "optimizer")
        clock(updater.CompiledPass, "forward_backward", "pass")

    def _take_apart(self, compiled: Any, plain: Any) -> None:
        """Have gradient and update be calls of their own, and one batch after the other, but as it is."""
        updates, update_shard = compiled.updates, compiled._update_shard  # noqa: SLF001 - what is inside is measured

        def one_by_one(updater: Any, samples: Any, batches: Any) -> None:
            (updates if self.mode == AS_IT_IS else plain.updates)(updater, samples, batches)

        def in_two_calls(updater: Any, k: int, X: Any, buffers: Any, total: float) -> None:
            self.compiled_passes = updater._program is not None  # noqa: SLF001
            if self.mode == AS_IT_IS:
                update_shard(updater, k, X, buffers, total)
                return
            if self.mode == PRODUCTS:
                updater._learning_rate = 0.0  # noqa: SLF001 - so that the weights stay what they are
            updater._gradient(k, X, buffers, total)  # noqa: SLF001
            updater._step(updater._shards[k])  # noqa: SLF001

        compiled.updates, compiled._update_shard = one_by_one, in_two_calls  # noqa: SLF001

    def _leave_products(self, updater: Any) -> None:
        """Have passes and gradients be their products alone, where that is asked for."""
        from benchmarks import products  # noqa: PLC0415 - it needs numba

        whole_pass, gradient = updater.CompiledPass.forward_backward, updater.CompiledUpdater._gradient  # noqa: SLF001

        def pass_or_products(own: Any, loss: Any, X: Any, P: Any, *others: Any) -> None:
            if self.mode != PRODUCTS:
                whole_pass(own, loss, X, P, *others)
                return
            P[:] = 1 / P.shape[1]  # probabilities that have a loss
            arrays = own.program.table, own.params, own.space, own.capacity
            products.forward_backward(*arrays, X, own.samples.start, own.samples.stop)

        def gradient_or_products(own: Any, k: int, X: Any, buffers: Any, total: float) -> None:
            if self.mode != PRODUCTS:
                gradient(own, k, X, buffers, total)
                return
            arrays = own._program.table, own._parts[k], own.network.grads, own._space, own._capacity  # noqa: SLF001
            products.gradient(*arrays, X)

        updater.CompiledPass.forward_backward = pass_or_products
        updater.CompiledUpdater._gradient = gradient_or_products  # noqa: SLF001
