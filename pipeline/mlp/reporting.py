"""What is said of training while it goes on: lines under ``verbose``, and scikit-learn's callbacks.

In a notebook, ``verbose=True`` is one line that changes in place.
"""

from collections.abc import Callable

from pipeline.callbacks import FitTasks
from pipeline.diagnosis.doctor import Doctor
from pipeline.network.training import Callback, Epoch, Trainer
from pipeline.notebook import NotebookProgress, in_notebook


class Reporter(Callback):
    """Tells of every epoch under ``verbose``, and calls scikit-learn's callbacks.

    Parameters
    ----------
    trainer : Trainer
        Its history and learning rate are reported.
    tasks : FitTasks or None
        The tasks of the fit, as scikit-learn's callbacks see them.
    verbose : bool or int
        Whether to print a line for every epoch; in a notebook, 1 shows a bar in their place, which ``close`` ends.
    max_epochs : int
        Epochs that there will be at the most.
    patience : float
        The epochs without improvement that a line tells of.
    update_attributes : callable
        Brings an estimator's fitted attributes up to date, for a callback that reads them.
    doctor : Doctor, optional
        What examines the training.
    """

    def __init__(
        self,
        trainer: Trainer,
        tasks: FitTasks | None,
        *,
        verbose: bool | int,
        max_epochs: int,
        patience: float,
        update_attributes: Callable[[], None],
        doctor: Doctor | None = None,
    ) -> None:
        self.trainer, self.tasks, self.verbose, self.patience = trainer, tasks, verbose, patience
        self.update_attributes, self.doctor = update_attributes, doctor
        self.learning_rate = trainer.learning_rate
        self.bar = NotebookProgress() if verbose == 1 and tasks is not None and in_notebook() else None
        if self.bar is not None:
            self.bar.begin("fit", max_epochs, "epochs")

    def on_epoch_begin(self) -> None:
        """Print that the learning rate was reduced, and open the task of an epoch."""
        rate = self.trainer.learning_rate
        if rate < self.learning_rate:
            self._print_stalled(f"Setting learning rate to {rate:f}")
        self.learning_rate = rate
        if self.tasks is not None:
            self.tasks.begin_epoch()

    def on_epoch_end(self, epoch: Epoch) -> bool:
        """Print the metrics of an epoch, have it examined, and close its task."""
        if self.bar is not None:
            self.bar.advance(1, **_figures(epoch))
        elif self.verbose:
            self._print(epoch)
        if self.doctor is not None:
            self.doctor.on_epoch_end(epoch)
        if self.tasks is None or not self.tasks.watched:
            return False
        self.update_attributes()
        return self.tasks.end_epoch()

    def on_training_end(self, reason: str) -> None:
        """Print why training ended, as scikit-learn does, and what was found in it."""
        if reason == "stalled":
            self._print_stalled("Learning rate too small. Stopping." if self.trainer.adaptive else "Stopping.")
        if self.verbose and self.doctor is not None:
            print(self.doctor.diagnosis)

    def close(self) -> None:
        """Leave the bar as it is, whatever training ended with."""
        if self.bar is not None:
            self.bar.end()
            self.bar = None

    def _print(self, epoch: Epoch) -> None:
        """Print the lines that scikit-learn prints of an epoch."""
        print(f"Iteration {len(self.trainer.history)}, loss = {epoch.loss:.8f}")
        if epoch.validation_score is not None:
            print(f"Validation score: {epoch.validation_score:f}")

    def _print_stalled(self, then: str) -> None:
        """Print which metric has stalled, and what is done about it."""
        if not self.verbose:
            return
        monitor = self.trainer.stopping.monitor
        metric = (monitor if monitor.startswith("validation") else f"training_{monitor}").replace("_", " ")
        line = (
            f"{metric.capitalize()} did not improve more than tol={self.trainer.stopping.tol:f} for {self.patience} "
            f"consecutive epochs. {then}"
        )
        if self.bar is not None:
            self.bar.say(line)
        else:
            print(line)


def _figures(epoch: Epoch) -> dict[str, float]:
    """Return the metrics of an epoch that are known, by name."""
    names = ("loss", "score", "validation_loss", "validation_score")
    return {name: value for name in names if (value := getattr(epoch, name)) is not None}
