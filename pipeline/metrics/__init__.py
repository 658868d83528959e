"""The measures of a prediction, as pure functions of labels and probabilities.

A row's prediction is the class with the largest probability, and its confidence is that probability. A label that is
none of the classes, since it was not there in training, is predicted wrong like any other. A measure that has no value
is NaN. Where scikit-learn has a measure, it does the arithmetic.

``measures`` has the figures, ``mistakes`` what became of every row, ``confidence`` whether predictions are as sure as
they are right, ``chance`` what may be luck, and ``labels`` the checks. ``comparison`` holds two models against each
other.
"""

from pipeline.metrics.chance import mcnemar, proportion_interval, sign_test
from pipeline.metrics.confidence import Bin, Rejection, calibration_error, rejections, reliability
from pipeline.metrics.labels import all_labels, is_multilabel
from pipeline.metrics.measures import (
    MEASURES,
    Summary,
    finite_or_none,
    measure,
    measure_predictions,
    measure_probabilities,
    summarize,
    top_2_accuracy,
)
from pipeline.metrics.mistakes import (
    ClassScore,
    Mistake,
    Outcomes,
    by_class,
    confusion,
    outcomes,
    worst_mistakes,
    wrong_rows,
)

__all__ = [
    "MEASURES",
    "Bin",
    "ClassScore",
    "Mistake",
    "Outcomes",
    "Rejection",
    "Summary",
    "all_labels",
    "by_class",
    "calibration_error",
    "confusion",
    "finite_or_none",
    "is_multilabel",
    "mcnemar",
    "measure",
    "measure_predictions",
    "measure_probabilities",
    "outcomes",
    "proportion_interval",
    "rejections",
    "reliability",
    "sign_test",
    "summarize",
    "top_2_accuracy",
    "worst_mistakes",
    "wrong_rows",
]
