import pickle
import re
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from pipeline import MLPClassifier, MLPRegressor, Normalize, from_sklearn, load_model, save_model, to_sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, species = load_iris(return_X_y=True)
LABELS = {
    "multiclass": species,
    "text": np.array(["setosa", "versicolor", "virginica"])[species],
    "objects": np.array(["a", "b", "c"], object)[species],
    "binary": species > 0,
    "one class": np.zeros(150, int),
    "multilabel": np.eye(4, dtype=int)[species] + np.eye(4, dtype=int)[3],
    "sparse multilabel": scipy.sparse.csr_array(np.eye(4, dtype=int)[species]),
}
SMALL = {"hidden_layer_sizes": (5, 4), "random_state": 0, "max_iter": 5}


def same(a, b):
    """Tell whether two answers are the same, sparse or not."""
    a, b = (one.toarray() if scipy.sparse.issparse(one) else np.asarray(one) for one in (a, b))
    return a.dtype == b.dtype and (a == b).all()


# ---------------------------------------------------------------- theirs, ours, theirs


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
def test_every_kind_of_label_survives_the_round_trip(labels, solver, tmp_path):
    """Theirs, ours, ours from a file and theirs again predict the same, by the same labels of the same type."""
    theirs = Theirs(**SMALL, solver=solver).fit(X, LABELS[labels])
    ours = from_sklearn(theirs)
    back = pickle.loads(pickle.dumps(to_sklearn(ours)))  # noqa: S301 - it was written here
    save_model(tmp_path / "model.npz", ours)
    for model in (ours, back):
        assert same(model.predict(X), theirs.predict(X))
        assert same(model.classes_, theirs.classes_)
    read = load_model(tmp_path / "model.npz").predict(X)
    assert (read == ours.predict(X)).all() if labels == "objects" else same(read, ours.predict(X))
    assert (back.predict_proba(X) == theirs.predict_proba(X)).all()
    if labels != "one class":  # of which ours says that it is certain
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_predicts_to_the_last_bits(activation, dtype):
    """In the precision that theirs was trained in, which stays."""
    theirs = Theirs(**SMALL, activation=activation).fit(X.astype(dtype), species)
    ours = from_sklearn(theirs)
    assert ours.network_.dtype == dtype
    expected = theirs.predict_proba(X.astype(dtype))
    np.testing.assert_allclose(ours.predict_proba(X.astype(dtype)), expected, rtol=20 * np.finfo(dtype).eps)
    assert same(to_sklearn(ours).predict_proba(X.astype(dtype)), expected)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_parameters_and_history_go_along(early_stopping):
    """All 23 parameters, and the fitted attributes that both have."""
    settings = SMALL | {"early_stopping": early_stopping, "n_iter_no_change": np.inf, "alpha": 0.01, "beta_2": 0.99}
    theirs = Theirs(**settings).fit(X, species)
    ours = from_sklearn(theirs)
    back = to_sklearn(ours)
    for model in (ours, back):
        parameters = model.get_params()
        assert {name: parameters[name] for name in theirs.get_params()} == theirs.get_params()
        for name in ("loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_", "loss_", "n_iter_"):
            assert getattr(model, name) == getattr(theirs, name)
        for name in ("t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
            assert getattr(model, name) == getattr(theirs, name)
    assert ours.history_["loss"] == theirs.loss_curve_
    assert set(vars(theirs)) - set(vars(back)) == set()


TRAINED = [
    {"solver": "adam", "beta_1": 0.8},
    {"solver": "adam", "beta_1": 0.0},
    {"solver": "sgd"},
    {"solver": "sgd", "momentum": 0},
    {"solver": "sgd", "nesterovs_momentum": False},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
]


@pytest.mark.parametrize("settings", TRAINED, ids=str)
@pytest.mark.parametrize("labels", ["multiclass", "binary", "multilabel"])
def test_training_goes_on_where_it_stopped(settings, labels):
    """Ours, and theirs of ours, make the updates that theirs makes, with the state of its optimizer."""
    y = LABELS[labels]
    theirs = Theirs(**SMALL, **settings, batch_size=30, learning_rate_init=0.01, shuffle=False)
    for _ in range(8):
        theirs.partial_fit(X, y, classes=np.arange(4) if labels == "multilabel" else np.unique(y))
    ours = from_sklearn(theirs).set_params(engine="numpy")
    back = to_sklearn(ours)
    for _ in range(3):
        for model in (theirs, ours, back):
            model.partial_fit(X, y)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-8)
        np.testing.assert_allclose(back.predict_proba(X), theirs.predict_proba(X), rtol=1e-8)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-6)
    assert ours.t_ == back.t_ == theirs.t_


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
def test_a_warm_start_goes_on(solver):
    """``fit`` begins with their weights, and their history stays in front."""
    theirs = Theirs((5,), solver=solver, max_iter=20, random_state=0, learning_rate_init=0.01).fit(X, species)
    ours = from_sklearn(theirs).set_params(warm_start=True, engine="numpy").fit(X, species)
    known = getattr(theirs, "loss_curve_", [])
    assert ours.loss_curve_[: len(known)] == known
    assert len(ours.loss_curve_) > len(known)
    assert max(ours.loss_curve_[len(known) :]) < theirs.loss_ + 0.01


