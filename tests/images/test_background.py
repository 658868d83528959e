"""The ink of a page: paper removed however the light falls, polarity found, noise measured."""

import numpy as np
import pytest

from pipeline.images.background import as_grey, ink_of


def lit(paper, stroke, light):
    """Return a page (150, 200) with a stroke, and where the stroke is."""
    mask = np.zeros((150, 200), bool)
    mask[30:120, 90:105] = True
    return (np.where(mask, stroke, paper) * light).astype(np.float32), mask


LIGHTS = {
    "even": np.ones((150, 200)),
    "gradient": np.linspace(1, 0.4, 200) * np.linspace(1, 0.8, 150)[:, None],
    "lamp": np.exp(-(np.linspace(-1, 1, 200) ** 2) - np.linspace(-1, 1, 150)[:, None] ** 2 / 2),
}


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_dark_ink_has_its_density_everywhere(light):
    """Ink that swallows three quarters of the light does so in the dark corner too; paper is 0."""
    page, mask = lit(0.8, 0.2, light)
    ink = ink_of(page)
    assert ink.polarity == "dark"
    np.testing.assert_allclose(ink.density[mask], 0.75, atol=0.04)
    np.testing.assert_allclose(ink.density[~mask], 0, atol=0.04)


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_light_ink_is_told_from_dark_ink(light):
    """Chalk on a board differs by what it adds."""
    page, mask = lit(0.1, 0.9, light)
    ink = ink_of(page)
    assert ink.polarity == "light"
    np.testing.assert_allclose(ink.density[mask], 0.8 * light[mask], atol=0.05)


@pytest.mark.parametrize("turned", [False, True])
def test_a_shadow_with_a_hard_edge_is_paper(turned):
    """Up to its edge, aslant, also where it crosses the ink and where it runs out of the page."""
    shaded = np.add.outer(np.arange(150), np.arange(200)) < 160
    page, mask = lit(0.8, 0.2, np.where(shaded[::-1] if turned else shaded, 0.5, 1))
    ink = ink_of(page)
    assert ink.polarity == "dark"
    right = abs(ink.density - 0.75 * mask) < 0.04
    assert right[~mask].mean() > 0.95
    assert right[mask].mean() > 0.85


def test_a_polarity_that_is_given_holds():
    """Dark ink is nothing where light ink is asked for."""
    page, mask = lit(0.8, 0.2, 1.0)
    assert (ink_of(page, "light").density[mask] < 0).all()


def test_noise_is_measured():
    """The deviation of bare paper is found beside ink, within a tenth."""
    page, _ = lit(1.0, 0.2, 1.0)
    noisy = page + np.random.default_rng(0).normal(0, 0.05, page.shape).astype(np.float32)
    assert ink_of(noisy).noise == pytest.approx(0.05, rel=0.1)


def test_green_is_brighter_than_blue():
    """Colours count as the eye weighs them, and grey stays what it is."""
    red, green, blue = as_grey(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))[0]
    assert green > red > blue
    np.testing.assert_array_equal(as_grey(np.array([[0, 51]], np.uint8)), np.array([[0, 0.2]], np.float32))
