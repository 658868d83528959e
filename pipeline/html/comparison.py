"""A page on two models side by side: how good each is, where they differ, and the images that only one got right."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.html import images
from pipeline.html.confusion import name_of
from pipeline.html.document import document, escape
from pipeline.html.report import interval, percent, table
from pipeline.metrics.comparison import Comparison, meaning

MOST = 100
"""Images of a kind that are shown at the most."""

KINDS = {
    "only_a_right": "A alone is right",
    "only_b_right": "B alone is right",
    "both_wrong": "Both are wrong, each otherwise",
}
"""What images with two answers are called."""

_COUNTED = {
    "both_right": "both right",
    "only_a_right": "A alone right",
    "only_b_right": "B alone right",
    "both_wrong": "both wrong",
}

STYLE = f"{images.STYLE}\nsection{{margin-top:2.5rem}}"


def comparison_page(found: Comparison, pixels: NDArray[np.uint8], models: Mapping[str, Mapping[str, str]]) -> str:
    """Return the page as a whole HTML document.

    Parameters
    ----------
    found : Comparison
        What the two made of the images.
    pixels : ndarray of shape (n_images, height, width[, 3]), uint8
        The images.
    models : mapping of str to mapping of str
        What is known of A and of B, by name, as plain text.
    """
    sections = {
        "Models": _models(models),
        "How good they are": _accuracies(found),
        "By class": _by_class(found),
        **{title: _images(found, pixels, name) for name, title in KINDS.items()},
    }
    body = "".join(f"<section><h2>{escape(title)}</h2>{content}</section>\n" for title, content in sections.items())
    lead = f"On {found.n:,} test images, {meaning(found)}."
    return document(
        "Two models side by side",
        f"<main><h1>Two models side by side</h1><p>{escape(lead)}</p>\n{body}</main>",
        style=STYLE,
    )


def _models(models: Mapping[str, Mapping[str, str]]) -> str:
    """Return what is known of both."""
    names = list(dict.fromkeys(name for facts in models.values() for name in facts))
    rows = [
        [escape(name), *(f"<code>{escape(facts.get(name, ''))}</code>" for facts in models.values())] for name in names
    ]
    return table(["model", *models], rows, "The models", n_words=1 + len(models))


def _accuracies(found: Comparison) -> str:
    """Return the accuracy of both, and how their answers go together."""
    rows = []
    for name, right in zip("AB", found.right, strict=True):
        n_right = int(right.sum())
        rows.append([name, percent(n_right / found.n), interval(n_right, found.n), f"{found.n - n_right:,}"])
    counts = [[_COUNTED[name], f"{n:,}"] for name, n in found.counts.items()]
    words = (
        f"McNemar's test looks at the {found.counts['only_a_right'] + found.counts['only_b_right']:,} images that one "
        f"alone got right: {meaning(found)}."
    )
    return (
        table(["model", "accuracy", "95 % interval", "wrong"], rows, "Accuracy of both")
        + f"<p>{escape(words)}</p>"
        + table(["answers", "images"], counts, "Right and wrong together")
    )


def _by_class(found: Comparison) -> str:
    """Return what becomes of each label."""
    rows = [
        [
            *(escape(name_of(one.label)), f"{one.n:,}", percent(one.recall_a), percent(one.recall_b)),
            *(str(one.only_a_right), str(one.only_b_right)),
        ]
        for one in found.by_class
    ]
    return table(["class", "images", "recall A", "recall B", "A alone right", "B alone right"], rows, "By class")


def _images(found: Comparison, pixels: NDArray[np.uint8], kind: str) -> str:
    """Return the images of a kind with both answers, those first that were answered wrong most surely."""
    samples = found.differing[kind]
    if not len(samples):
        return "<p>There are none.</p>"
    items = []
    for row in samples[:MOST].tolist():
        true = name_of(found.labels[found.a.true[row]])
        a, b = (name_of(found.labels[one.predicted[row]]) for one in (found.a, found.b))
        sure = [percent(float(one.confidence[row])) for one in (found.a, found.b)]
        words = f"Row {row}, true {true}, A says {a}, B says {b}"
        below = f"true {escape(true)}<br>A: {escape(a)}, {sure[0]}<br>B: {escape(b)}, {sure[1]}"
        items.append((pixels[row], words, f"{below}<br><span class='muted'>row {row}</span>"))
    more = f"<p>{len(samples):,} images, of which {len(items)} are shown.</p>" if len(samples) > MOST else ""
    return more + images.sheet(items)
