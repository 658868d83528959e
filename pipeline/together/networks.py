"""Several networks trained together on the same samples, each as its ``Trainer`` would train it alone.

Where they are compiled, those that take the same batches make their updates as a stack, which is faster; the others by
turns.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.network.batches import Rows, Samples, Sampling
from pipeline.network.compiled.engines import make_stacks, stack_key
from pipeline.network.parallel.updates import Updater
from pipeline.network.parallel.workers import Workers
from pipeline.network.training import Batches, Course, DivergenceError, Trainer, ignored_overflow

Array = NDArray[Any]


@dataclass
class Training:
    """One of the trainings.

    Attributes
    ----------
    trainer : Trainer
        Whose network is trained.
    course : Course
        For how long, and with what validation data.
    error : DivergenceError or None
        Why it ended before its time, where it diverged.
    """

    trainer: Trainer
    course: Course
    error: DivergenceError | None = None
    steps: Any = field(default=None, repr=False)

    def next_batches(self) -> Batches | None:
        """Return what is to be trained on next, None at the end."""
        try:
            batches: Batches | None = next(self.steps, None)
        except DivergenceError as error:
            self.error, batches = error, None
        return batches


class _SharedSampling(Sampling):
    """Batches of all samples in a random order, which is drawn once for generators that are in one state."""

    _before: Any = None
    _after: Any = None
    _batches: Sequence[Rows] = ()

    def rows(
        self,
        n_samples: int,
        rng: np.random.Generator,
        width: int = 1,
        read_ahead: Callable[[Array], None] | None = None,
    ) -> Iterator[Rows]:
        state = rng.bit_generator.state
        if state == self._before:
            rng.bit_generator.state = self._after
        else:
            self._batches = list(super().rows(n_samples, rng, width, read_ahead))
            self._before, self._after = state, rng.bit_generator.state
        yield from self._batches


def train_together(
    trainings: Sequence[Training],
    samples: Samples,
    stopped: Callable[[], bool] = bool,
    columns: Callable[[], Any] | None = None,
) -> None:
    """Train to the end, as ``Trainer.run`` does, but for what diverges, which is left in its ``error``.

    Parameters
    ----------
    trainings : sequence of Training
        All of them on one thread.
    samples : Samples
        What they are trained on.
    stopped : callable, optional
        Says whether to end at once, between two steps; the trainings' reasons then are "interrupted".
    columns : callable, optional
        Returns what ``split_columns`` makes of the samples, where others need it as well.

    Examples
    --------
    >>> import numpy as np
    >>> from pipeline.network import SGD, Affine, Network
    >>> from pipeline.network.batches import Sampling
    >>> samples = Samples(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)[:, :2])
    >>> trainings = [
    ...     Training(Trainer(Network([Affine(4, 2)], random_state=0), SGD(), Sampling(2), rate), Course(max_epochs=3))
    ...     for rate in (0.1, 0.5)
    ... ]
    >>> train_together(trainings, samples)
    >>> [training.course.reason for training in trainings]
    ['max_epochs', 'max_epochs']
    """
    with ignored_overflow(), ExitStack() as opened:
        updaters = []
        for training in trainings:
            updater = training.trainer.new_updater(opened.enter_context(Workers(1)))
            training.steps = training.trainer.steps(updater, samples, training.course)
            opened.callback(training.steps.close)
            updaters.append(updater)
        keys = [
            stack_key(updater, samples, min(training.trainer.sampling.batch_size, len(samples)))
            for training, updater in zip(trainings, updaters, strict=True)
        ]
        for numbers in _groups(trainings, keys):
            members = [trainings[k] for k in numbers]
            if keys[numbers[0]] is None:
                _train_alone(members[0], updaters[numbers[0]], samples, stopped)
            else:
                _train_stack(members, [updaters[k] for k in numbers], samples, stopped, columns)


def _groups(trainings: Sequence[Training], keys: Sequence[Any]) -> list[list[int]]:
    """Return the numbers of the networks that make a stack, group by group; what cannot is a group of its own.

    Networks of one seed, but of other shapes, draw other batches, as they have drawn other parameters before.
    """
    groups: dict[Any, list[int]] = {}
    for k, (training, key) in enumerate(zip(trainings, keys, strict=True)):
        sampling, rng = training.trainer.sampling, training.trainer.network.rng
        drawn = repr(rng.bit_generator.state) if sampling.shuffle or sampling.replacement else ""
        groups.setdefault(k if key is None else (key, repr(sampling), drawn), []).append(k)
    return list(groups.values())


def _train_alone(training: Training, updater: Updater, samples: Samples, stopped: Callable[[], bool]) -> None:
    """Train a network by itself."""
    while not stopped() and (batches := training.next_batches()) is not None:
        updater.updates(samples, batches)


def _train_stack(
    trainings: Sequence[Training],
    updaters: Sequence[Updater],
    samples: Samples,
    stopped: Callable[[], bool],
    columns: Callable[[], Any] | None,
) -> None:
    """Train networks as stacks; one that comes to its end before others leaves them."""
    left = list(trainings)
    for stack in make_stacks(updaters, samples, columns):
        members = dict(enumerate(left[: len(stack.updaters)]))
        del left[: len(stack.updaters)]
        with _drawing_once([training.trainer for training in members.values()]):
            _train_members(stack, members, stopped)


def _train_members(stack: Any, members: dict[int, Training], stopped: Callable[[], bool]) -> None:
    """Train the networks of a stack, by their numbers in it."""
    while members and not stopped():
        steps = {}
        for k in list(members):
            batches = members[k].next_batches()
            if batches is None:
                stack.release(k)
                del members[k]
            else:
                steps[k] = list(batches)
        stack.updates(steps)
    for k in members:
        stack.release(k)


@contextmanager
def _drawing_once(trainers: Sequence[Trainer]) -> Iterator[None]:
    """Have networks that draw the same batches, by generators of their own, take those of the first that draws."""
    own = [trainer.sampling for trainer in trainers]
    once = own[0].shuffle and not own[0].replacement  # where the draws of an epoch are one permutation
    shared = _SharedSampling(own[0].batch_size) if once else own[0]
    try:
        for trainer in trainers:
            trainer.sampling = shared
        yield
    finally:
        for trainer, sampling in zip(trainers, own, strict=True):
            trainer.sampling = sampling
