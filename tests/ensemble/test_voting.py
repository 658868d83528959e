"""Ensembles: members that differ by seed, soft voting, and a file for each."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import MLPClassifier, MLPRegressor, Normalize, load_model, save_model
from pipeline.ensemble import voting
from pipeline.ensemble.voting import load_ensemble, make_ensemble, member_seeds, members_at_once, save_ensemble
from pipeline.model_file import ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
y = rng.integers(3, size=60)
X = np.uint8(rng.integers(80, size=(60, 9)) + 80 * y[:, np.newaxis])
NET = MLPClassifier((5,), max_iter=3, learning_rate_init=0.02)
NUMBERS = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, learning_rate_init=0.02)
REGRESSORS = {
    "behind a normaliser": make_pipeline(Normalize(), make_ensemble(NUMBERS, 3)),
    "each behind its own": make_ensemble(make_pipeline(Normalize("standard"), NUMBERS), 3),
    "behind a scaler": make_pipeline(StandardScaler(), make_ensemble(NUMBERS, 3)),
    "each behind its own scaler": make_ensemble(make_pipeline(StandardScaler(), NUMBERS), 3),
    "each with scaled targets": make_ensemble(TransformedTargetRegressor(NUMBERS, transformer=StandardScaler()), 3),
    "with scaled targets": TransformedTargetRegressor(
        make_pipeline(Normalize(), make_ensemble(NUMBERS, 3)), transformer=StandardScaler()
    ),
    "with scaled targets behind a normaliser": make_pipeline(
        Normalize(), TransformedTargetRegressor(make_ensemble(NUMBERS, 3), transformer=StandardScaler())
    ),
}
LABELS = {
    "numbers": y,
    "other numbers": 10 * y + 4,
    "text": np.array(["nought", "one", "two"])[y],
    "two": y > 1,
}


def fitted(n_members=3, labels=y, net=NET, **parameters):
    """Return a fitted ensemble behind a fitted normaliser."""
    return make_pipeline(Normalize(), make_ensemble(net, n_members, **parameters)).fit(X, labels)


@pytest.mark.parametrize("n_members", [1, 2, 7])
def test_no_two_members_of_any_ensembles_share_a_seed(n_members):
    """However many members, every ensemble has its own."""
    seeds = [seed for ensemble in range(5) for seed in member_seeds(ensemble, n_members)]
    assert len(set(seeds)) == len(seeds) == 5 * n_members


def test_members_are_clones_that_differ_in_their_seed():
    """A member is the network that its seed makes alone, and the one that was given learns nothing."""
    ensemble = fitted(3, random_state=2)[-1]
    assert [member.random_state for member in ensemble.estimators_] == [6, 7, 8]
    for member in ensemble.estimators_:
        alone = clone(NET).set_params(random_state=member.random_state).fit(Normalize().fit_transform(X), y)
        assert np.array_equal(alone.network_.params, member.network_.params)
    assert not hasattr(NET, "classes_")


def test_every_seed_of_a_pipeline_is_set():
    """A member may be a pipeline whose steps draw."""
    ensemble = make_ensemble(make_pipeline(Normalize(), NET), 2, random_state=1)
    assert [member.get_params()["mlpclassifier__random_state"] for _, member in ensemble.estimators] == [2, 3]


def test_members_of_several_kinds_take_turns():
    """A list of networks is gone through again and again, and each member still has a seed of its own."""
    wider = clone(NET).set_params(hidden_layer_sizes=(6,), activation="tanh")
    members = [member for _, member in make_ensemble([NET, wider], 5, random_state=2).estimators]
    assert [member.hidden_layer_sizes for member in members] == [(5,), (6,), (5,), (6,), (5,)]
    assert [member.random_state for member in members] == [10, 11, 12, 13, 14]
    with pytest.raises(ValueError, match="n_members must be an integer >= 2; got 1"):
        make_ensemble([NET, wider], 1)


def test_an_ensemble_says_the_mean():
    """The formula, written out."""
    model = fitted(3)
    answers = [member.predict_proba(model[0].transform(X)) for member in model[-1].estimators_]
    assert model.predict_proba(X) == pytest.approx(np.mean(answers, axis=0))
    assert not np.array_equal(answers[0], answers[1])


def test_an_ensemble_of_regressors_says_their_mean():
    """Regressors vote by scikit-learn's counterpart, with seeds of their own."""
    net = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3)
    ensemble = make_ensemble(net, 3, random_state=1).fit(X / 255, y / 2)
    assert isinstance(ensemble, VotingRegressor)
    assert [member.random_state for member in ensemble.estimators_] == [3, 4, 5]
    answers = [member.predict(X / 255) for member in ensemble.estimators_]
    assert ensemble.predict(X / 255) == pytest.approx(np.mean(answers, axis=0))
    with pytest.raises(ValueError, match="members must be all classifiers or all regressors; got both"):
        make_ensemble([NET, net], 2)


