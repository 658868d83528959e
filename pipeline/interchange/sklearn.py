"""scikit-learn's own networks as ours, and ours as scikit-learn's, fitted as they are.

Weights, labels and history go along, and the state of the optimizer where both have it, so that either trains on where
the other stopped.
"""

from copy import copy, deepcopy
from typing import Any

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pipeline.interchange.sklearn_export import scaler_of, to_min_max_scaler, to_theirs
from pipeline.interchange.sklearn_import import to_ours
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.preprocessing.normalize import Normalize


def from_sklearn(fitted: Any, *, fold_scaler: bool = False) -> Any:
    """Make a fitted estimator of one of scikit-learn's, with its parameters, weights, labels and history.

    Parameters
    ----------
    fitted : MLPClassifier or MLPRegressor of scikit-learn, Pipeline or TransformedTargetRegressor
        Fitted. Of a ``Pipeline`` the last step must be one; the steps before it are kept as they are, and so is what
        transforms targets.
    fold_scaler : bool, default=False
        Whether to put the scalers before it into its first layer, so that the result takes what they took, and is one
        estimator that ``save_model`` writes. They must be ``StandardScaler``, ``MinMaxScaler`` without ``clip``,
        ``MaxAbsScaler`` or ``RobustScaler``. To train on, better leave them as they are.

    Returns
    -------
    MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted, of the same predictions. ``partial_fit``, or ``fit`` with ``warm_start``, goes on with the optimizer's
        state, unless a scaler was folded, or its solver was changed since: then the state is new.

    Raises
    ------
    TypeError
        For anything else; it says what.
    NotFittedError
        For one that has learned nothing yet.
    ValueError
        For weights that are no finite numbers.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier as Theirs
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = Theirs((8,), solver="lbfgs", random_state=0, max_iter=1000).fit(X, y)
    >>> bool((from_sklearn(theirs).predict_proba(X) == theirs.predict_proba(X)).all())
    True
    """
    return _from(fitted, (), fold_scaler=fold_scaler)


def _from(fitted: Any, before: tuple[Any, ...], *, fold_scaler: bool) -> Any:
    """Return ours of what may stand in others; ``before`` are the scalers that are to be folded into it."""
    match fitted:
        case TheirClassifier() | TheirRegressor():
            check_is_fitted(fitted, "coefs_")
            return to_ours(fitted, before)
        case TransformedTargetRegressor():
            check_is_fitted(fitted)
            return _with_regressor(fitted, _from(fitted.regressor_, before, fold_scaler=fold_scaler))
        case Pipeline() if fold_scaler:
            scalers = [step for _, step in fitted.steps[:-1] if step not in (None, "passthrough")]
            return _from(fitted.steps[-1][1], (*before, *scalers), fold_scaler=True)
        case Pipeline():
            return _with_last_step(fitted, _from(fitted.steps[-1][1], (), fold_scaler=False))
    raise TypeError(
        "fitted must be scikit-learn's MLPClassifier or MLPRegressor, or a Pipeline or TransformedTargetRegressor of "
        f"one; got {type(fitted).__module__}.{type(fitted).__name__}"
    )


def to_sklearn(model: Any) -> Any:
    """Make scikit-learn's own estimator of a fitted one of ours, which then needs nothing of this package.

    What only training has, and scikit-learn has not, is left out: dropout, noise, augmentation, averaging and so on.
    Batch normalization is folded into the layer before it.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted. In a ``Pipeline``, ``Normalize`` before it becomes a ``MinMaxScaler``, and other steps are kept.

    Returns
    -------
    MLPClassifier or MLPRegressor of scikit-learn, Pipeline or TransformedTargetRegressor
        Fitted. Where the model takes pixels by ``pixel_scale``, a ``MinMaxScaler`` comes before it. ``partial_fit``
        goes on with the state of ``adam`` or ``sgd``; other solvers become ``adam`` at its beginning, and other
        schedules a constant rate; losses that scikit-learn lacks become the squared error. Classes are sorted, as
        scikit-learn has them; several labels at once are numbered.

    Raises
    ------
    TypeError
        For a model of another kind.
    NotFittedError
        For one that has learned nothing yet.
    ValueError
        For what scikit-learn's cannot predict: another activation, several activations, images that are made alike,
        quantiles on an axis of their own.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((16,), max_iter=3, learning_rate="cosine", random_state=0).fit(X, y)
    >>> theirs = to_sklearn(model)
    >>> type(theirs).__module__, bool((theirs.predict(X) == model.predict(X)).all())
    ('sklearn.neural_network._multilayer_perceptron', True)
    """
    return _to(model, first=True)


def _to(model: Any, *, first: bool) -> Any:
    """Return theirs of what may stand in others; ``first`` is whether it takes the samples as they are given."""
    match model:
        case MLPClassifier() | MLPRegressor():
            check_is_fitted(model)
            theirs = to_theirs(model)
            if model.pixel_scale is None or not first:
                return theirs
            return Pipeline([("scale", scaler_of(model.pixel_scale, 0, model)), ("train", theirs)])
        case TransformedTargetRegressor():
            check_is_fitted(model)
            return _with_regressor(model, _to(model.regressor_, first=first))
        case Pipeline(steps=[(_, MLPClassifier() | MLPRegressor() as last)]) if last.pixel_scale is not None and first:
            return _to(last, first=True)
        case Pipeline():
            converted = _with_last_step(model, _to(model.steps[-1][1], first=first and len(model.steps) == 1))
            converted.steps = [
                (name, to_min_max_scaler(step) if isinstance(step, Normalize) else step)
                for name, step in converted.steps
            ]
            return converted
    raise TypeError(
        "model must be pipeline's MLPClassifier or MLPRegressor, or a Pipeline or TransformedTargetRegressor of one; "
        f"got {type(model).__module__}.{type(model).__name__}"
    )


def _with_regressor(fitted: TransformedTargetRegressor, regressor: Any) -> TransformedTargetRegressor:
    """Return what transforms targets, with another fitted regressor inside."""
    other = copy(fitted)
    other.regressor, other.regressor_, other.transformer_ = clone(regressor), regressor, deepcopy(fitted.transformer_)
    return other


def _with_last_step(fitted: Pipeline, last: Any) -> Pipeline:
    """Return a pipeline with another last step, and copies of those before it."""
    steps = [(name, deepcopy(step)) for name, step in fitted.steps[:-1]]
    return Pipeline([*steps, (fitted.steps[-1][0], last)], memory=fitted.memory, verbose=fitted.verbose)
