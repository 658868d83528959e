"""Ruled lines: taken off across and down, aslant too, with the strokes that cross them left as they are."""

import numpy as np
import pytest

from pipeline.images.ruling import without_frames, without_ruling


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


def framed(*lefts, filled=(), turn=0.0):
    """Return a page of frames 60 pixels wide, some with a stroke in them, and where the strokes stand."""
    rows, columns = np.indices((100, 300))
    rows = rows - turn * (columns - 150)
    page, ink = np.zeros((100, 300), np.float32), np.zeros((100, 300), bool)
    for left in lefts:
        outer = (rows >= 15) & (rows < 85) & (columns >= left) & (columns < left + 60)
        inner = (rows >= 18) & (rows < 82) & (columns >= left + 3) & (columns < left + 57)
        page[outer & ~inner] = 0.6
        if left in filled:
            ink[30:70, left + 25 : left + 33] = ink[62:70, left + 25 : left + 45] = True
    page[ink] = 0.8
    return page, ink


@pytest.mark.parametrize("turn", [0.0, 0.02])
@pytest.mark.parametrize("lefts", [(10, 80, 150), (10, 67, 124), (220,)])
def test_frames_around_digits_go(lefts, turn):
    """Apart or with sides in common, empty or filled, a little aslant too; the digits keep their density."""
    page, ink = framed(*lefts, filled=lefts[-1:], turn=turn)
    cleared = without_frames(page, 0.1)
    np.testing.assert_array_equal(cleared[ink], page[ink])
    assert (cleared[~ink] > 0.1).sum() < 0.05 * (page[~ink] > 0.1).sum()


def test_strokes_that_look_like_frames_stay():
    """A square 0 has nothing inside, a thick 1 is not hollow, and a ring around a dot has no corners."""
    page, _ = framed(10)
    page[20:80, 100:120] = 0.8
    rows, columns = np.indices(page.shape)
    away = np.hypot(rows - 50, columns - 200)
    page[((away > 30) & (away < 36)) | (away < 9)] = 0.8
    np.testing.assert_array_equal(without_frames(page, 0.1), page)
