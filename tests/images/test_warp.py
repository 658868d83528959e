"""Images read between their pixels beside SciPy, and affine maps beside their parts."""

import math

import numpy as np
import pytest
from scipy import ndimage

from pipeline.images.warp import affine_maps, warp


def images(n=9, shape=(28, 28), dtype=np.float32):
    """Return images of smooth blobs that reach the border, on 0..1."""
    noise = np.random.default_rng(1).random((n, *shape))
    return ndimage.uniform_filter(noise, (0, 3, 3)).reshape(n, -1).astype(dtype)


@pytest.mark.parametrize("shape", [(28, 28), (5, 9)])
def test_reading_between_pixels_is_scipys_wherever_it_is(shape):
    """At places drawn far and near, on pixels and on the border, an image is read as SciPy reads it."""
    rng = np.random.default_rng(0)
    X = rng.random((6, *shape))
    rows, columns = rng.uniform(-4, max(shape) + 4, (2, 6, *shape))
    rows[0], columns[1], rows[2], columns[2] = -1, 0, shape[0] - 1, shape[1]
    rows[3], columns[3], rows[4] = np.round(rows[3]), np.round(columns[3]), 1e9
    plain = [
        ndimage.map_coordinates(*one, order=1, mode="grid-constant")
        for one in zip(X, np.stack([rows, columns], axis=1), strict=True)
    ]
    assert np.allclose(warp(X, rows, columns), plain, rtol=0, atol=1e-13)


def test_a_quarter_turn_is_numpys():
    """With a right angle, A turns an image as `rot90` does; the other way with the other sign."""
    X = images(2).reshape(2, 28, 28)
    angle, none = np.radians([90, -90]), np.zeros(2)
    A = affine_maps(angle, none, np.ones((2, 2)), none > 0)
    u = np.einsum("nab,bij->anij", A, np.indices((28, 28)) - 13.5) + 13.5
    assert np.allclose(warp(X, *u), [np.rot90(X[0], -1), np.rot90(X[1])], rtol=0, atol=1e-6)


def test_an_affine_map_is_its_four_parts():
    """A = R H S F: rotated, sheared, scaled and mirrored, in this order."""
    a, b, s, across = 0.3, -0.2, 1.25, 0.8
    (A,) = affine_maps(*np.array([[a], [b]]), np.array([[s], [across]]), np.array([True]))
    R = [[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]
    H = [[1, 0], [math.tan(b), 1]]
    assert np.allclose(A, R @ np.array(H) @ np.diag([1 / s, 1 / across]) @ np.diag([1, -1]))


def test_scale_is_growth():
    """An image that is scaled by more than 1 covers more pixels."""
    X = np.zeros((1, 28, 28))
    X[:, 9:19, 9:19] = 1
    scale, none = np.full((2, 1), 1.5), np.zeros(1)
    u = np.einsum("nab,bij->anij", affine_maps(none, none, scale, none > 0), np.indices((28, 28)) - 13.5) + 13.5
    assert warp(X, *u).sum() == pytest.approx(225, rel=0.02)
