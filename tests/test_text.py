"""Text from outside, as a person sees it."""

import numpy as np
import pytest

from pipeline.text import LINE, printable, shorten, shown, shown_value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two words, \u00e9 and \u6f22", "two words, \u00e9 and \u6f22"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\rc\td\x7f", "a\\nb\\rc\\td\\x7f"),
        ("\u202eevil\u2066\u200f\u2028", "\\u202eevil\\u2066\\u200f\\u2028"),
        ("lone \udc80", "lone \\udc80"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_not_to_be_seen_is_escaped(text, expected):
    """Controls, marks of direction, lone surrogates and tags have no power; letters of all scripts stay."""
    assert printable(text) == expected
    assert printable(text).isprintable()


def test_lines_stay_where_they_are_wanted():
    """A table has lines, and nothing else that moves the cursor."""
    assert printable("a\nb\x1b[A\r", lines=True) == "a\nb\\x1b[A\\r"


def test_a_text_is_cut_off_where_there_is_no_room():
    """What has room stays whole."""
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abc..."


@pytest.mark.parametrize("digits", [41, 42, 309, 400, 4300, 4301, 20000])
def test_integers_of_any_length_are_shown_by_their_digits(digits):
    """Python itself writes none of more than 4300."""
    assert shown_value(10 ** (digits - 1)) == shown_value(-(10**digits) + 1) == f"an integer of {digits} digits"


def test_values_are_shown_on_one_line_of_bounded_length():
    """Whatever they are, and whatever their text."""
    inside = [1]
    inside.append(inside)
    values = ["x" * 500, "\x1b\u202e", inside, [10**5000], np.ones((50, 50)), {"a": {"b": ["c"] * 99}}, 10**39, None]
    for value in values:
        assert shown_value(value).isprintable()
        assert len(shown_value(value)) <= 100
    assert shown_value([10**5000]) == "a list of numbers too long to write"
    assert shown_value(np.ones(2)) == "array([1., 1.])"
    assert shown_value(10**39) == "1" + "0" * 39


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("größe 8", "größe 8"),
        ("two\n\tlines", "two lines"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("left \u202eto right", "left \\u202eto right"),
        ("half \udc80", "half \\udc80"),
        (ValueError("what"), "what"),
        ("", ""),
    ],
)
def test_a_text_is_shown_and_not_obeyed(text, line):
    """White space is one blank, and what cannot be printed is escaped."""
    assert shown(text) == line


@pytest.mark.parametrize("text", ["x" * 10**6, "\x1b" * 10**6, "\n" * 10**6 + "x", "\0" * (LINE // 4)], ids=range(4))
@pytest.mark.parametrize("limit", [10, 11, LINE])
def test_a_line_is_bounded(text, limit):
    """However long a text is, and whatever escaping adds, the line is no longer than was asked for."""
    assert len(shown(text, limit)) <= limit


def test_both_ends_of_a_long_text_are_kept():
    """The end tells as much as the beginning, as in a path."""
    assert shown("a" * 500 + "z" * 500, 21) == "aaaaaaaa ... zzzzzzzz"
