"""Markdown that a program writes: a table, and a text in its place in a document."""

from collections.abc import Iterable


def markdown_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table, a row on a line.

    Examples
    --------
    >>> print(markdown_table(["", "s"], [["ours", "1"]]))
    |  | s |
    | --- | --- |
    | ours | 1 |
    """
    lines = [list(headings), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def between_markers(document: str, begin: str, end: str, text: str) -> str:
    r"""Return a document with a text in place of what stands between two markers.

    Raises
    ------
    ValueError
        Where there are no markers.

    Examples
    --------
    >>> print(between_markers("a\n<!-- b -->\nold\n<!-- /b -->\nc", "<!-- b -->", "<!-- /b -->", "new"))
    a
    <!-- b -->
    new
    <!-- /b -->
    c
    """
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"there must be {begin}, and {end} after it, for a table to stand between")
    return f"{before}{begin}\n{text}\n{end}{after}"
