import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipeline.parameters import ParameterError
from pipeline.tabular.robust_smooth_clip import RobustSmoothClip


@parametrize_with_checks([RobustSmoothClip(), RobustSmoothClip(limit=1.5, dtype="float64")])
def test_scikit_learn_accepts_it(estimator, check):
    """It keeps every rule of scikit-learn, with no exemption."""
    check(estimator)


def test_the_formula():
    """The median goes, the interquartile range divides, and the result is clipped smoothly: RealMLP's rule."""
    X = np.random.default_rng(0).lognormal(size=(200, 3)) * [1, 1e-3, 1e6]
    z = RobustScaler().fit_transform(X)
    assert RobustSmoothClip().fit_transform(X) == pytest.approx(z / np.sqrt(1 + (z / 3) ** 2), rel=1e-12)
    assert RobustSmoothClip(limit=1).fit_transform(X) == pytest.approx(z / np.sqrt(1 + z**2), rel=1e-12)


def test_what_was_learned():
    """Medians and ranges can be read, and are those of scikit-learn's scaler."""
    X = np.random.default_rng(1).normal(size=(101, 2)) * 7 + 3
    ours, theirs = RobustSmoothClip().fit(X), RobustScaler().fit(X)
    assert ours.center_ == pytest.approx(theirs.center_, rel=1e-12)
    assert ours.scale_ == pytest.approx(theirs.scale_, rel=1e-12)


def test_many_zeros_are_scaled_by_the_range():
    """Where three quarters are alike the interquartile range is 0, and half of the range stands in for it."""
    X = np.array([[0.0]] * 9 + [[8.0]])
    scaler = RobustSmoothClip().fit(X)
    assert scaler.scale_ == [4]
    assert scaler.transform([[8.0]]) == pytest.approx(2 / np.sqrt(1 + 4 / 9))


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 5e-324])
def test_a_constant_becomes_0_and_stays_so(value):
    """Nothing was learned of a constant, and so what else it may be later has no meaning."""
    scaler = RobustSmoothClip().fit([[value]] * 3)
    assert scaler.transform([[value], [5.0], [-1e300]]).tolist() == [[0], [0], [0]]
    assert scaler.scale_ == [np.inf]


def test_missing_values_stay_and_are_not_learned_from():
    """NaN is NaN again, and the rest is as without it; a feature without a value is 0 where it has one later."""
    X = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan], [4.0, np.nan]])
    Z = RobustSmoothClip().fit_transform(X)
    assert np.isnan(Z).tolist() == np.isnan(X).tolist()
    assert np.array_equal(Z[[0, 2, 3], :1], RobustSmoothClip().fit_transform(X[[0, 2, 3], :1]))
    assert RobustSmoothClip().fit(X).transform([[2.0, 7.0]]).tolist() == [[0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_and_the_least_floats(dtype):
    """Whatever is learned from, every finite value comes to one within the limit, rising with it."""
    info = np.finfo(dtype)
    values = np.array([-info.max, -1, -info.tiny, 0, info.tiny, 1, info.max], dtype)[:, None]
    for X in (values, values[2:5], values[[0, -1]], values / 1e30):
        Z = RobustSmoothClip().fit(X).transform(values)
        assert Z.dtype == dtype
        assert (np.abs(Z) <= 3).all()
        assert (np.diff(Z, axis=0) >= 0).all()
        assert Z[-1] > 0 > Z[0]


@pytest.mark.parametrize(
    ("given", "asked", "returned"),
    [
        (np.float32, None, np.float32),
        (np.float64, None, np.float64),
        (np.int64, None, np.float64),
        (np.float64, "float32", np.float32),
        (np.float32, "float64", np.float64),
    ],
)
def test_precision(given, asked, returned):
    """Floats keep their type unless another is asked for; X is left as it was."""
    X = np.arange(20).reshape(10, 2).astype(given)
    before = X.copy()
    Z = RobustSmoothClip(dtype=asked).fit_transform(X)
    assert Z.dtype == returned
    assert np.array_equal(X, before)
    exact = RobustSmoothClip().fit_transform(X.astype(np.float64))
    assert pytest.approx(exact, rel=1e-6) == Z


def test_names_and_frames():
    """A DataFrame comes back as one, if that is asked for, with its columns and its index."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"age": [1, 2, None], "b": [0.5, 1, 2]}, index=["x", "y", "z"])
    scaler = RobustSmoothClip().set_output(transform="pandas")
    Z = scaler.fit_transform(X.astype({"age": "Int64"}))
    assert list(Z.columns) == scaler.get_feature_names_out().tolist() == ["age", "b"]
    assert list(Z.index) == ["x", "y", "z"]
    assert Z.isna().to_numpy().tolist() == X.isna().to_numpy().tolist()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"limit": 0}, "limit must be a number > 0; got 0"),
        ({"limit": "3"}, "limit must be a number > 0; got '3'"),
        ({"dtype": "float16"}, "dtype must be 'float32', 'float64' or null; got 'float16'"),
    ],
)
def test_wrong_parameters(parameters, message):
    """They are refused when fitting, by name."""
    with pytest.raises(ParameterError, match=message):
        RobustSmoothClip(**parameters).fit([[1.0]])


@pytest.mark.parametrize(("X", "message"), [([[np.inf]], "infinity"), ([1.0], "2D"), ([["a"]], "could not convert")])
def test_wrong_input(X, message):
    """Infinite numbers, words and other shapes are refused, when fitting and later."""
    with pytest.raises(ValueError, match=message):
        RobustSmoothClip().fit(X)
    with pytest.raises(ValueError, match=message):
        make_pipeline(RobustSmoothClip()).fit([[1.0]]).transform(X)
