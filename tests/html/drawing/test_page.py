import base64
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from markup import Markup, requests_of

from pipeline import Photo
from pipeline.html.drawing.model import Dense, PageError, PlainModel
from pipeline.html.drawing.page import drawing_page

RNG = np.random.default_rng(0)


def plain(widths=(64, 5, 3), classes=("a", "b", "c"), shape=(8, 8), **changes):
    """Return a network of random weights in plain numbers."""
    pairs = list(pairwise(widths))
    kinds = ["relu"] * (len(pairs) - 1) + ["softmax"]
    layers = [
        Dense(RNG.normal(0, 0.1, pair), RNG.normal(size=pair[1]), kind) for pair, kind in zip(pairs, kinds, strict=True)
    ]
    values = {"scale": 1 / 255, "shift": 0.0, "multilabel": False, "deskew": False, "ink_width": None}
    return PlainModel(layers=layers, shape=shape, classes=list(classes), **values | changes)


def inside(page, name):
    """Return what a page holds beside its program."""
    return re.search(rf'id="{name}">(.*?)</script>', page, re.DOTALL)[1]


def test_a_page_asks_for_nothing_and_is_the_same_every_time():
    """It is balanced, has no address outside of itself, and the same model gives the same page."""
    model = plain()
    page = drawing_page(model, Photo())
    assert page == drawing_page(model, Photo())
    assert Markup(page).wrong == requests_of(page) == []


def test_the_default_network_s_page_can_be_mailed():
    """With 784-512-512-10 units it has less than 2.5 megabytes."""
    page = drawing_page(plain((784, 512, 512, 10), map(str, range(10)), (28, 28)), Photo())
    assert 1.7e6 < len(page.encode()) < 2.5e6


def test_weights_are_there_to_eleven_bits():
    """Scales and biases of 32 bits, then weights of 16, whatever their size; a unit without weights stays so."""
    model = plain((16, 4), "abcd", (4, 4))
    model.layers[0].W[:] *= [1e6, 1e-6, 1, 0]
    content = base64.b64decode(inside(drawing_page(model), "weights"))
    scales, b = np.frombuffer(content[:32], "<f4").reshape(2, 4)
    W = np.frombuffer(content[32:], "<f2").reshape(16, 4) * scales
    assert np.allclose(b, model.layers[0].b, rtol=1e-6)
    assert np.allclose(W, model.layers[0].W, rtol=2**-11, atol=1e-13)


def test_names_of_classes_are_text():
    """None can end the program's data, and all come through as they are."""
    names = ["</script><b>", "<!--", "\u2028", 'a"b', "é"]
    model = plain((64, 5), names)
    page = drawing_page(model)
    assert json.loads(inside(page, "description"))["classes"] == names
    assert Markup(page).named("b") == []


@pytest.mark.parametrize(
    ("changes", "promised"), [({}, True), ({"multilabel": True}, False), ({"shape": (4, 16)}, False)]
)
def test_label_keys_are_promised_where_drawings_are_kept(changes, promised):
    """Not by a page of several labels at once, nor of images that are no squares: those keep none."""
    page = drawing_page(plain(**changes))
    assert json.loads(inside(page, "description"))["keeps"] == promised
    assert ("a to c keep the drawing under that label." in page) == promised


def test_a_preparation_that_is_not_there_is_refused_by_name():
    """The page neither deskews nor scales the ink's width."""
    with pytest.raises(PageError, match="deskew=True"):
        drawing_page(plain(deskew=True))
    with pytest.raises(PageError, match="ink_width=20"):
        drawing_page(plain(ink_width=20))
