"""How good a fitted model is, in figures for machines and in pictures for people.

``Evaluate`` is a scorer, to be given as ``scoring=``. As a stage it measures the model that a user gets, on the raw
pixels of the validation rows and of the test file.
"""

import csv
import io
import logging
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches
from sklearn.utils.metadata_routing import UNUSED

from pipeline import metrics
from pipeline.artifacts import (
    ACTIVATIONS,
    BY_CLASS,
    EVALUATION,
    MAKERS,
    METRICS,
    MISTAKES,
    MODEL,
    RAW,
    REPORT,
    SPLIT,
    confusion_name,
    network_path,
    picture_name,
    read_class_names,
    read_diagnosis,
    read_history,
    read_images,
    read_rows,
    remedy,
)
from pipeline.data.class_names import named
from pipeline.data.picture_names import read_picture_names
from pipeline.data.works import WORKS, Work
from pipeline.files import write_new
from pipeline.html import report as page
from pipeline.image_shape import describe
from pipeline.mlp.labels import is_multilabel, plain_labels
from pipeline.mlp.threads import bounded_blas
from pipeline.model_file import load_model
from pipeline.parameters import check_parameters
from pipeline.progress import Progress
from pipeline.provenance import RECORD, ProvenanceError, digest_files, read_record
from pipeline.stages.base import Stage
from pipeline.strict_json import write_json
from pipeline.text import printable

BATCH = 1024  # images that are predicted at once, however many there are
PIECE = 2**23  # probabilities that are looked at together: of ten classes, those of 800,000 images
OF_PREDICTIONS = ("accuracy", "neg_error_rate", "f1_macro")  # scores that take no probabilities
LESS_IS_BETTER = ("error_rate", "log_loss", "calibration_error")


@dataclass(frozen=True)
class Part:
    """Images and labels of an official file, and the numbers of the rows to look at; names of classes, if there are."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    rows: NDArray[np.integer[Any]]
    names: tuple[str, ...] | None = None

    def labels_for(self, model: Any, batch: slice = slice(None)) -> NDArray[Any]:
        """Return the labels of the rows, or of some, as a model calls them: by name, where it has learned names."""
        return self.label_names(model, self.labels[self.rows[batch]])

    def label_names(self, model: Any, labels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return labels as a model calls them."""
        by_name = np.asarray(model.classes_).dtype.kind == "U"
        return named(labels, self.names if by_name else None)

    def pixels(self, batch: slice) -> NDArray[np.uint8]:
        """Return some of the rows, (n_rows, n_pixels)."""
        images = self.images[self.rows[batch]]
        return images.reshape(len(images), -1)


@dataclass(frozen=True)
class Report:
    """What there is to say of a model on one part: see the functions of `pipeline.metrics`."""

    labels: list[Any]
    figures: dict[str, float]
    by_class: list[metrics.ClassScore] = field(repr=False)
    confusion: NDArray[np.int64] = field(repr=False)
    mistakes: list[metrics.Mistake] = field(repr=False)
    wrong: list[int] = field(repr=False)
    outcomes: metrics.Outcomes = field(repr=False)


Score = Literal["accuracy", "neg_error_rate", "neg_log_loss", "f1_macro", "top_2_accuracy", "neg_calibration_error"]