def test_the_state_is_new_where_the_solver_was_changed():
    """The state of another rule is no state."""
    theirs = Theirs(**SMALL, solver="sgd").fit(X, species).set_params(solver="adam")
    values, arrays = from_sklearn(theirs).get_state(resume=True)
    assert values["training"]["t"] == 0
    assert not arrays["optimizer_m"].any()


def test_layers_are_those_that_were_fitted():
    """Sizes that were set since then are of the next fit, and not of these weights."""
    theirs = Theirs(7, max_iter=2).fit(X, species)
    assert from_sklearn(theirs).hidden_layer_sizes == 7
    theirs.set_params(hidden_layer_sizes=(3, 3))
    assert from_sklearn(theirs).hidden_layer_sizes == (7,)


@pytest.mark.parametrize("sizes", [[6], np.array([6, 5]), (np.int64(4),)])
def test_sizes_of_any_kind_become_a_tuple(sizes):
    """As ours has them, so that a model file can hold them."""
    ours = from_sklearn(Theirs(sizes, max_iter=2).fit(X, species))
    assert ours.hidden_layer_sizes == tuple(sizes)
    assert same(clone(ours).fit(X, species).predict(X).shape, (150,))


class Named(Theirs):
    """Theirs with a parameter more."""

    def __init__(self, name="", **parameters):
        self.name = name
        super().__init__(**parameters)

    @classmethod
    def _get_param_names(cls):
        return ["name", *Theirs._get_param_names()]


def test_a_subclass_of_theirs_is_one_of_theirs():
    """Its own parameters are left out."""
    theirs = Named("flowers", **SMALL).fit(X, species)
    assert same(from_sklearn(theirs).predict(X), theirs.predict(X))


def test_a_generator_is_no_partner():
    """What one draws later, the other does not miss."""
    theirs = Theirs((3,), max_iter=2, random_state=np.random.RandomState(0)).fit(X, species)
    assert from_sklearn(theirs).random_state is not theirs.random_state


# ---------------------------------------------------------------- regressors

FLOWERS = X[:, :3]
NUMBERS = {"one": X[:, 3], "several": X[:, 2:], "counts": np.round(X[:, 3])}


@pytest.mark.parametrize("targets", NUMBERS)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
def test_regressors_survive_the_round_trip(targets, loss, solver, tmp_path):
    """Theirs, ours, ours from a file and theirs again predict the same numbers."""
    theirs = TheirRegressor(loss, **SMALL, solver=solver).fit(FLOWERS, NUMBERS[targets])
    ours = from_sklearn(theirs)
    back = to_sklearn(ours)
    save_model(tmp_path / "model.npz", ours)
    np.testing.assert_allclose(ours.predict(FLOWERS), theirs.predict(FLOWERS), rtol=1e-13)
    assert same(back.predict(FLOWERS), theirs.predict(FLOWERS))
    assert same(load_model(tmp_path / "model.npz").predict(FLOWERS), ours.predict(FLOWERS))
    assert back.get_params() == theirs.get_params()
    assert set(vars(theirs)) - set(vars(back)) <= {"_coef_indptr", "_intercept_indptr"}  # of a call of lbfgs alone


@pytest.mark.parametrize("settings", TRAINED, ids=str)
@pytest.mark.parametrize(("loss", "targets"), [("squared_error", "one"), ("poisson", "counts")])
def test_regressors_go_on_where_they_stopped(settings, loss, targets):
    """Ours, and theirs of ours, make the updates that theirs makes."""
    y = NUMBERS[targets]
    theirs = TheirRegressor(loss, **SMALL, **settings, batch_size=30, learning_rate_init=0.001, shuffle=False)
    for _ in range(8):
        theirs.partial_fit(FLOWERS, y)
    ours = from_sklearn(theirs).set_params(engine="numpy")
    back = to_sklearn(ours)
    for _ in range(3):
        for model in (theirs, ours, back):
            model.partial_fit(FLOWERS, y)
        np.testing.assert_allclose(ours.predict(FLOWERS), theirs.predict(FLOWERS), rtol=1e-8)
        np.testing.assert_allclose(back.predict(FLOWERS), theirs.predict(FLOWERS), rtol=1e-8)


