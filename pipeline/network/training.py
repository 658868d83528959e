"""The training loop: epochs of mini-batches, one update each, until there is a reason to stop.

A ``Trainer`` holds the whole state of training, so that it can be left after any epoch and resumed as if nothing had
happened. It knows nothing of labels, estimators or files.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from copy import copy
from dataclasses import InitVar, dataclass, field, fields
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.adversarial import Adversary
from pipeline.network.batches import Augmentation, Rows, Samples, Sampling
from pipeline.network.compiled.engines import Engine, updater_class
from pipeline.network.early_stopping import EarlyStopping
from pipeline.network.network import Network
from pipeline.network.optimizers import Optimizer
from pipeline.network.parallel.updates import Updater
from pipeline.network.parallel.workers import Workers
from pipeline.network.rate_factors import RateFactors
from pipeline.network.schedules import Constant, Schedule
from pipeline.network.shards import Hook
from pipeline.network.sparse import SparseRows
from pipeline.network.weight_averaging import Averaging, RunningAverage

Array = NDArray[Any]


class DivergenceError(ValueError):
    """The loss or a parameter has become infinite or NaN.

    Parameters
    ----------
    reason : str
        The cause.
    left : str
        What remains of the training.
    """

    def __init__(self, reason: str, left: str = "the best weights before it were kept") -> None:
        super().__init__(reason, left)
        self.reason, self.left = reason, left

    def __str__(self) -> str:
        return f"{self.reason}, and {self.left}"


@dataclass(frozen=True)
class Epoch:
    """The metrics of an epoch.

    Attributes
    ----------
    loss, score : float
        Over the epoch's batches, each predicted before its update: the mean loss with its penalty, and accuracy, or R^2
        where numbers are predicted, D^2 where quantiles are. Of another solver's epochs only the losses and the
        validation score are known; the rest is None.
    validation_loss, validation_score : float or None
        After the epoch, on validation data.
    learning_rate : float
        Of the last update.
    seconds : float
        Wall time, validation included.
    """

    loss: float
    score: float | None
    validation_loss: float | None
    validation_score: float | None
    learning_rate: float | None
    seconds: float | None


class Callback:
    """Called at every epoch; this one does nothing."""

    def on_epoch_begin(self) -> None:
        """Do something before an epoch."""

    def on_epoch_end(self, epoch: Epoch) -> bool:
        """Do something after an epoch, and return whether to stop training."""
        del epoch
        return False


Batches = Iterator[tuple[Rows, float]]
"""The rows of each batch, and the learning rate of the update with it."""


@dataclass
class Course:
    """What one call of training is to do, and why it ended; see ``Trainer.run``."""

    max_epochs: int
    max_updates: float = np.inf
    validation: Samples | None = None
    callback: Callback = field(default_factory=Callback)
    reason: str = "interrupted"


def ignored_overflow() -> np.errstate:
    """Return a context in which numbers may overflow: the end of an epoch finds that out."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


_STATE = {"network", "learning_rate", "history", "samples", "updates", "schedule_start", "rate_vanished"}
"""Fields of a trainer that are no configuration."""

_PROGRESS = ("initial_rate", "learning_rate", "samples", "updates")

VANISHED = 1e-10
"""A factor of a schedule below which nothing is learned."""


