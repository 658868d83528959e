import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import MLPClassifier, MLPRegressor, load_model, save_model
from pipeline.interchange.arrays import from_arrays, from_keras, from_torch


def random(*shape, seed=0, dtype="float64"):
    """Return normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def two_layers(dtype="float64"):
    """Return weights and biases of two layers, of 4, 5 and 3 units."""
    return [(random(4, 5, dtype=dtype), random(5, dtype=dtype)), (random(5, 3, dtype=dtype), random(3, dtype=dtype))]


def statistics(n_units, seed=1):
    """Return gamma, beta, mean and variance of batch normalization."""
    return [*random(3, n_units, seed=seed), np.exp(random(n_units, seed=seed + 1))]


def normalized(A, norm, epsilon):
    """Return batch normalization of A in prediction, as its paper has it."""
    gamma, beta, mean, variance = norm
    return gamma * (A - mean) / np.sqrt(variance + epsilon) + beta


def softmax(Z):
    """Return softmax of each row."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


X = random(20, 4, seed=9)


def test_arrays_predict_as_their_formula():
    """Softmax of tanh of X W + b is what is predicted, by the labels given."""
    (W1, b1), (W2, b2) = two_layers()
    model = from_arrays(two_layers(), ["tanh", "softmax"], ["x", "y", "z"])
    expected = softmax(np.tanh(X @ W1 + b1) @ W2 + b2)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert model.predict(X).tolist() == np.array(["x", "y", "z"])[expected.argmax(axis=1)].tolist()


@pytest.mark.parametrize(("dtypes", "expected"), [("ff", "f"), ("ef", "f"), ("fd", "d"), ("dd", "d"), ("gd", "d")])
def test_the_precision_is_that_of_the_weights(dtypes, expected):
    """float32 stays, half precision becomes it, and float64 anywhere makes all of it so."""
    layers = [(W.astype(dtype), b.astype(dtype)) for (W, b), dtype in zip(two_layers(), dtypes, strict=True)]
    assert from_arrays(layers, "relu", range(3)).network_.dtype == np.dtype(expected)


def test_the_model_file_takes_what_was_brought(tmp_path):
    """It is written and read like one that was trained here, and predicts the same."""
    model = from_arrays(two_layers("float32"), "elu", ["x", "y", "z"], pixel_scale=1 / 255)
    save_model(tmp_path / "model.npz", model)
    pixels = np.random.default_rng(0).integers(0, 256, (10, 4), dtype=np.uint8)
    read = load_model(tmp_path / "model.npz")
    assert (read.predict_proba(pixels) == model.predict_proba(pixels)).all()


