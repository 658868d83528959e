"""``train --watch``: curves on a terminal, lines in a log, a page for a browser, and the same bytes as without."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipeline.artifacts import MODEL
from pipeline.cli.app import app
from pipeline.cli.stage_command import stage_class
from pipeline.cli.watching import WatchProgress
from pipeline.parameters import parameters_of

ROOT = Path(__file__).parents[2]
FIGURES = {"loss": 0.5, "validation_loss": 0.4, "accuracy": 0.8, "validation_accuracy": 0.9, "learning_rate": 0.001}


@pytest.fixture
def artifacts(workplace, tmp_path, monkeypatch):
    """Return a copy of artifacts of the small digits, in the current folder."""
    shutil.copytree(workplace / "artifacts", tmp_path / "artifacts")
    shutil.rmtree(tmp_path / "artifacts" / MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "artifacts"


def train(*words):
    """Run the stage in this process, for two epochs."""
    return CliRunner().invoke(app, ["train", "--max-iter", "2", *words])


def work(progress):
    """Do what a training does, with a piece of other work inside."""
    with progress:
        progress.begin("train", 3, "epochs")
        progress.begin("compiling", None, "loops")
        progress.advance()
        progress.end()
        for step in range(3):
            progress.advance(1, **FIGURES | {"loss": 0.5 - step / 10})
        progress.end()


def test_it_remembers_every_epoch(capsys):
    """With the seconds that each took; other work is none."""
    work(progress := WatchProgress())
    assert progress.curves.values("loss") == [0.5, 0.4, 0.3]
    assert progress.curves.total == 3
    assert all(seconds >= 0 for seconds in progress.curves.values("seconds"))
    capsys.readouterr()


def test_a_log_has_lines_and_in_the_end_the_best_epoch(capsys):
    """No curve, and no character that is none of a line."""
    work(WatchProgress())
    out, err = capsys.readouterr()
    assert out == ""
    *lines, last = err.splitlines()
    line = "train 3/3 epochs: loss 0.3000/0.4000 accuracy 0.8000/0.9000 (training/validation)"
    assert lines[-1] == line
    assert len(lines) == 3
    assert last.startswith("best: epoch 1, validation accuracy 0.9000 | rate 0.001 | ")


@pytest.mark.parametrize(("drawing", "drawn"), [(True, True), (False, False)])
def test_a_terminal_has_curves_above_the_bar(monkeypatch, drawing, drawn):
    """With --watch; who asks for the page alone has the bar alone."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr("pipeline.cli.terminal.Console", lambda **_: console)
    work(WatchProgress(drawing=drawing))
    last = stream.getvalue()
    assert ("loss training 0.3000 validation 0.4000" in last) is drawn
    assert "3/3 epochs" in last


@pytest.mark.parametrize("words", [("--watch",), ("--watch-page",), ("--watch", "--watch-port", "0")])
def test_artifacts_have_the_same_bytes(artifacts, words):
    """Who looks changes nothing."""
    written = []
    for options in ((), words):
        done = train(*options)
        assert done.exit_code == 0, done.output
        written.append({path.name: path.read_bytes() for path in (artifacts / MODEL).iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 3


def test_looking_is_no_parameter():
    """No option of it is an argument of the constructor, and so none is in params.yaml or in a record."""
    assert not [name for name in parameters_of(stage_class("train")) if "watch" in name]


def test_other_stages_have_no_such_option():
    """Only training has epochs."""
    assert CliRunner().invoke(app, ["split", "--watch"]).exit_code == 2


def test_json_stays_one_document(artifacts):
    """Curves and addresses go to the error stream."""
    assert artifacts.is_dir()
    done = train("--watch", "--watch-page", "--json")
    assert json.loads(done.stdout)["train"]["epochs"] == 2
    assert "the curves are on http://127.0.0.1:" in done.stderr


def test_a_port_that_is_taken_ends_before_any_work(artifacts):
    """With the exit code of a wrong usage."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = train("--watch-port", str(port))
    assert done.exit_code == 2
    assert f"--watch-port must be a port that is free; got {port}" in done.stderr
    assert not (artifacts / MODEL).exists()


def test_a_running_training_answers_and_can_be_interrupted(artifacts):
    """A real client follows a real process; the server ends with it."""
    command = [sys.executable, "-m", "pipeline", "train", "--max-iter", "100000", "--watch-page"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        address = None
        epochs = []
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                address = found[0]
            if address and line.startswith("train "):
                with urllib.request.urlopen(f"{address}epochs?from=0", timeout=100) as answer:
                    epochs = json.load(answer)["epochs"]
                break
        assert epochs
        assert {"loss", "accuracy", "learning_rate", "seconds"} <= set(epochs[0])
        process.send_signal(2)
        assert process.stderr.read().rstrip().endswith("interrupted")
        assert process.wait(100) == 130
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(address, timeout=100)
    finally:
        process.kill()
        process.communicate()
    assert not (artifacts / MODEL).exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("columns", [40, 80])
def test_on_a_real_terminal_the_last_picture_stays(artifacts, columns):
    """It is drawn in the width of the terminal, and stands there when the command has ended."""
    import fcntl
    import pty
    import struct
    import termios

    assert artifacts.is_dir()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "train", "--max-iter", "3", "--watch"],
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        env=environment | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PYTHONUTF8": "1"},
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so where the other side is closed
            break
        if not piece:
            break
        drawn += piece
    os.close(ours)
    assert process.wait(100) == 0
    words = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.decode())
    lines = words.partition("params.yaml")[2].replace("\r", "\n").splitlines()[1:]
    assert max(map(len, lines)) <= columns
    last = [number for number, line in enumerate(lines) if line.startswith("loss ")][-1]
    shown = "\n".join(lines[last:])
    assert "best: epoch" in shown
    assert "3/3" in shown
    assert any("\u2800" < letter <= "\u28ff" for letter in shown)
