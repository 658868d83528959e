import io
import re

import numpy as np
import pytest
from markup import Markup, requests_of

from pipeline.html.document import STYLE, document, escape, picture, png


def test_a_document_is_whole_and_asks_for_nothing():
    """It names its language, letters, width and policy, is balanced, and holds no foreign address."""
    page = document("A & B", '<h1 id="top">Hello</h1>', style="h1{color:red}", script="'use strict';")
    markup = Markup(page)
    assert markup.wrong == requests_of(page) == []
    assert markup.named("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in markup.named("meta")
    assert any(one.get("name") == "viewport" for one in markup.named("meta"))
    policy = next(one["content"] for one in markup.named("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none'")
    assert markup.text.startswith("A & B")


def test_what_comes_from_outside_is_text():
    """Neither as content nor in an attribute can a name open a tag, leave its quotes, or turn the line around."""
    name = "<script>alert(1)</script>\"'&\u202e\x00"
    markup = Markup(document(name, f'<p title="{escape(name)}">{escape(name)}</p>'))
    assert [tag for tag, _ in markup.tags].count("script") == 0
    assert markup.named("p")[0]["title"] == "<script>alert(1)</script>\"'&\\u202e\\x00"
    assert not markup.wrong


@pytest.mark.parametrize("shape", [(5, 3), (1, 1), (4, 7, 3)])
def test_a_png_holds_the_image(shape):
    """Pillow reads the same pixels; the same image gives the same bytes."""
    Image = pytest.importorskip("PIL.Image")
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(image)))), image)
    assert png(image.copy(order="F")) == png(image)
    assert picture(image).startswith("data:image/png;base64,iVBOR")


def luminance(colour):
    """Return the relative luminance of a colour in hexadecimal, as WCAG defines it."""
    short = colour.lstrip("#")
    whole = "".join(2 * one for one in short) if len(short) == 3 else short
    levels = [int(whole[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_can_be_read(scheme):
    """On paper and on panels the contrast is 4.5 at least, in light and in dark."""
    rule = next(one for one in re.findall(r":root\{([^}]*)\}", STYLE) if f"color-scheme:{scheme}" in one)
    colours = dict(re.findall(r"--(\w+):(#\w+)", rule))
    for ground in ("paper", "panel"):
        for name in ("ink", "muted", "blue", "orange", "good", "bad"):
            high, low = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)
