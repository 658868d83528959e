"""What the classifier's words mean in components."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from pipeline import Deform, MLPClassifier
from pipeline.mlp import builder
from pipeline.network import (
    ACTIVATIONS,
    INITIALIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Adversarial,
    Affine,
    Constant,
    Cosine,
    Exponential,
    ExponentialAverage,
    GlorotUniformWithBias,
    InverseScaling,
    Momentum,
    Network,
    Normal,
    OneCycle,
    RateFactors,
    RMSprop,
    Step,
    VirtualAdversarial,
)
from pipeline.network.compiled.engines import has_numba
from pipeline.parameters import ParameterError, parameter_values, parameters_of


def initialized(**parameters):
    """Return a network at its start, by the estimator's parameters."""
    chosen, rng = values(hidden_layer_sizes=(300,), **parameters), np.random.default_rng(0)
    return builder.network(chosen, 400, 3, "softmax", dtype=np.float64, random_state=rng)


def test_the_last_layer_may_begin_at_zero():
    """So that all classes are equally likely at first; the layers before it are drawn as ever."""
    network, plain = initialized(zero_output=True), initialized()
    first, last = network.affine_layers
    assert not last.W.any()
    assert not last.b.any()
    assert np.array_equal(first.W, plain.affine_layers[0].W)


@pytest.mark.parametrize(("weight_init", "spread"), [("auto", (2 / 700) ** 0.5), ("lecun_normal", 1 / 20), (0.3, 0.3)])
def test_biases_are_drawn_by_their_own_spread(weight_init, spread):
    """Beside weights that keep the rule's."""
    layer = initialized(weight_init=weight_init, bias_init=1.0).affine_layers[0]
    assert layer.W.std() == pytest.approx(spread, rel=0.02)
    assert layer.b.std() == pytest.approx(1, rel=0.15)


def test_factors_reach_the_optimizer():
    """As spans of this network's parameters; without them there are none, and updates are of all at once."""
    factors = RateFactors("1/sqrt(n_in)", bias=0.1)
    chosen = values(hidden_layer_sizes=(), rate_factors=factors)
    network = Network([Affine(16, 3)])
    trainer = builder.trainer(chosen, network, 4)
    assert list(trainer.optimizer.rate_spans) == [(slice(0, 48), 0.25), (slice(48, 51), 0.1)]
    assert list(builder.trainer(values(), network, 4).optimizer.rate_spans) == []


def choices(name):
    """Return the words that a parameter may be."""
    allowed = parameters_of(MLPClassifier)[name].allowed.split(" or a list of")[0]
    return set(allowed.replace(" or ", ", ").replace("'", "").split(", "))


def values(**parameters):
    """Return the values of all parameters, a few of them given."""
    return parameter_values(MLPClassifier, MLPClassifier(**parameters))


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [((3, 2), (3, 2)), (4, (4,)), ([5], (5,)), ((), ()), (np.array([2, 3]), (2, 3)), (np.int64(7), (7,))],
)
def test_sizes_are_a_tuple(sizes, wanted):
    """A number, a list, an array or nothing at all."""
    assert builder.hidden_sizes(values(hidden_layer_sizes=sizes)) == wanted


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, "Affine(8, 100), ReLU(), Affine(100, 3)"),
        ({"hidden_layer_sizes": ()}, "Affine(8, 3)"),
        ({"hidden_layer_sizes": (), "dropout": (0.2,)}, "Dropout(0.2), Affine(8, 3)"),
        (
            {"hidden_layer_sizes": (5,), "activation": ("tanh",), "dropout": 0.5, "bias": False},
            "Affine(8, 5, bias=False), Tanh(), Dropout(0.5), Affine(5, 3, bias=False)",
        ),
        (
            {"hidden_layer_sizes": (), "dropout": (0.2,), "noise": (0.1,), "feature_scale": True},
            "GaussianNoise(0.1), Dropout(0.2), Scale(8), Affine(8, 3)",
        ),
        (
            {"hidden_layer_sizes": (5, 4), "dropout": (0.1, 0, 0.3)},
            "Dropout(0.1), Affine(8, 5), ReLU(), Affine(5, 4), ReLU(), Dropout(0.3), Affine(4, 3)",
        ),
    ],
)
def test_layers_stand_in_their_order(parameters, wanted):
    """Affine, activation, dropout for each hidden layer; dropout of the input first, and an affine layer last."""
    assert ", ".join(map(repr, builder.layers(values(**parameters), 8, 3))) == wanted


