"""Text from outside as a person may see it: on one line, of bounded length, and without power over the terminal.

File names, labels, server answers and values of parameters may hold anything: escape codes that move the cursor,
marks that turn the direction of writing, a thousand letters.
"""

from collections.abc import Sequence
from typing import Any

LINE = 200
"""Characters of a foreign text that fit in one line."""
VALUE = 100
"""Characters of a value that fit in an error message."""


def printable(text: object, *, lines: bool = False) -> str:
    r"""Return a text in which all that is not to be seen is escaped as in Python: control codes, marks of direction.

    Parameters
    ----------
    text : object
        The text, or what is turned into one.
    lines : bool, default=False
        Whether line breaks stay.

    Examples
    --------
    >>> printable("caf\u00e9\x1b[2J\u202e")
    'café\\x1b[2J\\u202e'
    """
    text = str(text)
    if text.isprintable():
        return text
    allowed = "\n" if lines else ""
    return "".join(one if one.isprintable() or one in allowed else ascii(one)[1:-1] for one in text)


def shorten(text: str, limit: int) -> str:
    """Return a text as it is where it has at most ``limit`` characters, or else its beginning.

    Examples
    --------
    >>> shorten("no such parameter", 10)
    'no such...'
    """
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown(text: object, limit: int = LINE) -> str:
    r"""Return a text as one line of at most ``limit`` characters, which a terminal shows and does not obey.

    White space is one blank, what cannot be printed is escaped, and of a long text both ends are kept.

    Parameters
    ----------
    text : object
        The text, or what has one: an error, a name.
    limit : int, default=LINE
        The most characters to return; 10 at least.

    Examples
    --------
    >>> shown("two\n  lines, \x1b[31mred\x1b[0m")
    'two lines, \\x1b[31mred\\x1b[0m'
    >>> shown("0123456789" * 100, 16)
    '01234 ... 456789'
    """
    whole = text if isinstance(text, str) else str(text)
    cut = len(whole) > 4 * limit
    if cut:  # what falls away need not be looked at
        whole = whole[: 2 * limit] + whole[-2 * limit :]
    words = " ".join(whole.split())
    line = printable(words)
    if len(line) <= limit and not cut:
        return line
    head = (limit - 5) // 2
    return f"{line[:head]} ... {line[head + 5 - limit :]}"


def listed(names: Sequence[str], most: int = 8, limit: int = 50) -> str:
    """Return names with commas between them, each as `shown`; of more than ``most``, how many more there are.

    Parameters
    ----------
    names : sequence of str
        The names.
    most : int, default=8
        How many are listed.
    limit : int, default=50
        The most characters of each.

    Examples
    --------
    >>> listed(["one", "two", "three"]), listed(["one", "two", "three"], most=2), listed([])
    ('one, two, three', 'one, two and 1 more', '')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name, limit) for name in names[:most]) + more


def shown_value(value: Any, limit: int = VALUE) -> str:
    r"""Return a value as an error message shows it: as Python writes it, on one line, both ends of it where it is long.

    Examples
    --------
    >>> shown_value("two\nlines")
    "'two\\nlines'"
    >>> shown_value([1] * 1000, 20)
    '[1, 1,  ... 1, 1, 1]'
    >>> shown_value(10**400)
    'an integer of 401 digits'
    """
    if isinstance(value, int) and abs(value) >= 10**40:
        return f"an integer of {_digits(value)} digits"
    try:
        text = repr(value)
    except ValueError:  # an integer in a list that has more digits than Python writes
        text = f"a {type(value).__name__} of numbers too long to write"
    return shown(text, limit)


def _digits(number: int) -> int:
    """Return how many decimal digits an integer has, even where Python does not write them."""
    estimate = int(abs(number).bit_length() * 0.30103)
    return estimate + (abs(number) >= 10**estimate)
