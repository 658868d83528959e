"""Every optimizer against its formula written out, and against scikit-learn's and PyTorch's where these have it."""

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from pipeline.network import (
    SGD,
    AbsoluteError,
    AdaGrad,
    Adam,
    AdamW,
    Affine,
    Huber,
    Momentum,
    Network,
    Pinball,
    PoissonDeviance,
    RMSprop,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    Tanh,
)
from pipeline.network.batches import Samples
from pipeline.network.compiled.engines import updater_class
from pipeline.network.optimizers import BLOCK

UPDATES, ETA = 10, 0.01
OPTIMIZERS = {
    "sgd": SGD,
    "momentum": lambda: Momentum(0.8, nesterov=False),
    "nesterov": lambda: Momentum(0.8),
    "adagrad": AdaGrad,
    "rmsprop": lambda: RMSprop(0.85, 1e-6),
    "adam": lambda: Adam(0.85, 0.99, 1e-6),
    "adamw": lambda: AdamW(0.85, 0.99, 1e-6, 0.1),
}


def gradients(n, dtype=np.float64):
    """Return a gradient for every update."""
    return np.random.default_rng(1).normal(size=(UPDATES, n)).astype(dtype)


def start(n, dtype=np.float64):
    """Return parameters to begin with."""
    return np.random.default_rng(0).normal(size=n).astype(dtype)


def perturbed(optimizer, w, gs, rate=ETA):
    """Return parameters after an update for each gradient."""
    w = w.copy()
    optimizer.start(w)
    for g in gs:
        optimizer.step(w, g, rate)
    return w


