"""Learning rate schedules: a factor on the initial rate that changes as training goes on.

Time is counted in epochs, and moves on with every update. A schedule with an end has its length in ``epochs``; without
one, it takes the length of the training that it begins with.

Where training goes on after a schedule's end, the schedule begins again: a warm restart, as Loshchilov and Hutter 2017,
arXiv 1608.03983, have it. Where training stopped before the end, it goes on from there. A schedule without an end goes
on falling for as long as training goes on.
"""

import math
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal

from pipeline.network.configurable import Configurable


class Schedule(Configurable, ABC):
    """A rule for the learning rate: eta(t) = eta factor(t), t in epochs.

    Its constructor is its whole configuration, so that scikit-learn can clone it, set it and search over it. One that
    ``ends`` has brought training to its end when its length is over: a call that trains stops there, and the next one
    begins the schedule again. Another schedule, or one with other parameters, begins at its start as well.
    """

    ends: ClassVar[bool] = False

    @abstractmethod
    def factor(self, t: float, length: float, samples: int) -> float:
        """Return what the rate is multiplied by.

        Parameters
        ----------
        t : float
            Epochs since the schedule began.
        length : float
            Epochs that the schedule is meant to take.
        samples : int
            Samples seen before this epoch.
        """


class Constant(Schedule):
    """factor = 1."""

    def factor(self, t: float, length: float, samples: int) -> float:
        """Return 1."""
        del t, length, samples
        return 1.0


class InverseScaling(Schedule):
    """factor = 1 / (samples + 1)^power, with the samples seen before this epoch: scikit-learn's ``invscaling``.

    Parameters
    ----------
    power : float, default=0.5
        The exponent.
    """

    def __init__(self, power: Annotated[float, ">= 0"] = 0.5) -> None:
        self.power = power

    def factor(self, t: float, length: float, samples: int) -> float:
        """Return the inverse power of the samples seen."""
        del t, length
        return float((samples + 1.0) ** -self.power)


class WarmedUp(Schedule):
    """A schedule that begins with ``warmup`` epochs in which the factor rises linearly from 0.

    Goyal et al. 2017, arXiv 1706.02677.
    """

    warmup: float

    def factor(self, t: float, length: float, samples: int) -> float:
        """Return the warm-up's factor, then the schedule's own."""
        del samples
        return t / self.warmup if t < self.warmup else self.after(t - self.warmup, length - self.warmup)

    @abstractmethod
    def after(self, t: float, length: float) -> float:
        """Return the factor ``t`` epochs after the warm-up, of ``length`` that remain."""


class Cosine(WarmedUp):
    """factor = final + (1 - final) (1 + cos(pi t / epochs)) / 2: half a wave, from 1 down to ``final``.

    Loshchilov and Hutter 2017, arXiv 1608.03983. Training stops at the end of the wave; where it goes on after
    that, the next wave begins at 1, with its warm-up.

    Parameters
    ----------
    epochs : float, default=None
        Length of the schedule in epochs, warm-up and all. None is the length of the training. A warm-up as long as that
        leaves nothing but the rise.
    warmup : float, default=0
        Epochs of linear warm-up.
    final : float, default=0
        The factor at the end.
    """

    ends = True

    def __init__(
        self,
        epochs: Annotated[float, "> 0"] | None = None,
        warmup: Annotated[float, ">= 0"] = 0,
        final: Annotated[float, ">= 0", "<= 1"] = 0,
    ) -> None:
        self.epochs, self.warmup, self.final = epochs, warmup, final

    def after(self, t: float, length: float) -> float:
        """Return the cosine's value."""
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * _fraction(t, length))) / 2


