"""What a person sees: bars where there is a terminal, lines where there is none, and results that align."""

import io

import numpy as np
import pytest
from rich.console import Console

from pipeline.terminal import RichProgress, format_figures, format_result


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
        "pipeline.terminal.Console", lambda **_: Console(file=stream, force_terminal=True, width=120, color_system=None)
    )
    return stream


def test_a_log_gets_what_is_said_and_no_bar(capsys):
    """Where the error stream is no terminal, it has the lines alone, word for word."""
    work(RichProgress())
    assert capsys.readouterr() == ("", "from [bold] the npm package\n")


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