class Evaluate(Stage, BaseEstimator):
    """Measure a fitted classifier by its predictions and its probabilities.

    As ``scoring=`` it gives ``cross_validate`` and the searches all scores by name. What wants a single number
    (``cross_val_score``, ``learning_curve``, ``validation_curve``, ``HalvingGridSearchCV`` and
    ``HalvingRandomSearchCV``, feature selection) is given ``Evaluate(measure="accuracy")``, or another score's name.

    Any classifier can be scored. A score that has no value is NaN, and all others stand: what takes probabilities is
    NaN for a classifier that has none and for several labels at once, log loss where a label was not in training.
    Such a label is a wrong prediction to the other scores.

    Parameters
    ----------
    pictures : bool, default=True
        Whether the stage draws pictures as well. Without matplotlib it says so, and leaves them out. The report, a
        page that needs none, is written in any case.
    n_mistakes : int, default=25
        How many of the most confident mistakes the stage lists and draws; as many of the least sure answers.
    n_bins : int, default=15
        Number of bins of the calibration error, and of the reliability diagram.
    measure : str or None, default=None
        The one score that is returned as a number. None returns all, by name. The stage writes all in any case.

    Attributes
    ----------
    reports_ : dict of Report
        What ``run`` found, by the names of the parts.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> X, y = load_iris(return_X_y=True)
    >>> scores = cross_validate(LogisticRegression(max_iter=500), X, y, scoring=Evaluate())
    >>> round(float(scores["test_accuracy"].mean()), 3)
    0.973
    >>> from sklearn.model_selection import cross_val_score
    >>> cross_val_score(LogisticRegression(max_iter=500), X, y, scoring=Evaluate(measure="top_2_accuracy")).mean()
    np.float64(1.0)
    """

    __metadata_request__score: ClassVar[dict[str, str]] = {"estimator": UNUSED}  # of `score`, it is no metadata

    reads: ClassVar[tuple[str, ...]] = (RAW, SPLIT, MODEL)
    writes: ClassVar[str] = EVALUATION

    def __init__(
        self,
        pictures: bool = True,
        n_mistakes: Annotated[int, ">= 0"] = 25,
        n_bins: Annotated[int, ">= 1"] = 15,
        measure: Score | None = None,
    ) -> None:
        self.pictures = pictures
        self.n_mistakes = n_mistakes
        self.n_bins = n_bins
        self.measure = measure

    def __call__(
        self, estimator: Any, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> dict[str, float] | float:
        """Do what ``score`` does, as scikit-learn asks a scorer to."""
        return self.score(estimator, X, y, sample_weight=sample_weight)

    def score(
        self, estimator: Any, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> dict[str, float] | float:
        """Score an estimator.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict``; with ``predict_proba`` and ``classes_``, where all scores are to have a value.
        X : array-like of shape (n_samples, n_features)
            What it predicts from.
        y : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_labels)
            The labels that are right.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts. None is all alike. Under metadata routing, ``set_score_request`` asks for it.

        Returns
        -------
        dict of float, or float
            accuracy, neg_error_rate, neg_log_loss, f1_macro, top_2_accuracy, neg_calibration_error, or the one that
            ``measure`` names. Of each, more is better.

        Raises
        ------
        ParameterError
            Where a parameter is not allowed.
        ValueError
            Where labels and predictions do not fit together.
        """
        check_parameters(self)
        figures = dict.fromkeys(metrics.MEASURES, math.nan)
        figures |= metrics.measure_predictions(y, estimator.predict(X), sample_weight=sample_weight)
        if self.measure not in OF_PREDICTIONS:
            figures |= self._measure_probabilities(estimator, X, y, sample_weight)
        scores = {_scorer_name(name): -value if name in LESS_IS_BETTER else value for name, value in figures.items()}
        return scores if self.measure is None else scores[self.measure]

    def _measure_probabilities(
        self, estimator: Any, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> dict[str, float]:
        """Return the measures that take more than predictions: those that the estimator gives a value to."""
        if metrics.is_multilabel(y) or not hasattr(estimator, "classes_"):
            return {}
        classes, weights = estimator.classes_, {"sample_weight": sample_weight}
        if hasattr(estimator, "predict_proba"):
            P = estimator.predict_proba(X)
            try:
                return metrics.measure_probabilities(y, P, classes, self.n_bins, **weights)
            except ValueError as error:
                warnings.warn(f"the scores that take probabilities are NaN: {error}", stacklevel=3)
        elif hasattr(estimator, "decision_function"):
            return {"top_2_accuracy": metrics.top_2_accuracy(y, estimator.decision_function(X), classes, **weights)}
        return {}

    def _accept_sample_weight(self) -> bool:
        """Tell scikit-learn, which asks its own scorers so while metadata routing is off."""
        return True

    def report(self, y: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> Report:
        """Say all there is to say of a prediction.

        Parameters
        ----------
        y, probabilities, classes
            As `pipeline.metrics.measure` takes them.

        Returns
        -------
        Report
            Labels, figures, scores by class, confusion matrix, the worst mistakes, the rows of all, and what became of
            every row.
        """
        return self._report(metrics.summarize([(y, probabilities)], y, classes, self.n_bins))

    def _report(self, found: metrics.Summary) -> Report:
        """Return what there is to say of predictions."""
        mistakes = found.worst_mistakes(self.n_mistakes)
        known = found.by_class, found.confusion, mistakes, found.wrong_rows, found.outcomes
        return Report(found.labels, found.figures, *known)

    def evaluate_model(
        self, artifacts: str | os.PathLike[str], model: Any, progress: Progress | None = None
    ) -> dict[str, Report]:
        """Evaluate a model on the validation rows and on the test file, and write nothing.

        Parameters
        ----------
        artifacts : path
            The folder that holds a folder for each stage; of ``raw`` and ``split`` it reads.
        model : classifier
            Fitted, with ``predict_proba`` and ``classes_``; it takes raw pixels.
        progress : Progress, optional
            What hears how far the work is.

        Returns
        -------
        dict of Report
            ``validation``, where there are such rows, and ``test``. Rows are those of the official files.
        """
        parts = _read_parts(Path(artifacts), read_images(Path(artifacts), "train"))
        return {name: self._evaluate_part(name, part, model, progress or Progress()) for name, part in parts.items()}

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Write the figures, the tables, the report and the pictures."""
        draw = _import_plots() if self.pictures else None
        model = load_model(network_path(artifacts))
        training = read_images(artifacts, "train")
        parts = _read_parts(artifacts, training)
        _check_model(artifacts, model, parts["test"].images, progress)
        reports = {name: self._evaluate_part(name, part, model, progress) for name, part in parts.items()}
        self.reports_: dict[str, Report] = reports
        _write_tables(folder, reports, _pictures_of(artifacts, reports))
        known = _describe(artifacts, model, parts["test"].images.shape[1:], len(training[1]))
        outcomes = {name: _outcome(part, reports[name]) for name, part in parts.items()}
        origin = _origin(artifacts, self.recorded_parameters(), self._inputs)
        write_new(folder / REPORT, page.report(outcomes, known, origin, n_images=self.n_mistakes, n_bins=self.n_bins))
        if draw:
            history = known.history or read_history(artifacts)
            for name, figure in _draw(draw, model, parts["test"], reports["test"], history).items():
                write_new(folder / picture_name(name), draw.to_png(figure))
            if known.diagnosis is not None:
                activations = draw.activations(known.diagnosis.to_dict())
                write_new(folder / picture_name(ACTIVATIONS), draw.to_png(activations))
        return {name: report.figures for name, report in reports.items()}

    def _evaluate_part(self, name: str, part: Part, model: Any, progress: Progress) -> Report:
        """Evaluate a model on one part, and name its mistakes by their rows in the official file."""
        pieces = (
            (part.labels_for(model, rows), P) for rows, P in predict_pieces(model, part, f"evaluate {name}", progress)
        )
        labels = part.label_names(model, np.unique(part.labels[part.rows]))
        report = self._report(metrics.summarize(pieces, labels, model.classes_, self.n_bins))
        mistakes = [mistake._replace(row=int(part.rows[mistake.row])) for mistake in report.mistakes]
        return replace(report, mistakes=mistakes, wrong=part.rows[report.wrong].tolist())


def _scorer_name(name: str) -> str:
    """Return scikit-learn's name for a measure that is turned so that more is better."""
    return f"neg_{name}" if name in LESS_IS_BETTER else name


def _import_plots() -> ModuleType | None:
    """Return `pipeline.plots`; nothing, where matplotlib is missing, and say so before anything is computed."""
    try:
        with _quiet_matplotlib():
            from pipeline import plots  # noqa: PLC0415 - matplotlib is an extra, and slow to import
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "matplotlib":
            raise
        warnings.warn(
            'evaluate draws no pictures, which need matplotlib: pip install "digits-pipeline[pictures]" brings it',
            stacklevel=2,
        )
        return None
    return plots


@contextmanager
def _quiet_matplotlib() -> Iterator[None]:
    """Keep matplotlib from telling where it caches fonts: a home that cannot be written to is no trouble of ours."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(max(level, logging.ERROR))
    try:
        yield
    finally:
        log.setLevel(level)


def _read_parts(artifacts: Path, training: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> dict[str, Part]:
    """Return what the model is to be measured on; validation is left out where there are no such rows."""
    rows, test = read_rows(artifacts, "validation", len(training[1])), read_test(artifacts)
    validation = {"validation": Part(*training, rows, test.names)} if len(rows) else {}
    return validation | {"test": test}


def read_test(artifacts: Path) -> Part:
    """Read the test images, all of them."""
    images, labels = read_images(artifacts, "test")
    return Part(images, labels, np.arange(len(labels)), read_class_names(artifacts))


def _check_model(artifacts: Path, model: Any, images: NDArray[np.uint8], progress: Progress) -> None:
    """Raise where a model takes other images, and say where it cannot be told what it was trained on."""
    shape = images.shape[1:]
    if taken := other_images(model, shape):
        raise ProvenanceError(
            f"{artifacts / MODEL} takes images of {taken}, and {artifacts / RAW} has {describe(shape)}: "
            f"{remedy('train', artifacts)} makes it anew, after the stages before it (`run` makes all)"
        )
    if is_multilabel(model):
        raise ValueError(
            f"{artifacts / MODEL} gives an image several labels at once, and {artifacts / RAW} has one for each: such "
            "a model is scored by Evaluate as scoring="
        )
    for name in (SPLIT, MODEL):
        if read_record(artifacts / name) is None:
            progress.say(
                f"warning: {artifacts / name} has no {RECORD}: whether the model was trained on validation rows cannot "
                "be told"
            )


def other_images(model: Any, shape: tuple[int, ...]) -> str | None:
    """Return what images a model takes, or the first member of an ensemble, in words; None where of this shape."""
    [first, *_] = getattr(model, "estimators_", None) or [model]
    trained = tuple(getattr(getattr(first, "named_steps", {}).get("preprocess"), "image_shape_", shape))
    if model.n_features_in_ == math.prod(shape) and trained == shape:
        return None
    return f"{model.n_features_in_} pixels" if trained == shape else describe(trained)


def predict_part(model: Any, part: Part, title: str, progress: Progress) -> NDArray[np.floating[Any]]:
    """Return the probabilities of the rows of a part, computed in batches of bounded memory."""
    return np.concatenate([P for _, P in predict_pieces(model, part, title, progress)])


def predict_pieces(
    model: Any, part: Part, title: str, progress: Progress
) -> Iterator[tuple[slice, NDArray[np.floating[Any]]]]:
    """Yield some rows of a part after the other with their probabilities, computed in batches of bounded memory."""

    def predicted(batch: slice) -> NDArray[np.floating[Any]]:
        P: NDArray[np.floating[Any]] = model.predict_proba(part.pixels(batch))
        progress.advance(batch.stop - batch.start)
        return P

    progress.begin(title, len(part.rows), "images")
    n_batches = max(1, PIECE // (BATCH * len(model.classes_)))
    try:
        with bounded_blas(1):  # sums that BLAS cuts among threads end in other bits on another number of cores
            for piece in gen_batches(len(part.rows), n_batches * BATCH):
                starts = range(piece.start, piece.stop, BATCH)
                yield piece, np.concatenate([predicted(slice(at, min(at + BATCH, piece.stop))) for at in starts])
    finally:
        progress.end()


def _pictures_of(artifacts: Path, reports: Mapping[str, Report]) -> list[str] | None:
    """Return of which picture each mistake is, part by part; None where the images were made of no pictures."""
    names: list[str] = []
    for part, report in reports.items():
        rows = [mistake.row for mistake in report.mistakes]
        found = read_picture_names(artifacts / RAW, "test" if part == "test" else "train", rows)
        if found is None:
            return None
        names += map(printable, found)
    return names


def _write_tables(folder: Path, reports: Mapping[str, Report], pictures: Sequence[str] | None) -> None:
    """Write ``metrics.json``, ``by_class.csv``, ``mistakes.csv`` and a confusion matrix for each part."""
    figures = {part: metrics.finite_or_none(report.figures) for part, report in reports.items()}
    write_json(folder / METRICS, figures)  # validation before test: `dvc exp show` begins with what comes first
    scores = [(part, *score) for part, report in reports.items() for score in report.by_class]
    _write_csv(folder / BY_CLASS, ["part", *metrics.ClassScore._fields], scores)
    mistakes: list[tuple[Any, ...]] = [
        (part, *mistake) for part, report in reports.items() for mistake in report.mistakes
    ]
    header = ["part", *metrics.Mistake._fields]
    if pictures is not None:
        header, mistakes = [*header, "picture"], [(*one, name) for one, name in zip(mistakes, pictures, strict=True)]
    _write_csv(folder / MISTAKES, header, mistakes)
    for part, report in reports.items():
        rows = [(label, *counts) for label, counts in zip(report.labels, report.confusion.tolist(), strict=True)]
        _write_csv(folder / confusion_name(part), ["true", *(f"predicted_{label}" for label in report.labels)], rows)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_new(path, table.getvalue())


def _read_history(artifacts: Path) -> dict[str, NDArray[np.float64]] | None:
    """Return the history of the training; None where there is none, as beside a model of another origin."""
    try:
        return read_history(artifacts)
    except FileNotFoundError:
        return None


def _outcome(part: Part, report: Report) -> page.PartOutcome:
    """Return what the report page says of a part."""
    return page.PartOutcome(
        part.images, part.rows, report.labels, report.figures, report.by_class, report.confusion, report.outcomes
    )


def _describe(artifacts: Path, model: Any, image_shape: tuple[int, ...], n_samples: int) -> page.Model:
    """Return what is known of the model, which was trained on some of so many samples."""
    coefs = [np.asarray(W) for W in getattr(model[-1], "coefs_", [])]
    arrays = [*coefs, *getattr(model[-1], "intercepts_", [])]
    try:
        n_training = len(read_rows(artifacts, "train", n_samples))
    except FileNotFoundError:
        n_training = None
    return page.Model(
        classes=plain_labels(np.asarray(model.classes_)),
        image_shape=image_shape,
        sizes=[len(W) for W in coefs] + [W.shape[1] for W in coefs[-1:]],
        n_parameters=sum(array.size for array in arrays),
        weights=coefs[0] if coefs else None,
        n_training=n_training,
        history=_read_history(artifacts),
        diagnosis=read_diagnosis(artifacts),
    )


def _origin(artifacts: Path, own: Mapping[str, Any], digests: Mapping[str, str]) -> page.Origin:
    """Return what the model and its figures were made from, by the records of the folders and their digests."""
    records = {name: read_record(artifacts / name) for name in MAKERS if name != EVALUATION}
    parameters = {MAKERS[name]: record.parameters if record else {} for name, record in records.items()}
    dataset = str(parameters[MAKERS[RAW]].get("dataset", ""))
    work = WORKS.get(dataset, Work())
    return page.Origin(
        "images of a folder or file" if dataset == "folder" else dataset,
        *work,
        parameters | {MAKERS[EVALUATION]: own},
        {name: digests[name] for name in MAKERS if name in digests},
        digest_files(artifacts / RAW),
    )


def _draw(
    draw: ModuleType, model: Any, part: Part, report: Report, history: Mapping[str, NDArray[np.float64]]
) -> dict[str, Any]:
    """Draw the pictures, by the names of their files."""
    title = f"Test images: accuracy {report.figures['accuracy']:.2%}"
    rows = [mistake.row for mistake in report.mistakes]
    names = dict(zip(report.labels, draw.names_of(report.labels), strict=True))
    captions = [_caption(names[one.true], names[one.predicted], one) for one in report.mistakes]
    return {
        "learning_curves": draw.learning_curves(history),
        "confusion": draw.confusion(report.confusion, report.labels, title),
        "mistakes": draw.mistakes(part.images[rows], captions, "Test images: the most confident mistakes"),
        "weights": draw.weights(model[-1].coefs_[0], part.images.shape[1:]),
    }


def _caption(true: str, predicted: str, mistake: metrics.Mistake) -> str:
    """Say what stands above the image of a mistake; two names that are long stand below each other."""
    between = "\n" if len(true + predicted) > _NARROW else " "
    return f"true {true},{between}predicted {predicted}\n{mistake.confidence:.1%}, row {mistake.row}"


_NARROW = 8
"""Letters of two names that stand beside each other above an image."""
