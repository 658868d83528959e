"""What is said of training while it goes on: lines under ``verbose``, and scikit-learn's callbacks."""

from collections.abc import Callable

from pipeline.callbacks import FitTasks
from pipeline.network.training import Callback, Epoch, Trainer


class Reporter(Callback):
    """Prints a line for every epoch under ``verbose``, and calls scikit-learn's callbacks.

    Parameters
    ----------
    trainer : Trainer
        Its history and learning rate are reported.
    tasks : FitTasks or None
        The tasks of the fit, as scikit-learn's callbacks see them.
    verbose : bool or int
        Whether to print.
    patience : float
        The epochs without improvement that a line tells of.
    update_attributes : callable
        Brings an estimator's fitted attributes up to date, for a callback that reads them.
    """

    def __init__(
        self,
        trainer: Trainer,
        tasks: FitTasks | None,
        *,
        verbose: bool | int,
        patience: float,
        update_attributes: Callable[[], None],
    ) -> None:
        self.trainer, self.tasks, self.verbose, self.patience = trainer, tasks, verbose, patience
        self.update_attributes = update_attributes
        self.learning_rate = trainer.learning_rate

    def on_epoch_begin(self) -> None:
        """Print that the learning rate was reduced, and open the task of an epoch."""
        rate = self.trainer.learning_rate
        if rate < self.learning_rate:
            self._print_stalled(f"Setting learning rate to {rate:f}")
        self.learning_rate = rate
        if self.tasks is not None:
            self.tasks.begin_epoch()

    def on_epoch_end(self, epoch: Epoch) -> bool:
        """Print the metrics of an epoch, and close its task."""
        if self.verbose:
            self._print(epoch)
        if self.tasks is None or not self.tasks.watched:
            return False
        self.update_attributes()
        return self.tasks.end_epoch()

    def on_training_end(self, reason: str) -> None:
        """Print why training ended, as scikit-learn does."""
        if reason == "stalled":
            self._print_stalled("Learning rate too small. Stopping." if self.trainer.adaptive else "Stopping.")

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
        print(
            f"{metric.capitalize()} did not improve more than tol={self.trainer.stopping.tol:f} for {self.patience} "
            f"consecutive epochs. {then}"
        )
