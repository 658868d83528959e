"""Images deskewed and of one width: beside a plain warp of SciPy's, on strokes, digits and what is no image."""

import math

import numpy as np
import pytest
from scipy import ndimage

from pipeline import Fetch
from pipeline.images import deskew as module
from pipeline.images.deskew import INK, MAX_SKEW, align, sampling_grid, side_of, skews
from pipeline.images.warp import warp
from pipeline.parameters import ParameterError

WAYS = [
    {"deskew": True, "ink_width": None},
    {"deskew": False, "ink_width": 10},
    {"deskew": False, "ink_width": 15},
    {"deskew": True, "ink_width": 10},
    {"deskew": True, "ink_width": 28},
]


def strokes(n=40, side=28, seed=0):
    """Return images (n, side, side) of a few crooked strokes each, thick and thin, some of them at the border."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, side, side))
    for image in images:
        for _ in range(rng.integers(1, 4)):
            ends = rng.uniform(0, side - 1, (3, 2, 1))
            t = np.linspace(0, 1, 4 * side)
            rows, columns = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2]
            image[rows.round().astype(int), columns.round().astype(int)] = rng.uniform(100, 400)
    return ndimage.gaussian_filter(images, (0, 0.6, 0.6)).clip(0, 255).round().astype(np.uint8)


def bar(k, side=28):
    """Return an image (side, side) of a stroke three pixels wide that goes ``k`` columns to the right with each row."""
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    page = 255 * np.clip(2 - abs(columns - k * rows), 0, 1) * (abs(rows) < 8)
    return page.round().astype(np.uint8)


def rows_of(images):
    """Return images as rows of pixels."""
    return images.reshape(len(images), -1)


def inked_columns(X):
    """Return the first and the last column with ink of every image."""
    side = math.isqrt(X.shape[1])
    has = (X.reshape(-1, side, side) > INK).any(axis=1)
    return has.argmax(axis=1), side - 1 - has[:, ::-1].argmax(axis=1)


def skew_of(X):
    """Return the columns that each image leans by from one row to the next, as the formula in `skews` says it."""
    side = math.isqrt(X.shape[1])
    leans = []
    for image in X.reshape(-1, side, side).astype(float):
        r, c = np.indices(image.shape)
        r, c = r - (image * r).sum() / image.sum(), c - (image * c).sum() / image.sum()
        leans.append((image * r * c).sum() / (image * r * r).sum())
    return np.array(leans)


def plainly(image, deskew, ink_width):
    """Return an image aligned by SciPy, before it is rounded."""
    side = len(image)
    row = (image.astype(float).sum(axis=1) * np.arange(side)).sum() / image.sum()
    k = float(np.clip(skew_of(image.reshape(1, -1))[0], -1, 1)) if deskew else 0.0
    ratio, start, left, width = 1.0, 0.0, 0, side
    if ink_width:
        places_of_ink = [c - k * (r - row) for r, c in np.argwhere(image > INK)]
        start, left, width = min(places_of_ink), (side - ink_width) // 2, ink_width
        ratio = (max(places_of_ink) - start) / (ink_width - 1)
    offset = start - ratio * left - k * row
    read = ndimage.affine_transform(
        image.astype(float), [[1, 0], [k, ratio]], [0, offset], order=1, mode="grid-constant"
    )
    read[:, :left], read[:, left + width :] = 0, 0
    return read


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_warp_is_scipys(way):
    """Every stroke is read where SciPy reads it for an affine map from plain sums and loops; then it is rounded."""
    images = strokes()
    ours = warp(images, *sampling_grid(images, **way))
    plain = np.array([plainly(image, **way) for image in images])
    assert np.allclose(ours, plain, rtol=0, atol=1e-9)
    assert np.array_equal(align(rows_of(images), **way), rows_of(np.rint(ours)))


@pytest.mark.parametrize("k", [-0.9, -0.4, 0.25, 0.7])
def test_a_skewed_bar_becomes_upright(k):
    """Whichever way it leans, the bar that comes out stands in one place in all of its rows."""
    image = bar(k)
    [upright] = align(image.reshape(1, -1), deskew=True).reshape(1, 28, 28)
    places_of_rows = [ndimage.center_of_mass(row)[0] for row in upright if row.any()]
    before = [ndimage.center_of_mass(row)[0] for row in image if row.any()]
    assert np.ptp(places_of_rows) < 0.3 < 5 * abs(k) < np.ptp(before)
    assert np.array_equal(upright.any(axis=1), image.any(axis=1))


def test_deskewing_twice_changes_next_to_nothing():
    """What was deskewed leans to neither side, where neither the border nor the bound was in the way."""
    images = strokes(side=40)
    images[:, :, :10] = images[:, :, 30:] = 0
    X = rows_of(images)[abs(skew_of(rows_of(images))) < 0.6]
    once = align(X, deskew=True)
    assert len(X) > 10
    assert abs(skew_of(once)).max() < 0.05 * abs(skew_of(X)).max()
    twice = align(once, deskew=True)
    assert abs(twice - once.astype(float)).mean() < 0.02 * abs(once - X.astype(float)).mean()


@pytest.mark.parametrize("deskew", [False, True])
@pytest.mark.parametrize("ink_width", [2, 9, 16, 28])
def test_strokes_are_as_wide_as_was_asked_for(ink_width, deskew):
    """From the first column with ink to the last it is so many, in the middle; rows with ink keep it."""
    X = rows_of(strokes())
    first, last = inked_columns(align(X, deskew=deskew, ink_width=ink_width))
    assert set(first) == {(28 - ink_width) // 2}
    assert set(last - first + 1) == {ink_width}
    assert len(set(inked_columns(X)[0])) > 5


@pytest.mark.parametrize("ink_width", [4, 7])
def test_digits_are_as_wide_as_was_asked_for(ink_width):
    """The same holds for digits that people wrote, if their images are 8 by 8."""
    X, _ = Fetch(dataset="digits").load("test")
    for deskew in (False, True):
        first, last = inked_columns(align(X, deskew=deskew, ink_width=ink_width))
        assert set(last - first + 1) == {ink_width}
        assert set(first) == {(8 - ink_width) // 2}


def test_one_warp_blurs_less_than_two():
    """Slanted back and scaled at once, strokes are sharper than deskewed first and scaled then."""
    X = rows_of(strokes())
    together = align(X, deskew=True, ink_width=20).astype(float)
    in_turn = align(align(X, deskew=True), ink_width=20).astype(float)
    assert np.square(together).mean() > 1.02 * np.square(in_turn).mean()


def test_skews_are_those_of_the_formula():
    """Whole sums come to what deviations from the centre come to; a skew beyond the bound is the bound."""
    images = np.concatenate([strokes(), [bar(1.6), bar(-1.6)]])
    slipped = skews(images)
    k = slipped[:, 1, 0] - slipped[:, 0, 0]
    assert np.allclose(k, np.clip(skew_of(rows_of(images)), -MAX_SKEW, MAX_SKEW), rtol=0, atol=1e-12)
    assert k[-2:] == pytest.approx([MAX_SKEW, -MAX_SKEW])


def test_skews_do_not_depend_on_the_neighbours():
    """An image leans the same to the last bit alone and among others, since whole numbers are summed exactly."""
    images = strokes()
    assert np.array_equal(skews(images), np.concatenate([skews(image[None]) for image in images]))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_image_without_ink_stays_as_it_is(way):
    """Nothing at all, and grey too faint to be ink, are left alone, among images that are not."""
    X = rows_of(np.minimum(strokes(), INK))
    X[0] = 0
    assert np.array_equal(align(X, **way), X)
    mixed = np.concatenate([X[:2], rows_of(strokes(1))])
    assert np.array_equal(align(mixed, **way)[:2], X[:2])
    assert not np.array_equal(align(mixed, **way)[2], mixed[2])


def test_a_single_row_cannot_lean():
    """Ink in one row has no skew to be found, and stays; it can still be scaled."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 5, 3:9] = 200
    assert np.array_equal(align(rows_of(image), deskew=True), rows_of(image))
    [scaled] = align(rows_of(image), deskew=True, ink_width=12).reshape(1, 28, 28)
    assert np.argwhere(scaled).tolist() == [[5, column] for column in range(8, 20)]


