"""Processes that are ended at any moment: nothing is lost, nothing mixed, nothing left behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.hostile,
    pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs the signals of POSIX"),
]

ROOT = Path(__file__).parents[2]
CODES = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
FOLDERS = ("raw", "prepared", "split", "model", "evaluation")
PARAMETERS = """
fetch: {{dataset: digits}}
preprocess: {{method: {method}}}
split: {{random_state: {seed}}}
train: {{hidden_layer_sizes: [16], max_iter: 2, batch_size: 300, n_threads: 1, random_state: {seed}}}
evaluate: {{pictures: false}}
"""
RECIPE = """
title: small
reported: nothing
source: nobody
seeds: [0, 1]
fetch: {dataset: digits}
train: {hidden_layer_sizes: [16], max_iter: 2, batch_size: 300, n_threads: 1}
evaluate: {pictures: false}
"""


@pytest.fixture
def ways_to_end(draw, scaled):
    """Return what draws signals, each with a moment: half at a change of files, half at any time."""

    def make(n, n_changes, seconds):
        for number in range(scaled(n)):
            code = draw.choice(list(CODES))
            if number % 2:
                yield number, code, {"at": draw.randint(1, n_changes), "signal": int(code)}, None
            else:
                yield number, code, {}, draw.uniform(0, 1.1 * seconds)

    return make


@pytest.fixture
def end(commands, contents):
    """Return what runs a command, ends it at a moment, and sees that it ended as it should."""

    def run(place, words, code, how, after, **also):
        before = contents(place.work)
        pid = commands.start(place, *words, **how, **also)
        if after is not None:
            time.sleep(after)
            commands.kill(pid, code)
        done = commands.wait(place, pid)
        if done.code == -code and contents(place.work) == before:
            return  # by the signal itself, before there was anything to clear up
        done.check(CODES[code], 0)

    return run


def left_behind(folder):
    """Return what is unfinished in a folder, and folders without a file."""
    empty = [path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]
    return [path for path in folder.rglob(".*") if path.name.endswith(".tmp")] + [
        path for path in empty if path.name != "artifacts"
    ]


def unswept(folder):
    """Return what is left in the folder for temporary files, but for the file by which Python tries whether it can."""
    return [path for path in folder.iterdir() if path.is_dir() or path.name.startswith(".")]


@pytest.fixture
def undisturbed(commands, places, contents):
    """Run a command to its end: return what it has made, how many changes of files that took, and how long."""

    def run(name, words, prepare=lambda _: None, **also):
        place = places(name)
        prepare(place)
        log = place.root / "events"
        began = time.monotonic()
        commands.run(place, *words, events=str(log), **also).check(0)
        return contents(place.work), len(log.read_text("utf-8").splitlines()), time.monotonic() - began

    return run


def whole_run(place):
    """Write two files of parameters, which differ in every stage but the first."""
    place.write("one.yaml", PARAMETERS.format(method="unit", seed=1))
    place.write("other.yaml", PARAMETERS.format(method="standard", seed=2))


def fill(folder, files):
    """Write files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def states(found, old, new):
    """Return for each folder of the artifacts whether it is the old one or the new one."""

    def part(files, folder):
        return {name: content for name, content in files.items() if name.startswith(f"artifacts/{folder}/")}

    return "".join(
        "n" if part(found, one) == part(new, one) else "o" if part(found, one) == part(old, one) else "?"
        for one in FOLDERS
    )


IN_ORDER = {"n" * k + "o" * (5 - k) for k in range(6)}


def test_an_ended_run_loses_and_mixes_nothing(commands, places, undisturbed, contents, ways_to_end, end, failures):
    """Each folder is that of the old run or of the new one, in the order of the work; the next run is undisturbed."""
    words = ("run", "--params", "other.yaml")
    old, *_ = undisturbed("old", ("run", "--params", "one.yaml"), whole_run)
    new, n_changes, seconds = undisturbed("new", words, whole_run)
    for number, *way in ways_to_end(20, n_changes, seconds):
        place = places(number)
        fill(place.work, old)
        with failures.of(*way):
            end(place, words, *way)
            found = contents(place.work)
            assert states(found, old, new) in IN_ORDER, sorted(found)
            commands.run(place, *words).check(0)
            assert contents(place.work) == new
            assert not left_behind(place.work)
            assert not unswept(place.temporary)
        shutil.rmtree(place.root)


def comparable(files):
    """Return what of files does not depend on when and where they were made."""
    return {
        name: re.sub(rb'"(seconds|machine)": ("[^"]*"|[0-9.]+)', b"", content) if name.endswith(".json") else content
        for name, content in files.items()
        if not name.endswith((".npz", ".npy"))
    }


def test_an_ended_recipe_goes_on_where_it_was(commands, places, undisturbed, contents, ways_to_end, end, failures):
    """Results are there whole or not at all, and in the end those of all seeds, each as if nothing had happened."""
    words = ("recipes", "run", "small")
    new, n_changes, seconds = undisturbed("new", words, lambda place: place.write("recipes/small.yaml", RECIPE))
    for number, *way in ways_to_end(8, n_changes, seconds):
        place = places(number)
        place.write("recipes/small.yaml", RECIPE)
        with failures.of(*way):
            end(place, words, *way)
            for path in place.work.rglob("*.json"):
                json.loads(path.read_text("utf-8"))
            if comparable(contents(place.work)) == comparable(new):
                continue  # all was done, and to run it again makes other results beside
            commands.run(place, *words).check(0)
            assert comparable(contents(place.work)) == comparable(new)
            assert not left_behind(place.work)
            assert not unswept(place.temporary)
        shutil.rmtree(place.root)


