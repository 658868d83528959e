"""Threads that wait for each other inside compiled loops."""

import threading

import numpy as np
import pytest

pytest.importorskip("numba", reason="compiled loops need the extra fast")

from numba import njit

from pipeline.network.compiled.barriers import Barrier, arrive, wait
from pipeline.network.parallel.workers import Workers, WorkersBrokenError


@njit(nogil=True)
def in_step(locks, broken, k, written, seen):
    """Write the number of every round, and after each barrier read what the others have written."""
    for number in range(len(seen)):
        written[k] = number
        arrive(locks[0], k)
        if not wait(locks[0], broken, k):
            return False
        for other in range(len(written)):
            seen[number, k, other] = written[other]
        arrive(locks[1], k)
        if not wait(locks[1], broken, k):
            return False
    return True


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_no_thread_goes_on_before_all_have_arrived(size):
    """What every thread writes before a barrier, every thread can read after it, however many rounds there are."""
    barrier, written, seen = Barrier(size), np.full(size, -1), np.full((300, size, size), -1)
    with Workers(size) as workers:
        workers.run(lambda k: in_step(barrier.locks, barrier.broken, k, written, seen))
    assert (seen == np.arange(300)[:, None, None]).all()


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_thread_that_fails_is_waited_for_no_longer(failing):
    """Those that wait for it, or will, are told so."""
    barrier, went_well, reached = Barrier(3), [], threading.Barrier(3)

    def work(k):
        reached.wait()
        if k == failing:
            raise KeyError("lost")
        went_well.append(in_step(barrier.locks, barrier.broken, k, np.zeros(3, int), np.zeros((9, 3, 3), int)))
        raise WorkersBrokenError

    in_step(Barrier(1).locks, barrier.broken, 0, np.zeros(1, int), np.zeros((1, 1, 1), int))  # which compiles it
    with Workers(3) as workers:
        workers.on_failure.append(barrier.release)
        with pytest.raises(KeyError, match="lost"):
            workers.run(work)
    assert went_well == [False, False]