def test_regressors_of_several_quantiles_make_no_ensemble():
    """scikit-learn would take the mean over samples; where quantiles are not what is learned, they are no matter."""
    several = make_pipeline(Normalize(), MLPRegressor("quantile", quantile=(0.1, 0.9)))
    message = r"predict one number each; got mlpregressor__quantile=\(0.1, 0.9\): make an ensemble for each quantile"
    with pytest.raises(ValueError, match=message):
        make_ensemble([NUMBERS, several], 2)
    for net in (MLPRegressor("quantile", quantile=0.9), MLPRegressor(quantile=(0.1, 0.9))):
        assert len(make_ensemble(net, 2).estimators) == 2


def test_processes_of_joblib_train_the_same_members():
    """How many are trained at once makes no difference."""
    one, two = (fitted(2, net=clone(NET).set_params(n_threads=1), n_jobs=n_jobs) for n_jobs in (1, 2))
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n_cores", [1, 2, 5, 8])
def test_cores_are_not_oversubscribed(n_threads, n_cores):
    """Several members at once never have more threads than there are cores, and no core that serves one is idle."""
    at_once = members_at_once(100, n_threads, n_cores)
    assert at_once == 1 or at_once * n_threads <= n_cores
    assert (at_once + 1) * n_threads > n_cores
    assert members_at_once(2, n_threads, n_cores) == min(2, at_once)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "n_members must be an integer >= 1; got 0"),
        ((2.5,), "n_members must be an integer >= 1; got 2.5"),
        (("3",), "n_members must be an integer >= 1; got '3'"),
        ((2, -1), "random_state must be an integer >= 0; got -1"),
        ((2, None), "random_state must be an integer >= 0; got None"),
        ((True,), "n_members must be an integer >= 1; got True"),
        ((2, False), "random_state must be an integer >= 0; got False"),
        ((2, 0, 0), "n_jobs must be an integer != 0 or null; got 0"),
        ((2, 0, "a"), "n_jobs must be an integer != 0 or null; got 'a'"),
        ((2, 0, True), "n_jobs must be an integer != 0 or null; got True"),
    ],
)
def test_an_ensemble_of_a_wrong_size_or_seed_is_refused(arguments, message):
    """Nobody is no ensemble, and seeds of members are made from a number."""
    with pytest.raises(ValueError, match=message):
        make_ensemble(NET, *arguments)


def test_an_ensemble_is_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    """An error at the second member leaves all of the ensemble that was there, and nothing else."""
    save_ensemble(tmp_path, fitted(3))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = fitted(3, net=clone(NET).set_params(hidden_layer_sizes=(7,)))
    calls, save = [], voting.save_model

    def fail_the_second_time(*arguments):
        calls.append(arguments)
        return save(*arguments) if len(calls) != 2 else 1 / 0

    monkeypatch.setattr(voting, "save_model", fail_the_second_time)
    with pytest.raises(ZeroDivisionError):
        save_ensemble(tmp_path, other)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("kind", LABELS)