def test_pixels_are_scaled():
    """With ``pixel_scale`` whole numbers are what the network was trained on, divided."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, 4), dtype=np.uint8)
    plain = from_arrays(two_layers("float32"), "relu", range(3))
    scaled = from_arrays(two_layers("float32"), "relu", range(3), pixel_scale=1 / 255)
    expected = plain.predict_proba(pixels.astype(np.float32) / 255)
    np.testing.assert_allclose(scaled.predict_proba(pixels), expected, rtol=1e-5)


@pytest.mark.parametrize("train", [MLPClassifier.partial_fit, MLPClassifier.fit])
def test_what_was_brought_is_trained_on(train):
    """Training begins with the weights that were brought, and the loss falls from there."""
    y = from_arrays(two_layers(), "relu", range(3)).predict(X)
    model = from_arrays(two_layers(), "relu", range(3)).set_params(warm_start=True, max_iter=1, batch_size=20, tol=0)
    before = model.network_.evaluate(X, np.eye(3)[y])
    if train is MLPClassifier.fit:
        with pytest.warns(match="Maximum iterations"):
            train(model, X, y)
    else:
        train(model, X, y)
    assert model.loss_curve_ == [pytest.approx(before, rel=1e-3)]
    assert model.network_.evaluate(X, np.eye(3)[y]) < before


# ---------------------------------------------------------------- outputs


@pytest.mark.parametrize("output", ["softmax", "logits", "linear", None])
def test_two_classes_by_softmax_are_one_column(output):
    """The probabilities are those of softmax, and it can be trained on."""
    layers = [(random(4, 2), random(2))]
    model = from_arrays(layers, [], ["no", "yes"], output=output)
    np.testing.assert_allclose(model.predict_proba(X), softmax(X @ layers[0][0] + layers[0][1]), rtol=1e-12)
    assert model.out_activation_ == "logistic"
    model.partial_fit(X, model.predict(X))


@pytest.mark.parametrize("output", ["sigmoid", "logits", "logistic"])
def test_one_column_is_the_second_class(output):
    """Its sigmoid is the probability of the second label."""
    layers = [(random(4, 1), random(1))]
    P = from_arrays(layers, [], ["no", "yes"], output=output).predict_proba(X)
    np.testing.assert_allclose(P[:, 1], 1 / (1 + np.exp(-(X @ layers[0][0] + layers[0][1])[:, 0])), rtol=1e-12)


def test_several_columns_of_sigmoid_are_several_labels():
    """Each has a probability of its own, and is predicted where that is above a half."""
    layers = [(random(4, 3), random(3))]
    model = from_arrays(layers, [], output="sigmoid")
    P = 1 / (1 + np.exp(-(X @ layers[0][0] + layers[0][1])))
    np.testing.assert_allclose(model.predict_proba(X), P, rtol=1e-12)
    assert (model.predict(X) == (P > 0.5)).all()
    model.partial_fit(X, (P > 0.5).astype(int))


@pytest.mark.parametrize(
    ("n_columns", "classes", "output"),
    [
        (1, ["yes", "no"], "sigmoid"),
        (2, ["yes", "no"], "softmax"),
        (3, ["2", "10", "1"], "softmax"),
        (3, ["sky", "car", "cat"], "sigmoid"),
    ],
)
def test_names_in_any_order_are_trained_on(n_columns, classes, output):
    """The columns have the names given, before training goes on and after it."""
    model = from_arrays([(random(4, n_columns), None)], [], classes, output=output)
    y = model.predict(X)
    before = model.predict_proba(X)
    model.set_params(learning_rate_init=1e-9).partial_fit(X, y)
    assert model.classes_.tolist() == classes
    np.testing.assert_allclose(model.predict_proba(X), before, atol=1e-6)
    assert model.score(X, y) == 1
    with pytest.warns(match="Maximum iterations"):
        model.set_params(warm_start=True, max_iter=1).fit(X, y, X_val=X, y_val=y)
    assert model.history_["score"][-1] == model.history_["validation_score"][-1] == 1


def test_labels_are_numbers_where_none_are_given():
    """They are the numbers of the columns."""
    assert from_arrays(two_layers(), ["relu", "softmax"]).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("output", ["linear", "exp"])
def test_numbers_are_a_regressor(output, n_targets, tmp_path):
    """What comes out is predicted, or its exponential, and the result is written and trained on."""
    layers = [(random(4, 5), random(5)), (random(5, n_targets), random(n_targets))]
    model = from_arrays(layers, ["tanh", output])
    Z = np.tanh(X @ layers[0][0] + layers[0][1]) @ layers[1][0] + layers[1][1]
    expected = (np.exp(Z) if output == "exp" else Z).squeeze()
    assert isinstance(model, MLPRegressor)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)
    save_model(tmp_path / "model.npz", model)
    assert (load_model(tmp_path / "model.npz").predict(X) == model.predict(X)).all()
    model.partial_fit(X, expected)


# ---------------------------------------------------------------- batch normalization


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("bias", [True, False])
def test_batch_normalization_is_folded(place, bias):
    """On the input, beside a hidden layer's activation and before the output's, it is what its formula says."""
    (W1, b1), (W2, b2) = two_layers()
    b1 = b1 if bias else None
    norms = statistics(4, 1), statistics(5, 2), statistics(3, 3)
    layers = [(*norms[0], 1e-3), (W1, b1), (*norms[1], 1e-5), (W2, b2), (*norms[2], 0.1)]
    model = from_arrays(layers, "tanh", range(3), batch_norm=place)
    Z = normalized(X, norms[0], 1e-3) @ W1 + (b1 if bias else 0)
    A = np.tanh(normalized(Z, norms[1], 1e-5)) if place == "before" else normalized(np.tanh(Z), norms[1], 1e-5)
    np.testing.assert_allclose(model.predict_proba(X), softmax(normalized(A @ W2 + b2, norms[2], 0.1)), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 0.0])
def test_batch_normalization_of_every_hidden_layer_stays(dtype, epsilon, tmp_path):
    """Where it comes before their activations, the network has it as its own, of another epsilon too, and trains it."""
    sizes = pairwise([4, 6, 5, 3])
    layers = [(random(*size, seed=size[0]).astype(dtype), random(size[1]).astype(dtype)) for size in sizes]
    norms = [[one.astype(dtype) for one in statistics(n_units)] for n_units in (6, 5)]
    parts = [layers[0], (*norms[0], epsilon), layers[1], (*norms[1], epsilon), layers[2]]
    model = from_arrays(parts, "relu", range(3), batch_norm="before")
    A = X.astype(dtype)
    for (W, b), norm in zip(layers[:2], norms, strict=True):
        A = np.maximum(normalized(A @ W + b, norm, epsilon), 0)
    expected = softmax(A @ layers[2][0] + layers[2][1])
    assert model.batch_norm
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-4 if dtype == "float32" else 1e-10)
    save_model(tmp_path / "model.npz", model)
    assert (load_model(tmp_path / "model.npz").predict_proba(X) == model.predict_proba(X)).all()
    model.partial_fit(X, model.predict(X))


def test_batch_normalization_of_hardly_any_variance_is_folded():
    """Our epsilon would be larger than all of it, and its variance negative."""
    W, b, W2 = random(4, 5), random(5), random(5, 3)
    gamma, beta, mean, _ = statistics(5)
    parts = [(W, b), (gamma, beta, mean, np.full(5, 1e-7), 0.0), (W2, None)]
    model = from_arrays(parts, "tanh", range(3), batch_norm="before")
    assert not model.batch_norm
    A = np.tanh(normalized(X @ W + b, (gamma, beta, mean, 1e-7), 0))
    np.testing.assert_allclose(model.predict_proba(X), softmax(A @ W2), rtol=1e-9)


def test_batch_normalization_without_gamma_and_beta():
    """They are 1 and 0 where they are None."""
    _, _, mean, variance = statistics(4)
    W, b = random(4, 3), random(3)
    model = from_arrays([(None, None, mean, variance, 1e-3), (W, b)], [], range(3))
    np.testing.assert_allclose(
        model.predict_proba(X), softmax((X - mean) / np.sqrt(variance + 1e-3) @ W + b), rtol=1e-9
    )


# ---------------------------------------------------------------- Keras and PyTorch


@pytest.mark.parametrize("bias", [True, False])
def test_keras_lists_are_read(bias):
    """After a kernel come a bias, or none, and the four vectors of batch normalization."""
    (W1, b1), (W2, b2) = two_layers()
    norms = statistics(4, 1), statistics(5, 2)
    weights = [*norms[0], W1, *([b1] if bias else []), *norms[1], W2, b2]
    layers = [(*norms[0], 1e-3), (W1, b1 if bias else None), (*norms[1], 1e-3), (W2, b2)]
    read = from_keras(weights, ["relu", "softmax"], batch_norm="after")
    expected = from_arrays(layers, ["relu", "softmax"], batch_norm="after")
    assert (read.predict_proba(X) == expected.predict_proba(X)).all()


def test_torch_states_are_read():
    """Weights are transposed, batch normalization is told by its running mean, and epsilon is PyTorch's."""
    (W1, b1), (W2, b2) = two_layers()
    norm = statistics(5)
    named = zip(("weight", "bias", "running_mean", "running_var"), norm, strict=True)
    state = {
        "net.0.weight": W1.T,
        "net.0.bias": b1,
        **{f"net.1.{name}": one for name, one in named},
        "net.1.num_batches_tracked": np.int64(7),
        "net.3.weight": W2.T,
        "net.3.bias": b2,
    }
    read = from_torch(state, "Tanh", range(3), batch_norm="before")
    Z = normalized(X @ W1 + b1, norm, 1e-5)
    np.testing.assert_allclose(read.predict_proba(X), softmax(np.tanh(Z) @ W2 + b2), rtol=1e-9)


