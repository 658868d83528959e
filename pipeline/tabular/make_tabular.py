"""A network for tables, with all that goes before it, as one pipeline of scikit-learn: ``make_tabular``."""

from typing import Annotated, Any, Literal

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from pipeline.ensemble.voting import make_ensemble
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.network import RateFactors
from pipeline.parameters import ParameterError, check_arguments, no_such, parameters_of
from pipeline.tabular.columns import as_numbers, as_text, category_columns, number_columns
from pipeline.tabular.piecewise_linear import PiecewiseLinear
from pipeline.tabular.robust_smooth_clip import RobustSmoothClip

Task = Literal["classification", "regression"]

COMMON: dict[str, Any] = {
    "hidden_layer_sizes": (256, 256, 256),
    "alpha": 0.0,
    "learning_rate": "cosine_cycles",
    "max_iter": 256,
    "beta_1": 0.9,
    "beta_2": 0.95,
    "weight_init": "lecun_normal",
    "bias_init": 1.0,
    "zero_output": True,
    "feature_scale": True,
    "rate_factors": RateFactors("1/sqrt(n_in)", bias=0.1, feature_scale=6.0),
    "early_stopping": True,
    "validation_fraction": 0.2,
    "n_iter_no_change": np.inf,
    "best_epoch": "last",
}
"""What the networks of both tasks are given."""
NETWORKS: dict[Task, tuple[type[MLPClassifier | MLPRegressor], dict[str, Any]]] = {
    "classification": (
        MLPClassifier,
        COMMON | {"activation": "selu", "label_smoothing": 0.1, "learning_rate_init": 0.04},
    ),
    "regression": (MLPRegressor, COMMON | {"activation": "mish", "learning_rate_init": 0.07}),
}
"""The network of each task, and its settings."""
OF_UPDATES = ("rate_factors", "best_epoch")
"""Settings that ``lbfgs``, which makes no updates of its own, has no use for."""


