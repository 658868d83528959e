"""What may vary in a search: for each dotted name a list of choices, or a range to draw from.

It is read from the section ``search`` of ``params.yaml``, and hands on what scikit-learn's samplers take.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler

from pipeline.parameters import ParameterError, no_such
from pipeline.text import shown_value

Candidate = dict[str, Any]

SECTIONS = ("preprocess", "train")
"""The sections of ``params.yaml`` whose parameters can vary; the rows of ``split`` are what candidates share."""

DEFAULT: dict[str, Any] = {
    "train.hidden_layer_sizes": [[128], [256], [512], [256, 256], [512, 512]],
    "train.learning_rate_init": {"low": 0.0003, "high": 0.02, "log": True},
    "train.batch_size": [64, 128, 256],
    "train.dropout": [0.0, 0.1, 0.2, 0.3, 0.4],
    "train.label_smoothing": [0.0, 0.05, 0.1],
}
"""What varies where ``params.yaml`` has no section ``search``."""

_DIGITS = 3
_IN_A_GRID = 3


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Parameters
    ----------
    values : tuple
        As YAML gives them.
    """

    values: tuple[Any, ...]

    @property
    def extremes(self) -> tuple[Any, ...]:
        """What is checked for all: every value."""
        return self.values

    @property
    def grid(self) -> list[Any]:
        """The values of a grid."""
        return list(self.values)

    def rvs(self, random_state: Any = None) -> Any:
        """Draw one."""
        return self.values[int(_generator(random_state).randint(len(self.values)))]


