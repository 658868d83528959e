"""The report on a model: one page with figures, curves, mistakes and a card that says what the model is for.

Every figure is one of ``metrics.json``, in all its digits. The page needs no picture library and makes no request.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import metrics
from pipeline.diagnosis.records import Diagnosis, LayerRecord
from pipeline.html import charts, confusion, images
from pipeline.html.charts import Axis, Curve, chart
from pipeline.html.confusion import name_of
from pipeline.html.document import document, escape, scrolling
from pipeline.image_shape import colour_of, describe
from pipeline.text import shown

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Confidences below which answers may be rejected, in the table of what that gives."""

STYLE = """
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.4rem 1rem}
dt{font-weight:600}dd{margin:0}
.exact{display:block;color:var(--muted);font-size:.75rem}
@media (max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}
.exact,.span{white-space:normal;overflow-wrap:anywhere}}
.parts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:0 1.5rem}
.parts>*{min-width:0}
.weights{max-width:100%;height:auto;width:32rem}
section{margin-top:2.5rem}
code{font-size:.875em}
""".strip()


@dataclass(frozen=True)
class PartOutcome:
    """What became of the images of a part.

    Attributes
    ----------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, 3), uint8
        The official file.
    rows : ndarray of shape (n_samples,), int
        Which of its images were measured.
    labels : list
        What the labels are called: classes, then what training has not seen.
    figures : dict of float
        By the names of `pipeline.metrics.MEASURES`.
    by_class : list of ClassScore
        Of every label.
    counts : ndarray of shape (n_labels, n_labels), int64
        The confusion matrix.
    outcomes : Outcomes
        Of every sample.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.integer[Any]]
    labels: list[Any]
    figures: dict[str, float]
    by_class: list[metrics.ClassScore]
    counts: NDArray[np.int64]
    outcomes: metrics.Outcomes

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each sample was predicted right."""
        right: NDArray[np.bool_] = self.outcomes.true == self.outcomes.predicted
        return right


@dataclass(frozen=True)
class Model:
    """What is known of the model.

    Attributes
    ----------
    classes : list
        The labels that it can answer with.
    image_shape : tuple of int
        Of the images that it takes.
    sizes : list of int
        Units of each layer, from the pixels to the answers; empty where it is no such network.
    n_parameters : int
        Weights and biases.
    weights : ndarray of shape (n_features, n_units) or None
        Of the first layer.
    n_training : int or None
        Rows that it has learned from.
    history : mapping of ndarray or None
        As `pipeline.artifacts.read_history` returns it.
    diagnosis : Diagnosis or None
        Of its training, where that was examined.
    """

    classes: list[Any]
    image_shape: tuple[int, ...]
    sizes: list[int]
    n_parameters: int
    weights: NDArray[np.floating[Any]] | None
    n_training: int | None
    history: Mapping[str, NDArray[np.float64]] | None
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True)
class Origin:
    """What the model and its figures were made from.

    Attributes
    ----------
    dataset : str
        What the data set is called; empty where it is not known.
    licence, citation : str
        Whose work it is; empty where it is not known.
    parameters : mapping of str to mapping
        Of every stage.
    digests : mapping of str
        Of every folder, by name.
    files : mapping of str
        SHA-256 of every file of the data, by name.
    """

    dataset: str
    licence: str
    citation: str
    parameters: Mapping[str, Mapping[str, Any]]
    digests: Mapping[str, str]
    files: Mapping[str, str]