@pytest.mark.parametrize(
    "settings",
    [{"loss": "absolute_error"}, {"loss": "huber"}, {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}],
    ids=str,
)
def test_losses_that_theirs_lacks_predict_the_same(settings):
    """The loss is training's alone; three quantiles are three targets to theirs."""
    ours = MLPRegressor(**SMALL, **settings).fit(FLOWERS, NUMBERS["one"])
    theirs = to_sklearn(ours)
    np.testing.assert_allclose(theirs.predict(FLOWERS), ours.predict(FLOWERS), rtol=1e-10)
    assert theirs.loss == "squared_error"


@pytest.mark.parametrize(("quantile", "targets"), [((0.5,), "one"), ((0.1, 0.9), "several")])
def test_quantiles_on_an_axis_of_their_own_are_refused(quantile, targets):
    """Theirs would predict them in another shape."""
    ours = MLPRegressor(**SMALL, loss="quantile", quantile=quantile).fit(FLOWERS, NUMBERS[targets])
    with pytest.raises(ValueError, match="quantile must be a number, or several for one target"):
        to_sklearn(ours)


@pytest.mark.parametrize("fold_scaler", [False, True])
def test_targets_that_are_transformed_stay_so(fold_scaler, tmp_path):
    """Around the network, or around a pipeline of it, both ways; a model file holds the former."""
    inner = make_pipeline(StandardScaler(), TheirRegressor(**SMALL))
    theirs = TransformedTargetRegressor(inner, transformer=StandardScaler()).fit(FLOWERS, NUMBERS["one"])
    if fold_scaler:
        save_model(tmp_path / "model.npz", from_sklearn(theirs, fold_scaler=True))
        read = load_model(tmp_path / "model.npz")
        np.testing.assert_allclose(read.predict(FLOWERS), theirs.predict(FLOWERS), rtol=1e-10)
    ours = from_sklearn(theirs, fold_scaler=fold_scaler)
    np.testing.assert_allclose(ours.predict(FLOWERS), theirs.predict(FLOWERS), rtol=1e-10)
    np.testing.assert_allclose(to_sklearn(ours).predict(FLOWERS), theirs.predict(FLOWERS), rtol=1e-10)
    assert isinstance(ours.regressor_, MLPRegressor if fold_scaler else Pipeline)
    clone(ours).fit(FLOWERS, NUMBERS["one"])


def test_scalers_around_transformed_targets_are_folded():
    """A pipeline may have them on the outside."""
    inner = TransformedTargetRegressor(TheirRegressor(**SMALL), transformer=StandardScaler())
    theirs = make_pipeline(StandardScaler(), inner).fit(FLOWERS, NUMBERS["several"])
    ours = from_sklearn(theirs, fold_scaler=True)
    assert isinstance(ours.regressor_, MLPRegressor)
    np.testing.assert_allclose(ours.predict(FLOWERS), theirs.predict(FLOWERS), rtol=1e-10)


# ---------------------------------------------------------------- scalers and pipelines

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-1, 1)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_a_scaler_is_folded_into_the_first_layer(scaler, tmp_path):
    """One estimator takes what the scaler took, predicts the same, and a file holds it."""
    theirs = make_pipeline(scaler, Theirs(**SMALL)).fit(X, species)
    ours = from_sklearn(theirs, fold_scaler=True)
    save_model(tmp_path / "model.npz", ours)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-10)
    assert same(load_model(tmp_path / "model.npz").predict_proba(X), ours.predict_proba(X))


def test_several_scalers_are_folded_in_their_order():
    """The first is the furthest from the network, and "passthrough" is none."""
    steps = [StandardScaler(), "passthrough", MinMaxScaler(), RobustScaler(), Theirs(**SMALL)]
    theirs = make_pipeline(*steps).fit(X, species)
    expected = theirs.predict_proba(X)
    np.testing.assert_allclose(from_sklearn(theirs, fold_scaler=True).predict_proba(X), expected, rtol=1e-10)


@pytest.mark.parametrize("step", [PCA(2), MinMaxScaler(clip=True), Normalizer()], ids=str)
def test_what_is_no_scaler_is_not_folded(step):
    """It is named; as a step of a pipeline it stays what it is."""
    theirs = make_pipeline(step, Theirs(**SMALL)).fit(X, species)
    with pytest.raises(TypeError, match=re.escape(f"before the network; got {step!r}")):
        from_sklearn(theirs, fold_scaler=True)
    np.testing.assert_allclose(from_sklearn(theirs).predict_proba(X), theirs.predict_proba(X), rtol=1e-12)


