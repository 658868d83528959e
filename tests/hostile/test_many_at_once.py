"""Many processes that want one folder: one at a time has it, whoever is killed, and none waits for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.hostile

CODE = """
import os, sys
from pathlib import Path
from pipeline.locking import locking
folder = Path(sys.argv[1])
for number in range(int(sys.argv[2])):
    with locking(folder, wait=True):
        os.close(os.open(folder / "alone", os.O_CREAT | os.O_EXCL))
        os.unlink(folder / "alone")
"""


def test_one_at_a_time(tmp_path, scaled):
    """The lock's file is removed and made anew all the time, and never do two have it."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-c", CODE, str(tmp_path), str(scaled(10))]
    several = [subprocess.Popen(words, env=environment, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1] for process in several] == [b""] * 4
    assert [process.returncode for process in several] == [0] * 4
    assert list(tmp_path.iterdir()) == []
