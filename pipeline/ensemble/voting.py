"""Ensembles: several networks that differ by chance, and whose mean probabilities count.

An ensemble is scikit-learn's own ``VotingClassifier``, and joblib trains its members; of regressors it is a
``VotingRegressor``, whose mean prediction counts. ``make_ensemble`` puts one together, ``save_ensemble`` writes a model
file for each member, ``load_ensemble`` gives them back as one estimator.
"""

import os
from collections.abc import Mapping, Sequence
from copy import copy
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from pipeline.artifacts import member_name, member_number
from pipeline.files import making_folder, temporary_folder
from pipeline.mlp.labels import is_multilabel
from pipeline.model_file import ModelFileError, load_model, save_model
from pipeline.parameters import ParameterError, check_arguments
from pipeline.text import shown, shown_value


def make_ensemble(
    member: Any,
    n_members: Annotated[int, ">= 1"],
    random_state: Annotated[int, ">= 0"] = 0,
    n_jobs: Annotated[int, "!= 0"] | None = None,
) -> VotingClassifier | VotingRegressor:
    """Return an ensemble that is to learn yet, of members that differ in their seed, or in more than that.

    P(y | x) = 1/n (p_1(y | x) + ... + p_n(y | x)): Hansen and Salamon 1990, "Neural network ensembles". Of regressors
    it is the mean of what they predict.

    Parameters
    ----------
    member : classifier, regressor or list of them
        What each of them is a clone of: an ``MLPClassifier`` or an ``MLPRegressor``, or a ``Pipeline`` that ends in
        one. The members take those of a list in turn, which must be of one kind.
    n_members : int
        How many.
    random_state : int, default=0
        Which of all ensembles; see ``member_seeds``.
    n_jobs : int or None, default=None
        Members that are trained at once, by joblib. With more than one, give members ``n_threads``, so that all their
        threads together are no more than the cores: see ``members_at_once``. ``joblib.parallel_config`` says where:
        processes by default, or with ``"dask"`` the workers of a cluster, each of which gets the data once.

    Returns
    -------
    VotingClassifier or VotingRegressor
        Of classifiers, with ``voting="soft"``. Of regressors, for one target.

    Raises
    ------
    ValueError
        For a number of members or of jobs, or a seed, that is none, or too small; for classifiers and regressors
        together; or for regressors that predict several quantiles, which ``VotingRegressor`` would mix up.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from pipeline.mlp.classifier import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = MLPClassifier((16,), learning_rate="cosine", learning_rate_init=0.01, max_iter=10)
    >>> ensemble = make_ensemble(net, 5).fit(X[::2] / 16, y[::2])
    >>> alone = [member.score(X[1::2] / 16, y[1::2]) for member in ensemble.estimators_]
    >>> ensemble.score(X[1::2] / 16, y[1::2]) > sum(alone) / 5
    True
    """
    kinds = member if isinstance(member, list) else [member]
    check_arguments(make_ensemble, n_members=n_members, random_state=random_state, n_jobs=n_jobs)
    if n_members < len(kinds):
        raise ParameterError(f"n_members must be an integer >= {len(kinds)}; got {n_members!r}")
    members = [
        (f"member_{number}", _seeded(kind, seed))
        for number, (seed, kind) in enumerate(zip(member_seeds(random_state, n_members), cycle(kinds), strict=False), 1)
    ]
    regressors = [is_regressor(kind) for kind in kinds]
    if any(regressors) and not all(regressors):
        raise ValueError("members must be all classifiers or all regressors; got both")
    if any(regressors):
        _check_one_quantile(kinds)
        return VotingRegressor(members, n_jobs=n_jobs)
    return VotingClassifier(members, voting="soft", n_jobs=n_jobs)


def member_seeds(random_state: int, n_members: int) -> list[int]:
    """Return n s, n s + 1, ..., n s + n - 1 for the n members of ensemble s: no two ensembles share a member.

    Examples
    --------
    >>> member_seeds(0, 3), member_seeds(1, 3)
    ([0, 1, 2], [3, 4, 5])
    """
    return [n_members * random_state + number for number in range(n_members)]


