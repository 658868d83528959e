"""What each regulariser is worth: the same network with and without it, on validation images.

The network and all that it is trained with stay those of ``BASE``; the last 10,000 training images are held out. Three
seeds each; nothing looks at the test images.
"""

from typing import Any

import numpy as np
from joblib import Parallel, delayed

from benchmarks.data import load_pixels
from benchmarks.measure import rounded
from benchmarks.options import Options, say
from pipeline import Deform, ExponentialAverage, LastEpochs, MLPClassifier
from pipeline.network import Adversarial, Cosine, VirtualAdversarial

MINUTES = 12
EPOCHS, _SEEDS, _HELD_OUT = 12, 3, 10_000
BASE: dict[str, Any] = {
    "hidden_layer_sizes": (512, 512),
    "alpha": 0.0,
    "batch_size": 128,
    "learning_rate": Cosine(warmup=1),
    "learning_rate_init": 0.002,
    "n_iter_no_change": np.inf,
    "pixel_scale": 1 / 255,
    "n_threads": 1,
}
_AFFINE = {"rotation": 12, "scale": 0.15, "translation": 1.5}
_ALL = Deform(**_AFFINE, elastic=34)
VARIANTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "L2 penalty, alpha 0.01": {"alpha": 0.01},
    "decoupled weight decay 0.05 (AdamW)": {"solver": "adamw", "weight_decay": 0.05},
    "max-norm 2": {"max_norm": 2.0},
    "dropout 0.2": {"dropout": 0.2},
    "Gaussian noise 0.3, input and hidden": {"noise": (0.3, 0.3, 0.3)},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "batch normalisation": {"batch_norm": True},
    "batch normalisation, statistics re-estimated": {"batch_norm": True, "recompute_statistics": True},
    "batch normalisation and noise 0.3": {"batch_norm": True, "noise": (0.3, 0.3, 0.3)},
    "average of the last 5 epochs": {"averaging": LastEpochs(5)},
    "exponential average, decay 0.999": {"averaging": ExponentialAverage(0.999)},
    "adversarial, epsilon 1.5": {"adversary": Adversarial(1.5)},
    "virtual adversarial, epsilon 2": {"adversary": VirtualAdversarial(2)},
    "translation 1.5 pixels": {"augmentation": Deform(translation=1.5)},
    "translation by whole pixels, 2 at most": {"augmentation": Deform(translation=2, whole_pixels=True)},
    "rotation 12 degrees": {"augmentation": Deform(rotation=12)},
    "scale 15 %": {"augmentation": Deform(scale=0.15)},
    "shear 10 degrees": {"augmentation": Deform(shear=10)},
    "elastic 34": {"augmentation": Deform(elastic=34)},
    "rotation, scale and translation": {"augmentation": Deform(**_AFFINE)},
    "rotation, scale, translation and elastic 34": {"augmentation": _ALL},
    "the same, a field for 16 images": {"augmentation": Deform(**_AFFINE, elastic=34, group=16)},
    "all of that, batch normalisation": {"augmentation": _ALL, "batch_norm": True},
}
"""What is added to the base, one at a time."""


def run(options: Options) -> list[dict[str, Any]]:
    """Train every variant with every seed, two at a time."""
    say(f"ablation: {len(VARIANTS)} variants")
    X, y = load_pixels(options.folder, "train")
    X, y = (X[:1500], y[:1500]) if options.quick else (X, y)
    n_held_out = len(X) // 6 if options.quick else _HELD_OUT
    seeds = range(options.turns(_SEEDS))
    tasks = [(name, seed) for name in VARIANTS for seed in seeds]
    n_epochs = 4 if options.quick else EPOCHS
    errors = Parallel(n_jobs=2)(
        delayed(error)(VARIANTS[name], seed, X, y, n_held_out, n_epochs) for name, seed in tasks
    )
    found: dict[str, list[float]] = {}
    for (name, _), each in zip(tasks, errors, strict=True):
        found.setdefault(name, []).append(each)
    return [
        {"what": name, "errors": percent, "mean": rounded(float(np.mean(percent)))} for name, percent in found.items()
    ]


def error(variant: dict[str, Any], seed: int, X: Any, y: Any, n_held_out: int, n_epochs: int) -> float:
    """Return the validation error in percent of one training."""
    model = MLPClassifier(**{**BASE, **variant}, max_iter=n_epochs, random_state=seed)
    model.fit(X[:-n_held_out], y[:-n_held_out])
    return round(100 * (1 - model.score(X[-n_held_out:], y[-n_held_out:])), 3)
