import os
import signal

import pytest

from pipeline.parameters import ParameterError
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


def test_a_process_that_is_killed_loses_nothing(tmp_path):
    """What it had in hand is done again by another."""
    with Workers(2).sharing(tmp_path) as workers:
        assert sorted(workers.run(die_once, range(4))) == [(number, number) for number in range(4)]
    assert (tmp_path / "died").exists()


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
