"""A diagnosis as text and as plain values."""

import itertools
from dataclasses import replace

import pytest

from pipeline.diagnosis.records import ByHeart, Diagnosis, EpochRecord, Finding, Histogram, LayerRecord
from pipeline.strict_json import MAX_BYTES, parse_json, to_json

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


def test_what_was_written_is_read_again():
    """A diagnosis of plain values has the same plain values."""
    read = Diagnosis.from_dict(parse_json(to_json(DIAGNOSIS.to_dict()).encode()))
    assert read.to_dict() == DIAGNOSIS.to_dict()
    assert read.findings == DIAGNOSIS.findings


@pytest.mark.parametrize(("n_layers", "n_kept"), [(1, 1000), (20, 1000), (100, 200)])
def test_a_long_training_is_written_so_that_it_can_be_read(n_layers, n_kept):
    """Of many epochs it has some, evenly, with the first and the last; the diagnosis itself keeps all of them."""
    n = 4000
    layer = replace(
        LAYER, gradient=-1.234e-05, saturated=0.1234, histogram=Histogram(-1.234e-05, 1.0, (1_000_000,) * 20)
    )
    epochs = [EpochRecord(at, 2.3, 0.1, None, None, (layer,) * n_layers) for at in range(n)]
    long = replace(DIAGNOSIS, epochs=epochs)
    read = Diagnosis.from_dict(parse_json(to_json(long.to_dict()).encode()))
    kept = [record.epoch for record in read.epochs]
    steps = {after - before for before, after in itertools.pairwise(kept)}
    assert (len(kept), kept[0], kept[-1]) == (n_kept, 0, n - 1)
    assert max(steps) - min(steps) <= 1
    assert len(to_json(long.to_dict())) < MAX_BYTES
    assert len(long.epochs) == n
    assert read.to_dict() == long.to_dict()


@pytest.mark.parametrize("n", [1, 2, 999, 1000])
def test_a_training_of_usual_length_is_written_whole(n):
    """Up to a thousand records each is there."""
    epochs = [EpochRecord(at, 2.3, 0.1, None, None, (LAYER,)) for at in range(n)]
    plain = replace(DIAGNOSIS, epochs=epochs).to_dict()
    assert [record["epoch"] for record in plain["epochs"]] == list(range(n))


def changed(**changes):
    """Return plain values of which some are others."""
    return {**DIAGNOSIS.to_dict(), **changes}


RECORD = DIAGNOSIS.to_dict()["epochs"][0]


@pytest.mark.parametrize(
    "damaged",
    [
        [],
        {},
        changed(more=1),
        changed(n_classes="10"),
        changed(n_classes=1.5),
        changed(chance_loss=True),
        changed(epochs=[]),
        changed(epochs=None),
        changed(epochs=[{**RECORD, "layers": []}]),
        changed(epochs=[RECORD, {**RECORD, "layers": RECORD["layers"] * 2}]),
        changed(findings=[{"symptom": 1, "what": "", "remedy": ""}]),
        changed(by_heart={"n_samples": 20}),
    ],
)
def test_what_is_no_diagnosis_is_refused(damaged):
    """By one kind of error, whatever is wrong with it."""
    with pytest.raises(ValueError, match="diagnosis"):
        Diagnosis.from_dict(damaged)
