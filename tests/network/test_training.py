"""The loop: batches, schedules, stopping, the best weights, and going on as if nothing had happened."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import d2_pinball_score, r2_score

from pipeline.network import (
    L2,
    REGRESSION_LOSSES,
    SGD,
    Adam,
    AdamW,
    Adversarial,
    Affine,
    Constant,
    Cosine,
    Dropout,
    InverseScaling,
    Momentum,
    Network,
    Pinball,
    ReLU,
    RMSprop,
    Step,
)
from pipeline.network.batches import CHUNK, Samples, Sampling
from pipeline.network.early_stopping import EarlyStopping
from pipeline.network.parallel.full_batch import FullBatchGradient
from pipeline.network.parallel.workers import Workers
from pipeline.network.shards import ParameterShard
from pipeline.network.training import Callback, DivergenceError, Epoch, Trainer

N = 23


def samples(n=N, *, weighted=False, dtype=np.float64):
    """Return samples of three classes that can be learned."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=n)
    X = rng.normal(size=(n, 4)) + labels[:, np.newaxis]
    weight = rng.random(n).astype(dtype) if weighted else None
    return Samples(X.astype(dtype), np.eye(3, dtype=dtype)[labels], weight)


def trainer(optimizer=None, *, batch_size=5, dropout=False, dtype=np.float64, learning_rate=0.1, **components):
    """Return a trainer of a small network."""
    layers = [Affine(4, 6), ReLU(), *([Dropout(0.2)] if dropout else []), Affine(6, 3)]
    network = Network(layers, dtype=dtype, random_state=0)
    sampling = components.pop("sampling", Sampling(batch_size))
    return Trainer(network, optimizer or SGD(), sampling, learning_rate, **components)


# ---------------------------------------------------------------- epochs


def test_an_epoch_is_an_update_for_each_batch():
    """Written out: gradient with penalty, then a step, batch by batch; the loss is the mean over the samples."""
    data, training = (
        samples(weighted=True),
        trainer(Momentum(), regularizers=[L2(0.5)], sampling=Sampling(5, shuffle=False)),
    )
    replica, optimizer, total = trainer().network, Momentum(), 0.0
    optimizer.start(replica.params)
    for start in range(0, N, 5):
        rows = slice(start, min(start + 5, N))
        weight = data.sample_weight[rows]
        loss = replica.gradient(data.X[rows], data.Y[rows], weight)
        squares = sum((layer.W**2).sum() for layer in replica.affine_layers)
        total += (loss + 0.25 * squares / weight.sum()) * (rows.stop - rows.start)
        for layer in replica.affine_layers:
            layer.dW += 0.5 * layer.W / weight.sum()
        optimizer.step(replica.params, replica.grads, 0.1)
    assert training.run(data, max_epochs=1) == "max_epochs"
    assert_allclose(training.network.params, replica.params, rtol=1e-12)
    assert training.history[0].loss == pytest.approx(total / N)
    assert (training.samples, training.updates) == (N, 5)


def test_score_is_the_running_share_of_hits():
    """With a learning rate too small to matter, it is the accuracy."""
    data, training = samples(), trainer(learning_rate=1e-12)
    accuracy = (training.network.predict(data.X).argmax(axis=1) == data.Y.argmax(axis=1)).mean()
    training.run(data, max_epochs=1)
    assert training.history[0].score == pytest.approx(accuracy)


class Recorder(SGD):
    """Notes the learning rate of every update."""

    def start(self, params):
        super().start(params)
        self.rates = []

    def begin(self, learning_rate):
        self.rates.append(learning_rate)
        super().begin(learning_rate)


def test_the_schedule_moves_with_every_update():
    """Time is counted in epochs, a fraction for each batch, and the history has the last rate of an epoch."""
    training = trainer(Recorder(), schedule=Cosine(), length=2)
    training.run(samples(), max_epochs=2)
    wanted = [0.1 * Cosine().factor(update / 5, 2, 0) for update in range(10)]
    assert training.optimizer.rates == pytest.approx(wanted)
    assert [epoch.learning_rate for epoch in training.history] == pytest.approx([wanted[4], wanted[9]])


def test_a_schedules_own_length_comes_first():
    """Cosine(epochs=4) is halfway after two epochs, however long training is meant to be."""
    training = trainer(Recorder(), schedule=Cosine(epochs=4), length=100)
    training.run(samples(), max_epochs=3)
    assert training.optimizer.rates[10] == pytest.approx(0.05)


