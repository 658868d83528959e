import numpy as np
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipeline.parameters import ParameterError
from pipeline.tabular.piecewise_linear import PiecewiseLinear

ESTIMATORS = [PiecewiseLinear(), PiecewiseLinear(n_bins=1), PiecewiseLinear(n_bins=5, strategy="tree")]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_accepts_it(estimator, check):
    """It keeps every rule of scikit-learn, by quantiles and by trees, with no exemption."""
    check(estimator)


def encoded(x, edges):
    """Return the encoding of one number, as the paper writes it."""
    T = len(edges) - 1
    columns = []
    for t in range(1, T + 1):
        if x < edges[t - 1] and t > 1:
            columns.append(0.0)
        elif x >= edges[t] and t < T:
            columns.append(1.0)
        else:
            columns.append((x - edges[t - 1]) / (edges[t] - edges[t - 1]))
    return columns


@pytest.mark.parametrize("n_bins", [1, 2, 7])
def test_the_formula(n_bins):
    """Columns are those of the paper's formula, within the edges, at them and beyond."""
    rng = np.random.default_rng(0)
    X = rng.lognormal(size=(100, 2))
    encoding = PiecewiseLinear(n_bins=n_bins).fit(X)
    edges = [np.quantile(column, np.linspace(0, 1, n_bins + 1)) for column in X.T]
    for found, expected in zip(encoding.bin_edges_, edges, strict=True):
        assert found == pytest.approx(expected, rel=1e-12)
    new = np.vstack([X, rng.normal(size=(100, 2)) * 5, np.array(encoding.bin_edges_).T])
    expected = [[*encoded(a, encoding.bin_edges_[0]), *encoded(b, encoding.bin_edges_[1])] for a, b in new]
    assert encoding.transform(new) == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12)


def test_a_linear_model_on_it_is_piecewise_linear():
    """What bends at the edges is fitted exactly, as by no linear model on the number itself."""
    x = np.linspace(0, 4, 401)
    y = np.abs(x - 1) + np.abs(x - 3) - 2 * np.abs(x - 2)
    model = make_pipeline(PiecewiseLinear(n_bins=4), LinearRegression())
    assert model.fit(x[:, None], y).score(x[:, None], y) == pytest.approx(1, abs=1e-9)
    assert LinearRegression().fit(x[:, None], y).score(x[:, None], y) < 0.5


def test_quantiles_that_coincide_are_merged():
    """Of a feature with few values there are no more bins than between them, and none is empty."""
    X = np.array([[0.0, 5.0]] * 6 + [[1.0, 6.0]] + [[2.0, 6.0]])
    encoding = PiecewiseLinear(n_bins=10).fit(X)
    assert all((np.diff(edges) > 0).all() for edges in encoding.bin_edges_)
    assert encoding.bin_edges_[1][[0, -1]].tolist() == [5, 6]
    assert encoding.n_bins_.tolist() == [len(edges) - 1 for edges in encoding.bin_edges_]
    assert encoding.transform(X).shape == (8, encoding.n_bins_.sum())


