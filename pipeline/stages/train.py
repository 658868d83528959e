"""The fourth stage: a network learns from the training rows, and is watched on the validation rows."""

import csv
import io
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from pipeline.artifacts import read_labels, read_pixels
from pipeline.callbacks import OnEpoch
from pipeline.data.npy import read_rows
from pipeline.files import write_new
from pipeline.mlp.classifier import MLPClassifier
from pipeline.model_file import save_model
from pipeline.network.training import DivergenceError
from pipeline.preprocessing.normalize import Normalize
from pipeline.program import command
from pipeline.progress import Progress
from pipeline.provenance import ProvenanceError
from pipeline.stages.base import Stage
from pipeline.strict_json import read_json
from pipeline.text import shown

FIGURES = {
    "loss": "loss",
    "accuracy": "score",
    "validation_loss": "validation_loss",
    "validation_accuracy": "validation_score",
    "learning_rate": "learning_rate",
}
"""The columns of ``history.csv`` after ``epoch``, and what ``history_`` calls them."""


class Train(Stage, MLPClassifier):
    """Learn from the training rows: ``model.npz`` holds normaliser and network, ``history.csv`` a line per epoch.

    Its parameters are ``MLPClassifier``'s, and so is all that it does in Python.

    Examples
    --------
    >>> Train((64,), solver="rmsprop").get_params()["hidden_layer_sizes"]
    (64,)
    """

    reads: ClassVar[tuple[str, ...]] = ("prepared", "split")
    writes: ClassVar[str] = "model"

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Fit, and write ``model.npz`` and ``history.csv``."""
        normalize, X, y, watched = read_training(artifacts)
        try:
            self._fit_watched(X, y, watched, progress)
        except DivergenceError as error:  # its weights are this object's, which ends with the stage
            raise DivergenceError(error.reason, _left(artifacts / self.writes)) from error
        save_model(folder / "model.npz", Pipeline([("preprocess", normalize), ("train", self)]))
        _write_history(folder / "history.csv", self.history_)
        last = {column: self.history_[name][-1] for column, name in FIGURES.items()}
        return {"epochs": self.n_iter_, **{column: figure for column, figure in last.items() if figure is not None}}

    def _fit_watched(
        self, X: NDArray[Any], y: NDArray[Any], watched: dict[str, NDArray[Any]], progress: Progress
    ) -> None:
        """Fit, and let the progress hear of every epoch."""
        own = getattr(self, "_skl_callbacks", [])
        self.set_callbacks(*own, OnEpoch(lambda _: progress.advance(1, **self._figures())))
        progress.begin("train", self.max_iter, "epochs")
        try:
            with warnings.catch_warnings():
                # A workflow trains for the epochs that it is told to; to have used them all is no mishap.
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.fit(X, y, **watched)
        finally:
            progress.end()
            self.set_callbacks(*own)

    def _figures(self) -> dict[str, float]:
        """Return what is worth showing of the last epoch."""
        last = {column: self.history_[name][-1] for column, name in FIGURES.items() if column != "learning_rate"}
        return {column: figure for column, figure in last.items() if figure is not None}

    def _interrupted(self) -> None:
        """Leave no model that looks finished when a person interrupts the stage."""
        raise KeyboardInterrupt


def _left(folder: Path) -> str:
    """Return what there is on the disk after a training that came to nothing."""
    return f"{folder} is still that of an earlier run" if folder.is_dir() else "no model was written"


def read_training(artifacts: Path) -> tuple[Normalize, NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Return the fitted normaliser, what there is to learn from, and the validation data that ``fit`` may be given.

    Raises
    ------
    FileNotFoundError
        Where a file is missing.
    ValueError
        Naming the file, where one is damaged (`NpyError`), or files do not fit together (`ProvenanceError`).
    """
    normalize = _read_normalizer(artifacts / "prepared" / "normalize.json")
    X, y = read_pixels(artifacts / "prepared", "train"), read_labels(artifacts / "prepared", "train")
    _check_width(artifacts / "prepared", normalize, X, len(y))
    train, validation = (read_rows(artifacts / "split" / f"{part}.npy", len(y)) for part in ("train", "validation"))
    if both := np.intersect1d(train, validation).size:
        raise ProvenanceError(
            f"{artifacts / 'split'} has {both} rows both for training and for validation: {command('split')} makes it "
            "anew"
        )
    watched = {"X_val": X[validation], "y_val": y[validation]} if len(validation) else {}
    return normalize, _rows(X, train), y[train], watched


def _read_normalizer(path: Path) -> Normalize:
    """Read the normaliser that `Preprocess` has fitted."""
    try:
        return Normalize.from_state(read_json(path))
    except ValueError as error:  # JSON's errors are such, too
        raise ValueError(f"{path} is damaged: {shown(error)}") from None


def _check_width(prepared: Path, normalize: Normalize, X: NDArray[Any], n_labels: int) -> None:
    """Raise where the normaliser was fitted on images of another width than those that it is kept beside."""
    if len(X) != n_labels:
        raise ProvenanceError(
            f"{prepared} has {len(X)} images in train_X.npy and {n_labels} labels in train_Y.npy: "
            f"{command('preprocess')} makes both anew"
        )
    if X.shape[1] != normalize.n_features_in_:
        raise ProvenanceError(
            f"{prepared / 'normalize.json'} is for images of {shown(normalize.n_features_in_, 30)} pixels, and "
            f"train_X.npy has the shape {X.shape}: {command('preprocess')} makes both anew"
        )


def _rows(X: NDArray[Any], rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Return rows of X in memory; all of them need no copy."""
    return X if len(rows) == len(X) else X[rows]


def _write_history(path: Path, history: dict[str, list[float | None]]) -> None:
    """Write a line for every epoch; what nobody measured is empty."""
    columns = [[_text(figure) for figure in history[name]] for name in FIGURES.values()]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["epoch", *FIGURES])
    writer.writerows([epoch, *figures] for epoch, figures in enumerate(zip(*columns, strict=True), start=1))
    write_new(path, table.getvalue())


def _text(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.6g}"
