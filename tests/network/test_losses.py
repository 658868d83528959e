"""Contracts of all losses, and their values by hand."""

import numpy as np
import pytest
from sklearn._loss import HalfPoissonLoss, HuberLoss
from sklearn.metrics import log_loss, mean_absolute_error, mean_pinball_loss, mean_poisson_deviance, mean_squared_error

from pipeline.network import (
    LOSSES,
    REGRESSION_LOSSES,
    AbsoluteError,
    Affine,
    Huber,
    LabelSmoothing,
    Loss,
    Network,
    Pinball,
    PoissonDeviance,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)

Z = np.random.default_rng(0).normal(size=(6, 3))
NUMBERS = np.random.default_rng(1).normal(size=(6, 3))
COUNTS = np.random.default_rng(1).poisson(1.5, size=(6, 3)).astype(float)
REGRESSION = {
    **REGRESSION_LOSSES,
    "huber": lambda: Huber(0.5),
    "three quantiles": lambda: Pinball((0.1, 0.5, 0.8)),
}
PLAIN = {**LOSSES, **REGRESSION}
TARGETS = {
    "softmax": np.eye(3)[[0, 1, 2, 2, 1, 0]],
    "logistic": np.array([[1.0, 0, 1], [0, 0, 0]] * 3),
    **dict.fromkeys(REGRESSION, NUMBERS),
    "poisson": COUNTS,
    "three quantiles": np.repeat(NUMBERS[:, :1], 3, axis=1),
}
MEMBERS = {
    **PLAIN,
    "smoothed softmax": lambda: LabelSmoothing(SoftmaxCrossEntropy(), 0.2),
    "smoothed logistic": lambda: LabelSmoothing(SigmoidCrossEntropy(), 0.2),
}
WEIGHTS = {"none": None, "some": np.array([0.5, 1, 2, 0, 3, 0.25])}


def cost(loss, Z, Y, weight=None):
    """Return the loss of outputs Z."""
    return loss.value(loss.predictions(Z), Y, weight)


def objective(loss, Z, Y, weight=None):
    """Return what the gradient is of, for outputs Z."""
    return loss.objective(loss.predictions(Z), Y, weight)


def gradient(loss, Z, Y, weight=None):
    """Return dZ."""
    return loss.gradient(loss.predictions(Z), Y, weight)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", MEMBERS)
def test_backward_is_the_derivative_of_forward(name, weight):
    """dZ agrees with central differences of the objective, weighted or not, of smoothed targets too."""
    loss, Y, w = MEMBERS[name](), TARGETS[name.removeprefix("smoothed ")], WEIGHTS[weight]
    got, wanted, step = gradient(loss, Z, Y, w), np.empty_like(Z), 1e-6
    for index in np.ndindex(Z.shape):
        nudge = np.zeros_like(Z)
        nudge[index] = step
        wanted[index] = (objective(loss, Z + nudge, Y, w) - objective(loss, Z - nudge, Y, w)) / (2 * step)
    np.testing.assert_allclose(got, wanted, atol=1e-9)


@pytest.mark.parametrize("name", PLAIN)
def test_weights_count_as_repetitions(name):
    """A sample of weight 2 costs and pulls as two samples do, and one of weight 0 as none."""
    Y, w, rows = TARGETS[name], np.array([1.0, 2, 0, 1, 1, 3]), [0, 1, 1, 3, 4, 5, 5, 5]
    loss = PLAIN[name]()
    assert cost(loss, Z, Y, w) == pytest.approx(cost(loss, Z[rows], Y[rows]))
    several, dZ = gradient(loss, Z[rows], Y[rows]), gradient(loss, Z, Y, w)
    np.testing.assert_allclose(dZ[[1, 5]], [2 * several[1], 3 * several[5]])
    assert not dZ[2].any()


