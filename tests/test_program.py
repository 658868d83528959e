"""The name of the program in advice, and Ctrl-C before there is anything to clear up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import program

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("/usr/bin/digits", "digits"),
        ("digits.exe", "digits"),
        ("/home/a/pipeline/__main__.py", "python -m pipeline"),
        ("digits-study.py", "python -m pipeline"),
        ("", "python -m pipeline"),
    ],
)
def test_advice_names_the_program_as_it_was_called(monkeypatch, called, name):
    """Whatever the folder and the ending, and in a script or a notebook the form that works everywhere."""
    monkeypatch.setattr(sys, "argv", [called, "train"])
    assert program.command("fetch", "--help") == f"`{name} fetch --help`"


@pytest.mark.parametrize(
    ("called", "name"),
    [([sys.executable, "-m", "pipeline"], "python -m pipeline"), ([sys.executable, "digits"], "digits")],
)
def test_an_error_of_a_real_process_names_it_too(tmp_path, called, name):
    """What is printed can be typed."""
    (tmp_path / "digits").write_text("from pipeline.__main__ import main\nmain()\n", "utf-8")
    done = run(tmp_path, *called, "train")
    line = done.stderr.splitlines()[-1]
    assert line == f"error: artifacts/prepared is missing: `{name} preprocess` makes it (`run` makes all)"


def run(folder, *words):
    """Run a program in a folder, with this package on its path."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=False, encoding="utf-8")


WITHOUT = """
import sys
sys.modules[{name!r}] = None  # as if it were not installed
sys.argv = ["digits", {command!r}]
from pipeline.__main__ import main
main()
"""


@pytest.mark.parametrize(("name", "command"), [("typer", "--help"), ("rich.console", "--help"), ("sklearn", "train")])
def test_a_missing_package_is_one_line(tmp_path, name, command):
    """Before any command is there, and within one, it is told what to do in the place of a traceback."""
    done = run(tmp_path, sys.executable, "-c", WITHOUT.format(name=name, command=command))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: the package {name.split('.')[0]} is not installed for {sys.executable}: activate")


ENDINGS = {"SIGINT": (130, "interrupted\n"), "SIGTERM": (143, ""), "SIGHUP": (129, "")}

SLOW = """
import signal, sys, time
from pathlib import Path

signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background, tests inherit that it is ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and under nohup this

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            Path("there").touch()
            time.sleep(30)

sys.meta_path.insert(0, Slow())
sys.argv = ["digits", "train"]
from pipeline.__main__ import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="has no such signal")
@pytest.mark.parametrize(
    ("told", "module", "expected"),
    [
        *(
            ("SIGINT", module, (130, "interrupted\n"))
            for module in ("pipeline.program", "pipeline.cli", "typer", "numpy")
        ),
        *((told, "sklearn", expected) for told, expected in ENDINGS.items()),
    ],
)
def test_an_interruption_at_the_start_leaves_no_traceback(tmp_path, told, module, expected):
    """Ctrl-C while modules are imported is one line and exit code 130; what tells a process to end has its own code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", SLOW.format(module=module)]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "there").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(getattr(signal, told))
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == expected


SIGNALS = [signal.SIGINT, *program.ENDING]


@pytest.fixture
def handler():
    """Give the process its own handlers back."""
    before = {one: signal.getsignal(one) for one in SIGNALS}
    yield
    for one, own in before.items():
        signal.signal(one, own)


@pytest.mark.usefixtures("handler")
def test_once_work_begins_an_interruption_is_an_exception():
    """What is half done can be cleared up."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    program.leave_on_signals()
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    program.work_begins()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize("told", program.ENDING)
def test_once_work_begins_to_be_told_to_end_is_an_exception(told):
    """The exit code says by what; told again while it clears up, the process goes on clearing up."""
    for one in program.ENDING:
        signal.signal(one, signal.SIG_DFL)
    program.leave_on_signals()
    program.work_begins()
    with pytest.raises(SystemExit) as ending:
        signal.raise_signal(told)
    assert ending.value.code == 128 + told
    for one in program.ENDING:
        signal.raise_signal(one)


@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize("own", [signal.SIG_IGN, lambda *_: None])
@pytest.mark.parametrize("one", SIGNALS)
def test_a_handler_of_another_s_stays(one, own):
    """In the background of a shell Ctrl-C is ignored, under ``nohup`` a closed terminal, and goes on being so."""
    signal.signal(one, own)
    program.leave_on_signals()
    program.work_begins()
    assert signal.getsignal(one) is own
