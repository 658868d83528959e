"""Whole numbers of any type, and the scale that pixels are on."""

import numpy as np
import pytest
import scipy.sparse

from pipeline.images.pixels import INTEGERS, as_uint8, contradiction, full_scale


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array])
def test_pixels_of_every_type_become_uint8(container, dtype):
    """Whole numbers on 0..255 are the same uint8 whatever they came in; uint8 itself is no copy."""
    X = container(np.array([[0, 100, 127]], dtype))
    made = as_uint8(X)
    assert made.dtype == np.uint8
    assert np.array_equal(made.toarray() if scipy.sparse.issparse(made) else made, [[0, 100, 127]])
    assert (made is X) == (dtype == np.uint8)


@pytest.mark.parametrize("value", [-1, 256])
def test_other_whole_numbers_become_floats(value):
    """Nothing wraps around."""
    made = as_uint8(np.array([[0, value]]))
    assert made.dtype == np.float32
    assert made.tolist() == [[0, value]]


@pytest.mark.parametrize("dtype", [bool, np.float32, np.float64])
def test_floats_stay(dtype):
    """What is no whole number is handed back as it is."""
    X = np.ones((1, 2), dtype)
    assert as_uint8(X) is X


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
@pytest.mark.parametrize(("largest", "scale"), [(0, 255), (1, 1), (2, 16), (16, 16), (17, 255), (127, 255), (255, 255)])
def test_full_scale_is_told_by_the_largest_value(largest, scale, dtype):
    """Not by the type."""
    assert full_scale(np.array([[0, largest]], dtype)) == scale


@pytest.mark.parametrize(("largest", "scale"), [(256, 511), (511, 511), (512, 1023), (-300, 511), (1e6, 2**20 - 1)])
def test_beyond_8_bits_full_scale_is_that_of_as_many_bits(largest, scale):
    """At the most half of the range is then empty; negative values count by their size."""
    assert full_scale(np.array([[0.0, largest]])) == scale


@pytest.mark.parametrize("scale", [1, 16, 255, 65535])
@pytest.mark.parametrize("given", [1, 16, 255, 65535])
def test_every_customary_scale_contradicts_every_other(scale, given):
    """0..1, 0..16, 0..255 and 16 bits are told apart, either way, and a scale does not contradict itself."""
    assert (contradiction(np.array([[0.0, given]]), scale) is None) == (scale == given)