def test_inverse_scaling_counts_the_samples_before_an_epoch():
    """All updates of an epoch have one rate."""
    training = trainer(Recorder(), schedule=InverseScaling(0.5))
    training.run(samples(), max_epochs=2)
    assert training.optimizer.rates == pytest.approx([0.1] * 5 + [0.1 / (N + 1) ** 0.5] * 5)


def test_updates_can_be_bounded():
    """`max_updates` ends training in the middle of an epoch, whose figures are of what was seen; and again."""
    training = trainer()
    assert training.run(samples(), max_epochs=9, max_updates=7) == "max_updates"
    assert (training.updates, training.samples, len(training.history)) == (7, N + 10, 2)
    assert training.run(samples(), max_epochs=9, max_updates=5) == "max_updates"
    assert training.updates == 12


def test_validation_is_measured_after_every_epoch():
    """Loss without penalty, and accuracy, weighted, by the network as it is after the epoch."""
    held, training = samples(40, weighted=True), trainer(regularizers=[L2(0.1)])
    training.run(samples(), max_epochs=1, validation=held)
    network, epoch = training.network, training.history[0]
    assert epoch.validation_loss == pytest.approx(network.evaluate(held.X, held.Y, held.sample_weight))
    correct = network.predict(held.X).argmax(axis=1) == held.Y.argmax(axis=1)
    assert epoch.validation_score == pytest.approx(np.average(correct, weights=held.sample_weight))


def numbers(loss, n=N, *, weighted=False, dtype=np.float64):
    """Return samples of three targets that a loss of numbers can have, about 1,000."""
    data, rng = samples(n, weighted=weighted, dtype=dtype), np.random.default_rng(1)
    Y = rng.poisson(2, (n, 3)) if loss.activation == "exp" else 1000 + data.X[:, :1] + rng.normal(size=(n, 3))
    Y = np.repeat(Y[:, :1], 3, axis=1) if isinstance(loss, Pinball) else Y
    return Samples(data.X, Y.astype(dtype), data.sample_weight)


def trainer_of_numbers(loss, dtype=np.float64, **options):
    """Return a trainer of a small network with this loss, and its last bias near the targets."""
    network = Network([Affine(4, 6), ReLU(), Affine(6, 3)], loss, dtype=dtype, random_state=0)
    network.layers[-1].b[:] = 0 if loss.activation == "exp" else 1000
    return Trainer(network, SGD(), Sampling(5), options.pop("learning_rate", 1e-3), **options)


def wanted_score(loss, P, Y, weight=None):
    """Return scikit-learn's score."""
    if isinstance(loss, Pinball):
        each = [d2_pinball_score(Y[:, k], P[:, k], sample_weight=weight, alpha=q) for k, q in enumerate(loss.quantiles)]
        return np.mean(each)
    return r2_score(Y, P, sample_weight=weight)


REGRESSION = [*(make() for make in REGRESSION_LOSSES.values() if make is not Pinball), Pinball((0.1, 0.5, 0.8))]
EVERY_REGRESSION = pytest.mark.parametrize("loss", REGRESSION, ids=repr)


@EVERY_REGRESSION
@pytest.mark.parametrize("weighted", [False, True])
def test_the_score_of_numbers_is_scikit_learns(loss, weighted):
    """R^2, or D^2 of quantiles: of validation data in several chunks, and of an epoch's predictions, by weight."""
    held, data = numbers(loss, 2 * CHUNK + 3, weighted=weighted), numbers(loss, weighted=weighted)
    training = trainer_of_numbers(loss, learning_rate=1e-12)
    training.sampling = Sampling(N)
    training.run(data, max_epochs=1, validation=held)
    network, epoch = training.network, training.history[0]
    wanted = wanted_score(loss, network.predict(held.X), held.Y, held.sample_weight)
    assert epoch.validation_score == pytest.approx(wanted, rel=1e-9)
    assert epoch.validation_loss == pytest.approx(network.evaluate(held.X, held.Y, held.sample_weight))
    wanted = wanted_score(loss, network.predict(data.X), data.Y, data.sample_weight)
    assert epoch.score == pytest.approx(wanted, rel=1e-6)
    assert epoch.loss == pytest.approx(network.evaluate(data.X, data.Y, data.sample_weight), rel=1e-6)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_large_data_are_measured_in_pieces(n_threads):
    """Figures and gradients over several chunks, and by several threads, are those over the whole."""
    data, training = samples(2 * CHUNK + 3, weighted=True), trainer(regularizers=[L2(0.1)])
    network = training.network
    loss, _ = training.evaluate(data)
    assert loss == pytest.approx(network.evaluate(data.X, data.Y, data.sample_weight))
    with Workers(n_threads) as workers:
        full_gradient = FullBatchGradient(network, training.hooks, data, workers)
        assert full_gradient.compute() == (value := full_gradient.compute())  # nothing is left from the last time
    pieced = network.grads.copy()
    weight = data.sample_weight.sum()
    loss = network.gradient(data.X, data.Y, data.sample_weight)
    whole = ParameterShard.cut(network.layers, network.params, network.grads, slice(0, len(network.params)))
    loss += L2(0.1).after_gradient(whole, weight)
    assert value == pytest.approx(loss)
    assert_allclose(pieced, network.grads, rtol=1e-9, atol=1e-15)


