"""Which picture of a person's own each image was made of, so that a row of an official file leads back to it.

A file for each part, beside its images, has a line for each of them: the path in the folder or archive, as JSON.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.files import new_file
from pipeline.strict_json import JsonError, parse_json, to_json

FILES = {"train": "train_pictures.jsonl", "test": "test_pictures.jsonl"}
"""Where the names stand, in ``raw``."""

_LONGEST = 2**16
"""Bytes of a line that are read: paths have some thousand at the most."""


def write_picture_names(folder: Path, part: str, names: Iterable[str]) -> None:
    """Write the names of the pictures of a part into a folder that is itself unfinished, in the order of its rows."""
    with new_file(folder / FILES[part]) as file:
        for name in names:
            file.write(f"{to_json(name)}\n".encode())


def move_picture_names(source: Path, folder: Path) -> None:
    """Move the names that stand in a folder to another on the same disk; nothing, where there are none."""
    for name in FILES.values():
        if (source / name).exists():
            (source / name).replace(folder / name)


def read_picture_names(folder: str | os.PathLike[str], part: str, rows: Sequence[int]) -> list[str] | None:
    """Read the names of the pictures of some rows; None where the images of this part were made of no pictures.

    Parameters
    ----------
    folder : path
        Of the raw data.
    part : {"train", "test"}
        Which of the official files.
    rows : sequence of int
        In any order.

    Returns
    -------
    list of str or None
        A name for each row.

    Raises
    ------
    ValueError
        Naming the file, where it has no such line, or one that is no name.
    """
    path = Path(folder, FILES[part])
    wanted = set(rows)
    names: dict[int, str] = {}
    try:
        with path.open("rb") as file:
            for row in range(max(wanted, default=-1) + 1):
                line = file.readline(_LONGEST)
                if row in wanted:
                    names[row] = _name_in(line)
    except FileNotFoundError:
        return None
    except ValueError:
        raise ValueError(f"{path} is damaged: row {row} must be the name of a picture, as JSON") from None
    return [names[row] for row in rows]


def _name_in(line: bytes) -> str:
    """Return the name that a line holds."""
    name = parse_json(line) if line.endswith(b"\n") else None
    if not isinstance(name, str):
        raise JsonError("it is no whole line with a text")
    return name