def report(parts: Mapping[str, PartOutcome], model: Model, origin: Origin, *, n_images: int, n_bins: int) -> str:
    """Return the report as a whole HTML document.

    Parameters
    ----------
    parts : mapping of PartOutcome
        By name: validation, where there are such rows, and test.
    model : Model
        What was measured.
    origin : Origin
        What it was made from.
    n_images : int
        How many of the most confident mistakes, and of the least sure answers, are shown.
    n_bins : int
        Bins of the reliability diagram.
    """
    sections = {
        "Model card": _card(parts, model, origin),
        "Figures": _figures(parts),
        "Learning curves": _learning_curves(model.history),
        **({} if model.diagnosis is None else {"Diagnosis of the training": _diagnosis(model.diagnosis)}),
        "Confusion matrix": _each(parts, _confusion),
        "Most confident mistakes": _each(parts, lambda name, part: _mistakes(name, part, n_images)),
        "Least sure answers": _each(parts, lambda name, part: _least_sure(name, part, n_images)),
        "Scores by class": _each(parts, _by_class),
        "Reliability": _reliability(parts, n_bins),
        "Rejecting what is unsure": _rejection(parts),
        "Weights of the first layer": _weights(model),
        "Parameters": _parameters(origin),
        "Data": _data(origin),
    }
    test = parts["test"]
    contents = "".join(f'<li><a href="#{_mark(title)}">{title}</a></li>' for title in sections)
    body = "".join(
        f'<section aria-labelledby="{_mark(title)}"><h2 id="{_mark(title)}">{title}</h2>{content}</section>\n'
        for title, content in sections.items()
    )
    called = f"Report on {origin.dataset}" if origin.dataset else "Report"
    lead = f"{len(test.rows):,} test images, accuracy {percent(test.figures['accuracy'])}: {_size(model)}."
    return document(
        called,
        f"<header><h1>{escape(called)}</h1><p>{escape(lead)}</p></header>\n"
        f'<nav class="screen" aria-label="Contents"><ul>{contents}</ul></nav>\n<main>\n{body}</main>',
        style=f"{charts.STYLE}\n{images.STYLE}\n{confusion.STYLE}\n{STYLE}",
        script=confusion.SCRIPT,
    )


def _mark(title: str) -> str:
    return title.lower().replace(" ", "-")


def _each(parts: Mapping[str, PartOutcome], make: Any) -> str:
    """Return a piece for each part below its name, beside each other where there is space."""
    pieces = "".join(f"<div><h3>{escape(_title(name))}</h3>{make(name, part)}</div>" for name, part in parts.items())
    return f'<div class="parts">{pieces}</div>'


def _title(part: str) -> str:
    return f"{part.capitalize()} images"


