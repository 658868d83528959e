import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split

from pipeline import MLPClassifier, MLPRegressor, make_tabular
from pipeline.parameters import ParameterError

pandas = pytest.importorskip("pandas")

SMALL = {"hidden_layer_sizes": (32,), "max_iter": 16, "n_threads": 1}


def table(n=300, seed=0):
    """Return a table with columns of every kind, gaps in most, and labels that depend on two of them."""
    rng = np.random.default_rng(seed)
    X = pandas.DataFrame(
        {
            "age": rng.integers(18, 90, n).astype(float),
            "income": rng.lognormal(10, 1, n),
            "city": rng.choice(["a", "b", "c"], n),
            "member": rng.random(n) > 0.5,
            "size": pandas.Categorical(rng.choice(["S", "M", "L"], n)),
            "code": pandas.Categorical(rng.integers(0, 4, n)),
            "rooms": pandas.array(rng.integers(1, 6, n), dtype="Int64"),
            "mixed": rng.choice(np.array([1, "x", None], dtype=object), n),
            "constant": 1.0,
            "empty": np.nan,
            "nothing": np.full(n, None),
        }
    )
    old = X["age"] > 50
    y = np.where(old ^ X["member"], "yes", "no")
    X.loc[::9, ["age", "rooms"]] = np.nan
    X.loc[::11, ["city", "size"]] = None
    return X, y


X, y = table()


@pytest.fixture(scope="module")
def fitted():
    """Return a classifier that has learned from the table."""
    return make_tabular("classification", **SMALL | {"max_iter": 64}).fit(X, y)


def test_it_learns_from_a_table(fitted):
    """Numbers, categories and gaps come to a prediction better than by chance, of the labels that were given."""
    X_test, y_test = table(seed=1)
    assert fitted.score(X_test, y_test) > 0.75
    assert set(fitted.predict(X_test)) == {"yes", "no"}
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert fitted.predict_proba(X_test).sum(axis=1) == pytest.approx(1)


def test_no_warning_is_given():
    """The defaults warn of nothing, be there few rows or many."""
    for n in (40, 400):
        X, y = table(n)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make_tabular("classification", **SMALL).fit(X, y).predict(X)
            make_tabular("regression", **SMALL).fit(X, X["income"]).predict(X)


def test_columns_come_to_finite_numbers_on_one_scale(fitted):
    """Every column has its place, a constant is 0, and nothing is missing or beyond the limit."""
    Z = fitted[:-1].transform(X)
    assert Z.dtype == np.float32
    assert np.abs(Z).max() <= 3
    names = fitted[:-1].get_feature_names_out().tolist()
    assert len(names) == Z.shape[1] == fitted["network"].n_features_in_
    assert {"numbers__age", "numbers__missingindicator_age", "categories__city_a", "categories__city_None"} <= set(
        names
    )
    assert not Z[:, names.index("numbers__constant")].any()
    assert not Z[:, names.index("numbers__empty")].any()


def test_what_was_not_seen_in_training_is_predicted_as_well(fitted):
    """New categories, gaps where there were none, values where there were only gaps: none is an error."""
    new = X.copy()
    new["city"] = "elsewhere"
    new["size"] = pandas.Categorical(["XXL"] * len(X))
    new["code"] = pandas.Categorical(np.where(np.arange(len(X)) % 2, 2.0, np.nan))
    new["member"] = None
    new["income"] = np.nan
    new["empty"] = 7.0
    new["nothing"] = "something"
    assert set(fitted.predict(new)) <= {"yes", "no"}
    assert np.isfinite(fitted.predict_proba(new)).all()
    turned = X[X.columns[::-1]].assign(more=1)
    assert np.array_equal(fitted.predict_proba(turned), fitted.predict_proba(X))


def test_the_same_category_is_the_same_in_every_type(fitted):
    """Booleans as objects, whole numbers as floats, text in pandas' other types: none changes a prediction."""
    other = X.astype({"member": object, "city": "string", "size": object, "rooms": "Float64"})
    other["code"] = pandas.Categorical(X["code"].astype(float))
    assert np.array_equal(fitted.predict_proba(other), fitted.predict_proba(X))


