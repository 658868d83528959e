"""Recipes and records of before, by the present names of parameters."""

from collections.abc import Mapping
from typing import Any

from pipeline.ensemble.test_time_augmentation import AverageOverCopies
from pipeline.parameters import current_parameters
from pipeline.recipes.recipe import STAGES

_SECTIONS: dict[str, type[Any]] = {**STAGES, "test_time": AverageOverCopies}


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
