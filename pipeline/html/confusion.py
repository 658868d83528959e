"""A confusion matrix in a page, whose cells open the images that were taken for something else."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.html.document import escape, scrolling
from pipeline.html.images import LARGEST, sheet
from pipeline.text import shown

MOST_CLASSES = 64
"""Classes of a matrix at the most; of more there is a list of what was confused most often."""

MOST_OF_CELL, MOST_OF_PART = 8, 300
"""Images that a cell opens, and all cells of a part together: a page has to stay small."""

STYLE = """
.matrix{font-size:.8125rem}
.matrix th,.matrix td{padding:0;border:1px solid var(--line);text-align:center;vertical-align:middle;min-width:2.1rem}
.matrix th{font-weight:600;padding:.15rem .3rem}
.matrix thead th.long{writing-mode:vertical-rl;text-align:left}
.matrix td{font-variant-numeric:tabular-nums;height:1.6rem;padding:0 .15rem}
.matrix td.right{background:color-mix(in srgb,var(--blue) var(--f),var(--paper))}
.matrix td.wrong{background:color-mix(in srgb,var(--orange) var(--f),var(--paper))}
.matrix td,.matrix th{white-space:nowrap}
@media (max-width:40rem){.matrix{font-size:.75rem}.matrix th,.matrix td{min-width:1.75rem;padding:0 .1rem}}
.matrix td a{display:block;min-width:1.6rem;min-height:1.6rem;line-height:1.6rem;color:inherit}
details.cell{border-bottom:1px solid var(--line);padding:.15rem 0}
summary{cursor:pointer;padding:.15rem 0}
@media print{.matrix td{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
""".strip()
"""What a matrix looks like; its text is of full contrast on every colour of a cell."""

SCRIPT = """
'use strict';
const reveal=()=>{
  const mark=location.hash.length>1&&document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const cell=mark&&mark.closest('details.cell');
  if(!cell)return;
  for(let one=cell;one;one=one.parentElement.closest('details'))one.open=true;
  cell.querySelector('summary').focus({preventScroll:true});
  cell.scrollIntoView({block:'nearest'});
};
addEventListener('hashchange',reveal);
for(const link of document.querySelectorAll('.matrix a'))link.addEventListener('click',()=>setTimeout(reveal));
addEventListener('beforeprint',()=>{for(const one of document.querySelectorAll('details.print'))one.open=true;});
reveal();
"""
"""Opens the images of a cell that was chosen in the matrix, and tables for the printer."""


def name_of(label: Any, limit: int = 40) -> str:
    """Return a label as plain text of bounded length, on one line.

    Examples
    --------
    >>> name_of(7), name_of("a very long name of a class", 16)
    ('7', 'a ver ...  class')
    """
    return shown(str(label), limit) or "(empty)"


def most_of_part(image_shape: tuple[int, ...]) -> int:
    """Return how many images all cells of a part open at the most: fewer where each takes more of the page.

    Examples
    --------
    >>> most_of_part((28, 28)), most_of_part((32, 32, 3)), most_of_part((500, 500, 3))
    (300, 97, 60)
    """
    height, width = (min(side, LARGEST) for side in image_shape[:2])
    size = height * width * (image_shape[2] if len(image_shape) > 2 else 1)
    return min(MOST_OF_PART, max(_FEWEST, MOST_OF_PART * _PLAIN_SIZE // size))


_PLAIN_SIZE, _FEWEST = 1000, 60


def chosen(
    true: NDArray[np.intp], predicted: NDArray[np.intp], confidence: NDArray[Any], most: int = MOST_OF_PART
) -> dict[tuple[int, int], list[int]]:
    """Return which mistakes are shown in which cell, by their places: the most confident of each first.

    Parameters
    ----------
    true, predicted, confidence : ndarray of shape (n_samples,)
        Of every sample.
    most : int, default=MOST_OF_PART
        How many there are in all; those of the fullest cells come first.

    Examples
    --------
    >>> chosen(np.array([0, 0, 1]), np.array([1, 1, 1]), np.array([0.5, 0.75, 1.0]))
    {(0, 1): [1, 0]}
    """
    wrong = np.flatnonzero(true != predicted)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")]
    cells: dict[tuple[int, int], list[int]] = {}
    for row in surest.tolist():
        cells.setdefault((int(true[row]), int(predicted[row])), []).append(row)
    shown_cells: dict[tuple[int, int], list[int]] = {}
    left = most
    for cell in sorted(cells, key=lambda one: (-len(cells[one]), one)):
        if some := cells[cell][: min(MOST_OF_CELL, left)]:
            shown_cells[cell] = some
            left -= len(some)
    return shown_cells


def matrix(part: str, counts: NDArray[np.int64], labels: Sequence[Any], opened: set[tuple[int, int]]) -> str:
    """Return the matrix as a table: labels down, predicted ones across.

    Parameters
    ----------
    part : str
        Which part it is of; marks of cells begin with it.
    counts : ndarray of shape (n_labels, n_labels)
        How many rows of each label were predicted to be of each.
    labels : sequence of length n_labels
        What they are called.
    opened : set of (int, int)
        The cells that have images.
    """
    if len(labels) > MOST_CLASSES:
        return _most_confused(part, counts, labels, opened)
    names = [escape(name_of(label, 24)) for label in labels]
    long = ' class="long"' if max(map(len, names)) > 3 else ""
    head = "".join(f'<th scope="col"{long}>{name}</th>' for name in names)
    largest = max(1, int((counts - np.diag(np.diag(counts))).max()))
    rows = []
    for place, name in enumerate(names):
        total = max(1, int(counts[place].sum()))
        cells = "".join(
            _cell(part, (place, across), int(count), count / (total if across == place else largest), opened)
            for across, count in enumerate(counts[place].tolist())
        )
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return scrolling(
        f"Confusion matrix, {part}",
        f'<table class="matrix"><caption class="hidden">Rows of each true label (down) by predicted label (across), '
        f'{escape(part)}</caption><thead><tr><th scope="col">true</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>",
    )


def _cell(part: str, place: tuple[int, int], count: int, level: float, opened: set[tuple[int, int]]) -> str:
    """Return a cell, which is a link where there are images of it; an empty one where there is nothing to count."""
    if not count:
        return "<td></td>"
    kind = "right" if place[0] == place[1] else "wrong"
    words = _link(part, place, str(count)) if place in opened else str(count)
    return f'<td class="{kind}" style="--f:{50 * level**0.5:.0f}%">{words}</td>'


def _link(part: str, place: tuple[int, int], words: str) -> str:
    return f'<a href="#{part}-{place[0]}-{place[1]}">{words}</a>'


def _most_confused(part: str, counts: NDArray[np.int64], labels: Sequence[Any], opened: set[tuple[int, int]]) -> str:
    """Return the most frequent confusions as a table, for more classes than a matrix has space for."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:100]
    places = [divmod(int(one), len(labels)) for one in order if wrong.flat[one]]
    rows = "".join(
        f"<tr><td>{escape(name_of(labels[true]))}</td><td>{escape(name_of(labels[other]))}</td>"
        f'<td class="number">{_link(part, (true, other), count) if (true, other) in opened else count}</td></tr>'
        for true, other in places
        for count in [str(int(wrong[true, other]))]
    )
    return f"<p>{len(labels)} classes are too many for a matrix; these were confused most often.</p>" + scrolling(
        f"Most frequent confusions, {part}",
        '<table class="matrix"><thead><tr><th scope="col">true</th><th scope="col">predicted</th>'
        f'<th scope="col" class="number">rows</th></tr></thead><tbody>{rows}</tbody></table>',
    )


def cells(
    part: str,
    images: NDArray[np.uint8],
    rows: NDArray[np.integer[Any]],
    labels: Sequence[Any],
    confidence: NDArray[Any],
    places: dict[tuple[int, int], list[int]],
    counts: NDArray[np.int64],
) -> str:
    """Return what the cells open: a list of images for each of them.

    Parameters
    ----------
    part : str
        Which part it is of.
    images : ndarray of shape (n_images, height, width[, 3]), uint8
        The official file.
    rows : ndarray of shape (n_samples,), int
        Which image each sample is.
    labels : sequence
        What labels are called.
    confidence : ndarray of shape (n_samples,)
        Of each sample.
    places : dict
        As `chosen` returns it.
    counts : ndarray of shape (n_labels, n_labels)
        The matrix.
    """
    found = []
    for true, other in sorted(places):
        some, words = places[true, other], _words(labels, true, other)
        n_all = int(counts[true, other])
        of_all = f"{n_all} image{'s' * (n_all > 1)}" + (f", {len(some)} shown" if len(some) < n_all else "")
        images_of = sheet(
            (images[rows[one]], f"Row {rows[one]}, {words}", f"row {rows[one]}<br>{100 * confidence[one]:.2f} %")
            for one in some
        )
        found.append(
            f'<details class="cell"><summary id="{part}-{true}-{other}">{escape(words)}: {of_all}</summary>'
            f"{images_of}</details>"
        )
    return "".join(found)


def _words(labels: Sequence[Any], true: int, other: int) -> str:
    """Return what happened in a cell, as plain text."""
    return f"true {name_of(labels[true])}, predicted {name_of(labels[other])}"
