"""The network that ``train`` configures, checked: in Python and by the command."""

import json
import re

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.data.idx import FILES, write_idx
from pipeline.gradcheck import GradientError, build, check, demand_agreement, describe_engine, training_images
from pipeline.mlp.classifier import MLPClassifier
from pipeline.mlp.regressor import MLPRegressor
from pipeline.network import Affine, BatchNorm, LabelSmoothing, Network, ReLU, SoftmaxCrossEntropy, Tanh
from pipeline.network.gradient_check import Difference
from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.stages.fetch import Fetch

X = np.random.default_rng(0).random((3, 6), dtype=np.float32)


class Watcher(Progress):
    """Notes what it hears."""

    def __init__(self):
        self.begun, self.done, self.ended, self.said = None, 0, 0, []

    def begin(self, what, total, unit):
        self.begun = (what, total, unit)

    def advance(self, step=1, **figures):  # noqa: ARG002 - as every watcher hears
        self.done += step

    def end(self):
        self.ended += 1

    def say(self, line):
        self.said.append(line)


@pytest.mark.parametrize(
    ("classes", "n_out", "loss"), [(("a", "b", "c"), 3, "SoftmaxCrossEntropy"), (("a", "b"), 1, "SigmoidCrossEntropy")]
)
def test_the_network_is_the_one_that_fit_builds(classes, n_out, loss):
    """Layers and output are those of a fitted estimator; the precision is double."""
    model = MLPClassifier((4, 3), "logistic", dropout=0.1, bias=False, max_iter=1, random_state=0)
    network, samples, Y = build(model, X, [classes[0], classes[1], classes[0]], classes)
    fitted = MLPClassifier(**model.get_params() | {"learning_rate": "cosine"}).fit(X, [*classes[:2], classes[-1]])
    assert repr(network) == repr(fitted.network_)
    assert (network.dtype, samples.dtype, Y.shape) == (np.float64, np.float64, (3, n_out))
    assert type(network.loss).__name__ == loss


def test_a_parameter_that_is_not_allowed_is_refused():
    """Nothing is built from a wrong word."""
    with pytest.raises(ParameterError, match="activation must be"):
        build(MLPClassifier(activation="cube"), X, [0, 1, 0], [0, 1])


@pytest.mark.parametrize(
    "activation", ["relu", "logistic", "tanh", "elu", "selu", "gelu", "mish", "leaky_relu", "identity"]
)
def test_every_activation_agrees(activation):
    """Backpropagation is right, and whoever watches hears of every parameter."""
    watcher = Watcher()
    model = MLPClassifier((5, 4), activation, dropout=0.3, random_state=0, engine="numpy")
    differences = check(model, X, [0, 1, 2], [0, 1, 2], watcher)
    demand_agreement(differences)
    n_parameters = 6 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3
    assert [one.name for one in differences] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert (watcher.begun, watcher.done, watcher.ended) == (("gradcheck", n_parameters, "parameters"), n_parameters, 1)


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "absolute_error", "huber", "quantile"])
def test_every_loss_of_a_regressor_agrees(loss, engine, n_targets):
    """Of one target or several, and of several quantiles, with the network that ``fit`` builds."""
    y = (np.random.default_rng(1).poisson(3, size=(3, n_targets)) + 0.5).squeeze()
    own = {"quantile": (0.2, 0.7)} if loss == "quantile" else {}
    model = MLPRegressor(loss, (5, 4), "tanh", max_iter=1, random_state=0, engine=engine, **own)
    demand_agreement(check(model, X, y))
    fitted = MLPRegressor(**model.get_params() | {"learning_rate": "cosine"}).fit(X, y)
    assert repr(build(model, X, y)[0]) == repr(fitted.network_)


def test_regularisers_agree():
    """Batch normalisation, noise, dropout and smoothed targets are differentiated as they are trained."""
    parts = {"batch_norm": True, "noise": 0.2, "dropout": 0.2, "label_smoothing": 0.1}
    model = MLPClassifier((5, 4), "tanh", random_state=0, **parts)
    network, *_ = build(model, X, [0, 1, 2], [0, 1, 2])
    assert repr(network.loss) == repr(LabelSmoothing(SoftmaxCrossEntropy(), 0.1))
    differences = check(model, X, [0, 1, 2], [0, 1, 2])
    demand_agreement(differences)
    assert [one.name for one in differences] == ["W1", "gamma2", "beta2", "W3", "gamma4", "beta4", "W5", "b5"]