def test_rare_categories_share_a_column():
    """A feature has so many columns at the most, and what was never seen is read as a rare one."""
    names = pandas.DataFrame({"name": [f"n{k}" for k in range(60)] + ["often"] * 60})
    model = make_tabular("classification", max_categories=3, **SMALL).fit(names, np.arange(120) // 60)
    Z = model[:-1].transform(pandas.DataFrame({"name": ["n59", "never seen", "often"]}))
    assert Z.shape[1] == 3
    assert np.array_equal(Z[0], Z[1])
    assert not np.array_equal(Z[0], Z[2])


def test_arrays_are_tables_too():
    """An array of numbers needs no pandas, and one of objects is looked at column by column."""
    data = load_wine(return_X_y=True)
    model = make_tabular("classification", **SMALL | {"max_iter": 32}).fit(*data)
    assert model.score(*data) > 0.9
    objects = np.array([[1, "a"], [2, "b"], [None, None], [4, "b"], [5, "a"]] * 8, dtype=object)
    model = make_tabular("classification", **SMALL).fit(objects, np.arange(40) % 5 == 1)
    assert model.predict(objects).shape == (40,)
    assert model[:-1].get_feature_names_out()[0] == "numbers__x0"


def test_numbers_are_predicted_in_their_own_units():
    """Targets are standardised inside, whatever their size."""
    data, target = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(data, 1e6 * target + 1e9, random_state=0)
    model = make_tabular("regression", **SMALL).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.25
    assert model.predict(X_test).mean() == pytest.approx(y_test.mean(), rel=0.1)


@pytest.mark.parametrize("n_members", [1, 2])
def test_counts_stay_counts_for_poisson(n_members):
    """Targets are not centered, which would bring them below 0; predictions are in their own units, and above it."""
    counts = np.random.default_rng(0).poisson(np.where(X["member"], 90, 10))
    model = make_tabular("regression", loss="poisson", n_members=n_members, **SMALL | {"max_iter": 64}).fit(X, counts)
    P = model.predict(X)
    assert (P > 0).all()
    assert model.score(X, counts) > 0.8


def test_several_quantiles_are_not_for_members():
    """Alone, a network predicts several at once; the vote of several networks would mix them up."""
    quantiles = {"loss": "quantile", "quantile": (0.1, 0.9)}
    target = X["income"].to_numpy()
    assert make_tabular("regression", **SMALL | quantiles).fit(X, target).predict(X).shape == (300, 2)
    with pytest.raises(ValueError, match="members of an ensemble predict one number each"):
        make_tabular("regression", n_members=2, **SMALL | quantiles)


def test_several_targets():
    """A network predicts several numbers at once."""
    Y = X[["income", "age"]].fillna(50).to_numpy()
    assert make_tabular("regression", **SMALL).fit(X, Y).predict(X).shape == (300, 2)


def test_steps_and_settings():
    """The steps are plain objects under the names of the docstring, with the settings of RealMLP's simple form."""
    classifier = make_tabular("classification", random_state=5)
    assert list(classifier.named_steps) == ["columns", "scale", "network"]
    network = classifier["network"]
    assert type(network) is MLPClassifier
    assert (network.activation, network.label_smoothing, network.random_state) == ("selu", 0.1, 5)
    assert (network.beta_1, network.beta_2, network.max_iter, network.learning_rate) == (
        0.9,
        0.95,
        256,
        "cosine_cycles",
    )
    regressor = make_tabular("regression", n_bins=5, random_state=5)
    assert list(regressor.named_steps) == ["columns", "scale", "bins", "network"]
    assert regressor["bins"].n_bins == 5
    target = regressor["network"]
    assert type(target) is TransformedTargetRegressor
    assert type(target.regressor) is MLPRegressor
    assert (target.regressor.activation, target.regressor.random_state) == ("mish", 5)
    assert target.regressor.learning_rate_init == 0.07


def test_candidates_do_not_share_their_rate_factors():
    """To change them in one pipeline changes them in no other."""
    one = make_tabular("classification")
    one.set_params(network__rate_factors__bias=1.0)
    assert make_tabular("regression")["network"].regressor.rate_factors.bias == 0.1


def test_the_network_learns_as_one_of_smaller_weights():
    """With RealMLP's settings all layers learn: each of its kinds of parameters has left where it began."""
    model = make_tabular("classification", **SMALL).fit(X, y)["network"]
    scale, *_ = model.network_.layers
    assert np.abs(scale.s - 1).max() > 0.01
    assert all(np.abs(W).max() > 0 for W in model.coefs_)


@pytest.mark.parametrize(("task", "kind"), [("classification", VotingClassifier), ("regression", VotingRegressor)])
def test_members_have_seeds_and_validation_rows_of_their_own(task, kind):
    """An ensemble is scikit-learn's own, its mean counts, and no two members hold out the same rows."""
    model = make_tabular(task, n_members=3, random_state=1, **SMALL).fit(
        X, y if task == "classification" else X["income"]
    )
    ensemble = model["network"] if task == "classification" else model["network"].regressor_
    assert type(ensemble) is kind
    assert [member.random_state for member in ensemble.estimators_] == [3, 4, 5]
    assert len({member._split_seed for member in ensemble.estimators_}) == 3
    Z = model[:-1].transform(X)
    if task == "classification":
        mean = np.mean([member.predict_proba(Z) for member in ensemble.estimators_], axis=0)
        assert model.predict_proba(X) == pytest.approx(mean)
        assert model.classes_.tolist() == ["no", "yes"]
    else:
        mean = np.mean([member.predict(Z) for member in ensemble.estimators_], axis=0)
        back = model["network"].transformer_.inverse_transform(mean[:, None]).ravel()
        assert model.predict(X) == pytest.approx(back)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_same_seed_is_the_same_network(task):
    """All that is drawn is drawn by the seed."""
    target = y if task == "classification" else X["income"]
    one, two, other = (make_tabular(task, random_state=seed, **SMALL).fit(X, target).predict(X) for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_bins_take_every_feature():
    """With an encoding in bins there are more columns, and it learns as well."""
    model = make_tabular("classification", n_bins=6, **SMALL | {"max_iter": 64}).fit(X, y)
    assert model.score(X, y) > 0.75
    assert model["network"].n_features_in_ > model["scale"].n_features_in_


def test_it_is_searched_and_cross_validated():
    """Columns are told apart when it is fitted, so that every fold and every candidate does so by itself."""
    model = make_tabular("classification", **SMALL)
    assert len(cross_val_score(model, X, y, cv=2)) == 2
    grid = {"network__dropout": [0.0, 0.1], "columns__numbers__impute__strategy": ["mean"]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert search.predict(X).shape == (300,)
    assert clone(model).get_params()["network__max_iter"] == 16


def test_probabilities_can_be_calibrated():
    """By scikit-learn's temperature scaling, around the whole pipeline."""
    model = CalibratedClassifierCV(make_tabular("classification", **SMALL), method="temperature", cv=2).fit(X, y)
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1)


def test_columns_without_a_use_are_refused_by_name():
    """A date is neither a number nor a category."""
    with pytest.raises(ValueError, match=r"got when \(datetime64.*the year"):
        make_tabular("classification").fit(X.assign(when=pandas.Timestamp("2020-01-01")), y)


def test_infinite_numbers_are_refused():
    """As by scikit-learn."""
    with pytest.raises(ValueError, match="infinity"):
        make_tabular("classification").fit(X.assign(age=np.inf), y)


@pytest.mark.parametrize(
    ("task", "parameters", "message"),
    [
        ("clustering", {}, "task must be 'classification' or 'regression'; got 'clustering'"),
        ("regression", {"n_members": 0}, "n_members must be an integer >= 1; got 0"),
        ("regression", {"n_members": 2.0}, "n_members must be an integer >= 1; got 2.0"),
        ("regression", {"random_state": None, "n_members": 2}, "random_state must be an integer >= 0; got None"),
        ("classification", {"max_categories": 1}, "max_categories must be an integer >= 2; got 1"),
        ("classification", {"n_bins": 0}, "n_bins must be an integer >= 1 or null; got 0"),
        ("classification", {"n_bins": True}, "n_bins must be an integer >= 1 or null; got True"),
        ("classification", {"n_members": True}, "n_members must be an integer >= 1; got True"),
        ("classification", {"n_jobs": "a"}, "n_jobs must be an integer != 0 or null; got 'a'"),
        ("classification", {"random_state": True}, "random_state must be an integer >= 0; got True"),
        ("classification", {"droput": 0.1}, "no parameter 'droput' of MLPClassifier.*did you mean dropout"),
        ("regression", {"label_smoothing": 0.1}, "no parameter 'label_smoothing' of MLPRegressor"),
        ("classification", {"dropout": 2}, "dropout must be .*got 2"),
    ],
)
def test_what_is_not_allowed(task, parameters, message):
    """It is refused before anything is fitted, by name."""
    with pytest.raises((ValueError, ParameterError), match=message):
        make_tabular(task, **parameters)


@pytest.mark.parametrize("changes", [{"solver": "lbfgs"}, {"early_stopping": False}], ids=str)
def test_settings_without_use_are_left_out(changes):
    """Another solver, or no rows held out, is no error and no warning, and learns."""
    X, y = load_wine(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make_tabular("classification", **SMALL | {"max_iter": 200} | changes).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model[-1].best_epoch == "first"


def test_the_best_of_equal_epochs_is_the_last_where_one_is_restored():
    """With the rows that are held out, or with a metric of one's own choice."""
    assert make_tabular("classification")[-1].best_epoch == "last"
    assert make_tabular("classification", early_stopping=False, monitor="loss")[-1].best_epoch == "last"
