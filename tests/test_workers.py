import os
import signal
import sys
import time

import numpy as np
import pytest
from clusters import Counted, bytes_received, connected, pids_of, reduce_replicas, two_workers
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone

from pipeline import MLPClassifier
from pipeline.ensemble.voting import make_ensemble
from pipeline.parameters import ParameterError
from pipeline.tabular.make_tabular import NETWORKS, make_tabular
from pipeline.workers import Workers


def add(shared, task):
    """Return a sum."""
    return shared + task


def die_once(folder, task):
    """Kill this process in the middle of a task, the first time."""
    mark = folder / "died"
    if task == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def refuse(shared, task):
    """Raise for one task."""
    raise ValueError(f"{shared} {task}")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_task_has_its_result(n_jobs):
    """In this process as in others, in whichever order they are done."""
    with Workers(n_jobs).sharing(10) as workers:
        assert sorted(workers.run(add, range(5))) == [(number, 10 + number) for number in range(5)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_make_further_tasks_possible(n_jobs):
    """They count on from the last, and go before what has not begun."""
    told = []

    def then(task, result):
        told.append((task, result))
        return [100 * task, 200 * task] if task in (1, 2) else []

    with Workers(n_jobs).sharing(10) as workers:
        done = list(workers.run(add, [1, 2, *range(3, 9)], then))
    assert len(done) == len({number for number, _ in done}) == 12
    assert sorted(done)[:8] == [(number, 11 + number) for number in range(8)]
    assert sorted(result for number, result in done if number >= 8) == [110, 210, 210, 410]
    assert sorted(result for _, result in told) == sorted(result for _, result in done)
    if n_jobs == 1:
        assert [result for _, result in done][:4] == [11, 110, 210, 12]


def test_a_process_that_is_killed_loses_nothing(tmp_path):
    """What it had in hand is done again by another."""
    with Workers(2).sharing(tmp_path) as workers:
        assert sorted(workers.run(die_once, range(4))) == [(number, number) for number in range(4)]
    assert (tmp_path / "died").exists()


def test_a_process_that_is_killed_loses_no_further_task(tmp_path):
    """Neither the task that it had in hand, nor those that its results make possible."""
    with Workers(2).sharing(tmp_path) as workers:
        done = sorted(workers.run(die_once, range(4), lambda task, _: [task + 10] if task < 10 else []))
    assert (tmp_path / "died").exists()
    assert [number for number, _ in done] == list(range(8))
    assert sorted(result for _, result in done) == [0, 1, 2, 3, 10, 11, 12, 13]


def test_what_a_task_raises_is_raised():
    """The fault of the work is not taken for that of a process."""
    with Workers(2).sharing("no") as workers, pytest.raises(ValueError, match="no 7"):
        list(workers.run(refuse, [7]))


def test_an_address_without_a_scheduler_is_told():
    """The error names the option and the address."""
    with (
        pytest.raises(ParameterError, match="--scheduler must be the address of a Dask scheduler; got nowhere"),
        Workers(scheduler="nowhere:bad").sharing(1),
    ):
        pass


# ---------------------------------------------------------------- a cluster


@pytest.fixture(scope="module")
def cluster():
    """Return a real cluster of two processes."""
    with two_workers() as started:
        yield started


def place_of(data, task):
    """Return the process, the size of the data and the task."""
    time.sleep(0.05)
    return os.getpid(), len(data.content), task


def test_a_cluster_gets_the_data_once_for_each_worker(cluster, tmp_path):
    """Each has them unpickled exactly once, however many tasks there are and whatever copies Dask drops between."""
    data = Counted(tmp_path / "arrivals", 1_000_000)
    before = bytes_received(cluster)
    with Workers(scheduler=cluster.scheduler_address).sharing(data) as workers:
        assert workers.n_jobs == 2
        done = []
        for _ in range(3):
            done += [result for _, result in workers.run(place_of, range(6))]
            reduce_replicas(cluster)
    assert {pid for pid, _, _ in done} == set(pids_of(cluster))
    assert {size for _, size, _ in done} == {1_000_000}
    assert sorted(map(int, data.arrivals())) == pids_of(cluster)
    assert bytes_received(cluster) - before < 1_000_000


def test_a_worker_that_joins_later_fetches_the_data_once(tmp_path):
    """From another worker, with its first task."""
    data = Counted(tmp_path / "arrivals", 1_000_000)
    with two_workers() as cluster, Workers(scheduler=cluster.scheduler_address).sharing(data) as workers:
        cluster.scale(3)
        with connected(cluster) as client:
            client.wait_for_workers(3)
        done = [result for _ in range(2) for _, result in workers.run(place_of, range(12))]
        assert {pid for pid, _, _ in done} == set(pids_of(cluster))
        assert sorted(map(int, data.arrivals())) == pids_of(cluster)


def test_joblib_works_on_the_cluster(cluster):
    """Whatever code uses joblib finds the workers: ensembles of scikit-learn's, for one."""
    with Workers(scheduler=cluster.scheduler_address).sharing():
        pids = Parallel()(delayed(os.getpid)() for _ in range(4))
    assert set(pids) <= set(pids_of(cluster))


class Placed(MLPClassifier):
    """A network that knows where it was trained, and takes its time."""

    def fit(self, X, y):
        """Train."""
        self.pid_ = os.getpid()
        time.sleep(0.1)
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["ensemble", "table"])
def test_members_of_an_ensemble_are_trained_on_the_cluster(cluster, monkeypatch, kind):
    """By both workers, each of which has the data once; they are those that are trained here, bit by bit."""
    rng = np.random.default_rng(0)
    X, y = rng.random((1000, 100)), rng.integers(3, size=1000)
    if kind == "table":
        monkeypatch.setitem(NETWORKS, "classification", (Placed, NETWORKS["classification"][1]))
        model = make_tabular("classification", n_members=6, hidden_layer_sizes=(5,), max_iter=1, n_threads=1)
    else:
        model = make_ensemble(Placed((5,), max_iter=1, n_threads=1), 6)
    here = members_of(clone(model).fit(X, y))
    before = bytes_received(cluster)
    with connected(cluster) as client, parallel_config("dask", client=client):
        there = members_of(model.fit(X, y))
    assert {member.pid_ for member in there} == set(pids_of(cluster))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.network_.params, other.network_.params)
    size = X.nbytes // (2 if kind == "table" else 1)  # of a table as float32
    assert bytes_received(cluster) - before < 1.5 * size


def members_of(model):
    """Return the members of an ensemble, which may be the last step of a pipeline."""
    return (model if hasattr(model, "estimators_") else model[-1]).estimators_


def test_a_worker_of_a_cluster_that_is_killed_loses_nothing(cluster, tmp_path):
    """Its task is done again by the other, which has the data."""
    with Workers(scheduler=cluster.scheduler_address).sharing(tmp_path) as workers:
        assert sorted(workers.run(die_once, range(4))) == [(number, number) for number in range(4)]
    assert (tmp_path / "died").exists()


def test_without_the_extra_a_cluster_is_one_clear_error(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the extra `cluster`: `pip install"), _sharing_nowhere():
        pass


def _sharing_nowhere():
    return Workers(scheduler="tcp://127.0.0.1:9").sharing(1)
