"""Graphs as they are collected, and what of them cannot be written."""

import numpy as np
import pytest

from pipeline.interchange import graph as graphs
from pipeline.interchange.graph import ExportError, Graph, Value


@pytest.fixture
def doubling():
    """Return a graph that doubles its input, with what goes in and comes out."""
    graph = Graph()
    graph.add("Mul", "X", graph.constant("two", 2, np.float32), name="Y")
    return graph, Value("X", np.dtype(np.float32), ("n", 3), "numbers"), Value("Y", np.dtype(np.float32), ("n", 3), "")


def test_a_graph_is_what_onnx_runs(doubling):
    """Names, sentences and metadata are where onnx has them."""
    from onnx.reference import ReferenceEvaluator

    graph, X, Y = doubling
    model = graph.to_proto([X], [Y], name="doubled", version="1.2", metadata={"a": "b"})
    assert (model.graph.name, model.producer_version, model.metadata_props[0].value) == ("doubled", "1.2", "b")
    assert model.graph.input[0].doc_string == "numbers"
    [made] = ReferenceEvaluator(model).run(None, {"X": np.ones((2, 3), np.float32)})
    np.testing.assert_array_equal(made, np.full((2, 3), 2, np.float32))


def test_a_graph_that_does_not_fit_together_is_not_handed_over(doubling):
    """The checker infers shapes, and finds that they are others than those announced."""
    from onnx.checker import ValidationError  # noqa: F401 - the checker or the inference raises its own
    from onnx.shape_inference import InferenceError

    graph, X, Y = doubling
    with pytest.raises(InferenceError, match="differ"):
        graph.to_proto([X], [Y._replace(shape=("n", 4))], name="g", version="1", metadata={})


def test_weights_beyond_what_a_file_holds_are_refused(doubling, monkeypatch):
    """A message of protobuf has less than two gibibytes; the error tells both sizes."""
    graph, X, Y = doubling
    monkeypatch.setattr(graphs, "MAX_BYTES", 3)
    with pytest.raises(ExportError, match="the weights take 4 bytes; a file of ONNX holds at most 3"):
        graph.to_proto([X], [Y], name="g", version="1", metadata={})
