"""Parameters of a constructor: what lets scikit-learn clone and search over a small object, and what renames them.

``Configurable`` is the base of the small objects; ``renamed_parameters`` keeps a parameter's old name working for a
release, of these as of layers and estimators.
"""

import inspect
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, Self, TypeVar

_Class = TypeVar("_Class", bound=type)


class Configurable:
    """An object whose constructor is its whole configuration, and stores its arguments untouched."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        del deep  # scikit-learn's word; there is nothing deeper
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set arguments by name; ValueError for a name that there is not."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(self.get_params())}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return as_call(self)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_params() == other.get_params()

    __hash__ = None  # type: ignore[assignment]  # it can be changed, so it is no key


def as_call(instance: object) -> str:
    """Return an object as the call that makes it, as far as it has stored the arguments.

    Examples
    --------
    >>> class Scale:
    ...     def __init__(self, factor, offset=0.0):
    ...         self.factor, self.offset = factor, offset
    >>> as_call(Scale(2.0))
    'Scale(factor=2.0, offset=0.0)'
    """
    stored = vars(instance)
    names = [name for name in inspect.signature(type(instance)).parameters if name in stored]
    return f"{type(instance).__name__}({', '.join(f'{name}={stored[name]!r}' for name in names)})"


def renamed_parameters(**new_names: str) -> Callable[[_Class], _Class]:
    """Return a class decorator under which old names of parameters work as the new ones, with a ``FutureWarning``.

    The constructor and ``set_params`` take an old name as a keyword, and reading an attribute by its old name gives the
    new one's value. The signature, and so ``get_params`` and all that is made from it, has the new names alone.

    Parameters
    ----------
    **new_names : str
        The new name of each parameter by its old one.

    Examples
    --------
    >>> @renamed_parameters(sd="std")
    ... class Noise(Configurable):
    ...     def __init__(self, std=1.0):
    ...         self.std = std
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", FutureWarning)
    ...     Noise(sd=0.5)
    Noise(std=0.5)
    """

    def decorate(owner: _Class) -> _Class:
        owner._renamed = {**getattr(owner, "_renamed", {}), **new_names}  # type: ignore[attr-defined]  # noqa: SLF001 - its own mark
        for method in ("__init__", "set_params"):
            if hasattr(owner, method):
                setattr(owner, method, _translating(getattr(owner, method)))
        for old, new in new_names.items():
            setattr(owner, old, _old_attribute(old, new))
        return owner

    return decorate


def _translating(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that takes keywords by their old names as well."""

    @wraps(method)
    def translating(self: Any, *arguments: Any, **keywords: Any) -> Any:
        for old in [name for name in keywords if name in self._renamed]:
            new = self._renamed[old]
            if new in keywords:
                raise TypeError(f"{type(self).__name__} got {new} twice: it is the new name of {old}")
            _warn(type(self), old, new)
            keywords[new] = keywords.pop(old)
        return method(self, *arguments, **keywords)

    return translating


def _old_attribute(old: str, new: str) -> property:
    """Return what reads an attribute that has another name now."""

    def read(self: Any) -> Any:
        _warn(type(self), old, new)
        return getattr(self, new)

    return property(read, doc=f"The old name of ``{new}``.")


def _warn(owner: type, old: str, new: str) -> None:
    """Warn, as from the line that called the caller, that a name has changed."""
    warnings.warn(
        f"{owner.__name__}: {old} is called {new} now; the old name will go in the next release",
        FutureWarning,
        stacklevel=3,
    )