@dataclass(frozen=True)
class Range:
    """A number between two, both included, of which floats have three significant digits.

    Parameters
    ----------
    low, high : int or float
        Two integers make a range of integers.
    log : bool, default=False
        Whether its logarithm is drawn uniformly.
    n : int, default=3
        How many values it has in a grid, at equal distances or ratios.
    """

    low: float
    high: float
    log: bool = False
    n: int = _IN_A_GRID

    @property
    def whole(self) -> bool:
        """Whether it holds integers alone."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def extremes(self) -> tuple[Any, ...]:
        """What is checked for all: the ends."""
        return self.low, self.high

    @property
    def grid(self) -> list[Any]:
        """The values of a grid."""
        return list(dict.fromkeys(self.at(float(part)) for part in np.linspace(0, 1, self.n)))

    def at(self, part: float) -> Any:
        """Return the value at a part of the way from low to high.

        Examples
        --------
        >>> Range(0.001, 0.1, log=True).at(0.5)
        0.01
        >>> Range(16, 64).at(0.5)
        40
        """
        if self.log:
            value = math.exp(math.log(self.low) + part * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + part * (self.high - self.low)
        return self.rounded(value)

    def rounded(self, value: float) -> Any:
        """Return a value with as many digits as candidates have, within the range."""
        rounded = round(value) if self.whole else float(f"{value:.{_DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def rvs(self, random_state: Any = None) -> Any:
        """Draw one."""
        return self.at(float(_generator(random_state).uniform()))


def _generator(random_state: Any) -> Any:
    """Return what draws: scikit-learn hands over its own."""
    return np.random.RandomState(random_state) if random_state is None else random_state


Space = dict[str, Choice | Range]


def read_space(section: Any, where: str = "params.yaml: search") -> Space:
    """Read what may vary.

    Parameters
    ----------
    section : mapping or None
        As YAML gives it: dotted names, and for each a list of choices or ``{low, high, log, n}``; None is ``DEFAULT``.
    where : str
        What to call it in an error.

    Returns
    -------
    dict of Choice or Range
        By name, in the section's order.

    Raises
    ------
    ParameterError
        Where it is anything else.

    Examples
    --------
    >>> read_space({"train.dropout": [0, 0.2], "train.max_iter": {"low": 5, "high": 20}})
    {'train.dropout': Choice(values=(0, 0.2)), 'train.max_iter': Range(low=5, high=20, log=False, n=3)}
    """
    if section is None:
        section = DEFAULT
    if not isinstance(section, Mapping) or not section:
        raise ParameterError(f"{where} must hold names and what they may be; got {shown_value(section)}")
    return {_checked_name(name, where): _read_one(f"{where}: {name}", given) for name, given in section.items()}


def _checked_name(name: Any, where: str) -> str:
    """Return a dotted name of a parameter that can vary."""
    section, dot, parameter = str(name).partition(".")
    if not dot or not parameter:
        raise ParameterError(
            f"{where}: a name is a section, a dot and a parameter, like train.dropout; got {shown_value(name)}"
        )
    if section not in SECTIONS:
        raise ParameterError(f"{where}: {no_such('section', section, SECTIONS)}")
    return str(name)


def _read_one(where: str, given: Any) -> Choice | Range:
    """Read the choices or the range of one parameter."""
    if isinstance(given, Mapping):
        return _read_range(where, given)
    if not isinstance(given, list) or not given:
        raise ParameterError(
            f"{where} must be a list of choices or a range such as {{low: 0.001, high: 0.1, log: true}}; "
            f"got {shown_value(given)}"
        )
    if repeated := [one for number, one in enumerate(given) if one in given[:number]]:
        raise ParameterError(f"{where} has the choice {shown_value(repeated[0])} twice")
    return Choice(tuple(given))


def _read_range(where: str, given: Mapping[str, Any]) -> Range:
    """Read a range, and check its ends."""
    known = ("low", "high", "log", "n")
    for name in given:
        if name not in known:
            raise ParameterError(f"{where}: {no_such('entry of a range', name, known)}")
    filled: dict[str, Any] = {"low": None, "high": None, "log": False, "n": _IN_A_GRID} | dict(given)
    low, high, log, n = (filled[name] for name in known)
    if not (_is_finite(low) and _is_finite(high)) or low >= high:
        raise ParameterError(f"{where}: low and high must be numbers, low the smaller; got {shown_value(dict(given))}")
    if not isinstance(log, bool):
        raise ParameterError(f"{where}: log must be true or false; got {shown_value(log)}")
    if log and low <= 0:
        raise ParameterError(f"{where}: low must be > 0 where log is true; got {shown_value(low)}")
    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise ParameterError(f"{where}: n must be an integer >= 2; got {shown_value(n)}")
    return Range(low, high, log, n)


def _is_finite(value: Any) -> bool:
    """Tell whether a value is a number that can end a range."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def to_plain(space: Space) -> dict[str, Any]:
    """Return a space in JSON's own types."""
    return {
        name: list(one.values) if isinstance(one, Choice) else {"low": one.low, "high": one.high, "log": one.log}
        for name, one in space.items()
    }


def n_different(space: Space) -> int | None:
    """Return how many candidates there are; None where a range holds more than can be told apart."""
    if not all(isinstance(one, Choice) for one in space.values()):
        return None
    return math.prod(len(one.extremes) for one in space.values())


def draw(space: Space, n_candidates: int, seed: int) -> list[Candidate]:
    """Draw candidates by scikit-learn's ``ParameterSampler``: the first of many are those of few.

    A space of choices alone has no candidate twice.
    """
    drawing: Mapping[str, Any] = dict(sorted(space.items()))  # the sampler draws in the order of names
    found: list[Candidate] = []
    known = n_different(space)
    sampler = ParameterSampler(drawing, 50 * n_candidates + 1000, random_state=seed)
    for candidate in _ordered(sampler, space):
        if len(found) == (n_candidates if known is None else min(n_candidates, known)):
            break
        if candidate not in found:
            found.append(candidate)
    return found


def all_of(space: Space) -> list[Candidate]:
    """Return every candidate of the grid, the last name varying first."""
    return list(_ordered(ParameterGrid({name: one.grid for name, one in space.items()}), space))


def _ordered(candidates: Any, names: Sequence[str] | Space) -> Iterator[Candidate]:
    """Yield candidates with their names in the order of the space."""
    for one in candidates:
        yield {name: one[name] for name in names}
