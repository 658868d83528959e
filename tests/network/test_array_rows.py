"""Some rows of an array that is not copied."""

import numpy as np
import pytest

from pipeline.network import array_rows
from pipeline.network.array_rows import ArrayRows

X = np.random.default_rng(0).integers(1, 255, size=(40, 3), dtype=np.uint8)
ROWS = np.array([30, 2, 7, 7, 39])


@pytest.mark.parametrize("rows", [ROWS, None], ids=["some", "all"])
@pytest.mark.parametrize("scale", [None, 1 / 255], ids=["as they are", "scaled"])
def test_they_are_like_the_array_of_them(rows, scale):
    """Shape, type, elements, extremes and NumPy's own view of them are those of the rows, scaled in float32."""
    whole = X if rows is None else X[rows]
    whole = whole if scale is None else whole * np.float32(scale)
    found = ArrayRows(X, rows, scale)
    assert (len(found), found.shape, found.dtype, found.ndim) == (len(whole), whole.shape, whole.dtype, 2)
    for some in (slice(None), slice(1, 3), slice(None, None, 2), np.array([4, 0])):
        assert found[some].dtype == whole.dtype
        assert np.array_equal(found[some], whole[some])
    assert np.array_equal(np.asarray(found), whole)
    assert np.asarray(found, np.float64).dtype == np.float64
    assert (found.min(), found.max()) == (whole.min(), whole.max())


@pytest.mark.parametrize("place", [0, 17, 39])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_extremes_are_found_wherever_they_are(monkeypatch, place, dtype):
    """They are looked for piece by piece; where bytes are as small or large as can be, no further."""
    monkeypatch.setattr(array_rows, "PIECE", 6)
    values = X.astype(dtype)
    values[place, 1:] = 0, 255
    assert (ArrayRows(values).min(), ArrayRows(values).max()) == (0, 255)
    others = np.delete(np.arange(40), place)
    assert ArrayRows(values, others).min() == values[others].min() > 0
    assert ArrayRows(values, others).max() == values[others].max() < 255
