"""Where the core-seconds of an epoch go: products, optimizer, gathering, waiting, and what is left.

An epoch on two cores has twice its wall time to spend. Clocks are set around the methods that do each kind of work, in
every thread; they cost some hundred nanoseconds a call, which is why this is measured apart from the times themselves.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data import load
from benchmarks.measure import compare, rounded
from benchmarks.options import Options, say
from benchmarks.rows import EPOCH, OURS, ROWS, Training

MINUTES = 2
KINDS = ("products", "optimizer", "gathering", "activations and loss", "waiting for each other", "the rest")


def run(options: Options) -> list[dict[str, Any]]:
    """Account for an epoch of every row that has products to speak of."""
    say("account: core-seconds of an epoch")
    found = []
    for row in (options.row(row) for row in ROWS.values()):
        job = {"task": "account", "folder": options.folder, "training": row.training.shorter(1).as_job()}
        figures, _ = compare({OURS: job | {"n_images": row.images}}, options.turns(3))
        seconds = {name: figure["median"] for name, figure in figures[OURS].items() if not name.endswith("_over_ours")}
        found.append({"what": row.describe(), "threads": int(seconds.pop("threads")), "core_seconds": seconds})
    return found


class Task:
    """Trains for an epoch, and returns its core-seconds by kind, scaled to 60,000 images; and ``threads``."""

    def __init__(self, folder: Path, training: dict[str, Any], n_images: int) -> None:
        from benchmarks.sides.ours import Ours  # noqa: PLC0415 - with what it needs, in the child alone

        self.X, self.y = load(folder, "train", n_images)
        self.side = Ours(Training(**training), seed=0)
        self.side.fit(self.X, self.y)
        self.of_threads: dict[int, Counter[str]] = {}
        self._set_clocks()

    def __call__(self, number: int) -> dict[str, Any]:
        """Train once."""
        self.of_threads.clear()
        self.side.seed = number
        self.side.fit(self.X, self.y)
        scale, spent = EPOCH / len(self.X), sum(self.of_threads.values(), Counter())
        n_threads = self.side.model._trainer.n_threads  # noqa: SLF001 - no fitted attribute tells
        within = spent["forward and back"] - spent["products in between"] - spent["waiting in between"]
        kinds = {
            "products": spent["products in between"] + spent["gradients"],
            "optimizer": spent["optimizer"],
            "gathering": spent["gathering"],
            "activations and loss": within,
            "waiting for each other": spent["waiting"],
        }
        kinds["the rest"] = n_threads * spent["update"] - sum(kinds.values())
        return {"threads": n_threads, "seconds": spent["update"] * scale} | {
            kind: rounded(seconds * scale) for kind, seconds in kinds.items()
        }

    def _set_clocks(self) -> None:
        """Put a clock around each kind of work; products and meetings on the way forward and back count as such too."""
        from pipeline.network import optimizers, pass_  # noqa: PLC0415 - in the child alone
        from pipeline.network.batches import Samples  # noqa: PLC0415
        from pipeline.network.layers import affine  # noqa: PLC0415
        from pipeline.network.parallel import updates, workers  # noqa: PLC0415

        inside = threading.local()

        def clock(owner: Any, name: str, kind: str, within: str = "") -> None:
            method: Callable[..., Any] = getattr(owner, name)

            def timed(*arguments: Any, **named: Any) -> Any:
                began = time.perf_counter()
                inside.learning = getattr(inside, "learning", 0) + (name == "forward_backward")
                try:
                    return method(*arguments, **named)
                finally:
                    taken = time.perf_counter() - began
                    spent = self.of_threads.setdefault(threading.get_ident(), Counter())
                    spent[kind] += taken
                    if within and inside.learning:
                        spent[within] += taken
                    inside.learning -= name == "forward_backward"

            setattr(owner, name, timed)

        clock(affine, "_product", "all products", "products in between")
        clock(affine.Affine, "backward_parameters", "gradients")
        clock(optimizers.Optimizer, "apply", "optimizer")
        clock(Samples, "gather", "gathering")
        clock(Samples, "targets", "gathering")
        clock(workers.Workers, "barrier", "waiting", "waiting in between")
        clock(pass_.Pass, "forward_backward", "forward and back")
        clock(updates.Updater, "update", "update")
