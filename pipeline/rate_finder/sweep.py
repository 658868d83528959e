"""Updates at learning rates that rise from one to the next, for whatever wants to see what becomes of the loss."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from pipeline.network.batches import Rows, Samples
from pipeline.network.compiled.engines import updater_class
from pipeline.network.parallel.workers import Workers
from pipeline.network.training import Trainer


def sweep(trainer: Trainer, samples: Samples, rates: Iterable[float], n_updates: int = 1) -> Iterator[float]:
    """Train at one learning rate after another, and yield the loss at each.

    The optimizer goes on from rate to rate, and where all samples have been seen, the next epoch begins.

    Parameters
    ----------
    trainer : Trainer
        Has not been used; its network is trained, without its schedule and its averaging.
    samples : Samples
        The training data.
    rates : iterable of float
        The learning rates.
    n_updates : int, default=1
        Updates at each rate.

    Yields
    ------
    float
        Mean loss with penalty of the batches at a rate, each before its update; infinite or NaN, where it has diverged.
    """
    network, hooks = trainer.network, trainer.regularizers
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"), Workers(trainer.n_threads) as workers:
        updater = updater_class(trainer.engine)(
            network, trainer.optimizer, workers, hooks, trainer.augmentation, trainer.adversary
        )

        def endless() -> Iterator[Rows]:
            while True:
                updater.begin_epoch()
                yield from trainer.sampling.rows(len(samples), network.rng, network.n_in, samples.read_ahead)

        batches = endless()
        for rate in rates:
            updater.updates(samples, [(rows, rate) for rows in itertools.islice(batches, n_updates)])
            yield updater.end_epoch()[0]