def test_a_single_column_becomes_as_wide_as_the_others():
    """A bar of one column is the same ink in all columns that were asked for."""
    image = np.zeros((1, 8, 8), np.uint8)
    image[0, 2:6, 1] = [100, 150, 200, 250]
    [scaled] = align(rows_of(image), ink_width=4).reshape(1, 8, 8)
    assert np.array_equal(scaled[:, 2:6], np.repeat(image[0, :, 1:2], 4, axis=1))
    assert not scaled[:, [0, 1, 6, 7]].any()


def test_ink_that_is_sheared_beyond_the_border_is_not_lost():
    """Its width counts before it would have been cut off: scaled at once, what lay outside comes in again."""
    image = bar(0.8)
    image[6] = 255
    alone, both = (align(image.reshape(1, -1), deskew=True, ink_width=width) for width in (None, 28))
    assert alone.reshape(28, 28)[6, 0] == 0
    assert (both.reshape(28, 28)[6] > INK).all()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_pieces_make_no_difference(monkeypatch, way):
    """Many at once, a few at once and one by one, images come out the same to the last bit; X is left as it was."""
    X = rows_of(strokes())
    before, whole = X.copy(), align(X, **way)
    monkeypatch.setattr(module, "PIECE", 7 * 784)
    assert np.array_equal(align(X, **way), whole)
    monkeypatch.setattr(module, "PIECE", 1)
    assert np.array_equal(align(X, **way), whole)
    assert np.array_equal(X, before)
    assert align(X[:0], **way).shape == (0, 784)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_pixels_keep_their_type_and_stay_whole(dtype):
    """Floats are the same whole numbers that uint8 are, in their own type."""
    X = rows_of(strokes())
    aligned = align(X.astype(dtype), deskew=True, ink_width=16)
    assert aligned.dtype == dtype
    assert np.array_equal(aligned, align(X, deskew=True, ink_width=16))


@pytest.mark.parametrize("value", [-1.0, 0.5, 256.0, np.nan])
def test_pixels_of_another_kind_are_refused(value):
    """Pixels on 0..1, or beyond 0..255, would have no ink or no bytes."""
    X = rows_of(strokes(2)).astype(np.float32)
    X[1, 5] = value
    with pytest.raises(ValueError, match=rf"whole numbers on 0\.\.255; got {value:g}"):
        align(X, deskew=True)


def test_images_of_another_shape_are_refused():
    """What is no square, and ink that is wider than its image, are refused with what was given."""
    with pytest.raises(ValueError, match="square images; 12 pixels make no square"):
        align(np.zeros((1, 12), np.uint8), deskew=True)
    with pytest.raises(
        ParameterError, match="ink_width must be 2 at least, and at most 8, as the images are wide; got 16"
    ):
        side_of(64, 16)
    for ink_width in (0, 1):
        with pytest.raises(ParameterError, match=f"2 at least, and at most 8, as the images are wide; got {ink_width}"):
            align(np.zeros((1, 64), np.uint8), ink_width=ink_width)
    assert side_of(64, 8) == 8
