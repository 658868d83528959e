"""Tests of what several threads share."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pipeline.together.shared import Shared


class Thing:
    """Something that can be let go."""


def test_it_is_made_once_for_all_threads():
    """Threads that ask at once are handed the same, made by one of them."""
    made, barrier = [], Barrier(4)

    def make():
        made.append(Thing())
        return made[-1]

    shared = Shared(make)
    for _ in range(4):
        shared.expect()

    def use(_):
        barrier.wait()
        with shared as thing:
            return thing

    with ThreadPoolExecutor(4) as pool:
        used = [*pool.map(use, range(4))]
    assert used == made * 4


def test_it_is_let_go_after_the_last_use():
    """As long as a use is expected it stays, and not longer."""
    shared = Shared(Thing)
    shared.expect()
    shared.expect()
    with shared as thing:
        left = weakref.ref(thing)
    del thing
    gc.collect()
    assert left() is not None
    with shared as thing:
        assert thing is left()
    del thing
    gc.collect()
    assert left() is None


def test_what_fails_is_tried_again():
    """A failure is that of each use."""
    answers = iter([0, 0, 1])
    shared = Shared(lambda: 1 / next(answers))
    shared.expect()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), shared:
            pass
    with shared as value:
        assert value == 1


def test_a_use_that_was_not_expected():
    """After the last use there is nothing left to make it of."""
    shared = Shared(Thing)
    with shared:
        pass
    with pytest.raises(RuntimeError, match="no more uses"), shared:
        pass
