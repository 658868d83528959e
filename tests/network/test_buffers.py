"""The arrays of a batch: which layers share one, and which must not."""

import numpy as np

from pipeline.network import Affine, Dropout, ReLU, Tanh
from pipeline.network.buffers import Buffers, backward_end


def test_an_elementwise_layer_writes_over_what_it_takes():
    """A ReLU takes the place of its affine layer's output; a layer after one that needs its output gets another."""
    layers = [Affine(4, 3), Tanh(), Dropout(0.5), Affine(3, 2)]
    arrays = Buffers(layers, np.float32).batch(5)
    assert [one.Y.shape for one in arrays] == [(5, 3), (5, 3), (5, 3), (5, 2)]
    assert all(one.Y.dtype == np.float32 for one in arrays)
    assert np.shares_memory(arrays[0].Y, arrays[1].Y)
    assert not np.shares_memory(arrays[1].Y, arrays[2].Y)


def test_the_batch_itself_is_never_written_over():
    """An elementwise layer that takes X has an array of its own."""
    arrays = Buffers(layers := [Dropout(0.5), Affine(4, 2)], np.float64)
    X = arrays.inputs(3)
    assert X.shape == (3, 4)
    assert not any(np.shares_memory(X, one.Y) for one in arrays.batch(3))
    assert len(arrays.batch(3)) == len(layers)


def test_a_gradient_takes_the_place_of_the_outputs():
    """It enters at the output's array, goes through elementwise layers in place, and has arrays below affine ones."""
    arrays = Buffers([Affine(4, 3), ReLU(), Affine(3, 2)], np.float64).batch(6)
    assert np.shares_memory(arrays[2].dY, arrays[2].Y)
    assert arrays[2].dX.shape == (6, 3)
    assert np.shares_memory(arrays[1].dY, arrays[2].dX)
    assert np.shares_memory(arrays[1].dX, arrays[0].dY)
    assert arrays[0].dX is arrays[0].dY  # there is none by the input


def test_the_gradient_by_the_input_is_there_where_it_is_asked_for():
    """Then the first layer has an array for it, as wide as the batch."""
    arrays = Buffers([Affine(4, 3), ReLU(), Affine(3, 2)], np.float64).batch(6, to_input=True)
    assert arrays[0].dX.shape == (6, 4)
    assert not np.shares_memory(arrays[0].dX, arrays[0].dY)


def test_a_smaller_batch_lies_in_the_arrays_of_a_larger():
    """They are made once, for the largest batch; a larger one makes new ones."""
    buffers = Buffers([Affine(4, 2)], np.float64)
    large, small = buffers.batch(6), buffers.batch(2)
    assert small[0].Y.shape == (2, 2)
    assert np.shares_memory(large[0].Y, small[0].Y)
    assert not np.shares_memory(large[0].Y, buffers.batch(7)[0].Y)


def test_a_gradient_goes_back_to_the_first_parameters():
    """No further than they need it, or all the way to the input."""
    layers = [Dropout(0.5), Affine(4, 3), ReLU(), Affine(3, 2)]
    assert backward_end(layers, to_input=False) == 2
    assert backward_end(layers, to_input=True) == 0
