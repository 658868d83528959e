"""What a person looks at: curves, a confusion matrix, the worst mistakes, the first layer's weights, deformed images.

Every function takes plain arrays and returns a figure, and ``to_png`` turns a figure into bytes: the same ones every
time. Nothing here touches pyplot, a window or a person's own matplotlib settings.
"""

import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.text import printable, shown

# The two colours are told apart by every kind of colour vision (Okabe and Ito, 2008, Color Universal Design).
BLUE, ORANGE = "#0072B2", "#D55E00"

_house_style = style.context(
    [
        "default",
        {
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.titlesize": "large",
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "savefig.dpi": "figure",
        },
    ]
)


@_house_style
def to_png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file, with no date and no version inside."""
    file = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


@_house_style
def learning_curves(history: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Draw loss and accuracy by epoch, on training and validation rows.

    Parameters
    ----------
    history : mapping of str to ndarray of shape (n_epochs,)
        epoch, loss, accuracy, validation_loss, validation_accuracy; the last two are NaN where there are no
        validation rows. Loss and accuracy of the training rows are means over the epoch, while the network learns.

    Returns
    -------
    Figure
        Two panels side by side.
    """
    figure = Figure(figsize=(10, 4))
    losses, accuracies = figure.subplots(1, 2)
    _draw_curves(losses, history, "loss")
    _draw_curves(accuracies, history, "accuracy")
    losses.set(title="Loss", ylim=(0, None))
    accuracies.set(title="Accuracy" + _best(history), ylim=(None, 1))
    losses.legend()
    return figure


