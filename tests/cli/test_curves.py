"""Learning curves in a terminal: what they show, at every width."""

import pytest

from pipeline.cli.curves import TRAINING, VALIDATION, Curves, draw, plot

NAMES = ("loss", "validation_loss", "accuracy", "validation_accuracy", "learning_rate", "seconds")
EPOCHS = [
    dict(zip(NAMES, figures, strict=True))
    for figures in [
        (0.5, 0.4, 0.8, 0.85, 0.002, 1.0),
        (0.2, 0.3, 0.9, 0.95, 0.001, 2.0),
        (0.1, 0.35, 0.97, 0.94, 5e-4, 3.0),
    ]
]


def text(lines):
    """Return lines as one text."""
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [10, 30, 40, 80, 81, 120, 200])
def test_no_line_is_longer_than_the_terminal(width, ascii_only):
    """Whatever the width, with one epoch as with many."""
    for n in (1, 3, 150):
        lines = draw(Curves((EPOCHS * 50)[:n], total=200), width, ascii_only=ascii_only)
        assert lines
        assert max(line.cell_len for line in lines) <= width
        assert not ascii_only or text(lines).isascii()


def test_eighty_columns_show_all():
    """Both figures stand side by side with their values, and below are the best epoch, the rate and the time."""
    shown = text(draw(Curves(EPOCHS, total=3), 80))
    assert "loss training 0.1000 validation 0.3500" in shown
    assert "accuracy 0.9700 0.9400" in shown or "accuracy training 0.9700 validation" in shown
    assert shown.endswith("best: epoch 2, validation accuracy 0.9500 | rate 0.0005 | 3.0 s/epoch")
    assert len(shown.splitlines()) == 10


def test_a_narrow_terminal_has_one_figure_below_the_other():
    """Where two do not fit side by side."""
    lines = text(draw(Curves(EPOCHS), 40)).splitlines()
    assert [number for number, line in enumerate(lines) if line.startswith(("loss", "accuracy"))] == [0, 9]


def test_without_validation_there_is_one_curve():
    """What was not measured is not drawn, nor named, and the best epoch is that of training."""
    curves = Curves([{"loss": 0.5, "accuracy": 0.7}, {"loss": 0.4, "accuracy": 0.9}])
    shown = text(draw(curves, 80))
    assert "validation" not in shown
    assert curves.best == (2, "accuracy")


def test_nothing_is_drawn_before_the_first_epoch():
    """There is no empty frame."""
    assert draw(Curves(total=12), 80) == []


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        ([], None),
        (EPOCHS, (2, "validation_accuracy")),
        ([{"loss": 1.0, "validation_loss": 2.0}, {"loss": 0.5, "validation_loss": 3.0}], (1, "validation_loss")),
        ([{"validation_accuracy": 0.9}, {"validation_accuracy": 0.9}], (1, "validation_accuracy")),
        ([{"loss": float("nan")}, {"loss": 2.0}], (2, "loss")),
        ([{"loss": float("inf")}], None),
    ],
)
def test_the_best_epoch_is_by_validation(epochs, best):
    """By its accuracy, else its loss, else by training; the first of equals; what is no number is none."""
    assert Curves(epochs).best == best


def test_a_curve_goes_through_its_values():
    """The highest is in the first row, the lowest in the last, and neighbours are joined."""
    lines = [line.plain for line in plot([[0.0, 1.0, 0.5]], 9, 5, 0.0, 1.0, ascii_only=True)]
    assert [line[0] for line in lines] == [" ", " ", " ", " ", "*"]
    assert [line[4] for line in lines] == ["*", " ", " ", " ", " "]
    assert [line[8] for line in lines] == [" ", " ", "*", " ", " "]
    assert all(any(line[column] == "*" for line in lines) for column in range(9))


def test_braille_has_eight_dots_to_a_character():
    """A line from the lower left to the upper right of one character has a dot in the first and in the last row."""
    [line] = plot([[0.0, 1.0]], 1, 1, 0.0, 1.0)
    dots = ord(line.plain) - 0x2800
    assert dots & 0x40
    assert dots & 0x08


def test_the_curves_are_told_apart_by_colour_and_by_dashes():
    """Training is a line, validation is dashed."""
    flat = plot([[1.0, 1.0], [0.0, 0.0]], 8, 2, 0.0, 1.0)
    assert " " not in flat[0].plain
    assert " " in flat[1].plain
    assert {str(span.style) for span in flat[0].spans} == {TRAINING}
    assert VALIDATION in {str(span.style) for span in flat[1].spans}


def test_gaps_are_left_open():
    """An epoch without a figure, or with one that is no number, ends a line; no value fails to be drawn."""
    lines = plot([[1.0, None, 1.0]], 9, 2, 0.0, 1.0, ascii_only=True)
    assert lines[0].plain == "*       *"
    curves = Curves([{"loss": 1.0}, {"loss": float("nan")}, {"loss": 5e30}])
    assert max(line.cell_len for line in draw(curves, 60)) <= 60