@pytest.mark.parametrize("name", PLAIN)
def test_a_batch_without_weight_costs_nothing(name):
    """All weights 0 give a loss and a gradient of 0, and no 0 / 0."""
    loss = PLAIN[name]()
    assert cost(loss, Z, TARGETS[name], np.zeros(6)) == 0
    assert not gradient(loss, Z, TARGETS[name], np.zeros(6)).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_the_largest_outputs_are_borne(name, dtype):
    """Nothing overflows, the worst mistake costs a finite sum, and the type of numbers stays."""
    limit = np.finfo(dtype).max / 4
    loss, worst = LOSSES[name](), np.array([[limit, -limit, 0], [-limit, limit, 0]], dtype)
    Y = np.array([[0, 1, 0], [1, 0, 0]], dtype)
    assert np.isfinite(cost(loss, worst, Y))
    P = loss.predictions(worst)
    assert P.dtype == dtype
    assert np.isfinite(P).all()
    dZ = gradient(loss, worst, Y)
    assert dZ.dtype == dtype
    assert np.isfinite(dZ).all()


@pytest.mark.parametrize("name", PLAIN)
def test_predictions_may_take_the_place_of_outputs(name):
    """Written over Z, they are the same; and without that, they are another array."""
    loss, buffer = PLAIN[name](), Z.copy()
    P = loss.predictions(Z)
    assert not np.shares_memory(P, Z)
    assert loss.predictions(buffer, out=buffer) is buffer
    assert np.array_equal(buffer, P)
    assert np.array_equal(Z, np.random.default_rng(0).normal(size=(6, 3)))


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", MEMBERS)
def test_forward_and_backward_in_one(name, weight):
    """It leaves the predictions, and the gradient in the place of Z, to the last bit."""
    loss, Y, w = MEMBERS[name](), TARGETS[name.removeprefix("smoothed ")], WEIGHTS[weight]
    buffer, P = Z.copy(), np.empty_like(Z)
    loss.forward_backward(buffer, P, Y, w, len(Y) if w is None else w.sum())
    assert np.array_equal(P, loss.predictions(Z))
    assert np.array_equal(buffer, gradient(loss, Z, Y, w))


def test_softmax_by_hand():
    """Odds of 1 to 3 are a quarter and three quarters; a certain prediction is 1."""
    loss = SoftmaxCrossEntropy()
    P = loss.predictions(np.array([[0, np.log(3)], [1000.0, 0]]))
    np.testing.assert_allclose(P, [[0.25, 0.75], [1, 0]])
    assert loss.value(P[:1], np.array([[0.0, 1]])) == pytest.approx(-np.log(0.75))


def test_softmax_costs_what_scikit_learn_says():
    """The mean cost is the log loss."""
    loss, Y = SoftmaxCrossEntropy(), TARGETS["softmax"]
    P = loss.predictions(Z)
    wanted = log_loss(Y.argmax(axis=1), P, sample_weight=WEIGHTS["some"])
    assert loss.value(P, Y, WEIGHTS["some"]) == pytest.approx(wanted)


def test_sigmoid_by_hand():
    """Odds of 3 to 1 are three quarters, and the losses of several outputs add up."""
    loss = SigmoidCrossEntropy()
    P = loss.predictions(np.array([[np.log(3), 0]]))
    np.testing.assert_allclose(P, [[0.75, 0.5]])
    assert loss.value(P, np.array([[0.0, 1]])) == pytest.approx(-np.log(0.25) - np.log(0.5))


def test_sigmoid_is_exact_in_both_tails():
    """Far out it neither becomes 0 too early nor warns."""
    P = SigmoidCrossEntropy().predictions(np.array([[-700.0, 700]]))
    np.testing.assert_allclose(P, [[np.exp(-700.0), 1]], rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "P", "Y", "wanted"),
    [
        (SoftmaxCrossEntropy(), [[0.3, 0.7], [0.6, 0.4]], [[0, 1], [0, 1]], [True, False]),
        (SigmoidCrossEntropy(), [[0.7, 0.2], [0.7, 0.6]], [[1, 0], [1, 0]], [True, False]),
        (SigmoidCrossEntropy(), [[0.5], [0.51]], [[0], [1]], [True, True]),
    ],
)
def test_a_hit_is_the_likeliest_class_or_every_label(loss, P, Y, wanted):
    """Among classes the largest counts, among labels each side of a half, and a half itself is no."""
    assert loss.correct(np.array(P), np.array(Y)).tolist() == wanted


