"""Disks without room: one line that names the file, and what was there before stays."""

import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.hostile

PARAMETERS = """
fetch: {{dataset: digits}}
preprocess: {{method: unit}}
split: {{random_state: {seed}}}
train: {{hidden_layer_sizes: [200], max_iter: 1, batch_size: 300, n_threads: 1, random_state: {seed}}}
evaluate: {{pictures: false}}
"""
FOLDERS = ("raw", "prepared", "split", "model", "evaluation")


@pytest.fixture
def small_disk(tmp_path):
    """Return what mounts a disk of some size; where that is not allowed, the test is left out."""
    mounted, mount = [], shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")

    def make(name, n_bytes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        words = [mount, "-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run([shutil.which("umount"), str(folder)], check=True)


def within(contents, folder):
    """Return the files of a folder of the artifacts."""
    return {name: content for name, content in contents.items() if name.startswith(f"{folder}/")}


def check_old_or_new(found, old, new):
    """See that each folder is whole: the old one or the new one."""
    for folder in FOLDERS:
        assert within(found, folder) in (within(old, folder), within(new, folder)), folder


@pytest.fixture
def old_and_new(commands, places, contents):
    """Run twice, with other parameters: return what each has made."""
    made = []
    for seed in (1, 2):
        place = places(f"seed-{seed}")
        place.write("params.yaml", PARAMETERS.format(seed=seed))
        commands.run(place, "run").check(0)
        made.append(contents(place.work / "artifacts"))
    return made


def test_a_full_disk_loses_nothing(commands, places, contents, small_disk, old_and_new, draw, scaled, failures):
    """Wherever the disk ends, the run says in a line what it could not write, and folders stay whole."""
    old, new = old_and_new
    size = sum(map(len, old.values()))
    for number in range(scaled(10)):
        n_bytes = size + 2**16 + draw.randrange(size)
        place = places(number)
        place.write("params.yaml", PARAMETERS.format(seed=2))
        disk = small_disk(f"disk-{number}", n_bytes)
        for name, content in old.items():
            (disk / name).parent.mkdir(exist_ok=True)
            (disk / name).write_bytes(content)
        with failures.of(n_bytes):
            done = commands.run(place, "run", "--artifacts", str(disk)).check(0, 1)
            if done.code:
                line = done.refused(1)
                assert str(disk) in line
            found = contents(disk)
            check_old_or_new(found, old, new)
            assert not [path for path in disk.iterdir() if path.name.endswith(".tmp")]


def test_a_bound_on_files_loses_nothing(commands, places, contents, old_and_new, draw, scaled, failures):
    """Where a file may not grow as large as it must (``ulimit -f``), it is the same."""
    old, new = old_and_new
    largest = max(map(len, new.values()))
    for number in range(scaled(10)):
        n_bytes = draw.randrange(1000, largest + 1000)
        place = places(number)
        place.write("params.yaml", PARAMETERS.format(seed=2))
        for name, content in old.items():
            path = place.work / "artifacts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with failures.of(n_bytes):
            done = commands.run(place, "run", file_size=n_bytes).check(0, 1)
            if done.code:
                assert "artifacts" in done.refused(1)
            check_old_or_new(contents(place.work / "artifacts"), old, new)
            assert not [path for path in (place.work / "artifacts").iterdir() if path.name.endswith(".tmp")]