@pytest.mark.parametrize("settings", [{}, {"batch_norm": True}, {"bias": False}, {"hidden_layer_sizes": (5,) * 12}])
def test_our_own_tensors_are_read_as_those_of_torch(settings, tmp_path):
    """A model file of safetensors has PyTorch's names, from which the same model can be made."""
    safetensors = pytest.importorskip("safetensors.numpy", reason="the extra safetensors is not installed")
    ours = MLPClassifier(**({"hidden_layer_sizes": (6, 5)} | settings), engine="numpy", random_state=0)
    ours.partial_fit(X, np.arange(20) % 3, classes=range(3))
    save_model(tmp_path / "model.safetensors", ours)
    state = safetensors.load_file(tmp_path / "model.safetensors")
    read = from_torch(state, "relu", range(3), batch_norm="before")
    np.testing.assert_allclose(read.predict_proba(X), ours.predict_proba(X), rtol=1e-12)


class Tensor:
    """Stands in for a tensor that must be detached and brought to the processor's memory first."""

    def __init__(self, values, stage=0, dtype="torch.float32"):
        self.values, self.stage, self.dtype = values, stage, dtype

    def detach(self):
        return Tensor(self.values, 1, self.dtype)

    def cpu(self):
        assert self.stage == 1
        return Tensor(self.values, 2, self.dtype)

    def float(self):
        return Tensor(self.values, self.stage)

    def numpy(self):
        assert self.stage == 2
        assert self.dtype == "torch.float32"
        return self.values