def test_a_loss_must_be_filled_in():
    """The base computes nothing by itself."""
    for method in (lambda: Loss().predictions(Z), lambda: Loss().sample_losses(Z, Z), lambda: Loss().correct(Z, Z)):
        with pytest.raises(NotImplementedError):
            method()


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("squared_error", lambda y, p, w: mean_squared_error(y, p, sample_weight=w) / 2),
        (
            "poisson",
            lambda y, p, w: sum(mean_poisson_deviance(y[:, k], p[:, k], sample_weight=w) for k in range(3)) / 2,
        ),
        ("absolute_error", lambda y, p, w: mean_absolute_error(y, p, sample_weight=w) * 3),
        ("quantile", lambda y, p, w: mean_pinball_loss(y, p, sample_weight=w, alpha=0.5) * 3),
        (
            "three quantiles",
            lambda y, p, w: sum(
                mean_pinball_loss(y[:, k], p[:, k], sample_weight=w, alpha=q) for k, q in enumerate((0.1, 0.5, 0.8))
            ),
        ),
    ],
)
def test_a_regression_loss_is_scikit_learns(name, wanted, weight):
    """Half of squares and deviances; all but squares add up over the outputs, where the metrics average."""
    loss, Y, w = REGRESSION[name](), TARGETS[name], WEIGHTS[weight]
    P = loss.predictions(Z)
    assert loss.value(P, Y, w) == pytest.approx(wanted(Y, P, w))


def test_huber_and_poisson_are_those_of_scikit_learns_linear_models():
    """Sample by sample, for one output, with the deviance's constant."""
    y, z = NUMBERS[:, :1], Z[:, :1]
    theirs = HuberLoss(delta=0.5).loss(y.ravel(), z.ravel())
    np.testing.assert_allclose(Huber(0.5).sample_losses(z, y), theirs)
    y, poisson = COUNTS[:, :1], HalfPoissonLoss()
    theirs = poisson.loss(y.ravel(), z.ravel()) + poisson.constant_to_optimal_zero(y.ravel())
    np.testing.assert_allclose(PoissonDeviance().sample_losses(np.exp(z), y), theirs)


@pytest.mark.parametrize("name", REGRESSION)
def test_targets_that_are_met_cost_nothing(name):
    """Neither loss nor gradient is left, for a count of 0 as well."""
    loss, Y = REGRESSION[name](), TARGETS[name]
    assert np.abs(loss.sample_losses(Y, Y)).max() == 0
    assert np.abs(loss.gradient(Y, Y)).max() == 0


@pytest.mark.parametrize(("loss", "constant"), [(SquaredError(), np.mean), (AbsoluteError(), np.median)])
def test_the_best_constant_is_what_a_loss_estimates(loss, constant):
    """A mean or a median, found by descending the gradient, costs no less than one beside it."""
    y = np.array([[0.0], [1.0], [7.0]])
    costs = [loss.value(np.full((3, 1), c), y) for c in constant(y) + np.array([-0.1, 0, 0.1])]
    assert np.argmin(costs) == 1


@pytest.mark.parametrize("q", [0.2, 0.5, 0.9])
def test_the_best_constant_of_pinball_is_the_quantile(q):
    """A tenth on either side of it costs more."""
    y = np.random.default_rng(0).normal(size=(99, 1))
    costs = [Pinball(q).value(np.full((99, 1), c), y) for c in np.quantile(y, q) + np.array([-0.1, 0, 0.1])]
    assert np.argmin(costs) == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("name", REGRESSION)
