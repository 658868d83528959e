"""A process that replaces a folder again and again, killed at any moment: one whole folder is there, and no other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.files import sweep

pytestmark = [
    pytest.mark.hostile,
    pytest.mark.skipif(os.name == "nt", reason="there are no such locks there, and nothing is removed"),
]

CODE = """
import sys
from pathlib import Path
from pipeline import files
target, at_once = Path(sys.argv[1]), sys.argv[2] == "True"
if not at_once:
    files._exchanging_call = lambda: None
for number in range(10**9):
    with files.replacing_folder(target) as folder:
        for name in ("one", "other"):
            (folder / name).write_text(str(number), "utf-8")
    if number == 2:
        print("begun", flush=True)
"""


@pytest.mark.parametrize("at_once", [True, False])
def test_a_killed_process_leaves_one_whole_folder(tmp_path, scaled, draw, at_once):
    """Exchanged at once it is never gone; in two steps it is given back by whoever comes next."""
    target, environment = tmp_path / "model", os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    for _ in range(scaled(15)):
        words = [sys.executable, "-c", CODE, str(target), str(at_once)]
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"begun\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(draw.random() / 20)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert target.is_dir() or not at_once
        sweep(tmp_path, ["model"])
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        assert (target / "one").read_bytes() == (target / "other").read_bytes() != b""