@dataclass
class Trainer:
    """Training in progress: configuration and state.

    Attributes
    ----------
    network, optimizer, sampling, schedule, stopping
        The components.
    regularizers : sequence of Hook
        What happens beside the optimizer in every update: penalties and limits of the weights.
    augmentation : Augmentation or None
        Deforms the inputs.
    averaging : Averaging or None
        Which parameters along training are averaged; the network ends with that average.
    adversary : Adversary or None
        Perturbs inputs, for the network to learn from them as well. An epoch's loss and score are those of the
        unperturbed inputs.
    recompute_statistics : bool
        Whether batch statistics are recomputed at the end, over all samples; after averaging they always are.
    n_threads : int
        Threads that share the work of an update. BLAS is then best held to one thread of its own.
    engine : {"auto", "numpy", "numba"}
        Whether updates are made by NumPy or by compiled loops.
    learning_rate : float
        The rate that the schedule's factor is applied to.
    length : float
        Length in epochs of a schedule that has none of its own.
    rate_factors : RateFactors or None
        Which parameters learn at a multiple of the learning rate.
    restore_best : bool
        Whether to end with the parameters of the best epoch.
    adaptive : bool
        Whether to divide the learning rate by 5 instead of stopping early, down to 1e-6: scikit-learn's ``adaptive``.
    history : list of Epoch
        All epochs so far.
    samples : int
        Samples seen.
    updates : int
        Updates made.
    schedule_start : int
        The epoch that the schedule starts with.
    rate_vanished : bool
        Whether the schedule's factor has become too small for anything to be learned.
    """

    network: Network
    optimizer: Optimizer
    sampling: Sampling
    learning_rate: float
    schedule: Schedule = field(default_factory=Constant)
    length: float = 1
    stopping: EarlyStopping = field(default_factory=EarlyStopping)
    restore_best: bool = False
    adaptive: bool = False
    augmentation: Augmentation | None = None
    regularizers: Sequence[Hook] = ()
    averaging: Averaging | None = None
    adversary: Adversary | None = None
    rate_factors: RateFactors | None = None
    recompute_statistics: bool = False
    n_threads: int = 1
    engine: Engine = "numpy"
    history: list[Epoch] = field(default_factory=list, repr=False)
    samples: int = 0
    updates: int = 0
    schedule_start: int = 0
    rate_vanished: bool = False
    allocate: InitVar[bool] = True

    def __post_init__(self, allocate: bool) -> None:
        """Start the optimizer; a trainer that is only made for ``adopt`` needs no arrays."""
        self.schedule = copy(self.schedule)  # so that a change of its parameters is noticed
        self._begun_length = self.length
        if self.rate_factors is not None:
            self.optimizer.rate_spans = self.rate_factors.spans(self.network.layers)
        self.initial_rate = self.learning_rate
        self.last_params: Array | None = None
        if allocate:
            self.optimizer.start(self.network.params)
            self.average = self._new_average()
            self.best_params: Array = self.network.snapshot()
            self.params_before_update = self.network.snapshot()

    def _new_average(self) -> RunningAverage | None:
        """Return an average of no parameters yet, if there is to be one."""
        return None if self.averaging is None else self.averaging.start(self.network.params)

    @property
    def hooks(self) -> list[Hook]:
        """What happens beside the optimizer in every update, the average of what the others leave at the end."""
        return [*self.regularizers, *([] if self.average is None else [self.average])]

    def run(
        self,
        samples: Samples,
        *,
        max_epochs: int,
        max_updates: float = np.inf,
        validation: Samples | None = None,
        callback: Callback | None = None,
    ) -> str:
        """Train on, and return why training ended.

        Parameters
        ----------
        samples : Samples
            The training data.
        max_epochs : int
            Epochs to train at the most; a schedule that ends before ends the training.
        max_updates : float, default=inf
            Updates to make at the most.
        validation : Samples, optional
            Data that every epoch is evaluated on.
        callback : Callback, optional
            Called at every epoch; may ask to stop.

        Returns
        -------
        {"stalled", "asked", "max_epochs", "max_updates"}

        Raises
        ------
        DivergenceError
            When the loss is no finite number; the network then has the parameters of its best epoch, or its first.
        """
        course = Course(max_epochs, max_updates, validation, callback or Callback())
        with ignored_overflow(), Workers(self.n_threads) as workers:
            updater = self.new_updater(workers)
            with closing(self.steps(updater, samples, course)) as steps:
                for batches in steps:
                    updater.updates(samples, batches)
        return course.reason

    def new_updater(self, workers: Workers) -> Updater:
        """Return what makes the updates."""
        return updater_class(self.engine)(
            self.network, self.optimizer, workers, self.hooks, self.augmentation, self.adversary
        )

    def steps(self, updater: Updater, samples: Samples, course: "Course") -> Generator[Batches, None, None]:
        """Train on, as ``run`` does, and yield the batches that updates are to be made with before it goes on.

        So training may be that of several networks by turns. ``course.reason`` is why it ended, once it has.
        """
        self.resume()
        self._restart_what_is_over()
        callback = course.callback
        last = self.updates + course.max_updates
        max_epochs = int(min(course.max_epochs, np.ceil(self._epochs_left)))
        reason = "max_epochs"
        try:
            end = len(self.history) + max_epochs
            for _ in range(max_epochs):
                callback.on_epoch_begin()
                epoch = yield from self._epoch(updater, samples, course.validation, last)
                self._append(epoch)
                if self.average is not None:
                    self.average.after_epoch(self.network.params, len(self.history) - 1, end)
                if callback.on_epoch_end(epoch):
                    reason = "asked"
                elif self.stopping.should_stop and not self._reduce_learning_rate():
                    reason = "stalled"
                elif self.updates >= last:
                    reason = "max_updates"
                else:
                    continue
                break
        finally:
            self._restore_best()
        self._end_with_statistics(samples)
        course.reason = reason

    def _epoch(
        self, updater: Updater, samples: Samples, validation: Samples | None, last_update: float
    ) -> Generator[Batches, None, Epoch]:
        """Train for an epoch and evaluate it."""
        start = time.perf_counter()
        loss, score, rate = yield from self._run_updates(updater, samples, last_update)
        metrics = None if validation is None else self.evaluate(validation)
        validation_loss, validation_score = metrics or (None, None)
        return Epoch(loss, score, validation_loss, validation_score, rate, time.perf_counter() - start)

    def _run_updates(
        self, updater: Updater, samples: Samples, last_update: float
    ) -> Generator[Batches, None, tuple[float, float, float]]:
        """Have one update made for every batch, and return running means of loss and score, and the last rate."""
        n_batches, length = -(-len(samples) // self.sampling.batch_size), self._length
        epochs, before, rate, largest = len(self.history) - self.schedule_start, self.samples, 0.0, 0.0
        updater.begin_epoch()
        last_batch = int(min(n_batches, last_update - self.updates)) - 1

        def batches() -> Batches:
            nonlocal rate, largest
            drawn = self.sampling.rows(len(samples), self.network.rng, self.network.n_in, samples.read_ahead)
            for number, rows in enumerate(drawn):
                factor = self.schedule.factor(epochs + number / n_batches, length, before)
                rate, largest = self.learning_rate * factor, max(largest, factor)
                yield rows, rate

        every = batches()
        yield islice(every, last_batch)
        self.network.snapshot(out=self.params_before_update)
        yield islice(every, 1)
        self.updates += last_batch + 1
        loss, score, seen = updater.end_epoch()
        self.samples += seen
        self._check(loss)
        # An epoch of one batch may be the first of a warm-up, or stand between two cycles.
        rises_yet = self._epochs_left > 1 and (epochs == 0 or self.schedule.ends)
        self.rate_vanished |= largest < VANISHED and not rises_yet
        return loss, score, rate

    @property
    def schedule_over(self) -> bool:
        """Whether the schedule has an end, and has come to it."""
        return self._epochs_left <= 0

    @property
    def _length(self) -> float:
        """The schedule's own length, or that of the training that it began with."""
        return float(getattr(self.schedule, "epochs", None) or self._begun_length)

    @property
    def _epochs_left(self) -> float:
        """Epochs until the schedule ends, inf where it does not."""
        return self.schedule_start + self._length - len(self.history) if self.schedule.ends else np.inf

    def begin_schedule(self) -> None:
        """Begin the schedule with the next epoch, and the count of epochs without improvement as well."""
        self.schedule_start, self._begun_length, self.rate_vanished = len(self.history), self.length, False
        self.stopping.reset_patience()

    def _restart_what_is_over(self) -> None:
        """Begin a schedule that is over, or has not been used yet, and reset an adaptive rate that became too small."""
        if self.adaptive and self.stopping.should_stop:
            self.learning_rate = self.initial_rate
            self.stopping.reset_patience()
        if self.schedule_over or self.schedule_start == len(self.history):
            self.begin_schedule()

    def get_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return the state of training, plain values and arrays, without the network and the history."""
        plain = {name: getattr(self, name) for name in _PROGRESS}
        plain |= {"length": self._begun_length, "schedule_start": self.schedule_start, "t": self.optimizer.t}
        plain |= {name: getattr(self.stopping, name) for name in ("best", "reference", "stalled")}
        plain["generator"] = self.network.rng.bit_generator.state
        arrays = {f"optimizer_{slot}": values for slot, values in self.optimizer.state.items()}
        arrays["best_params"] = self.best_params
        if self.last_params is not None:
            arrays["last_params"] = self.last_params
        if self.average is not None:
            plain["average"], average = self.average.get_state()
            arrays |= {f"average_{name}": values for name, values in average.items()}
        return plain, arrays

    def set_state(self, plain: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Go back to a state that ``get_state`` returned; the history has been put back already.

        Raises
        ------
        KeyError, ValueError
            Where something is missing, or an array has another length.
        """
        for name in _PROGRESS:
            setattr(self, name, plain[name])
        self._begun_length, self.optimizer.t = plain["length"], plain["t"]
        self.schedule_start = plain.get("schedule_start", 0)  # a state from before restarts has none
        self.stopping.best, self.stopping.stalled = plain["best"], plain["stalled"]
        self.stopping.reference = plain.get("reference", plain["best"])
        self.network.rng.bit_generator.state = plain["generator"]
        for slot, values in self.optimizer.state.items():
            values[:] = arrays[f"optimizer_{slot}"]
        self.best_params[:] = arrays["best_params"]
        if "last_params" in arrays:
            self.last_params = self.best_params.copy()
            self.last_params[:] = arrays["last_params"]
        if self.average is not None:
            self.average.set_state(plain["average"], {"total": arrays["average_total"]})

    def adopt(self, other: "Trainer") -> None:
        """Take the configuration of another trainer, and keep the progress of this one."""
        if type(other.optimizer) is type(self.optimizer):
            other.optimizer.t, other.optimizer.state = self.optimizer.t, self.optimizer.state
        else:
            other.optimizer.start(self.network.params)
        if other.initial_rate != self.initial_rate:
            self.learning_rate = self.initial_rate = other.initial_rate
        if other.stopping.monitor == self.stopping.monitor:
            for name in ("best", "reference", "stalled"):
                setattr(other.stopping, name, getattr(self.stopping, name))
        new_schedule = other.schedule != self.schedule
        new_averaging = other.averaging != self.averaging
        for name in {each.name for each in fields(self)} - _STATE:
            setattr(self, name, getattr(other, name))
        if new_averaging:
            self.average = self._new_average()
        if new_schedule:
            self.begin_schedule()

    def record(self, loss: float, n_samples: int, validation: Samples | None, callback: Callback) -> bool:
        """Add an epoch of another solver to the history, and return whether the callback asks to stop."""
        callback.on_epoch_begin()
        validation_loss, validation_score = (None, None) if validation is None else self.evaluate(validation)
        self.samples += n_samples
        epoch = Epoch(loss, None, validation_loss, validation_score, None, None)
        self.history.append(epoch)
        return callback.on_epoch_end(epoch)

    def evaluate(self, samples: Samples) -> tuple[float, float]:
        """Return loss (without penalty) and score of the network as it is, chunk by chunk."""
        sample_losses, score = [], self.network.loss.new_score()
        for X, Y, sample_weight in self.network.chunks(samples):
            P = self.network.predict(X)
            sample_losses.append(self.network.loss.sample_losses(P, Y))
            score.update(P, Y, sample_weight)
        loss = np.average(np.concatenate(sample_losses), weights=samples.sample_weight)
        return float(loss), score.compute()

    def _append(self, epoch: Epoch) -> None:
        """Add an epoch to the history, and copy its parameters if it is the best.

        Loss and score are evaluated before every update, and the last one may diverge: so the best parameters by them
        are those before it, and by a validation metric those after it.
        """
        self.history.append(epoch)
        if self.stopping.update(getattr(epoch, self.stopping.monitor)):
            after = self.stopping.monitor.startswith("validation")
            self.best_params[:] = self.network.snapshot() if after else self.params_before_update

    def _reduce_learning_rate(self) -> bool:
        """Divide the learning rate by 5 if it is adaptive, and return whether training goes on."""
        if not self.adaptive or self.learning_rate <= 1e-6:
            return False
        self.learning_rate /= 5
        self.stopping.stalled = 0
        return True

    def _check(self, loss: float) -> None:
        """Raise if training has diverged, with the best parameters restored and the optimizer's state reset."""
        if np.isfinite(loss) and np.isfinite(self.network.params).all():
            return
        self.network.restore(self.best_params)
        self.optimizer.start(self.network.params)
        raise DivergenceError(
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed. Or the learning rate, {self.learning_rate:g}, is too large: training diverged in epoch "
            f"{len(self.history) + 1}"
        )

    def _restore_best(self) -> None:
        """End with the best parameters where that is asked for; the last ones are stored for ``resume``."""
        if self.restore_best:
            self.last_params = self.network.snapshot()
            self.network.restore(self.best_params)

    def _end_with_statistics(self, samples: Samples) -> None:
        """End with the averaged parameters, and recompute the batch statistics for them."""
        average = None if self.average is None else self.average.value()
        if average is None and not self.recompute_statistics:
            return
        if self.last_params is None:
            self.last_params = self.network.snapshot()
        if average is not None:
            self.network.params[:] = average
        self.network.recompute_statistics(self._inputs(samples))

    def _inputs(self, samples: Samples) -> Iterator[Array | SparseRows]:
        """Yield all inputs, chunk by chunk, deformed as in training."""
        if self.augmentation is None:
            yield from (X for X, _, _ in self.network.chunks(samples))
            return
        deformer = self.augmentation.prepare(self.network.n_in, self.network.dtype)
        rng = np.random.default_rng(0)
        for X, _, _ in self.network.chunks(samples, deformed=True):
            yield deformer.warp(X, deformer.draw(len(X), rng), np.empty_like(X))

    def resume(self) -> None:
        """Continue from the parameters of the last epoch."""
        if self.last_params is not None:
            self.network.restore(self.last_params)
            self.last_params = None
