"""A disk that is full, or takes no file so large: one line, no signal, what was there before, and nothing beside it."""

import os
import re
import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.cli.stage_command import STAGES, stage_class
from pipeline.files import FullDiskError

pytestmark = pytest.mark.hostile

PARAMETERS = {
    "fetch": {"dataset": "digits"},
    "preprocess": {},
    "split": {},
    "train": {"hidden_layer_sizes": (32,), "max_iter": 1},
    "evaluate": {"pictures": False},
}
OUTPUTS = dict(zip(STAGES, ("raw", "prepared", "split", "model", "evaluation"), strict=True))


def run(name, artifacts):
    """Run a stage."""
    return stage_class(name)(**PARAMETERS[name]).run(artifacts)


def contents(folder):
    """Return all that is in a folder, and what the files hold."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """Mount a small disk that holds the artifacts of all stages."""
    folder = tmp_path_factory.mktemp("disk")
    if not shutil.which("mount") or subprocess.call(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]):  # noqa: S607
        pytest.skip("only the system's administrator may mount a disk here")
    try:
        for name in STAGES:
            run(name, folder / "artifacts")
        yield folder
    finally:
        subprocess.check_call(["umount", folder])  # noqa: S607


@pytest.fixture
def full(disk):
    """Fill the disk but for one page."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - 8192)
    yield disk
    filler.unlink()


@pytest.mark.parametrize("name", STAGES)
def test_a_full_disk_is_told_by_the_file_and_what_it_takes(full, name):
    """Every stage says which file it is, how large, and how much is free; the old folder stays as it was."""
    before = contents(full / "artifacts")
    with pytest.raises(FullDiskError) as caught:
        run(name, full / "artifacts")
    told = r"cannot be written: No space left on device; it takes (more than )?\d+ bytes, and \d+ are free there"
    place = re.escape(str(full / "artifacts" / OUTPUTS[name]))
    assert re.fullmatch(rf"{place}/\S+ {told}", str(caught.value))
    assert contents(full / "artifacts") == before


def test_the_command_ends_with_one_line(full):
    """The exit code is 1; the error stream has a line, and the output nothing."""
    result = CliRunner().invoke(app, ["preprocess", "--artifacts", str(full / "artifacts")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(r"error: \S+prepared/\S+ cannot be written: .* are free there\n", result.stderr)


@pytest.mark.skipif(os.name == "nt", reason="there are no such limits there")
@pytest.mark.parametrize("name", STAGES)
def test_a_file_that_is_too_large_is_told(tmp_path, name):
    """The same where the system bounds files: a limit of the process, a quota, a file system of old."""
    import resource

    for stage in STAGES:
        run(stage, tmp_path)
    before, old = contents(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in (tmp_path / OUTPUTS[name]).iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, old[1]))
    try:
        with pytest.raises(FullDiskError, match=r"\S+ cannot be written: File too large; it takes .*\d+ bytes$"):
            run(name, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert contents(tmp_path) == before