@pytest.mark.parametrize("begin", ["{}", "layers.{}", "fc{}", "block{}.linear"])
def test_torch_states_from_a_file_are_in_the_order_of_their_numbers(begin):
    """A file of safetensors has names by the alphabet: 10 before 2; names without a number stay where they are."""
    state = {f"{begin.format(place)}.weight": np.full((2, 2), place, np.float32) for place in range(0, 12, 2)}
    whole = {"first.weight": np.full((2, 2), 99.0), **dict(sorted(state.items())), "out.weight": np.ones((3, 2))}
    model = from_torch(whole, "relu", range(3))
    assert [int(W[0, 0]) for W in model.coefs_] == [99, 0, 2, 4, 6, 8, 10, 1]


@pytest.mark.parametrize("dtype", ["torch.float32", "torch.bfloat16"])
def test_tensors_become_arrays(dtype):
    """They are detached, brought over, and made a type that NumPy has."""
    W, b = random(4, 3, dtype="float32"), random(3, dtype="float32")
    state = {"weight": Tensor(W.T, dtype=dtype), "bias": Tensor(b, dtype=dtype)}
    assert (from_torch(state, [], range(3)).coefs_[0] == W).all()


def test_parity_with_torch(torch_case):
    """The predictions of a real module are those of what was made of its state."""
    module, inputs, expected = torch_case
    model = from_torch(module.state_dict(), ["ReLU", "LeakyReLU", "tanh"], range(3), batch_norm="before")
    np.testing.assert_allclose(model.predict_proba(inputs), expected, rtol=1e-4, atol=1e-6)