def test_every_activation_has_its_layer():
    """The words that are allowed are those that there are layers for."""
    assert choices("activation") == set(ACTIVATIONS)


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, GlorotUniformWithBias(6)),
        ({"activation": "logistic"}, GlorotUniformWithBias(2)),
        ({"activation": ("logistic",)}, GlorotUniformWithBias(2)),
        ({"activation": np.array(["tanh", "relu"]), "hidden_layer_sizes": np.array([9, 9])}, GlorotUniformWithBias(6)),
        ({"weight_init": 0.01}, Normal(0.01)),
        ({"weight_init": 1}, Normal(1)),
    ],
)
def test_auto_is_scikit_learns_rule_for_first_weights(parameters, wanted):
    """And a number is the deviation of normal weights."""
    assert {layer.initializer for layer in builder.layers(values(**parameters), 8, 3)[::2]} == {wanted}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_rule_for_first_weights_has_a_name(name):
    """Each can be asked for."""
    assert builder.layers(values(weight_init=name), 8, 3)[0].initializer is INITIALIZERS[name]
    assert name in choices("weight_init")


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"solver": "sgd"}, Momentum(0.9, nesterov=True)),
        ({"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False}, Momentum(0.5, nesterov=False)),
        ({"solver": "sgd", "momentum": 0}, SGD()),
        ({"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}, Adam(0.8, 0.9, 1e-3)),
        ({"solver": "rmsprop", "rho": 0.8, "epsilon": 1e-3}, RMSprop(0.8, 1e-3)),
        ({"solver": "adagrad", "epsilon": 1e-3}, AdaGrad(1e-3)),
        ({"solver": "adamw", "beta_1": 0.8, "weight_decay": 0.1}, AdamW(0.8, 0.999, 1e-8, 0.1)),
    ],
)
def test_solvers_are_optimizers(parameters, wanted):
    """Of their kind, with the parameters that concern them."""
    found = builder.optimizer(values(**parameters))
    assert type(found) is type(wanted)
    assert vars(found) == vars(wanted)


def test_every_solver_has_an_optimizer_but_one():
    """lbfgs makes no updates of its own, and says so."""
    for solver in choices("solver") - {"lbfgs"}:
        builder.optimizer(values(solver=solver))
    with pytest.raises(ParameterError, match="lbfgs takes all samples at once"):
        builder.optimizer(values(solver="lbfgs"))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_components_get_plain_numbers(kind):
    """A grid's float64 would have float32 worked on in float64; a float has not."""
    numbers = {"beta_1": 0.5, "epsilon": 0.25, "alpha": 0.5, "tol": 0.5, "momentum": 0.5, "rho": 0.5, "power_t": 0.5}
    for solver in choices("solver") - {"lbfgs"}:
        chosen = values(solver=solver, learning_rate="invscaling", **{name: kind(x) for name, x in numbers.items()})
        for component in (builder.optimizer(chosen), *builder.regularizers(chosen), builder.schedule(chosen)):
            assert {type(value) for value in vars(component).values()} <= {float, bool}
        assert type(builder.stopping(chosen).tol) is float


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, Constant()),
        ({"learning_rate": "invscaling"}, Constant()),
        ({"learning_rate": "adaptive", "solver": "sgd"}, Constant()),
        ({"learning_rate": "invscaling", "solver": "sgd", "power_t": 0.2}, InverseScaling(0.2)),
        ({"learning_rate": "cosine"}, Cosine()),
        ({"learning_rate": "one_cycle", "solver": "sgd"}, OneCycle()),
        ({"learning_rate": "step"}, Step()),
        ({"learning_rate": "exponential"}, Exponential()),
        ({"learning_rate": Cosine(3)}, Cosine(3)),
    ],
)
def test_rates_are_schedules(parameters, wanted):
    """By name, or as an object; scikit-learn's words mean something to sgd alone."""
    assert builder.schedule(values(**parameters)) == wanted


def test_every_schedule_has_a_name():
    """The words that are allowed are all meant."""
    words = choices("learning_rate") - {"constant", "invscaling", "adaptive"}
    kinds = {type(builder.schedule(values(learning_rate=word))) for word in words if " " not in word}
    assert kinds >= {Cosine, OneCycle, Step, Exponential}


@pytest.mark.parametrize(
    ("batch_size", "n_samples", "wanted"),
    [("auto", 1000, 200), ("auto", 50, 50), ("full", 1000, 1000), (1, 1000, 1), (64, 50, 50), (np.int64(8), 50, 8)],
)
def test_batches_have_a_size(batch_size, n_samples, wanted):
    """200 by default, all, a number; never more than there are."""
    found = builder.sampling(values(batch_size=batch_size, shuffle=False, replacement=True), n_samples)
    assert (found.batch_size, found.shuffle, found.replacement) == (wanted, False, True)


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, "loss"),
        ({"early_stopping": True}, "validation_score"),
        ({"early_stopping": True, "monitor": "validation_loss"}, "validation_loss"),
        ({"monitor": "score"}, "score"),
    ],
)
def test_what_is_monitored(parameters, wanted):
    """By default what scikit-learn monitors, else what is asked for."""
    assert builder.stopping(values(**parameters)).monitor == wanted


def test_what_is_not_asked_for_is_not_there():
    """With alpha 0 nothing is added, and nothing computed; the limit comes after the penalty."""
    assert builder.regularizers(values(alpha=0)) == []
    penalty, limit = builder.regularizers(values(alpha=0.5, max_norm=3))
    assert (penalty.alpha, limit.limit) == (0.5, 3)


