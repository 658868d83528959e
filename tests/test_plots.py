import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from pipeline import plots

PNG = b"\x89PNG\r\n\x1a\n"


def history(n_epochs, *, validation=True):
    """Return a history in which loss falls and accuracy rises."""
    epoch = np.arange(1.0, n_epochs + 1)
    loss = 2 / epoch
    after = loss + 0.1 if validation else np.full(n_epochs, np.nan)
    return {
        "epoch": epoch,
        "loss": loss,
        "accuracy": 1 - loss / 4,
        "validation_loss": after,
        "validation_accuracy": 1 - after / 4,
    }


def table(n_classes):
    """Return a confusion matrix with ones beside a diagonal of nines."""
    return 9 * np.eye(n_classes, dtype=int) + np.eye(n_classes, k=1, dtype=int)


def images(n, shape=(8, 8)):
    """Return images of noise."""
    return np.random.default_rng(0).integers(256, size=(n, *shape), dtype=np.uint8)


def kernels(n_units, shape=(8, 8)):
    """Return the weights of a first layer."""
    return np.random.default_rng(0).normal(size=(shape[0] * shape[1], n_units))


FIGURES = {
    "learning curves": lambda: plots.learning_curves(history(5)),
    "confusion": lambda: plots.confusion(table(10), list(range(10))),
    "mistakes": lambda: plots.mistakes(images(4), ["one", "two", "three", "four"]),
    "weights": lambda: plots.weights(kernels(16), (8, 8)),
    "deformations": lambda: plots.deformations(images(2), images(6).reshape(2, 3, 8, 8), ["turned", "bent"]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_same_bytes_every_time(name):
    """A picture drawn twice is the same PNG, byte for byte, and says nothing of the program that drew it."""
    first, second = (plots.to_png(FIGURES[name]()) for _ in range(2))
    assert first.startswith(PNG)
    assert first == second
    assert b"matplotlib" not in first.lower()


@pytest.mark.parametrize("name", FIGURES)
def test_a_persons_own_settings_change_nothing(name):
    """Settings of matplotlib's that a person has made neither reach a picture nor are changed by it."""
    plain = plots.to_png(FIGURES[name]())
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert plots.to_png(FIGURES[name]()) == plain
        assert mpl.rcParams["font.size"] == 20


def test_no_window_and_no_pyplot():
    """Pictures are drawn without pyplot, which would look for a screen."""
    code = "import sys, pipeline.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("n_epochs", [1, 2, 10, 200])
def test_curves_hold_every_epoch(n_epochs):
    """Each panel has a line for training and one for validation, with every epoch on it and inside the axes."""
    figure = plots.learning_curves(history(n_epochs))
    plots.to_png(figure)
    for axes in figure.axes:
        assert [len(line.get_xdata()) for line in axes.lines] == [n_epochs, n_epochs]
        low, high = axes.get_ylim()
        assert all(low <= y <= high for line in axes.lines for y in line.get_ydata())
        assert all(tick == int(tick) for tick in axes.get_xticks())


def test_curves_are_honest():
    """The axis of loss starts at 0, that of accuracy ends at 1, and the best validation epoch is named."""
    figure = plots.learning_curves(history(4))
    losses, accuracies = figure.axes
    assert losses.get_ylim()[0] == 0
    assert accuracies.get_ylim()[1] == 1
    assert "85.00%, epoch 4" in accuracies.get_title(loc="left")


def test_curves_without_validation_rows():
    """Where there are no validation rows there is no line for them and no word of them."""
    figure = plots.learning_curves(history(3, validation=False))
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
    assert not any("validation" in text.get_text() for text in figure.axes[0].get_legend().get_texts())
    assert figure.axes[1].get_title(loc="left") == "Accuracy"


def test_curves_of_a_training_that_diverged():
    """A loss that is no number leaves a gap, and no error."""
    broken = history(4)
    broken["loss"][2:] = np.nan
    assert plots.to_png(plots.learning_curves(broken)).startswith(PNG)


@pytest.mark.parametrize("n_classes", [2, 10, 62])
def test_confusion_writes_every_count(n_classes):
    """Every count that is not 0 stands in its own cell, and the axes name every class."""
    figure = plots.confusion(table(n_classes), [f"c{k}" for k in range(n_classes)])
    axes = figure.axes[0]
    written = {(text.get_position()[1], text.get_position()[0]): int(text.get_text()) for text in axes.texts}
    assert written == {(row, column): table(n_classes)[row, column] for row, column in np.argwhere(table(n_classes))}
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"c{k}" for k in range(n_classes)]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_confusion_of_a_class_without_rows():
    """A row of zeros is drawn empty."""
    counts = np.array([[3, 0], [0, 0]])
    figure = plots.confusion(counts, ["a", "b"])
    assert np.array_equal(figure.axes[0].images[0].get_array(), [[1, 0], [0, 0]])


@pytest.mark.parametrize("n_images", [0, 1, 7, 25])
@pytest.mark.parametrize("shape", [(8, 8), (4, 12), (12, 4)])
def test_mistakes_show_every_image_under_its_caption(n_images, shape):
    """Every image is there, whole, on the scale of a pixel, with its caption; with no image the sheet says so."""
    sheet = images(n_images, shape)
    figure = plots.mistakes(sheet, [f"image {k}" for k in range(n_images)], "Title")
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [f"image {k}" for k in range(n_images)]
    assert all(np.array_equal(axes.images[0].get_array(), image) for axes, image in zip(shown, sheet, strict=True))
    assert all(axes.images[0].get_clim() == (0, 255) for axes in shown)
    assert figure.get_suptitle() == ("Title" if n_images else "Title: none")


@pytest.mark.parametrize("n_units", [1, 5, 64, 100])
@pytest.mark.parametrize("shape", [(8, 8), (4, 12)])
def test_weights_show_the_strongest_units(n_units, shape):
    """Units go down in norm, no more than 64 of them, all on one scale that is the same on both sides of 0."""
    W = kernels(n_units, shape)
    drawn = [axes.images[0] for axes in plots.weights(W, shape).axes if axes.images]
    strongest = sorted(range(n_units), key=lambda unit: -np.linalg.norm(W[:, unit]))[:64]
    assert len(drawn) == min(n_units, 64)
    assert all(
        np.array_equal(image.get_array(), W[:, unit].reshape(shape))
        for image, unit in zip(drawn, strongest, strict=True)
    )
    limits = {image.get_clim() for image in drawn}
    assert len(limits) == 1
    assert sum(limits.pop()) == 0


def test_weights_of_zeros():
    """A layer that learned nothing is drawn pale, without a warning."""
    assert plots.to_png(plots.weights(np.zeros((16, 3)), (4, 4))).startswith(PNG)


@pytest.mark.parametrize(("n_rows", "n_copies"), [(1, 1), (3, 5)])
@pytest.mark.parametrize("shape", [(8, 8), (4, 12)])
def test_deformations_stand_beside_their_image(n_rows, n_copies, shape):
    """Each row holds its caption, its image and then every copy, whole, all on one scale."""
    before = images(n_rows, shape)
    after = images(n_rows * n_copies, shape).reshape(n_rows, n_copies, *shape)
    figure = plots.deformations(before, after, [f"way {k}" for k in range(n_rows)])
    drawn = np.array([axes.images[0].get_array() for axes in figure.axes]).reshape(n_rows, 1 + n_copies, *shape)
    assert np.array_equal(drawn[:, 0], before)
    assert np.array_equal(drawn[:, 1:], after)
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == [f"way {k}" for k in range(n_rows)]
    assert {axes.images[0].get_clim() for axes in figure.axes} == {(0, before.max())}