def members_at_once(n_members: int, n_threads: int, n_cores: int) -> int:
    """Return how many members to train at once, so that no more threads are at work than there are cores.

    Examples
    --------
    >>> members_at_once(7, n_threads=1, n_cores=4), members_at_once(7, n_threads=2, n_cores=4)
    (4, 2)
    >>> members_at_once(3, n_threads=1, n_cores=8), members_at_once(3, n_threads=4, n_cores=2)
    (3, 1)
    """
    return max(1, min(n_members, n_cores // n_threads))


def save_ensemble(folder: str | os.PathLike[str], model: Any) -> None:
    """Write every member of a fitted ensemble to a file of its own: ``model-1.npz``, ``model-2.npz`` and so on.

    Each is a model by itself, that ``load_model`` opens.

    Parameters
    ----------
    folder : path
        Where to; it is made where it is missing. Members of another ensemble that were there are deleted.
    model : VotingClassifier, VotingRegressor, Pipeline or TransformedTargetRegressor
        A fitted ensemble of what ``save_model`` takes, whose members count alike, or a ``Pipeline`` of a ``Normalize``
        or ``StandardScaler`` and one. One of regressors may be in a ``TransformedTargetRegressor`` with a
        ``StandardScaler``.

    Raises
    ------
    TypeError
        For a model of another kind.
    ValueError
        For an ensemble with ``weights`` that differ, which the files do not hold.
    NotFittedError
        For one that has learned nothing yet.
    FileExistsError
        Where files of such names are there, and are no ensemble: one is missing in their row.
    """
    before, scaled, ensemble = _parts(model)
    check_is_fitted(ensemble)
    if ensemble.weights is not None and np.ptp(ensemble.weights):
        raise ValueError(f"members in files count alike; got an ensemble with weights={shown_value(ensemble.weights)}")
    _check_ensemble(folder)
    with making_folder(folder), temporary_folder(folder, "model") as scratch:  # all are there, or none is replaced
        for number, member in enumerate(ensemble.estimators_, start=1):
            steps = [*before, *_steps(member, ensemble)]
            alone = Pipeline([(str(place), step) for place, step in enumerate(steps)])
            save_model(_path(scratch, number), alone if scaled is None else _rescaled(scaled, alone))
        for number, path in _numbered(scratch).items():
            path.replace(_path(folder, number))
    for number, path in _numbered(folder).items():
        if number > len(ensemble.estimators_):
            path.unlink()


def load_ensemble(folder: str | os.PathLike[str]) -> VotingClassifier | VotingRegressor:
    """Open what ``save_ensemble`` wrote.

    Parameters
    ----------
    folder : path
        The folder.

    Returns
    -------
    VotingClassifier or VotingRegressor
        Fitted; of classifiers, with soft voting. Its members are frozen, so that fitting it again changes none of them.

    Raises
    ------
    FileNotFoundError
        Where there is no member, or one is missing.
    ModelFileError
        Where a file is no model, or members have learned different things.
    """
    paths = _numbered(folder)
    for number in range(1, 1 + max(paths, default=1)):
        if number not in paths:
            raise FileNotFoundError(f"{_path(folder, number)} is missing, a member of the ensemble")
    models = {path.stem: load_model(path) for _, path in sorted(paths.items())}
    _check_alike(Path(folder), models)
    members = [(name, FrozenEstimator(model)) for name, model in models.items()]
    first = next(iter(models.values()))
    try:
        if is_regressor(first):
            return VotingRegressor(members).fit(_unseen(first, 2), np.zeros(2))
        return _of_classifiers(members, first)
    except ValueError as error:
        raise ModelFileError(f"{folder} holds members that make no ensemble: {shown(error)}") from error


def _of_classifiers(members: list[tuple[str, FrozenEstimator]], first: Any) -> VotingClassifier:
    """Return the fitted ensemble of classifiers, the first of which knows the labels of all."""
    ensemble = VotingClassifier(members, voting="soft")
    labels = np.tile(first.classes_, 2)  # scikit-learn warns of labels that are all different
    ensemble.fit(_unseen(first, len(labels)), labels)
    ensemble.classes_ = ensemble.le_.classes_ = first.classes_  # names of a data set need not be sorted: "2", "10"
    return ensemble


def _unseen(model: Any, n_samples: int) -> NDArray[Any]:
    """Return samples that are never looked at, and take no memory."""
    return np.broadcast_to(0.0, (n_samples, model.n_features_in_))


def _check_alike(folder: Path, models: Mapping[str, Any]) -> None:
    """Raise unless all models predict one label, or one number, and of the same samples."""
    first = next(iter(models.values()))
    for name, model in models.items():
        file = folder / f"{name}.npz"
        if is_regressor(model) != is_regressor(first):
            raise ModelFileError(f"{folder} holds members of different ensembles: classifiers and regressors")
        if is_multilabel(model):
            raise ModelFileError(f"{file} gives several labels at once, as no member does")
        if is_regressor(model) and _n_outputs(model) > 1:
            raise ModelFileError(f"{file} predicts {_n_outputs(model)} numbers at once, and a member one")
        same = is_regressor(model) or np.array_equal(model.classes_, first.classes_)
        if not same or model.n_features_in_ != first.n_features_in_:
            what = "features" if is_regressor(model) else "labels or pixels"
            raise ModelFileError(f"{folder} holds members of different ensembles: {what} differ")


def _n_outputs(model: Pipeline) -> int:
    """Return how many numbers the regressor of a model file predicts of a sample."""
    last = model[-1]
    network = last.regressor_ if isinstance(last, TransformedTargetRegressor) else last
    return int(network.n_outputs_)


def _seeded(member: Any, seed: int) -> Any:
    """Return a clone that draws by a seed wherever it draws."""
    drawing = [name for name in member.get_params() if name == "random_state" or name.endswith("__random_state")]
    return clone(member).set_params(**dict.fromkeys(drawing, seed))


def _check_one_quantile(regressors: Sequence[Any]) -> None:
    """Raise where one predicts several quantiles: the mean of such would be over samples, not members."""
    for regressor in regressors:
        parameters = regressor.get_params()
        for name, value in parameters.items():
            *_, own = name.rpartition("__")
            loss = parameters.get(f"{name.removesuffix('quantile')}loss")
            if own == loss == "quantile" and np.ndim(value):
                raise ValueError(
                    f"members of an ensemble predict one number each; got {name}={shown_value(value)}: make an "
                    "ensemble for each quantile"
                )


def _parts(model: Any) -> tuple[list[Any], TransformedTargetRegressor | None, VotingClassifier | VotingRegressor]:
    """Return the steps before an ensemble, what scales its targets, and the ensemble."""
    before: list[Any] = []
    scaled: TransformedTargetRegressor | None = None
    inner = model
    while not isinstance(inner, VotingClassifier | VotingRegressor):
        if isinstance(inner, Pipeline):
            before += [step for _, step in inner.steps[:-1]]
            inner = inner.steps[-1][1]
        elif isinstance(inner, TransformedTargetRegressor) and scaled is None:
            check_is_fitted(inner)
            scaled, inner = inner, inner.regressor_
        else:
            break
    if isinstance(inner, VotingRegressor) or (isinstance(inner, VotingClassifier) and inner.voting == "soft"):
        return before, scaled, inner
    raise TypeError(
        f"an ensemble is a VotingClassifier with soft voting, or a VotingRegressor; got {shown_value(inner)}"
    )


def _rescaled(scaled: TransformedTargetRegressor, regressor: Any) -> TransformedTargetRegressor:
    """Return a regressor within what scales the targets of its ensemble."""
    member = copy(scaled)
    member.regressor_ = regressor
    return member


def _steps(member: Any, ensemble: VotingClassifier | VotingRegressor) -> list[Any]:
    """Return the steps of a member, a classifier with the labels of the ensemble, which has shown it numbers alone."""
    model = member.estimator if isinstance(member, FrozenEstimator) else member
    *before, last = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    if isinstance(ensemble, VotingClassifier):
        last = copy(last)
        last.classes_ = ensemble.classes_
    return [*before, last]


def _check_ensemble(folder: str | os.PathLike[str]) -> None:
    """Raise where files that are called as members are none of an ensemble, and would be deleted."""
    for place, (number, path) in enumerate(sorted(_numbered(folder).items()), start=1):
        if number != place:
            raise FileExistsError(
                f"{path} is there without {_path(folder, place).name}, and so no member of an ensemble: move it "
                "elsewhere, or save to another folder"
            )


def _path(folder: str | os.PathLike[str], number: int) -> Path:
    """Return where a member is kept, the first being 1."""
    return Path(folder, member_name(number))


def _numbered(folder: str | os.PathLike[str]) -> dict[int, Path]:
    """Return the files of all members that there are, by number."""
    found = {member_number(path.name): path for path in Path(folder).glob(member_name("*"))}
    return {number: path for number, path in found.items() if number}
