"""How many threads a fit may use."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import ThreadpoolController, threadpool_limits

from pipeline import MLPClassifier
from pipeline.callbacks import OnEpoch
from pipeline.mlp import threads
from pipeline.mlp.threads import bounded_blas, usable_threads
from pipeline.network.parallel.full_batch import FullBatchGradient

BUSY = "while True: pass"


def blas_threads():
    """Return how many threads each BLAS library is set to use."""
    return [library.num_threads for library in ThreadpoolController().select(user_api="blas").lib_controllers]


def test_what_blas_is_set_to_is_used():
    """Where nobody says, a fit uses what BLAS would."""
    with threadpool_limits(3, user_api="blas"):
        assert usable_threads() == 3


def test_beside_the_main_thread_one_is_used():
    """Whoever runs fits in threads has shared out the cores already."""
    found = []
    thread = threading.Thread(target=lambda: found.append(usable_threads()))
    thread.start()
    thread.join()
    assert found == [1]


def test_a_joblib_process_uses_its_share():
    """Joblib gives each of its processes a part of the cores, and a fit keeps to it."""
    with parallel_config("loky", inner_max_num_threads=1):
        assert Parallel(n_jobs=2)(delayed(usable_threads)() for _ in range(2)) == [1, 1]


def test_a_bound_is_in_force_and_then_gone():
    """Inside, BLAS has one thread; after it, and after an error, what it had."""
    before = blas_threads()
    with bounded_blas(1):
        assert set(blas_threads()) == {1}
    with pytest.raises(KeyError), bounded_blas(1):
        raise KeyError
    assert blas_threads() == before


def test_the_last_out_takes_the_bound_away():
    """Of two fits that overlap, the one that ends first leaves the bound to the other."""
    with threadpool_limits(2, user_api="blas"):
        first, second = bounded_blas(1), bounded_blas(1)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert set(blas_threads()) == {2}


def in_a_thread(work):
    """Return what ``work`` returns in a thread beside the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def bounded_threads():
    """Return how many threads BLAS has inside a bound of one, and after it."""
    with bounded_blas(1):
        inside = set(blas_threads())
    return inside, set(blas_threads())


def test_a_bound_holds_in_any_thread():
    """A bound set beside the main thread binds, though the main thread set one before, and goes with its end."""
    with threadpool_limits(3, user_api="blas"):
        assert bounded_threads() == ({1}, {3})
        assert in_a_thread(bounded_threads) == ({1}, {3})


def test_a_bound_may_end_in_another_thread():
    """The last out may run in another thread than the first in: the bound ends all the same."""
    with threadpool_limits(3, user_api="blas"):
        bound = bounded_blas(1)
        in_a_thread(bound.__enter__)
        inside = set(blas_threads())
        bound.__exit__(None, None, None)
        assert (inside, set(blas_threads())) == ({1}, {3})


def test_a_bound_leaves_others_their_say():
    """Whoever bounds BLAS around a fit in another thread can still take that bound away."""
    before = blas_threads()
    with ThreadPoolExecutor(1) as pool:
        with threadpool_limits(3, user_api="blas"):
            pool.submit(bounded_threads).result()
        assert blas_threads() == before


def test_the_smallest_bound_is_in_force():
    """Whoever comes in first, a fit never has more threads than it asked for."""
    with threadpool_limits(4, user_api="blas"):
        with bounded_blas(3):
            with bounded_blas(1):
                assert set(blas_threads()) == {1}
            with bounded_blas(4):
                assert set(blas_threads()) == {3}
        assert set(blas_threads()) == {4}


def enter_and_leave(at_event):
    """Bound BLAS and compute nothing; call ``at_event(n)`` wherever Python might run a signal's handler.

    That is where a function begins, and where a call of C code ends. Returns how many such places there were.
    """
    places, homes = 0, (threads.__file__, sys.modules["contextlib"].__file__)

    def watch(frame, event, _):
        nonlocal places
        if event in ("call", "c_return") and frame.f_code.co_filename in homes:
            places += 1
            at_event(places)

    sys.setprofile(watch)
    try:
        with bounded_blas(1):
            pass
    finally:
        sys.setprofile(None)
    return places


def places():
    """Return the numbers of all places at which entering and leaving can be interrupted."""
    bounded_threads()  # what is looked up once has been looked up
    return range(1, 1 + enter_and_leave(lambda _: None))


def test_an_interruption_leaves_no_bound():
    """Ctrl-C at any place of entering and of leaving: BLAS has what it had, and the next bound binds."""

    def interrupt_at(place):
        def interrupt(n):
            if n == place:
                raise KeyboardInterrupt

        return interrupt

    with threadpool_limits(3, user_api="blas"):
        interrupted = 0
        for place in places():
            try:
                enter_and_leave(interrupt_at(place))
            except KeyboardInterrupt:
                interrupted += 1
            assert set(blas_threads()) == {3}, place
            assert bounded_threads() == ({1}, {3}), place
        assert interrupted == len(places()) > 20