@pytest.mark.parametrize("strategy", ["quantile", "tree"])
def test_constants_and_features_without_values(strategy):
    """They have one column of 0, and of NaN where they have it."""
    X = np.array([[3.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    encoding = PiecewiseLinear(strategy=strategy).fit(X, [0, 1, 0])
    assert encoding.n_bins_.tolist() == [0, 0]
    found = encoding.transform([[3.0, np.nan], [1e9, 5.0], [np.nan, -1.0]])
    assert np.array_equal(found, [[0, np.nan], [0, 0], [np.nan, 0]], equal_nan=True)
    assert encoding.get_feature_names_out().tolist() == ["x0_bin_0", "x1_bin_0"]


@pytest.mark.parametrize("strategy", ["quantile", "tree"])
def test_missing_values_stay_and_are_not_learned_from(strategy):
    """Bins are those of what is there, and a missing number is missing in all of its columns."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    X[:7, 0] = np.nan
    encoding = PiecewiseLinear(n_bins=4, strategy=strategy).fit(X, y)
    alone = PiecewiseLinear(n_bins=4, strategy=strategy).fit(X[7:, :1], y[7:])
    assert np.array_equal(encoding.bin_edges_[0], alone.bin_edges_[0])
    found = encoding.transform(X)
    assert np.isnan(found).sum(axis=1).tolist() == [encoding.n_bins_[0]] * 7 + [0] * 53
    filled = make_pipeline(SimpleImputer(add_indicator=True), PiecewiseLinear(n_bins=4)).fit_transform(X)
    assert np.isfinite(filled).all()


def test_a_tree_finds_where_y_changes():
    """Edges are where the tree splits, halfway between two values, for classes and for numbers; and the two ends."""
    x = np.arange(10.0)[:, None]
    for y in (x.ravel() >= 7, np.where(x.ravel() >= 7, "b", "a"), np.where(x.ravel() >= 7, 0.25, 1.75)):
        [edges] = PiecewiseLinear(n_bins=2, strategy="tree", min_samples_leaf=1).fit(x, y).bin_edges_
        assert edges.tolist() == [0, 6.5, 9]


def test_the_trees_kind_can_be_said():
    """Counts are classes to the tree unless it is told otherwise, and then fewer splits go to rare ones."""
    x = np.arange(64.0)[:, None]
    y = np.floor(x.ravel() ** 2 / 200).astype(int)
    edges = {
        kind: PiecewiseLinear(n_bins=3, strategy="tree", target_type=kind, min_samples_leaf=1)
        .fit(x, y)
        .bin_edges_[0]
        .tolist()
        for kind in ("auto", "classification", "regression")
    }
    assert edges["auto"] == edges["classification"] != edges["regression"]


def test_bins_of_a_tree_are_not_too_small():
    """Every one has so many training samples at the least, and where there are too few for two there is one."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 1)), rng.normal(size=100)
    [edges] = PiecewiseLinear(strategy="tree").fit(x, y).bin_edges_
    assert len(edges) > 3
    assert np.histogram(x, edges)[0].min() >= 10
    assert PiecewiseLinear(strategy="tree").fit(x[:19], y[:19]).n_bins_.tolist() == [1]


def test_a_tree_takes_several_targets():
    """y may have columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    encoding = PiecewiseLinear(n_bins=4, strategy="tree").fit(X, np.c_[X[:, 0] > 0, X[:, 0] > 1].astype(float))
    assert np.abs(encoding.bin_edges_[0][:, None] - [0, 1]).min(axis=0).max() < 0.3


def test_a_tree_tells_floats_apart_that_float32_does_not():
    """Trees read float32, and so they work on ranks here: neighbours in float64 are split, and huge ones taken."""
    for x in (1 + np.arange(4) * 1e-12, np.array([-1e300, 0, 1e-300, 1e300])):
        [edges] = (
            PiecewiseLinear(n_bins=2, strategy="tree", min_samples_leaf=2).fit(x[:, None], [0, 0, 1, 1]).bin_edges_
        )
        assert x[1] < edges[1] < x[2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_and_the_least_floats(dtype):
    """Whatever was learned from, every finite value comes to finite ones, rising with it."""
    info = np.finfo(dtype)
    values = np.array([-info.max, -1, -info.tiny, 0, info.tiny, 1, info.max], dtype)[:, None]
    for X in (values, values[2:5], values[[0, -1]]):
        found = PiecewiseLinear(n_bins=3).fit(X).transform(values)
        assert found.dtype == dtype
        assert np.isfinite(found).all()
        assert (np.diff(found, axis=0) >= 0).all()


def test_precision():
    """float32 stays float32, all else becomes float64, to the same numbers; X is left as it was."""
    X = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    before = X.copy()
    single = PiecewiseLinear(n_bins=5).fit_transform(X)
    double = PiecewiseLinear(n_bins=5).fit_transform(X.astype(np.float64))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    assert single == pytest.approx(double, abs=1e-6)
    assert np.array_equal(X, before)
    assert PiecewiseLinear().fit_transform([[1], [2]]).dtype == np.float64


def test_names_and_frames():
    """A DataFrame comes back as one, if that is asked for; each bin has the name of its feature and its number."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"age": [1.0, 2.0, 4.0], "one": [1, 1, 1]})
    Z = PiecewiseLinear(n_bins=2).set_output(transform="pandas").fit_transform(X)
    assert list(Z.columns) == ["age_bin_0", "age_bin_1", "one_bin_0"]
    assert Z.to_numpy().tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_edges_are_learned_within_each_fold():
    """In a cross-validation bins are those of the training rows: a value that is tested on alone adds none."""
    seen = []

    class Watched(PiecewiseLinear):
        def fit(self, X, y=None):
            super().fit(X, y)
            seen.append(self.bin_edges_[0][-1])
            return self

    X = np.array([[0.0], [1], [2], [3], [1000]])
    cross_val_score(
        make_pipeline(Watched(), LinearRegression()), X, X.ravel(), cv=[([0, 1, 2, 3], [4])], scoring="neg_max_error"
    )
    assert seen == [3]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_bins": 0}, "n_bins must be an integer >= 1 and <= 10000; got 0"),
        ({"n_bins": 10**9}, "n_bins must be an integer >= 1 and <= 10000; got 1000000000"),
        ({"strategy": "kmeans"}, "strategy must be 'quantile' or 'tree'; got 'kmeans'"),
        ({"target_type": "numbers"}, "target_type must be 'auto', 'classification' or 'regression'; got 'numbers'"),
    ],
)
def test_wrong_parameters(parameters, message):
    """They are refused when fitting, by name."""
    with pytest.raises(ParameterError, match=message):
        clone(PiecewiseLinear(**parameters)).fit([[1.0]], [1])


@pytest.mark.parametrize(("X", "message"), [([[np.inf]], "infinity"), ([1.0], "2D"), ([["a"]], "could not convert")])
def test_wrong_input(X, message):
    """Infinite numbers, words and other shapes are refused, when fitting and later."""
    with pytest.raises(ValueError, match=message):
        PiecewiseLinear().fit(X)
    with pytest.raises(ValueError, match=message):
        PiecewiseLinear().fit([[1.0]]).transform(X)


def test_a_tree_needs_targets():
    """Without y there is nothing to split by."""
    with pytest.raises(ValueError, match="requires y to be passed"):
        PiecewiseLinear(strategy="tree").fit([[1.0]])
