"""What a network has learned by the names that others have for it."""

import numpy as np
import pytest

from pipeline.network import Affine, BatchNorm, Dropout, GaussianNoise, Network, ReLU
from pipeline.network.layers import Layer
from pipeline.network.tensors import from_tensors, tensor_specs, to_tensors


def network(dtype=np.float32):
    """Return a network of all that learns, with random numbers in the place of what it has learned."""
    layers = [GaussianNoise(0.1), Affine(4, 3, bias=False), BatchNorm(3), ReLU(), Dropout(0.5), Affine(3, 2)]
    made = Network(layers, dtype=dtype, random_state=0)
    made.restore(np.random.default_rng(1).random(made.snapshot().shape).astype(dtype))
    return made


def test_names_and_shapes_are_those_of_a_sequential_in_pytorch():
    """Numbers count the layers of a prediction, from 0; weights are (n_out, n_in)."""
    assert {name: array.shape for name, array in to_tensors(network().layers, network().snapshot()).items()} == {
        "0.weight": (3, 4),
        "1.weight": (3,),
        "1.bias": (3,),
        "1.running_mean": (3,),
        "1.running_var": (3,),
        "3.weight": (2, 3),
        "3.bias": (2,),
    }


def test_tensors_mean_what_their_names_say():
    """PyTorch's rules for these names, written out, come to what the network comes to."""
    one = network(np.float64)
    t, X = to_tensors(one.layers, one.snapshot()), np.random.default_rng(2).random((5, 4))
    normed = (X @ t["0.weight"].T - t["1.running_mean"]) / np.sqrt(t["1.running_var"] + 1e-5)
    A = np.maximum(normed * t["1.weight"] + t["1.bias"], 0)
    assert np.allclose(one.forward(X), A @ t["3.weight"].T + t["3.bias"], rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_come_back(dtype):
    """Put together again they are the same numbers in the same precision, wherever they lie in memory."""
    one = network(dtype)
    tensors = {name: np.ascontiguousarray(array) for name, array in to_tensors(one.layers, one.snapshot()).items()}
    snapshot = from_tensors(one.layers, tensors)
    assert snapshot.dtype == dtype
    assert np.array_equal(snapshot, one.snapshot())


def test_a_layer_of_ones_own_has_its_own_names():
    """What PyTorch has no layer for is called as it is here."""

    class Scale(Layer):
        def parameter_shapes(self):
            return {"scale": (4,)}

    assert tensor_specs([Scale()]) == [("0.scale", (4,), False)]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.pop("3.bias"), KeyError, r"3\.bias"),
        (
            lambda t: t.update({"3.bias": np.zeros(3, "f4")}),
            ValueError,
            r"3.bias must have the shape \(2,\); got \(3,\)",
        ),
        (lambda t: t.update({"0.weight": t["0.weight"].T}), ValueError, r"shape \(3, 4\); got \(4, 3\)"),
        (
            lambda t: t.update({"3.bias": np.zeros(2)}),
            ValueError,
            "must all be float32, or float64; got float32, float64",
        ),
        (lambda t: t.update({name: array.astype("f2") for name, array in t.items()}), ValueError, "got float16"),
    ],
)
def test_tensors_of_another_network_are_refused(change, error, message):
    """One is missing, has another shape, or all are not of one precision."""
    tensors = to_tensors(network().layers, network().snapshot())
    change(tensors)
    with pytest.raises(error, match=message):
        from_tensors(network().layers, tensors)
