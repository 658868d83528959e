"""What lets scikit-learn clone a small object of a few parameters, set it and search over it."""

import inspect
from typing import Any, Self


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
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_params() == other.get_params()

    __hash__ = None  # type: ignore[assignment]  # it can be changed, so it is no key