def _size(model: Model) -> str:
    """Return what the network is, in words."""
    if not model.sizes:
        return f"a classifier of {len(model.classes)} classes"
    return f"a network of {'-'.join(map(str, model.sizes))} units with {model.n_parameters:,} weights and biases"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, *, n_words: int = 1) -> str:
    """Return a table; cells are HTML already, those after the first ``n_words`` are numbers, the first names its row.

    Parameters
    ----------
    head : sequence of str
        Names of the columns, as plain text.
    rows : iterable of sequence of str
        The cells.
    caption : str
        What a screen reader calls it, as plain text.
    n_words : int, default=1
        Columns that are no numbers.
    """
    kinds = ["" if at < n_words else ' class="number"' for at in range(len(head))]
    top = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True))
    lines = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row[1:], kinds[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return scrolling(
        caption,
        f'<table><caption class="hidden">{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table>",
    )


def _details(summary: str, content: str) -> str:
    return f'<details class="print"><summary>{escape(summary)}</summary>{content}</details>'


def percent(value: float, digits: int = 2) -> str:
    """Return a fraction as a percentage; a hyphen where it has no value.

    Examples
    --------
    >>> percent(0.98449), percent(math.nan)
    ('98.45 %', '-')
    """
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else "-"


def interval(n_right: int, n: int) -> str:
    """Return between what an accuracy lies, in words.

    Examples
    --------
    >>> interval(9845, 10000)
    '98.19 % to 98.67 %'
    """
    low, high = metrics.proportion_interval(n_right, n)
    return f"{percent(low)} to {percent(high)}"


def _figures(parts: Mapping[str, PartOutcome]) -> str:
    """Return every measure of every part, rounded and in all digits."""
    rows = [
        [escape(name.replace("_", " ")), *(_figure(name, part.figures[name]) for part in parts.values())]
        for name in metrics.MEASURES
    ]
    counts = ["images", *(f"{len(part.rows):,}" for part in parts.values())]
    wrong = ["wrong", *(f"{int((~part.correct).sum()):,}" for part in parts.values())]
    spans = [
        "accuracy, 95 % interval",
        *(f'<span class="span">{interval(int(part.correct.sum()), len(part.rows))}</span>' for part in parts.values()),
    ]
    return (
        "<p>Choose by validation; once you choose by test, it is no test any more. The interval (Wilson's) says how "
        "far the accuracy of other images of the same source may be, for so few were looked at.</p>"
        + table(["measure", *parts], [counts, wrong, spans, *rows], "Figures of each part")
    )


def _figure(name: str, value: float) -> str:
    """Return a figure as it is read, and below it in all its digits, as ``metrics.json`` has it."""
    if not math.isfinite(value):
        return "no value"
    rounded = f"{value:.4f}" if name == "log_loss" else percent(value)
    return f'<data value="{value!r}">{rounded}</data><span class="exact">{value!r}</span>'


def _learning_curves(history: Mapping[str, NDArray[np.float64]] | None) -> str:
    """Return loss and accuracy by epoch, drawn and as a table."""
    if history is None or not len(history["epoch"]):
        return "<p>There is no history of the training.</p>"
    epochs = history["epoch"].tolist()
    last = max(epochs) if len(epochs) > 1 else epochs[0] + 1
    x = Axis("epoch", min(epochs) if len(epochs) > 1 else epochs[0] - 1, last, whole=True)
    drawn = "".join(_learning_curve(history, name, x, epochs) for name in ("loss", "accuracy"))
    told = _some(np.arange(len(epochs)), _MOST_EPOCHS)
    by_epoch = zip(*(figures[told].tolist() for figures in history.values()), strict=True)
    rows = [[f"{cell:.6g}" if math.isfinite(cell) else "-" for cell in row] for row in by_epoch]
    title = "All epochs" if len(told) == len(epochs) else f"{len(told)} of {len(epochs):,} epochs"
    head = [name.replace("_", " ") for name in history]
    return (
        "<p>Figures of the training part are means over an epoch, while the network learns.</p>"
        f'<div class="charts">{drawn}</div>{_details(title, table(head, rows, title, n_words=0))}'
    )


_MOST_EPOCHS = 500
"""Lines of the table of epochs, and points of a curve, at the most."""


def _learning_curve(history: Mapping[str, NDArray[np.float64]], name: str, x: Axis, epochs: list[float]) -> str:
    """Return one chart, of the training and of the validation part."""
    told = _some(np.arange(len(epochs)), _MOST_EPOCHS)
    training, validation = history[name][told], history[f"validation_{name}"][told]
    epochs = [epochs[place] for place in told]
    known = np.concatenate([training, validation])
    known = known[np.isfinite(known)]
    if not len(known):
        return ""
    low, high = (0.0, float(known.max()) or 1.0) if name == "loss" else (min(float(known.min()), 0.9), 1.0)
    curves = [Curve("training", epochs, training.tolist())]
    if np.isfinite(validation).any():
        curves.append(Curve("validation", epochs, validation.tolist(), "second"))
    return chart(f"{name.capitalize()} by epoch", curves, x, Axis(name, low, high, percent=name == "accuracy"))


def _diagnosis(diagnosis: Diagnosis) -> str:
    """Return what was found of the training, and what each layer came to."""
    first, last = diagnosis.epochs[0], diagnosis.epochs[-1]
    found = "".join(f"<li>{escape(str(finding))}</li>" for finding in diagnosis.findings)
    rows = [
        [
            f"{number}",
            escape(f"{layer.n_units} {layer.activation or 'outputs'}"),
            *(_lost(one.layers[number - 1]) for one in (first, last)),
            *("-" if value is None else f"{value:.2g}" for value in (layer.distance, largest)),
        ]
        for number, (layer, largest) in enumerate(zip(last.layers, _largest_updates(diagnosis), strict=True), start=1)
    ]
    head = ["layer", "units", "dead or saturated before", "after", "distance moved", "largest update"]
    return (
        (f"<ul>{found}</ul>" if found else "<p>Nothing wrong was found.</p>")
        + f"<p>On some training samples the loss was {first.loss:.4g} at first, {diagnosis.chance_loss:.4g} being "
        f"that of chance, and {last.loss:.4g} after epoch {last.epoch}. Distances and updates are relative to the norm "
        "of a layer's weights; updates of about 0.001 are usual.</p>"
        + table(head, rows, "What each layer came to", n_words=2)
    )


def _lost(layer: LayerRecord) -> str:
    """Return the fraction of a layer that is dead or saturated; a hyphen for the output."""
    known = [fraction for fraction in (layer.dead, layer.saturated) if fraction is not None]
    return f"{100 * known[0]:.0f} %" if known else "-"


def _largest_updates(diagnosis: Diagnosis) -> list[float | None]:
    """Return the largest of the updates at the ends of epochs, for each layer; None where there were none."""
    by_layer = zip(*(record.layers for record in diagnosis.epochs), strict=True)
    return [max((one.update for one in layers if one.update is not None), default=None) for layers in by_layer]


def _confusion(name: str, part: PartOutcome) -> str:
    """Return the matrix, and the images that its cells open."""
    true, predicted, confidence = part.outcomes
    n_wrong = int((~part.correct).sum())
    most = confusion.most_of_part(part.images.shape[1:])
    places = confusion.chosen(true, predicted, confidence, most)
    n_shown = sum(map(len, places.values()))
    drawn = confusion.matrix(name, part.counts, part.labels, set(places))
    if not n_wrong:
        return f"{drawn}<p>Nothing was predicted wrong.</p>"
    bounded = (
        f": at most {confusion.MOST_OF_CELL} of a cell and {most} in all, the most confident first"
        if n_shown < n_wrong
        else ""
    )
    listed = confusion.cells(name, part.images, part.rows, part.labels, confidence, places, part.counts)
    return (
        f"{drawn}<p>Labels down, predicted ones across. A number that is underlined opens its images; {n_shown} of "
        f"{n_wrong} mistakes can be seen{bounded}.</p>"
        f'<details class="cell"><summary>Mistakes by cell</summary>{listed}</details>'
    )


def _mistakes(name: str, part: PartOutcome, n: int) -> str:
    """Return the wrong answers that were given most surely."""
    wrong = np.flatnonzero(~part.correct)
    return _answers(name, part, wrong[np.argsort(-part.outcomes.confidence[wrong], kind="stable")], n)


def _least_sure(name: str, part: PartOutcome, n: int) -> str:
    """Return the answers of the lowest confidence, right or wrong."""
    return _answers(name, part, np.argsort(part.outcomes.confidence, kind="stable"), n)


def _answers(name: str, part: PartOutcome, samples: NDArray[np.intp], n: int) -> str:
    """Return the first images with what they are, what they were taken for, and how surely."""
    if not len(samples):
        return "<p>There are none.</p>"
    if not n:
        return "<p>None are shown, as <code>n_mistakes</code> is 0.</p>"
    true, predicted, confidence = part.outcomes
    items = []
    for one in samples[:n].tolist():
        row, label, answer = int(part.rows[one]), name_of(part.labels[true[one]]), part.labels[predicted[one]]
        right = true[one] == predicted[one]
        words = f"true {label}, " + ("predicted right" if right else f"predicted {name_of(answer)}")
        below = f"{escape(words)}<br>{percent(float(confidence[one]))}<br><span class='muted'>row {row}</span>"
        items.append((part.images[row], f"Row {row} of the {name} images, {words}", below))
    return images.sheet(items)


def _by_class(name: str, part: PartOutcome) -> str:
    """Return precision, recall and F1 of every class."""
    rows = [
        [escape(name_of(score.label)), *(percent(one) for one in score[1:4]), f"{score.support:,}"]
        for score in part.by_class
    ]
    return table(["class", "precision", "recall", "F1", "images"], rows, f"Scores by class, {name}")


def _reliability(parts: Mapping[str, PartOutcome], n_bins: int) -> str:
    """Return how often answers are right by how sure they are."""
    drawn, tables = [], []
    for name, part in parts.items():
        bins = metrics.reliability(part.correct, part.outcomes.confidence, n_bins)
        filled = [one for one in bins if one.n]
        curves = [
            Curve("as sure as right", [0, 1], [0, 1], "third"),
            Curve("accuracy", [one.confidence for one in filled], [one.accuracy for one in filled]),
        ]
        axes = Axis("confidence", percent=True), Axis("accuracy", percent=True)
        bars = [(one.low, one.high, one.accuracy) for one in filled]
        drawn.append(chart(f"Reliability, {name}", curves, *axes, bars=bars))
        rows = [
            [
                f"{percent(one.low, 1)} to {percent(one.high, 1)}",
                *(f"{one.n:,}", percent(one.confidence), percent(one.accuracy)),
            ]
            for one in bins
        ]
        head = ["confidence", "images", "mean confidence", "accuracy"]
        tables.append(_details(f"Bins, {name}", table(head, rows, f"Reliability, {name}")))
    return (
        "<p>Where the line is below the diagonal, the network is surer than it is right. Few images in a bin say "
        f'little.</p><div class="charts">{"".join(drawn)}</div>{"".join(tables)}'
    )


def _rejection(parts: Mapping[str, PartOutcome]) -> str:
    """Return how many mistakes are left where answers below a confidence are not told."""
    looks = dict(zip(parts, ["second", "first"] if len(parts) > 1 else ["first"], strict=True))
    curves, blocks, farthest = [], [], 0.02
    for name, part in parts.items():
        correct, confidence = part.correct, part.outcomes.confidence
        levels = np.unique(confidence)
        found = metrics.rejections(correct, confidence, np.concatenate([[0.0], _some(levels)]))
        curves.append(Curve(name, [one.rejected for one in found], [one.error_rate for one in found], looks[name]))
        steps = metrics.rejections(correct, confidence, [0.0, *THRESHOLDS])
        farthest = max(farthest, steps[-1].rejected)
        rows = [
            [f"{one.threshold:g}", percent(one.rejected), percent(one.error_rate, 3), f"{one.n_wrong:,}"]
            for one in steps
        ]
        head = ["P", "rejected", "error of the rest", "wrong in the rest"]
        blocks.append(f"<div><h3>{_title(name)}</h3>{table(head, rows, f'Rejection, {name}')}</div>")
    curves = [_up_to(curve, farthest) for curve in curves]
    highest = max((y for curve in curves for y in curve.y if math.isfinite(y)), default=0.0) or 0.01
    drawn = chart(
        "Error against the share rejected",
        curves,
        Axis("rejected", 0.0, farthest, percent=True),
        Axis("error of the rest", 0.0, highest, percent=True),
    )
    return (
        "<p><code>digits predict --reject-below P</code> gives no answer where the confidence is below P: what is left "
        f'is wrong less often.</p><div class="charts">{drawn}</div><div class="parts">{"".join(blocks)}</div>'
    )


def _up_to(curve: Curve, farthest: float) -> Curve:
    """Return the part of a curve that is drawn."""
    points = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if x <= farthest]
    return Curve(curve.name, [x for x, _ in points], [y for _, y in points], curve.look)


