"""The rules by which inputs are perturbed: directions, lengths, parameters."""

import numpy as np
import pytest

from pipeline import MLPClassifier
from pipeline.network import Adversarial, Adversary, VirtualAdversarial
from pipeline.network.adversarial import perturb, random_directions
from pipeline.parameters import ParameterError, check_parameters, describe, parameters_of

RULES = {"adversarial": Adversarial, "virtual": VirtualAdversarial}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1.0, 1e20])
def test_every_row_moves_as_far(dtype, scale):
    """However small or large a gradient is, X' - X has its direction, and the length that was asked for."""
    X, G = np.random.default_rng(0).normal(size=(2, 5, 7)).astype(dtype)
    direction = (G * dtype(scale)).astype(np.float64)
    direction /= np.abs(direction).max(axis=1, keepdims=True)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    out = np.empty_like(X)
    perturb(X, G * dtype(scale), 3.0, out)
    np.testing.assert_allclose(out - X, 3 * direction, atol=1e-5 if dtype is np.float32 else 1e-13)
    assert out.dtype == dtype


def test_without_a_gradient_there_is_no_way_to_go():
    """A row of zeros stays where it is, and its neighbours move all the same."""
    X, out = np.random.default_rng(0).normal(size=(3, 4)), np.empty((3, 4))
    perturb(X, np.array([[0.0, 0, 0, 0], [0, -2, 0, 0], [0, 0, 0, 0]]), 0.5, out)
    np.testing.assert_array_equal(out - X != 0, [[False] * 4, [False, True, False, False], [False] * 4])
    assert out[1, 1] - X[1, 1] == pytest.approx(-0.5)


def test_a_rule_without_a_kind_cannot_be_made():
    """The base is no rule, neither in Python nor by its name in params.yaml, and the help does not offer it."""
    with pytest.raises(TypeError, match="abstract"):
        Adversary()
    assert describe(Adversary) == "an Adversary (adversarial, virtual_adversarial)"
    adversary = parameters_of(MLPClassifier)["adversary"]
    with pytest.raises(ParameterError, match=r"adversary takes one of adversarial, virtual_adversarial; got"):
        adversary.read({"name": "adversary"})


def test_nothing_to_move_is_no_error():
    """A thread may be without samples."""
    X = np.empty((0, 3))
    random_directions(np.random.default_rng(0), X)
    perturb(X, X, 1.0, X)
    assert X.shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_direction_is_likelier_than_another(dtype):
    """Mean and correlations of the unit vectors are those of a sphere, and the fourth moments tell it from a cube."""
    drawn = np.empty((20_001, 3), dtype)
    random_directions(np.random.default_rng(0), drawn)
    D = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    np.testing.assert_allclose(D.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(D.T @ D / len(D), np.eye(3) / 3, atol=0.02)
    np.testing.assert_allclose((D**4).mean(axis=0), 1 / 5, atol=0.01)


def test_a_generator_draws_what_follows():
    """The same seed gives the same directions, and the next draw gives others."""
    one, other, rng = np.empty((3, 5)), np.empty((3, 5)), np.random.default_rng(4)
    random_directions(rng, one)
    random_directions(np.random.default_rng(4), other)
    assert np.array_equal(one, other)
    random_directions(rng, other)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_its_parameters(name):
    """It shows them, can be compared by them, and they can be set one by one, as a search does."""
    rule = RULES[name](epsilon=0.5)
    assert rule == RULES[name](0.5) != RULES[name](0.6)
    assert eval(repr(rule), {RULES[name].__name__: RULES[name]}) == rule  # noqa: S307 - our own text
    assert rule.set_params(weight=3.0).get_params() == {**RULES[name](0.5).get_params(), "weight": 3.0}
    check_parameters(rule)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Adversarial(-1), "epsilon must be a number >= 0 and < inf; got -1"),
        (Adversarial(np.inf), "epsilon must be"),
        (Adversarial(weight=0), "weight must be a number > 0 and < inf; got 0"),
        (VirtualAdversarial(np.nan), "epsilon must be"),
        (VirtualAdversarial(weight=-1), "weight must be"),
        (VirtualAdversarial(xi=0), "xi must be a number > 0 and < inf; got 0"),
        (VirtualAdversarial(n_probes=0), "n_probes must be an integer >= 1; got 0"),
    ],
)
def test_what_is_out_of_range_is_refused(rule, message):
    """The message names the parameter, what it may be and what it was."""
    with pytest.raises(ParameterError, match=message):
        check_parameters(rule)


def test_labels_alone_need_no_probe():
    """How often a rule asks is a parameter of the virtual one, and of no other."""
    assert Adversarial().n_probes == 0
    assert "n_probes" not in Adversarial().get_params()
    assert VirtualAdversarial().n_probes == 1
