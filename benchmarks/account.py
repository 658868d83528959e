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
from benchmarks.options import Options, present, say
from benchmarks.rows import ENGINES, EPOCH, NUMBA, ROWS, Training
from benchmarks.sides import side

MINUTES = 4
KINDS = ("products", "optimizer", "gathering", "activations and loss", "waiting for each other", "the rest")
TASKS = {"numpy": "account", "numba": "account compiled"}


def run(options: Options) -> list[dict[str, Any]]:
    """Account for an epoch of every row, with each engine."""
    say("account: core-seconds of an epoch")
    found = []
    for row in (options.row(row) for row in ROWS.values()):
        for name in reversed(present(tuple(ENGINES))):
            if name == NUMBA and row.training.batch == 1:
                continue  # a thousand batches are one call, with nothing to take apart
            job = {"task": TASKS[ENGINES[name]], "folder": options.folder, "training": row.training.shorter(1).as_job()}
            figures, _ = compare({name: job | {"name": name, "n_images": row.images}}, options.turns(3))
            seconds = {key: figure["median"] for key, figure in figures[name].items() if not key.endswith("_over_ours")}
            told = {"what": row.describe(), "engine": name, "threads": int(seconds.pop("threads"))}
            found.append(told | {"core_seconds": seconds})
    return found


class Task:
    """Trains for an epoch, and returns its core-seconds by kind, scaled to 60,000 images; and ``threads``."""

    def __init__(self, folder: Path, name: str, training: dict[str, Any], n_images: int) -> None:
        self.X, self.y = load(folder, "train", n_images)
        self.side: Any = side(name)(Training(**training), seed=0)
        self.side.fit(self.X, self.y)
        self.clocks = Clocks()
        self._set_clocks()

    def __call__(self, number: int) -> dict[str, Any]:
        """Train once."""
        spent = self.spent(number)
        return self.told(spent["update"], kinds_of_plain(spent))

    def spent(self, number: int) -> Counter[str]:
        """Train once, and return the seconds on all clocks."""
        self.clocks.of_threads.clear()
        self.side.seed = number
        self.side.fit(self.X, self.y)
        return sum(self.clocks.of_threads.values(), Counter())

    def told(self, seconds: float, kinds: dict[str, float]) -> dict[str, Any]:
        """Return what is handed back: wall time, its kinds, and what is left over."""
        n_threads = self.side.model._trainer.n_threads  # noqa: SLF001 - no fitted attribute tells
        kinds["the rest"] = n_threads * seconds - sum(kinds.values())
        scale = EPOCH / len(self.X)
        return {"threads": n_threads, "seconds": seconds * scale} | {
            kind: rounded(spent * scale) for kind, spent in kinds.items()
        }

    def _set_clocks(self) -> None:
        """Put a clock around each kind of work; products and meetings on the way forward and back count as such too."""
        from pipeline.network import optimizers, pass_  # noqa: PLC0415 - in the child alone
        from pipeline.network.batches import Samples  # noqa: PLC0415
        from pipeline.network.layers import affine  # noqa: PLC0415
        from pipeline.network.parallel import updates, workers  # noqa: PLC0415

        clock = self.clocks.set
        clock(affine, "product", "all products", "products in between")
        clock(affine.Affine, "backward_parameters", "gradients")
        clock(optimizers.Optimizer, "apply", "optimizer")
        clock(Samples, "gather", "gathering")
        clock(Samples, "targets", "gathering")
        clock(workers.Workers, "barrier", "waiting", "waiting in between")
        clock(pass_.Pass, "forward_backward", "forward and back")
        clock(updates.Updater, "update", "update")


def kinds_of_plain(spent: Counter[str]) -> dict[str, float]:
    """Return the seconds of each kind from the clocks around plain passes."""
    return {
        "products": spent["products in between"] + spent["gradients"],
        "optimizer": spent["optimizer"],
        "gathering": spent["gathering"],
        "activations and loss": (
            spent["forward and back"] - spent["products in between"] - spent["waiting in between"]
        ),
        "waiting for each other": spent["waiting"],
    }


class Clocks:
    """Clocks around methods, for every thread by itself."""

    def __init__(self) -> None:
        self.of_threads: dict[int, Counter[str]] = {}
        self._inside = threading.local()

    def set(self, owner: Any, name: str, kind: str, within: str = "") -> None:
        """Put a clock around a method; ``within`` is what its time counts as besides on the way forward and back."""
        method: Callable[..., Any] = getattr(owner, name)
        inside = self._inside

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
