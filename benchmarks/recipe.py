"""Images a second of the recipe ``affine-elastic``: deformed anew in every epoch, with batch normalisation.

The first epoch's kind of work is all that there is: no epochs are averaged, and every one is alike.
"""

import time
from pathlib import Path
from typing import Any

from benchmarks.data import load_pixels
from benchmarks.measure import ROOT, compare
from benchmarks.options import Options, present, say
from benchmarks.rows import ENGINES

MINUTES = 1
TARGET = 1.4
"""How many times as fast as NumPy's engine numba's is to be."""
NAME = "affine-elastic"
_IMAGES, _EPOCHS = 15_000, 1


def run(options: Options) -> dict[str, Any]:
    """Measure both engines."""
    say(f"recipe: {NAME}")
    job = {"task": "recipe", "folder": options.folder, "n_images": options.images(_IMAGES)}
    figures, _ = compare({name: job | {"engine": ENGINES[name]} for name in present(tuple(ENGINES))}, options.turns())
    return {"recipe": NAME, "images": job["n_images"], "target": TARGET, "sides": figures}


class Task:
    """Trains the recipe's network for an epoch; returns its ``seconds``, and ``images_per_second``."""

    def __init__(self, folder: Path, engine: str, n_images: int) -> None:
        from sklearn.base import clone  # noqa: PLC0415 - with what it needs, in the child alone

        from pipeline.recipes.reading import read_recipe  # noqa: PLC0415

        self.clone = clone
        train = read_recipe(ROOT / "recipes" / f"{NAME}.yaml").stages(seed=0)["train"]
        self.model: Any = train.set_params(max_iter=_EPOCHS, engine=engine, pixel_scale=1 / 255)
        self.X, self.y = load_pixels(folder, "train", n_images)
        self(0)  # warms up

    def __call__(self, number: int) -> dict[str, Any]:
        """Train once."""
        model = self.clone(self.model).set_params(random_state=number)
        began = time.perf_counter()
        model.fit(self.X, self.y)
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "images_per_second": _EPOCHS * len(self.X) / seconds}