def test_a_regression_loss_keeps_the_type_of_numbers(name, dtype):
    """float32 in, float32 out, of predictions, losses and gradient."""
    loss, Y = REGRESSION[name](), TARGETS[name].astype(dtype)
    P = loss.predictions(Z.astype(dtype))
    assert {array.dtype for array in (P, loss.sample_losses(P, Y), loss.gradient(P, Y))} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_no_number_is_seen_in_the_loss(name, bad):
    """The sample's loss is infinite or NaN, and the others' are not touched."""
    loss, outputs = REGRESSION[name](), Z.copy()
    outputs[2, 1] = bad
    losses = loss.sample_losses(loss.predictions(outputs), TARGETS[name])
    assert not np.isfinite(losses[2])
    assert np.isfinite(np.delete(losses, 2)).all()


@pytest.mark.parametrize(("dtype", "largest"), [(np.float32, 88), (np.float64, 709)])
def test_poisson_tells_of_outputs_beyond_its_numbers(dtype, largest):
    """An exp that overflows is an infinite loss, without a warning; one that underflows to 0 is a large one."""
    loss, Y = PoissonDeviance(), np.array([[3.0, 0.0]], dtype)
    P = loss.predictions(np.array([[largest + 1, 0]], dtype))
    assert P[0, 0] == np.inf
    assert loss.value(P, Y) == np.inf
    P = loss.predictions(np.array([[0, largest + 1]], dtype))
    assert loss.value(P, Y) == np.inf
    P = loss.predictions(np.array([[-2 * largest, -2 * largest]], dtype))
    assert not P.any()
    assert largest < loss.value(P, Y) < np.inf
    assert np.isfinite(loss.sample_losses(P, 1e30 * Y)).all()


def test_quantiles_of_a_target_lie_side_by_side():
    """Of two targets and two quantiles, the first two outputs are the first target's."""
    loss, Y = Pinball((0.25, 0.75)), np.repeat([[0.0, 10.0]], 2, axis=1)
    assert loss.gradient(np.array([[1.0, 1, 9, 9]]), Y).tolist() == [[0.75, 0.25, -0.25, -0.75]]
    assert loss.sample_losses(np.array([[1.0, 0, 10, 9]]), Y).tolist() == [0.75 + 0.75]


@pytest.mark.parametrize("quantiles", [(), 0, 1, (0.5, 1.5), np.nan])
def test_pinball_refuses_what_is_no_quantile(quantiles):
    """The message names the parameter."""
    with pytest.raises(ValueError, match="quantiles must be numbers > 0 and < 1"):
        Pinball(quantiles)


def test_outputs_must_be_those_of_whole_targets():
    """A network of three outputs has no two quantiles of each target."""
    with pytest.raises(ValueError, match="needs 2 outputs for each target; got 3 outputs"):
        Network([Affine(2, 3)], Pinball((0.1, 0.9)))


@pytest.mark.parametrize("delta", [0, -1, np.nan, np.inf])
def test_huber_refuses_what_is_out_of_range(delta):
    """The message names the parameter."""
    with pytest.raises(ValueError, match="delta must be a number > 0"):
        Huber(delta)


@pytest.mark.parametrize("name", REGRESSION)
def test_numbers_have_no_labels_to_smooth(name):
    """The message names the loss."""
    with pytest.raises(TypeError, match="loss must be a loss of classes"):
        LabelSmoothing(REGRESSION[name](), 0.1)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (SquaredError(), "SquaredError()"),
        (Huber(np.float64(2)), "Huber(delta=2.0)"),
        (Pinball(0.9), "Pinball(quantiles=(0.9,))"),
    ],
)
def test_a_loss_shows_what_it_is(loss, text):
    """Its text is the call that makes it."""
    assert repr(loss) == text


@pytest.mark.parametrize("name", MEMBERS)
def test_the_objective_is_the_loss_but_for_several_squared_errors(name):
    """As in scikit-learn, whose loss is their mean, and whose gradient that of their sum."""
    loss, Y = MEMBERS[name](), TARGETS[name.removeprefix("smoothed ")]
    for n_out in (1, 3):
        P, some = loss.predictions(Z)[:, :n_out], Y[:, :n_out]
        if name != "three quantiles" or n_out == 3:
            factor = n_out if name == "squared_error" else 1
            assert loss.objective(P, some) == pytest.approx(factor * loss.value(P, some))
