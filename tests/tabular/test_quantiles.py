import numpy as np
import pytest

from pipeline.tabular.quantiles import half_quantiles


def test_halves_of_quantiles():
    """They are NumPy's, of what is there; a column without a value has NaN, and no warning is given."""
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[:10, 1] = X[:, 2] = np.nan
    found = half_quantiles(X, [0, 0.3, 1])
    assert found[:, 0] == pytest.approx(np.quantile(X[:, 0], [0, 0.3, 1]) / 2, rel=1e-12)
    assert found[:, 1] == pytest.approx(np.quantile(X[10:, 1], [0, 0.3, 1]) / 2, rel=1e-12)
    assert np.isnan(found[:, 2]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_their_differences_are_finite(dtype):
    """Even the whole range of floats is a float when it is halved; and between two of them NumPy interpolates."""
    most = np.finfo(dtype).max
    least, middle, largest = half_quantiles(np.array([[most], [-most]]), [0, 0.5, 1])
    assert np.isfinite(largest - least).all()
    assert middle == 0
