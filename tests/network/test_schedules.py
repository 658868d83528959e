"""Contracts of every schedule at once, and each one's formula."""

import math

import pytest

from pipeline.network import Constant, Cosine, CosineCycles, Exponential, InverseScaling, OneCycle, Schedule, Step
from pipeline.network.schedules import WarmedUp

SCHEDULES = [Constant, InverseScaling, Cosine, OneCycle, CosineCycles, Step, Exponential]
WARM = [Cosine, Step, Exponential]
LENGTH = 20


def factors(schedule, times, length=LENGTH):
    """Return the factor at each of the times."""
    return [schedule.factor(t, length, 0) for t in times]


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_factor_is_between_none_and_all(kind):
    """From the first update to long after the last, the rate is never above the one it starts from, nor negative."""
    assert all(0 <= factor <= 1 for factor in factors(kind(), [t / 7 for t in range(40 * 7)]))


@pytest.mark.parametrize("kind", WARM)
def test_a_training_of_warm_up_alone_rises_to_its_end(kind):
    """Where all epochs belong to the warm-up, the rate is its line, and not 0 throughout."""
    assert factors(kind(warmup=2), [0, 0.5, 1, 1.75], length=2) == [0, 0.25, 0.5, 0.875]
    assert factors(kind(warmup=2), [0, 0.5, 1], length=1) == [0, 0.25, 0.5]


def test_a_schedule_shows_what_it_is():
    """Its text is the call that makes it."""
    assert repr(Cosine(8, warmup=2)) == "Cosine(epochs=8, warmup=2, final=0)"
    assert repr(Constant()) == "Constant()"
    assert eval(repr(Step(3))) == Step(3)  # noqa: S307 - our own text


def test_an_unknown_name_is_refused():
    """`set_params` says which names there are."""
    with pytest.raises(ValueError, match="Cosine has no parameter 'warm'; it has epochs, warmup, final"):
        Cosine().set_params(warm=2)


def test_equality_is_of_kind_and_parameters():
    """Two kinds are never equal, and what can be changed is no key."""
    assert Step() != Exponential()
    assert Cosine(5) != Cosine(6)
    assert Cosine() != "cosine"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Cosine())


@pytest.mark.parametrize("kind", WARM)
def test_warm_up_rises_in_a_line_from_zero(kind):
    """Halfway through the warm-up the factor is a half, at its end 1; without one it begins at 1."""
    assert factors(kind(warmup=4), [0, 1, 2, 4]) == [0, 0.25, 0.5, 1]
    assert factors(kind(), [0]) == [1]


@pytest.mark.parametrize("kind", WARM)
def test_after_the_warm_up_time_begins(kind):
    """What follows is the schedule itself, on the length that remains."""
    times = [0, 0.5, 3, 11, 16]
    assert factors(kind(warmup=4), [t + 4 for t in times]) == factors(kind(), times, LENGTH - 4)


@pytest.mark.parametrize(("kind", "ends"), [(kind, kind in {Cosine, OneCycle, CosineCycles}) for kind in SCHEDULES])
def test_which_schedules_end(kind, ends):
    """One that ends says so, and stays where it ended."""
    assert kind.ends == ends
    if ends:
        falls_to = kind() if kind is CosineCycles else kind(final=0.25)
        end = falls_to.get_params().get("final", 0)
        assert factors(falls_to, [LENGTH, LENGTH + 1, 10 * LENGTH]) == [end] * 3


def test_constant():
    """Nothing changes."""
    assert factors(Constant(), [0, 5, 99]) == [1, 1, 1]


def test_inverse_scaling_counts_samples():
    """1 / (samples + 1)^power, whatever the epoch."""
    assert [InverseScaling(0.5).factor(9, LENGTH, samples) for samples in (0, 3, 99)] == [1, 0.5, 0.1]


def test_cosine_is_half_a_wave():
    """From 1 through the middle down to the final factor."""
    times = [0, 5, 10, 15, 20]
    wave = [(1 + math.cos(math.pi * t / 20)) / 2 for t in times]
    assert factors(Cosine(), times) == pytest.approx(wave)
    assert factors(Cosine(final=0.2), times) == pytest.approx([0.2 + 0.8 * w for w in wave])


def test_one_cycle_rises_and_falls():
    """From the start to 1 within three tenths of the length, and down to the final factor."""
    assert factors(OneCycle(), [0, 3, 6, 13, 20]) == pytest.approx([0.04, 0.52, 1, 0.50005, 0.0001])
    assert factors(OneCycle(warmup=2), [0, 1, 2]) == pytest.approx([0.04, 0.52, 1])
    assert factors(OneCycle(warmup=0), [0]) == [1]


def test_cosine_cycles_double_in_length():
    """0 where a wave begins and ends, after 1, 3, 7 and 15 parts of 15, and 1 in its middle by the logarithm."""
    ends = [0, 1, 3, 7, 15]
    middles = [2 ** (wave + 0.5) - 1 for wave in range(4)]
    assert factors(CosineCycles(), ends, length=15) == pytest.approx([0] * 5)
    assert factors(CosineCycles(), middles, length=15) == pytest.approx([1] * 4)
    assert factors(CosineCycles(cycles=1), [0, LENGTH * (2**0.5 - 1), LENGTH]) == pytest.approx([0, 1, 0])


def test_step_falls_and_stays():
    """Down by a factor after every so many epochs, and level between."""
    assert factors(Step(every=4, drop=0.5), [0, 3.9, 4, 7.9, 8]) == [1, 1, 0.5, 0.5, 0.25]


def test_exponential_loses_the_same_share():
    """decay^t, between epochs as well."""
    assert factors(Exponential(0.81), [0, 0.5, 1, 2]) == pytest.approx([1, 0.9, 0.81, 0.6561])


@pytest.mark.parametrize("kind", [Cosine, OneCycle])
def test_a_warm_up_as_long_as_the_training_leaves_no_room(kind):
    """Where nothing remains after the warm-up, the factor is at its end, and nothing is divided by 0."""
    assert factors(kind(warmup=LENGTH, final=0.5), [LENGTH, LENGTH + 1]) == [0.5, 0.5]


@pytest.mark.parametrize("base", [Schedule, WarmedUp])
def test_the_bases_say_nothing(base):
    """A schedule must be filled in."""
    with pytest.raises(TypeError, match="abstract"):
        base()
