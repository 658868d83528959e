"""Text of others on one line: bounded, and harmless to a terminal."""

import pytest

from pipeline.text import LINE, shown


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