def test_a_handler_may_bound_while_a_bound_is_set():
    """A signal's handler that fits at any place of entering and of leaving has its bound, and disturbs nothing."""
    inside = []

    def handle_at(place):
        def handle(n):
            if n == place:
                inside.append(bounded_threads()[0])

        return handle

    with threadpool_limits(3, user_api="blas"):
        for place in places():
            enter_and_leave(handle_at(place))
            assert set(blas_threads()) == {3}, place
        assert inside == [{1}] * len(places())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two epochs are few
def test_a_fit_in_a_handler_during_a_fit(data):
    """A signal that comes during a fit may be answered by another fit; both come to what they come to alone."""
    X, y = data[0][:100, :20], data[1][:100]
    handled = []

    def fit(*callbacks):
        model = MLPClassifier((8,), max_iter=2, random_state=0, n_threads=2).set_callbacks(*callbacks)
        return model.fit(X, y).network_.params.tobytes()

    before = signal.signal(signal.SIGTERM, lambda *_: handled.append(fit()))
    try:
        outer = fit(OnEpoch(lambda _: signal.raise_signal(signal.SIGTERM)))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert {outer, *handled} == {fit()}
    assert len(handled) == 2


def in_a_fork(work):
    """Return whether ``work`` returns true in a forked child, which is given ten seconds."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # ends a child that waits for ever
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_is_free_of_other_threads_bounds():
    """A child that is forked while another thread sets a bound, or has one, neither waits for it nor is bound by it."""
    held, over = threading.Barrier(2), threading.Event()

    def hold():
        with bounded_blas(1), threads._shared.lock:
            held.wait()
            over.wait()

    with threadpool_limits(3, user_api="blas"):
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        try:
            assert in_a_fork(lambda: set(blas_threads()) == {3} and bounded_threads() == ({1}, {3}))
        finally:
            over.set()
            holder.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_keeps_its_own_bound():
    """A child that is forked inside a bound is bound until it leaves it; its parent is not concerned."""
    with threadpool_limits(3, user_api="blas"):
        bound = bounded_blas(1)
        bound.__enter__()

        def leaves():
            inside = set(blas_threads())
            bound.__exit__(None, None, None)
            return inside == {1} and set(blas_threads()) == {3}

        assert in_a_fork(leaves)
        assert set(blas_threads()) == {1}
        bound.__exit__(None, None, None)
        assert set(blas_threads()) == {3}


SHARED = {"samples": {}, "units": {"batch_norm": True, "noise": 0.1, "max_norm": 2.0}}


def fitted(n_threads, X, y, **options):
    """Return the weights after two epochs of a network that is worth sharing."""
    model = MLPClassifier(
        (300,), batch_size=128, learning_rate="cosine", max_iter=2, random_state=0, n_threads=n_threads, **options
    )
    return model.fit(X, y).network_.params


@pytest.fixture(scope="module")
def data():
    """Return samples enough for a few batches."""
    rng = np.random.default_rng(0)
    return rng.random((700, 300), dtype=np.float32), rng.integers(5, size=700)


@pytest.mark.parametrize("shared", SHARED)
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_bytes_do_not_depend_on_the_neighbours(n_threads, shared, data):
    """Alone and beside busy processes, the same training gives the same bytes, whatever threads share."""
    alone = fitted(n_threads, *data, **SHARED[shared])
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        beside = fitted(n_threads, *data, **SHARED[shared])
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
    assert alone.tobytes() == beside.tobytes()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two epochs are few
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bytes_do_not_depend_on_the_calling_thread(dtype, solver, n_threads, data, monkeypatch):
    """In the main thread, in another, and in several at once, the same call gives the same bytes, as loss and weights.

    BLAS is set to three threads, whose sums have other last bits than those of one.
    """
    monkeypatch.setattr("pipeline.mlp.builder.WORTH_SHARING", 0)
    X, y = data[0][:, :64].astype(dtype), data[1]

    def fit(*_):
        model = MLPClassifier(solver=solver, max_iter=2, random_state=0, n_threads=n_threads).fit(X, y)
        return model.loss_, model.network_.params.tobytes()

    with threadpool_limits(3, user_api="blas"), ThreadPoolExecutor(3) as pool:
        beside, at_once, alone = in_a_thread(fit), list(pool.map(fit, range(3))), fit()
        in_joblib = Parallel(n_jobs=2, backend="threading")(delayed(fit)() for _ in range(2))
    assert {alone} == {beside, *at_once, *in_joblib}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two iterations are few
@pytest.mark.parametrize("n_threads", [1, 2])
def test_blas_has_one_thread_for_every_solver(n_threads, data, monkeypatch):
    """With lbfgs as with all others, however many threads share: so a fit beside another finds what it would alone."""
    found, compute = [], FullBatchGradient.compute
    monkeypatch.setattr(FullBatchGradient, "compute", lambda self: found.append(set(blas_threads())) or compute(self))
    with threadpool_limits(3, user_api="blas"):
        MLPClassifier((50,), solver="lbfgs", max_iter=2, n_threads=n_threads).fit(*data)
    assert found
    assert all(one == {1} for one in found)


def test_threads_agree_but_for_rounding(data):
    """Two threads come to the weights of one, within the precision of float32."""
    np.testing.assert_allclose(fitted(2, *data), fitted(1, *data), atol=2e-4)
