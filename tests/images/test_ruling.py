"""Ruled lines: taken off across and down, aslant too, with the strokes that cross them left as they are."""

import numpy as np
import pytest

from pipeline.images.ruling import without_ruling


def ruled(slope, both=False):
    """Return ink (200, 300) on lines 40 pixels apart, and where it stands."""
    rows, columns = np.indices((200, 300))
    lines = (rows - slope * (columns - 150)) % 40 < 2
    if both:
        lines |= (columns + slope * (rows - 100)) % 40 < 2
    ink = np.zeros((200, 300), bool)
    ink[50:130, 90:100] = ink[120:130, 90:150] = True
    return np.where(ink, 0.8, np.where(lines, 0.3, 0)).astype(np.float32), ink


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("slope", [0, 0.05, -0.1])
def test_lines_go_and_strokes_stay(slope, both):
    """Three quarters of the lines and more become paper, and all ink has its density, aslant or not."""
    page, ink = ruled(slope, both)
    cleared = without_ruling(page, 0.1)
    np.testing.assert_array_equal(cleared[ink], page[ink])
    left = cleared[~ink] > 0.1
    assert left.sum() < 0.25 * (page[~ink] > 0.1).sum()


def test_a_page_without_lines_stays():
    """A long stroke is no ruled line, nor is a page without ink changed, however small it is."""
    page = np.zeros((100, 200), np.float32)
    page[50:56, 30:170] = page[20:80, 30:36] = 0.8
    np.testing.assert_array_equal(without_ruling(page, 0.1), page)
    assert without_ruling(page[:1, :1], 0.1).shape == (1, 1)