@pytest.mark.parametrize("rule", [None, Adversarial(2, weight=0.5), VirtualAdversarial(n_probes=2)])
def test_an_adversary_is_handed_on(rule):
    """Checked, it is the trainer's; without one, nothing is perturbed."""
    chosen = values(adversary=rule, hidden_layer_sizes=(3,))
    network = builder.network(chosen, 4, 1, "logistic", dtype=np.float64, random_state=np.random.default_rng(0))
    assert builder.adversary(chosen) is rule
    assert builder.trainer(chosen, network, 4).adversary is rule


@pytest.mark.parametrize("parameters", [{"dropout": 0.1}, {"noise": (0, 0.1)}])
def test_an_adversary_that_compares_answers_suits_no_draws(parameters):
    """One that goes by labels does; and a rate of 0 draws nothing."""
    assert builder.adversary(values(adversary=Adversarial(), **parameters)) == Adversarial()
    assert builder.adversary(values(adversary=VirtualAdversarial(), dropout=0, noise=(0, 0))) is not None
    [name] = parameters
    with pytest.raises(ParameterError, match=f"{name} must be 0 where VirtualAdversarial compares answers"):
        builder.adversary(values(adversary=VirtualAdversarial(), **parameters))


def test_numba_is_asked_for_where_there_is_none(monkeypatch):
    """The error names the parameter, what is allowed, and how to install what is missing."""
    monkeypatch.setattr(builder, "has_numba", lambda: False)
    model = MLPClassifier((3,), engine="numba", max_iter=1)
    with pytest.raises(ParameterError, match=r"engine must be 'auto' or 'numpy'.*digits-pipeline\[fast\]"):
        model.fit([[0.0], [1.0]], [0, 1])


def test_the_engine_is_decided_once_and_seen(monkeypatch):
    """A fitted estimator says what trained: not ``auto``, and NumPy for L-BFGS and where nothing is to be compiled."""
    X, y = np.eye(6), np.arange(6) % 2
    options = {"max_iter": 1, "max_updates": 1, "learning_rate": "cosine", "random_state": 0}
    auto = MLPClassifier((3,), **options).fit(X, y)
    assert auto.engine_ == ("numba" if has_numba() else "numpy")
    assert "engine_" in auto._repr_html_()
    assert MLPClassifier((3,), engine="numpy", **options).fit(X, y).engine_ == "numpy"
    assert auto.set_params(engine="numpy").partial_fit(X, y).engine_ == "numpy"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert MLPClassifier((3,), solver="lbfgs", max_iter=1).fit(X, y).engine_ == "numpy"
    if has_numba():
        monkeypatch.setattr("pipeline.network.compiled.jit.DISABLED", True)
        assert MLPClassifier((3,), **options).fit(X, y).engine_ == "numpy"


def test_engines_come_to_the_same_weights():
    """NumPy and numba learn the same, but for the last bits."""
    pytest.importorskip("numba", reason="compiled loops need the extra fast")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 6)), rng.integers(3, size=90)
    for batch_size in (1, 30):
        options = {"max_iter": 2, "random_state": 0, "batch_size": batch_size, "dropout": 0.1, "alpha": 0.1}
        one, other = (MLPClassifier((8, 5), engine=engine, **options) for engine in ("numpy", "numba"))
        with pytest.warns(ConvergenceWarning):
            one.fit(X, y), other.fit(X, y)
        assert_allclose(one.network_.params, other.network_.params, rtol=1e-6, atol=1e-9)
        assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(
    ("parameters", "sparse", "wanted"),
    [
        ({}, False, 2),
        ({"alpha": 0.1, "solver": "sgd"}, False, 2),
        ({"engine": "numpy"}, False, 1),
        ({"solver": "lbfgs", "batch_size": 60}, False, 1),
        ({"dropout": 0.2}, False, 1),
        ({"noise": 0.2}, False, 1),
        ({"batch_norm": True}, False, 1),
        ({"max_norm": 2.0}, False, 1),
        ({"averaging": ExponentialAverage()}, False, 1),
        ({"adversary": Adversarial()}, False, 1),
        ({"augmentation": Deform(rotation=5)}, False, 1),
        ({}, True, 1),
    ],
)
def test_threads_share_smaller_updates_where_many_are_one_call(parameters, sparse, wanted, monkeypatch):
    """Which compiled loops make by themselves; all else needs the interpreter between them."""
    monkeypatch.setattr(builder, "has_numba", lambda: True)
    given = values(**{"engine": "auto", "n_threads": 2, "batch_size": 60, **parameters})
    assert builder.threads(given, 50_000, 60, sparse=sparse) == wanted
    assert builder.threads(given, 500_000, 60, sparse=sparse) == 2
    assert builder.threads(given, 20_000, 60, sparse=sparse) == 1