def _some(levels: NDArray[Any], most: int = 1000) -> NDArray[Any]:
    """Return so many of sorted numbers at the most, evenly by their places."""
    if len(levels) <= most:
        return levels
    return levels[np.unique(np.linspace(0, len(levels) - 1, most).astype(np.intp))]


def _weights(model: Model) -> str:
    """Return what the first layer looks for."""
    if model.weights is None:
        return "<p>The model has no weights to be seen.</p>"
    n = min(64, model.weights.shape[1])
    colours = (
        "red for ink that excites, blue for ink that inhibits"
        if colour_of(model.image_shape) == "grey"
        else "grey is 0, and a colour is what excites"
    )
    return (
        f"<p>The {n} units of the largest norm of {model.weights.shape[1]}, the largest first: {colours}.</p>"
        + images.weights_picture(model.weights, model.image_shape, n)
    )


def _parameters(origin: Origin) -> str:
    """Return the parameters of every stage."""
    tables = [
        _details(
            f"{stage} ({len(values)})",
            table(
                ["parameter", "value"],
                [[f"<code>{escape(name)}</code>", f"<code>{_value(value)}</code>"] for name, value in values.items()],
                f"Parameters of {stage}",
                n_words=2,
            ),
        )
        if values
        else f"<p>{escape(stage)}: not recorded</p>"
        for stage, values in origin.parameters.items()
    ]
    return f"<p>{escape(_repeatable(origin.parameters))}</p>{''.join(tables)}"


