"""What shape pictures have, and grey beside Pillow's."""

import numpy as np
import pytest
from PIL import Image

from pipeline.image_shape import as_colour, coloured_square, image_shape, square


def test_grey_is_pillows():
    """All of the range of colours, in steps, becomes the grey that Pillow makes of it."""
    steps = np.array([0, 1, 50, 127, 128, 200, 254, 255], np.uint8)
    images = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    assert (as_colour(images, "grey") == [np.asarray(Image.fromarray(image).convert("L")) for image in images]).all()


@pytest.mark.parametrize("level", [0, 77, 255])
def test_grey_goes_there_and_back(level):
    """As colours and then as grey again it is the same to the byte; what is so already is handed back."""
    images = np.full((2, 3, 4), level, np.uint8)
    coloured = as_colour(images, "rgb")
    assert as_colour(coloured, "grey").tolist() == images.tolist()
    assert as_colour(images, "grey") is images
    assert as_colour(coloured, "rgb") is coloured


def test_no_number_is_two_squares():
    """A row of numbers is a grey square, a coloured one, or neither, and never both."""
    both = [n for n in range(1, 20_000) if square(n) and coloured_square(n)]
    assert both == []


@pytest.mark.parametrize(
    ("shape", "n"),
    [((4, 4), 48), ((4, 4, 3), 16), ((4, 4, 4), 64), ((4, 3, 4), 48), ((48,), 48), ((-4, -12), 48), (None, 50)],
)
def test_numbers_that_are_not_of_the_shape(shape, n):
    """They are refused, and so are shapes of other axes."""
    with pytest.raises(ValueError, match=rf"shape must be \(height, width\) of images of {n} pixels, or"):
        image_shape(shape, n)


def test_images_that_are_no_squares():
    """A shape that is given need not be a square."""
    assert image_shape((4, 12), 48) == (4, 12)
    assert image_shape([4, 12, 3], 144) == (4, 12, 3)