@pytest.mark.parametrize(
    ("engine", "parts", "said"),
    [
        ("numpy", {}, "backpropagation is that of engine numpy"),
        ("auto", {}, "backpropagation is that of engine numba"),
        ("numba", {"dropout": 0.2}, "backpropagation is that of engine numba"),
    ],
)
def test_it_is_said_whose_backpropagation_is_checked(engine, parts, said):
    """The engine is the model's, as it trains."""
    pytest.importorskip("numba", reason="compiled loops need the extra fast")
    watcher, model = Watcher(), MLPClassifier((4,), "tanh", random_state=0, engine=engine, **parts)
    demand_agreement(check(model, X, [0, 1, 2], [0, 1, 2], watcher))
    assert watcher.said == [said]


def test_what_has_no_compiled_form_is_said_by_name():
    """That part is NumPy's in training, and so it is in the check."""
    pytest.importorskip("numba", reason="compiled loops need the extra fast")

    class Cube(Tanh):
        """Another activation."""

    network = Network([Affine(2, 3), Cube(), Affine(3, 3), Cube(), Affine(3, 1)], SquaredLoss())
    plain = "but for Cube and SquaredLoss, of which there is no compiled form"
    assert describe_engine("numba", network) == f"backpropagation is that of engine numba, {plain}"
    normed = Network([Affine(2, 3), BatchNorm(3), Affine(3, 1)])
    assert describe_engine("numba", normed) == "backpropagation is that of engine numba"
    assert describe_engine("numpy", network) == "backpropagation is that of engine numpy"


class SquaredLoss(SoftmaxCrossEntropy):
    """Another loss."""


def test_numba_is_asked_for_where_there_is_none(monkeypatch):
    """As in training: the error names the extra."""
    monkeypatch.setattr("pipeline.mlp.builder.has_numba", lambda: False)
    with pytest.raises(ParameterError, match=r"engine must be 'auto' or 'numpy'.*digits-pipeline\[fast\]"):
        check(MLPClassifier((3,), engine="numba"), X, [0, 1, 2], [0, 1, 2])


@pytest.mark.parametrize("mean", [2e-9, float("nan")])
def test_a_difference_is_told_by_name(mean):
    """One parameter above the tolerance is enough, and no number is no agreement."""
    with pytest.raises(GradientError, match=r"1e-09 apart on average; they do by W2 (2.0e-09|nan)\. Where"):
        demand_agreement([Difference("W1", (2, 3), 1e-9, 1e-3, 6), Difference("W2", (3, 1), mean, mean, 3)])


def test_images_that_are_fetched_already_are_used(tmp_path):
    """The folder of the artifacts comes before the sources."""
    (tmp_path / "raw").mkdir()
    images, labels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3), np.array([7, 3], np.uint8)
    for name, array in zip(FILES["train"], (images, labels), strict=True):
        write_idx(tmp_path / "raw" / name, array)
    rows, y = training_images(tmp_path, Fetch(source="nobody"))
    assert np.array_equal(rows, images.reshape(2, 6))
    assert y.tolist() == [7, 3]


def call(*words):
    """Run the command on the small digits, and return its exit code, output and error stream."""
    result = CliRunner().invoke(app, ["gradcheck", "--set", "fetch.dataset=digits", *words])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_the_command_prints_a_line_for_each_parameter():
    """Name, shape, mean and largest difference; nothing is written."""
    code, out, error = call("--set", "train.hidden_layer_sizes=[16]", "--set", "train.random_state=0", "--images", "2")
    assert code == 0, error
    lines = [
        re.fullmatch(r"(\w+) +([\dx]+)  mean \d\.\de-1\d  largest \d\.\de-\d\d  (.*)", line)
        for line in out.splitlines()[:-1]
    ]
    assert [(line[1], line[2], line[3]) for line in lines] == [
        ("W1", "64x16", "512 of 1024"),
        ("b1", "16", "all 16"),
        ("W2", "16x10", "all 160"),
        ("b2", "10", "all 10"),
    ]
    assert out.splitlines()[-1] == "checked 698 of 1210 parameters: a sample of each array (--all checks all)"