# ---------------------------------------------------------------- stopping


def test_training_stops_when_it_stalls():
    """With a tolerance that no epoch reaches, it ends after patience and two epochs."""
    training = trainer(stopping=EarlyStopping(tol=10, patience=3))
    assert training.run(samples(), max_epochs=99) == "stalled"
    assert len(training.history) == 5


def test_a_patient_trainer_slows_down_first():
    """Each time it stalls the rate is divided by 5, until it is at most 1e-6; then training stops."""
    training = trainer(stopping=EarlyStopping(tol=10, patience=1), adaptive=True, learning_rate=1e-4)
    assert training.run(samples(), max_epochs=99) == "stalled"
    assert [epoch.learning_rate for epoch in training.history] == pytest.approx(
        [1e-4] * 3 + [2e-5] * 2 + [4e-6] * 2 + [8e-7] * 2
    )


class Listener(Callback):
    """Asks to stop after some epochs, and notes what it hears."""

    def __init__(self, last):
        self.last, self.heard = last, []

    def on_epoch_begin(self):
        self.heard.append("begins")

    def on_epoch_end(self, epoch):
        self.heard.append(epoch)
        return len(self.heard) == 2 * self.last


def test_a_hook_hears_of_every_epoch_and_may_stop():
    """It is told of the beginning and the end, and its word is the reason."""
    training, listener = trainer(), Listener(3)
    assert training.run(samples(), max_epochs=9, callback=listener) == "asked"
    assert listener.heard == [
        "begins",
        training.history[0],
        "begins",
        training.history[1],
        "begins",
        training.history[2],
    ]


def test_the_best_epochs_parameters_are_brought_back():
    """With `restore_best`, the network ends as it was after its best epoch, here the first."""
    kept = trainer(restore_best=True, stopping=EarlyStopping("validation_loss"), learning_rate=50.0)
    first = trainer(learning_rate=50.0)
    held = samples(40)
    kept.run(samples(), max_epochs=6, validation=held)
    first.run(samples(), max_epochs=int(np.argmin([epoch.validation_loss for epoch in kept.history])) + 1)
    assert_array_equal(kept.network.params, first.network.params)
    assert kept.evaluate(held)[0] == min(epoch.validation_loss for epoch in kept.history)


def test_divergence_is_an_error_with_the_best_weights_kept():
    """A loss that runs away is one clear line, and the network can still predict."""
    training, good = trainer(learning_rate=1e-3), trainer(learning_rate=1e-3)
    training.run(samples(), max_epochs=2)
    good.run(samples(), max_epochs=2, max_updates=9)  # the loss of an epoch is of the weights before each update
    training.learning_rate = 1e300
    with pytest.raises(DivergenceError, match=r"learning rate, 1e\+300, is too large: training diverged in epoch 3"):
        training.run(samples(), max_epochs=9)
    assert_array_equal(training.network.params, good.network.params)
    assert len(training.history) == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("engine", ["numpy", "auto"])
@EVERY_REGRESSION
def test_numbers_that_diverge_are_the_same_error(loss, engine, dtype):
    """Whatever overflows, an exp or a square, it is no warning, and the network has the weights it had at the end."""
    training = trainer_of_numbers(loss, dtype, engine=engine)
    training.run(numbers(loss, dtype=dtype), max_epochs=1)
    training.learning_rate = float(np.finfo(dtype).max)
    with pytest.raises(DivergenceError, match="training diverged in epoch"):
        training.run(numbers(loss, dtype=dtype), max_epochs=30, validation=numbers(loss, dtype=dtype))
    assert np.isfinite(training.network.params).all()
    assert np.isfinite(training.network.predict(numbers(loss, dtype=dtype).X)).all()


def test_an_update_that_runs_away_is_not_among_the_best():
    """With one batch an epoch, the loss is still good when the update is not: the weights before it are kept."""
    training = trainer(learning_rate=1e300, batch_size=N)
    begun = training.network.params.copy()
    with pytest.raises(DivergenceError, match="epoch 2"):
        training.run(samples(), max_epochs=9)
    assert_array_equal(training.network.params, begun)


