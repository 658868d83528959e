"""What candidates came to, kept as each is done: a search that was interrupted goes on where it was.

A result stands under a digest of all that it depends on, so that a search that is repeated finds it, and another one
does not.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.files import replace_file
from pipeline.parameters import ParameterError
from pipeline.strict_json import read_json, to_json
from pipeline.text import shown_value

FOLDER = "search"
"""The folder among the artifacts."""

RESULTS = "results.csv"
SECONDS = "seconds.csv"
PICTURE = "importance.png"
_SETTINGS = "search.json"
_CANDIDATES = "candidates"


class OtherSearchError(ParameterError):
    """The folder holds the results of another search; the message says what differs."""


class Store:
    """The folder of a search.

    Parameters
    ----------
    folder : Path
        Where it is.
    settings : mapping
        What makes it this search: the space, the method, the seed, the parameters that do not vary, the data.

    Raises
    ------
    OtherSearchError
        Where the folder has results of other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        known = _read_settings(folder)
        if known is None:
            (folder / _CANDIDATES).mkdir(parents=True, exist_ok=True)
            replace_file(folder / _SETTINGS, to_json(settings, indent=2) + "\n")
        elif differing := [name for name in settings if known.get(name) != settings[name]]:
            raise OtherSearchError(_tell(folder, differing[0], known, settings))

    def find(self, description: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the result of a task, if it was done before."""
        path = self._path(description)
        result: dict[str, Any] | None = read_json(path) if path.exists() else None
        return result

    def keep(self, description: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Keep the result of a task."""
        replace_file(self._path(description), to_json(result) + "\n")

    def _path(self, description: Mapping[str, Any]) -> Path:
        """Return the file of a task."""
        digest = hashlib.sha256(to_json(description, sort_keys=True).encode()).hexdigest()
        return self.folder / _CANDIDATES / f"{digest[:24]}.json"


def clear(folder: Path) -> None:
    """Delete the results of whichever search is there."""
    shutil.rmtree(folder / _CANDIDATES, ignore_errors=True)
    for name in (_SETTINGS, RESULTS, SECONDS, PICTURE):
        (folder / name).unlink(missing_ok=True)


def _read_settings(folder: Path) -> dict[str, Any] | None:
    """Return the settings of the search whose results are there."""
    path = folder / _SETTINGS
    if not path.exists():
        return None
    settings: dict[str, Any] = read_json(path)
    return settings


def _tell(folder: Path, name: str, known: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return the words for what differs."""
    before, now = known.get(name), settings[name]
    while isinstance(before, Mapping) and isinstance(now, Mapping):
        part = next(one for one in (*now, *before) if before.get(one, "nothing") != now.get(one, "nothing"))
        name, before, now = f"{name}: {part}", before.get(part, "nothing"), now.get(part, "nothing")
    return (
        f"{folder} has another search, with {name} {shown_value(before)} and not {shown_value(now)}: --replace begins "
        "anew, and another --artifacts keeps both"
    )
