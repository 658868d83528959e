"""Images in a file without a name: what is appended comes back by rows."""

import numpy as np
import pytest

from pipeline.data.own.image_file import ImageFile


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3)])
def test_rows_come_back(tmp_path, shape):
    """One by one and as slices, from either end, grey or coloured; and nothing is left when it is closed."""
    pixels = np.random.default_rng(0).integers(256, size=(7, *shape), dtype=np.uint8)
    with ImageFile(tmp_path) as images:
        images.append(pixels[:4])
        assert images[1].tolist() == pixels[1].tolist()
        images.append(pixels[4:])
        assert (len(images), images.shape) == (7, pixels.shape)
        for rows in (slice(None), slice(2, 5), slice(5, 100), slice(5, 2), slice(-2, None)):
            assert images[rows].tolist() == pixels[rows].tolist()
        assert images[-1].tolist() == pixels[-1].tolist()
        with pytest.raises(IndexError):
            images[7]
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_refused(tmp_path):
    """Images of another shape, and slices with steps."""
    with ImageFile(tmp_path) as images:
        images.append(np.zeros((2, 3, 3), np.uint8))
        with pytest.raises(ValueError, match=r"images must be of the shape \(3, 3\); got \(3, 4\)"):
            images.append(np.zeros((2, 3, 4), np.uint8))
        with pytest.raises(ValueError, match="no step"):
            images[::2]
