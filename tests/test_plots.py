import io
import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from pipeline import plots

OWN_FONTS = [font for font in plots.fontManager.ttflist if Path(font.fname).is_relative_to(mpl.get_data_path())]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def fonts(monkeypatch):
    """Let there be no fonts but those that matplotlib brings, whatever machine this is."""
    monkeypatch.setattr(plots.fontManager, "ttflist", OWN_FONTS)
    plots._family.cache_clear()
    yield
    plots._family.cache_clear()


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


NAMES = {
    "numbers": [str(number) for number in range(12)],
    "words": ["Ankle boot", "Bag", "T-shirt top"],
    "long": ["a name so long that no picture has the space for all of it", "cat"],
    "alike": [
        f"a long name that differs only where it is cut, {number}, and never at its ends" for number in range(47)
    ],
    "other scripts": [
        "\u304a",
        "\u65e5\u672c\u8a9e\u306e\u9577\u3044\u540d\u524d\u3067\u3059",
        "\u0916",
        "\u00e9",
        "line\nbreak",
    ],
}


def boxes_of(figure, texts):
    """Return where texts stand, in pixels, with the size of the figure."""
    plots.to_png(figure)
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in texts], figure.bbox


@pytest.mark.parametrize("names", NAMES)
def test_names_of_classes_can_be_read_in_a_confusion_matrix(names):
    """They stand within the picture, beside the axes, and no two are alike or touch each other."""
    n_classes = len(NAMES[names])
    figure = plots.confusion(table(n_classes), NAMES[names], "Test images: accuracy 98.76%")
    axes = figure.axes[0]
    down, across = axes.get_yticklabels(), axes.get_xticklabels()
    boxes, whole = boxes_of(figure, [*down, *across, axes.xaxis.label, axes.yaxis.label])
    assert len({text.get_text() for text in down}) == n_classes
    assert [text.get_text() for text in across] == [text.get_text() for text in down]
    assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 for box in boxes)
    assert not any(one.overlaps(other) for one, other in pairwise(boxes[:n_classes]))
    assert not any(box.overlaps(axes.bbox) for box in boxes[:n_classes])
    title, _ = boxes_of(figure, [axes._left_title])
    assert title[0].x1 <= whole.x1


@pytest.mark.parametrize("names", NAMES)
def test_captions_of_mistakes_do_not_touch(names):
    """However long the names of the classes are."""
    words = plots.names_of(NAMES[names])
    figure = plots.mistakes(images(9), [f"true {words[0]},\npredicted {words[k % 2]}\n99.9%, row 1" for k in range(9)])
    boxes, whole = boxes_of(figure, [axes.title for axes in figure.axes])
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 for box in boxes)


def test_names_are_drawn_to_the_letter():
    """What matplotlib takes for mathematics is a letter; what no font has is escaped; both ends of a long name stay."""
    drawn = plots.names_of([0, "$a$", "\u304a", "\u202e", "x" * 100, "caf\u00e9"])
    assert drawn == ["0", r"\$a\$", r"\u304a", r"\u202e", "xxxxxxxxx ... xxxxxxxxxx", "caf\u00e9"]


def test_names_that_are_cut_alike_are_numbered():
    """Two names that differ in the middle alone are told apart by their places."""
    first, other, last = plots.names_of([f"{'a' * 20}{letter}{'a' * 20}" for letter in "bcd"])
    assert len({first, other, last}) == 3
    assert (first[-3:], last[-3:]) == ("(0)", "(2)")


def test_a_letter_that_another_font_has_is_drawn_in_that_font():
    """Matplotlib's own font is asked first, and then those of the machine."""
    assert plots._families("a1\u00e9") == ["DejaVu Sans"]
    assert plots._families("a\U0001d49c") == ["DejaVu Sans", "STIXGeneral"]
    assert plots.names_of(["\U0001d49c"]) == ["\U0001d49c"]
    assert plots.to_png(plots.confusion(table(2), ["\U0001d49c", "b"])).startswith(PNG)


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
    assert figure.get_suptitle() == ("Title" if n_images else "Title: none shown")


def pixels_of(figure):
    """Return all pixels of the PNG of a figure, as a set of colours."""
    drawn = mpl.image.imread(io.BytesIO(plots.to_png(figure)))
    return {tuple(colour) for colour in np.rint(255 * drawn[..., :3]).astype(int).reshape(-1, 3).tolist()}


def test_mistakes_have_their_colours():
    """A coloured image is drawn in its own colours, neither inverted nor as ink."""
    sheet = np.empty((2, 4, 4, 3), np.uint8)
    sheet[0], sheet[1] = (230, 60, 70), (40, 122, 250)
    assert pixels_of(plots.mistakes(sheet, ["red", "blue"])) >= {(230, 60, 70), (40, 122, 250)}


def test_weights_have_the_colours_that_excite():
    """What is excited by red alone is drawn red, what is inhibited by it the opposite, and 0 grey, without a scale."""
    W = np.zeros((4, 4, 3, 2))
    W[:2, :, 0, 0], W[:2, :, 0, 1] = 0.5, -0.5
    figure = plots.weights(W.reshape(48, 2), (4, 4, 3))
    assert pixels_of(figure) >= {(255, 127, 127), (0, 127, 127), (127, 127, 127)}
    assert "grey is 0" in figure.get_suptitle()
    assert len([axes for axes in figure.axes if axes.images]) == 2


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


