import pytest

from pipeline.parameters import ParameterError
from pipeline.search.space import DEFAULT, Choice, Range, all_of, draw, n_different, read_space, to_plain

SPACE = read_space({"train.dropout": [0.0, 0.2], "train.learning_rate_init": {"low": 0.001, "high": 0.1, "log": True}})


def test_lists_are_choices_and_mappings_ranges():
    """A section becomes one object for each name, in its order."""
    assert SPACE["train.dropout"] == Choice((0.0, 0.2))
    assert SPACE["train.learning_rate_init"] == Range(0.001, 0.1, log=True)
    assert list(SPACE) == ["train.dropout", "train.learning_rate_init"]


def test_without_a_section_the_default_varies():
    """Nothing that a person must write keeps a search from beginning."""
    assert list(read_space(None)) == list(DEFAULT)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ([], "must hold names"),
        ({}, "must hold names"),
        ({"dropout": [0]}, "like train.dropout; got 'dropout'"),
        ({"tarin.dropout": [0]}, "no section 'tarin'; there are preprocess, train; did you mean train?"),
        ({"split.random_state": [0]}, "no section 'split'"),
        ({"train.dropout": 0.2}, "train.dropout must be a list of choices or a range"),
        ({"train.dropout": []}, "train.dropout must be a list of choices or a range"),
        ({"train.dropout": [0.1, 0.1]}, "the choice 0.1 twice"),
        ({"train.dropout": {"low": 0.1}}, "low and high must be numbers"),
        ({"train.dropout": {"low": 0.2, "high": 0.1}}, "low the smaller"),
        ({"train.dropout": {"low": 0.0, "high": float("inf")}}, "low and high must be numbers"),
        ({"train.dropout": {"low": 0, "hihg": 1}}, "did you mean high?"),
        ({"train.dropout": {"low": 0, "high": 1, "log": True}}, "low must be > 0 where log is true; got 0"),
        ({"train.dropout": {"low": 0, "high": 1, "log": 1}}, "log must be true or false; got 1"),
        ({"train.dropout": {"low": 0, "high": 1, "n": 1}}, "n must be an integer >= 2; got 1"),
    ],
)
def test_an_error_names_what_was_given_and_what_is_allowed(section, message):
    """Whatever is no space ends in one sentence about it."""
    with pytest.raises(ParameterError, match=r"params\.yaml: search") as caught:
        read_space(section)
    assert message in str(caught.value)


def test_the_first_of_many_candidates_are_those_of_few():
    """A search that asks for more candidates goes on with those that it has."""
    assert draw(SPACE, 20, 3)[:5] == draw(SPACE, 5, 3)
    assert draw(SPACE, 5, 3) != draw(SPACE, 5, 4)


def test_no_candidate_is_drawn_twice():
    """Of a space of six, twenty that are asked for are six."""
    space = read_space({"train.dropout": [0.0, 0.1, 0.2], "train.batch_norm": [True, False]})
    drawn = draw(space, 20, 0)
    assert n_different(space) == 6
    assert sorted(map(str, drawn)) == sorted(map(str, all_of(space)))


def test_what_is_drawn_lies_in_the_range():
    """Floats have three digits, integers are whole, and the ends are in."""
    drawn = draw(read_space({"train.alpha": {"low": 1e-5, "high": 0.1, "log": True}}), 300, 0)
    values = [one["train.alpha"] for one in drawn]
    assert min(values) >= 1e-5
    assert max(values) <= 0.1
    assert all(float(f"{one:.3g}") == one for one in values)
    assert 0.4 < sum(one < 1e-3 for one in values) / 300 < 0.6  # half of the ratios
    whole = draw(read_space({"train.max_iter": {"low": 2, "high": 4}}), 9, 0)
    assert sorted(one["train.max_iter"] for one in whole) == [2, 3, 4]


def test_a_grid_has_every_combination():
    """A range is taken at its ends and between, the last name varies first."""
    grid = all_of(SPACE)
    assert [one["train.learning_rate_init"] for one in grid] == [0.001, 0.01, 0.1] * 2
    assert [one["train.dropout"] for one in grid] == [0.0] * 3 + [0.2] * 3


def test_a_space_can_be_compared():
    """In JSON's own types it is told from another."""
    assert to_plain(SPACE) == {
        "train.dropout": [0.0, 0.2],
        "train.learning_rate_init": {"low": 0.001, "high": 0.1, "log": True},
    }