def test_a_pipeline_keeps_its_steps():
    """Their names too, both ways; theirs is left as it was."""
    theirs = Pipeline([("scale", StandardScaler()), ("net", Theirs(**SMALL))]).fit(X, species)
    before = theirs.predict_proba(X)
    ours = from_sklearn(theirs)
    assert list(ours.named_steps) == ["scale", "net"]
    assert isinstance(ours["net"], MLPClassifier)
    assert same(to_sklearn(ours).predict_proba(X), before)
    ours["net"].partial_fit(ours["scale"].transform(X), species)
    assert same(theirs.predict_proba(X), before)


def test_names_of_features_go_along():
    """Of the network itself, and of the scaler that is folded into it."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    alone = Theirs(**SMALL).fit(frame, species)
    scaled = make_pipeline(StandardScaler(), Theirs(**SMALL)).fit(frame, species)
    for ours in (from_sklearn(alone), from_sklearn(scaled, fold_scaler=True), to_sklearn(from_sklearn(alone))):
        assert ours.feature_names_in_.tolist() == list("abcd")


# ---------------------------------------------------------------- ours, theirs, ours


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_norm": True},
        {"bias": False},
        {"batch_norm": True, "bias": False},
        {"dropout": 0.1, "noise": 0.1, "label_smoothing": 0.1, "max_norm": 2.0},
        {"solver": "adamw", "learning_rate": "cosine", "batch_size": "full"},
        {"solver": "rmsprop", "random_state": np.random.default_rng(0)},
        {"hidden_layer_sizes": ()},
        {"feature_scale": True, "monitor": "loss", "best_epoch": "last"},
        {"activation": ("tanh", "tanh"), "n_iter_no_change": 12.0},
        {"early_stopping": True},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
@pytest.mark.parametrize("labels", ["multiclass", "text", "binary", "multilabel"])
def test_ours_becomes_theirs(settings, labels):
    """What can be expressed predicts the same, is a sound estimator of theirs, and comes back."""
    y = LABELS[labels]
    ours = MLPClassifier(**(SMALL | settings)).fit(X, y)
    theirs = pickle.loads(pickle.dumps(to_sklearn(ours)))  # noqa: S301 - it was written here
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=1e-10)
    assert same(theirs.predict(X), ours.predict(X))
    np.testing.assert_allclose(from_sklearn(theirs).predict_proba(X), ours.predict_proba(X), rtol=1e-10)
    clone(theirs).fit(X, y)
    if theirs.solver != "lbfgs" and not theirs.early_stopping:
        before = theirs.score(X, y)
        assert theirs.partial_fit(X, y).score(X, y) > before - 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "gelu"}, "of identity, logistic, tanh, relu, which scikit-learn has; got 'gelu'"),
        ({"activation": ("tanh", "relu")}, "model must have one activation for all hidden layers"),
    ],
)
def test_what_theirs_cannot_predict_is_refused(settings, message):
    """The message says what does not fit."""
    ours = MLPClassifier(**(SMALL | settings)).fit(X, species)
    with pytest.raises(ValueError, match=re.escape(message)):
        to_sklearn(ours)


def test_classes_in_a_persons_order_are_sorted():
    """Theirs has them sorted, and trains on by the right ones."""
    ours = MLPClassifier((8,), max_iter=60, learning_rate_init=0.01, random_state=0).fit(X, species)
    values, arrays = ours.get_state(resume=True)
    named = MLPClassifier((8,)).set_state(values, arrays | {"classes": np.array(["2", "10", "1"])})
    theirs = to_sklearn(named)
    assert theirs.classes_.tolist() == ["1", "10", "2"]
    assert same(theirs.predict(X), named.predict(X))
    np.testing.assert_allclose(theirs.predict_proba(X)[:, [2, 1, 0]], named.predict_proba(X), rtol=1e-12)
    before = theirs.score(X, named.predict(X))
    assert theirs.partial_fit(X, named.predict(X)).score(X, named.predict(X)) > before - 0.1


def test_two_classes_in_a_persons_order_are_sorted():
    """The one column is turned round."""
    values, arrays = MLPClassifier(**SMALL).fit(X, species > 0).get_state()
    named = MLPClassifier(**SMALL).set_state(values, arrays | {"classes": np.array(["yes", "no"])})
    theirs = to_sklearn(named)
    assert theirs.classes_.tolist() == ["no", "yes"]
    assert same(theirs.predict(X), named.predict(X))
    np.testing.assert_allclose(theirs.predict_proba(X)[:, ::-1], named.predict_proba(X), rtol=1e-10)


def test_names_of_several_labels_become_numbers():
    """Their columns stay where they are, and theirs trains on."""
    y = LABELS["multilabel"]
    values, arrays = MLPClassifier(**SMALL).fit(X, y).get_state()
    named = MLPClassifier(**SMALL).set_state(values, arrays | {"classes": np.array(["sky", "car", "cat", "dog"])})
    theirs = to_sklearn(named)
    assert theirs.classes_.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(theirs.predict_proba(X), named.predict_proba(X), rtol=1e-10)
    theirs.partial_fit(X, y)


PIXELS = np.random.default_rng(0).integers(0, 256, (90, 16), dtype=np.uint8)
DIGITS = np.arange(90) % 3


@pytest.mark.parametrize("method", ["unit", "standard"])
def test_normalize_becomes_a_scaler(method):
    """Raw pixels are taken by theirs as well, and none of it is of this package."""
    ours = Pipeline([("preprocess", Normalize(method)), ("train", MLPClassifier(**SMALL))]).fit(PIXELS, DIGITS)
    theirs = to_sklearn(ours)
    np.testing.assert_allclose(theirs.predict_proba(PIXELS), ours.predict_proba(PIXELS), rtol=1e-4)
    assert [type(step) for _, step in theirs.steps] == [MinMaxScaler, Theirs]
    assert b"pipeline.preprocessing" not in pickle.dumps(theirs)
    assert b"pipeline.mlp" not in pickle.dumps(theirs)


@pytest.mark.parametrize("in_a_pipeline", [False, True])
def test_a_scale_of_pixels_becomes_a_scaler(in_a_pipeline):
    """Theirs takes the pixels that ours takes."""
    ours = MLPClassifier(**SMALL, pixel_scale=1 / 255).fit(PIXELS, DIGITS)
    theirs = to_sklearn(Pipeline([("train", ours)]) if in_a_pipeline else ours)
    np.testing.assert_allclose(theirs.predict_proba(PIXELS), ours.predict_proba(PIXELS), rtol=1e-4)
    for low, high in pairwise([0, 1, 16, 255]):
        assert low / 255 < theirs["scale"].transform(np.full((1, 16), high))[0, 0] <= 1


def test_images_that_are_made_alike_are_refused():
    """No scaler deskews."""
    ours = Pipeline([("preprocess", Normalize(deskew=True)), ("train", MLPClassifier(**SMALL))]).fit(PIXELS, DIGITS)
    with pytest.raises(ValueError, match="Normalize must have no deskew"):
        to_sklearn(ours)


# ---------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    "given", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression()), "model"]
)
def test_what_is_no_network_of_theirs_is_refused(given):
    """The message says what it is."""
    with pytest.raises(TypeError, match="fitted must be scikit-learn's MLPClassifier or MLPRegressor"):
        from_sklearn(given)


@pytest.mark.parametrize("given", [Theirs(), make_pipeline(StandardScaler(), Theirs()), None])
def test_what_is_no_network_of_ours_is_refused(given):
    """Theirs is told from ours."""
    with pytest.raises(TypeError, match="model must be pipeline's MLPClassifier or MLPRegressor"):
        to_sklearn(given)


def test_what_is_not_fitted_is_refused():
    """Either way, and a scaler too."""
    with pytest.raises(NotFittedError):
        from_sklearn(Theirs())
    with pytest.raises(NotFittedError):
        to_sklearn(MLPClassifier())
    with pytest.raises(NotFittedError):
        from_sklearn(make_pipeline(StandardScaler(), Theirs(max_iter=2).fit(X, species)), fold_scaler=True)


def test_weights_that_are_no_numbers_are_refused():
    """By their layer."""
    theirs = Theirs((3,), max_iter=2).fit(X, species)
    theirs.coefs_[1][0, 0] = np.nan
    with pytest.raises(ValueError, match="those of layer 2 are not"):
        from_sklearn(theirs)


def test_weights_that_do_not_fit_are_refused():
    """One that was put there turned round, of as many numbers."""
    theirs = Theirs((3,), max_iter=2).fit(X, species > 0)
    theirs.coefs_[0] = theirs.coefs_[0].T
    with pytest.raises(ValueError, match=re.escape("those of layer 1 are (3, 4), for 4 inputs and 3 units")):
        from_sklearn(theirs)
