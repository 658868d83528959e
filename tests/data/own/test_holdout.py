"""The draw of a test part: its fraction, its seed, whole groups, and why none can be drawn."""

from collections import Counter

import numpy as np
import pytest

from pipeline.data.own.holdout import HoldoutError, check_division, describe_division, draw_test

TEN = ["cat", "dog"] * 10


@pytest.mark.parametrize(("fraction", "n_test"), [(0.1, 2), (0.2, 4), (0.5, 10), (0.9, 18)])
def test_each_class_gives_its_fraction(fraction, n_test):
    """As many of each class, the same ones for a seed and others for another."""
    drawn = [draw_test(TEN, fraction, seed) for seed in (0, 0, 1)]
    assert [fold.sum() for fold in drawn] == [n_test] * 3
    assert set(Counter(np.array(TEN)[drawn[0]]).values()) == {n_test // 2}
    assert drawn[0].tolist() == drawn[1].tolist() != drawn[2].tolist()


def test_names_in_a_persons_order_are_drawn_as_their_labels_are():
    """What is drawn does not hang on how names are sorted as text."""
    numbers = [str(number) for number in (1, 2, 10)] * 10
    letters = [{"1": "a", "2": "b", "10": "c"}[name] for name in numbers]
    assert draw_test(numbers, 0.3, 0).tolist() == draw_test(letters, 0.3, 0).tolist()


@pytest.mark.parametrize(
    ("names", "fraction", "words"),
    [
        (["a", "a", "b"], 0.5, "the class 'b' has 1 picture, and there is no test part; expected are 2 or more"),
        (TEN, 0.01, "of 20 pictures it makes 1 to test, .* of 2 classes: set fetch.test_fraction to 0.1 or more"),
        (TEN, 0.99, "of 20 pictures it makes 0 to learn from, .*: set fetch.test_fraction to 0.9 or less"),
        (["a", "b", "c"] * 4, 0.1, "it makes 2 to test.*each of 3 classes: set fetch.test_fraction to 0.25 or more"),
    ],
)
def test_too_few_samples(names, fraction, words):
    """The error has the numbers, and a fraction that does."""
    with pytest.raises(HoldoutError, match=words):
        draw_test(names, fraction, 0)


@pytest.mark.parametrize(("fraction", "least"), [(0.01, 0.1), (0.99, 0.9)])
def test_the_fraction_that_is_advised_does(fraction, least):
    """Advice that fails again is none."""
    with pytest.raises(HoldoutError, match=f"{least}"):
        draw_test(TEN, fraction, 0)
    assert draw_test(TEN, least, 0).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_on_one_side(seed):
    """Of ten writers of all classes two are for testing, whoever they are."""
    writers = [f"w{number // 2 % 10}" for number in range(60)]
    is_test = draw_test(["cat", "dog"] * 30, 0.2, seed, writers)
    tested = {writer for writer, one in zip(writers, is_test, strict=True) if one}
    assert len(tested) == 2
    assert is_test.sum() == 12


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_one_group_is_learned(seed):
    """A writer who alone has a class is never the one for testing, and it is told that the class is not tested."""
    names = ["a", "b"] * 10 + ["c"] * 5
    groups = ["ann", "ann", "bob", "bob"] * 5 + ["eve"] * 5
    is_test = draw_test(names, 0.2, seed, groups)
    assert is_test.any()
    assert "eve" not in np.array(groups)[is_test]
    check_division(names, is_test)
    assert describe_division(names, is_test, groups) == [
        "no picture of the class 'c' is in the test part: how well it is told is not measured"
    ]


def test_fewer_groups_than_folds():
    """Three writers make a test part of one of them, whatever smaller fraction is asked for."""
    groups = ["ann", "ann", "bob", "bob", "eve", "eve"] * 4
    is_test = draw_test(["a", "b"] * 12, 0.1, 0, groups)
    assert is_test.sum() == 8


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (["ann"] * 20, "all pictures are of the group 'ann', .* expected are two groups or more"),
        (
            ["ann", "bob"] * 10,
            "of whole groups, of which there are 2, .*; all pictures of 'cat' are of 'ann'; .* 'dog' are of 'bob'",
        ),
    ],
)
def test_groups_that_cannot_be_parted(groups, words):
    """The error says which group has what."""
    with pytest.raises(HoldoutError, match=words):
        draw_test(TEN, 0.2, 0, groups)


@pytest.mark.parametrize(
    ("is_test", "words"),
    [
        ([True] * 4, "its train part has no picture"),
        ([False] * 4, "its test part has no picture"),
        ([True, False, True, False], "the class 'a' has pictures in the test part and none in the training part"),
    ],
)
def test_divisions_that_nothing_is_learned_from(is_test, words):
    """A part without a picture, and a class that is tested and not learned."""
    with pytest.raises(HoldoutError, match=words):
        check_division(["a", "b"] * 2, np.array(is_test))


def test_many_classes_and_groups_are_not_all_listed():
    """A line holds three."""
    names = [f"class {number}" for number in range(20)]
    untested, both = describe_division(names * 2, np.arange(40) == 0, ["x", "y"] * 20)
    assert "19 classes, 'class 1', 'class 2', 'class 3', ..., is in" in untested
    assert both == "the group 'x' is in the training part and in the test part"
    *_, both = describe_division(names * 2, np.arange(40) < 20, names * 2)
    assert both.startswith("20 groups, 'class 0', 'class 1', 'class 2', ..., are in the training part")
