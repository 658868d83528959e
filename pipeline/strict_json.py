"""JSON, strictly: what is written any reader takes, and what others may have written is read within bounds of memory.

JSON has no infinity; Python's module reads and writes one all the same. `to_json` writes none, and `parse_json` refuses
it, unless told what to make of it. One error stands for all that can be wrong with what is read.
"""

import json
import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.files import write_new
from pipeline.text import shown

MAX_BYTES = 2**24
"""Bytes of a document that are read, unless the caller knows better; ours have some thousand, and rarely a million."""

MAX_CONTAINERS = 2**18
"""Lists and mappings that a document may have: each takes some hundred bytes of memory, and two in the file."""


class JsonError(ValueError):
    """Bytes are no JSON that can be read; the message says in what, and leaves it to the caller to name the file."""


def to_json(value: Any, *, indent: int | None = None, sort_keys: bool = False, ensure_ascii: bool = True) -> str:
    """Return a value as JSON: lists, mappings, words, None and finite numbers.

    The parameters are those of Python's ``json.dumps``.

    Raises
    ------
    ValueError
        For a number that is not finite.
    TypeError
        For what is none of these.

    Examples
    --------
    >>> to_json({"b": 1, "a": [True, None]}, sort_keys=True)
    '{"a": [true, null], "b": 1}'
    """
    return json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, allow_nan=False)


def write_json(path: Path, value: Any, *, sort_keys: bool = False, ensure_ascii: bool = True) -> None:
    """Write a value as `to_json` has it, on many lines, into a file in a folder that is itself unfinished."""
    write_new(path, to_json(value, indent=2, sort_keys=sort_keys, ensure_ascii=ensure_ascii) + "\n")


def read_json(
    path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES, constant: Callable[[str], Any] | None = None
) -> Any:
    """Read a file of JSON, of which no more than a bound is taken into memory.

    Parameters
    ----------
    path : path
        The file.
    max_bytes : int, default=MAX_BYTES
        The most that it may have.
    constant : callable, optional
        What makes a value of ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; without it they are refused.

    Raises
    ------
    OSError
        Where there is no such file, or it cannot be read.
    JsonError
        Where it is no such JSON.
    """
    with Path(path).open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise JsonError(f"it has more than {max_bytes} bytes")
    return parse_json(content, constant=constant)


def parse_json(
    content: bytes,
    *,
    constant: Callable[[str], Any] | None = None,
    mapping: Callable[[dict[str, Any]], Any] | None = None,
    unique: bool = False,
) -> Any:
    """Read JSON in UTF-8, as `read_json` does; ``mapping`` may make something else of every mapping.

    With ``unique`` a mapping that has a name twice is refused; without it, the last value counts, as in Python's own.

    Examples
    --------
    >>> parse_json(b'{"a": [1, null]}')
    {'a': [1, None]}
    >>> parse_json(b"[NaN]")
    Traceback (most recent call last):
        ...
    pipeline.strict_json.JsonError: it is no JSON: NaN is no number
    """
    if content.count(b"[") + content.count(b"{") > MAX_CONTAINERS:
        raise JsonError(f"it has more than {MAX_CONTAINERS} lists and mappings")
    try:
        return json.loads(
            content.decode("utf-8"),
            parse_constant=constant or _refuse,
            parse_float=_finite,
            object_hook=mapping,
            object_pairs_hook=partial(_once, mapping) if unique else None,  # where it is given, it alone is called
        )
    except UnicodeDecodeError:
        raise JsonError("it is no text in UTF-8") from None
    except ValueError as error:  # a number of too many digits is one as well
        raise JsonError(f"it is no JSON: {shown(error)}") from None
    except RecursionError:
        raise JsonError("its lists and mappings are nested too deeply") from None


def _finite(text: str) -> float:
    """Read a number, which must not be beyond what a float holds: JSON has no other word for infinity."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{shown(text, 50)} is too large a number")
    return number


def _once(mapping: Callable[[dict[str, Any]], Any] | None, pairs: list[tuple[str, Any]]) -> Any:
    """Return the mapping that pairs are, each name of which must be there once."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"{shown(name, 50)!r} is there twice")
        made[name] = value
    return made if mapping is None else mapping(made)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
