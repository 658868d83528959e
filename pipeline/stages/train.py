"""The fourth stage: a network learns from the training rows, and is watched on the validation rows."""

import csv
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from pipeline.artifacts import DIAGNOSIS, HISTORY, MODEL, NETWORK, PREPARED, SPLIT, read_class_names, read_training
from pipeline.callbacks import OnEpoch, callbacks_of
from pipeline.data.class_names import named
from pipeline.files import write_new
from pipeline.mlp.class_weights import by_label
from pipeline.mlp.classifier import MLPClassifier
from pipeline.model_file import save_model
from pipeline.network.compiled.engines import watching_compilation
from pipeline.network.training import DivergenceError
from pipeline.progress import COMPILING, Progress
from pipeline.stages.base import Stage
from pipeline.strict_json import to_json

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

    With ``diagnose`` there is ``diagnosis.json`` as well, and what was found wrong is said.

    Its parameters are ``MLPClassifier``'s, and so is all that it does in Python.

    Examples
    --------
    >>> Train((64,), solver="rmsprop").get_params()["hidden_layer_sizes"]
    (64,)
    """

    reads: ClassVar[tuple[str, ...]] = (PREPARED, SPLIT)
    writes: ClassVar[str] = MODEL

    def _run(self, artifacts: Path, folder: Path, progress: Progress) -> dict[str, Any]:
        """Fit, and write ``model.npz``, ``history.csv`` and, where there is one, ``diagnosis.json``."""
        normalize, X, y, watched = read_training(artifacts)
        if self.augmentation is not None and hasattr(normalize, "image_shape_"):
            self.augmentation.check_shape(normalize.image_shape_)
        names = read_class_names(artifacts, PREPARED)
        try:
            with self._weights_by_label(names):
                self._fit_watched(X, y, watched, progress)
        except DivergenceError as error:  # its weights are this object's, which ends with the stage
            raise DivergenceError(error.reason, _left(artifacts / self.writes)) from error
        finally:
            self._say_findings(progress)
        self._name_classes(names)
        save_model(folder / NETWORK, Pipeline([("preprocess", normalize), ("train", self)]))
        _write_history(folder / HISTORY, self.history_)
        last = {column: self.history_[name][-1] for column, name in FIGURES.items()}
        done: dict[str, Any] = {"engine": self.engine_, "epochs": self.n_iter_}
        if self.diagnose:
            write_new(folder / DIAGNOSIS, to_json(self.diagnosis_.to_dict()) + "\n")
            done["findings"] = len(self.diagnosis_.findings)
        return done | {column: figure for column, figure in last.items() if figure is not None}

    def _say_findings(self, progress: Progress) -> None:
        """Say what went wrong, a sentence for each finding, as far as training was examined."""
        for finding in self.diagnosis_.findings if "diagnosis_" in vars(self) else ():
            progress.say(f"diagnosis: {finding}")

    @contextmanager
    def _weights_by_label(self, names: Sequence[str] | None) -> Iterator[None]:
        """Let ``class_weight``, which a person gives by the names of classes, be by labels while training goes on."""
        given = self.class_weight
        self.class_weight = by_label(given, names)
        try:
            yield
        finally:
            self.class_weight = given

    def _name_classes(self, names: Sequence[str] | None) -> None:
        """Call the classes by their names, where they have some: `predict` then says names, as ``classes_`` does."""
        if names is not None:
            self.classes_ = named(self.classes_, names)
            self._targets = self._targets.rename(self.classes_)

    def _fit_watched(
        self, X: NDArray[Any], y: NDArray[Any], watched: dict[str, NDArray[Any]], progress: Progress
    ) -> None:
        """Fit, and let the progress hear of every epoch."""
        own = callbacks_of(self)
        self.set_callbacks(*own, OnEpoch(lambda _: progress.advance(1, **self._figures())))
        progress.begin("train", self.max_iter, "epochs")
        begin = partial(progress.begin, COMPILING, None, "loops")
        try:
            with warnings.catch_warnings(), watching_compilation(self.engine, begin, progress.advance, progress.end):
                # A workflow trains for the epochs that it is told to; to have used them all is no mishap.
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.fit(X, y, **watched)
        finally:
            progress.end()
            self.set_callbacks(*own)

    def _figures(self) -> dict[str, float]:
        """Return what is worth showing of the last epoch."""
        last = {column: self.history_[name][-1] for column, name in FIGURES.items()}
        return {column: figure for column, figure in last.items() if figure is not None}

    def _interrupted(self) -> None:
        """Leave no model that looks finished when a person interrupts the stage."""
        raise KeyboardInterrupt


def _left(folder: Path) -> str:
    """Return what there is on the disk after a training that came to nothing."""
    return f"{folder} is still that of an earlier run" if folder.is_dir() else "no model was written"


def _write_history(path: Path, history: dict[str, list[float | None]]) -> None:
    """Write a line for every epoch; what was not measured is empty."""
    columns = [[_text(figure) for figure in history[name]] for name in FIGURES.values()]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["epoch", *FIGURES])
    writer.writerows([epoch, *figures] for epoch, figures in enumerate(zip(*columns, strict=True), start=1))
    write_new(path, table.getvalue())


def _text(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.6g}"