class OneCycle(Schedule):
    """factor rises from ``start`` to 1 in ``warmup`` epochs, then falls to ``final``, each along half a cosine wave.

    Smith and Topin 2018, arXiv 1708.07120. Training stops at the end of the cycle; where it goes on after that, the
    next cycle begins at ``start``.

    Parameters
    ----------
    epochs : float, default=None
        Length of the schedule in epochs. None is the length of the training.
    warmup : float, default=None
        Epochs of the rise. None is three tenths of the length.
    start : float, default=0.04
        The factor at the beginning.
    final : float, default=0.0001
        The factor at the end.
    """

    ends = True

    def __init__(
        self,
        epochs: Annotated[float, "> 0"] | None = None,
        warmup: Annotated[float, ">= 0"] | None = None,
        start: Annotated[float, ">= 0", "<= 1"] = 0.04,
        final: Annotated[float, ">= 0", "<= 1"] = 0.0001,
    ) -> None:
        self.epochs, self.warmup, self.start, self.final = epochs, warmup, start, final

    def factor(self, t: float, length: float, samples: int) -> float:
        """Return the rise's value, or the fall's."""
        del samples
        rise = 0.3 * length if self.warmup is None else self.warmup
        low, x = (self.start, 1 - _fraction(t, rise)) if t < rise else (self.final, _fraction(t - rise, length - rise))
        return low + (1 - low) * (1 + math.cos(math.pi * x)) / 2


class CosineCycles(Schedule):
    """factor = (1 - cos(2 pi log2(1 + (2^cycles - 1) t / epochs))) / 2: whole waves, each twice as long as the last.

    A wave rises from 0 to 1 and falls to 0. Holzmueller et al. 2024, arXiv 2407.04491, with 4 of them. Training stops
    at the end of the last; where it goes on after that, the first one begins again.

    Parameters
    ----------
    epochs : float, default=None
        Length of the schedule in epochs. None is the length of the training.
    cycles : int, default=4
        How many waves.
    """

    ends = True

    def __init__(
        self, epochs: Annotated[float, "> 0"] | None = None, cycles: Annotated[int, ">= 1", "<= 50"] = 4
    ) -> None:
        self.epochs, self.cycles = epochs, cycles

    def factor(self, t: float, length: float, samples: int) -> float:
        """Return the wave's value."""
        del samples
        waves = math.log2(1 + (2**self.cycles - 1) * _fraction(t, length))
        return (1 - math.cos(2 * math.pi * waves)) / 2


class Step(WarmedUp):
    """factor = drop^floor(t / every): constant between drops by a factor.

    It has no end, and goes on falling from one call to the next.

    Parameters
    ----------
    every : float, default=10
        Epochs between two drops.
    drop : float, default=0.1
        What the rate is multiplied by at each.
    warmup : float, default=0
        Epochs of linear warm-up.
    """

    def __init__(
        self,
        every: Annotated[float, ">= 1e-9"] = 10,
        drop: Annotated[float, "> 0", "<= 1"] = 0.1,
        warmup: Annotated[float, ">= 0"] = 0,
    ) -> None:
        self.every, self.drop, self.warmup = every, drop, warmup

    def after(self, t: float, length: float) -> float:
        """Return the present level."""
        del length
        return float(self.drop ** math.floor(t / self.every))


class Exponential(WarmedUp):
    """factor = decay^t: the rate falls by the same factor in every epoch.

    It has no end, and goes on falling from one call to the next.

    Parameters
    ----------
    decay : float, default=0.95
        What the rate is multiplied by in an epoch.
    warmup : float, default=0
        Epochs of linear warm-up.
    """

    def __init__(self, decay: Annotated[float, "> 0", "<= 1"] = 0.95, warmup: Annotated[float, ">= 0"] = 0) -> None:
        self.decay, self.warmup = decay, warmup

    def after(self, t: float, length: float) -> float:
        """Return the power of the decay."""
        del length
        return float(self.decay**t)


def _fraction(t: float, length: float) -> float:
    """Return how much of a length has passed, from 0 to 1; all of it where there is no length."""
    return min(1.0, t / length) if length > 0 else 1.0


ScheduleName = Literal["cosine", "one_cycle", "cosine_cycles", "step", "exponential"]
SCHEDULES: dict[ScheduleName, type[Schedule]] = {
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "cosine_cycles": CosineCycles,
    "step": Step,
    "exponential": Exponential,
}
