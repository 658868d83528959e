"""Numbers of a table encoded by the bins that they lie in: ``PiecewiseLinear``."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import Tags
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from pipeline.parameters import check_parameters
from pipeline.tabular.base import NumberTransformer
from pipeline.tabular.quantiles import half_quantiles

Array = NDArray[Any]


class PiecewiseLinear(NumberTransformer):
    """Give each feature a column for each of its bins, which says how far the value has gone through the bin.

    With the edges b_0 < ... < b_T of a feature's bins, column t of 1..T is (x - b_{t-1}) / (b_t - b_{t-1}), clipped to
    0..1: 1 for the bins below x, a fraction for its own, 0 for those above. The first column is not clipped below, nor
    the last one above, so that values beyond the edges stay apart. A network that is linear in these columns is
    piecewise linear in x. Gorishniy et al. 2022, "On embeddings for numerical features in tabular deep learning", arXiv
    2203.05556.

    Edges are learned by `fit` alone, so that in a ``Pipeline`` they never see what is tested on. Edges that coincide
    are merged; a constant feature has one column of 0. Missing values (NaN) are disregarded in `fit` and stay missing
    in all columns of the feature, as by scikit-learn's scalers: put a ``SimpleImputer`` in front, with its indicators.

    Parameters
    ----------
    n_bins : int, default=48
        Bins of a feature, at the most.
    strategy : {"quantile", "tree"}, default="quantile"
        Where the edges are: at quantiles, so that bins have as many samples each; or where a decision tree on the
        feature alone splits to predict y, and at the least and the largest value.
    target_type : {"auto", "classification", "regression"}, default="auto"
        What the tree takes y for. "auto" is regression for numbers with fractions, else classification, as
        ``sklearn.utils.multiclass.type_of_target`` tells.
    min_samples_leaf : int, default=10
        Samples that a bin of the tree's has at the least.

    Attributes
    ----------
    bin_edges_ : list of ndarray of shape (n_bins_[j] + 1,), float64
        The edges of each feature's bins, rising; of a constant its value, and none where `fit` has seen no value.
    n_bins_ : ndarray of shape (n_features,), int
        Bins of each feature, 0 for a constant.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had them.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
    >>> encoding = PiecewiseLinear(n_bins=2).fit(X)
    >>> encoding.bin_edges_
    [array([ 0.,  2., 10.])]
    >>> encoding.transform([[-1.0], [1.0], [4.0], [14.0]])
    array([[-0.5 ,  0.  ],
           [ 0.5 ,  0.  ],
           [ 1.  ,  0.25],
           [ 1.  ,  1.5 ]])
    >>> encoding.get_feature_names_out()
    array(['x0_bin_0', 'x0_bin_1'], dtype=object)
    """

    def __init__(
        self,
        n_bins: Annotated[int, ">= 1", "<= 10000"] = 48,
        strategy: Literal["quantile", "tree"] = "quantile",
        target_type: Literal["auto", "classification", "regression"] = "auto",
        min_samples_leaf: Annotated[int, ">= 1"] = 10,
    ) -> None:
        self.n_bins, self.strategy = n_bins, strategy
        self.target_type, self.min_samples_leaf = target_type, min_samples_leaf

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn the edges of the bins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN where one is missing.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            What ``strategy="tree"`` predicts; ignored with quantiles.

        Returns
        -------
        PiecewiseLinear
            Itself.

        Raises
        ------
        ParameterError
            For parameters that are not allowed.
        ValueError
            Where X is empty, or not numbers in two dimensions, or infinite; or where a tree has no y.
        """
        check_parameters(self)
        by_tree = self.strategy == "tree"
        if by_tree and y is None:
            raise ValueError("PiecewiseLinear(strategy='tree') requires y to be passed, but the target y is None")
        if by_tree and self.n_bins > 1:
            rows, y = self._checked(X, y, reset=True)
            halves = [_split(column / 2.0, np.asarray(y), self._tree(y)) for column in rows.T]
        else:
            halves = list(half_quantiles(self._checked(X, reset=True), np.linspace(0, 1, self.n_bins + 1)).T)
        self._half_edges = [np.unique(edges[~np.isnan(edges)]) for edges in halves]
        self.bin_edges_ = [2 * edges for edges in self._half_edges]
        self.n_bins_ = np.array([max(len(edges) - 1, 0) for edges in self._half_edges])
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the columns of all bins, feature by feature.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN where one is missing.

        Returns
        -------
        ndarray of shape (n_samples, n_columns), float32 or float64
            A column for each bin; one of 0 for a constant.
        """
        check_is_fitted(self)
        rows = self._checked(X, reset=False)
        widths = np.maximum(self.n_bins_, 1)
        out: NDArray[np.floating[Any]] = np.empty((len(rows), widths.sum()), rows.dtype)
        most = float(np.finfo(rows.dtype).max)
        stops = np.cumsum(widths)
        for column, half_edges, start, stop in zip(rows.T, self._half_edges, stops - widths, stops, strict=True):
            np.clip(_encode(column / 2.0, half_edges), -most, most, out=out[:, start:stop], casting="same_kind")
        return out

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Return a name for each column: the feature's, ``bin`` and the number of the bin from 0.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; None takes those that `fit` has seen, or x0, x1 and so on.
        """
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        numbers = [range(max(n, 1)) for n in self.n_bins_]
        return np.array([f"{name}_bin_{k}" for name, bins in zip(names, numbers, strict=True) for k in bins], object)

    def _tree(self, y: ArrayLike) -> DecisionTreeClassifier | DecisionTreeRegressor:
        """Return the tree whose leaves are a feature's bins."""
        kind = self.target_type
        if kind == "auto":
            kind = "regression" if type_of_target(y).startswith("continuous") else "classification"
        tree = DecisionTreeRegressor if kind == "regression" else DecisionTreeClassifier
        return tree(max_leaf_nodes=self.n_bins, min_samples_leaf=self.min_samples_leaf, random_state=0)

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that a tree needs y."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.strategy == "tree"
        return tags


def _split(x: Array, y: Array, tree: DecisionTreeClassifier | DecisionTreeRegressor) -> Array:
    """Return the least value, those where a tree splits, and the largest.

    The tree works on ranks, on which it splits alike: it reads float32, in which neighbours may coincide.
    """
    known = ~np.isnan(x)
    values, ranks = np.unique(x[known], return_inverse=True)
    if len(values) < 2:
        return values
    fitted = tree.fit(ranks[:, None], y[known]).tree_
    below = np.floor(fitted.threshold[fitted.feature >= 0]).astype(int)
    return np.concatenate([values[:1], (values[below] + values[below + 1]) / 2, values[-1:]])


def _encode(x: Array, edges: Array) -> Array:
    """Return a column of numbers (n,) as one column for each bin."""
    if len(edges) < 2:
        return np.where(np.isnan(x), np.nan, 0.0)[:, None]
    low, high = np.zeros(len(edges) - 1), np.ones(len(edges) - 1)
    low[0], high[-1] = -np.inf, np.inf
    with np.errstate(over="ignore"):  # what is too large is clipped
        return np.clip((x[:, None] - edges[:-1]) / np.diff(edges), low, high)
