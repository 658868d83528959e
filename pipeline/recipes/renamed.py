"""Recipes and records of before, by the present names of parameters."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.ensemble.test_time_augmentation import TestTimeAugmentation
from pipeline.parameters import ParameterError, current_parameters
from pipeline.recipes.recipe import STAGES
from pipeline.text import shown

_SECTIONS: dict[str, type[Any]] = {**STAGES, "test_time": TestTimeAugmentation}


def current_names(settings: Mapping[str, Any], where: str, *, quiet: bool = False) -> dict[str, Any]:
    """Return sections of parameters, and all else beside them, by the present names of parameters.

    Parameters
    ----------
    settings : mapping
        A recipe as YAML gives it, or what was recorded of one.
    where : str
        What to call their home.
    quiet : bool, default=False
        Whether old names bring no warning, as in a record.

    Examples
    --------
    >>> current_names({"title": "small", "preprocess": {"deslant": True}}, "", quiet=True)
    {'title': 'small', 'preprocess': {'deskew': True}}
    """
    current = {}
    for name, value in settings.items():
        place = f"{where}: {name}"
        if not isinstance(value, Mapping):  # a text or a number, or what cannot be a section, which is told later
            current[name] = value
        elif name in _SECTIONS:
            current[name] = current_parameters(_SECTIONS[name], value, place, quiet=quiet)
        else:  # the changes of trials, or sections by the names of recipes
            current[name] = current_names(value, place, quiet=quiet)
    return current


def current_settings(path: Path, settings: Any) -> Any:
    """Return what a document of results has for settings, by the present names of parameters.

    Raises
    ------
    ParameterError
        Naming the file, where a parameter stands there under both names, or sections are nested without an end.
    """
    if not isinstance(settings, Mapping):
        return settings
    try:
        return current_names(settings, "settings", quiet=True)
    except ParameterError as error:
        raise ParameterError(f"{path} is damaged: {shown(error)}") from error
    except RecursionError:
        raise ParameterError(f"{path} is damaged: its settings are nested too deeply") from None
