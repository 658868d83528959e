"""scikit-learn's callbacks, at arm's length: its interface is experimental, so this is the one place that knows it.

Where scikit-learn has no callbacks, or calls its hooks in another way than this module knows, fitting goes on without
them.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any, Self

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn may move or drop an experimental module

    class CallbackSupportMixin:  # type: ignore[no-redef]  # stands in for the missing one
        """An estimator whose callbacks are never called."""

        def set_callbacks(self, *callbacks: Any) -> Self:
            """Warn that callbacks are never called."""
            if callbacks:
                warnings.warn("this scikit-learn has no callbacks: they will hear nothing", stacklevel=2)
            return self

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


def callbacks_of(estimator: Any) -> list[Any]:
    """Return the callbacks that an estimator was given, which no public attribute has."""
    return list(getattr(estimator, "_skl_callbacks", None) or [])


class FitTasks:
    """The tasks of one fit as scikit-learn's callbacks see them: the fit itself, and in it the epochs.

    Parameters
    ----------
    estimator : estimator
        The one being fitted; its ``_fitted_attributes`` are what a copy needs to predict as of now.
    n_epochs : int
        Epochs that there will be at the most.
    data : dict
        What the callbacks may look at: ``X``, ``y``, ``metadata``.

    Attributes
    ----------
    watched : bool
        Whether any callback listens.
    """

    def __init__(self, estimator: Any, n_epochs: int, data: dict[str, Any]) -> None:
        self.told = {"estimator": estimator, **data}
        self.now = {"reconstruction_attributes": estimator._fitted_attributes}  # noqa: SLF001 - its own tasks
        self.watched = bool(callbacks_of(estimator)) and self._understood(estimator)
        if self.watched:
            self.fit = estimator._init_callback_context(max_subtasks=n_epochs)  # noqa: SLF001 - meant for estimators
            self.fit.call_on_fit_task_begin(**self.told)

    def begin_epoch(self) -> None:
        """Open the task of an epoch."""
        if self.watched:
            self.epoch = self.fit.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(**self.told)

    def end_epoch(self) -> bool:
        """Close it, and tell whether a callback asks to stop."""
        return self.watched and bool(self.epoch.call_on_fit_task_end(**self.told, **self.now))

    def end(self) -> None:
        """Close the task of the fit."""
        if self.watched:
            self.fit.call_on_fit_task_end(**self.told, **self.now)

    def _understood(self, estimator: Any) -> bool:
        """Tell whether scikit-learn's hooks take what this module hands them; warn where they do not."""
        try:
            from sklearn.callback import CallbackContext  # noqa: PLC0415 - it may be gone

            inspect.signature(estimator._init_callback_context).bind(max_subtasks=1)  # noqa: SLF001 - the same
            inspect.signature(CallbackContext.subcontext).bind(None, task_name="epoch")
            inspect.signature(CallbackContext.call_on_fit_task_begin).bind(None, **self.told)
            inspect.signature(CallbackContext.call_on_fit_task_end).bind(None, **self.told, **self.now)
        except (AttributeError, ImportError, TypeError) as error:
            warnings.warn(
                f"scikit-learn's callbacks are not the ones known here, and hear nothing: {error}", stacklevel=4
            )
            return False
        return True


class OnEpoch:
    """A callback that hears of every epoch of a fit: our own progress bar is one as well.

    Parameters
    ----------
    listen : callable
        Is handed the estimator, whose attributes are those of the epoch; where it returns True, the fit ends there.
    """

    def __init__(self, listen: Callable[[Any], bool | None]) -> None:
        self.listen = listen

    def setup(self, estimator: Any, context: Any) -> None:
        """Have nothing to prepare."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Have nothing to clear up."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Wait for the end."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Pass on the end of an epoch, and whether it was the last."""
        return context.task_name == "epoch" and bool(self.listen(estimator))


__all__ = ["CallbackSupportMixin", "FitTasks", "OnEpoch", "callbacks_of", "with_callbacks"]
