import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ShuffleSplit, StratifiedShuffleSplit, cross_val_score
from sklearn.naive_bayes import GaussianNB

from pipeline.data.class_names import write_class_names
from pipeline.parameters import ParameterError
from pipeline.stages.base import MissingInputError
from pipeline.stages.split import Split

X = np.zeros((200, 1))
Y = np.arange(200) % 4


def pair(split, X=X, y=Y):
    """Return the one pair of row numbers."""
    [(train, validation)] = split.split(X, y)
    return train, validation


def write_prepared(artifacts, labels):
    """Write the one-hot labels that the stage reads."""
    (artifacts / "prepared").mkdir()
    np.save(artifacts / "prepared" / "train_Y.npy", np.eye(max(labels) + 1, dtype=np.float32)[labels])


@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize("fraction", [0.15, 0.5, 0.9])
def test_every_row_is_in_one_part(stratify, fraction):
    """Both parts ascend, share no row, hold all, and validation has its fraction, rounded up."""
    train, validation = pair(Split(fraction, stratify, random_state=0))
    assert np.array_equal(np.union1d(train, validation), np.arange(200))
    assert len(train) + len(validation) == 200
    assert len(validation) == np.ceil(fraction * 200)
    for rows in (train, validation):
        assert rows.dtype == np.int64
        assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize(("stratify", "kind"), [(True, StratifiedShuffleSplit), (False, ShuffleSplit)])
def test_rows_are_those_that_scikit_learn_draws(stratify, kind):
    """The draw is scikit-learn's own, sorted."""
    train, validation = pair(Split(0.3, stratify, random_state=5))
    theirs = next(kind(n_splits=1, test_size=0.3, random_state=5).split(X, Y))
    assert np.array_equal(train, np.sort(theirs[0]))
    assert np.array_equal(validation, np.sort(theirs[1]))


def test_the_default_draw():
    """The rows of the default seed are written down here: another machine or version must draw them as well."""
    y = np.repeat([0, 1, 2], [30, 20, 10])
    assert pair(Split(), np.zeros((60, 1)), y)[1].tolist() == [7, 10, 14, 19, 28, 39, 44, 45, 58]


def test_stratified_parts_keep_the_shares():
    """Of a class with a tenth of the rows, a tenth of the validation rows are; a plain draw misses that."""
    y = np.repeat([0, 1], [180, 20])
    assert np.bincount(y[pair(Split(0.5, random_state=0), y=y)[1]]).tolist() == [90, 10]
    assert np.bincount(y[pair(Split(0.5, stratify=False, random_state=0), y=y)[1]]).tolist() != [90, 10]


def test_seeds():
    """An int draws the same every time; a Generator and a RandomState go on, and the same ones draw the same."""
    assert np.array_equal(pair(Split(random_state=3))[1], pair(Split(random_state=3))[1])
    assert not np.array_equal(pair(Split(random_state=3))[1], pair(Split(random_state=4))[1])
    for kind in (np.random.default_rng, np.random.RandomState):
        one, other = Split(random_state=kind(0)), Split(random_state=kind(0))
        first = pair(one)[1]
        assert np.array_equal(first, pair(other)[1])
        assert not np.array_equal(first, pair(one)[1])
    assert len(pair(Split(random_state=None))[1]) == 30


def test_a_generator_hands_over_one_integer():
    """After a draw the generator stands where it stands after one integer."""
    drawn, counted = np.random.default_rng(0), np.random.default_rng(0)
    pair(Split(random_state=drawn))
    counted.integers(2**32)
    assert drawn.bit_generator.state == counted.bit_generator.state


def test_plain_draws_need_no_labels():
    """Without stratification y may be left out, and changes nothing."""
    [(_, without)] = Split(stratify=False).split(X)
    assert np.array_equal(without, pair(Split(stratify=False))[1])


@pytest.mark.parametrize("labels", [list("abcd") * 50, [[0, 1], [1, 0]] * 100])
def test_labels_of_other_kinds(labels):
    """Words, and one-hot rows, stratify as numbers do."""
    assert len(pair(Split(0.5), y=labels)[1]) == 100


@pytest.mark.parametrize(
    ("split", "y", "message"),
    [
        (Split(validation_fraction=0), Y, "validation_fraction must be > 0 for a split; got 0"),
        (Split(), None, "y must be given to stratify; got None"),
        (Split(0.01), Y, "cannot split with validation_fraction=0.01, stratify=True: .*number of classes"),
        (Split(0.999), Y, "cannot split with validation_fraction=0.999"),
        (Split(), [0] * 199 + [1], "cannot split with .*least populated class"),
        (Split(), Y[:10], "inconsistent numbers of samples"),
    ],
)
def test_a_draw_that_cannot_be_made_is_refused(split, y, message):
    """No fraction, no labels, too few rows of a class: each is one line that names the parameter."""
    with pytest.raises(ValueError, match=message):
        pair(split, y=y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"validation_fraction": 1}, "validation_fraction must be a number >= 0 and < 1; got 1"),
        ({"validation_fraction": -0.1}, "validation_fraction must be"),
        ({"validation_fraction": None}, "validation_fraction must be"),
        ({"stratify": "yes"}, "stratify must be true or false; got 'yes'"),
        ({"random_state": -1}, "random_state must be an integer >= 0"),
        ({"random_state": 2**32}, "random_state must be an integer >= 0"),
        ({"random_state": 1.5}, "random_state must be"),
    ],
)
def test_parameters_are_checked_when_used(parameters, message):
    """The constructor takes anything; `split` says what is allowed."""
    split = Split(**parameters)
    with pytest.raises(ParameterError, match=message):
        pair(split)