def _repeatable(parameters: Mapping[str, Mapping[str, Any]]) -> str:
    """Return whether the parameters of all stages make the same model again, as plain text."""
    doubts = [f"nothing of {stage} is recorded" for stage, values in parameters.items() if not values] + [
        f"random_state of {stage} is no number, so chance is another each time"
        for stage, values in parameters.items()
        if not isinstance(values.get("random_state", 0), int)
    ]
    if not doubts:
        return "These values, and the data below, make the same model again."
    return f"These values, and the data below, may make another model: {'; '.join(doubts)}."


def _value(value: Any) -> str:
    """Return a parameter's value as ``params.yaml`` would have it, of bounded length."""
    if isinstance(value, Mapping):
        return "<br>".join(f"{escape(name)}: {_value(one)}" for name, one in value.items())
    words = {None: "null", True: "true", False: "false"}
    plain = isinstance(value, bool) or value is None
    return escape(words[value] if plain else shown(str(value), 200))


def _data(origin: Origin) -> str:
    """Return what the data set is, whose it is, and the digests of all that the report was made from."""
    facts = {
        "Data set": escape(shown(origin.dataset, 80)) or "not recorded",
        "Licence": escape(origin.licence) or "not known",
        "Citation": escape(origin.citation) or "not known",
    }
    known = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    files = [[escape(shown(name, 80)), f"<code>{digest}</code>"] for name, digest in origin.files.items()]
    folders = [[escape(name), f"<code>{escape(digest)}</code>"] for name, digest in origin.digests.items()]
    return (
        f"<dl>{known}</dl><h3>Files of the data</h3>{table(['file', 'SHA-256'], files, 'Files', n_words=2)}"
        f"<h3>Folders that this was made from</h3>{table(['folder', 'digest'], folders, 'Folders', n_words=2)}"
    )


