"""JSON documents that are written whole or not at all: a reader never sees half of one.

JSON has no infinity. Settings that are infinite, as ``n_iter_no_change: .inf`` is, are words here: ``"Infinity"``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.files import making_folder, replace_file
from pipeline.parameters import ParameterError
from pipeline.strict_json import JsonError, read_json, to_json


def read_document(path: Path) -> dict[str, Any]:
    """Return what a file holds, or nothing where there is none.

    Raises
    ------
    ParameterError
        Where it holds something else.
    """
    if not path.is_file():
        return {}
    try:
        document = read_json(path, constant=str)
    except JsonError as error:
        raise ParameterError(f"{path} must hold a JSON object; it cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ParameterError(f"{path} must hold a JSON object; got {type(document).__name__}")
    return document


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document, in an order of its own."""
    write_text(path, to_json(plain(document), indent=1, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all, in a folder that is made where there is none."""
    with making_folder(path.parent):
        replace_file(path, text)


def plain(settings: Mapping[str, Any]) -> Any:
    """Return settings as JSON has them: a list of YAML's is a tuple here, and a list there.

    Examples
    --------
    >>> plain({"seeds": (0, 1), "n_iter_no_change": float("inf")})
    {'seeds': [0, 1], 'n_iter_no_change': 'Infinity'}
    """
    return json.loads(json.dumps(settings), parse_constant=str)