def test_scikit_learns_manners():
    """Parameters can be read, set and cloned, and the text of one shows what was chosen."""
    split = Split(validation_fraction=0.3)
    assert clone(split).get_params() == {"validation_fraction": 0.3, "stratify": True, "random_state": 42}
    assert split.set_params(stratify=False).stratify is False
    assert repr(Split(0.3)) == "Split(validation_fraction=0.3)"
    assert split.get_n_splits(X, Y, None) == split.get_n_splits() == 1


@pytest.mark.parametrize("routing", [False, True])
def test_a_search_takes_it(routing):
    """As ``cv=`` it gives a search its one split, with metadata routing or without."""
    X = np.random.default_rng(0).normal(size=(200, 2)) + Y[:, None]
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=Split(random_state=0)).fit(X, Y)
    train, validation = pair(Split(random_state=0))
    assert search.n_splits_ == 1
    assert search.cv_results_["mean_test_score"][0] == GaussianNB().fit(X[train], Y[train]).score(
        X[validation], Y[validation]
    )
    assert search.get_params()["cv__validation_fraction"] == 0.15


def test_no_validation_rows_are_no_cross_validation():
    """As ``cv=`` a fraction of 0 is an error."""
    with pytest.raises(ValueError, match="validation_fraction must be > 0"):
        cross_val_score(GaussianNB(), X, Y, cv=Split(validation_fraction=0))


def test_run_writes_the_rows_that_split_yields(tmp_path):
    """The artifact is the pair for the labels of the training file, and the same bytes each time."""
    write_prepared(tmp_path, Y)
    assert Split().run(tmp_path) == {"train": 170, "validation": 30}
    first = {path.name: path.read_bytes() for path in (tmp_path / "split").iterdir()}
    assert sorted(first) == ["provenance.json", "train.npy", "validation.npy"]
    for name, rows in zip(("train", "validation"), pair(Split()), strict=True):
        written = np.load(tmp_path / "split" / f"{name}.npy")
        assert written.dtype == np.int64
        assert np.array_equal(written, rows)
    Split().run(tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "split").iterdir()} == first


@pytest.mark.parametrize("stratify", [True, False])
def test_run_without_validation_rows(tmp_path, stratify):
    """A fraction of 0 leaves every row to training, and an empty list of validation rows."""
    write_prepared(tmp_path, [0, 1, 1])
    assert Split(validation_fraction=0, stratify=stratify).run(tmp_path) == {"train": 3, "validation": 0}
    assert np.load(tmp_path / "split" / "train.npy").tolist() == [0, 1, 2]
    empty = np.load(tmp_path / "split" / "validation.npy")
    assert (empty.shape, empty.dtype) == ((0,), np.int64)


def test_run_leaves_nothing_half_done(tmp_path):
    """Where the draw cannot be made the folder from before stays as it was."""
    write_prepared(tmp_path, Y)
    Split().run(tmp_path)
    before = (tmp_path / "split" / "train.npy").read_bytes()
    with pytest.raises(ValueError, match="cannot split"):
        Split(0.01).run(tmp_path)
    assert (tmp_path / "split" / "train.npy").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prepared", "split"]


@pytest.mark.parametrize(
    ("split", "labels", "message"),
    [
        (Split(), [0, 1] * 20 + [2], "class 2 has 1 row, and expected are 2 or more; split.stratify=false takes any"),
        (
            Split(),
            [0, 1, 2, 3] * 2,
            "6 rows to learn from and 2 held back; expected are 4 or more of both.*stratify=false",
        ),
        (Split(0.9), [0, 1, 2, 3] * 2, "0 rows to learn from and 8 held back"),
        (Split(0.9), [0, 1] * 25 + [2, 2], "class 2 has all its rows, 2, held back.*smaller split.validation_fraction"),
        (
            Split(0.9, stratify=False),
            [0, 1] * 25 + [4],
            "class 4 has all its rows, 1, held back, and none to learn from",
        ),
    ],
)
def test_run_refuses_what_no_model_can_be_measured_on(tmp_path, split, labels, message):
    """Too few rows of a class, and a class without a row to learn from, end here and not two stages later."""
    write_prepared(tmp_path, labels)
    with pytest.raises(ValueError, match=rf"cannot split with validation_fraction=.*: {message}"):
        split.run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["prepared"]


@pytest.mark.parametrize(
    ("split", "message"),
    [(Split(), "class 'two words' has 1 row"), (Split(0.9, stratify=False), "class 'two words' has all its rows, 1")],
)
def test_errors_call_classes_by_their_names(tmp_path, split, message):
    """Where they have some."""
    write_prepared(tmp_path, [0, 1] * 25 + [2])
    write_class_names(tmp_path / "prepared", ["2", "10", "two words"])
    with pytest.raises(ValueError, match=message):
        split.run(tmp_path)


def test_run_takes_a_class_with_one_row_where_it_is_learned_from(tmp_path):
    """The remedy that is offered works: without stratification one row of a class is enough."""
    write_prepared(tmp_path, [0, 1] * 20 + [2])
    assert Split(stratify=False, random_state=0).run(tmp_path) == {"train": 34, "validation": 7}
    assert 40 in np.load(tmp_path / "split" / "train.npy")


def test_missing_input_names_its_maker(tmp_path):
    """Without prepared labels the error says which command makes them."""
    with pytest.raises(MissingInputError, match="pipeline preprocess"):
        Split().run(tmp_path)
