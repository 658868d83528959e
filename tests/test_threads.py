"""How many threads a fit may use."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import ThreadpoolController, threadpool_limits

from pipeline import MLPClassifier
from pipeline.network.training import FullGradient
from pipeline.threads import bounded_blas, usable_threads

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
    monkeypatch.setattr("pipeline.assembly.WORTH_SHARING", 0)
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
    found, find = [], FullGradient.find
    monkeypatch.setattr(FullGradient, "find", lambda self: found.append(set(blas_threads())) or find(self))
    with threadpool_limits(3, user_api="blas"):
        MLPClassifier((50,), solver="lbfgs", max_iter=2, n_threads=n_threads).fit(*data)
    assert found
    assert all(one == {1} for one in found)


def test_threads_agree_but_for_rounding(data):
    """Two threads come to the weights of one, within the precision of float32."""
    np.testing.assert_allclose(fitted(2, *data), fitted(1, *data), atol=2e-4)
