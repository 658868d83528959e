"""The page as one HTML file: the program and its looks from the files beside this one, the network in base64.

Weights are 16 bits each, in float16 with one power of two for each unit, so that none is too large or too small.
"""

from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.html.document import base64_of, document, escape
from pipeline.html.drawing.model import Dense, PageError, PlainModel
from pipeline.image_shape import colour_of, describe
from pipeline.images.photo import Photo
from pipeline.strict_json import to_json

Array = NDArray[Any]

SCRIPTS = ("network.js", "preparation.js", "drawing.js", "views.js", "page.js")
"""The program, in the order in which one part uses what the others have."""


def drawing_page(model: PlainModel, photo: Photo | None = None, *, inverted: bool = False) -> str:
    """Return a page to draw on, with the network in it.

    Parameters
    ----------
    model : PlainModel
        As `plain_model` makes it.
    photo : Photo or None
        What brings ink to the form of the images that the model has learned from; None shrinks a drawing as it is.
    inverted : bool, default=False
        Whether ink is dark on white in coloured images.

    Raises
    ------
    PageError
        For a model with a preparation that the page has not.

    Examples
    --------
    >>> layer = Dense(np.zeros((16, 2)), np.zeros(2), "softmax")
    >>> page = drawing_page(PlainModel([layer], 1 / 255, 0.0, (4, 4), ["a", "b"], False, False, None))
    >>> page.splitlines()[0], "http" in page.replace("http-equiv", "")
    ('<!DOCTYPE html>', False)
    """
    for name, value in (("deskew", model.deskew), ("ink_width", model.ink_width)):
        if value:
            raise PageError(f"the model has {name}={value!r}, a preparation that the page does not have")
    keeps = not model.multilabel and model.shape[0] == model.shape[1]  # what `fetch` reads
    described = {
        "shape": model.shape,
        "inkSize": None if photo is None else photo.ink_size,
        "inverted": inverted,
        "scale": model.scale,
        "shift": model.shift,
        "classes": model.classes,
        "multilabel": model.multilabel,
        "keeps": keeps,
        "layers": [{"nIn": len(one.W), "nOut": len(one.b), "activation": one.activation} for one in model.layers],
    }
    body = Template(_source("page.html")).substitute(
        about=escape(_about(model)),
        label_keys=_label_keys(model.classes) if keeps else "",
        command=escape(_command(model)),
    )
    # In a script that is no program, a text may not hold what ends it or begins a comment.
    data = to_json(described, sort_keys=True).replace("<", "\\u003c")
    weights = base64_of(b"".join(map(_packed, model.layers)))
    return document(
        "Draw, and watch a network read",
        f'{body}<script type="application/json" id="description">{data}</script>\n'
        f'<script type="text/plain" id="weights">{weights}</script>',
        style=_source("page.css"),
        script=program_of(SCRIPTS),
    )


def program_of(names: tuple[str, ...]) -> str:
    """Return parts of the program as one, whose names are its own."""
    return "(() => {\n" + '"use strict";\n' + "\n".join(map(_source, names)) + "})();\n"


def _source(name: str) -> str:
    """Return one of the files beside this one."""
    return files("pipeline.html.drawing").joinpath(name).read_text("utf-8")


def _packed(layer: Dense) -> bytes:
    """Return a layer as bytes: a scale for each unit, the biases, and the weights over their scales."""
    _, exponents = np.frexp(abs(layer.W).max(axis=0, initial=0))
    scales = np.ldexp(1.0, exponents)
    return b"".join(
        np.ascontiguousarray(array).astype(kind).tobytes()
        for array, kind in ((scales, "<f4"), (layer.b, "<f4"), (layer.W / scales, "<f2"))
    )


def _about(model: PlainModel) -> str:
    """Say what the network is."""
    widths = "-".join(str(width) for width in [len(model.layers[0].W), *(len(layer.b) for layer in model.layers)])
    return (
        f"A network of {widths} units and {model.n_weights:,} weights, which takes images of {describe(model.shape)} "
        "pixels. All of it is in this file; nothing that you draw leaves it."
    )


def _label_keys(classes: list[str]) -> str:
    """Return the sentence on keys that keep a drawing."""
    short = [name for name in classes if len(name) == 1]
    if not short:
        return ""
    span = escape(f"{short[0]} to {short[-1]}" if len(short) > 1 else short[0])
    return f" {span} keep the drawing under that label."


def _command(model: PlainModel) -> str:
    """Return the command that trains on the drawings that were kept."""
    colour = " --set fetch.colour=rgb" if colour_of(model.shape) == "rgb" else ""
    return f"python -m pipeline run --artifacts artifacts/drawn --set fetch.dataset=drawings.csv{colour}"