def by_hand(name, w, gs):
    """Return the same for one number, by the rule's formula in plain Python."""
    v = s = m = 0.0
    for t, g in enumerate(gs, start=1):
        if name == "sgd":
            w = w - ETA * g
        elif name in ("momentum", "nesterov"):
            v = 0.8 * v - ETA * g
            w = w + v if name == "momentum" else w + 0.8 * v - ETA * g
        elif name == "adagrad":
            s = s + g**2
            w = w - ETA * g / (s**0.5 + 1e-8)
        elif name == "rmsprop":
            s = 0.85 * s + 0.15 * g**2
            w = w - ETA * g / (s**0.5 + 1e-6)
        else:
            m, s = 0.85 * m + 0.15 * g, 0.99 * s + 0.01 * g**2
            m_hat, s_hat = m / (1 - 0.85**t), s / (1 - 0.99**t)
            if name == "adam":
                w = w - ETA * (1 - 0.99**t) ** 0.5 / (1 - 0.85**t) * m / (s**0.5 + 1e-6)
            else:
                w = w - ETA * (m_hat / (s_hat**0.5 + 1e-6) + 0.1 * w)
    return w


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ten_updates_are_those_of_the_formula(name):
    """Number by number they agree with the formula to 1e-10."""
    w, gs = start(7), gradients(7)
    wanted = [by_hand(name, float(w[i]), gs[:, i].tolist()) for i in range(7)]
    np.testing.assert_allclose(perturbed(OPTIMIZERS[name](), w, gs), wanted, rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("sgd", lambda params: SGDOptimizer(params, ETA, momentum=0, nesterov=False)),
        ("momentum", lambda params: SGDOptimizer(params, ETA, momentum=0.8, nesterov=False)),
        ("nesterov", lambda params: SGDOptimizer(params, ETA, momentum=0.8)),
        ("adam", lambda params: AdamOptimizer(params, ETA, 0.85, 0.99, 1e-6)),
    ],
)
def test_ten_updates_are_scikit_learns(name, theirs):
    """An implementation that knows nothing of ours comes to the same numbers."""
    w, gs = start(7), gradients(7)
    params = [w.copy()]
    optimizer = theirs(params)
    for g in gs:
        optimizer.update_params(params, [g])
    np.testing.assert_allclose(perturbed(OPTIMIZERS[name](), w, gs), params[0], rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_slice_moves_as_it_does_in_the_whole(name, dtype):
    """Across the edges of blocks, every part comes to the same bytes alone as with all others."""
    n = 2 * BLOCK + 5
    w, gs = start(n, dtype), gradients(n, dtype)[:3]
    whole = perturbed(OPTIMIZERS[name](), w, gs)
    assert whole.dtype == dtype
    for part in (slice(0, 3), slice(BLOCK - 2, BLOCK + 2), slice(2 * BLOCK - 1, n)):
        assert np.array_equal(perturbed(OPTIMIZERS[name](), w[part], gs[:, part]), whole[part])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_single_precision_is_near_double(name):
    """float32 stays within its own precision of float64."""
    single = perturbed(OPTIMIZERS[name](), start(50, np.float32), gradients(50, np.float32))
    double = perturbed(OPTIMIZERS[name](), start(50), gradients(50))
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_are_only_read(name):
    """An update changes the parameters and its own state, and nothing else."""
    g = gradients(5)[0]
    kept = g.copy()
    perturbed(OPTIMIZERS[name](), start(5), [g])
    assert np.array_equal(g, kept)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_starting_again_forgets(name):
    """The state is named, as long as the parameters, counts the updates, and begins at zero each time."""
    optimizer, w, gs = OPTIMIZERS[name](), start(5), gradients(5)
    first = perturbed(optimizer, w, gs)
    assert optimizer.t == UPDATES
    assert set(optimizer.state) == set(optimizer.slots)
    assert all(state.shape == w.shape and state.any() for state in optimizer.state.values())
    assert np.array_equal(perturbed(optimizer, w, gs), first)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_wants_a_start(name):
    """Without its state, an optimizer says what to call."""
    with pytest.raises(ValueError, match=r"call start\(params\) before the first step"):
        OPTIMIZERS[name]().step(np.zeros(2), np.zeros(2), 0.1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_loss_falls(name):
    """From anywhere, each comes near the bottom of a bowl."""
    w = np.array([3.0, -2.0])
    optimizer = OPTIMIZERS[name]()
    optimizer.start(w)
    for _ in range(500):
        optimizer.step(w, 2 * w, 0.1)
    assert np.abs(w).max() < 0.3  # AdaGrad walks ever more slowly


def test_weight_decay_shrinks_what_no_gradient_touches():
    """AdamW draws parameters to 0 by eta times its share at every update; Adam leaves them."""
    w, nothing = np.array([1.0]), np.zeros((3, 1))
    assert perturbed(Adam(), w, nothing) == 1
    np.testing.assert_allclose(perturbed(AdamW(weight_decay=0.1), w, nothing, rate=0.5), (1 - 0.05) ** 3)


# ---------------------------------------------------------------- PyTorch's documented rules

TORCH_EPS = 1e-8
QUANTILES = np.array([0.1, 0.5, 0.8])
LOSSES = {
    "softmax": SoftmaxCrossEntropy,
    "logistic": SigmoidCrossEntropy,
    "squared_error": SquaredError,
    "poisson": PoissonDeviance,
    "absolute_error": AbsoluteError,
    "huber": lambda: Huber(0.5),
    "quantile": lambda: Pinball(QUANTILES),
}
SLOPES = {
    "softmax": lambda z, y: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - y,
    "logistic": lambda z, y: 1 / (1 + np.exp(-z)) - y,
    "squared_error": lambda z, y: z - y,
    "poisson": lambda z, y: np.exp(z) - y,
    "absolute_error": lambda z, y: np.sign(z - y),
    "huber": lambda z, y: np.where(np.abs(z - y) <= 0.5, z - y, 0.5 * np.sign(z - y)),
    "quantile": lambda z, y: np.where(z > y, 1 - QUANTILES, -QUANTILES),
}
"""The derivative of a sample's loss by its output Z, of each loss."""


def torch_rate(name):
    """Return a learning rate: Adam's default, and a larger one for all others."""
    return 0.001 if name == "adam" else 0.02


def torch_step(name, w, g, t, state):
    """Make an update of w in place, by the rule of PyTorch's documentation with its default of what is not said."""
    eta, zeros = torch_rate(name), np.zeros_like(w)
    if name == "sgd":
        w -= eta * g
    elif name in ("momentum", "nesterov"):  # torch.optim.SGD(momentum=0.8)
        state["b"] = b = g if t == 1 else 0.8 * state["b"] + g
        w -= eta * (g + 0.8 * b if name == "nesterov" else b)
    elif name == "adagrad":  # torch.optim.Adagrad(eps=1e-8)
        state["s"] = s = state.get("s", zeros) + g**2
        w -= eta * g / (np.sqrt(s) + TORCH_EPS)
    elif name == "rmsprop":  # torch.optim.RMSprop(alpha=0.9)
        state["v"] = v = 0.9 * state.get("v", zeros) + 0.1 * g**2
        w -= eta * g / (np.sqrt(v) + TORCH_EPS)
    else:  # torch.optim.Adam, AdamW(weight_decay=0.1): epsilon after the correction
        if name == "adamw":
            w -= eta * 0.1 * w
        state["m"] = m = 0.9 * state.get("m", zeros) + 0.1 * g
        state["v"] = v = 0.999 * state.get("v", zeros) + 0.001 * g**2
        w -= eta * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + TORCH_EPS)


LIKE_TORCH = {
    "sgd": SGD,
    "momentum": lambda: Momentum(0.8, nesterov=False),
    "nesterov": lambda: Momentum(0.8),
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": lambda: AdamW(weight_decay=0.1),
}


def torch_data(loss):
    """Return inputs and targets of eight samples."""
    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(8, 4)), 2 * rng.normal(size=(8, 3))
    if loss == "softmax":
        Y = np.eye(3)[rng.integers(3, size=8)]
    elif loss == "logistic":
        Y = (Y > 0).astype(float)
    elif loss == "poisson":
        Y = np.round(np.abs(Y))
    return X, Y


