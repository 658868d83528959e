"""A Dask cluster of two workers for tests: real processes, which can be killed."""

import os
from contextlib import contextmanager
from pathlib import Path


class Counted:
    """Data that leave a line in a file, with the process's number, wherever they arrive."""

    def __init__(self, path, size=0):
        self.path, self.content = path, bytes(size)

    def __getstate__(self):
        return {"path": self.path, "content": self.content}

    def __setstate__(self, state):
        vars(self).update(state)
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")

    def arrivals(self):
        """Return the processes where they arrived, as often as they did."""
        path = Path(self.path)
        return path.read_text("utf-8").split() if path.exists() else []


@contextmanager
def two_workers():
    """Yield a cluster with a process of one thread for each of two workers."""
    import dask
    from distributed import LocalCluster

    patient = {f"distributed.comm.timeouts.{name}": "120s" for name in ("connect", "tcp")}  # a machine may be busy
    with (
        dask.config.set(patient),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
    ):
        yield cluster


def pids_of(cluster):
    """Return the processes of a cluster's workers."""
    with connected(cluster) as client:
        return sorted(client.run(os.getpid).values())


def bytes_received(cluster):
    """Return how many bytes the workers of a cluster had from one another."""
    with connected(cluster) as client:
        logs = client.run(lambda dask_worker: [entry["total"] for entry in dask_worker.transfer_incoming_log])
    return sum(sum(log) for log in logs.values())


def reduce_replicas(cluster):
    """Have Dask drop what it takes for superfluous copies, as it does every two seconds."""
    with connected(cluster) as client:
        client.amm.run_once()


def connected(cluster):
    """Return a client of a cluster, to be closed."""
    from distributed import Client

    return Client(cluster, set_as_default=False)
