"""Where digits stand on a page: fragments joined, specks left out, lines told apart, doubts said."""

import numpy as np
import pytest

from pipeline.images.background import Ink
from pipeline.images.segments import layout_of


def ink(*boxes, shape=(200, 300), density=0.9):
    """Return ink that fills boxes of top, left, bottom, right."""
    field = np.zeros(shape, np.float32)
    for top, left, bottom, right in boxes:
        field[top:bottom, left:right] = density
    return Ink(field, "dark", 0.0)


def boxes(layout):
    """Return the boxes of a layout."""
    return [(one.top, one.left, one.bottom, one.right) for one in layout.segments]


def test_the_bar_of_a_five_belongs_to_it():
    """A short piece near a digit is joined to the nearest one; digits side by side stay apart."""
    found = layout_of(ink((50, 50, 100, 70), (45, 76, 51, 100), (50, 130, 100, 150)))
    assert boxes(found) == [(45, 50, 100, 100), (50, 130, 100, 150)]


@pytest.mark.parametrize(("gap", "n"), [(4, 1), (40, 2)])
def test_halves_of_a_digit_are_joined_and_lines_are_not(gap, n):
    """Two pieces above each other are one digit if they are near, and two on two lines if not."""
    found = layout_of(ink((30, 50, 80, 70), (80 + gap, 50, 110 + gap, 70)))
    assert len(found.segments) == n
    assert [one.line for one in found.segments] == list(range(n))


@pytest.mark.parametrize("gap", [3, 8])
def test_two_tall_pieces_close_together_are_two_digits(gap):
    """No digit comes in two pieces of its whole height; a lower one belongs to the digit that it is close to."""
    right = 70 + gap
    assert len(layout_of(ink((50, 50, 100, 70), (52, right, 98, right + 20))).segments) == 2
    assert len(layout_of(ink((50, 50, 100, 70), (70, right, 98, right + 20))).segments) == 1


def test_specks_are_counted():
    """A piece that is much smaller than a digit and near none is left out, and is not forgotten."""
    found = layout_of(ink((50, 50, 100, 70), (150, 250, 154, 254)))
    assert (boxes(found), found.specks) == ([(50, 50, 100, 70)], 1)


def test_a_stain_is_no_ink():
    """What is faint beside the strokes of the page is no digit."""
    page = ink((50, 50, 100, 70))
    page.density[40:100, 200:230] = 0.3
    assert boxes(layout_of(page)) == [(50, 50, 100, 70)]


@pytest.mark.parametrize("slope", [-0.15, 0, 0.15])
def test_lines_that_fall_or_rise_are_lines(slope):
    """Digits are read along their lines, and the turn of the page is found to a degree or two."""
    places = [(row, column) for row in (60, 140) for column in range(20, 280, 40)]
    tops = [(int(row + slope * column), column) for row, column in places]
    found = layout_of(ink(*((top, left, top + 40, left + 10) for top, left in tops), shape=(260, 300)))
    assert boxes(found) == [(top, left, top + 40, left + 10) for top, left in tops]
    assert [one.line for one in found.segments] == [0] * 7 + [1] * 7
    assert found.turn == pytest.approx(np.degrees(np.arctan(slope)), abs=1.5)


def test_doubts_are_said():
    """Ink at the border, what is as wide as two, and what is far smaller than its neighbours."""
    found = layout_of(
        ink((0, 20, 50, 40), (20, 80, 70, 160), (40, 200, 55, 210), (20, 240, 70, 260), (20, 270, 70, 290))
    )
    assert [one.doubt for one in found.segments] == [
        "ink runs out of the picture",
        "may be two digits that touch",
        "much smaller than the other digits",
        None,
        None,
    ]


def test_no_ink_is_an_empty_layout():
    """A page without ink has no segments."""
    assert layout_of(ink()).segments == []
