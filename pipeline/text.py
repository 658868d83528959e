"""Text of others, as a line for a person: of bounded length, and without a character that a terminal acts on."""

LINE = 200
"""Characters of a foreign text that one line has room for."""


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
    line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in words)
    if len(line) <= limit and not cut:
        return line
    head = (limit - 5) // 2
    return f"{line[:head]} ... {line[head + 5 - limit :]}"