@pytest.mark.parametrize("optimizer", [SGD, Momentum, Adam, RMSprop])
def test_after_divergence_training_can_go_on(optimizer):
    """With a smaller rate the next run learns: no state of the failed one is left in the optimizer."""
    training = trainer(optimizer(), learning_rate=1e300)
    with pytest.raises(DivergenceError):
        training.run(samples(), max_epochs=9)
    training.learning_rate = 1e-2
    training.run(samples(), max_epochs=5)
    assert training.history[-1].loss < training.history[0].loss


# ---------------------------------------------------------------- going on

RECIPES = {
    "sgd": {},
    "momentum": {"optimizer": Momentum(), "learning_rate": 0.02},
    "adam": {"optimizer": Adam(), "regularizers": [L2(0.1)]},
    "adamw": {"optimizer": AdamW(), "dropout": True},
    "rmsprop in float32": {"optimizer": RMSprop(), "dtype": np.float32, "learning_rate": 0.01},
    "cosine": {"schedule": Cosine(epochs=8, warmup=2)},
    "step": {"schedule": Step(2)},
    "adaptive": {"adaptive": True, "stopping": EarlyStopping(tol=10, patience=1)},
    "best": {"restore_best": True, "stopping": EarlyStopping("validation_score", patience=99)},
    "replacement": {"sampling": Sampling(5, replacement=True)},
    "full": {"sampling": Sampling(N)},
}


def run(training, epochs, dtype):
    """Train for some epochs."""
    return training.run(samples(dtype=dtype), max_epochs=epochs, validation=samples(40, dtype=dtype))


def figures(training):
    """Return all that training came to, less the seconds."""
    history = [[epoch.loss, epoch.score, epoch.validation_loss, epoch.learning_rate] for epoch in training.history]
    return history, training.network.params.tobytes(), training.samples, training.updates


@pytest.mark.parametrize("through_state", [False, True])
@pytest.mark.parametrize("recipe", RECIPES)
def test_three_epochs_and_five_are_eight(recipe, through_state):
    """Left after three epochs, and even taken apart and put together, training comes to the same bytes."""
    options = RECIPES[recipe]
    dtype = options.get("dtype", np.float64)
    whole, parts = (trainer(**copy.deepcopy(options)) for _ in range(2))
    run(whole, 8, dtype)
    run(parts, 3, dtype)
    if through_state:
        plain, arrays = copy.deepcopy(parts.get_state())
        again = trainer(**copy.deepcopy(options))
        again.network.params[:] = parts.network.params
        again.history = list(parts.history)
        again.set_state(plain, arrays)
        parts = again
    run(parts, 5, dtype)
    assert figures(parts) == figures(whole)


def test_a_state_must_fit():
    """What is missing, or of another length, is refused."""
    plain, arrays = trainer(Adam()).get_state()
    with pytest.raises(KeyError):
        trainer(Adam()).set_state(plain, {})
    with pytest.raises(ValueError, match="shape"):
        trainer(Adam()).set_state(plain, {**arrays, "optimizer_m": np.zeros(7)})


def test_another_way_of_training_can_be_adopted():
    """Settings change, progress stays; an optimizer of another kind starts anew."""
    training = trainer(Adam(), learning_rate=0.1)
    training.run(samples(), max_epochs=2)
    state = training.optimizer.state["m"].copy()
    training.adopt(trainer(Adam(beta_1=0.5), learning_rate=0.1, regularizers=[L2(1)], schedule=Constant()))
    assert (training.optimizer.beta_1, training.optimizer.t, len(training.history)) == (0.5, 10, 2)
    assert_array_equal(training.optimizer.state["m"], state)
    training.adopt(trainer(SGD(), learning_rate=0.3))
    assert (training.optimizer.t, training.learning_rate, training.regularizers) == (0, 0.3, ())
    training.adopt(trainer(SGD(), learning_rate=0.3, adversary=Adversarial(2.0)))
    assert (training.adversary, len(training.history)) == (Adversarial(2.0), 2)


def test_somebody_elses_epochs_can_be_recorded():
    """An epoch of SciPy's has a loss and validation, and no rate; the callback hears of it."""
    training, listener = trainer(), Listener(1)
    assert training.record(0.5, N, samples(40), listener) is True
    assert training.history == [listener.heard[1]]
    assert training.history[0] == Epoch(0.5, None, *training.evaluate(samples(40)), None, None)
    assert training.samples == N