def _draw_curves(axes: Axes, history: Mapping[str, NDArray[np.float64]], name: str) -> None:
    """Draw one figure by epoch; points mark the epochs as long as they can be told apart."""
    epochs, validation = history["epoch"], history[f"validation_{name}"]
    marker = "o" if len(epochs) <= 30 else ""
    # Not clipped, a line along the frame shows its full width.
    line: dict[str, Any] = {"marker": marker, "markersize": 4, "clip_on": False}
    axes.plot(epochs, history[name], color=BLUE, label="training (mean over the epoch)", **line)
    if not np.isnan(validation).all():
        axes.plot(epochs, validation, color=ORANGE, ls="--", label="validation (after the epoch)", **line)
    axes.set(xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _best(history: Mapping[str, NDArray[np.float64]]) -> str:
    """Say when validation accuracy was best, if there was any."""
    accuracy = history["validation_accuracy"]
    if np.isnan(accuracy).all():
        return ""
    best = int(np.nanargmax(accuracy))
    return f" (validation: at best {accuracy[best]:.2%}, epoch {history['epoch'][best]:.0f})"


@_house_style
def learning_rate_sweep(
    rates: NDArray[np.float64], losses: NDArray[np.float64], smoothed: NDArray[np.float64], suggestion: float
) -> Figure:
    """Draw the losses of a sweep of the learning rate, and what it suggests.

    Parameters
    ----------
    rates : ndarray of shape (n_rates,)
        Learning rates, rising.
    losses, smoothed : ndarray of shape (n_rates,)
        The loss at each, as it was measured and without the noise of batches.
    suggestion : float
        A rate.

    Returns
    -------
    Figure
        On a logarithmic axis of rates; losses far above the first are cut off.
    """
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    axes.semilogx(rates, losses, ".", color=BLUE, alpha=0.35, markersize=4, label="batches")
    axes.semilogx(rates, smoothed, color=BLUE, lw=2, label="smoothed")
    axes.axvline(suggestion, color=ORANGE, ls="--", label=f"suggestion: {suggestion:g}")
    start = float(smoothed[: max(1, len(smoothed) // 20)].mean())
    axes.set(xlabel="learning rate", ylabel="training loss", title="Loss while the learning rate rises")
    axes.set_ylim(0, 1.5 * start)
    axes.legend(loc="lower left")
    return figure


@_house_style
def confusion(table: NDArray[np.int64], labels: Sequence[Any], title: str = "Confusion matrix") -> Figure:
    """Draw a confusion matrix with its counts.

    Parameters
    ----------
    table : ndarray of shape (n_classes, n_classes), int
        Rows of each class (down) that were predicted to be of each class (across).
    labels : sequence of length n_classes
        What the classes are called.
    title : str
        What stands above.

    Returns
    -------
    Figure
        Colour is the share of the row, on a scale that lets a hundredth be seen; nothing is written where nothing is.
    """
    n_classes, words = len(labels), names_of(labels)
    cell = np.clip(6 / n_classes, 0.32, max(0.8, 2.4 / n_classes))  # inches
    side, longest = cell * n_classes, max(map(_n_columns, words))
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if longest > _SHORT else {}
    beside = 0.085 * longest
    height = 1.2 + (0.75 * beside if slanted else 0.2) + side
    figure = Figure(figsize=(2.2 + beside + side, height), layout="compressed")
    axes = figure.subplots()
    fraction = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(fraction, cmap="Blues", norm=PowerNorm(0.3, 0, 1))
    bar = figure.colorbar(
        image,
        ax=axes,
        label="share of the row",
        ticks=[0, 0.001, 0.01, 0.1, 0.5, 1],
        shrink=0.8,
        fraction=0.3 / side,
        aspect=0.8 * side / 0.3,
    )
    bar.ax.set_yticklabels(["0", "0.1 %", "1 %", "10 %", "50 %", "100 %"])
    axes.set(title=title, xlabel="predicted", ylabel="true")
    families = _families("".join(words))
    axes.set_xticks(range(n_classes), words, family=families, **slanted)
    axes.set_yticks(range(n_classes), words, family=families)
    between = np.arange(n_classes - 1) + 0.5
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", color="black", alpha=0.1)
    axes.tick_params(which="minor", length=0)
    _write_counts(axes, table, fraction, size=min(10, cell * 20))
    return figure


_SHORT = 4
"""Columns of a name that can stand beside the next without touching it."""


_LONG = 24
"""Columns of a name that are drawn at the most."""


def names_of(labels: Sequence[Any]) -> list[str]:
    r"""Return what labels are called in a picture: to the letter, no longer than fits, and no two of them alike.

    A letter that no font has is escaped as Python does. Of a long name both ends are kept; where these are alike as
    well, the place of the label stands behind them, counted from 0.

    Examples
    --------
    >>> names_of([7, "5 $ or 6 $"])
    ['7', '5 \\$ or 6 \\$']
    >>> names_of(["a rather long name of a cat", "a rather long name of a bat", "a rather long name of a rat"])
    ['a rather  ... e of a cat', 'a rather  ... e of a bat', 'a rather  ... e of a rat']
    """
    words = [_cut(_drawable(str(label))) for label in labels]
    n_alike = Counter(words)
    told = [word if n_alike[word] == 1 else f"{word} ({place})" for place, word in enumerate(words)]
    return [word.replace("$", r"\$") for word in told]


def _cut(word: str) -> str:
    """Return both ends of a word that takes more columns than are drawn."""
    return shown(word, max(10, _LONG * len(word) // max(1, _n_columns(word))))


def _n_columns(text: str) -> int:
    """Return how many columns a text takes; letters of East Asia take two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def _drawable(name: str) -> str:
    """Return a name in which what no font has is escaped."""
    return "".join(one if _family(one) else ascii(one)[1:-1] for one in printable(name))


def _families(text: str) -> list[str]:
    """Return the families of fonts that have the letters of a text, matplotlib's own first."""
    return list(dict.fromkeys([_OWN, *sorted({_family(letter) for letter in set(text)} - {""})]))


_OWN = "DejaVu Sans"
"""The font that matplotlib brings, which draws all it can: so pictures are the same on every machine."""


@cache
def _family(letter: str) -> str:
    """Return the family of fonts that draws a letter: matplotlib's own, or else one of the machine; empty for none."""
    plain = [font for font in fontManager.ttflist if (font.style, font.weight) == ("normal", 400)]
    for font in sorted(plain, key=lambda font: (font.name != _OWN, font.name, font.fname)):
        if "Last Resort" not in font.name and ord(letter) in _letters(font):
            return font.name
    return ""


@cache
def _letters(font: FontEntry) -> frozenset[int]:
    """Return the letters that a font of the machine has, by their numbers."""
    try:
        return frozenset(FT2Font(font.fname).get_charmap())
    except (OSError, RuntimeError):  # it was removed since the list was made, or is damaged
        return frozenset()


def _write_counts(axes: Axes, table: NDArray[np.int64], fraction: NDArray[np.float64], size: float) -> None:
    """Write the counts that are not 0 into their cells, light on dark."""
    for row, column in np.argwhere(table):
        colour = "white" if fraction[row, column] > 0.25 else "black"
        axes.text(column, row, str(table[row, column]), ha="center", va="center", color=colour, fontsize=size)


@_house_style
def mistakes(images: NDArray[np.uint8], captions: Sequence[str], title: str = "Most confident mistakes") -> Figure:
    """Draw a sheet of images, each under its caption.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, 3), uint8
        Of grey ones 0 is drawn white, 255 black, as ink on paper; colours are drawn as they are. There may be none.
    captions : sequence of length n_images
        What stands above each image.
    title : str
        What stands above all.

    Returns
    -------
    Figure
        As many images across as down, or nearly.
    """
    longest = max((_n_columns(line) for caption in captions for line in caption.split("\n")), default=0)
    figure, grid = _sheet(len(images), images.shape[1:], width=max(1.7, 0.1 + 0.07 * longest), caption=0.5)
    families = _families("".join(captions).replace("\n", ""))
    figure.suptitle(title if len(images) else f"{title}: none shown")
    for axes, image, caption in zip(grid, images, captions, strict=False):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(caption, loc="center", fontsize=9, family=families)
    return figure


@_house_style
def weights(W: NDArray[np.floating[Any]], image_shape: tuple[int, ...], n_units: int = 64) -> Figure:
    """Draw what the first layer looks for: the weights of each unit as an image.

    Parameters
    ----------
    W : ndarray of shape (n_features, n_units)
        The first layer's weights.
    image_shape : tuple of int
        (height, width) of an image, or (height, width, 3) of a coloured one.
    n_units : int, default=64
        How many are drawn at most: those of the largest norm, the largest first.

    Returns
    -------
    Figure
        Red for ink that excites, blue for ink that inhibits, on one scale for all units. Of coloured images, grey is 0,
        and the more of a colour there is, the more it excites.
    """
    norms = np.linalg.norm(W, axis=0)
    strongest = np.argsort(-norms, kind="stable")[:n_units]
    limit = float(np.quantile(np.abs(W[:, strongest]), 0.995)) or 1.0  # a few pixels must not make the rest pale
    figure, grid = _sheet(len(strongest), image_shape, width=1.0)
    coloured = len(image_shape) == _COLOURED
    for axes, unit in zip(grid, strongest, strict=False):
        kernel = W[:, unit].reshape(image_shape)
        if coloured:
            axes.imshow(np.clip(0.5 + kernel / (2 * limit), 0, 1))
        else:
            image = axes.imshow(kernel, cmap="RdBu_r", vmin=-limit, vmax=limit)
    shown = "all" if len(strongest) == W.shape[1] else f"the strongest {len(strongest)} of"
    figure.suptitle(f"Weights of the first layer: {shown} {W.shape[1]} units" + (_OF_COLOURS if coloured else ""))
    if not coloured:
        figure.colorbar(image, ax=grid, shrink=0.6, extend="both", label="weight")
    return figure


_COLOURED = 3
"""Axes of a coloured image."""

_OF_COLOURS = "\n(grey is 0; a colour is what excites)"


@_house_style
def activations(diagnosis: Mapping[str, Any]) -> Figure:
    """Draw what came out of the hidden layers by epoch, and how large the updates were.

    Parameters
    ----------
    diagnosis : mapping
        As ``Diagnosis.to_dict`` returns it, or ``diagnosis.json`` has it.

    Returns
    -------
    Figure
        A panel for each hidden layer, for six of them where there are more: the darker, the more of the outputs lie
        there. Then one with the last update of every epoch over the weights, for each layer.
    """
    records = diagnosis["epochs"]
    epochs = [record["epoch"] for record in records]
    hidden = [at for at, layer in enumerate(records[0]["layers"]) if layer["activation"] is not None]
    drawn = [hidden[at * len(hidden) // min(len(hidden), _MOST_LAYERS)] for at in range(min(len(hidden), _MOST_LAYERS))]
    n_across = min(len(drawn) + 1, 4)
    n_down = -(-(len(drawn) + 1) // n_across)
    figure = Figure(figsize=(0.4 + 3.2 * n_across, 3.4 * n_down))  # inches
    grid = list(figure.subplots(n_down, n_across, squeeze=False).ravel())
    for axes, at in zip(grid, drawn, strict=False):
        _draw_activations(axes, epochs, [record["layers"][at] for record in records], at + 1)
    _draw_updates(grid[len(drawn)], epochs, [record["layers"] for record in records])
    for axes in grid[len(drawn) + 1 :]:
        axes.axis("off")
    for axes in grid[: len(drawn) + 1]:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


_MOST_LAYERS, _N_ROWS = 6, 80
"""Hidden layers that are drawn at the most, and cells of a column of activations."""


def _draw_activations(axes: Axes, epochs: Sequence[int], layers: Sequence[Mapping[str, Any]], number: int) -> None:
    """Draw a layer's histograms as columns beside each other, on one scale."""
    known = [layer["histogram"] for layer in layers if layer["histogram"] is not None]
    axes.set_title(f"Hidden layer {number}: {layers[0]['n_units']} {layers[0]['activation']}")
    axes.grid(visible=False)
    if not known:
        return
    low, high = min(one["low"] for one in known), max(one["high"] for one in known)
    edges = np.linspace(low, high if high > low else low + 1, _N_ROWS + 1)
    columns = np.array([_column(layer["histogram"], edges) for layer in layers]).T
    extent = (epochs[0] - 0.5, epochs[-1] + 0.5, edges[0], edges[-1])
    axes.imshow(columns, origin="lower", aspect="auto", extent=extent, cmap="Blues", norm=PowerNorm(0.3, 0, 1))
    axes.set_ylabel("activation")


def _column(histogram: Mapping[str, Any] | None, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how dense activations lie between edges, the densest being 1; nothing of a network that has diverged."""
    if histogram is None:
        return np.zeros(len(edges) - 1)
    counts = np.asarray(histogram["counts"], dtype=float)
    below = np.concatenate([[0.0], np.cumsum(counts)])
    density = np.diff(np.interp(edges, np.linspace(histogram["low"], histogram["high"], len(below)), below))
    column: NDArray[np.float64] = density / (density.max() or 1.0)
    return column


def _draw_updates(axes: Axes, epochs: Sequence[int], records: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """Draw how large the last update of an epoch was, for each layer, the output in another colour."""
    axes.set_title("Last update / weights")
    for at in range(len(records[0])):
        points = [(epoch, layers[at]["update"]) for epoch, layers in zip(epochs, records, strict=True)]
        points = [(epoch, update) for epoch, update in points if update]
        is_output = at == len(records[0]) - 1
        name = "output" if is_output else "hidden layers" if at == 0 else None
        colour, shade = (ORANGE, 1.0) if is_output else (BLUE, 1 - 0.6 * at / len(records[0]))
        axes.plot(*zip(*points, strict=True), color=colour, alpha=shade, label=name) if points else None
    if axes.lines:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], 1e-7))  # a schedule that ends at 0 says nothing of training
        axes.axhline(1e-3, color="gray", linewidth=0.8, linestyle=":", label="usual: 1e-3")
        axes.legend()


@_house_style
def deformations(before: NDArray[Any], after: NDArray[Any], captions: Sequence[str]) -> Figure:
    """Draw images beside deformed copies of themselves, a row for each way of deforming them.

    Parameters
    ----------
    before : ndarray of shape (n_rows, height, width)
        The image of each row. 0 is drawn white, the largest pixel of all black.
    after : ndarray of shape (n_rows, n_copies, height, width)
        Its copies.
    captions : sequence of length n_rows
        How the copies of a row were made.

    Returns
    -------
    Figure
        The images stand in the first column, all on one scale.
    """
    n_rows, n_copies = after.shape[:2]
    figure = Figure(figsize=(2.4 + 0.8 * (1 + n_copies), 0.3 + 0.8 * n_rows))  # inches
    grid = figure.subplots(n_rows, 1 + n_copies, squeeze=False)
    for row, image, copies, caption in zip(grid, before, after, captions, strict=True):
        row[0].set_ylabel(caption, rotation=0, ha="right", va="center")
        for axes, one in zip(row, [image, *copies], strict=True):
            axes.imshow(one, cmap="gray_r", vmin=0, vmax=before.max())
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(True)  # how near the border an image comes is part of what is shown
    grid[0, 0].set_title("image", loc="center")
    grid[0, 1].set_title("deformed", loc="center")
    return figure


def _sheet(n_images: int, image_shape: tuple[int, ...], width: float, caption: float = 0) -> tuple[Figure, list[Axes]]:
    """Return a figure with space for images in rows, about as many across as down, and its empty axes."""
    n_across = max(3, int(np.ceil(np.sqrt(n_images))))
    n_down = max(1, -(-n_images // n_across))
    height = width * np.clip(image_shape[0] / image_shape[1], 0.3, 1.6) + caption
    figure = Figure(figsize=(max(5.5, width * n_across), max(1.5, height * n_down + 0.4)))  # inches
    grid = list(figure.subplots(n_down, n_across, squeeze=False).ravel())
    for axes in grid:
        axes.axis("off")
    return figure, grid


@dataclass(frozen=True)
class Seen:
    """An image as a network saw it, and what it said.

    Attributes
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8
        The image; a grey one is drawn as ink on paper, 0 white.
    label : str
        The answer.
    confidence : float
        Its probability.
    sure : bool
        Whether the answer counts.
    box : (float, float, float, float) or None
        Top, left, bottom and right of what it is of, in the picture.
    """

    image: NDArray[np.uint8]
    label: str
    confidence: float
    sure: bool = True
    box: tuple[float, float, float, float] | None = None


@dataclass
class Sheet:
    """A picture, and what was found in it.

    Attributes
    ----------
    title : str
        What stands above.
    picture : ndarray of shape (height, width) or (height, width, 3), uint8, or None
        The picture; None where images were handed over as they are.
    seen : list of Seen
        What is drawn beside it.
    n_images : int
        How many there are, of which ``seen`` may have the first alone.
    """

    @property
    def cells(self) -> list[Seen]:
        """The images that are drawn: all of ``seen``, or the first hundred."""
        return self.seen[:_MOST_CELLS]

    @property
    def is_numbered(self) -> bool:
        """Whether boxes have numbers, and not labels: names would lie over each other."""
        return any(one.box is not None and _n_columns(one.label) > _SHORT for one in self.seen)

    title: str
    picture: NDArray[np.uint8] | None
    seen: list[Seen]
    n_images: int


_WIDE, _MARGIN, _TITLE, _CELL = 1000, 16, 34, 64
"""Pixels: of a sheet's width, around all, of a line above each sheet, and of an image as the network saw it."""

_MOST_CELLS = 100

_TALLEST = 640
"""Pixels of a picture's height at the most; of one that shows a single image, a third of that."""


@_house_style
def predictions(sheets: Sequence[Sheet]) -> Figure:
    """Draw pictures below each other, each with boxes around what was found and with the images that a network saw.

    Parameters
    ----------
    sheets : sequence of Sheet
        One at least.

    Returns
    -------
    Figure
        What does not count is orange.
    """
    heights = [_TITLE + _lay_out(sheet).height + _MARGIN for sheet in sheets]
    height = sum(heights) + _MARGIN
    figure = Figure(figsize=(_WIDE / 100, height / 100))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(0, _WIDE), ylim=(height, 0), autoscale_on=False)
    top = float(_MARGIN)
    for sheet, one in zip(sheets, heights, strict=True):
        _draw_sheet(axes, sheet, top)
        top += one
    axes.set(xlim=(0, _WIDE), ylim=(height, 0), aspect="auto")  # which images have changed
    return figure


@dataclass(frozen=True)
class _Place:
    """Where a sheet's picture and images are: the scale of the picture, and a grid of cells beside it or below."""

    scale: float
    left: float
    top: float
    width: float
    n_across: int
    height: float


_TITLE_LETTERS = 84
"""Letters of a title at the most: as many digits are as wide as the sheet."""

_CAPTION = 42
"""Pixels of what stands below an image."""


def _lay_out(sheet: Sheet) -> _Place:
    """Return where things are on a sheet: a single image stands beside its picture, several stand below."""
    cell = float(max(_CELL + 24, 24 + 9 * max(map(_n_columns, _captions(sheet)), default=0)))
    n, left, top, scale, high = len(sheet.cells), float(_MARGIN), 0.0, 1.0, 0.0
    if sheet.picture is not None:
        tall, wide = sheet.picture.shape[:2]
        alone = n <= 1
        space = _WIDE - 2 * _MARGIN - (cell + _MARGIN if alone else 0)
        scale = min(space / wide, (_TALLEST / 3 if alone else _TALLEST) / tall, 4.0)
        high = tall * scale
        left, top = (left + wide * scale + _MARGIN, 0.0) if alone else (left, high + _MARGIN)
    n_across = max(1, int((_WIDE - _MARGIN - left) // cell))
    below = top + -(-n // n_across) * (_CELL + _CAPTION) + (20 if sheet.n_images > n else 0)
    return _Place(scale, left, top, cell, n_across, max(high, below))


def _captions(sheet: Sheet) -> list[str]:
    """Return what stands below the images that are drawn, with their numbers where boxes have these."""
    words = [names_of([one.label])[0] for one in sheet.cells]
    return [f"{number}  {word}" for number, word in enumerate(words)] if sheet.is_numbered else words


def _draw_sheet(axes: Axes, sheet: Sheet, top: float) -> None:
    """Draw one picture with all that belongs to it."""
    place, title = _lay_out(sheet), shown(_drawable(sheet.title), _TITLE_LETTERS)
    axes.text(_MARGIN, top + 20, title.replace("$", r"\$"), family=_families(title), fontsize=12, va="baseline")
    top += _TITLE
    if sheet.picture is not None:
        _draw_image(axes, sheet.picture, _MARGIN, top, place.scale, grey="gray")
    for number, (one, caption) in enumerate(zip(sheet.cells, _captions(sheet), strict=True)):
        down, across = divmod(number, place.n_across)
        left, above = place.left + across * place.width, top + place.top + down * (_CELL + _CAPTION)
        _draw_seen(axes, one, caption, left, above)
    for number, one in enumerate(sheet.seen):
        if one.box is not None:
            _draw_box(axes, one, str(number) if sheet.is_numbered else one.label, top, place.scale)
    if sheet.n_images > len(sheet.cells):
        words = f"and {sheet.n_images - len(sheet.cells)} more images"
        axes.text(place.left, top + place.height - 4, words, fontsize=9, color="dimgray")


def _draw_image(axes: Axes, image: NDArray[np.uint8], left: float, top: float, scale: float, grey: str) -> None:
    """Draw an image in a frame."""
    height, width = (side * scale for side in image.shape[:2])
    interpolation = "nearest" if grey == "gray_r" else "antialiased"
    extent = (left, left + width, top + height, top)
    axes.imshow(image, cmap=grey, vmin=0, vmax=255, extent=extent, interpolation=interpolation)
    axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="lightgray"))


def _draw_seen(axes: Axes, one: Seen, name: str, left: float, top: float) -> None:
    """Draw an image as the network saw it, above its answer."""
    _draw_image(axes, one.image, left, top, _CELL / max(one.image.shape[:2]), grey="gray_r")
    colour = BLUE if one.sure else ORANGE
    axes.text(left, top + _CELL + 17, name, family=_families(name), fontsize=11, weight="bold", color=colour)
    axes.text(left, top + _CELL + 32, f"{one.confidence:.4f}", fontsize=8, color="dimgray")


def _draw_box(axes: Axes, one: Seen, name: str, top: float, scale: float) -> None:
    """Draw the box around what an answer is about, and the answer above it."""
    y, x, end, right = (side * scale for side in one.box or ())
    colour, [name] = BLUE if one.sure else ORANGE, names_of([name])
    axes.add_patch(Rectangle((_MARGIN + x, top + y), right - x, end - y, fill=False, edgecolor=colour, linewidth=1.5))
    size = float(np.clip((end - y) / 5, 8, 14))
    axes.text(
        _MARGIN + x, max(top + y - 3, top + 1.4 * size), name, family=_families(name), fontsize=size, color="white",
        weight="bold", va="bottom", bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
