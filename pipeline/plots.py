"""What a person looks at: curves, a confusion matrix, the worst mistakes, the first layer's weights, deformed images.

Every function takes plain arrays and returns a figure, and ``to_png`` turns a figure into bytes: the same ones every
time. Nothing here touches pyplot, a window or a person's own matplotlib settings.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

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
    n_classes = len(labels)
    cell = np.clip(6 / n_classes, 0.32, 0.8)  # inches
    figure = Figure(figsize=(2.4 + cell * n_classes, 1.4 + cell * n_classes))
    axes = figure.subplots()
    fraction = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(fraction, cmap="Blues", norm=PowerNorm(0.3, 0, 1))
    bar = figure.colorbar(image, ax=axes, shrink=0.8, label="share of the row", ticks=[0, 0.001, 0.01, 0.1, 0.5, 1])
    bar.ax.set_yticklabels(["0", "0.1 %", "1 %", "10 %", "50 %", "100 %"])
    axes.set(title=title, xlabel="predicted", ylabel="true")
    words = [literal(str(label)) for label in labels]
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(n_classes), words, **(slanted if max(map(len, words)) > _SHORT else {}))
    axes.set_yticks(range(n_classes), words)
    between = np.arange(n_classes - 1) + 0.5
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", color="black", alpha=0.1)
    axes.tick_params(which="minor", length=0)
    _write_counts(axes, table, fraction, size=min(10, cell * 20))
    return figure


_SHORT = 4
"""Letters of a name that can stand beside the next without touching it."""


_LONG = 30
"""Letters of a name that are drawn at the most."""


def literal(name: str) -> str:
    r"""Return a name as matplotlib draws it to the letter, and no longer than fits into a picture.

    Examples
    --------
    >>> print(literal("5 $ or 6 $"))
    5 \$ or 6 \$
    """
    seen = "".join(letter if letter.isprintable() else "?" for letter in name)
    return (seen if len(seen) <= _LONG else f"{seen[: _LONG - 3]}...").replace("$", r"\$")


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
    images : ndarray of shape (n_images, height, width), uint8
        0 is drawn white, 255 black, as ink on paper. There may be none.
    captions : sequence of length n_images
        What stands above each image.
    title : str
        What stands above all.

    Returns
    -------
    Figure
        As many images across as down, or nearly.
    """
    figure, grid = _sheet(len(images), images.shape[1:], width=1.7, caption=0.5)
    figure.suptitle(title if len(images) else f"{title}: none")
    for axes, image, caption in zip(grid, images, captions, strict=False):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(caption, loc="center", fontsize=9)
    return figure


@_house_style
def weights(W: NDArray[np.floating[Any]], image_shape: tuple[int, int], n_units: int = 64) -> Figure:
    """Draw what the first layer looks for: the weights of each unit as an image.

    Parameters
    ----------
    W : ndarray of shape (n_pixels, n_units)
        The first layer's weights.
    image_shape : (int, int)
        Height and width of an image.
    n_units : int, default=64
        How many are drawn at most: those of the largest norm, the largest first.

    Returns
    -------
    Figure
        Red for ink that excites, blue for ink that inhibits, on one scale for all units.
    """
    norms = np.linalg.norm(W, axis=0)
    strongest = np.argsort(-norms, kind="stable")[:n_units]
    limit = float(np.quantile(np.abs(W[:, strongest]), 0.995)) or 1.0  # a few pixels must not make the rest pale
    figure, grid = _sheet(len(strongest), image_shape, width=1.0)
    for axes, unit in zip(grid, strongest, strict=False):
        image = axes.imshow(W[:, unit].reshape(image_shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
    shown = "all" if len(strongest) == W.shape[1] else f"the strongest {len(strongest)} of"
    figure.suptitle(f"Weights of the first layer: {shown} {W.shape[1]} units")
    figure.colorbar(image, ax=grid, shrink=0.6, extend="both", label="weight")
    return figure


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