def three_layers(loss):
    """Return a small network of three layers."""
    return Network([Affine(4, 6), Tanh(), Affine(6, 5), Tanh(), Affine(5, 3)], loss, dtype=np.float64, random_state=0)


def trained_by_hand(loss, rule, params, X, Y):
    """Return the parameters W, b, W, b, W, b after ten updates of gradients written out."""
    params, states = [each.copy() for each in params], [{} for _ in params]
    for t in range(1, UPDATES + 1):
        W1, b1, W2, b2, W3, b3 = params
        A1 = np.tanh(X @ W1 + b1)
        A2 = np.tanh(A1 @ W2 + b2)
        dZ3 = SLOPES[loss](A2 @ W3 + b3, Y) / len(X)
        dZ2 = dZ3 @ W3.T * (1 - A2**2)
        dZ1 = dZ2 @ W2.T * (1 - A1**2)
        grads = X.T @ dZ1, dZ1.sum(axis=0), A1.T @ dZ2, dZ2.sum(axis=0), A2.T @ dZ3, dZ3.sum(axis=0)
        for w, g, state in zip(params, grads, states, strict=True):
            torch_step(rule, w, g, t, state)
    return params


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("rule", LIKE_TORCH)
@pytest.mark.parametrize("loss", LOSSES)
def test_ten_updates_are_pytorchs(loss, rule, engine):
    """Of three layers from the same weights, for each loss summed over the outputs, all weights agree to 1e-5.

    Adam alone has its epsilon elsewhere, where Kingma and Ba call it "epsilon hat"; all others agree to rounding.
    """
    network, (X, Y) = three_layers(LOSSES[loss]()), torch_data(loss)
    wanted = trained_by_hand(loss, rule, [values for _, values, _ in network.named_parameters()], X, Y)
    before, optimizer = network.params.copy(), LIKE_TORCH[rule]()
    optimizer.start(network.params)
    updater = updater_class(engine)(network, optimizer)
    for _ in range(UPDATES):
        updater.update(Samples(X, Y), slice(0, len(X)), torch_rate(rule))
    for (_, ours, _), theirs in zip(network.named_parameters(), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 if rule == "adam" else 1e-12)
    assert np.abs(network.params - before).max() > 0.005
