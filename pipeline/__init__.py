"""A data and training workflow for MNIST and its relatives: five stages, each a scikit-learn object.

The public names are imported when they are first used, so that ``import pipeline`` costs nothing and the
command line's help needs neither NumPy nor scikit-learn.
"""

TYPE_CHECKING = False  # typing's own costs more than all of this module, and Ctrl-C is not yet taken care of here
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Deform": "pipeline.images.deform",
    "Evaluate": "pipeline.stages.evaluate",
    "ExponentialAverage": "pipeline.network",
    "Fetch": "pipeline.stages.fetch",
    "LastEpochs": "pipeline.network",
    "MLPClassifier": "pipeline.mlp.classifier",
    "MLPRegressor": "pipeline.mlp.regressor",
    "Normalize": "pipeline.preprocessing.normalize",
    "OneHot": "pipeline.preprocessing.one_hot",
    "Photo": "pipeline.images.photo",
    "PiecewiseLinear": "pipeline.tabular.piecewise_linear",
    "Preprocess": "pipeline.stages.preprocess",
    "RobustSmoothClip": "pipeline.tabular.robust_smooth_clip",
    "Split": "pipeline.stages.split",
    "TestTimeAugmentation": "pipeline.ensemble.test_time_augmentation",
    "Train": "pipeline.stages.train",
    "TrainingDoctor": "pipeline.diagnosis.doctor",
    "find_learning_rate": "pipeline.rate_finder",
    "from_arrays": "pipeline.interchange.arrays",
    "from_keras": "pipeline.interchange.arrays",
    "from_sklearn": "pipeline.interchange.sklearn",
    "from_torch": "pipeline.interchange.arrays",
    "load_ensemble": "pipeline.ensemble.voting",
    "load_model": "pipeline.model_file",
    "make_ensemble": "pipeline.ensemble.voting",
    "make_tabular": "pipeline.tabular.make_tabular",
    "predict_or_reject": "pipeline.rejection",
    "save_ensemble": "pipeline.ensemble.voting",
    "save_model": "pipeline.model_file",
    "summarize": "pipeline.summary",
    "to_onnx": "pipeline.interchange.onnx",
    "to_sklearn": "pipeline.interchange.sklearn",
    "training_together": "pipeline.together.joblib_backend",
    "unlike_training": "pipeline.images.statistics",
}
_RENAMED = {
    "AverageOverCopies": "TestTimeAugmentation",
    "load_committee": "load_ensemble",
    "make_committee": "make_ensemble",
    "save_committee": "save_ensemble",
}
"""Names of before, which work for a release."""

__all__ = [*_HOMES]  # noqa: PLE0604 - the names are strings; the linter cannot see into the table


def __getattr__(name: str) -> "Any":
    """Import a public name from its home."""
    from importlib import import_module  # noqa: PLC0415 - for start-up time

    if name in _RENAMED:
        from warnings import warn  # noqa: PLC0415 - the same

        new = _RENAMED[name]
        warn(f"pipeline.{name} is called {new} now; the old name will go in the next release", FutureWarning, 2)
        name = new
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted([*globals(), *_HOMES])
