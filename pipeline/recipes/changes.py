"""What is changed of a recipe in a trial: sections of parameters that are laid over its own.

``Changes`` is what may stand there, and ``lay_over`` makes one section of two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pipeline.parameters import ParameterError
from pipeline.text import shown_value

Section = dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """Parameters that take the place of a recipe's; what is left out stays as it is.

    Parameters
    ----------
    seeds : tuple of int, default=()
        What takes the place of the recipe's seeds.
    of : tuple of str, default=()
        The recipes that an ensemble is of, in the place of others; for such a recipe alone.
    test_time : dict, default={}
        Test-time augmentation, as a recipe has it. Trials have none but this.
    fetch, preprocess, split, train : dict, default={}
        Parameters of the stages. ``augmentation__elastic`` is one of the object that is the parameter ``augmentation``.
    """

    seeds: tuple[Annotated[int, ">= 0"], ...] = ()
    of: tuple[str, ...] = ()
    test_time: Section = field(default_factory=dict)
    fetch: Section = field(default_factory=dict)
    preprocess: Section = field(default_factory=dict)
    split: Section = field(default_factory=dict)
    train: Section = field(default_factory=dict)


SECTIONS = ("fetch", "preprocess", "split", "train")
"""The sections that a trial has: nothing is evaluated but the validation rows, and nothing is drawn."""


def lay_over(section: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> Section:
    """Return a section with some parameters changed, whole or one of their own.

    Parameters
    ----------
    section, changes : mapping
        As YAML gives them.
    where : str
        What to call the changes in an error.

    Raises
    ------
    ParameterError
        For a parameter of a parameter that has none.

    Examples
    --------
    >>> lay_over({"alpha": 0.1, "augmentation": {"name": "deform"}}, {"augmentation__elastic": 20}, "trial")
    {'alpha': 0.1, 'augmentation': {'name': 'deform', 'elastic': 20}}
    """
    made = dict(section)
    for path, value in changes.items():
        name, deeper, rest = path.partition("__")
        if deeper and not isinstance(made.get(name), Mapping):
            got = shown_value(made.get(name))
            raise ParameterError(f"{where}: {path} needs {name} to have a name and parameters; got {got}")
        made[name] = lay_over(made[name], {rest: value}, where) if deeper else value
    return made
