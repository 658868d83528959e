"""What symptoms make of measurements, without a network: each threshold from both sides, and what explains what."""

from dataclasses import replace

import pytest

from pipeline.diagnosis.records import ByHeart, Diagnosis, EpochRecord, LayerRecord
from pipeline.diagnosis.symptoms import ALWAYS, SYMPTOMS, UNEXPLAINED, find_symptoms

HIDDEN = LayerRecord(32, 10.0, 0.5, 1e-3, 0.5, "ReLU", dead=0.1)
OUTPUT = LayerRecord(10, 3.0, 0.3, 1e-3, 0.4)


def epoch(number, loss, score, validation=None, **hidden):
    """Return the record of an epoch of a network with one hidden layer."""
    return EpochRecord(number, loss, score, 1e-3, validation, (replace(HIDDEN, **hidden), OUTPUT))


def diagnosis(*epochs, **changes):
    """Return the diagnosis of a sound training with some epochs, or of what is changed."""
    given = {"n_classes": 10, "chance_loss": 2.3, "chance_score": 0.1, "input_rms": 0.3, "learning_rate": 1e-3}
    given |= {"n_updates_per_epoch": 400, "by_heart": ByHeart(20, 9, 0.5, learned=True), **changes}
    return Diagnosis(epochs=list(epochs or (epoch(0, 2.4, 0.1), epoch(1, 0.5, 0.9))), **given)


def symptoms_of(*epochs, **changes):
    """Return the names of what is found."""
    return [finding.symptom for finding in find_symptoms(diagnosis(*epochs, **changes))]


def test_a_sound_training_has_none():
    """Nor has one that was left before its first epoch, nor one with a single class to learn."""
    assert symptoms_of() == []
    assert symptoms_of(epoch(0, 2.4, 0.1)) == []
    assert symptoms_of(epoch(0, 2.4, 1.0, dead=1.0), chance_score=1.0) == []
    assert find_symptoms(Diagnosis(10, 2.3, 0.1, 0.3, 1e-3, 400)) == []


AT_CHANCE = epoch(5, 2.3, 0.1)
START = epoch(0, 2.4, 0.1)


