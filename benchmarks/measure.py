"""Each side in a process of its own, in turn, round after round; and what the rounds come to.

Processes see the machine as a user's do: every variable that chooses a kernel or a number of threads is taken away.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.options import say
from benchmarks.rows import BFLOAT16, COMPILED, NUMBA, NUMPY, base

ROOT = Path(__file__).parents[1]
_STEERS = re.compile(r"(OPENBLAS|OMP|MKL|KMP|GOTO|NUMEXPR|LOKY)_")
_MAY_FAIL = (COMPILED, BFLOAT16)
"""Sides that not every machine has what they need for: a C++ compiler, an instruction."""
_PATIENCE = 10
"""Seconds that a child has to end by itself."""
Figures = dict[str, list[float]]


def environment(n_threads: int | None = None) -> dict[str, str]:
    """Return the variables of a child: no wish about kernels or threads, but for the number that is given."""
    plain = {name: value for name, value in os.environ.items() if not _STEERS.match(name)}
    names = () if n_threads is None else ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    plain |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}  # every fit stops at max_iter, and is meant to
    return plain | dict.fromkeys(names, str(n_threads))


class ChildError(RuntimeError):
    """A child has ended before its time; what it had to say stands above on the terminal."""


class Child:
    """A process with a task; ready when the constructor returns, asleep until it is asked for a round.

    Parameters
    ----------
    task : str
        A name of ``tasks.TASKS``.
    folder : Path
        Where the data lie.
    n_threads : int, optional
        The number of threads that the child is to see as the machine's.
    **job
        The task's other arguments, as JSON can hold them.
    """

    def __init__(self, task: str, folder: Path, n_threads: int | None = None, **job: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(n_threads),
        )
        try:
            self.pools = self._ask(json.dumps({"task": task, "folder": str(folder), **job}))["pools"]
        except BaseException:
            self.end()
            raise

    def round(self, number: int) -> dict[str, float]:
        """Have a round done, and return its figures."""
        return self._ask(str(number))

    def end(self) -> None:
        """Have it end as it does when no more lines come, with its own processes; kill it where it does not."""
        with suppress(BrokenPipeError, subprocess.TimeoutExpired):
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process.wait(_PATIENCE)
        self.process.kill()
        self.process.wait()  # not for the end of its output, which processes of its own may hold open
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _ask(self, line: str) -> Any:
        """Send a line, and return the answer."""
        assert self.process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        assert self.process.stdout is not None  # noqa: S101 - the same
        with suppress(BrokenPipeError):  # no answer will come either
            print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise ChildError(f"a child ended with code {self.process.wait()} at {line}")
        return json.loads(answer)


def in_turn(children: Mapping[str, Child], rounds: int) -> dict[str, Figures]:
    """Ask every child in turn, for so many rounds; return the figures of each, in the order of the rounds."""
    figures: dict[str, Figures] = {name: {} for name in children}
    for number in range(rounds):
        for name, child in children.items():
            for key, value in child.round(number).items():
                figures[name].setdefault(key, []).append(value)
    return figures


def compare(
    jobs: Mapping[str, Mapping[str, Any]], rounds: int, neighbour: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give every side its job, and measure them in turn.

    Returns
    -------
    figures : dict
        For each side, a summary of each of its figures, and of its times as multiples of ours round by round: those
        of numba where it takes part, and those of NumPy as well where both do. A side of PyTorch that does not work on
        this machine is left out.
    pools : dict
        For each side, the libraries that did the work.
    """
    with ExitStack() as stack:
        children = {name: stack.enter_context(child) for name, job in jobs.items() if (child := _started(name, job))}
        if neighbour:
            stack.enter_context(busy_neighbour())
        figures = in_turn(children, rounds)
        pools = {name: child.pools for name, child in children.items()}
    bases = {"ours": base(figures)} | ({"numpy": NUMPY} if {NUMBA, NUMPY} <= set(figures) else {})
    for each in figures.values():
        timed = [key for key in ("seconds", "one") if key in each]
        each |= {f"{key}_over_{by}": over(each[key], figures[bases[by]][key]) for key in timed for by in bases}
    return {name: {key: summary(values) for key, values in each.items()} for name, each in figures.items()}, pools


def _started(name: str, job: Mapping[str, Any]) -> Child | None:
    """Return a side's process, or None where it cannot be had on this machine, and may not be."""
    try:
        return Child(**job)
    except ChildError:
        if name not in _MAY_FAIL:
            raise
        say(f"{name} does not work on this machine, and is left out")
        return None


def over(theirs: list[float], ours: list[float]) -> list[float]:
    """Return the ratios of two sides round by round, for what slows the machine slows both.

    Examples
    --------
    >>> over([2.0, 3.0], [1.0, 2.0])
    [2.0, 1.5]
    """
    return [a / b for a, b in zip(theirs, ours, strict=True)]


def summary(values: list[float]) -> dict[str, float]:
    """Return median and range, to four digits.

    Examples
    --------
    >>> summary([3.0, 1.0, 2.00001])
    {'median': 2.0, 'least': 1.0, 'most': 3.0}
    """
    return {"median": rounded(median(values)), "least": rounded(min(values)), "most": rounded(max(values))}


def rounded(value: float) -> float:
    """Return a figure to four digits, for more are noise."""
    return float(f"{value:.4g}")


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Have a process beside that never rests."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()