def make_tabular(
    task: Task,
    *,
    n_members: Annotated[int, ">= 1"] = 1,
    max_categories: Annotated[int, ">= 2"] = 64,
    n_bins: Annotated[int, ">= 1"] | None = None,
    random_state: Annotated[int, ">= 0"] = 0,
    n_jobs: Annotated[int, "!= 0"] | None = None,
    **network: Any,
) -> Pipeline:
    """Return a pipeline that is to learn yet, from a table of numbers and categories with missing values in either.

    The settings are those of RealMLP's simple form: Holzmüller et al. 2024, "Better by default: strong pre-tuned MLPs
    and boosted trees on tabular data", arXiv 2407.04491. They were tuned there on other tables, and so are worth
    trying as they are; how good they are beside trees depends on the table. Batches have 200 rows here, where the paper
    has 256, so that fewer rows are no reason to warn; and a missing category has a column of its own.

    Parameters
    ----------
    task : {"classification", "regression"}
        What to predict: labels of any kind, or numbers.
    n_members : int, default=1
        Networks whose mean counts, each with a seed and validation rows of its own: see ``make_ensemble``.
    max_categories : int, default=64
        Columns that a feature of categories may have; beyond that, the rarest share one.
    n_bins : int or None, default=None
        Bins of a piecewise linear encoding of every feature: see ``PiecewiseLinear``. None encodes none.
    random_state : int, default=0
        Which of all networks, or of all ensembles.
    n_jobs : int or None, default=None
        Members that are trained at once, as ``make_ensemble`` has it. With more than one, give ``n_threads`` as well.
    **network
        Parameters of the ``MLPClassifier`` or the ``MLPRegressor`` that are to be other than here:
        ``max_iter=64, dropout=0.1``. Settings that ``solver="lbfgs"`` has no use for are left out with it; it holds
        out no rows.

    Returns
    -------
    Pipeline
        Of plain objects, whose parameters can be set and searched over as in any. Its steps:

        - ``columns``, a ``ColumnTransformer``. Columns are told apart when it is fitted. ``numbers``: missing ones are
          replaced by the median, with a column that says so for each feature in which some are missing.
          ``categories`` (text, booleans, pandas' categories): one-hot; a missing one is a category as any other, and
          one that was never seen is read as a rare one, or as none at all.
        - ``scale``, a ``RobustSmoothClip``, to float32.
        - ``bins``, a ``PiecewiseLinear``, where there are ``n_bins``.
        - ``network``, the ``MLPClassifier`` or the ``MLPRegressor``, or with members the ``VotingClassifier`` or the
          ``VotingRegressor`` of them; for regression inside a ``TransformedTargetRegressor`` with a ``StandardScaler``,
          which does not center them for ``loss="poisson"``.
          A fifth of the rows is held out, and the weights of the best epoch on them are restored.

    Raises
    ------
    ParameterError
        For a task, a number, or a parameter of the network, that is not there, or not allowed; it is a ValueError.

    Notes
    -----
    `fit` raises a ``ValueError`` for columns that hold dates, or anything else that is neither numbers nor categories,
    by name. Probabilities, which label smoothing draws to the middle, can be calibrated by scikit-learn's
    ``CalibratedClassifierCV(make_tabular("classification"), method="temperature")``.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> X_train, X_test, y_train, y_test = train_test_split(*load_wine(return_X_y=True), random_state=0)
    >>> model = make_tabular("classification", max_iter=32).fit(X_train, y_train)
    >>> model.score(X_test, y_test) > 0.9
    True
    >>> list(model.named_steps)
    ['columns', 'scale', 'network']
    """
    check_arguments(
        make_tabular,
        task=task,
        n_members=n_members,
        max_categories=max_categories,
        n_bins=n_bins,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    steps = [("columns", _columns(max_categories)), ("scale", RobustSmoothClip(dtype="float32"))]
    if n_bins is not None:
        steps.append(("bins", PiecewiseLinear(n_bins)))
    model = _network(task, network).set_params(random_state=random_state)
    if n_members != 1:
        model = make_ensemble(model, n_members, random_state, n_jobs)
    if task == "regression":
        scaler = StandardScaler(with_mean=network.get("loss") != "poisson")  # counts must not come below 0
        model = TransformedTargetRegressor(model, transformer=scaler, check_inverse=False)
    return Pipeline([*steps, ("network", model)])


def _network(task: Task, changes: dict[str, Any]) -> MLPClassifier | MLPRegressor:
    """Return the network of a task, with some parameters changed."""
    kind, settings = NETWORKS[task]
    known = parameters_of(kind)
    for name, value in changes.items():
        if name not in known:
            raise ParameterError(no_such("parameter", name, known, where=f" of {kind.__name__}"))
        known[name].check(value)
    return clone(kind(**(_of_use(settings, changes) | changes)))  # with rate factors of its own


def _of_use(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that are not without use, or in the way, beside what is changed."""
    if changes.get("solver") == "lbfgs":
        return {name: value for name, value in settings.items() if name not in OF_UPDATES}
    restores_best = changes.get("early_stopping", True) or changes.get("monitor", "auto") != "auto"
    return {name: value for name, value in settings.items() if name != "best_epoch" or restores_best}


def _columns(max_categories: int) -> ColumnTransformer:
    """Return what brings a table's columns to numbers without gaps."""
    numbers = [
        ("numbers", FunctionTransformer(as_numbers, feature_names_out="one-to-one")),
        ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
    ]
    categories = [
        ("text", FunctionTransformer(as_text, feature_names_out="one-to-one")),
        (
            "one_hot",
            OneHotEncoder(
                max_categories=max_categories,
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
                dtype=np.float32,
            ),
        ),
    ]
    return ColumnTransformer(
        [("numbers", Pipeline(numbers), number_columns), ("categories", Pipeline(categories), category_columns)]
    )