@pytest.mark.parametrize(
    ("epochs", "changes", "symptom"),
    [
        ((epoch(0, 2.3, 0.1, dead=0.8), AT_CHANCE), {}, "dead_units"),
        ((epoch(0, 2.3, 0.1, dead=0.79),), {}, None),
        ((epoch(0, 2.3, 0.1, dead=None, saturated=0.51),), {}, "saturated_units"),
        ((epoch(0, 2.3, 0.1, dead=None, saturated=0.5),), {}, None),
        ((epoch(0, 5.8, 0.1),), {}, "first_loss_too_high"),
        ((epoch(0, float("nan"), 0.1),), {}, "first_loss_too_high"),
        ((epoch(0, 5.7, 0.1),), {}, None),
        ((epoch(7, 5.8, 0.1),), {"by_heart": None}, None),
        ((epoch(0, 2.3, 0.1, gradient=9e-6),), {}, "vanishing_gradient"),
        ((epoch(0, 2.3, 0.1, gradient=1.1e-5),), {}, None),
        ((epoch(0, 2.3, 0.1, weight=0.0),), {}, "vanishing_gradient"),
        ((START,), {"diverged_in": 1}, "learning_rate_too_high"),
        ((START, epoch(1, 2.4, 0.1, dead=0.8)), {}, "learning_rate_too_high"),
        ((START, epoch(1, 0.3, 0.9, dead=0.8)), {}, None),
        ((START, epoch(1, 3.5, 0.8)), {}, "learning_rate_too_high"),
        ((START, epoch(1, 3.5, 0.8)), {"learning_rate": None}, None),
        ((START, epoch(1, 0.9, 0.6), epoch(2, 1.4, 0.4)), {}, "learning_rate_too_high"),
        ((START, epoch(1, 0.9, 0.6), epoch(2, 1.3, 0.4)), {}, None),
        ((START, epoch(1, 0.1, 0.6), epoch(2, 1.1, 0.4)), {}, None),
        ((START, epoch(1, 2.3, 0.1, distance=0.04)), {}, "learning_rate_too_low"),
        ((START, epoch(1, 1.8, 0.1, distance=0.04)), {}, None),
        ((START, epoch(1, 2.3, 0.1, distance=0.04)), {"n_updates_per_epoch": 29}, None),
        ((START, epoch(1, 2.3, 0.1, distance=0.04)), {"learning_rate": None}, None),
        ((START, epoch(1, 2.0, 0.5)), {"by_heart": ByHeart(20, 200, 2.3, learned=False)}, "not_learned_by_heart"),
        ((START, epoch(1, 1.0, 0.6)), {"by_heart": ByHeart(20, 200, 2.3, learned=False)}, None),
        ((START, epoch(1, 2.0, 0.4, 0.12)), {}, "labels_do_not_fit"),
        ((START, epoch(1, 2.0, 0.4, 0.2)), {}, None),
        ((START, epoch(1, 2.0, 0.15, 0.1)), {}, None),
        ((START, epoch(3, 2.3, 0.1)), {}, "labels_do_not_fit"),
        ((START, epoch(3, 2.3, 0.1)), {"by_heart": None}, "labels_do_not_fit"),
        ((START, epoch(2, 2.3, 0.1)), {}, None),
        ((START, epoch(3, 2.1, 0.1)), {}, None),
    ],
)
def test_each_symptom_begins_where_it_is_said_to(epochs, changes, symptom):
    """One measurement on either side of its threshold, all others being sound."""
    output = replace(OUTPUT, distance=0.04)
    slow = [one.layers[0].distance == 0.04 for one in epochs]
    epochs = [replace(one, layers=(one.layers[0], output)) if slow[-1] else one for one in epochs]
    if epochs[0].layers[0].gradient < 1e-3:  # so that both have the same norm of weights
        epochs = [replace(one, layers=(one.layers[0], replace(OUTPUT, weight=10.0, gradient=1.0))) for one in epochs]
    assert symptoms_of(*epochs, **changes) == ([] if symptom is None else [symptom])


def test_what_was_wrong_before_training_explains_what_came_of_it():
    """A dead layer is not called a high rate as well, nor labels that do not fit."""
    dead = epoch(0, 2.3, 0.1, dead=1.0, gradient=0.0)
    assert symptoms_of(dead, epoch(9, 4.0, 0.1, dead=1.0), by_heart=ByHeart(20, 200, 2.3, learned=False)) == [
        "dead_units"
    ]


def test_a_layer_that_collapsed_is_named_with_its_epoch():
    """That is the first epoch after which it stayed so."""
    broken, sound = epoch(1, 2.3, 0.1, dead=0.9), epoch(2, 2.3, 0.1)
    [finding] = find_symptoms(diagnosis(START, broken, sound, replace(broken, epoch=3), replace(broken, epoch=4)))
    assert (finding.layer, finding.epoch) == (1, 3)
    assert "Hidden layer 1 (32 ReLU) was sound before training, and 90% dead after epoch 3" in str(finding)


def test_scale_is_what_to_try_first_where_inputs_are_large():
    """And is not spoken of where they are not."""
    [large], [small] = (find_symptoms(diagnosis(epoch(0, 9.0, 0.1), input_rms=size)) for size in (80.0, 1.0))
    assert "root mean square is 80" in large.what
    assert large.remedy.startswith("inputs of size 1")
    assert "root mean square" not in small.what
    assert small.remedy == "a smaller weight_init, or batch_norm=True"


def test_a_solver_without_a_rate_is_told_otherwise():
    """L-BFGS that diverged has no rate to lower."""
    [finding] = find_symptoms(diagnosis(START, diverged_in=2, learning_rate=None))
    assert finding.remedy == "a larger alpha"


def test_every_symptom_has_a_name_with_a_meaning():
    """Whatever is found above stands in the table of symptoms."""
    assert len(SYMPTOMS) == len({*ALWAYS, *UNEXPLAINED}) - 1  # divergence is a rate that is too high
