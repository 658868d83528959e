"""What training images look like, and in what others differ: told by name, and nothing told of what is alike."""

import json

import numpy as np
import pytest
import scipy.sparse

from pipeline.images.statistics import ImageStatistics


def strokes(n=200, side=12, seed=0):
    """Return upright strokes in the middle of dark images, (n, side, side) uint8: all different, all alike."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, side, side), np.uint8)
    for image in images:
        half = rng.integers(3, 5)
        left = side // 2 - 1
        image[side // 2 - half : side // 2 + half, left : left + 2] = rng.integers(160, 256, (2 * half, 2))
    return images


def rows(images):
    """Return images as rows of pixels."""
    return np.ascontiguousarray(images).reshape(len(images), -1)


LOOKS = ImageStatistics.of(rows(strokes()))
OTHERS = strokes(seed=1)


@pytest.mark.parametrize("n", [1, 2, 19, 20, 200])
def test_images_of_the_same_kind_are_not_told(n):
    """One image or many, there is nothing to say."""
    assert LOOKS.differences(rows(OTHERS[:n])) == []


@pytest.mark.parametrize("n", [1, 20, 200])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda images: 255 - images, ["bright border: inverted?"]),
        (lambda images: np.maximum(images, 100), ["bright border: cut out of a picture, or framed?"]),
        (lambda images: np.roll(images, 3, axis=1), ["shifted by 3 pixels down?"]),
        (lambda images: np.roll(images, (-2, -3), axis=(1, 2)), ["shifted by 2 pixels up and 3 pixels left?"]),
        (lambda images: images.transpose(0, 2, 1), ["ink wider than high: transposed?"]),
        (lambda images: (images > 100).astype(np.uint8), ["values 0 and 1 only: not scaled to 0..255?"]),
        (lambda images: images / 255.0, ["values 0 to 1, in training 0 to 255: scaled already?"]),
        (lambda images: images.astype(np.uint16) * 257, ["in training 0 to 255: not scaled as in training?"]),
        (np.zeros_like, ["all pixels are alike: blank?"]),
    ],
    ids=["inverted", "framed", "down", "up and left", "transposed", "0 and 1", "0..1", "16 bits", "blank"],
)
def test_what_differs_is_named(change, told, n):
    """A single image that is inverted, shifted, transposed or on another scale is told, and so are many."""
    images = OTHERS[:n]
    images[:, 5, 5] = 255  # so that the range of a single image is known
    found = LOOKS.differences(rows(change(images)))
    assert len(found) == len(told)
    assert all(text in one for text, one in zip(told, found, strict=True))


def test_many_images_of_few_grey_levels_are_told():
    """Black and white is not what was trained on; of a single image it is no surprise."""
    bitmaps = np.where(OTHERS > 0, np.uint8(200), np.uint8(0))
    assert LOOKS.differences(rows(bitmaps)) == ["2 grey levels, in training 14: rounded?"]
    assert LOOKS.differences(rows(bitmaps[:1])) == []


def test_more_ink_is_told():
    """Strokes that are far thicker differ in nothing else."""
    thick = sum(np.roll(OTHERS, step, axis=2) for step in (-2, 0, 2))
    assert "more ink than in training: scaled or drawn otherwise?" in LOOKS.differences(rows(thick))


def test_a_model_of_dark_ink_knows_inverted_ones_too():
    """What was trained on bright paper tells a dark border."""
    paper = ImageStatistics.of(rows(255 - strokes()))
    assert paper.differences(rows(255 - OTHERS)) == []
    assert paper.differences(rows(OTHERS)) == ["dark border: inverted?"]


def test_empty_images_among_others_have_no_centre():
    """A blank image is left out where its centre is asked for, in training and afterwards."""
    X = rows(OTHERS)
    X[::3] = 0
    assert ImageStatistics.of(X).differences(rows(OTHERS)) == []
    assert LOOKS.differences(X) == []


@pytest.mark.parametrize("container", [scipy.sparse.csr_array, lambda X: X.astype(np.float32), lambda X: X.astype(int)])
def test_the_same_figures_from_every_container(container):
    """Sparse or dense, whole numbers or floats: the values decide."""
    X = rows(strokes())
    assert ImageStatistics.of(container(X)) == ImageStatistics.of(X)


def test_what_is_no_image_has_a_range_alone():
    """Five columns make no image; their range is known all the same."""
    table = ImageStatistics.of(np.array([[0.0, 1.0, 0.5, 0.25, 0.5]]))
    assert (table.low, table.high, table.shape, table.figures) == (0, 1, None, {})
    assert table.differences(np.array([[0.0, 255, 3, 4, 5]])) == [
        "values 0 to 255, in training 0 to 1: not scaled as in training?"
    ]


def test_images_that_are_no_squares_are_known_by_their_shape():
    """Height and width may be given; without them such rows make no image."""
    X = rows(strokes()[:, :, 1:])
    assert ImageStatistics.of(X).shape is None
    looks = ImageStatistics.of(X, (12, 11))
    assert looks.differences(rows(np.roll(OTHERS[:, :, 1:], 3, axis=1))) == ["shifted by 3 pixels down?"]


def test_a_state_goes_through_json():
    """What comes back is equal, and tells the same."""
    assert ImageStatistics.from_state(json.loads(json.dumps(LOOKS.get_state()))) == LOOKS


@pytest.mark.parametrize(
    "change",
    [
        {"low": "0"},
        {"high": float("nan")},
        {"shape": [12]},
        {"shape": None},
        {"figures": {"mean": [0.1]}},
        {"figures": {"smell": [0.0] * 5}},
        {"figures": None},
    ],
    ids=str,
)
def test_a_state_that_is_none_is_refused(change):
    """The error says what it is not."""
    with pytest.raises(ValueError, match="not the statistics of images"):
        ImageStatistics.from_state(LOOKS.get_state() | change)


def lamps(n=100, seed=0):
    """Return warm blobs in the middle of dark images, (n, 12, 12, 3) uint8: more red than green, and least blue."""
    images = np.zeros((n, 12, 12, 3), np.uint8)
    levels = np.random.default_rng(seed).integers(200, 256, (n, 6, 6))
    images[:, 3:9, 3:9] = (levels[..., np.newaxis] * [1, 0.6, 0.2]).astype(np.uint8)
    return images


@pytest.mark.parametrize("n", [1, 20, 100])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda images: images, []),
        (lambda images: 255 - images, ["bright border: inverted?"]),
        (lambda images: np.roll(images, 2, axis=1), ["shifted by 2 pixels down?"]),
        (lambda images: images[..., ::-1], ["more blue than in training: red and blue swapped?"]),
        (lambda images: images[..., [0, 1, 1]], ["less colourful?", "more ink"]),
        (lambda images: images[..., [1, 0, 2]], ["more blue than in training: tinted?"]),
        (lambda images: images.mean(axis=3, keepdims=True).repeat(3, axis=3), ["grey: colours lost?"]),
        (lambda images: images / 255, ["scaled already?"]),
    ],
    ids=["alike", "inverted", "down", "bgr", "paler", "tinted", "grey", "0..1"],
)
def test_what_differs_in_coloured_images_is_named(change, told, n):
    """As of grey ones; and colours that are lost, swapped or tinted, where these are what training had."""
    looks = ImageStatistics.of(rows(lamps()), (12, 12, 3))
    found = looks.differences(rows(change(lamps(n, seed=1))))
    assert [one for text, one in zip(told, found, strict=False) if text not in one] == []
    assert bool(found) == bool(told)
    assert ImageStatistics.from_state(json.loads(json.dumps(looks.get_state()))) == looks


def test_coloured_images_are_known_by_their_shape_alone():
    """Rows of three numbers a pixel make no image by themselves, and figures of colours belong to colours."""
    assert ImageStatistics.of(rows(lamps())).shape is None
    state = ImageStatistics.of(rows(lamps()), (12, 12, 3)).get_state()
    with pytest.raises(ValueError, match="not the statistics of images"):
        ImageStatistics.from_state(state | {"shape": [12, 36]})