def test_an_ensemble_comes_back(tmp_path, kind):
    """Every member is a model file of its own that says the right labels, and together they say the same as before."""
    model = fitted(3, LABELS[kind])
    save_ensemble(tmp_path / "new", model)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["model-1.npz", "model-2.npz", "model-3.npz"]
    loaded = load_ensemble(tmp_path / "new")
    assert isinstance(loaded, VotingClassifier)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.predict(X).tolist() == model.predict(X).tolist()
    assert loaded.score(X, LABELS[kind]) == model.score(X, LABELS[kind])
    assert loaded.classes_.dtype == model.classes_.dtype
    for number, member in enumerate(model[-1].estimators_, start=1):
        alone = load_model(tmp_path / "new" / f"model-{number}.npz")
        assert np.array_equal(alone.predict_proba(X), member.predict_proba(model[0].transform(X)))
        assert alone.classes_.tolist() == model.classes_.tolist()


@pytest.mark.parametrize("each", [False, True])
def test_classifiers_behind_scalers_come_back(tmp_path, each):
    """Before the ensemble or in each member, scikit-learn's scaler is in every file."""
    inner = make_ensemble(make_pipeline(StandardScaler(), NET) if each else NET, 2)
    model = (inner if each else make_pipeline(StandardScaler(), inner)).fit(X / 255, LABELS["text"])
    save_ensemble(tmp_path, model)
    assert np.array_equal(load_ensemble(tmp_path).predict_proba(X / 255), model.predict_proba(X / 255))
    assert [name for name, _ in load_model(tmp_path / "model-2.npz").steps] == ["scale", "train"]


@pytest.mark.parametrize("kind", REGRESSORS)
def test_an_ensemble_of_regressors_comes_back(tmp_path, kind):
    """Every member is a model file that predicts in the targets' own units, and their mean is what it was.

    Where the mean was scaled, and now each member is, they differ by a rounding of float32.
    """
    model = clone(REGRESSORS[kind]).fit(X, 3 + 2 * y)
    save_ensemble(tmp_path / "new", model)
    loaded = load_ensemble(tmp_path / "new")
    assert isinstance(loaded, VotingRegressor)
    assert loaded.predict(X) == pytest.approx(model.predict(X), rel=1e-12 if "each" in kind else 1e-6)
    alone = [load_model(tmp_path / "new" / f"model-{number}.npz").predict(X) for number in (1, 2, 3)]
    assert loaded.predict(X) == pytest.approx(np.mean(alone, axis=0))
    assert not np.array_equal(alone[0], alone[1])
    save_ensemble(tmp_path / "again", loaded.fit(X, y))
    for path in (tmp_path / "new").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_an_ensemble_with_weights_is_not_written(tmp_path):
    """The files would forget them; such as are all alike are no matter."""
    for net, kind in ((NET, VotingClassifier), (NUMBERS, VotingRegressor)):
        voting = {"voting": "soft"} if kind is VotingClassifier else {}
        model = kind([("a", net), ("b", net)], weights=[1, 3], **voting).fit(X / 255, y)
        with pytest.raises(ValueError, match=r"members in files count alike; got an ensemble with weights=\[1, 3\]"):
            save_ensemble(tmp_path, model)
        assert not list(tmp_path.glob("*.npz"))
        save_ensemble(tmp_path / kind.__name__, model.set_params(weights=[2, 2]))


def test_members_may_call_classes_in_an_order_of_their_own(tmp_path):
    """Of members whose names of classes are not sorted, the ensemble says the right ones."""
    names = np.array(["2", "10", "cat"])
    model = fitted(3)
    for number, member in enumerate(model[-1].estimators_, start=1):
        member.classes_ = names
        member._targets = member._targets.rename(names)
        save_model(tmp_path / f"model-{number}.npz", make_pipeline(model[0], member))
    loaded = load_ensemble(tmp_path)
    assert loaded.classes_.tolist() == names.tolist()
    assert loaded.predict(X).tolist() == names[model.predict(X)].tolist()


def test_a_model_that_is_called_as_a_member_is_not_deleted(tmp_path):
    """A person's own ``model-7.npz`` without the six before it is no ensemble's: nothing is written beside it."""
    (tmp_path / "model-7.npz").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"model-7.npz is there without model-1.npz, .* move it elsewhere, or"):
        save_ensemble(tmp_path, fitted())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


def test_members_are_put_in_the_order_of_their_numbers(tmp_path):
    """The tenth comes after the second."""
    save_ensemble(tmp_path, fitted(11, net=clone(NET).set_params(max_iter=1)))
    assert list(load_ensemble(tmp_path).named_estimators_) == [f"model-{number}" for number in range(1, 12)]