@pytest.fixture
def mirror(tmp_path):
    """Start a server of the files of a folder: return the folder and its address."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *rest):
            super().__init__(*rest, directory=str(folder))

        def log_message(self, *_):
            """Be quiet."""

        def handle(self):
            try:
                super().handle()
            except OSError:
                """Who asked is gone."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_an_ended_fetch_keeps_one_version(
    commands,
    places,
    undisturbed,
    ways_to_end,
    end,
    failures,
    mirror,
    dataset,
    packed,
    hashes,
    contents,
    tmp_path,
    known,
):
    """A cache has the whole old version, the whole new one or none, and the next fetch brings one that is whole."""
    old, new = (dataset(version, tmp_path / f"version-{version}") for version in (1, 2))
    folder, url = mirror
    found = {"files": hashes(new) if known else dict.fromkeys(new), "mirrors": [url]}
    how = {"datasets": {"small": found}}
    words = ("fetch", "--dataset", "small")
    fill(folder, packed(new))
    made, n_changes, seconds = undisturbed("new", (*words, "--source", "mirror"), **how)
    for number, *way in ways_to_end(8, n_changes, seconds):
        place = places(number)
        with failures.of(*way):
            if not known:
                fill(folder, packed(old))
                commands.run(place, *words, **how).check(0)
                fill(folder, packed(new))
            end(place, (*words, "--source", "mirror"), *way, **how)
            commands.run(place, *words, **how).check(0)
            raw = {name: content for name, content in contents(place.work / "artifacts/raw").items() if name in new}
            assert raw in ([new] if known else [old, new])
            assert not left_behind(place.work)
            commands.run(place, *words, "--source", "mirror", **how).check(0)
            assert contents(place.work) == made
            assert not unswept(place.temporary)
            kept = {name: content for name, content in contents(place.cache).items() if ".tmp" in name}
            assert not kept, sorted(kept)
        shutil.rmtree(place.root)


def test_an_ended_fetch_of_a_folder_leaves_the_folder_alone(
    commands, places, undisturbed, ways_to_end, end, failures, dataset, contents, tmp_path
):
    """A folder of one's own that serves as the data set keeps every byte."""
    own = dataset(3, tmp_path / "own")
    (tmp_path / "own" / "thesis.tex").write_text("years of work", "utf-8")
    before = contents(tmp_path / "own")
    words = ("fetch", "--dataset", str(tmp_path / "own"))
    made, n_changes, seconds = undisturbed("new", words)
    for number, *way in ways_to_end(6, n_changes, seconds):
        place = places(number)
        with failures.of(*way):
            end(place, words, *way)
            commands.run(place, *words).check(0)
            assert contents(place.work) == made
            assert not left_behind(place.work)
            assert contents(tmp_path / "own") == before
        shutil.rmtree(place.root)
    assert set(own) <= {name.rpartition("/")[2] for name in made}


class Repository:
    """A clone of this repository with a small network, for DVC."""

    def __init__(self, place):
        self.place, self.root = place, place.work
        shutil.copytree(
            ROOT / "pipeline", self.root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
        for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "artifacts/.gitignore", "dvc.yaml"):
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / name, self.root / name)
        self.set(1)
        private = {name: str(place.root / name) for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")}
        self.environment = os.environ | place.environment | private | {
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(place.root / "site"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }  # fmt: skip
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "add", ".")
        self.run("dvc", "repro")
        self.run("git", "add", ".")
        self.run("git", "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "-m", "Reproduce")

    def set(self, seed):
        """Write the parameters."""
        method = {1: "unit", 2: "standard"}[seed]
        self.place.write("params.yaml", PARAMETERS.format(method=method, seed=seed))

    def start(self, *words):
        """Begin a command, in a session of its own, as a terminal is one."""
        how = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "start_new_session": True}
        return subprocess.Popen(words, cwd=self.root, env=self.environment, **how)

    def run(self, *words):
        """Run a command to its end."""
        with self.start(*words) as process:
            said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, f"{words}: {said}"
        return said


def test_an_ended_dvc_repro_is_mended_by_the_next(places, contents, ways_to_end, failures):
    """With DVC killed at any moment, and all that it has started: the same bytes and the same lock as undisturbed."""
    place = places("dvc")
    repository = Repository(place)
    before = place.root / "before"
    shutil.copytree(repository.root, before, symlinks=True)
    repository.set(2)
    began = time.monotonic()
    repository.run("dvc", "repro")
    seconds = time.monotonic() - began
    made = contents(repository.root / "artifacts"), (repository.root / "dvc.lock").read_bytes()
    for _, code, _, after in ways_to_end(2, 1, seconds):
        with failures.of(code, after):
            shutil.rmtree(repository.root)
            shutil.copytree(before, repository.root, symlinks=True)
            repository.set(2)
            with repository.start("dvc", "repro") as process:
                time.sleep(seconds / 2 if after is None else after)
                os.killpg(process.pid, code)
                said, _ = process.communicate(timeout=60)
            assert "/pipeline/" not in said, said  # where DVC itself has a traceback, it is not ours
            if not (repository.root / "dvc.lock").read_bytes().strip():  # DVC's own write, which is not atomic
                repository.run("git", "restore", "dvc.lock")
            repository.run("dvc", "repro")
            assert (contents(repository.root / "artifacts"), (repository.root / "dvc.lock").read_bytes()) == made
            assert not left_behind(repository.root / "artifacts")
            assert not unswept(place.temporary)
