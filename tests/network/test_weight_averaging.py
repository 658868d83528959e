"""Averages of the weights: contracts of both rules, and each one's formula."""

import numpy as np
import pytest

from pipeline.network import Averaging, ExponentialAverage, LastEpochs, RunningAverage
from pipeline.network.shards import ParameterShard
from pipeline.parameters import ParameterError, check_parameters

RULES = {"exponential": lambda: ExponentialAverage(0.8), "last epochs": lambda: LastEpochs(3)}
SIZE, UPDATES, EPOCHS = 5, 4, 7
WALK = np.random.default_rng(0).normal(size=(EPOCHS, UPDATES, SIZE)).cumsum(axis=0)


def shard(params, span):
    """Return a shard of parameters without gradients."""
    return ParameterShard(params, np.zeros_like(params), span)


def walked(rule, *, parts=(slice(0, SIZE),), epochs=range(EPOCHS), n_epochs=EPOCHS, average=None, dtype=np.float64):
    """Return the average over a walk of the parameters."""
    params = np.zeros(SIZE, dtype)
    average = average or rule.start(params)
    for epoch in epochs:
        for params[:] in WALK[epoch]:
            average.begin_update()
            for part in parts:
                average.after_update(shard(params, part))
        average.after_epoch(params, epoch, n_epochs)
    return average


def test_exponential_is_the_weighted_mean():
    """Over all updates, weighted by the decay's power, the weights' sum being 1."""
    points = WALK.reshape(-1, SIZE)
    weights = 0.8 ** np.arange(len(points))[::-1]
    wanted = np.average(points, axis=0, weights=weights)
    np.testing.assert_allclose(walked(ExponentialAverage(0.8)).value(), wanted)


def test_exponential_is_the_running_mean_with_adams_correction():
    """v <- decay v + (1 - decay) w from 0, divided by 1 - decay^t."""
    v, points = np.zeros(SIZE), WALK.reshape(-1, SIZE)
    for w in points:
        v = 0.8 * v + 0.2 * w
    np.testing.assert_allclose(walked(ExponentialAverage(0.8)).value(), v / (1 - 0.8 ** len(points)))


@pytest.mark.parametrize("decay", [0, 0.5, 0.9999])
def test_the_first_update_counts_fully(decay):
    """After one update the average is its parameters, whatever the decay."""
    average, params = ExponentialAverage(decay).start(np.zeros(SIZE)), WALK[0, 0]
    average.begin_update()
    average.after_update(shard(params, slice(0, SIZE)))
    np.testing.assert_allclose(average.value(), params)


@pytest.mark.parametrize("epochs", [1, 3, EPOCHS, EPOCHS + 5])
def test_last_epochs_is_their_mean(epochs):
    """The parameters at the end of each of the last epochs count alike; all of them, where there are fewer."""
    np.testing.assert_allclose(walked(LastEpochs(epochs)).value(), WALK[-epochs:, -1].mean(axis=0))


def test_last_epochs_begin_anew_where_training_goes_on():
    """What was averaged for an earlier end is forgotten as soon as an epoch counts for a later one."""
    rule = LastEpochs(2)
    average = walked(rule, epochs=range(4), n_epochs=4)
    np.testing.assert_allclose(average.value(), WALK[2:4, -1].mean(axis=0))
    walked(rule, epochs=range(4, 7), n_epochs=7, average=average)
    np.testing.assert_allclose(average.value(), WALK[5:7, -1].mean(axis=0))
    average = walked(rule, epochs=range(4), n_epochs=4)
    walked(rule, epochs=[4], n_epochs=5, average=average)
    np.testing.assert_allclose(average.value(), WALK[4, -1])


@pytest.mark.parametrize("name", RULES)
def test_training_leaves_the_rule_as_it_was(name):
    """What an average has come to is no part of its rule."""
    rule = RULES[name]()
    before = dict(vars(rule))
    walked(rule)
    assert vars(rule) == before


def test_before_the_last_epochs_there_is_no_average():
    """Where nothing has counted, there is no value, and no 0 / 0."""
    assert walked(LastEpochs(2), epochs=range(5)).value() is None
    assert walked(LastEpochs(2), epochs=range(6)).value() is not None
    assert ExponentialAverage().start(np.zeros(SIZE)).value() is None


@pytest.mark.parametrize("name", RULES)
def test_parts_are_the_whole(name):
    """Cut among threads, the average is the same, to the last bit."""
    whole = walked(RULES[name]()).value()
    parts = [slice(0, 2), slice(2, 2), slice(2, SIZE)]
    assert np.array_equal(walked(RULES[name](), parts=parts).value(), whole)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_the_type_of_numbers_stays(name, dtype):
    """float32 parameters have a float32 average; the parameters are only read, and the value is a new array."""
    average = walked(RULES[name](), dtype=dtype)
    value = average.value()
    assert value.dtype == average.total.dtype == dtype
    value[:] = 0
    assert average.value().any()


@pytest.mark.parametrize("name", RULES)
def test_a_state_brings_back_what_it_has_come_to(name):
    """Left in the middle and taken up by another, the average ends as if nothing had happened; the copy stays."""
    rule = RULES[name]()
    first = walked(rule, epochs=range(5))
    plain, arrays = first.get_state()
    assert all(isinstance(value, (int, float)) for value in plain.values())
    second = rule.start(np.zeros(SIZE))
    second.set_state(plain, arrays)
    walked(rule, epochs=range(5, EPOCHS), average=second)
    assert np.array_equal(second.value(), walked(rule).value())
    assert np.array_equal(first.value(), walked(rule, epochs=range(5)).value())


def test_a_state_of_other_parameters_is_refused():
    """An array of another length, or nothing, is an error."""
    average = LastEpochs().start(np.zeros(SIZE))
    with pytest.raises(ValueError, match="broadcast"):
        average.set_state({"weight": 1.0, "n_epochs": 0}, {"total": np.zeros(SIZE + 1)})
    with pytest.raises(KeyError):
        average.set_state({}, {})


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (ExponentialAverage(1), "decay must be a number >= 0 and < 1; got 1"),
        (ExponentialAverage(-0.1), "decay must be"),
        (LastEpochs(0), "epochs must be an integer >= 1; got 0"),
        (LastEpochs(1.5), "epochs must be"),
    ],
)
def test_what_is_out_of_range_is_stored_and_refused_when_checked(rule, message):
    """A constructor takes what it is given; the check names the parameter, what it may be and what it was."""
    with pytest.raises(ParameterError, match=message):
        check_parameters(rule)


def test_they_show_what_they_are():
    """Their text is the call that makes them."""
    assert repr(ExponentialAverage(0.99)) == "ExponentialAverage(decay=0.99)"
    assert repr(LastEpochs()) == "LastEpochs(epochs=10)"


def test_the_base_says_nothing():
    """A rule must be filled in; what it starts is a RunningAverage of it."""
    with pytest.raises(TypeError, match="abstract"):
        Averaging()
    rule = LastEpochs()
    average = rule.start(np.zeros(SIZE))
    assert isinstance(average, RunningAverage)
    assert average.averaging is rule