def test_what_was_loaded_can_be_saved_again(tmp_path):
    """The files have the same bytes; fitting it changes no member; a smaller ensemble leaves none of the others."""
    save_ensemble(tmp_path / "first", fitted(3))
    loaded = load_ensemble(tmp_path / "first")
    save_ensemble(tmp_path / "second", loaded.fit(X, y))
    for number in (1, 2, 3):
        first, second = (tmp_path / name / f"model-{number}.npz" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
    save_ensemble(tmp_path / "second", fitted(2))
    assert len(load_ensemble(tmp_path / "second").estimators_) == 2


def test_members_may_be_pipelines(tmp_path):
    """Each then has a normaliser of its own."""
    ensemble = make_ensemble(make_pipeline(Normalize("standard"), NET), 2).fit(X, y)
    save_ensemble(tmp_path, ensemble)
    assert np.array_equal(load_ensemble(tmp_path).predict_proba(X), ensemble.predict_proba(X))


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (NET, TypeError),
        (VotingClassifier([("a", NET)], voting="hard"), TypeError),
        (NUMBERS, TypeError),
        (make_ensemble(NET, 2), NotFittedError),
        (make_ensemble(NUMBERS, 2), NotFittedError),
        (make_ensemble(GaussianNB(), 2).fit(X, y), TypeError),
    ],
)
def test_what_is_no_fitted_ensemble_of_networks_is_not_written(tmp_path, model, error):
    """No file is left, and no folder."""
    with pytest.raises(error) as caught:
        save_ensemble(tmp_path / "new", model)
    assert len(str(caught.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_member_is_named(tmp_path):
    """An ensemble is not loaded without one of its members, nor from an empty folder."""
    with pytest.raises(FileNotFoundError, match=r"model-1\.npz is missing"):
        load_ensemble(tmp_path)
    save_ensemble(tmp_path, fitted(3))
    (tmp_path / "model-2.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"model-2\.npz is missing, a member of the ensemble"):
        load_ensemble(tmp_path)


def test_members_of_different_ensembles_are_refused(tmp_path):
    """Their columns would be added up all the same."""
    save_ensemble(tmp_path, fitted(2))
    other = Pipeline([("preprocess", Normalize()), ("train", NET)]).fit(X, y + 1)
    save_model(tmp_path / "model-3.npz", other)
    with pytest.raises(ModelFileError, match="members of different ensembles"):
        load_ensemble(tmp_path)


def test_members_of_several_labels_at_once_are_refused(tmp_path):
    """A vote has one winner; such a file is told by its name."""
    save_ensemble(tmp_path, fitted(2))
    save_model(tmp_path / "model-2.npz", clone(NET).fit(X, np.eye(3, dtype=int)[y % 3] | np.eye(3, dtype=int)[0]))
    with pytest.raises(ModelFileError, match=r"model-2\.npz gives several labels at once"):
        load_ensemble(tmp_path)


@pytest.mark.parametrize(
    ("other", "targets", "message"),
    [
        (NET, y, "classifiers and regressors"),
        (NUMBERS, np.column_stack([y, -y]), r"model-2\.npz predicts 2 numbers at once, and a member one"),
        (make_pipeline(Normalize(), NUMBERS), y, "features differ"),
    ],
)
def test_members_that_predict_other_things_are_refused(tmp_path, other, targets, message):
    """A label beside a number, several numbers beside one, or what looks at other images."""
    save_ensemble(tmp_path, make_ensemble(NUMBERS, 2).fit(X / 255, y))
    save_model(tmp_path / "model-2.npz", clone(other).fit(X[:, :4] if "features" in message else X / 255, targets))
    with pytest.raises(ModelFileError, match=message):
        load_ensemble(tmp_path)


def test_many_labels_are_no_matter(tmp_path):
    """scikit-learn's warning of too many labels stays away."""
    labels = np.arange(60) % 30
    save_ensemble(tmp_path, fitted(2, labels))
    assert load_ensemble(tmp_path).classes_.tolist() == list(range(30))
