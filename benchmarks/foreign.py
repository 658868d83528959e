"""Digits of other writers: scikit-learn's own, of 8 by 8 pixels, as pictures, read by a network that knows MNIST alone.

What gains most is chosen on one half of them, and told of the other half. They are dark ink on white, enlarged.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from benchmarks.data import load_pixels
from benchmarks.measure import ROOT, rounded
from benchmarks.options import Options, say
from pipeline import Deform, Normalize, Photo, Train
from pipeline.cli.params_file import read_document
from pipeline.images.photo import PhotoError
from pipeline.parameters import read_parameters

MINUTES = 6
_ENLARGED, _FRAME, _SEED = 20, 2, 0
_BENT = Deform(rotation=15, scale=0.15, shear=10, translation=1.5, elastic=30)
SETTINGS: dict[str, dict[str, Any]] = {
    "params.yaml": {},
    "shifts": {"augmentation": Deform(translation=2)},
    "Deform": {"augmentation": _BENT},
    "Deform, wider": {"augmentation": Deform(rotation=20, scale=0.25, shear=15, translation=2, elastic=40)},
    "deskew": {"deskew": True},
    "Deform, deskew": {"augmentation": _BENT, "deskew": True},
}
"""What a network learns with beside params.yaml."""

Images = NDArray[np.uint8]


def run(options: Options) -> dict[str, Any]:
    """Train a network with each setting, and read both halves with it, with and without the preparation."""
    digits = load_digits()
    chosen_on, told_of = train_test_split(
        np.arange(len(digits.target)), test_size=0.5, random_state=_SEED, stratify=digits.target
    )
    pictures = [as_picture(image) for image in digits.images]
    prepared, plain = ([way(one) for one in pictures] for way in (with_photo, shrunk))
    rows = []
    for name, setting in list(SETTINGS.items())[: 2 if options.quick else None]:
        say(f"foreign: {name}")
        model = _network(options, setting)
        known = {way: _right(model, images, digits.target) for way, images in (("photo", prepared), ("plain", plain))}
        halves = {"half": chosen_on, "other": told_of}
        right = {
            way: {half: rounded(100 * all_right[at].mean()) for half, at in halves.items()}
            for way, all_right in known.items()
        }
        rows.append({"setting": name, **right})
    best = max(rows, key=lambda row: row["photo"]["half"])["setting"]
    missed = sum(image is None for image in prepared)
    return {"digits": len(pictures), "told": len(told_of), "missed": missed, "chosen": best, "rows": rows}


def as_picture(image: NDArray[np.float64]) -> Images:
    """Return an image of 8 by 8, 0..16, as dark ink on white paper, many times as large.

    Examples
    --------
    >>> picture = as_picture(load_digits().images[0])
    >>> picture.shape, int(picture[0, 0]), bool(picture.min() < 9)
    ((240, 240), 255, True)
    """
    from PIL import Image  # noqa: PLC0415 - an extra

    framed = np.pad(image.astype(np.float32) * (255 / 16), _FRAME)
    side = len(framed) * _ENLARGED
    large = np.asarray(Image.fromarray(framed).resize((side, side), Image.Resampling.BICUBIC))
    return np.rint(255 - large.clip(0, 255)).astype(np.uint8)


def with_photo(picture: Images) -> Images | None:
    """Return what the preparation makes of a picture; None where it finds no digit, or several, or is in doubt."""
    try:
        return Photo().transform([picture])[0]
    except PhotoError:
        return None


def shrunk(picture: Images) -> Images:
    """Return a picture inverted and shrunk to 28 by 28, as it stands."""
    from PIL import Image  # noqa: PLC0415 - an extra

    return 255 - np.asarray(Image.fromarray(picture).resize((28, 28), Image.Resampling.BICUBIC)).ravel()


def _network(options: Options, setting: dict[str, Any]) -> Any:
    """Return a network with a setting beside those of params.yaml, trained on all training images of MNIST."""
    parameters = read_parameters(Train, read_document(ROOT / "params.yaml")["train"], "train")
    learning = {name: value for name, value in setting.items() if name != "deskew"}
    network = Train(**parameters | learning | ({"max_iter": 2} if options.quick else {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is trained for as long as params.yaml says
        pixels = load_pixels(options.folder, "train", options.images(60_000))
        return make_pipeline(Normalize(deskew=setting.get("deskew", False)), network).fit(*pixels)


def _right(model: Any, images: list[Images | None], y: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which images are read right; what was not found is wrong."""
    there = np.array([image is not None for image in images])
    right = np.zeros(len(images), bool)
    right[there] = model.predict(np.stack([image for image in images if image is not None])) == y[there]
    return right
