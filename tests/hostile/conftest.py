"""Attacks, drawn by a seed: ``--hostile-size 10`` draws ten times as many, ``--hostile-seed 1`` draws others."""

import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.idx import FILES, write_idx

ROOT = Path(__file__).parents[2]


def pytest_addoption(parser):
    """Let a night be longer than a change."""
    group = parser.getgroup("hostile", "attacks on the pipeline")
    group.addoption("--hostile-size", type=float, default=1.0, help="how many times as many attacks; 1 takes minutes")
    group.addoption("--hostile-seed", type=int, default=0, help="what draws them")


@pytest.fixture(scope="session")
def scaled(pytestconfig):
    """Return how many attacks to make in the place of so many."""
    size = pytestconfig.getoption("--hostile-size", default=1.0)
    return lambda n: max(1, round(n * size))


@pytest.fixture
def draw(request):
    """Return what draws the attacks of a test: the same with every run of a seed, and others for every test."""
    seed = request.config.getoption("--hostile-seed", default=0)
    return random.Random(f"{seed} {request.node.nodeid.rpartition('/')[2]}")


@dataclass
class Done:
    """What became of a command: its exit code, None where it was not done in time, and what it said."""

    code: int | None
    out: str
    error: str

    def check(self, *codes):
        """See that it ended as it should, and without a traceback."""
        assert self.code in codes, f"exit code {self.code}, not {codes}: {self.error[-2000:]}"
        assert "Traceback" not in self.error, self.error[-2000:]
        return self

    def refused(self, *codes):
        """See that it ended with one line that says why."""
        self.check(*codes)
        last = self.error.splitlines()[-1]
        assert last.startswith("error: "), self.error[-2000:]
        assert last.isprintable()
        return last


class Commands:
    """Commands of the program, each in a process of its own that is forked from one where all is imported."""

    def __init__(self):
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        words = [sys.executable, str(Path(__file__).with_name("forkserver.py"))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(words, env=environment, text=True, **pipes)

    def start(self, place, *words, **how):
        """Begin a command in a place, and return its process number."""
        place.number += 1
        out, error = (place.root / f"{kind}-{place.number}" for kind in ("out", "error"))
        asked = {"argv": words, "cwd": str(place.work), "environment": place.environment}
        pid = self._ask(asked | {"out": str(out), "error": str(error)} | how)["pid"]
        place.started[pid] = (out, error)
        return pid

    def wait(self, place, pid, seconds=60):
        """Wait for a command to end, and return what became of it."""
        code = self._ask({"pid": pid, "seconds": seconds})["code"]
        return Done(code, *(path.read_text("utf-8", "replace") for path in place.started.pop(pid)))

    def run(self, place, *words, seconds=60, **how):
        """Run a command to its end."""
        return self.wait(place, self.start(place, *words, **how), seconds)

    def kill(self, pid, code):
        """Send a signal; at worst the command has ended, and waits to be asked for."""
        os.kill(pid, code)

    def _ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="session")
def commands():
    """Start the process that others are forked from."""
    made = Commands()
    yield made
    made.process.stdin.close()
    made.process.wait(10)
    made.process.stdout.close()


class Place:
    """A folder to work in, and all that a command may write to: its cache and its folder for temporary files."""

    def __init__(self, root):
        self.root, self.work, self.temporary, self.cache = root, root / "work", root / "temporary", root / "cache"
        for folder in (self.work, self.temporary, self.cache):
            folder.mkdir(parents=True)
        self.number, self.started = 0, {}
        self.environment = {
            "COLUMNS": "80",
            "DIGITS_CACHE": str(self.cache),
            "HOME": str(root),
            "NO_PROXY": "127.0.0.1",
            "TMPDIR": str(self.temporary),
        }

    @property
    def allowed(self):
        """Return the folders that a command may write to."""
        return [str(folder) for folder in (self.work, self.temporary, self.cache)]

    def write(self, name, text):
        """Write a file to work with."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path


@pytest.fixture
def place(tmp_path):
    """Make a folder to work in."""
    return Place(tmp_path / "place")


@pytest.fixture
def places(tmp_path):
    """Return what makes folders to work in."""
    return lambda name: Place(tmp_path / str(name))


@pytest.fixture
def contents():
    """Return what reads all files of a folder: their bytes by their names."""

    def read(folder):
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    return read


class Failures:
    """The attacks of a test that have succeeded: all of them are told, not the first alone."""

    def __init__(self):
        self.told, self.n = [], 0

    @contextmanager
    def of(self, *attack):
        """Go on after an attack that has succeeded."""
        self.n += 1
        try:
            yield
        except AssertionError as error:
            self.told.append(f"{str(error)[:400]} -- by {attack}"[:800])


@pytest.fixture
def failures():
    """Gather the attacks that have succeeded, and tell them at the end."""
    made = Failures()
    yield made
    assert not made.told, f"{len(made.told)} of {made.n}:\n" + "\n".join(made.told[:20])


@pytest.fixture
def dataset():
    """Return what makes a small data set, other images for each version: the four raw files by name."""

    def make(version, folder):
        folder.mkdir()
        drawn = np.random.default_rng(version)
        for names, n in zip(FILES.values(), (60, 20), strict=True):
            write_idx(folder / names[0], drawn.integers(0, 256, (n, 4, 4)).astype(np.uint8))
            write_idx(folder / names[1], np.arange(n, dtype=np.uint8) % 5)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    return make


@pytest.fixture
def hashes():
    """Return what takes the SHA-256 of files by name."""
    return lambda files: {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


@pytest.fixture
def packed():
    """Return what compresses files by name."""
    return lambda files: {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in files.items()}
