import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.metrics.comparison import compare

TRUE = np.array([0, 0, 0, 1, 1, 1, 2, 2])
A = np.array([0, 0, 1, 1, 1, 0, 2, 0])
B = np.array([0, 1, 0, 1, 0, 0, 0, 1])


def sure(answers, confidence=0.8, n_classes=3):
    """Return probabilities of answers, each as sure as it is told."""
    P = np.full((len(answers), n_classes), 0.0)
    P[:] = ((1 - np.broadcast_to(confidence, len(answers))) / (n_classes - 1))[:, None]
    P[np.arange(len(answers)), answers] = confidence
    return P


def test_answers_are_counted_together():
    """Each image is right by both, by one alone, or by neither; McNemar's test is the binomial test of those alone."""
    found = compare(TRUE, sure(A), sure(B), [0, 1, 2])
    assert found.counts == {"both_right": 2, "only_a_right": 3, "only_b_right": 1, "both_wrong": 2}
    assert sum(found.counts.values()) == found.n == 8
    assert found.p_value == pytest.approx(binomtest(1, 4).pvalue)


def test_classes_are_counted_apart():
    """Recall and what one alone gets right stand by label; a label without images is left out."""
    found = compare(TRUE[:6], sure(A[:6]), sure(B[:6]), [0, 1, 2])
    assert [tuple(one) for one in found.by_class] == [(0, 3, 2 / 3, 2 / 3, 1, 1), (1, 3, 2 / 3, 1 / 3, 1, 0)]


def test_images_with_two_answers_are_found():
    """Those that were answered wrong most surely come first; the same wrong answer twice is no difference."""
    confidence = np.linspace(0.5, 0.9, 8)
    found = compare(TRUE, sure(A, confidence), sure(B, confidence), [0, 1, 2]).differing
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "only_a_right": [6, 4, 1],
        "only_b_right": [2],
        "both_wrong": [7],
    }


def test_a_model_is_as_good_as_itself():
    """Nothing differs, and p is 1."""
    found = compare(TRUE, sure(A), sure(A), [0, 1, 2])
    assert found.p_value == 1
    assert not any(len(rows) for rows in found.differing.values())


def test_a_label_that_nothing_has_learned_is_wrong_by_both():
    """It stands after the classes, with no image right."""
    found = compare([0, 9], sure(np.array([0, 0])), sure(np.array([0, 1])), [0, 1, 2])
    assert found.labels == [0, 1, 2, 9]
    assert found.counts["both_wrong"] == 1
    assert found.by_class[-1][:4] == (9, 1, 0.0, 0.0)