def sheet(n_seen, picture=(90, 120), n_images=None, label="7", sure=True):
    """Return a picture with so many boxes, and images beside it."""
    image = np.full((28, 28), 40, np.uint8)
    height, width = (picture or (1, 1))[:2]
    boxes = [(height / 4, width * n / (n_seen + 1), height / 2, width * (n + 1) / (n_seen + 1)) for n in range(n_seen)]
    seen = [plots.Seen(image, label, 0.5, sure, None if picture is None else box) for box in boxes]
    page = None if picture is None else np.full(picture, 200, np.uint8)
    return plots.Sheet("page.png", page, seen, n_seen if n_images is None else n_images)


@pytest.mark.parametrize("shape", [(90, 120), (2000, 300), (10, 3000), (90, 120, 3), (1, 1), None])
@pytest.mark.parametrize("n_seen", [0, 1, 3, 30])
def test_what_was_seen_stands_inside_the_picture(shape, n_seen):
    """However large a page is and whatever its shape, all boxes, images and words are within the figure."""
    figure = plots.predictions([sheet(n_seen, shape), sheet(2)])
    [axes] = figure.axes
    height = axes.get_ylim()[0]
    assert figure.get_size_inches().tolist() == pytest.approx([10, height / 100])
    for image in axes.images:
        left, right, bottom, top = image.get_extent()
        assert 0 <= left < right <= 1000
        assert 0 <= top < bottom <= height
    assert all(0 <= text.get_position()[0] < 1000 and 0 < text.get_position()[1] < height for text in axes.texts)
    assert len(axes.images) == n_seen + 2 + 1 + (shape is not None)
    assert plots.to_png(figure).startswith(PNG)


def test_what_does_not_count_is_orange():
    """Boxes and answers alike; the others are blue."""
    colours = {}
    for sure in (True, False):
        [axes] = plots.predictions([sheet(3, sure=sure)]).axes
        colours[sure] = {text.get_color() for text in axes.texts if text.get_weight() == "bold"}
    assert colours == {True: {"white", plots.BLUE}, False: {"white", plots.ORANGE}}


def test_images_that_are_not_drawn_are_counted():
    """The line says how many more there are."""
    [axes] = plots.predictions([sheet(5, n_images=12)]).axes
    assert "and 7 more images" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("label", ["a rather long name of a class", "5 $ or 6 $"])
def test_names_of_what_was_seen_do_not_touch(label):
    """A name has the space that it takes, and is drawn to the letter."""
    figure = plots.predictions([sheet(9, label=label)])
    plots.to_png(figure)
    renderer = figure.canvas.get_renderer()
    names = [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_color() == plots.BLUE]
    assert len(names) == 9
    assert not any(one.overlaps(other) for one, other in combinations(names, 2))


def layer(n_units, activation, update, histogram):
    """Return what a diagnosis has of a layer, as far as it is drawn."""
    return {"n_units": n_units, "activation": activation, "update": update, "histogram": histogram}


@pytest.mark.parametrize(("n_hidden", "n_drawn"), [(0, 0), (1, 1), (6, 6), (20, 6)])
def test_activations_are_columns_by_epoch(n_hidden, n_drawn):
    """A panel for each hidden layer, or for six of them, dark where outputs are, and one for the updates."""
    histogram = {"low": 0.0, "high": 2.0, "counts": [3, 0]}
    hidden = [layer(4, "ReLU", 0.01, histogram)] * n_hidden
    epochs = [{"epoch": number, "layers": [*hidden, layer(3, None, 0.001, None)]} for number in range(3)]
    figure = plots.activations({"epochs": epochs})
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == n_drawn
    for axes in panels:
        columns = axes.images[0].get_array()
        assert columns.shape[1] == 3
        assert np.allclose(columns[:40], 1)
        assert columns[40:].max() == 0
    [updates] = [axes for axes in figure.axes if axes.lines]
    assert updates.get_title(loc="left") == "Last update / weights"
    assert plots.to_png(figure) == plots.to_png(plots.activations({"epochs": epochs}))


def test_activations_of_a_training_that_diverged_or_made_no_update():
    """Epochs without finite numbers are empty columns, and no update is drawn where none was made."""
    one = {"low": 0.5, "high": 0.5, "counts": [4]}
    epochs = [
        {"epoch": 0, "layers": [layer(4, "ReLU", None, one), layer(3, None, None, None)]},
        {"epoch": 1, "layers": [layer(4, "ReLU", None, None), layer(3, None, None, None)]},
    ]
    figure = plots.activations({"epochs": epochs})
    columns = figure.axes[0].images[0].get_array()
    assert columns[:, 1].max() == 0
    assert plots.to_png(figure).startswith(PNG)
    nothing = [{"epoch": 1, "layers": [layer(4, "ReLU", None, None), layer(3, None, None, None)]}]
    assert plots.to_png(plots.activations({"epochs": nothing})).startswith(PNG)
