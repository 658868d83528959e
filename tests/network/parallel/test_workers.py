"""Threads that work in step."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from pipeline.network.parallel.workers import Workers, WorkersBrokenError


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_thread_does_its_work(size):
    """Each thread is called once a run with its own number, the first being the caller's."""
    seen = {}
    with Workers(size) as workers:
        for _ in range(20):
            seen.clear()
            workers.run(lambda k: seen.__setitem__(k, threading.get_ident()))
            assert sorted(seen) == list(range(size))
            assert len(set(seen.values())) == size
            assert seen[0] == threading.get_ident()


@pytest.mark.parametrize("size", [2, 3, 5])
def test_no_thread_passes_a_barrier_before_all_have_reached_it(size):
    """What every thread writes before a barrier, every thread can read after it."""
    written, read = np.zeros(size, int), np.zeros((size, size), int)

    def work(k):
        written[k] += 1
        workers.barrier(k)
        read[k] = written

    with Workers(size) as workers:
        for run in range(1, 200):
            workers.run(work)
            assert (read == run).all()


@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize("before", [True, False])
def test_an_error_reaches_the_caller(failing, before):
    """Whichever thread fails, before or after a barrier, none waits for ever, and the caller gets the error."""

    def work(k):
        if before and k == failing:
            raise KeyError("lost")
        workers.barrier(k)
        if k == failing:
            raise KeyError("lost")

    with Workers(2) as workers, pytest.raises(KeyError, match="lost"):
        workers.run(work)


@pytest.mark.parametrize("failing", [0, 1])
def test_others_are_told_of_a_failure(failing):
    """Of the thread that fails; when the pool is closed, of all, as none may be waited for after that."""
    told = []

    def work(k):
        if k == failing:
            raise KeyError("lost")

    with Workers(2) as workers:
        workers.on_failure.append(told.append)
        with pytest.raises(KeyError, match="lost"):
            workers.run(work)
        assert told == [failing]
    assert told == [failing, 0, 1]


def test_closing_ends_the_threads():
    """No thread is left when the pool is closed."""
    before = set(threading.enumerate())
    workers = Workers(4)
    workers.run(workers.barrier)
    mine = set(threading.enumerate()) - before
    assert len(mine) == 3
    workers.close()
    assert not any(thread.is_alive() for thread in mine)


def test_an_interruption_while_threads_begin_leaves_none(monkeypatch):
    """A person interrupts between two of them: both those that run and those that do not are over with the pool."""
    before, start = set(threading.enumerate()), threading.Thread.start

    def interrupted(thread):
        start(thread)
        raise KeyboardInterrupt

    workers = Workers(3)
    assert set(threading.enumerate()) == before  # nothing has begun that an interruption here would leave behind
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), workers:
        workers.run(workers.barrier)
    assert set(threading.enumerate()) == before


def test_an_interruption_of_the_end_leaves_no_thread(monkeypatch):
    """A person interrupts while a thread is waited for, which ends all the same."""
    before, join, interruptions = set(threading.enumerate()), threading.Thread.join, [KeyboardInterrupt]

    def interrupted(thread):
        if interruptions:
            raise interruptions.pop()
        join(thread)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt), Workers(3) as workers:
        workers.run(workers.barrier)
    assert set(threading.enumerate()) == before


def test_nothing_is_written_after_an_interruption():
    """A person interrupts the first thread; what the others are at is over when the pool is closed."""
    written, at_work = [], threading.Barrier(3)

    def work(k):
        at_work.wait()
        if k == 0:
            raise KeyboardInterrupt
        time.sleep(0.05)
        written.append(k)

    with pytest.raises(KeyboardInterrupt), Workers(3) as workers:
        workers.run(work)
    assert sorted(written) == [1, 2]


def test_threads_that_wait_for_one_that_never_began_are_sent_home():
    """Where the work is over before all have begun it, closing ends those that wait for the others to come."""
    workers, at_work = Workers(3), threading.Barrier(2)

    def work(k):
        at_work.wait()
        workers.barrier(k)
        workers.barrier(k)

    workers._begin()
    workers._work = work
    workers._start[0].release()  # a person interrupts here
    at_work.wait()
    workers.close()
    assert not any(thread.is_alive() for thread in workers._threads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_wait_for_threads_it_does_not_have():
    """In a child, work for several threads is an error at once."""
    with Workers(2) as workers:
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child that waits for ever
            try:
                workers.run(workers.barrier)
            except WorkersBrokenError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_care_for_overflows_is_inherited():
    """What NumPy was told to ignore where the pool was made, it ignores in every thread."""
    results = np.zeros(2)
    with np.errstate(over="ignore"), Workers(2) as workers:
        workers.run(lambda k: results.__setitem__(k, np.float64(1e308) * 10))
    assert np.isinf(results).all()