def _card(parts: Mapping[str, PartOutcome], model: Model, origin: Origin) -> str:
    """Return what the model is, what it is for and what it is not for, of facts alone."""
    n, names = len(model.classes), [name_of(label) for label in model.classes]
    some = ", ".join(names[:50]) + (f" and {n - 50} more" if n > 50 else "")
    kind = f"{'coloured' if colour_of(model.image_shape) == 'rgb' else 'grey'} {describe(model.image_shape[:2])}"
    learned = f"{model.n_training:,} images" if model.n_training is not None else "A number of images not recorded"
    facts = {
        "What it is": f"{_size(model)[0].upper()}{_size(model)[1:]}. It was trained by this pipeline.",
        "What it is for": f"Telling which of {n} classes a {kind} image is of: {some}. Each answer has a confidence.",
        "What it is not for": (
            f"Images unlike those of its training: of other things, made otherwise, or of something that is none of "
            f"its {n} classes, for it has no answer but these. Nor for decisions about people that no person checks."
        ),
        "Learned from": f"{learned}. Data set: {origin.dataset or 'not recorded'}.",
        "How it was chosen": _chosen(parts),
        "How good it is": _how_good(parts),
        "Limits": _limits(parts["test"], model),
        "Licence of the data": origin.licence or "Not known to this pipeline; see where the data came from.",
    }
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items()) + "</dl>"


def _chosen(parts: Mapping[str, PartOutcome]) -> str:
    """Return what choices can have been made by."""
    if "validation" not in parts:
        return (
            "No images were held out for validation, so nothing tells which parameters are better. The test images are "
            "for a last look: a choice made by them makes their figures too good."
        )
    return (
        f"By {len(parts['validation'].rows):,} validation images that it has not learned from: parameters are compared "
        "by their figures. The figures of the test images are for a last look, and no choice should be made by them."
    )


def _how_good(parts: Mapping[str, PartOutcome]) -> str:
    """Return the accuracy of every part with its interval."""
    return " ".join(
        f"{len(part.rows):,} {name} images: accuracy {percent(part.figures['accuracy'])} "
        f"({interval(int(part.correct.sum()), len(part.rows))} with a confidence of 95 %)."
        for name, part in parts.items()
    )


def _limits(test: PartOutcome, model: Model) -> str:
    """Return what the model is worst at, and how far its confidence can be relied on."""
    missed = [score for score in test.by_class if score.support and score.recall < 1]
    found = sorted(missed, key=lambda score: score.recall)[:3]
    worst = ", ".join(f"{name_of(score.label)} ({percent(score.recall)})" for score in found)
    classes = f"Found least often among the test images: {worst}." if worst else "No test image was mistaken."
    calibration = percent(test.figures["calibration_error"])
    unseen = ", ".join(name_of(label) for label in test.labels if label not in model.classes)
    return (
        f"{classes} Confidence and accuracy lie {calibration} apart on average (calibration error). All images "
        "measured are of the same source as those of training; of others expect more mistakes."
        + (f" Not learned at all: {unseen}." if unseen else "")
    )
