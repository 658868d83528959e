"""A diagnosis as text and as plain values."""

from pipeline.diagnosis.records import ByHeart, Diagnosis, EpochRecord, Finding, Histogram, LayerRecord
from pipeline.strict_json import parse_json, to_json

LAYER = LayerRecord(2, 1.23456, float("nan"), None, float("inf"), "ReLU", 0.5, None, Histogram(0.0, 1.0, (3, 4)))
DIAGNOSIS = Diagnosis(
    10, 2.302585, 0.1, 0.3, 0.001, 7,
    epochs=[EpochRecord(0, 2.3, 0.1, None, None, (LAYER,))], by_heart=ByHeart(20, 5, 0.1, learned=True),
    findings=[Finding("dead_units", "All is dead", "life", layer=1, epoch=0)],
)  # fmt: skip


def test_a_finding_is_a_sentence():
    """What was measured, and then what to try; a diagnosis is a line for each."""
    assert str(DIAGNOSIS) == "All is dead. Try: life."
    assert repr(DIAGNOSIS) == "Diagnosis(1 records: dead_units)"
    nothing = Diagnosis(10, 2.3, 0.1, 0.3, None, 7)
    assert (str(nothing), repr(nothing)) == ("Nothing wrong was found.", "Diagnosis(0 records: no findings)")


def test_plain_values_are_strict_json():
    """Numbers are rounded to four digits, and those that are not finite are None."""
    plain = DIAGNOSIS.to_dict()
    assert parse_json(to_json(plain).encode()) == plain
    [layer] = plain["epochs"][0]["layers"]
    assert (layer["weight"], layer["gradient"], layer["distance"]) == (1.235, None, None)
    assert layer["histogram"] == {"low": 0.0, "high": 1.0, "counts": [3, 4]}
    assert plain["by_heart"] == {"n_samples": 20, "n_updates": 5, "loss": 0.1, "learned": True}
    assert plain["chance_loss"] == 2.303