@pytest.fixture
def torch_case():
    """Return a module, inputs and its probabilities; where PyTorch is not installed, there is nothing to compare."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    nn = torch.nn
    module = nn.Sequential(
        *(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5)),
        *(nn.LeakyReLU(), nn.Dropout(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)),
    )
    inputs = torch.randn(50, 4)
    module(inputs)
    return module, inputs.numpy(), module.eval()(inputs).softmax(1).detach().numpy()


@pytest.mark.parametrize("activations", ["gelu", ["GELU"], ["gelu", "softmax"]])
@pytest.mark.parametrize("read", [from_keras, from_torch])
def test_another_gelu_is_told_where_it_was_asked_for(read, activations):
    """The warning points to the line that reads the weights."""
    (W1, b1), (W2, b2) = two_layers()
    state = {"0.weight": W1.T, "0.bias": b1, "1.weight": W2.T, "1.bias": b2}
    with pytest.warns(UserWarning, match="Say gelu_tanh") as caught:
        read(state if read is from_torch else [W1, b1, W2, b2], activations, range(3))
    assert [one.filename for one in caught] == [__file__]


# ---------------------------------------------------------------- what does not fit

GOOD = {"activations": "relu", "classes": range(3)}


def changed(place, array):
    """Return the layers of a good network with another W or b in one of them."""
    layers = [list(layer) for layer in two_layers()]
    layers[place[0]][place[1]] = array
    return [tuple(layer) for layer in layers]


NAN = np.where(np.eye(4, 5), np.nan, 1.0)
MALFORMED = {
    "transposed": (
        changed((0, 0), random(5, 4)),
        {},
        "layers[0] has 4 units, and a bias of shape (5,); its weights may be transposed",
    ),
    "widths": (changed((1, 0), random(6, 3)), {}, "layers[1] takes 6 inputs, and layers[0] gives 5"),
    "second transposed": (
        [(random(4, 5), None), (random(3, 5), None)],
        {},
        "layers[1] takes 3 inputs, and layers[0] gives 5; it would fit if it were transposed",
    ),
    "bias": (changed((1, 1), random(2)), {}, "layers[1] has 3 units, and a bias of shape (2,)"),
    "NaN": (changed((0, 0), NAN), {}, "W of layers[0] must be finite numbers; 4 of 20 are not"),
    "whole numbers": (changed((0, 0), np.ones((4, 5), int)), {}, "W of layers[0] must be floats"),
    "text": (
        changed((0, 0), "weights"),
        {},
        "W of layers[0] must be floats, as weights that were trained are; got <U7",
    ),
    "ragged": (changed((0, 0), [[1.0], [1.0, 2.0]]), {}, "W of layers[0] must be an array of floats"),
    "convolution": (changed((0, 0), random(3, 3, 1, 8)), {}, "got shape (3, 3, 1, 8), as of a convolution in 2D"),
    "none": ([], {}, "there must be an affine layer at least; got none"),
    "no tuples": ([random(4, 3)], {}, "layers[0] must be (W, b), or (gamma, beta, mean, variance, epsilon)"),
    "empty": ([(np.empty((0, 3)), None)], {"activations": []}, "got shape (0, 3)"),
    "activations": (two_layers(), {"activations": ["relu"] * 3}, "one for each of the 1 hidden layers"),
    "activation": (two_layers(), {"activations": "softplus"}, "gelu_tanh, sigmoid, linear; got 'softplus'"),
    "slope": (two_layers(), {"activations": [("leaky_relu", 0.2)]}, "leaky_relu with a slope of 0.01; got 0.2"),
    "classes": (two_layers(), {"classes": ["a", "b"]}, "classes must be 3 labels that are all different"),
    "twice": (two_layers(), {"classes": ["a", "b", "a"]}, "classes must be 3 labels that are all different"),
    "unknown label": (two_layers(), {"classes": [0.0, np.nan, 1.0]}, "classes must be labels that are known"),
    "number of classes": (two_layers(), {"classes": 3}, "classes must be 3 labels that are all different; got 3"),
    "complex": (changed((0, 0), np.ones((4, 5), complex)), {}, "W of layers[0] must be floats"),
    "missing label": (two_layers(), {"classes": ["a", None, "c"]}, "that of place 1, from 0, is None"),
    "output": (two_layers(), {"output": "relu"}, "output must be one of softmax, logistic, logits"),
    "contradiction": (
        two_layers(),
        {"activations": ["relu", "softmax"], "output": "sigmoid"},
        "output must be what activations end with, 'softmax'; got 'sigmoid'",
    ),
    "no output": (
        two_layers(),
        {"classes": None},
        "output must be said where there are no classes, and activations do not end with it: softmax, logistic, logits",
    ),
    "numbers of classes": (two_layers(), {"output": "exp"}, "logits where there are classes; got 'exp'"),
    "too large": (
        [(random(4, 5, dtype="f"), None), (*statistics(5)[:3], np.zeros(5), 1e-99), (random(5, 3, dtype="f"), None)],
        {"batch_norm": "before"},
        "layers must have numbers that float32 has",
    ),
    "one column": ([(random(4, 1), None)], {"activations": [], "output": "softmax"}, "output must be 'logistic'"),
    "place": (
        [(random(4, 5), None), (*statistics(5), 1e-3), (random(5, 3), None)],
        {},
        "batch_norm must be 'before' or 'after', since weights do not tell whether layers[1] comes before",
    ),
    "variance": (
        [(*statistics(4)[:3], -np.ones(4), 1e-3), (random(4, 3), None)],
        {"activations": []},
        "layers[0] must have a variance that is positive with epsilon; got -0.999",
    ),
    "statistics": (
        [(*statistics(4)[:3], random(3), 1e-3), (random(4, 3), None)],
        {"activations": []},
        "as it has units",
    ),
    "epsilon": ([(*statistics(4), "small"), (random(4, 3), None)], {"activations": []}, "epsilon of layers[0] must be"),
    "width of statistics": (
        [(*statistics(3), 1e-3), (random(4, 3), None)],
        {"activations": []},
        "layers[1] takes 4 inputs, and layers[0] gives 3",
    ),
    "pixel_scale": (two_layers(), {"pixel_scale": -1.0}, "pixel_scale must be a number > 0"),
}


@pytest.mark.parametrize(("layers", "arguments", "message"), MALFORMED.values(), ids=MALFORMED)
def test_what_does_not_fit_is_told_in_one_line(layers, arguments, message):
    """The layer, what was given and what is allowed."""
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        from_arrays(layers, **(GOOD | arguments))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([random(4, 3), random(3), random(3)], "weights has 2 vectors after weights[0]; expected is a bias"),
        ([random(4), random(4), random(4, 3)], "weights has 2 vectors before the first kernel"),
        ([random(3, 3, 1, 8), random(8)], "weights[0] must have weights of two dimensions"),
        ([random(4, 3), random(3), np.array(7.0)], "weights[2] must have weights of two dimensions"),
    ],
)
def test_what_is_no_list_of_keras_is_told(weights, message):
    """Vectors that are of no known layer, kernels of others, and the count of a ``Normalization``."""
    with pytest.raises(ValueError, match=re.escape(message)):
        from_keras(weights, [], range(3))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"lstm.weight_ih_l0": random(8, 4)}, "state has 'lstm.weight_ih_l0', which is of no Linear"),
        ({"0.weight": random(8, 1, 3, 3), "0.bias": random(8)}, "got shape (8, 1, 3, 3), as of a convolution in 2D"),
        ({"0.weight": random(3, 4), "1.weight": random(3), "1.bias": random(3)}, "'1' has a weight of one dimension"),
        ({"0.bias": random(3)}, "'0' has a bias and no weight"),
        ({"0.running_mean": random(3)}, "'0' must have a variance, for prediction"),
        ({"0.weight": random(4, 3), "0.bias": random(3)}, "'0' has 4 units, and a bias of shape (3,)"),
    ],
)
def test_what_is_no_state_of_torch_is_told(state, message):
    """Tensors of other layers, and layers that lack some."""
    with pytest.raises(ValueError, match=re.escape(message)):
        from_torch(state, [], range(3))


class Unreadable:
    """Stands in for a tensor without numbers, as on PyTorch's device "meta"."""

    def cpu(self):
        message = "Cannot copy out of meta tensor; no data!"
        raise NotImplementedError(message)


def test_a_tensor_without_numbers_is_told():
    """What a tensor itself raises becomes the one error."""
    with pytest.raises(ValueError, match=re.escape("state['0.weight'] must be an array of floats")):
        from_torch({"0.weight": Unreadable()}, [], range(3))


@pytest.mark.parametrize("read", [from_arrays, from_keras])
def test_a_model_is_no_list(read):
    """The model itself is told from its arrays."""
    with pytest.raises(TypeError, match="must be a list, of a model's arrays and not the model itself"):
        read(SimpleNamespace(), "relu")


def test_a_list_is_no_state():
    """A module itself, or a list, is told from a mapping."""
    with pytest.raises(TypeError, match="state must be a mapping"):
        from_torch(SimpleNamespace(), "relu")
