"""Whether images are ink of one size in the middle of a black field."""

import numpy as np
import pytest

from pipeline.images.ink import ink_size_of, is_prepared


def strokes(n=20, side=28, length=20, down=0, width=4):
    """Return images of an upright stroke each, as rows; ``down`` is how far it stands off the middle."""
    images = np.zeros((n, side, side), np.uint8)
    top = (side - length) // 2 + down
    images[:, top : top + length, side // 2 - width // 2 : side // 2 + width // 2] = 200
    return images.reshape(n, -1)


@pytest.mark.parametrize(("side", "length"), [(28, 20), (28, 24), (16, 9)])
def test_ink_of_one_size_in_the_middle_is_measured(side, length):
    """Whatever the field, its longer side is told."""
    assert ink_size_of(strokes(side=side, length=length)) == length


@pytest.mark.parametrize(
    "X",
    [
        255 - strokes(),
        strokes(down=4),
        strokes(length=28),
        np.concatenate([strokes(length=n) for n in (8, 14, 20, 24)]),
        np.zeros((5, 784), np.uint8),
        strokes()[:, 1:],
        np.random.default_rng(0).integers(0, 256, (20, 784), dtype=np.uint8),
    ],
    ids=["inverted", "shifted", "full", "sizes", "blank", "oblong", "noise"],
)
def test_other_images_are_no_such_ink(X):
    """Pictures that fill the field, lie about in it or are no squares have no size of ink."""
    assert ink_size_of(X) is None


def test_a_few_odd_images_change_nothing():
    """One in ten may be of another size; that of the others is told."""
    assert ink_size_of(np.concatenate([strokes(19), strokes(1, length=12)])) == 20
    assert ink_size_of(np.concatenate([strokes(15), strokes(5, length=12)])) is None


def test_fractions_are_measured_like_bytes():
    """The scale does not matter."""
    assert ink_size_of(strokes() / 255) == 20


def test_an_image_of_that_form_is_told_from_others():
    """Ink of the size in the middle is ready; what is inverted, larger, shifted or blank is not."""
    for image, ready in [
        (strokes(1), True),
        (strokes(1, length=21), True),
        (255 - strokes(1), False),
        (strokes(1, length=24), False),
        (strokes(1, down=4), False),
        (0 * strokes(1), False),
    ]:
        assert is_prepared(image.reshape(28, 28), 20) is ready
