"""Text from outside as a person may see it: on one line, of bounded length, and without power over the terminal.

File names, labels, server answers and values of parameters may hold anything: escape codes that move the cursor,
marks that turn the direction of writing, a thousand letters.
"""

from typing import Any

ROOM = 100
"""How many letters of a value an error message has room for."""


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
    kept = "\n" if lines else ""
    return "".join(one if one.isprintable() or one in kept else ascii(one)[1:-1] for one in text)


def shorten(text: str, room: int) -> str:
    """Return a text as it is where there is room for it, or else its beginning.

    Examples
    --------
    >>> shorten("no such parameter", 10)
    'no such...'
    """
    return text if len(text) <= room else text[: room - 3] + "..."


def shown(value: Any, room: int = ROOM) -> str:
    r"""Return a value as an error message shows it: as Python writes it, on one line, cut off where it is long.

    Examples
    --------
    >>> shown("two\nlines")
    "'two\\nlines'"
    >>> shown([1] * 1000, 20)
    '[1, 1, 1, 1, 1, 1...'
    >>> shown(10**400)
    'an integer of 401 digits'
    """
    if isinstance(value, int) and abs(value) >= 10**40:
        return f"an integer of {_digits(value)} digits"
    try:
        text = repr(value)
    except ValueError:  # an integer in a list that has more digits than Python writes
        text = f"a {type(value).__name__} of numbers too long to write"
    return shorten(printable(" ".join(text.split())), room)


def _digits(number: int) -> int:
    """Return how many decimal digits an integer has, even where Python does not write them."""
    estimate = int(abs(number).bit_length() * 0.30103)
    return estimate + (abs(number) >= 10**estimate)