def test_all_checks_every_parameter():
    """With the option nothing is left out, and the output says so."""
    words = ("--set", "train.hidden_layer_sizes=[16]", "--set", "train.random_state=0", "--images", "2")
    code, out, error = call(*words, "--all")
    assert code == 0, error
    assert [line.split("  ")[-1] for line in out.splitlines()[:-1]] == ["all 1024", "all 16", "all 160", "all 10"]
    assert out.splitlines()[-1] == "checked all 1210 parameters"


@pytest.mark.usefixtures("two_threads")
def test_a_large_network_takes_a_sample_on_one_thread():
    """The default network's arrays are sampled, all of the small ones are checked, and BLAS does not share the work."""
    threads = set()

    class Listener(Watcher):
        def advance(self, step=1, **figures):
            super().advance(step, **figures)
            threads.update(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")

    watcher = Listener()
    images = np.random.default_rng(0).random((3, 784)) * (np.arange(784) > 300)
    model = MLPClassifier((512, 512), dropout=0.2, random_state=0, engine="numpy")
    differences = check(model, images, [0, 1, 2], range(10), watcher, n_of_each=20)
    demand_agreement(differences)
    assert [one.n_checked for one in differences] == [20, 20, 20, 20, 20, 10]
    assert (watcher.begun, watcher.done) == (("gradcheck", 110, "parameters"), 110)
    assert threads == {1}
    assert check(model, images, [0, 1, 2], range(10), n_of_each=20) == differences


@pytest.fixture
def two_threads():
    """Let BLAS use two threads, as where nothing bounds it."""
    with threadpool_limits(2, user_api="blas"):
        yield


def test_the_command_checks_the_engine_that_is_asked_for():
    """Left out, it is the one of ``train``; the error stream says which it is."""
    pytest.importorskip("numba", reason="compiled loops need the extra fast")
    words = ("--set", "train.hidden_layer_sizes=[4]", "--set", "train.random_state=0")
    for more, engine in (
        (("--set", "train.engine=numpy"), "numpy"),
        (("--engine", "numba", "--set", "train.engine=numpy"), "numba"),
        (("--engine", "numpy"), "numpy"),
    ):
        code, _, error = call(*words, *more)
        assert code == 0, error
        assert f"backpropagation is that of engine {engine}" in error.splitlines()


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "absolute_error", "huber", "quantile"])
def test_the_command_checks_losses_of_numbers(loss):
    """The layers of ``train`` with one output, for the label as a number."""
    words = ("--set", "train.hidden_layer_sizes=[4]", "--set", "train.random_state=0", "--loss", loss)
    code, out, error = call(*words, "--set", "train.activation=tanh")
    assert code == 0, error
    assert [line.split()[:2] for line in out.splitlines()[:-1]] == [
        ["W1", "64x4"],
        ["b1", "4"],
        ["W2", "4x1"],
        ["b2", "1"],
    ]


def test_the_command_prints_json_for_machines():
    """The same figures as one document."""
    code, out, error = call("--set", "train.hidden_layer_sizes=[4]", "--set", "train.random_state=0", "--json")
    assert code == 0, error
    document = json.loads(out)
    assert [(one["name"], one["shape"]) for one in document] == [
        ("W1", [64, 4]),
        ("b1", [4]),
        ("W2", [4, 10]),
        ("b2", [10]),
    ]
    assert all(0 <= one["mean"] <= one["largest"] < 1e-7 for one in document)


def test_the_command_fails_where_backpropagation_is_wrong(monkeypatch):
    """The lines are printed all the same, and the exit code is 1."""

    def half(_, dY, Y, out):
        return np.multiply(dY, 0.5 * (Y > 0), out=out)

    monkeypatch.setattr(ReLU, "gradient", half)
    words = ("--set", "train.hidden_layer_sizes=[3]", "--set", "train.random_state=0")
    code, out, error = call(*words, "--engine", "numpy")
    assert (code, len(out.splitlines())) == (1, 5)
    last = error.splitlines()[-1]
    assert last.startswith("error: the two gradients may lie 1e-09 apart on average; they do by W1")
    assert "b1" in last
    assert "W2" not in last


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--images", "0"), "--images"),
        (("--set", "train.activation=cube"), "activation must be"),
        (("--params", "mine.yaml"), "mine.yaml is not there"),
    ],
)
def test_wrong_usage_is_told_in_one_line(words, message):
    """Exit code 2, and nothing is computed."""
    code, out, error = call(*words)
    assert (code, out) == (2, "")
    assert message in error
