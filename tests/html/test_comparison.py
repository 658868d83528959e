import numpy as np
import pytest
from markup import Markup, requests_of

from pipeline.html import comparison
from pipeline.html.comparison import comparison_page
from pipeline.metrics.comparison import compare, meaning

NAMES = ["<script>x</script>", "b", "c" * 300]


def compared(n=200, skill=(0.9, 0.5), shape=(5, 4)):
    """Return a comparison of two models that are right so often, and the images."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    P = []
    for often in skill:
        answers = np.where(rng.random(n) < often, y, rng.integers(0, 3, n))
        P.append(np.where(np.arange(3) == answers[:, None], 0.8, 0.1))
    return compare([NAMES[one] for one in y], *P, NAMES), rng.integers(0, 256, (n, *shape), np.uint8)


@pytest.mark.parametrize("shape", [(5, 4), (6, 6, 3)])
def test_a_page_is_whole(shape):
    """Tags are balanced, nothing is asked for, names of classes are text, and the same input gives the same bytes."""
    found, pixels = compared(shape=shape)
    text = comparison_page(found, pixels, {"A": {"network": "<b>"}, "B": {"network": "2-3"}})
    markup = Markup(text)
    assert markup.wrong == requests_of(text) == []
    assert "<script>x" not in text
    assert NAMES[0] in markup.text
    assert all(one["alt"] for one in markup.named("img"))
    assert text == comparison_page(found, pixels, {"A": {"network": "<b>"}, "B": {"network": "2-3"}})


def test_the_figures_are_those_of_the_comparison():
    """Counts and the test's words stand in the page; the better of two is named."""
    found, pixels = compared()
    text = Markup(comparison_page(found, pixels, {"A": {}, "B": {}})).text
    both, a, b, neither = found.counts.values()
    assert f"both right {both} A alone right {a} B alone right {b} both wrong {neither}" in text
    assert "A is better" in meaning(found)
    assert meaning(found) in text
    assert "B is better" in meaning(compared(skill=(0.5, 0.9))[0])


def test_a_page_shows_a_bounded_number_of_images(monkeypatch):
    """Of more images than that it says how many there are."""
    monkeypatch.setattr(comparison, "MOST", 3)
    found, pixels = compared()
    markup = Markup(comparison_page(found, pixels, {"A": {}, "B": {}}))
    assert len(markup.named("img")) <= 9
    assert f"{len(found.differing['only_a_right'])} images, of which 3 are shown." in markup.text


def test_two_models_that_agree_show_no_image():
    """Where every answer is the same the page says so."""
    found, pixels = compared(skill=(1, 1))
    markup = Markup(comparison_page(found, pixels, {"A": {}, "B": {}}))
    assert not markup.named("img")
    assert markup.text.count("There are none.") == 3
